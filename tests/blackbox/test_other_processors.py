"""The vector database on processors without AVX-512 and without AVX2, which are emulated."""

import json
import os
import shutil
import subprocess

import pytest

import weir_server

EMULATOR = shutil.which("qemu-x86_64-static") or shutil.which("qemu-x86_64")
PROGRAM = weir_server.BUILD / "bin" / "vectors_test"
# What depends on instructions: kernels, and searches that stand on them.
TESTS = "Codes.*:BitCodes.*:Distance.*:Components.*:Sparse.*:Graph.*:WordIndex.*"

pytestmark = [
    pytest.mark.skipif(os.environ.get("WEIR_LONG") != "1", reason="emulation is slow: make test-long"),
    pytest.mark.skipif(not EMULATOR, reason="no emulator; apt install qemu-user"),
    pytest.mark.skipif(os.uname().machine != "x86_64", reason="another processor"),
    pytest.mark.skipif(not PROGRAM.exists(), reason="bin/vectors_test is not built"),
]


@pytest.mark.parametrize("processor, kernels", [("Haswell", "avx2 portable"), ("Nehalem", "portable")])
def test_vectors_are_found_by_what_the_processor_has(tmp_path, processor, kernels):
    report = tmp_path / "report.json"
    done = subprocess.run([EMULATOR, "-cpu", processor, PROGRAM, f"--gtest_filter={TESTS}", "--gtest_brief=1",
                           f"--gtest_output=json:{report}"], capture_output=True, text=True, timeout=1800)
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-1000:]
    suites = json.loads(report.read_text())["testsuites"]
    used = {(test["classname"], test["name"]): test["kernels"]
            for suite in suites for test in suite["testsuite"] if "kernels" in test}
    assert len(used) == 3 and set(used.values()) == {kernels}
