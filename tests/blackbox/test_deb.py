"""The Debian package: its engine for every processor, what is in it, and that it serves when it is unpacked."""

import os
import pathlib
import re
import shutil
import socket
import struct
import subprocess

import pytest

import weir_server
from talk import http_client

LEVELS = ["portable", "avx512", "amx"]
NEEDS = {"portable": {"avx2", "fma", "f16c", "bmi2"},
         "avx512": {"avx512f", "avx512cd", "avx512bw", "avx512dq", "avx512vl", "avx512_vnni"},
         "amx": {"avx512vbmi", "avx512_bf16", "amx_tile", "amx_int8", "amx_bf16"}}
long = pytest.mark.skipif(os.environ.get("WEIR_LONG") != "1", reason="builds three engines: make test-long")

EMULATOR = shutil.which("qemu-x86_64-static") or shutil.which("qemu-x86_64")
emulated = pytest.mark.skipif(not EMULATOR, reason="no emulator; apt install qemu-user")


def levels_of_this_processor():
    """What it can run, the least first."""
    if os.uname().machine != "x86_64":
        return ["portable"]
    flags = set(re.search(r"^flags\s*: (.*)$", pathlib.Path("/proc/cpuinfo").read_text(), flags=re.M)[1].split())
    able = []
    for level in LEVELS:
        if not NEEDS[level] <= flags:
            break
        able.append(level)
    return able


@pytest.fixture
def place(tmp_path):
    """bin/weir-engine of a package, and lib/weir for programs that say which they are."""
    chooser = weir_server.BUILD / "bin" / "weir-engine-chooser"
    if not chooser.exists():
        pytest.skip(f"{chooser} is not built")
    (tmp_path / "bin").mkdir()
    (tmp_path / "lib" / "weir").mkdir(parents=True)
    shutil.copy(chooser, tmp_path / "bin" / "weir-engine")
    return tmp_path


def engine(place, *levels):
    for level in levels:
        program = place / "lib" / "weir" / f"weir-engine-{level}"
        program.write_text(f'#!/bin/sh\necho {level} "$@"\n')
        program.chmod(0o755)
    return subprocess.run([place / "bin" / "weir-engine", "measure", "1"], capture_output=True, text=True)


def test_the_engine_is_the_best_that_the_processor_can_run(place):
    able = levels_of_this_processor()
    if not able:
        assert "AVX2" in engine(place, *LEVELS).stderr
        return
    assert engine(place, "portable").stdout == "portable measure 1\n"
    assert engine(place, *LEVELS).stdout == f"{able[-1]} measure 1\n"
    (place / "lib" / "weir" / f"weir-engine-{able[-1]}").unlink()
    if len(able) > 1:
        assert engine(place).stdout == f"{able[-2]} measure 1\n"


@emulated
@pytest.mark.parametrize("processor, chosen", [("Haswell", "portable"), ("EPYC", "portable"), ("Nehalem", None)])
def test_another_processor_gets_another_engine(place, processor, chosen):
    engine(place, *LEVELS)
    done = subprocess.run([EMULATOR, "-cpu", processor, place / "bin" / "weir-engine"], capture_output=True, text=True)
    assert done.stdout.strip() == (chosen or "") and ("AVX2" in done.stderr) == (chosen is None), done


def test_an_engine_that_is_not_there_is_said(place):
    done = engine(place)
    assert done.returncode == 1 and done.stdout == "" and done.stderr.count("\n") == 1
    assert "; " in done.stderr


@pytest.fixture(scope="module")
def package():
    done = subprocess.run(["make", "--no-print-directory", "deb"], capture_output=True, text=True, cwd=weir_server.ROOT)
    assert done.returncode == 0, done.stderr[-2000:]
    return weir_server.ROOT / done.stdout.splitlines()[-1]


@long
def test_the_package_serves_when_it_is_unpacked(package, tmp_path, stories, monkeypatch):
    subprocess.run(["dpkg-deb", "--extract", package, tmp_path / "root"], check=True)
    monkeypatch.setattr(weir_server, "WEIR", tmp_path / "root" / "usr" / "bin" / "weir")
    with weir_server.Weir(tmp_path / "data", "-m", stories) as server, http_client(server) as http:
        answer = http.post("/v1/completions", json={"model": "auto", "prompt": "Once upon a time", "max_tokens": 8})
        assert answer.status_code == 200 and answer.json()["choices"][0]["text"]
        programs = {pathlib.Path(os.readlink(f"/proc/{process.pid}/exe")).name for process in server.processes()}
    assert f"weir-engine-{levels_of_this_processor()[-1]}" in programs


