#!/usr/bin/env python3
"""Runs every kind of test and adds up single tests; the last line is `N passed, N failed`.

  tools/run_tests.py [--build DIR] [--only repository,unit,blackbox,docs] [--long]

Kinds: repository (rules about this tree, pytest), unit (each GoogleTest program that ctest knows, counted test by
test), blackbox (the real programs, driven by real clients, pytest), docs (the documentation's
commands, run as written, pytest). --long sets WEIR_LONG=1 and larger counts, and skips what passed before: unit
programs with the same bytes, test files with the same programs and the same tests folder.

A program that crashes or hangs counts as one failure more than the failures that it reported. Skipped tests are
named and counted in lines before the last, never hidden. Results are kept as JUnit and JSON under DIR/test-results.
"""

import argparse
import collections
import concurrent.futures
import hashlib
import json
import os
import pathlib
import subprocess
import sys
import time
import xml.etree.ElementTree as ElementTree

ROOT = pathlib.Path(__file__).resolve().parent.parent
PYTHON = ROOT / "build" / "env" / "venv" / "bin" / "python"
KINDS = ("repository", "unit", "blackbox", "docs")
UNIT_TIMEOUT_S = 300 * float(os.environ.get("WEIR_PATIENCE", "1"))
LONG_COUNTS = {"WEIR_LONG": "1", "WEIR_SEEDS": "20000", "WEIR_ENGINE_SEEDS": "500", "WEIR_KILLS": "1000", "WEIR_IDLE_CONNECTIONS": "10000"}


class Tally:
    def __init__(self):
        self.passed = self.failed = 0
        self.skipped = []
        self.failures = []

    def fail(self, name, count=1):
        self.failed += count
        self.failures.append(name)

    def add(self, other):
        self.passed += other.passed
        self.failed += other.failed
        self.skipped += other.skipped
        self.failures += other.failures

    def line(self):
        return f"{self.passed} passed, {self.failed} failed"

    def line_with_skips(self):
        return self.line() + (f", {len(self.skipped)} skipped" if self.skipped else "")

    def closing_lines(self):
        """What a run ends with. Scripts read the last of them."""
        reasons = collections.Counter(self.skipped)
        lines = [f"skipped: {count} times {reason}" for reason, count in reasons.items()]
        lines += [f"failed: {name}" for name in self.failures]
        if self.skipped:
            lines.append(f"{len(self.skipped)} skipped")
        return [*lines, self.line()]


def say(text):
    print(text, flush=True)


def read_gtest(path, name, returncode, tally):
    """Counts the tests in a GoogleTest JSON report, and a crash as one failure."""
    failed_before = tally.failed
    try:
        report = json.loads(path.read_text())
    except (OSError, ValueError):
        tally.fail(f"{name} (no report, exit {returncode})")
        return
    for suite in report.get("testsuites", []):
        for test in suite.get("testsuite", []):
            full_name = f"{name}: {suite['name']}.{test['name']}"
            if test.get("failures"):
                tally.fail(full_name)
            elif test.get("result") == "SKIPPED":
                tally.skipped.append(f"{full_name}: its own decision")
            elif test.get("status") == "RUN":
                tally.passed += 1
    if returncode != 0 and tally.failed == failed_before:
        tally.fail(f"{name} (exit {returncode} after its tests)")


def read_junit(path, name, returncode, tally):
    failed_before = tally.failed
    try:
        cases = ElementTree.parse(path).getroot().iter("testcase")
    except (OSError, ElementTree.ParseError):
        tally.fail(f"{name} (no report, exit {returncode})")
        return
    for case in cases:
        full_name = f"{case.get('classname')}.{case.get('name')}"
        if case.find("failure") is not None or case.find("error") is not None:
            tally.fail(full_name)
        elif case.find("skipped") is not None:
            tally.skipped.append(f"{case.get('classname')}: {case.find('skipped').get('message', '')}")
        else:
            tally.passed += 1
    if returncode not in (0, 5) and tally.failed == failed_before:  # 5: pytest collected nothing
        tally.fail(f"{name} (exit {returncode} after its tests)")


def run_pytest(kind, build, results, environment, tests=None, name=None):
    tally = Tally()
    report = results / f"{name or kind}.xml"
    report.unlink(missing_ok=True)
    command = [PYTHON, "-m", "pytest", "-q", "--tb=short", "-p", "no:cacheprovider", f"--junitxml={report}",
               tests or f"tests/{kind}"]
    done = subprocess.run(command, cwd=ROOT, stdin=subprocess.DEVNULL,
                          env=environment | {"WEIR_BUILD": str(build)})
    read_junit(report, name or kind, done.returncode, tally)
    return tally


