"""Seeds, stop strings, log-probabilities and the parameters of sampling."""

import json
import math

import pytest

from talk import SMALL, ask, events_of


def content(client, **more):
    return client.chat.completions.create(**ask("Write a sentence about the sea.", **more)).choices[0]


def body_without_identity(response):
    """Without what differs between two answers that are the same: names, times, and what was reused."""
    body = response.json()
    for name in ("id", "created", "weir"):
        body.pop(name, None)
    body["usage"].pop("prompt_tokens_details")
    return json.dumps(body, sort_keys=True)


def test_the_same_seed_gives_the_same_bytes(http, small):
    """Computed afresh, with what the same request left, and after others: a prompt of several fixed chunks (128 tokens),
    of which whole ones are reused."""
    text = "Rivers rise in the hills, gather what the rain leaves, and carry it to the sea. " * 16
    request = ask(text + "Invent a word.", temperature=1.2, seed=42, max_tokens=24)
    other = ask("Name a colour.", temperature=1.5, max_tokens=8)
    answers = []
    for foreign in ([], [other], [other | {"seed": 5}], []):
        answers.append(http.post("/v1/chat/completions", json=request).raise_for_status())
        for body in foreign:
            http.post("/v1/chat/completions", json=body).raise_for_status()
    usages = [answer.json()["usage"] for answer in answers]
    assert 256 < usages[0]["prompt_tokens"] < 384
    reused = [usage["prompt_tokens_details"]["cached_tokens"] for usage in usages]
    assert reused[:2] == [0, 256] and set(reused) <= {0, 256}
    assert len({body_without_identity(answer) for answer in answers}) == 1


def test_another_seed_gives_another_answer(client, small):
    texts = {content(client, temperature=1.5, seed=seed, max_tokens=24).message.content for seed in range(4)}
    assert len(texts) > 1


def test_temperature_zero_is_greedy(client, small):
    # With a seed: where it computes a prompt anew or from what is cached rounds otherwise, which two tokens that are as
    # likely as each other notice.
    texts = {content(client, temperature=0, seed=seed, max_tokens=24).message.content for seed in (1, 1, 2, 3)}
    assert len(texts) == 1


def test_top_k_one_is_greedy_at_any_temperature(client, small):
    greedy = content(client, temperature=0, max_tokens=16).message.content
    assert content(client, temperature=2, extra_body={"top_k": 1}, max_tokens=16).message.content == greedy


def test_a_stop_string_ends_the_answer_before_itself(client, small):
    whole = content(client, temperature=0, max_tokens=40).message.content
    stop = whole[10:14]
    stopped = content(client, temperature=0, max_tokens=40, stop=stop)
    assert stopped.message.content == whole[:whole.index(stop)]
    assert stopped.finish_reason == "stop"


@pytest.mark.parametrize("start, length", [(3, 9), (5, 1), (8, 17), (20, 6)])
def test_a_stop_string_across_token_borders_never_leaks_in_a_stream(client, small, start, length):
    whole = content(client, temperature=0, max_tokens=40).message.content
    stop = whole[start:start + length]
    chunks = client.chat.completions.create(
        **ask("Write a sentence about the sea.", temperature=0, max_tokens=40, stop=[stop, "never there"]), stream=True)
    assert "".join(c.choices[0].delta.content or "" for c in chunks if c.choices) == whole[:whole.index(stop)]


def test_logprobs_come_with_every_token(client, small):
    choice = content(client, temperature=0, max_tokens=8, logprobs=True, top_logprobs=3)
    tokens = choice.logprobs.content
    assert "".join(token.token for token in tokens) == choice.message.content
    for token in tokens:
        assert token.logprob <= 0 and len(token.top_logprobs) == 3
        assert bytes(token.bytes).decode(errors="replace") == token.token
        best = token.top_logprobs[0]
        assert best.token == token.token and best.logprob == pytest.approx(token.logprob, abs=1e-4)
        assert sum(math.exp(top.logprob) for top in token.top_logprobs) <= 1.0001


