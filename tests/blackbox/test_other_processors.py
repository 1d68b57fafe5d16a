"""The vector database on processors without AVX-512 and without AVX2, and its kernels on aarch64, all emulated."""

import json
import os
import pathlib
import shutil
import subprocess

import pytest

import weir_server

EMULATOR = shutil.which("qemu-x86_64-static") or shutil.which("qemu-x86_64")
ARM_EMULATOR = shutil.which("qemu-aarch64-static") or shutil.which("qemu-aarch64")
ARM_LIBRARIES = pathlib.Path("/usr/aarch64-linux-gnu/lib/libstdc++.so.6")
COMPILER = shutil.which("clang++-19")
GTEST = pathlib.Path("/usr/src/googletest/googletest")
PROGRAM = weir_server.BUILD / "bin" / "vectors_test"
# What depends on instructions: kernels, and searches that stand on them.
TESTS = "Codes.*:BitCodes.*:Distance.*:Components.*:Sparse.*:Graph.*:WordIndex.*"

pytestmark = [
    pytest.mark.skipif(os.environ.get("WEIR_LONG") != "1", reason="emulation is slow: make test-long"),
    pytest.mark.skipif(os.uname().machine != "x86_64", reason="another processor"),
]


def kernels_of(report):
    """Of each test that says which it ran."""
    suites = json.loads(report.read_text())["testsuites"]
    return {(test["classname"], test["name"]): test["kernels"]
            for suite in suites for test in suite["testsuite"] if "kernels" in test}


@pytest.mark.skipif(not EMULATOR, reason="no emulator; tools/setup.sh --processors")
@pytest.mark.skipif(not PROGRAM.exists(), reason="bin/vectors_test is not built")
@pytest.mark.parametrize("processor, kernels", [("Haswell", "avx2 portable"), ("Nehalem", "portable")])
def test_vectors_are_found_by_what_the_processor_has(tmp_path, processor, kernels):
    report = tmp_path / "report.json"
    done = subprocess.run([EMULATOR, "-cpu", processor, PROGRAM, f"--gtest_filter={TESTS}", "--gtest_brief=1",
                           f"--gtest_output=json:{report}"], capture_output=True, text=True, timeout=1800)
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-1000:]
    used = kernels_of(report)
    assert len(used) == 3 and set(used.values()) == {kernels}


@pytest.mark.skipif(not ARM_EMULATOR or not ARM_LIBRARIES.exists(), reason="no emulator; tools/setup.sh --processors")
@pytest.mark.skipif(not COMPILER or not GTEST.exists(), reason="no clang++-19 or no source of GoogleTest")
def test_kernels_of_aarch64_are_right(tmp_path):
    target = [COMPILER, "--target=aarch64-linux-gnu", "-O2", f"-I{GTEST}/include", f"-I{GTEST}", "-DFMT_HEADER_ONLY"]
    objects = []

    def compiled(source, *flags):
        objects.append(tmp_path / f"{source.stem}.o")
        done = subprocess.run([*target, *flags, "-c", source, "-o", objects[-1]], capture_output=True, text=True, timeout=600)
        assert done.returncode == 0, done.stderr[-4000:]

    compiled(GTEST / "src" / "gtest-all.cc", "-std=c++17")
    compiled(GTEST / "src" / "gtest_main.cc", "-std=c++17")
    vectors = weir_server.ROOT / "src" / "vectors"
    # As src/vectors/CMakeLists.txt says.
    unfused = {"bit_codes", "distance"}
    for name in ("codes", "bit_codes", "distance", "codes_test", "bit_codes_test", "distance_test"):
        compiled(vectors / f"{name}.cc", "-std=c++23", f"-I{vectors.parent}", "-Wall", "-Wextra", "-Werror",
                 *(["-ffp-contract=off"] if name in unfused else []))
    program = tmp_path / "kernels_test"
    subprocess.run([*target, "-fuse-ld=lld", "-static", *objects, "-o", program], check=True, timeout=600)
    report = tmp_path / "report.json"
    done = subprocess.run([ARM_EMULATOR, program, "--gtest_brief=1", f"--gtest_output=json:{report}"],
                          capture_output=True, text=True, timeout=1800)
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-1000:]
    assert {name[0]: kernels for name, kernels in kernels_of(report).items()} == {
        "Codes": "neon portable", "BitCodes": "neon portable", "Distance": "portable"}
