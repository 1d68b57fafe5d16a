"""Beyond this machine: the door, its permits, labels, fallback, and what becomes of a provider that fails."""

import concurrent.futures
import json
import os
import signal
import socket
import time

import anthropic
import httpx
import pytest

import weir_server
from beyond import KEY, Beyond, backend, ended_well, environment_of, judged, target, text_of
from fake_provider import FAILURES, TLS_FAILURES, Answer, FakeProvider
from talk import long_run, openai_client

TEXT = Answer().text
QUICK = 'first_byte_timeout = "1500ms"\ngap_timeout = "1500ms"\nretries = 0'
DIALECTS = ("openai", "anthropic", "gemini", "ollama")
PUBLIC = {"x-weir-label": "public"}

pytestmark = pytest.mark.usefixtures("fresh_provider")


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
    assert [r.streams for r in provider.requests] == [True, False], "each is asked as its client asked"
    assert KEY in " ".join(request.headers.values())
    assert KEY not in weir.log()
    assert len({r.connection for r in provider.requests}) == 1


@pytest.mark.parametrize("dialect", DIALECTS)
def test_a_whole_answer_is_put_together_from_a_stream_where_that_is_wanted(provider, beyond, dialect):
    weir = beyond(backend(provider, dialect, more="whole_answers = false"), target("big"))
    whole = openai_client(weir).chat.completions.create(model="big", messages=[{"role": "user", "content": "hi"}])
    assert whole.choices[0].message.content == TEXT
    assert [r.streams for r in provider.requests] == [True]


def test_a_long_answer_is_asked_for_as_a_stream_and_others_have_a_time_of_their_own(provider, beyond):
    times = 'first_byte_timeout = "60s"\nwhole_timeout = "1s"\nretries = 0'
    weir = beyond(backend(provider, more=times), target("big"), target("hangs", "fail-hang"))
    assert text_of(weir.ask("big", max_tokens=21_334, headers=PUBLIC)) == TEXT
    assert [r.streams for r in provider.requests] == [True]
    asked_at = time.monotonic()
    late = weir.ask("hangs", headers=PUBLIC)
    assert late.status_code == 502 and time.monotonic() - asked_at < 30


@pytest.mark.parametrize("whole_answers", [True, False])
@pytest.mark.parametrize("dialect", DIALECTS)
def test_every_failure_of_a_provider_is_an_honest_error(provider, beyond, dialect, whole_answers):
    patient = f'first_byte_timeout = "4s"\ngap_timeout = "4s"\nretries = 0\nwhole_answers = {str(whole_answers).lower()}'
    weir = beyond(backend(provider, dialect, more=patient), *(target(f"t-{name}", f"fail-{name}") for name in FAILURES))
    weir.ask("t-none", headers=PUBLIC)  # the door is open

    def both(name):  # one target for each failure: a breaker sees its own alone
        return [judged(name, stream, weir.ask(f"t-{name}", stream=stream, headers=PUBLIC), stream or not whole_answers)
                for stream in (False, True)]

    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        wrong = [problem for problems in pool.map(both, FAILURES) for problem in problems if problem]
    assert not wrong
    assert weir.process.poll() is None
    assert len(egress_of(weir)) == 1
    assert "egress process ended" not in weir.log()


@pytest.mark.parametrize("variable", ["FAKE_PROVIDER_KEY", "WEIR_RACK_AUTH"])
def test_of_all_children_the_door_alone_has_the_key(provider, beyond, variable):
    weir = beyond(backend(provider).replace("FAKE_PROVIDER_KEY", variable), target("big"), environment={variable: KEY})
    assert text_of(weir.ask("big", headers=PUBLIC)) == TEXT
    assert KEY in " ".join(provider.requests[-1].headers.values())
    holders = [process.name() for process in weir_server.descendants(weir.process.pid)
               if f"{variable}={KEY}" in environment_of(process.pid)]
    assert holders == ["weir-egress"]


def test_a_reload_tells_variables_of_keys_that_come_with_a_start_alone(provider, beyond):
    weir = beyond(backend(provider), target("big"), environment={"WEIR_RACK_AUTH": KEY})
    text = weir.config.read_text()
    weir.reload(text.replace("FAKE_PROVIDER_KEY", "NOBODY_SET_THIS"))
    assert "NOBODY_SET_THIS is not in the environment of weir serve" in weir.log()
    weir.reload(text.replace("FAKE_PROVIDER_KEY", "WEIR_RACK_AUTH"))
    assert "WEIR_RACK_AUTH is in the environment of other processes than the door, too" in weir.log()
    assert text_of(weir.ask("big", headers=PUBLIC)) == TEXT and KEY not in weir.log()


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


