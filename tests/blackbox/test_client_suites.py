"""Every client of tests/clients/, unchanged but for its base URL: chat, streams, tools in a loop, structured answers,
embeddings, errors, cancellation. Part of `make test-long`; docs/clients.md has the table.

What is expected of a client is a function of JUDGES. All of them are asked of one client before the next one begins:
to import a client takes longer than what is asked of it.
"""

import dataclasses
import json

import numpy
import pytest

import suites
import weir_server
from beyond import Beyond, backend, target
from fake_provider import Answer
from talk import EMBEDDING, SMALL, long_run
from weir_server import until

if not long_run():
    pytest.skip("the clients' suites are part of `make test-long`", allow_module_level=True)
if suites.missing():
    pytest.skip(suites.missing(), allow_module_level=True)

CLIENTS = {path: subjects for folder in ("python", "node") for path, subjects in suites.subjects_of(folder).items()}
DIALECTS = ("openai", "anthropic", "gemini", "ollama")
QUESTION = "What is the capital of France? One word."
STORY = "Count from one to a thousand, every number on a line of its own, in words, without a break."
TEXTS = ["river", "dam", "größe 漢字 🦀"]
# What the model says in a loop of tools: three turns with calls, two of them in one, and an answer.
TURNS = [
    Answer(pieces=(), calls=(("weather", '{"city":"Zürich"}'),), finish="tool_calls", turn=1),
    Answer(pieces=("Both ", "at once. "), calls=(("weather", '{"city":"São Paulo 🦀"}'), ("add", '{"a":17,"b":-4}')),
           finish="tool_calls", turn=2),
    Answer(pieces=(), calls=(("add", '{"a":13,"b":29}'),), finish="tool_calls", turn=3),
    Answer(pieces=("It is ", "42 °C ", "🦀."), turn=4),
]
RAN = [["weather", {"city": "Zürich"}], ["weather", {"city": "São Paulo 🦀"}], ["add", {"a": 17, "b": -4}],
       ["add", {"a": 13, "b": 29}]]
RESULTS = ["17 degrees in Zürich", "17 degrees in São Paulo 🦀", "17 + -4 = 13", "13 + 29 = 42"]
PLACE = {"city": {"Paris", "Rome", "Bern"}, "country": {"France", "Italy", "Switzerland"},
         "river": {"Seine", "Tiber", "Aare", None}}


JUDGES = []  # (subject, what is expected, its further arguments)


def judge(subject, *cases):
    """Expects something of every client that has the subject; once for each of the cases."""
    def register(function):
        JUDGES.extend((subject, function, case) for case in cases or [()])
        return function
    return register


@dataclasses.dataclass
class Stand:
    """What a judge has: the client under test, the server, the provider behind it, and the plain task."""

    client: suites.Client
    site: Beyond
    provider: object
    given: dict

    def ask(self, subject, **more):
        return self.client.ask(subject, self.given | more)

    def result(self, subject, **more):
        return self.ask(subject, **more)["result"]

    def plain_answer(self):
        """The text and the usage of an answer without any client."""
        answer = self.site.ask(SMALL, QUESTION, max_tokens=12, temperature=0).json()
        return answer["choices"][0]["message"]["content"], answer["usage"]

    def own_target(self, kind):
        return own_target(self.client.path, kind)

    def running_answers(self):
        return sum(model.get("running", 0) for model in self.site.get("/weir/v1/models").json()["data"])


def own_target(path, kind):
    return f"{kind}-{path.stem}-{path.suffix[1:]}"


def configuration(provider):
    """A provider of each dialect for the loops; for each client one that breaks and one that hangs: a breaker opens for
    a model that failed several times, and that would be another's failure."""
    parts = [backend(provider, dialect, name=f"to-{dialect}") for dialect in DIALECTS]
    parts += [target(f"loop-{dialect}", "loop", f"to-{dialect}") for dialect in DIALECTS]
    parts += [target(own_target(path, kind), f"fail-{kind}", "to-openai")
              for path in CLIENTS for kind in ("error_mid", "hang_mid")]
    return "\n".join(parts)


@pytest.fixture(scope="module")
def site(provider, tmp_path_factory):
    with Beyond(tmp_path_factory.mktemp("weir"), configuration(provider), models=weir_server.model_store()) as running:
        yield running


@pytest.fixture(scope="module")
def running(tmp_path_factory):
    holder = suites.Running(tmp_path_factory)
    yield holder
    holder.stop()


def expectations():
    for path, subjects in CLIENTS.items():
        for subject, function, case in JUDGES:
            if subject in subjects:
                name = "-".join([path.stem, path.suffix[1:], function.__name__, *case])
                yield pytest.param(path, function, case, id=name)


