"""Every client of tests/clients/, unchanged but for its base URL: chat, streams, tools in a loop, structured answers,
embeddings, errors, cancellation. Part of `make test-long`; docs/clients.md has the table."""

import json

import numpy
import pytest

import suites
import weir_server
from beyond import Beyond, backend, target
from fake_provider import Answer
from talk import EMBEDDING, SMALL, http_client, long_run
from weir_server import until

pytestmark = [pytest.mark.skipif(not long_run(), reason="the clients' suites are part of `make test-long`"),
              pytest.mark.skipif(bool(suites.missing()), reason=suites.missing() or "-")]

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


def each(subject, *cases):
    """Parameters for a test: every client that has the subject, with each of the cases."""
    ids = [(path, *case) for path, subjects in CLIENTS.items() if subject in subjects for case in cases or [()]]
    return [pytest.param(*values, id="-".join([values[0].stem, values[0].suffix[1:], *map(str, values[1:])]))
            for values in ids]


def configuration(provider):
    """A provider of each dialect for the loops; for each client one that breaks and one that hangs: a breaker opens for
    a model that failed several times, and that would be another's failure."""
    parts = [backend(provider, dialect, name=f"to-{dialect}") for dialect in DIALECTS]
    parts += [target(f"loop-{dialect}", "loop", f"to-{dialect}") for dialect in DIALECTS]
    parts += [target(f"{kind}-{path.stem}-{path.suffix[1:]}", f"fail-{kind}", "to-openai")
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


@pytest.fixture
def given(site, small, embedding, fresh_provider):
    return {"url": site.url, "model": SMALL, "embedding": EMBEDDING, "question": QUESTION, "texts": TEXTS, "tokens": 12,
            "temperature": 0, "streamed": False}


@pytest.fixture(scope="module")
def plainly(site):
    """The answer without any client."""
    with http_client(site) as http:
        def ask():
            body = {"model": SMALL, "messages": [{"role": "user", "content": QUESTION}], "max_tokens": 12,
                    "temperature": 0}
            answer = http.post("/v1/chat/completions", json=body).json()
            return answer["choices"][0]["message"]["content"], answer["usage"]
        yield ask


def own_target(path, kind):
    return f"{kind}-{path.stem}-{path.suffix[1:]}"


@pytest.mark.parametrize("path", each("chat"))
def test_a_chat_is_what_weir_answered(running, given, plainly, path):
    result = running.get(path).ask("chat", given)["result"]
    text, usage = plainly()
    assert result["text"].strip() == text.strip() and "Paris" in text
    if result["usage"]:
        assert result["usage"] == [usage["prompt_tokens"], usage["completion_tokens"]]


@pytest.mark.parametrize("path", each("stream"))
def test_a_stream_comes_in_pieces_that_make_the_same_text(running, given, plainly, path):
    pieces = running.get(path).ask("stream", given)["result"]["pieces"]
    assert len(pieces) > 1 and "".join(pieces).strip() == plainly()[0].strip()


@pytest.mark.parametrize("path, dialect, streamed",
                         each("tools", *((dialect, how) for dialect in DIALECTS for how in ("whole", "streamed"))))
def test_tools_are_called_over_three_turns(running, given, provider, path, dialect, streamed):
    for turn in reversed(TURNS):
        provider.say("loop", turn, times=1)
    asked = given | {"model": f"loop-{dialect}", "question": "How warm will it be?", "streamed": streamed == "streamed",
                     "tokens": 100}
    result = running.get(path).ask("tools", asked)["result"]
    assert result["text"].strip() == TURNS[-1].text and result["ran"] == RAN
    requests = [request for request in provider.requests if request.model == "loop"]
    assert [request.dialect for request in requests] == [dialect] * 4
    last = requests[-1].json()
    assert [json.dumps(last, ensure_ascii=False).count(text) for text in RESULTS] == [1] * len(RESULTS)
    if dialect == "openai":
        calls = [call["id"] for message in last["messages"] for call in message.get("tool_calls") or []]
        assert calls == [message["tool_call_id"] for message in last["messages"] if message["role"] == "tool"]
        assert len(set(calls)) == len(RAN)


@pytest.mark.parametrize("path", each("structured"))
def test_an_answer_has_the_form_that_was_asked_for(running, given, path):
    asked = given | {"question": "Describe the capital of Italy as JSON.", "tokens": 200}
    place = running.get(path).ask("structured", asked)["result"]["place"]
    assert set(place) == set(PLACE) and set(place["country"]) == {"name", "in_the_union"}
    assert place["city"] in PLACE["city"] and place["river"] in PLACE["river"]
    assert place["country"]["name"] in PLACE["country"] and isinstance(place["country"]["in_the_union"], bool)


@pytest.mark.parametrize("path", each("embed"))
def test_texts_get_the_vectors_that_weir_made(running, given, site, path):
    vectors = numpy.array(running.get(path).ask("embed", given)["result"]["vectors"])
    plain = site.post("/v1/embeddings", {"model": EMBEDDING, "input": TEXTS}).json()["data"]
    assert vectors.shape == (len(TEXTS), 384)
    assert numpy.abs(vectors - numpy.array([entry["embedding"] for entry in plain])).max() < 1e-4


@pytest.mark.parametrize("path, streamed", each("chat", ("whole",), ("streamed",)))
def test_an_unknown_model_is_an_error_with_its_name(running, given, path, streamed):
    asked = given | {"model": "no-such-model", "streamed": streamed == "streamed"}
    result = running.get(path).ask("error", asked)["result"]
    assert result["error"] and result["pieces"] == [] and "no-such-model" in result["text"], result
    assert result["status"] in (404, None)


@pytest.mark.parametrize("path", each("chat"))
def test_a_value_out_of_range_is_an_error_with_its_name(running, given, path):
    result = running.get(path).ask("error", given | {"temperature": 7})["result"]
    assert result["error"] and "temperature" in result["text"], result
    assert result["status"] in (400, None)


@pytest.mark.parametrize("path", each("stream"))
def test_a_stream_that_breaks_is_an_error_and_not_an_end(running, given, path):
    asked = given | {"model": own_target(path, "error_mid"), "streamed": True}
    result = running.get(path).ask("error", asked)["result"]
    assert result["error"] and result["pieces"], result


def running_answers(site):
    return sum(model.get("running", 0) for model in site.get("/weir/v1/models").json()["data"])


@pytest.mark.parametrize("path", each("stream"))
def test_closing_a_stream_ends_the_work_of_the_engine(running, given, site, path):
    client = running.get(path)
    assert client.ask("cancel", given | {"question": STORY, "tokens": 3000})["started"]
    assert running_answers(site) == 1, "nothing runs, so the test would show nothing"
    client.send("")
    assert client.read() == {"result": {}}
    assert until(lambda: running_answers(site) == 0, timeout_s=5)
    assert client.process.poll() is None


@pytest.mark.parametrize("path", each("stream"))
def test_closing_a_stream_ends_the_request_to_the_provider(running, given, provider, path):
    client = running.get(path)
    assert client.ask("cancel", given | {"model": own_target(path, "hang_mid"), "streamed": True})["started"]
    assert [request.ended for request in provider.requests] == ["open"]
    client.send("")
    assert client.read() == {"result": {}}
    provider.wait_for(lambda seen: seen.requests[0].ended == "client_gone")
    assert client.process.poll() is None