def test_a_time_out_is_not_repeated_at_the_same_provider(provider, beyond):
    weir = beyond(backend(provider, more='first_byte_timeout = "500ms"\nretries = 3'), target("big"))
    provider.fail("big", "hang")
    assert weir.ask("big", headers=PUBLIC).status_code == 502
    assert len(provider.requests) == 1


def test_a_dead_address_of_two_is_nobodys_failure(provider, beyond):
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))  # bound, and it does not listen
        dead = f'replicas = ["https://127.0.0.1:{nobody.getsockname()[1]}/v1"]'
        weir = beyond(backend(provider, more=dead), target("big"))
        answers = [weir.ask("big", f"question {number} of many", headers=PUBLIC) for number in range(12)]
        assert [text_of(answer) for answer in answers] == [TEXT] * 12
        notes = [weir.explain(answer)["notes"] for answer in answers]
    assert any("connect_failed" in note and "tried again" in note for lines in notes for note in lines)
    assert weir.get("/weir/v1/backends").json()["data"][0]["left_alone"] == [1]


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


def test_a_target_that_keeps_failing_is_left_alone_and_found_again(provider, beyond):
    weir = beyond(backend(provider, more=QUICK), target("big"))
    provider.fail("big", "500", times=5)
    for _ in range(5):
        assert weir.ask("big", headers=PUBLIC).status_code == 502
    refused = weir.ask("big", headers=PUBLIC)
    assert refused.status_code == 503 and len(provider.requests) == 5
    deadline = time.monotonic() + 20 * weir_server.PATIENCE
    while weir.ask("big", headers=PUBLIC).status_code != 200:
        assert time.monotonic() < deadline
        time.sleep(0.2)


def test_a_retired_model_is_reported_as_such(provider, beyond):
    weir = beyond(backend(provider, more=QUICK), target("old"))
    provider.fail("old", "410")
    assert weir.ask("old", headers=PUBLIC).status_code == 502
    answer = weir.ask("old", headers=PUBLIC)
    assert answer.status_code == 503 and "retired" in answer.json()["error"]["message"]


@pytest.mark.parametrize("label", ["personal", "secret"])
def test_what_is_labelled_above_the_ceiling_does_not_leave(provider, beyond, label):
    weir = beyond(backend(provider), target("big"))
    answer = weir.ask("big", "canary-above", headers={"x-weir-label": label})
    assert answer.status_code == 403 and answer.json()["error"]["code"] == "label_exceeds_ceiling"
    assert provider.bytes_received == 0


def test_a_cloud_without_a_ceiling_gets_public_text_alone(provider, beyond):
    text = "\n".join(line for line in backend(provider).splitlines() if "ceiling" not in line)
    weir = beyond(text, target("big"))
    assert weir.ask("big").status_code == 403  # the default label is internal
    assert weir.ask("big", headers=PUBLIC).status_code == 200


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


def test_a_turn_of_an_assistant_that_nobody_here_wrote_gets_the_default(provider, beyond):
    weir = beyond(backend(provider, ceiling="public"), target("big"))
    messages = [{"role": "user", "content": "hi"}, {"role": "assistant", "content": "written elsewhere"},
                {"role": "user", "content": "go on"}]
    assert weir.ask("big", messages=messages, headers=PUBLIC).status_code == 403
    assert weir.ask("big", messages=messages[:1], headers=PUBLIC).status_code == 200


def test_label_rules_and_routing_rules_hold(provider, beyond):
    weir = beyond(backend(provider, more='region = "us"'), target("big"),
                  '[[label]]\nmatch = { project = "hr" }\nlabel = "personal"',
                  '[[rule]]\nwhen = { project = "eu-only" }\nregions = ["eu", "local"]')
    assert weir.ask("big", headers=PUBLIC | {"x-weir-project": "hr"}).status_code == 403
    answer = weir.ask("big", headers=PUBLIC | {"x-weir-project": "eu-only"})
    assert answer.status_code == 403 and answer.json()["error"]["code"] == "policy_forbids"
    assert weir.ask("big", headers=PUBLIC | {"x-weir-route": "edge"}).status_code == 403
    assert weir.ask("big", headers=PUBLIC | {"x-weir-project": "it"}).status_code == 200


