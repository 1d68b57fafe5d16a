"""What a key is restricted to, each restriction through the running server: nothing of it is advice."""

import itertools
import json
import subprocess
import time

import pytest

import weir_server
from beyond import HTTP, Beyond, backend, ended_well, target, text_of

PRICE = 'price = { currency = "USD", input_per_million = 5, output_per_million = 30 }\nmax_output = 100\n'
QUESTIONS = itertools.count(1)

pytestmark = pytest.mark.usefixtures("fresh_provider")


@pytest.fixture(scope="module")
def weir(provider, tmp_path_factory):
    """One server for all; each test makes keys of its own. The first key is the operator's."""
    text = (backend(provider, name="rack", tier="edge", ceiling="personal") + backend(provider, ceiling="public") +
            target("near", "m1", backend="rack") + target("far", "m2") + PRICE +
            '[route.clever]\ntargets = ["far", "near"]\n')
    with Beyond(tmp_path_factory.mktemp("keys") / "weir", text) as running:
        yield running


@pytest.fixture
def make(weir, request):
    """make(**options): the secret and the name of a new key."""
    def create(**options):
        name = f"{request.node.name[:40]}-{time.monotonic_ns()}"
        words = [word for key, value in options.items() for word in (f"--{key.replace('_', '-')}", str(value))]
        made = subprocess.run([weir_server.WEIR, "keys", "create", name, "--json", *words], capture_output=True, text=True,
                              env=weir_server.plain_environment(weir.data) | {"WEIR_DATA": str(weir.data)},
                              timeout=60 * weir_server.PATIENCE)
        assert made.returncode == 0, made.stderr
        return json.loads(made.stdout)["key"], name
    return create


def ask(weir, key, model="near", label=None, project=None, **body):
    headers = {"x-api-key": key} | ({"x-weir-label": label} if label else {}) | ({"x-weir-project": project} if project else {})
    # Each text is new: a text that was asked before keeps its label. Counted, because a long number (a clock's) is
    # now and then a valid identifier of somebody, and then its label is personal.
    return weir.ask(model, f"Question {next(QUESTIONS)}?", headers=headers, **body)


def refused(answer, status, code):
    assert answer.status_code == status, answer.text
    assert answer.json()["error"]["code"] == code
    return answer


def test_a_key_asks_for_its_models_and_routes_alone(weir, make):
    key, _ = make(allow_models="clever,n*")
    assert ask(weir, key, "near").status_code == 200
    assert ask(weir, key, "clever", label="public").headers["x-weir-target"] == "far", "a route decides by itself"
    refused(ask(weir, key, "far", label="public"), 403, "model_not_allowed")
    for path, body in (("/v1/embeddings", {"input": "x"}), ("/v1/completions", {"prompt": "x"}),
                       ("/v1/messages", {"max_tokens": 5, "messages": [{"role": "user", "content": "x"}]})):
        answer = weir.post(path, {"model": "far"} | body, {"x-api-key": key})
        assert answer.status_code == 403, (path, answer.text)


def test_the_label_floor_of_a_key_holds_against_its_own_header(weir, make):
    key, _ = make(label_floor="personal")
    refused(ask(weir, key, "far", label="public"), 403, "label_exceeds_ceiling")
    answer = ask(weir, key, "clever", label="public")
    assert answer.headers["x-weir-target"] == "near" and answer.headers["x-weir-label"] == "personal"


def test_what_one_key_calls_public_is_not_public_for_what_another_says(weir, make):
    anna, _ = make()
    bert, _ = make()
    greeting = {"role": "user", "content": "Hello there"}
    further = {"role": "user", "content": "The board decided to buy the Initech company for nine millions, and nobody knows yet"}

    def say(key, messages, model="far", **headers):
        return weir.ask(model, messages=messages, headers={"x-api-key": key} | headers)

    refused(say(bert, [greeting]), 403, "label_exceeds_ceiling")
    said = say(anna, [greeting], **{"x-weir-label": "public"})
    assert said.status_code == 200
    answer = {"role": "assistant", "content": text_of(said)}
    for messages in ([greeting], [greeting, answer, further], [greeting, further]):
        refused(say(bert, messages), 403, "label_exceeds_ceiling")
        refused(say(anna, messages), 403, "label_exceeds_ceiling")
    # What stays here says why, and does not make it public either.
    inside = say(bert, [greeting, answer, further], "clever")
    assert (inside.headers["x-weir-target"], inside.headers["x-weir-label"]) == ("near", "internal")
    decision = HTTP.get(f"{weir.url}/weir/v1/decisions/{inside.headers['x-weir-decision']}", headers={"x-api-key": bert})
    assert decision.json()["explanation"][:2] == ["label public: earlier turns had it",
                                                  "label internal: the default, for turns that nobody labelled"]
    refused(say(anna, [greeting, answer, further], **{"x-weir-label": "public"}), 403, "label_exceeds_ceiling")


