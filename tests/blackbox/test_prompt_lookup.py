"""Answers that repeat their prompt: tokens that were computed on a guess (docs/load.md), as clients see them."""

import pytest

from talk import SMALL, http_client, openai_client

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


def test_a_prediction_is_guessed_from_the_first_token_and_changes_nothing(serve, small):
    client = openai_client(serve())
    numbers = [f"{i}\n" for i in range(1, 61)]
    predicted = "".join(numbers[10:19] + ["twenty\n", "twenty-one\n"] + numbers[21:])

    def count(content=None, **more):
        extra = {} if content is None else {"prediction": {"type": "content", "content": content}}
        answer = client.completions.create(model=small, prompt="".join(numbers[:10]), max_tokens=75, temperature=0,
                                           extra_body=extra, **more)
        return answer.choices[0].text, answer.usage.completion_tokens_details, answer.model_extra["weir"]["timings"]

    told, details, timings = count()
    assert told == "".join(numbers[10:35]), "what this test is about: an answer that leaves no doubt"
    assert details.accepted_prediction_tokens is None
    unasked = timings.get("draft_tokens_accepted", 0)
    for content in (predicted, [{"type": "text", "text": predicted[:50]}, {"type": "text", "text": predicted[50:]}]):
        same, details, timings = count(content)
        assert same == told
        assert unasked + 20 < details.accepted_prediction_tokens < 75, "so many steps fewer"
        assert details.rejected_prediction_tokens == timings["draft_tokens"] - timings["draft_tokens_accepted"]
    same, details, timings = count(predicted, seed=1)
    assert same == told and "draft_tokens" not in timings
    assert details.accepted_prediction_tokens == details.rejected_prediction_tokens == 0


def test_a_chats_usage_tells_of_its_prediction(serve, small):
    create = openai_client(serve()).chat.completions.create
    asked = {"model": small, "messages": [{"role": "user", "content": "Name three birds."}], "max_tokens": 40,
             "temperature": 0}
    told = create(**asked).choices[0].message.content
    chunks = list(create(**asked, prediction={"type": "content", "content": told}, stream=True,
                         stream_options={"include_usage": True}))
    details = chunks[-1].usage.completion_tokens_details
    assert 0 < details.accepted_prediction_tokens < chunks[-1].usage.completion_tokens
    assert details.rejected_prediction_tokens >= 0


def test_a_prediction_that_does_not_come_true_costs_a_few_guesses(serve, small):
    create = openai_client(serve()).chat.completions.create
    answer = create(model=small, messages=[{"role": "user", "content": "Tell me about the heron."}], max_tokens=60,
                    temperature=0, prediction={"type": "content", "content": "One, two, three, four. " * 20})
    details = answer.usage.completion_tokens_details
    assert details.rejected_prediction_tokens <= 40, "it is noticed"


def test_it_can_be_switched_off(serve, small, tmp_path):
    file = tmp_path / "weir.toml"
    file.write_text(f'[model."{SMALL}"]\nprompt_lookup = false\n')
    with http_client(serve("--config", str(file))) as http:
        assert "draft_tokens" not in copy(http)["weir"]["timings"]