def test_an_address_that_its_tier_may_not_have_is_not_connected_to(beyond):
    text = '[[backend]]\nname = "cloud"\nkind = "openai"\ntier = "edge"\nurl = "https://1.1.1.1/v1"\nceiling = "secret"\n'
    weir = beyond(text, target("big"))
    answer = weir.ask("big")
    assert answer.status_code == 503
    assert "address" in answer.json()["error"]["message"]


@pytest.mark.parametrize("host", ["[fe80::1]", "169.254.169.254", "[::ffff:a9fe:a9fe]", "2852039166", "0xa9fea9fe",
                                  "metadata.google.internal", "Instance-Data.ec2.internal.", "169-254-169-254.example.com"])
def test_an_address_that_no_backend_may_have_is_refused_at_the_start(beyond, host):
    text = f'[[backend]]\nname = "cloud"\nkind = "openai"\ntier = "cloud"\nurl = "https://{host}/v1"\n'
    with pytest.raises(weir_server.NotReady, match="cloud metadata"):
        beyond(text + 'proxy = "http://127.0.0.1:1"\n', target("big"))


def test_a_door_that_dies_takes_its_calls_along_and_comes_back(provider, beyond):
    weir = beyond(backend(provider), target("big"))
    assert text_of(weir.ask("big", headers=PUBLIC)) == TEXT
    os.kill(egress_of(weir)[0].pid, signal.SIGKILL)
    deadline = time.monotonic() + 20 * weir_server.PATIENCE
    while weir.ask("big", headers=PUBLIC).status_code != 200:
        assert time.monotonic() < deadline
    assert len(egress_of(weir)) == 1


def test_a_reload_changes_the_door_at_once_or_not_at_all(provider, beyond):
    weir = beyond(backend(provider), target("big"))
    assert weir.ask("big", headers=PUBLIC).status_code == 200
    before = egress_of(weir)[0].pid
    good = weir.config.read_text()
    weir.config.write_text(good + "\nnonsense = 1\n")
    weir.process.send_signal(signal.SIGHUP)
    deadline = time.monotonic() + 20 * weir_server.PATIENCE
    while "not reloaded" not in weir.log():
        assert time.monotonic() < deadline
        time.sleep(0.02)
    assert weir.ask("big", headers=PUBLIC).status_code == 200 and egress_of(weir)[0].pid == before
    weir.config.write_text(good.replace('ceiling = "internal"', 'ceiling = "public"') + target("more"))
    weir.process.send_signal(signal.SIGHUP)
    while weir.ask("more", headers=PUBLIC).status_code != 200:
        assert time.monotonic() < deadline
        time.sleep(0.02)
    assert weir.ask("big", headers={"x-weir-label": "internal"}).status_code == 403
    while len(egress_of(weir)) != 1:
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_a_policy_that_could_leak_is_refused_at_the_start_and_on_reload(provider, beyond):
    leak = '[[rule]]\nwhen = { label = "secret" }\nuse = ["big"]'
    with pytest.raises(weir_server.NotReady, match="label secret -> rule in line"):
        beyond(backend(provider), target("big"), leak)
    weir = beyond(backend(provider), target("big"))
    assert weir.ask("big", headers=PUBLIC).status_code == 200  # the door is open: one that starts reads the file
    weir.config.write_text(weir.config.read_text() + leak)
    weir.process.send_signal(signal.SIGHUP)
    deadline = time.monotonic() + 20 * weir_server.PATIENCE
    while "above its ceiling" not in weir.log():
        assert time.monotonic() < deadline
        time.sleep(0.02)
    assert weir.ask("big", headers=PUBLIC).status_code == 200


def test_without_a_backend_beyond_there_is_no_door(beyond):
    weir = beyond("")
    assert egress_of(weir) == []


def test_a_client_that_leaves_ends_the_call_at_the_provider(provider, beyond):
    weir = beyond(backend(provider), target("big"))
    provider.fail("big", "hang_mid")
    client = openai_client(weir)
    stream = client.chat.completions.create(model="big", messages=[{"role": "user", "content": "hi"}], stream=True,
                                            extra_headers=PUBLIC)
    next(iter(stream))
    stream.close()
    provider.wait_for(lambda p: p.requests[-1].ended == "client_gone", 20 * weir_server.PATIENCE)