def files_digest(paths):
    digest = hashlib.sha256()
    for path in sorted(paths):
        digest.update(path.name.encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()


def run_files(kind, build, results, environment):
    """Each file of a kind by itself, so that a run of hours goes on where it was stopped."""
    programs = [path for path in (build / "bin").glob("weir*") if path.is_file()]
    helpers = [path for path in (ROOT / "tests").rglob("*") if path.is_file() and "__pycache__" not in path.parts
               and "node_modules" not in path.parts and not path.name.startswith("test_")]
    common = files_digest([*programs, *helpers])
    total = Tally()
    for path in sorted((ROOT / "tests" / kind).glob("test_*.py")):
        name = f"{kind}-{path.stem}"
        remembered = results / f"{name}.passed"
        digest = files_digest([path]) + common
        if remembered.exists() and remembered.read_text() == digest:
            tally = Tally()
            read_junit(results / f"{name}.xml", name, 0, tally)
            say(f"{name} passed before with the same programs")
        else:
            remembered.unlink(missing_ok=True)
            tally = run_pytest(kind, build, results, environment, path, name)
            if not tally.failed:
                remembered.write_text(digest)
        total.add(tally)
    return total


def read_exit(name, returncode, tally):
    """A program of ctest's that is no GoogleTest program is one test: 0 passed, 77 skipped."""
    if returncode == 0:
        tally.passed += 1
    elif returncode == 77:
        tally.skipped.append(f"{name}: its own decision")
    else:
        tally.fail(f"{name} (exit {returncode})")


def unit_programs(build):
    """(name, command) of every test that ctest knows, without running any."""
    listing = subprocess.run(["ctest", "--test-dir", build, "--show-only=json-v1"], capture_output=True, text=True,
                             check=True)
    return [(test["name"], test["command"]) for test in json.loads(listing.stdout)["tests"]]


def program_digest(command):
    return hashlib.sha256(pathlib.Path(command[0]).read_bytes()).hexdigest()


def run_unit_program(name, command, results, environment, resume):
    tally = Tally()
    report = results / f"unit-{name}.json"
    remembered = results / f"unit-{name}.passed"
    digest = program_digest(command)
    if resume and remembered.exists() and remembered.read_text() == digest:
        read_gtest(report, name, 0, tally)
        return tally, 0.0, f"{name} passed before with the same bytes\n"
    for old in (report, remembered):
        old.unlink(missing_ok=True)
    start = time.monotonic()
    timeout_s = UNIT_TIMEOUT_S * (48 if resume else 1)
    try:
        is_gtest = any(word.startswith("--gtest") for word in command)
        reporting = [f"--gtest_output=json:{report}"] if is_gtest else []
        done = subprocess.run([*command, *reporting], cwd=ROOT, env=environment,
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              text=True, errors="replace", timeout=timeout_s)
        output, returncode = done.stdout, done.returncode
        if is_gtest:
            read_gtest(report, name, returncode, tally)
        else:
            read_exit(name, returncode, tally)
    except subprocess.TimeoutExpired as timeout:
        output, returncode = str(timeout.stdout), -1
        tally.fail(f"{name} (no end within {timeout_s} s)")
    except OSError as error:
        output, returncode = str(error), -1
        tally.fail(f"{name} (cannot be run)")
    if resume and tally.failed == 0:
        remembered.write_text(digest)
    return tally, time.monotonic() - start, output


def run_unit(build, results, environment, resume):
    total = Tally()
    programs = unit_programs(build)
    if not programs:
        total.fail("unit (ctest knows no test)")
    with concurrent.futures.ThreadPoolExecutor(max_workers=os.cpu_count() or 2) as pool:
        running = {pool.submit(run_unit_program, name, command, results, environment, resume): name
                   for name, command in programs}
        for future in concurrent.futures.as_completed(running):
            tally, seconds, output = future.result()
            say(f"{running[future]}: {tally.line_with_skips()} ({seconds:.1f} s)")
            if tally.failed:
                say(output[-20000:])
            total.add(tally)
    return total


def make_tiny_models(environment):
    """Where stories260K is there; the tests that want them are skipped by name otherwise."""
    data = pathlib.Path(environment.get("WEIR_SHARED_DATA", ROOT.parent / "shared" / "data"))
    stories = data / "models" / "stories260K" / "stories260K-f32.gguf"
    folder = ROOT / "build" / "tiny-models"
    environment.setdefault("WEIR_TINY_MODELS", str(folder))
    if stories.exists():
        subprocess.run([sys.executable, "tests/tiny_models.py", folder, stories], cwd=ROOT, check=True)


def main():
    parser = argparse.ArgumentParser(description="Runs every kind of test.")
    parser.add_argument("--build", default="build", type=pathlib.Path)
    parser.add_argument("--only", default=",".join(KINDS))
    parser.add_argument("--long", action="store_true")
    options = parser.parse_args()
    build = options.build.resolve()
    results = build / "test-results"
    results.mkdir(parents=True, exist_ok=True)
    environment = dict(os.environ)
    if options.long:
        environment = LONG_COUNTS | environment

    make_tiny_models(environment)
    total = Tally()
    for kind in options.only.split(","):
        if kind not in KINDS:
            sys.exit(f"run_tests.py: unknown kind {kind}; there are {', '.join(KINDS)}")
        say(f"--- {kind}")
        start = time.monotonic()
        if kind == "unit":
            tally = run_unit(build, results, environment, options.long)
        else:
            run = run_files if options.long else run_pytest
            tally = run(kind, build, results, environment)
        say(f"--- {kind}: {tally.line_with_skips()} ({time.monotonic() - start:.0f} s)")
        total.add(tally)

    for line in total.closing_lines():
        say(line)
    return 1 if total.failed or not total.passed else 0


if __name__ == "__main__":
    sys.exit(main())
