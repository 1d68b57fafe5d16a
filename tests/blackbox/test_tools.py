"""Tool calls, with models that know tools and with one that does not."""

import json

import jsonschema
import pytest

from talk import SMALL, events_of

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