def test_logprobs_stream_with_their_tokens(http, small):
    request = ask("Hi", temperature=0, max_tokens=8, logprobs=True, stream=True)
    with http.stream("POST", "/v1/chat/completions", json=request) as response:
        events = [event for event in events_of(response) if event != "[DONE]"]
    choices = [choice for event in events for choice in event["choices"]]
    text = "".join(choice["delta"].get("content") or "" for choice in choices)
    tokens = [token["token"] for choice in choices if choice.get("logprobs") for token in choice["logprobs"]["content"]]
    assert "".join(tokens) == text


def test_logit_bias_forbids_a_token(client, small):
    first = content(client, temperature=0, max_tokens=1, logprobs=True).logprobs.content[0].token
    ids = client.post("/../tokenize", body={"model": SMALL, "content": first}, cast_to=object)["tokens"]
    changed = content(client, temperature=0, max_tokens=1, logit_bias={str(ids[0]): -100})
    assert changed.message.content != first


# Each so far that one token is left to draw from: no seed changes anything any more.
@pytest.mark.parametrize("extra", [
    {"top_p": 0.0001}, {"extra_body": {"min_p": 1.0}}, {"extra_body": {"typical_p": 0.0001}},
    {"extra_body": {"mirostat": 2, "mirostat_tau": 0.001, "mirostat_eta": 0.1}},
    {"extra_body": {"mirostat": 1, "mirostat_tau": 0.001, "mirostat_eta": 0.1}},
], ids=str)
def test_each_truncation_truncates(client, small, extra):
    wide = {"top_p": 1.0, "extra_body": {"top_k": 0, "min_p": 0.0}}
    drawn = [content(client, temperature=1.5, seed=seed, max_tokens=12, **wide).message.content for seed in (1, 2)]
    assert drawn[0] != drawn[1]
    left = [content(client, temperature=1.5, seed=seed, max_tokens=12, **extra).message.content for seed in (1, 2)]
    assert left[0] == left[1]


# Greedy over a text that repeats itself: what speaks against repetition changes where it goes.
@pytest.mark.parametrize("extra", [
    {"frequency_penalty": 2.0}, {"presence_penalty": 2.0}, {"repeat_penalty": 2.0},
    {"dry_multiplier": 5.0, "dry_base": 1.75, "dry_allowed_length": 2},
], ids=str)
def test_each_penalty_speaks_against_repetition(http, small, extra):
    request = {"model": SMALL, "prompt": "red green blue, " * 5 + "red", "temperature": 0, "max_tokens": 32}
    plain, changed = (http.post("/v1/completions", json=body).raise_for_status().json()["choices"][0]["text"]
                      for body in (request, request | extra))
    assert plain.count("green blue") > 3 and changed.count("green blue") < plain.count("green blue")


def test_xtc_takes_the_likeliest_away(client, small):
    """Of the two tokens that top_k leaves, both above its threshold, it always takes the first: never the greedy answer."""
    greedy = content(client, temperature=0, max_tokens=8, logprobs=True, top_logprobs=2)
    other = greedy.logprobs.content[0].top_logprobs[1].token
    extra = {"top_k": 2, "min_p": 0.0, "xtc_probability": 1.0, "xtc_threshold": 0.0001}
    assert content(client, temperature=1, top_p=1.0, max_tokens=1, extra_body=extra).message.content == other


def test_ignore_eos_goes_on_to_the_bound(client, small):
    answer = client.chat.completions.create(**ask("Say only: ok", max_tokens=60, extra_body={"ignore_eos": True}))
    assert answer.usage.completion_tokens == 60 and answer.choices[0].finish_reason == "length"


def test_a_grammar_is_obeyed(client, small):
    choice = content(client, max_tokens=8, extra_body={"grammar": 'root ::= "yes" | "no"'})
    assert choice.message.content in ("yes", "no")