def test_a_conversation_that_says_public_each_time_goes_on(weir, make):
    key, _ = make()
    headers = {"x-api-key": key, "x-weir-label": "public"}
    messages = []
    for turn in ("Which colours has a rainbow?", "And in which order?", "Why?"):
        messages.append({"role": "user", "content": turn})
        answer = weir.ask("far", messages=messages, headers=headers)
        assert answer.status_code == 200 and answer.headers["x-weir-label"] == "public", answer.text
        messages.append({"role": "assistant", "content": text_of(answer)})


def test_a_key_names_its_projects_alone(weir, make):
    key, _ = make(allow_projects="hr,it-*")
    assert ask(weir, key, project="it-east").status_code == 200
    refused(ask(weir, key, project="sales"), 403, "project_not_allowed")
    refused(ask(weir, key), 403, "project_not_allowed")
    fixed, _ = make(project="hr")
    answer = ask(weir, fixed, project="sales")
    decision = HTTP.get(f"{weir.url}/weir/v1/decisions/{answer.headers['x-weir-decision']}", headers={"x-api-key": fixed})
    assert decision.json()["project"] == "hr", "a key with a project speaks for that one alone"


def test_requests_per_minute(weir, make):
    key, _ = make(requests_per_minute=3)
    codes = [ask(weir, key).status_code for _ in range(5)]
    assert codes[:3] == [200, 200, 200] and 429 in codes[3:]
    answer = next(each for each in iter(lambda: ask(weir, key), None) if each.status_code == 429)
    assert 1 <= int(answer.headers["retry-after"]) <= 60
    other, _ = make()
    assert ask(weir, other).status_code == 200, "another key has a minute of its own"


def test_tokens_per_minute_count_prompt_and_answer(weir, make):
    key, _ = make(tokens_per_minute=40)  # an answer of the fake provider is 11 and 7
    codes = [ask(weir, key).status_code for _ in range(6)]
    assert codes.count(200) == 3, codes
    assert codes[3:] == [429] * 3
    assert "retry-after" in ask(weir, key).headers


def test_money_of_its_own(weir, make):
    key, _ = make(budget="0.01", budget_per="day")
    codes = [ask(weir, key, "far", label="public", max_tokens=100).status_code for _ in range(60)]
    assert codes[0] == 200 and codes[-1] == 429
    refused(ask(weir, key, "far", label="public", max_tokens=100), 429, "budget_exhausted")
    assert ask(weir, key, "clever", label="public", max_tokens=100).headers["x-weir-target"] == "near"


def test_an_expired_key_is_refused_and_its_stream_ends(weir, make, provider):
    key, _ = make(expires_in=3)
    provider.fail("m1", "hang_mid", times=1)
    answer = ask(weir, key, stream=True)
    assert answer.status_code == 200 and not ended_well(answer)
    assert "key_expired" in answer.text and "[DONE]" not in answer.text
    assert ask(weir, key).status_code == 401


def test_a_revoked_key_stops_its_stream_and_no_others(weir, make, provider):
    ending, name = make()
    staying, _ = make()
    provider.fail("m1", "hang_mid", times=1)
    with HTTP.stream("POST", f"{weir.url}/v1/chat/completions", headers={"x-api-key": ending}, timeout=60,
                     json={"model": "near", "messages": [{"role": "user", "content": "hi"}], "stream": True}) as stream:
        lines = stream.iter_lines()
        assert next(line for line in lines if line.startswith("data: "))
        done = subprocess.run([weir_server.WEIR, "keys", "revoke", name], capture_output=True, text=True, timeout=60,
                              env=weir_server.plain_environment(weir.data) | {"WEIR_DATA": str(weir.data)})
        assert done.returncode == 0, done.stderr
        rest = "\n".join(lines)
    assert "key_revoked" in rest and "[DONE]" not in rest
    assert ask(weir, staying).status_code == 200
