"""Answers that repeat their prompt: tokens that were computed on a guess (docs/load.md), as clients see them."""

import pytest

from talk import SMALL, http_client

LINES = "".join(f"The {name} lives in the {place}.\n" for name, place in
                [("heron", "reeds"), ("otter", "river"), ("swallow", "barn"), ("badger", "wood")])


def copy(http, **more):
    """An answer that goes round and round: what stands in the prompt three times comes a fourth time."""
    body = {"model": SMALL, "prompt": LINES * 3, "max_tokens": 100, "temperature": 0, "ignore_eos": True}
    response = http.post("/v1/completions", json=body | more)
    assert response.status_code == 200, response.text
    return response.json()


@pytest.fixture
def own(serve, small):
    with http_client(serve()) as http:
        yield http


def test_a_copy_is_guessed_and_counted(own):
    answer = copy(own)
    timings = answer["weir"]["timings"]
    assert 0 < timings["draft_tokens_accepted"] <= timings["draft_tokens"]
    assert timings["draft_tokens_accepted"] < answer["usage"]["completion_tokens"] == 100
    again = own.post("/completion", json={"model": SMALL, "prompt": LINES * 3, "n_predict": 100, "temperature": 0,
                                          "ignore_eos": True}).json()
    assert 0 < again["timings"]["draft_n_accepted"] <= again["timings"]["draft_n"]
    engine = next(line for line in own.get("/weir/v1/models").json()["data"] if line["model"] == SMALL)
    assert engine["draft_tokens"] == timings["draft_tokens"] + again["timings"]["draft_n"]
    metrics = own.get("/metrics").text
    assert f'weir_engine_draft_tokens_accepted_total{{model="{SMALL}"}} {engine["draft_tokens_accepted"]}' in metrics


def test_it_says_what_it_says_without_guesses(own):
    drafted, plain = copy(own), copy(own, seed=1)
    assert plain["choices"][0]["text"] == drafted["choices"][0]["text"]
    assert "draft_tokens" not in plain["weir"]["timings"], "what is to be reproducible takes the same steps each time"
    streamed = own.post("/v1/completions", json={"model": SMALL, "prompt": LINES * 3, "max_tokens": 40, "temperature": 0,
                                                 "n": 2, "stop": ["badger"]}).json()
    assert [choice["finish_reason"] for choice in streamed["choices"]] == ["stop", "stop"]
    assert all("badger" not in choice["text"] for choice in streamed["choices"]), "a stop string within a draft ends it"


def test_it_can_be_switched_off(serve, small, tmp_path):
    file = tmp_path / "weir.toml"
    file.write_text(f'[model."{SMALL}"]\nprompt_lookup = false\n')
    with http_client(serve("--config", str(file))) as http:
        assert "draft_tokens" not in copy(http)["weir"]["timings"]
