"""What bench/cascade.py fits: the same numbers as the gateway reads, maps that rise, and verdicts as the gateway's."""

import json
import math
import pathlib
import random
import sys

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "bench"), str(ROOT / "tests")]
import cascade  # noqa: E402
import cascade_fit as fit  # noqa: E402
import cascade_signals as signals  # noqa: E402


def said(text, logprob, first, second):
    return {"token": text, "logprob": logprob, "top_logprobs": [{"logprob": first}, {"logprob": second}]}


# The tokens of src/routing/draft_evidence_test.cc, and what it finds in the first 4 of them and in all.
TOKENS = [said("a", -0.1, -0.1, -2.4), said("b", -2.5, -0.2, -2.5), said("c", -0.0004, -0.0004, -9.0),
          said("d", -0.75, -0.7, -0.75), said("a", -0.1, -0.1, -2.4), said("b", -2.5, -0.2, -2.5),
          said("c", -0.0004, -0.0004, -9.0), said("e", -1.2, -1.2, -1.3), said("a", -0.3, -0.3, -1.5),
          said("b", -4.0, -0.5, -4.0)]
FOUND = {"logprob_mean": (-837, -1145), "logprob_min": (-2500, -4000), "logprob_q10": (-2500, -4000),
         "logprob_q25": (-2500, -2500), "margin_mean": (643, 625), "margin_min": (24, 24), "margin_q10": (24, 24),
         "margin_q25": (24, 518), "fresh": (1000, 900)}


def test_signals_are_those_that_the_gateway_reads():
    row = {"tokens": [signals.token_of(token) for token in TOKENS]}
    assert set(FOUND) == set(signals.OWN)
    for name, (first, whole) in FOUND.items():
        assert (signals.own(row, name, 4), signals.own(row, name)) == (first, whole), name
    assert signals.own({"tokens": []}, "fresh") == signals.LEAST_MILLI


def rows(count, tells, seed=1):
    """Drafts whose one token is the surer, the more likely they are right, where it tells."""
    source = random.Random(seed)
    made = []
    for number in range(count):
        chance = source.random()
        sure = chance if tells else source.random()
        made.append({"id": str(number), "tokens": [(-1 + sure, round(1000 * sure), "a")], "check": -2 + 2 * sure,
                     "small_right": source.random() < chance, "large_right": source.random() < 0.8, "prompt_tokens": 100,
                     "answer_tokens": 50, "small_s": 2.0, "decode_s": 1.5, "check_s": 1.0, "large_s": 6.0})
    return made


@pytest.mark.parametrize("tells", [True, False])
def test_a_signal_speaks_where_it_tells_right_from_wrong_and_not_elsewhere(tells):
    gate = fit.gate(rows(150, tells), 8)
    assert gate is None or (gate["auroc"]["low"] > 5000) == tells
    if tells:
        values = [point["value_milli"] for point in gate["points"]]
        chances = [point["draft_right"] for point in gate["points"]]
        assert values == sorted(set(values)) and chances == sorted(chances)


def test_verdicts_lie_on_the_lines_between_points():
    points = [(-4000, 2000, 5000), (0, 9000, 5000)]
    assert fit.judge(points, -2000) == (5500, True), "the larger one is no better"
    assert fit.judge(points, -4000) == (2000, False) and fit.judge(points, -9000)[0] == 2000
    assert fit.judge(points, 0) == (9000, True) and fit.judge(points, 5)[0] == 9000


def test_shares_are_between_none_and_all():
    some = rows(60, True)
    assert signals.apgr(some, lambda row: 0) == pytest.approx(0.5), "who tells nothing chooses at random"
    assert signals.auroc([(0.1, False), (0.2, True)]) == 1 and signals.auroc([(1, True)]) is None
    assert math.isclose(signals.auroc([(1, True), (1, False)]), 0.5)
    got = fit.reached(some, fit.check_milli, fit.check_cost)
    assert 0 <= got["up"] <= 1 and 0 <= got["right"] <= 1


def test_a_fit_takes_the_place_of_its_own_files_and_kind_alone(tmp_path, monkeypatch):
    monkeypatch.setattr(cascade.servers, "digest_of", lambda name: name[-1] * 64)
    path = tmp_path / "gates.json"
    for number, (models, kind) in enumerate((("a", "math"), ("a", "extraction"), ("b", "math"), ("a", "math"))):
        some = [row | {"kind": kind, "at": 0, "clients": 1} for row in rows(60, True, seed=number)]
        cascade.write(some, (f"small:{models}", "large:l"), path)
    pairs = json.loads(path.read_text())["pairs"]
    assert [(pair["draft_sha256"][0], pair["kind"]) for pair in pairs] == [("a", "math"), ("b", "math"), ("a", "extraction")]
    assert all(pair["draft_model"] == f"small:{pair['draft_sha256'][0]}" for pair in pairs)


def test_what_is_shipped_says_where_it_is_from_and_is_about_the_files_of_the_catalogue():
    known = {entry["name"]: entry["sha256"] for entry in json.loads((ROOT / "data" / "catalogue.json").read_text())["models"]}
    for pair in json.loads((ROOT / "data" / "cascade.json").read_text())["pairs"]:
        assert pair["measured"] and pair["tasks"] >= 50, pair["kind"]
        assert pair["draft_sha256"] == known[pair["draft_model"]] and pair["larger_sha256"] == known[pair["larger_model"]]