@long
def test_the_package_says_what_it_needs_and_holds_what_it_should(package):
    def field(name):
        return subprocess.run(["dpkg-deb", "--field", package, name], capture_output=True, text=True, check=True).stdout

    assert field("Package") == "weir\n" and "libc6" in field("Depends") and "libcurl4" in field("Depends")
    listed = subprocess.run(["dpkg-deb", "--contents", package], capture_output=True, text=True, check=True).stdout
    files = {line.split()[5].removeprefix("./"): line.split()[:2] for line in listed.splitlines()}
    for name in ("usr/bin/weir", "usr/bin/weir-engine", "usr/lib/weir/weir-engine-portable", "usr/share/man/man1/weir.1.gz",
                 "usr/share/man/man1/weir-run.1.gz", "usr/lib/systemd/system/weir.service", "usr/share/doc/weir/copyright",
                 "usr/share/zsh/vendor-completions/_weir"):
        assert name in files, name
    assert {owner for _, owner in files.values()} == {"root/root"}
    assert not [name for name, (mode, _) in files.items() if mode[5] == "w" or mode[8] == "w"]


@long
def test_the_portable_engine_has_no_avx512(package, tmp_path):
    if os.uname().machine != "x86_64":
        pytest.skip("another processor")
    subprocess.run(["dpkg-deb", "--extract", package, tmp_path / "root"], check=True)

    def uses_wide_registers(program):
        text = subprocess.run(["objdump", "-d", "--no-show-raw-insn", program], capture_output=True, text=True, check=True)
        return "%zmm" in text.stdout

    folder = tmp_path / "root" / "usr" / "lib" / "weir"
    assert uses_wide_registers(folder / "weir-engine-avx512"), "so that the next line can fail"
    assert not uses_wide_registers(folder / "weir-engine-portable")


def perplexity_by(command, model):
    """What an engine process says of a text (src/wire/quality.h); None when it dies."""
    text = b"Once upon a time there was a little girl named Lily. " * 20
    ours, theirs = socket.socketpair()
    file = os.open(model, os.O_RDONLY)

    def pass_on():  # to the numbers that an engine expects, past those in use
        os.dup2(theirs.fileno(), 103)
        os.dup2(file, 104)
        os.dup2(103, 3)
        os.dup2(104, 4)

    with ours:
        running = subprocess.Popen([*command, "measure", "1"], preexec_fn=pass_on, close_fds=False,
                                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        theirs.close()
        os.close(file)
        body = struct.pack("<iii?I", 64, 2, 1, False, len(text)) + text
        ours.sendall(struct.pack("<IHHQ", len(body), 1, 0, 0) + body)
        said = b"".join(iter(lambda: ours.recv(65536), b""))
    if running.wait() != 0:
        return None
    while said:
        length, kind = struct.unpack("<IH", said[:6])
        if kind == 128:
            return struct.unpack("<d", said[16 + 20:16 + 28])[0]
        said = said[16 + length:]
    return None


@long
@emulated
def test_it_computes_without_avx512(package, tmp_path, stories):
    subprocess.run(["dpkg-deb", "--extract", package, tmp_path / "root"], check=True)
    folder = tmp_path / "root" / "usr" / "lib" / "weir"
    old = [EMULATOR, "-cpu", "Haswell"]
    here = perplexity_by([folder / "weir-engine-portable"], stories)
    assert here is not None and abs(perplexity_by([*old, folder / "weir-engine-portable"], stories) / here - 1) < 1e-3
    assert perplexity_by([*old, folder / "weir-engine-avx512"], stories) is None, "so that the line above can fail"


@long
def test_the_same_programs_give_the_same_package(package, tmp_path):
    before = package.read_bytes()
    subprocess.run([weir_server.ROOT / "tools" / "deb.sh"], check=True, capture_output=True, cwd=weir_server.ROOT)
    assert package.read_bytes() == before