@judge("chat")
def a_chat_is_what_weir_answered(stand):
    result = stand.result("chat")
    text, usage = stand.plain_answer()
    assert result["text"].strip() == text.strip() and "Paris" in text
    if result["usage"]:
        assert result["usage"] == [usage["prompt_tokens"], usage["completion_tokens"]]


@judge("stream")
def a_stream_comes_in_pieces_that_make_the_same_text(stand):
    pieces = stand.result("stream")["pieces"]
    assert len(pieces) > 1 and "".join(pieces).strip() == stand.plain_answer()[0].strip()


@judge("tools", *((dialect, how) for dialect in DIALECTS for how in ("whole", "streamed")))
def tools_are_called_over_three_turns(stand, dialect, how):
    for turn in reversed(TURNS):
        stand.provider.say("loop", turn, times=1)
    result = stand.result("tools", model=f"loop-{dialect}", question="How warm will it be?", streamed=how == "streamed",
                          tokens=100)
    assert result["text"].strip() == TURNS[-1].text and result["ran"] == RAN
    requests = [request for request in stand.provider.requests if request.model == "loop"]
    assert [request.dialect for request in requests] == [dialect] * 4
    last = requests[-1].json()
    assert [json.dumps(last, ensure_ascii=False).count(text) for text in RESULTS] == [1] * len(RESULTS)
    if dialect == "openai":
        calls = [call["id"] for message in last["messages"] for call in message.get("tool_calls") or []]
        assert calls == [message["tool_call_id"] for message in last["messages"] if message["role"] == "tool"]
        assert len(set(calls)) == len(RAN)


@judge("structured")
def an_answer_has_the_form_that_was_asked_for(stand):
    place = stand.result("structured", question="Describe the capital of Italy as JSON.", tokens=200)["place"]
    assert set(place) == set(PLACE) and set(place["country"]) == {"name", "in_the_union"}
    assert place["city"] in PLACE["city"] and place["river"] in PLACE["river"]
    assert place["country"]["name"] in PLACE["country"] and isinstance(place["country"]["in_the_union"], bool)


@judge("embed")
def texts_get_the_vectors_that_weir_made(stand):
    vectors = numpy.array(stand.result("embed")["vectors"])
    plain = stand.site.post("/v1/embeddings", {"model": EMBEDDING, "input": TEXTS}).json()["data"]
    assert vectors.shape == (len(TEXTS), 384)
    assert numpy.abs(vectors - numpy.array([entry["embedding"] for entry in plain])).max() < 1e-4


@judge("chat", ("whole",), ("streamed",))
def an_unknown_model_is_an_error_with_its_name(stand, how):
    result = stand.result("error", model="no-such-model", streamed=how == "streamed")
    assert result["error"] and result["pieces"] == [] and "no-such-model" in result["text"], result
    assert result["status"] in (404, None)


@judge("chat")
def a_value_out_of_range_is_an_error_with_its_name(stand):
    result = stand.result("error", temperature=-1)
    assert result["error"] and "temperature" in result["text"], result
    assert result["status"] in (400, None)


@judge("stream")
def a_stream_that_breaks_is_an_error_and_not_an_end(stand):
    result = stand.result("error", model=stand.own_target("error_mid"), streamed=True)
    assert result["error"] and result["pieces"], result


@judge("stream")
def closing_a_stream_ends_the_work_of_the_engine(stand):
    assert stand.ask("cancel", question=STORY, tokens=3000)["started"]
    assert until(lambda: stand.running_answers() == 1), "nothing runs, so the test would show nothing"
    assert stand.client.go_on() == {"result": {}}
    assert until(lambda: stand.running_answers() == 0, timeout_s=5)
    assert stand.client.process.poll() is None


@judge("stream")
def closing_a_stream_ends_the_request_to_the_provider(stand):
    assert stand.ask("cancel", model=stand.own_target("hang_mid"), streamed=True)["started"]
    assert [request.ended for request in stand.provider.requests] == ["open"]
    assert stand.client.go_on() == {"result": {}}
    stand.provider.wait_for(lambda seen: seen.requests[0].ended == "client_gone")
    assert stand.client.process.poll() is None


@pytest.mark.parametrize("path, expectation, case", expectations())
def test_of_a_client(running, site, provider, fresh_provider, small, embedding, path, expectation, case):
    given = {"url": site.url, "model": SMALL, "embedding": EMBEDDING, "question": QUESTION, "texts": TEXTS, "tokens": 12,
             "temperature": 0, "streamed": False}
    expectation(Stand(running.get(path), site, provider, given), *case)
