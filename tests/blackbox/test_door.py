"""Beyond this machine: the door, its permits, labels, fallback, and what becomes of a provider that fails."""

import time

import pytest

from beyond import KEY, Beyond, backend, ended_well, target, text_of
from fake_provider import TLS_FAILURES, Answer, FakeProvider
from talk import openai_client

TEXT = Answer().text
QUICK = 'first_byte_timeout = "1500ms"\ngap_timeout = "1500ms"\nretries = 0'
DIALECTS = ("openai", "anthropic", "gemini", "ollama")
PUBLIC = {"x-weir-label": "public"}


@pytest.fixture(scope="module")
def provider():
    with FakeProvider() as running:
        yield running


@pytest.fixture(autouse=True)
def fresh(provider):
    provider.forget()
    yield
    provider.release()


@pytest.fixture
def beyond(tmp_path):
    running = []

    def start(*parts, **settings):
        weir = Beyond(tmp_path / f"weir{len(running)}", "\n".join(parts), **settings)
        running.append(weir)
        return weir

    yield start
    for weir in running:
        weir.__exit__()


def egress_of(weir):
    return [p for p in weir.processes() if p.name() == "weir-egress"]


@pytest.mark.parametrize("dialect", DIALECTS)
def test_a_real_client_gets_a_streamed_answer_from_a_cloud(provider, beyond, dialect):
    weir = beyond(backend(provider, dialect), target("big", "big-model"))
    client = openai_client(weir)
    stream = client.chat.completions.create(model="big", messages=[{"role": "user", "content": "hi"}], stream=True)
    assert "".join(c.choices[0].delta.content or "" for c in stream if c.choices) == TEXT
    whole = client.chat.completions.create(model="big", messages=[{"role": "user", "content": "hi"}])
    assert whole.choices[0].message.content == TEXT
    assert whole.usage.prompt_tokens == Answer().prompt_tokens
    request = provider.requests[-1]
    assert request.dialect == dialect and request.model == "big-model"
    assert KEY in " ".join(request.headers.values())
    assert KEY not in weir.log()
    assert len({r.connection for r in provider.requests}) == 1


@pytest.mark.parametrize("listener", TLS_FAILURES)
def test_a_certificate_that_does_not_fit_gets_nothing(provider, beyond, listener):
    weir = beyond(backend(provider, listener=listener), target("big"))
    answer = weir.ask("big", "canary-tls", headers=PUBLIC)
    assert answer.status_code == 502
    assert provider.count("canary-tls") == 0 and provider.count(KEY) == 0


def test_another_target_takes_over_before_the_first_byte_and_not_after(provider, beyond):
    weir = beyond(backend(provider, more=QUICK), target("first", "m1"), target("second", "m2"),
                  '[route.clever]\ntargets = ["first", "second"]')
    provider.fail("m1", "500")
    answer = weir.ask("clever", headers=PUBLIC)
    assert text_of(answer) == TEXT and answer.headers["x-weir-target"] == "second"
    attempts = weir.explain(answer)["attempts"]
    assert [(a["target"], a["outcome"]) for a in attempts] == [("first", "provider_failed"), ("second", "served")]
    provider.forget()
    provider.fail("m1", "cut")
    answer = weir.ask("clever", stream=True, headers=PUBLIC)
    assert answer.status_code == 200 and not ended_well(answer)
    assert [r.model for r in provider.requests] == ["m1"]


def test_a_provider_that_asks_for_patience_is_asked_again(provider, beyond):
    weir = beyond(backend(provider, more="retries = 2"), target("big"))
    provider.fail("big", "503", times=2)
    answer = weir.ask("big", headers=PUBLIC)
    assert text_of(answer) == TEXT and len(provider.requests) == 3
    assert len(weir.explain(answer)["notes"]) == 2
    provider.forget()
    provider.fail("big", "429_after", times=1)
    started = time.monotonic()
    assert text_of(weir.ask("big", headers=PUBLIC)) == TEXT
    assert time.monotonic() - started >= 1


def test_all_down_says_what_was_tried_and_goes_nowhere_else(provider, beyond):
    weir = beyond(backend(provider, more=QUICK), backend(provider, name="open", ceiling="public", more=QUICK),
                  target("a"), target("b"), target("forbidden", backend="open"),
                  '[route.clever]\ntargets = ["a", "b", "forbidden"]')
    provider.fail("a", "500")
    provider.fail("b", "503")
    answer = weir.ask("clever", "canary-down", headers={"x-weir-label": "internal"})
    assert answer.status_code == 503 and "retry-after" in answer.headers
    error = answer.json()["error"]
    assert error["code"] == "all_targets_failed"
    assert "a (provider_failed)" in error["message"] and "b (provider_overloaded)" in error["message"]
    assert {r.model for r in provider.requests} == {"a", "b"}


@pytest.mark.parametrize("label", ["personal", "secret"])
def test_what_is_labelled_above_the_ceiling_does_not_leave(provider, beyond, label):
    weir = beyond(backend(provider), target("big"))
    answer = weir.ask("big", "canary-above", headers={"x-weir-label": label})
    assert answer.status_code == 403 and answer.json()["error"]["code"] == "label_exceeds_ceiling"
    assert provider.bytes_received == 0


def test_history_keeps_its_label_after_a_restart_too(provider, beyond, tmp_path):
    parts = [backend(provider), backend(provider, name="rack", tier="edge", ceiling="secret"), target("big"),
             target("inside", backend="rack")]
    weir = beyond(*parts)
    secret = "the diagnosis of Mrs. Miller is known to nobody but her doctor and this test"
    first = [{"role": "user", "content": secret}]
    inside = weir.ask("inside", messages=first, headers={"x-weir-label": "personal"})
    assert inside.status_code == 200
    history = first + [{"role": "assistant", "content": text_of(inside)}, {"role": "user", "content": "and now?"}]
    pasted = [{"role": "user", "content": secret}]
    for _ in range(2):
        for messages in (history, pasted):
            answer = weir.ask("big", messages=messages, headers=PUBLIC)
            assert answer.status_code == 403, answer.text
        assert weir.ask("big", "something else", headers=PUBLIC).status_code == 200
        weir.kill()
        weir = Beyond(tmp_path / "weir0", "\n".join(parts))  # the same data folder, another life
    weir.__exit__()


def test_label_rules_and_routing_rules_hold(provider, beyond):
    weir = beyond(backend(provider, more='region = "us"'), target("big"),
                  '[[label]]\nmatch = { project = "hr" }\nlabel = "personal"',
                  '[[rule]]\nwhen = { project = "eu-only" }\nregions = ["eu", "local"]')
    assert weir.ask("big", headers=PUBLIC | {"x-weir-project": "hr"}).status_code == 403
    answer = weir.ask("big", headers=PUBLIC | {"x-weir-project": "eu-only"})
    assert answer.status_code == 403 and answer.json()["error"]["code"] == "policy_forbids"
    assert weir.ask("big", headers=PUBLIC | {"x-weir-route": "edge"}).status_code == 403
    assert weir.ask("big", headers=PUBLIC | {"x-weir-project": "it"}).status_code == 200


def test_without_a_backend_beyond_there_is_no_door(beyond):
    weir = beyond("")
    assert egress_of(weir) == []
