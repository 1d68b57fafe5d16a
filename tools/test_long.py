#!/usr/bin/env python3
"""Everything at full length, in stages: the suite with large counts, the sanitizers, the fuzzers.

  tools/test_long.py [STAGE...]

Takes hours, and goes on where it was stopped: a stage that passed on this tree is not run again, and the first one goes
on inside (run_tests.py --long). The output of each stage is in build/test-long/STAGE.log; the last line is
`N passed, N failed`, over all stages.
"""

import hashlib
import json
import os
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
STATE = ROOT / "build" / "test-long"
STAGES = {
    "suite": ["tools/run_tests.py", "--long"],
    "asan": ["make", "--no-print-directory", "asan"],
    "tsan": ["make", "--no-print-directory", "tsan"],
    "fuzz": ["make", "--no-print-directory", "fuzz", f"FUZZ_SECONDS={os.environ.get('FUZZ_SECONDS', '600')}"],
}
TESTS = re.compile(r"^(\d+) passed, (\d+) failed$")
TARGETS = re.compile(r"^(\d+) targets, (\d+) with findings")


def tree_digest():
    """Of every file that git tracks or would track, as it is now."""
    listed = subprocess.run(["git", "ls-files", "-co", "--exclude-standard", "-z"], cwd=ROOT, capture_output=True, check=True)
    digest = hashlib.sha256()
    for name in sorted(listed.stdout.split(b"\0")):
        path = ROOT / os.fsdecode(name)
        if name and path.is_file():
            digest.update(name + b"\0" + path.read_bytes())
    return digest.hexdigest()


def counts_in(lines):
    """(passed, failed) of the last line that counts; None where there is none."""
    for line in reversed(lines):
        if match := TESTS.match(line):
            return int(match[1]), int(match[2])
        if match := TARGETS.match(line):
            return int(match[1]) - int(match[2]), int(match[2])
    return None


def run_stage(name):
    lines = []
    with open(STATE / f"{name}.log", "w", encoding="utf-8") as log:
        child = subprocess.Popen(STAGES[name], cwd=ROOT, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                 stderr=subprocess.STDOUT, text=True, errors="replace")
        for line in child.stdout:
            log.write(line)
            print(line, end="", flush=True)
            lines = [*lines[-50:], line.rstrip()]
        code = child.wait()
    passed, failed = counts_in(lines) or (0, 1)
    return passed, failed + (1 if code and not failed else 0)


def main():
    wanted = sys.argv[1:] or list(STAGES)
    for name in wanted:
        if name not in STAGES:
            sys.exit(f"test_long.py: unknown stage {name}; there are {', '.join(STAGES)}")
    STATE.mkdir(parents=True, exist_ok=True)
    tree = tree_digest()
    passed = failed = 0
    for name in wanted:
        remembered = STATE / f"{name}.json"
        known = json.loads(remembered.read_text()) if remembered.exists() else {}
        if known.get("tree") == tree and not known["failed"]:
            print(f"=== {name} passed before on this tree", flush=True)
        else:
            print(f"=== {name}", flush=True)
            counts = run_stage(name)
            known = {"tree": tree, "passed": counts[0], "failed": counts[1]}
            remembered.write_text(json.dumps(known))
        passed += known["passed"]
        failed += known["failed"]
    print(f"{passed} passed, {failed} failed", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
