"""The fake provider keeps its own promises: what the tests of others rely on."""

import json
import ssl

import httpx
import pytest

from fake_provider import FAILURES, TLS_FAILURES, Answer

REQUESTS = {
    "openai": ("/chat/completions", {"messages": [{"role": "user", "content": "hi"}]}),
    "anthropic": ("/messages", {"max_tokens": 9, "messages": [{"role": "user", "content": "hi"}]}),
    "gemini": ("/models/{model}:generateContent", {"contents": [{"role": "user", "parts": [{"text": "hi"}]}]}),
    "ollama": ("/api/chat", {"messages": [{"role": "user", "content": "hi"}], "stream": False}),
}


@pytest.fixture(scope="module")
def client(provider):
    with httpx.Client(verify=ssl.create_default_context(cafile=provider.ca_file), trust_env=False, timeout=5) as client:
        yield client


def post(client, provider, dialect, model="any", stream=False, listener="good"):
    path, body = REQUESTS[dialect]
    body = body | {"model": model}
    if stream:
        path = path.replace(":generateContent", ":streamGenerateContent?alt=sse")
        body = body | {"stream": True}
    return client.post(provider.url(dialect, listener) + path.format(model=model), json=body)


@pytest.mark.parametrize("dialect", REQUESTS)
@pytest.mark.parametrize("stream", [False, True])
def test_every_dialect_says_its_text(provider, client, dialect, stream):
    answer = post(client, provider, dialect, stream=stream)
    assert answer.status_code == 200
    pieces = Answer().pieces if stream else (Answer().text,)
    assert all(json.dumps(piece, ensure_ascii=False)[1:-1] in answer.text for piece in pieces)


@pytest.mark.parametrize("dialect", REQUESTS)
def test_it_counts_what_arrives_and_how_connections_are_reused(provider, client, dialect):
    provider.forget()
    before = provider.connections
    for _ in range(3):
        post(client, provider, dialect, model=f"canary-{dialect}")
    assert provider.count(f"canary-{dialect}") >= 3
    assert [r.dialect for r in provider.requests] == [dialect] * 3
    assert provider.connections - before <= 1


@pytest.mark.parametrize("listener", TLS_FAILURES)
def test_a_bad_certificate_is_not_accepted_by_a_careful_client(provider, client, listener):
    provider.forget()
    with pytest.raises(httpx.ConnectError, match="certificate verify failed"):
        post(client, provider, "openai", listener=listener)
    assert provider.requests == []


def test_a_wish_holds_for_as_often_as_it_was_made(provider, client):
    provider.forget()
    provider.fail("big*", "429_after", times=2)
    answers = [post(client, provider, "openai", model="big-one") for _ in range(3)]
    assert [a.status_code for a in answers] == [429, 429, 200]
    assert answers[0].headers["retry-after"] == "1"


# Their bytes are those of a good answer; how they arrive is not.
SAME_BYTES = ("none", "slow", "byte_by_byte", "split_utf8")


def outcome(client, provider, dialect, model):
    """What a client sees of a stream: its status and first bytes, or how it failed."""
    path, body = REQUESTS[dialect]
    path = path.replace(":generateContent", ":streamGenerateContent?alt=sse").format(model=model)
    seen = b""
    try:
        with client.stream("POST", provider.url(dialect) + path, json=body | {"model": model, "stream": True}) as answer:
            for part in answer.iter_bytes():
                seen += part
                if len(seen) > 3_000_000:
                    return "endless"
            return answer.status_code, dict(answer.headers), seen.replace(model.encode(), b"MODEL")
    except httpx.HTTPError as failed:
        return type(failed).__name__


@pytest.mark.parametrize("name", FAILURES)
@pytest.mark.parametrize("dialect", REQUESTS)
def test_every_failure_differs_from_a_good_answer(provider, dialect, name):
    context = ssl.create_default_context(cafile=provider.ca_file)
    with httpx.Client(verify=context, trust_env=False, timeout=1) as client:
        good = outcome(client, provider, dialect, "good")
        bad = outcome(client, provider, dialect, f"fail-{name}")
    once_anyway = name == "duplicate_usage" and dialect in ("gemini", "ollama")  # no frame of its own for usage
    not_asked = name == "duplicate_usage" and dialect == "openai"
    assert (bad == good) == (name in SAME_BYTES or once_anyway or not_asked)
