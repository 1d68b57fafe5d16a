"""tools/test_long.py: what a stage counts for, and that a run goes on where it was stopped."""

import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "tools"))
import test_long as long_run  # noqa: E402


@pytest.mark.parametrize("lines, counts", [
    (["=== x", "12 passed, 0 failed"], (12, 0)),
    (["12 passed, 3 failed", "make: *** Error 1"], (12, 3)),
    (["29 targets, 2 with findings (60 s)"], (27, 2)),
    (["killed"], None),
])
def test_the_last_line_that_counts_is_taken(lines, counts):
    assert long_run.counts_in(lines) == counts


@pytest.fixture
def stages(tmp_path, monkeypatch):
    """Stages that note that they ran; `said` maps each to what it prints and its exit code."""
    said = {"first": ("3 passed, 0 failed", 0), "second": ("2 passed, 1 failed", 1)}
    ran = tmp_path / "ran"
    ran.write_text("")

    def commands():
        return {name: ["bash", "-c", f"echo {name} >> {ran}; echo '{text}'; exit {code}"]
                for name, (text, code) in said.items()}
    monkeypatch.setattr(long_run, "STATE", tmp_path / "state")
    monkeypatch.setattr(sys, "argv", ["test_long.py"])

    def run():
        ran.write_text("")
        monkeypatch.setattr(long_run, "STAGES", commands())
        return long_run.main(), ran.read_text().split()
    return said, run


def test_what_passed_is_not_run_again_and_what_failed_is(stages, capsys):
    said, run = stages
    assert run() == (1, ["first", "second"])
    assert capsys.readouterr().out.splitlines()[-1] == "5 passed, 1 failed"
    said["second"] = ("3 passed, 0 failed", 0)
    assert run() == (0, ["second"])
    assert capsys.readouterr().out.splitlines()[-1] == "6 passed, 0 failed"
    assert run() == (0, [])


def test_a_stage_that_ends_without_counting_has_failed(stages, capsys):
    said, run = stages
    said["second"] = ("3 passed, 0 failed", 137)
    assert run()[0] == 1
    said["second"] = ("killed", 0)
    assert run()[0] == 1
    assert capsys.readouterr().out.splitlines()[-1] == "3 passed, 1 failed"
