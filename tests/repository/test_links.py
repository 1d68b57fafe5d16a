"""What the programs are linked with."""

import os
import pathlib
import subprocess

import pytest

BUILD = pathlib.Path(os.environ.get("WEIR_BUILD", "build"))


def defined_symbols(program):
    path = BUILD / "bin" / program
    if not path.exists():
        pytest.skip(f"bin/{program} is not built")
    listing = subprocess.run(["nm", "--defined-only", "--format=just-symbols", path], capture_output=True, text=True,
                             check=True)
    return listing.stdout.split()


def llama_symbols(program):
    return [s for s in defined_symbols(program) if s.startswith(("llama_", "ggml_", "mtmd_"))]


@pytest.mark.parametrize("program", ["weir", "weir-serve", "weir-egress", "weir-fetch", "weir-reader"])
def test_weir_holds_nothing_of_libllama(program):
    assert llama_symbols(program) == []


def test_the_engine_holds_libllama_so_the_test_above_can_fail():
    assert "llama_decode" in llama_symbols("weir-engine")


@pytest.mark.parametrize("program", ["weir", "weir-serve", "weir-egress", "weir-fetch", "weir-reader", "weir-engine"])
def test_no_shared_library_of_llama_or_sqlite_is_needed(program):
    defined_symbols(program)
    needed = subprocess.run(["readelf", "-d", BUILD / "bin" / program], capture_output=True, text=True, check=True)
    assert "libllama" not in needed.stdout and "libggml" not in needed.stdout and "libsqlite" not in needed.stdout


def test_the_engine_needs_no_network_library():
    defined_symbols("weir-engine")
    needed = subprocess.run(["readelf", "-d", BUILD / "bin" / "weir-engine"], capture_output=True, text=True,
                            check=True)
    assert "libcurl" not in needed.stdout and "libssl" not in needed.stdout
