"""WEIR_GPU reaches ggml: the arguments that llama.cpp is configured with, told by a cmake that only writes them down."""

import os
import pathlib
import subprocess

import pytest

import weir_server

SCRIPT = weir_server.ROOT / "tools" / "build_llama.sh"
CACHE = pathlib.Path(os.environ.get("WEIR_CACHE") or
                     pathlib.Path(os.environ.get("XDG_CACHE_HOME", pathlib.Path.home() / ".cache")) / "weir")


@pytest.fixture
def configure(tmp_path):
    """configure(gpu): what the script says, and what it would configure; nothing is unpacked or compiled."""
    tarballs = list((CACHE / "downloads").glob("llama_cpp_python-*.tar.gz"))
    if not tarballs:
        pytest.skip("llama.cpp's source is not in the cache; make build fetches it")
    tools = tmp_path / "tools"
    tools.mkdir()
    for name, does in {"cmake": f'echo "$@" >>{tmp_path}/cmake.log', "tar": "exit 0", "patch": "exit 0"}.items():
        (tools / name).write_text(f"#!/bin/sh\n{does}\n")
        (tools / name).chmod(0o755)
    (tmp_path / "cache" / "downloads").mkdir(parents=True)
    for tarball in tarballs:
        (tmp_path / "cache" / "downloads" / tarball.name).symlink_to(tarball)

    def run(gpu, *arguments):
        (tmp_path / "cmake.log").unlink(missing_ok=True)
        environment = os.environ | {"PATH": f"{tools}:{os.environ['PATH']}", "WEIR_CACHE": str(tmp_path / "cache"),
                                    "WEIR_GPU": gpu}
        done = subprocess.run([SCRIPT, *arguments], capture_output=True, text=True, env=environment, timeout=120)
        log = tmp_path / "cmake.log"
        return done, log.read_text() if log.exists() else ""

    return run


@pytest.mark.parametrize("gpu", ["cuda", "vulkan", "metal", "hip"])
def test_a_build_for_a_gpu_is_configured_so_and_kept_apart(configure, gpu):
    plain, without = configure("")
    done, asked = configure(gpu)
    assert done.returncode == plain.returncode == 0, (done.stderr, plain.stderr)
    flag = f"-DGGML_{gpu.upper()}=ON"
    assert flag in asked.split() and flag not in without.split()
    assert done.stdout != plain.stdout, "the prefix is another one, so that nothing of the other build is used"


def test_a_gpu_that_is_none_is_refused_by_name(configure):
    done, asked = configure("cude")
    assert done.returncode == 1 and asked == ""
    assert "WEIR_GPU=cude is not known; use cuda, vulkan, metal or hip" in done.stderr