@pytest.mark.parametrize("dialect", ["openai", "gemini", "ollama"])
def test_texts_are_embedded_beyond_this_machine(provider, beyond, dialect):
    weir = beyond(backend(provider, dialect), target("vectors", "embedder"))
    client = openai_client(weir)
    answer = client.embeddings.create(model="vectors", input=["one", "two"], extra_headers=PUBLIC)
    assert [len(entry.embedding) for entry in answer.data] == [len(answer.data[0].embedding)] * 2
    assert all(abs(sum(x * x for x in entry.embedding) - 1) < 1e-3 for entry in answer.data)
    assert answer.data[0].embedding != answer.data[1].embedding
    above = weir.post("/v1/embeddings", {"model": "vectors", "input": "canary-embedded"}, {"x-weir-label": "secret"})
    assert above.status_code == 403 and above.json()["error"]["code"] == "label_exceeds_ceiling"
    assert provider.count("canary-embedded") == 0


def test_token_ids_that_nobody_can_read_do_not_go_to_a_cloud(provider, beyond):
    weir = beyond(backend(provider), backend(provider, name="rack", tier="edge", ceiling="secret"), target("vectors"),
                  target("inside", backend="rack"))
    tokens = {"input": [101, 2023, 102]}
    assert weir.post("/v1/embeddings", tokens | {"model": "vectors"}).status_code == 403
    assert weir.post("/v1/embeddings", tokens | {"model": "inside"}).status_code == 200
    # Who may assert labels knows what the numbers say.
    assert weir.post("/v1/embeddings", tokens | {"model": "vectors"}, PUBLIC).status_code == 200


def test_a_provider_without_embeddings_says_so(provider, beyond):
    weir = beyond(backend(provider, "anthropic"), target("vectors"))
    answer = weir.post("/v1/embeddings", {"model": "vectors", "input": "hi"}, PUBLIC)
    assert answer.status_code == 400 and answer.json()["error"]["code"] == "wrong_task", answer.text


@pytest.mark.parametrize("failure, status", [("429", 503), ("500", 502), ("hang", 502), ("cut", 502), ("bad_json", 502)])
def test_embeddings_fail_honestly_too(provider, beyond, failure, status):
    weir = beyond(backend(provider, more=QUICK), target("vectors"))
    provider.fail("vectors", failure)
    answer = weir.post("/v1/embeddings", {"model": "vectors", "input": "hi"}, PUBLIC)
    assert answer.status_code == status, answer.text
    provider.forget()
    provider.fail("vectors", "500", times=1)
    patient = beyond(backend(provider, more="retries = 1"), target("vectors"))
    assert patient.post("/v1/embeddings", {"model": "vectors", "input": "hi"}, PUBLIC).status_code == 200


def test_ollamas_own_completions_go_to_an_ollama(provider, beyond):
    weir = beyond(backend(provider, "ollama"), target("big"))
    for more in ({"raw": True}, {"suffix": "end"}):
        body = {"model": "big", "prompt": "Once", "options": {"num_predict": 8}} | more
        whole = weir.post("/api/generate", body | {"stream": False}, PUBLIC)
        assert whole.status_code == 200 and whole.json()["response"] == TEXT
        lines = [json.loads(line) for line in weir.post("/api/generate", body, PUBLIC).text.splitlines()]
        assert "".join(line["response"] for line in lines) == TEXT and lines[-1]["done"]
        sent = provider.requests[-1]
        assert sent.path == "/api/generate" and more.items() <= sent.json().items()


