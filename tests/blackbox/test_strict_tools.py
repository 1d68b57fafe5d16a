"""Strict tools where the server does not hold calls to their schemas (Ollama's): Weir looks at each call itself."""

import pytest

from beyond import backend, events_of, target
from fake_provider import Answer
from talk import error_of

PUBLIC = {"x-weir-label": "public"}

pytestmark = pytest.mark.usefixtures("fresh_provider")


def tool(strict=True, **city):
    schema = {"type": "object", "properties": {"city": {"type": "string", **city}}, "required": ["city"],
              "additionalProperties": False}
    return {"type": "function", "function": {"name": "weather", "strict": strict, "parameters": schema}}


def calls(arguments):
    return Answer(pieces=(), calls=(("weather", arguments),), finish="tool_calls")


@pytest.fixture
def weir(provider, beyond):
    return beyond(backend(provider, "ollama"), backend(provider, name="other"), target("near", "m1"),
                  target("far", "m2", backend="other"), '[route.both]\ntargets = ["near", "far"]\n')


@pytest.mark.parametrize("stream", [False, True])
def test_a_call_that_fits_its_schema_arrives(provider, weir, stream):
    provider.say("m1", calls('{"city":"Zürich"}'))
    answer = weir.ask("near", stream=stream, headers=PUBLIC, tools=[tool(minLength=2)])
    assert answer.status_code == 200 and "Zürich" in answer.text, answer.text
    assert not answer.json()["choices"][0]["message"]["content"] if not stream else events_of(answer)
    sent = provider.requests[-1].json()["tools"][0]["function"]
    assert sent["parameters"]["properties"]["city"] == {"type": "string", "minLength": 2}


@pytest.mark.parametrize("arguments", ['{"city":7}', "{}", '{"city":"Rome","days":2}', '{"city":"R"}'])
@pytest.mark.parametrize("stream", [False, True])
def test_one_that_does_not_is_an_error_and_no_call(provider, weir, stream, arguments):
    provider.say("m1", calls(arguments))
    answer = weir.ask("near", stream=stream, headers=PUBLIC, tools=[tool(minLength=2)])
    assert "call_breaks_schema" in error_of(answer, 502)["message"]
    free = weir.ask("near", headers=PUBLIC, tools=[tool(strict=False)])
    assert free.json()["choices"][0]["message"]["tool_calls"], "the model's failing is not the server's: it is asked on"


def test_another_target_may_do_better(provider, weir):
    provider.say("m1", calls("{}"))
    provider.say("m2", calls('{"city":"Rome"}'))
    answer = weir.ask("both", headers=PUBLIC, tools=[tool()])
    assert answer.headers["x-weir-target"] == "far"
    assert [a["outcome"] for a in weir.explain(answer)["attempts"]] == ["call_breaks_schema", "served"]


def test_what_cannot_be_checked_is_refused_by_name(provider, weir):
    answer = weir.ask("near", headers=PUBLIC, tools=[tool(pattern="^[A-Z]")])
    assert error_of(answer, 422)["param"] == "tools[0].function.parameters/properties/city/pattern"
    assert not provider.requests
    assert weir.ask("near", headers=PUBLIC, tools=[tool(strict=False, pattern="^[A-Z]")]).status_code == 200
