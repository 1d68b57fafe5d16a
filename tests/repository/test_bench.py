"""The arithmetic of the benchmarks."""

import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "bench"))
import engine  # noqa: E402
import loads  # noqa: E402
import vectors  # noqa: E402
import weir_server  # noqa: E402
from intervals import estimate, percentile  # noqa: E402
from measures import Goal  # noqa: E402


def test_an_interval_holds_its_median_and_shrinks_with_agreement():
    wide, narrow = estimate([1.0, 5.0, 9.0, 2.0, 8.0]), estimate([5.0, 5.1, 4.9, 5.0, 5.0])
    assert wide.low <= wide.median <= wide.high and wide.median == 5.0
    assert narrow.high - narrow.low < wide.high - wide.low


def test_the_same_samples_give_the_same_interval():
    assert estimate([3.0, 1.0, 2.0]) == estimate([3.0, 1.0, 2.0])


@pytest.mark.parametrize("share, expected", [(0.5, 50), (0.95, 95), (0.99, 99), (1.0, 100), (0.001, 1)])
def test_a_percentile_is_a_sample(share, expected):
    assert percentile(list(range(1, 101)), share) == expected


def test_the_sentences_that_are_embedded_are_distinct_sentences():
    if not weir_server.shared_data():
        pytest.skip("the corpus of scifact is not there")
    texts = loads.sentences(2000)
    assert len(set(texts)) == len(texts) == 2000
    assert all(40 <= len(text) and not text.startswith(("[", "'")) for text in texts)
    assert sum(text.endswith(".") for text in texts) > 1500


def test_recall_is_of_those_that_were_asked():
    assert vectors.recall_of([[1, 2], [3, 9]], [[2, 1], [3, 4], [5, 6]]) == 0.75


def test_pairs_alternate_their_order():
    assert list(engine.in_pairs(2, ["a", "b"])) == [(0, "a"), (0, "b"), (1, "b"), (1, "a")]


def test_a_goal_on_the_ratio_looks_at_the_low_end_too():
    goal = Goal("ratio", at_least=0.97, low_end_at_least=0.93)
    assert goal.met(estimate([1.0, 1.0, 1.0]), None)
    assert not goal.met(estimate([1.0, 1.0, 0.5]), None)
    assert goal.met(None, estimate([1.0])) is None


def test_a_table_says_what_was_missed(tmp_path):
    results = engine.Results(tmp_path)
    results.goals["m"] = {"rate": Goal("ratio", at_least=1.0)}
    for ours, peers in ((1.0, 2.0), (1.1, 2.0)):
        results.add("m", "weir", {"rate": ours})
        results.add("m", "llama-server", {"rate": peers})
    results.write()
    assert "**no**" in (tmp_path / "engine.md").read_text()


def test_a_missing_number_is_an_error_and_not_a_zero(tmp_path):
    with pytest.raises(RuntimeError):
        engine.Results(tmp_path).add("m", "weir", {"rate": None})