def test_signed_thinking_goes_back_to_anthropic_as_it_came(provider, beyond):
    weir = beyond(backend(provider, "anthropic"), target("big"))
    provider.say("big", Answer(reasoning=("Hm ü\n", "so."), calls=(("weather", "{}"),)), times=2)
    asked = {"model": "big", "max_tokens": 4000, "thinking": {"type": "enabled", "budget_tokens": 2000},
             "tools": [{"name": "weather", "input_schema": {"type": "object"}}],
             "messages": [{"role": "user", "content": "Rain?"}]}
    beta = {"anthropic-beta": "interleaved-thinking-2025-05-14"}
    client = anthropic.Anthropic(base_url=weir.url, api_key="none", max_retries=0)
    whole = client.messages.create(**asked, extra_headers=PUBLIC | beta)
    with client.messages.stream(**asked, extra_headers=PUBLIC) as stream:
        streamed = stream.get_final_message()
    thinking = {"type": "thinking", "thinking": "Hm ü\nso.", "signature": "c2lnbmVk"}
    for answer in (whole, streamed):
        content = [block.model_dump(exclude_none=True) for block in answer.content]
        assert content[0] == thinking and content[-1]["type"] == "tool_use", content
    assert provider.requests[-2].headers["anthropic-beta"] == beta["anthropic-beta"]
    assert "anthropic-beta" not in provider.requests[-1].headers
    result = {"type": "tool_result", "tool_use_id": streamed.content[-1].id, "content": "yes"}
    loop = asked["messages"] + [{"role": "assistant", "content": streamed.content}, {"role": "user", "content": [result]}]
    client.messages.create(**asked | {"messages": loop}, extra_headers=PUBLIC)
    sent = provider.requests[-1].json()
    assert sent["messages"][1]["content"][0] == thinking
    assert sent["thinking"] == asked["thinking"]
    for wrong in ("a\x7fb", "x" * 1025, "a;b"):
        refused = weir.post("/v1/messages", asked, PUBLIC | {"anthropic-beta": wrong})
        assert refused.status_code == 400, wrong
        assert "anthropic-beta" in refused.text or "\x7f" in wrong


def test_what_thinking_holds_is_looked_at_like_other_text(provider, beyond):
    weir = beyond(backend(provider, "anthropic", ceiling="public"), target("big"))
    for block in ({"type": "thinking", "thinking": "to GB82 WEST 1234 5698 7654 32", "signature": "c2ln"},
                  {"type": "thinking", "thinking": "", "signature": "GB82 WEST 1234 5698 7654 32"},
                  {"type": "redacted_thinking", "data": "GB82 WEST 1234 5698 7654 32"}):
        turns = [{"role": "user", "content": "a"}, {"role": "assistant", "content": [block, {"type": "text", "text": "b"}]},
                 {"role": "user", "content": "c"}]
        refused = weir.post("/v1/messages", {"model": "big", "max_tokens": 9, "messages": turns}, PUBLIC)
        assert refused.status_code == 403 and provider.count("GB82") == 0, block


def test_a_text_goes_on_at_a_server_that_has_completions(provider, beyond):
    weir = beyond(backend(provider, tier="edge", more='preset = "vllm"'), target("big"),
                  backend(provider, name="other"), target("chats", backend="other"))
    client = openai_client(weir)
    whole = client.completions.create(model="big", prompt="Once", max_tokens=8, extra_headers=PUBLIC)
    assert whole.choices[0].text == TEXT and whole.usage.prompt_tokens == Answer().prompt_tokens
    stream = client.completions.create(model="big", prompt="Once", stream=True, extra_headers=PUBLIC)
    assert "".join(c.text for chunk in stream for c in chunk.choices) == TEXT
    assert [request.path for request in provider.requests] == ["/v1/completions"] * 2
    refused = weir.post("/v1/completions", {"model": "chats", "prompt": "Once"}, PUBLIC)
    assert refused.status_code == 422 and refused.json()["error"]["param"] == "prompt"


def test_a_prompt_keeps_its_label(provider, beyond):
    weir = beyond(backend(provider, tier="edge", name="rack", ceiling="secret", more='preset = "vllm"'),
                  backend(provider), target("big"), target("inside", backend="rack"))
    secret = "the diagnosis of Mrs. Miller is known to nobody but her doctor and this test"
    body = {"model": "inside", "prompt": secret}
    assert weir.post("/v1/completions", body, {"x-weir-label": "personal"}).status_code == 200
    assert weir.ask("big", secret, headers=PUBLIC).status_code == 403
    assert weir.post("/v1/embeddings", {"model": "big", "input": secret}, PUBLIC).status_code == 403


def test_a_reload_reads_the_keys_again(provider, beyond, tmp_path):
    key = tmp_path / "provider.key"
    key.write_text("sk-first-key\n")
    weir = beyond(backend(provider).replace('key_env = "FAKE_PROVIDER_KEY"', f'key_file = "{key}"'), target("big"))
    assert weir.ask("big", headers=PUBLIC).status_code == 200 and provider.count("sk-first-key") > 0
    key.write_text("sk-second-key\n")
    weir.process.send_signal(signal.SIGHUP)
    deadline = time.monotonic() + 20 * weir_server.PATIENCE
    while not provider.count("sk-second-key"):
        assert weir.ask("big", headers=PUBLIC).status_code == 200
        assert time.monotonic() < deadline
    assert "sk-" not in weir.log()


