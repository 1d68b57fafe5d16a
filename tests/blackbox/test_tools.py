"""Tool calls, with models that know tools and with one that does not."""

import json

import jsonschema
import pytest

from talk import CODER, SMALL, ask, error_of, events_of

WEATHER = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "The current weather in a city",
        "parameters": {
            "type": "object",
            "properties": {"city": {"type": "string"}, "unit": {"type": "string", "enum": ["celsius", "fahrenheit"]}},
            "required": ["city"],
            "additionalProperties": False,
        },
    },
}
TIME = {
    "type": "function",
    "function": {
        "name": "get_time",
        "description": "The current time in a time zone",
        "parameters": {"type": "object", "properties": {"zone": {"type": "string"}}, "required": ["zone"]},
    },
}
QUESTION = [{"role": "user", "content": "What is the weather in Paris right now? Use the tool."}]


def call(client, model, **more):
    return client.chat.completions.create(
        model=model, **({"messages": QUESTION, "tools": [WEATHER], "temperature": 0, "max_tokens": 128} | more))


def check_weather_call(choice):
    calls = choice.message.tool_calls
    assert calls and calls[0].function.name == "get_weather", choice
    jsonschema.validate(json.loads(calls[0].function.arguments), WEATHER["function"]["parameters"])
    assert calls[0].id and calls[0].type == "function"
    assert choice.finish_reason == "tool_calls"
    return json.loads(calls[0].function.arguments)


def test_a_required_tool_is_called(client, tool_model):
    arguments = check_weather_call(call(client, tool_model, tool_choice="required").choices[0])
    if tool_model != SMALL:
        assert "paris" in arguments["city"].lower()


def test_a_named_tool_is_called(client, tool_model):
    named = {"type": "function", "function": {"name": "get_weather"}}
    check_weather_call(call(client, tool_model, tools=[TIME, WEATHER], tool_choice=named).choices[0])


def test_auto_calls_the_tool_where_the_model_wants_to(client, deciding_model):
    arguments = check_weather_call(call(client, deciding_model, tool_choice="auto").choices[0])
    assert "paris" in arguments["city"].lower()


def test_auto_without_need_answers_in_text(client, deciding_model):
    choice = call(client, deciding_model, messages=[{"role": "user", "content": "Say hello."}]).choices[0]
    assert choice.message.content and not choice.message.tool_calls


def test_none_never_calls(client, tool_model):
    choice = call(client, tool_model, tool_choice="none").choices[0]
    assert not choice.message.tool_calls and choice.finish_reason in ("stop", "length")


def test_a_streamed_call_adds_up_to_the_plain_one(client, http, tool_model):
    plain = check_weather_call(call(client, tool_model, tool_choice="required", seed=1).choices[0])
    request = {"model": tool_model, "messages": QUESTION, "tools": [WEATHER], "tool_choice": "required", "seed": 1,
               "temperature": 0, "max_tokens": 128, "stream": True}
    with http.stream("POST", "/v1/chat/completions", json=request) as response:
        events = list(events_of(response))
    assert events[-1] == "[DONE]"
    parts = [part for event in events[:-1] for choice in event["choices"]
             for part in choice["delta"].get("tool_calls") or []]
    assert parts[0]["function"]["name"] == "get_weather" and parts[0]["id"]
    assert all(part["index"] == 0 for part in parts)
    assert json.loads("".join(part["function"].get("arguments") or "" for part in parts)) == plain


def test_a_tool_result_is_used_in_the_next_turn(client, deciding_model):
    messages = QUESTION + [
        {"role": "assistant", "content": None, "tool_calls": [
            {"id": "call_1", "type": "function",
             "function": {"name": "get_weather", "arguments": '{"city": "Paris"}'}}]},
        {"role": "tool", "tool_call_id": "call_1", "content": "17 degrees celsius and raining"}]
    # With the tools on offer these models call them again (under llama-server too); "none" asks for the answer.
    choice = call(client, deciding_model, messages=messages, tool_choice="none").choices[0]
    assert "17" in choice.message.content and not choice.message.tool_calls


def test_one_call_only_when_parallel_calls_are_off(client, tool_model):
    choice = call(client, tool_model, tool_choice="required", parallel_tool_calls=False).choices[0]
    assert len(choice.message.tool_calls) == 1


def tool_with(schema, **more):
    return {"type": "function", "function": {"name": "note", "parameters": schema} | more}


def with_property(schema):
    return {"type": "object", "properties": {"a": schema}, "required": ["a"]}


# A schema that a grammar cannot enforce, and where the error has to say it is.
UNENFORCEABLE = [
    ({"type": "banana"}, ""),  # refused before it is known who answers
    ({"$ref": "http://example.com/schema"}, "/$ref"),
    ({"items": {"type": "string"}}, ""),
    (with_property({"type": "integer", "multipleOf": 12345}), "/properties/a/multipleOf"),
    (with_property({"type": "string", "pattern": "(["}), "/properties/a/pattern"),
    (with_property({"type": "array", "uniqueItems": True}), "/properties/a/uniqueItems"),
]


