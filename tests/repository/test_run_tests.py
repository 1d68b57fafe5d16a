"""What tools/run_tests.py says at its end."""

import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "tools"))
import run_tests  # noqa: E402


def tally(passed, failures=(), skipped=()):
    made = run_tests.Tally()
    made.passed = passed
    for name in failures:
        made.fail(name)
    made.skipped += skipped
    return made


@pytest.mark.parametrize("made, last", [
    (tally(5), "5 passed, 0 failed"),
    (tally(5, skipped=["a: no model", "b: no model"]), "5 passed, 0 failed"),
    (tally(0, failures=["x"], skipped=["a: no model"]), "0 passed, 1 failed"),
])
def test_the_last_line_is_passed_and_failed_alone(made, last):
    assert made.closing_lines()[-1] == last


def test_skips_and_failures_are_named_before_it():
    lines = tally(1, failures=["x"], skipped=["a: no model", "a: no model"]).closing_lines()
    assert lines == ["skipped: 2 times a: no model", "failed: x", "2 skipped", "1 passed, 1 failed"]