def test_a_corrected_configuration_helps_at_once(provider, beyond, tmp_path):
    key = tmp_path / "provider.key"
    key.write_text("sk-first-key\n")
    good = backend(provider, more="retries = 0").replace('key_env = "FAKE_PROVIDER_KEY"', f'key_file = "{key}"')
    wrong = good.replace(provider.url(), provider.url().replace("/v1", "/nowhere"))
    weir = beyond(wrong, target("big"))
    assert weir.ask("big", headers=PUBLIC).status_code == 502
    weir.reload()
    assert weir.ask("big", headers=PUBLIC).status_code == 503, "nothing changed: it is left alone"
    weir.reload(weir.config.read_text().replace(wrong, good))
    assert weir.ask("big", headers=PUBLIC).status_code == 200
    provider.fail("big", "401", times=1)
    assert weir.ask("big", headers=PUBLIC).status_code == 502
    assert weir.ask("big", headers=PUBLIC).status_code == 503
    key.write_text("sk-second-key\n")
    weir.reload()
    assert weir.ask("big", headers=PUBLIC).status_code == 200 and provider.count("sk-second-key") > 0


def until(weir, text):
    deadline = time.monotonic() + 20 * weir_server.PATIENCE
    while text not in weir.log():
        assert time.monotonic() < deadline, weir.log()
        time.sleep(0.02)


def gateway_of(weir):
    return [child for child in weir.processes() if "gateway-process" in child.command_line()]


def test_what_is_restarted_after_a_refused_reload_has_the_configuration_in_force(provider, beyond):
    weir = beyond(backend(provider), target("big"))
    good = weir.config.read_text()
    weir.config.write_text(good + "\nnonsense = 1\n")
    weir.process.send_signal(signal.SIGHUP)
    until(weir, "not reloaded")
    deadline = time.monotonic() + 20 * weir_server.PATIENCE
    for processes in (gateway_of, egress_of, gateway_of):
        before = processes(weir)[0].pid
        os.kill(before, signal.SIGKILL)
        while True:  # the listening socket stays open, a connection that the old one had is cut
            assert time.monotonic() < deadline, weir.log()
            try:
                if weir.ask("big", headers=PUBLIC).status_code == 200:
                    break
            except httpx.TransportError:
                pass
        assert processes(weir)[0].pid != before
    # What was mended is taken, and is then what a restart gets.
    weir.config.write_text(good + target("more"))
    weir.process.send_signal(signal.SIGHUP)
    until(weir, "configuration reloaded")
    weir.config.write_text("nonsense = 1\n")
    os.kill(gateway_of(weir)[0].pid, signal.SIGKILL)
    until(weir, "the gateway answers again")
    assert weir.ask("more", headers=PUBLIC).status_code == 200


def test_a_reload_that_would_lose_a_key_is_refused_and_a_start_only_warns(provider, beyond, tmp_path):
    key = tmp_path / "provider.key"
    place = backend(provider).replace('key_env = "FAKE_PROVIDER_KEY"', f'key_file = "{key}"')
    weir = beyond(place, target("big"))
    assert f"backend.key_file names {key}, which cannot be read" in weir.log()
    key.write_text("\n sk-first-key\n")  # an editor's first line is no part of it
    weir.process.send_signal(signal.SIGHUP)
    until(weir, "configuration reloaded")
    assert weir.ask("big", headers=PUBLIC).status_code == 200 and provider.count("sk-first-key") > 0
    key.unlink()
    weir.process.send_signal(signal.SIGHUP)
    until(weir, "not reloaded")
    assert weir.ask("big", headers=PUBLIC).status_code == 200


def test_connections_are_few_and_kept_and_one_that_was_closed_loses_no_request(beyond):
    count = 10_000 if long_run() else 300
    with FakeProvider() as provider:  # its own: connections are counted over its whole life
        weir = beyond(backend(provider, more="concurrency = 4\nretries = 0"), target("big"))
        with concurrent.futures.ThreadPoolExecutor(16) as pool:
            def ask(_):
                return weir.ask("big", headers=PUBLIC).status_code

            assert set(pool.map(ask, range(count))) == {200}
            assert provider.open_connections_max <= 4 and provider.connections <= 8
            for _ in range(5):
                provider.hang_up()
                provider.wait_for(lambda p: p.open_connections == 0, 20 * weir_server.PATIENCE)
                assert set(pool.map(ask, range(8))) == {200}