@pytest.mark.parametrize("schema, where", UNENFORCEABLE, ids=json.dumps)
@pytest.mark.parametrize("choice", ["required", {"type": "function", "function": {"name": "note"}}], ids=["any", "named"])
def test_a_schema_that_a_call_must_follow_is_enforced_or_refused_by_name(http, tool_model, choice, schema, where):
    request = ask("Note 5.", model=tool_model, tools=[WEATHER, tool_with(schema)], tool_choice=choice)
    error = error_of(http.post("/v1/chat/completions", json=request), 400)
    assert error["param"] == "tools[1].function.parameters" + where, error


def test_a_strict_schema_is_refused_under_auto_too(http, tool_model):
    schema = with_property({"type": "integer", "multipleOf": 12345})
    request = ask("Note 5.", model=tool_model, tools=[tool_with(schema, strict=True)], max_tokens=1)
    assert error_of(http.post("/v1/chat/completions", json=request), 400)["param"].endswith("/multipleOf")
    # Without strict the schema is what the model is told.
    for told in (schema, with_property({"type": "string", "maxLength": 100_000}), with_property({"$ref": "#/$defs/a"}),
                 with_property({"type": "string", "pattern": "(["}), {"$ref": "http://example.com/schema"}):
        response = http.post("/v1/chat/completions", json=request | {"tools": [tool_with(told)]})
        assert response.status_code == 200, (told, response.text)


def test_annotations_that_clients_generate_are_taken(client, tool_model):
    """What LangChain, pydantic and MCP servers write around what a schema demands."""
    schema = {"$schema": "http://json-schema.org/draft-07/schema#", "title": "Note", "description": "A note",
              "$defs": {"Kind": {"enum": ["short", "long"], "title": "Kind", "type": "string"}},
              "type": "object", "additionalProperties": False, "required": ["kind", "size"],
              "properties": {
                  "kind": {"$ref": "#/$defs/Kind", "description": "which kind"},
                  "size": {"type": "integer", "format": "int32", "title": "Size", "default": 3, "examples": [1, 2],
                           "minimum": 0, "maximum": 9},
                  "link": {"anyOf": [{"type": "string", "format": "uri", "minLength": 1, "maxLength": 20},
                                     {"type": "null"}], "default": None, "title": "Link"}}}
    choice = call(client, tool_model, tools=[tool_with(schema)], tool_choice="required").choices[0]
    assert choice.finish_reason == "tool_calls"
    jsonschema.validate(json.loads(choice.message.tool_calls[0].function.arguments), schema)


CAPITAL = {"type": "object", "properties": {"capital": {"type": "string", "maxLength": 20}}, "required": ["capital"],
           "additionalProperties": False}
CAPITAL_FORMAT = {"type": "json_schema", "json_schema": {"name": "capital", "strict": True, "schema": CAPITAL}}


def test_tools_and_a_format_give_a_call_or_what_the_format_says(client, deciding_model):
    """Which of the two is the model's choice; qwen2.5-coder:0.5b calls."""
    other = [{"role": "user", "content": "What is the capital of France? Answer in JSON, without a function."}]
    for messages in (QUESTION, other):
        choice = call(client, deciding_model, messages=messages, response_format=CAPITAL_FORMAT).choices[0]
        if choice.message.tool_calls or (deciding_model == CODER and messages is QUESTION):
            assert check_weather_call(choice)["city"] and not choice.message.content
        else:
            jsonschema.validate(json.loads(choice.message.content), CAPITAL)


def test_a_required_call_is_the_answer_whatever_the_format(client, tool_model):
    check_weather_call(call(client, tool_model, tool_choice="required", response_format=CAPITAL_FORMAT).choices[0])
    none = call(client, tool_model, tool_choice="none", response_format=CAPITAL_FORMAT).choices[0]
    jsonschema.validate(json.loads(none.message.content), CAPITAL)


def test_a_required_call_that_is_cut_off_is_not_shown_as_text(client, tool_model):
    choice = call(client, tool_model, tool_choice="required", max_tokens=9).choices[0]
    assert choice.finish_reason == "length" and not choice.message.content
    assert all(cut.function.name == "get_weather" for cut in choice.message.tool_calls or [])


def test_parameters_that_say_nothing_are_those_of_an_object(client, small):
    for tool in (tool_with({}), {"type": "function", "function": {"name": "note"}}):
        choice = call(client, small, tools=[tool], tool_choice="required", seed=3).choices[0]
        if choice.finish_reason != "length":  # an object without a shape may go on for long
            assert isinstance(json.loads(choice.message.tool_calls[0].function.arguments), dict)
