#!/usr/bin/env python3
"""How often each function and branch runs on the way of a request through gateway and door, for the compiler (`make profile`).

  tools/profile.py [--build build/measure] [--output cmake/weir.profdata]

Starts the programs of the `measure` build before the provider of bench/gateway.py, sends what its load sends, in every
dialect, whole and as streams, and merges what they counted. Wants llvm-profdata of the compiler's version (Debian:
llvm-19). Functions that nothing asked for are left out: the compiler treats them as it does without a profile.
"""

import argparse
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[1]
MERGE = "llvm-profdata-19"


def exercise(build):
    """A few seconds of requests through the programs of `build`, which write what they counted when they end."""
    os.environ["WEIR_BUILD"] = str(build)  # before tests/weir_server.py is read
    sys.path[:0] = [str(ROOT / "bench"), str(ROOT / "tests")]
    import gateway
    with tempfile.TemporaryDirectory(prefix="weir-profile-") as folder, gateway.upstream_on(None) as upstream, \
            gateway.Weir(pathlib.Path(folder) / "weir", upstream, None) as weir:
        for dialect in gateway.DIALECTS:
            for stream in (False, True):
                request = gateway.request_of("weir", dialect, stream, upstream)
                for connections in (1, 16):
                    asked = connections * 20 if stream else 2000
                    gateway.load(weir.port, request, connections, asked, None)
                    print(f"{dialect}, {'streams' if stream else 'whole answers'}, {connections} at once: {asked}", flush=True)


def main():
    parser = argparse.ArgumentParser(description="How often each function runs on the way of a request, for the compiler.")
    parser.add_argument("--build", type=pathlib.Path, default=ROOT / "build" / "measure")
    parser.add_argument("--output", type=pathlib.Path, default=ROOT / "cmake" / "weir.profdata")
    options = parser.parse_args()
    if shutil.which(MERGE) is None:
        sys.exit(f"weir profile: {MERGE} is not there; run as root: apt-get install llvm-19")
    counts = options.build.resolve() / "counts"
    shutil.rmtree(counts, ignore_errors=True)
    exercise(options.build.resolve())
    counted = sorted(counts.glob("*.profraw"))
    # Launcher and gateway are one program, the door is another.
    if len(counted) < 2:
        sys.exit(f"weir profile: {counts} has {len(counted)} files, not one of each program: is {options.build} a measure build?")
    subprocess.run([MERGE, "merge", "-sparse", f"-output={options.output}", *counted], check=True)
    print(f"{options.output}: {options.output.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
