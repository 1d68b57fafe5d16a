"""OpenAI's own client on /v1/responses, against the real server and engine: answers that are kept and gone on from."""

import json
import re

import openai
import pytest

import weir_server
from talk import SMALL, error_of, openai_client

HI = "What is the capital of France? One word."
COLD = {"temperature": 0, "max_output_tokens": 16}
WEATHER = {"type": "function", "name": "get_weather", "description": "The weather in a city", "strict": True,
           "parameters": {"type": "object", "properties": {"city": {"type": "string", "maxLength": 12}},
                          "required": ["city"], "additionalProperties": False}}


def ask(client, question=HI, **more):
    return client.responses.create(**{"model": SMALL, "input": question} | COLD | more)


def test_an_answer_comes_with_its_usage_and_is_kept(client, small):
    answer = ask(client)
    assert "Paris" in answer.output_text
    assert answer.status in ("completed", "incomplete") and answer.model == SMALL and answer.error is None
    assert answer.usage.total_tokens == answer.usage.input_tokens + answer.usage.output_tokens
    assert client.responses.retrieve(answer.id).output_text == answer.output_text
    client.responses.delete(answer.id)
    with pytest.raises(openai.NotFoundError):
        client.responses.retrieve(answer.id)


def test_a_stream_gives_the_same_answer_event_by_event(client, small):
    whole = ask(client)
    with client.responses.stream(model=SMALL, input=HI, **COLD) as stream:
        events = list(stream)
        final = stream.get_final_response()
    assert final.output_text == whole.output_text and final.usage.output_tokens == whole.usage.output_tokens
    kinds = [event.type for event in events]
    assert kinds[:2] == ["response.created", "response.in_progress"]
    assert kinds[-1] in ("response.completed", "response.incomplete")
    assert [event.sequence_number for event in events] == list(range(len(events)))
    assert "".join(event.delta for event in events if event.type == "response.output_text.delta") == whole.output_text
    assert client.responses.retrieve(final.id).output_text == whole.output_text


def test_the_next_turn_goes_on_from_the_last(client, small):
    first = ask(client, "My cat is called Zebedee.", instructions="Answer in one sentence.")
    second = ask(client, "And what is my cat called?", previous_response_id=first.id)
    assert second.previous_response_id == first.id
    told = client.responses.create(model=SMALL, **COLD, input=[
        {"role": "user", "content": "My cat is called Zebedee."},
        *[{"role": "assistant", "content": first.output_text}],
        {"role": "user", "content": "And what is my cat called?"}])
    assert second.output_text == told.output_text  # the same conversation, however it was given
    assert second.usage.input_tokens == told.usage.input_tokens
    items = client.responses.input_items.list(second.id, order="asc").data
    assert [item.type for item in items] == ["message"] * 3
    assert [item.role for item in items] == ["user", "assistant", "user"]
    newest = client.responses.input_items.list(second.id, limit=1)
    assert newest.data[0].content[0].text == "And what is my cat called?"
    assert [item.id for item in newest] == [item.id for item in reversed(items)]  # every page


def test_tools_are_called_and_answered_over_three_turns(client, tool_model):
    said = []
    response = client.responses.create(model=tool_model, input="What is the weather in Paris and Rome?", tools=[WEATHER],
                                       tool_choice="required", temperature=0, max_output_tokens=60)
    for turn in range(3):
        calls = [item for item in response.output if item.type == "function_call"]
        assert calls and all(call.name == "get_weather" for call in calls), response.output
        said += [json.loads(call.arguments)["city"] for call in calls]
        results = [{"type": "function_call_output", "call_id": call.call_id, "output": f"{17 + turn} degrees, raining"}
                   for call in calls]
        # Not asked for words, a small model may have none.
        words = [{"role": "user", "content": "Tell me in a sentence."}] if turn == 2 else []
        response = client.responses.create(
            model=tool_model, previous_response_id=response.id, input=results + words, tools=[WEATHER], temperature=0,
            tool_choice="required" if turn < 2 else "none", max_output_tokens=60)
    assert len(said) >= 3
    assert response.output_text and not [item for item in response.output if item.type == "function_call"]
    kinds = [item.type for item in client.responses.input_items.list(response.id, order="asc", limit=100)]
    assert kinds.count("function_call") == kinds.count("function_call_output") == len(said)


def test_arguments_stream_as_they_come(client, tool_model):
    with client.responses.stream(model=tool_model, input="The weather in Paris?", tools=[WEATHER], temperature=0,
                                 tool_choice={"type": "function", "name": "get_weather"}, max_output_tokens=60) as stream:
        events = list(stream)
    pieces = [event.delta for event in events if event.type == "response.function_call_arguments.delta"]
    done = [event for event in events if event.type == "response.function_call_arguments.done"]
    assert pieces and "".join(pieces) == done[0].arguments
    assert set(json.loads(done[0].arguments)) == {"city"}


def test_a_schema_is_kept(client, small):
    schema = {"type": "object", "properties": {"city": {"type": "string", "maxLength": 12}, "big": {"type": "boolean"}},
              "required": ["city", "big"], "additionalProperties": False}
    answer = ask(client, "Describe Paris.", max_output_tokens=40,
                 text={"format": {"type": "json_schema", "name": "city", "schema": schema, "strict": True}})
    found = json.loads(answer.output_text)
    assert set(found) == {"city", "big"} and isinstance(found["big"], bool)
    assert answer.text.format.type == "json_schema"


def test_logprobs_come_where_they_are_asked_for(client, small):
    answer = ask(client, include=["message.output_text.logprobs"], top_logprobs=2)
    tokens = answer.output[0].content[0].logprobs
    assert bytes(b for token in tokens for b in token.bytes).decode() == answer.output_text
    assert all(len(token.top_logprobs) == 2 and token.logprob <= 0 for token in tokens)


def test_a_bound_makes_an_answer_incomplete(client, small):
    answer = ask(client, "Count from 1 to 100.", max_output_tokens=3)
    assert answer.status == "incomplete" and answer.incomplete_details.reason == "max_output_tokens"
    assert answer.usage.output_tokens == 3


def test_tokens_are_counted_before_they_are_spent(client, small):
    counted = client.responses.input_tokens.count(model=SMALL, input=HI, instructions="Be brief.")
    assert counted.input_tokens == ask(client, instructions="Be brief.").usage.input_tokens
    tools = {"tools": [{"type": "function", "name": "f", "parameters": {"type": "object", "properties": {}}}],
             "tool_choice": "none"}
    counted = client.responses.input_tokens.count(model=SMALL, input=HI, **tools)
    assert counted.input_tokens == ask(client, **tools).usage.input_tokens


def test_what_is_not_stored_and_what_is_unknown_is_not_there(client, http, small):
    answer = ask(client, store=False)
    assert answer.store is False
    for id in (answer.id, "resp_nobody"):
        with pytest.raises(openai.NotFoundError) as raised:
            ask(client, previous_response_id=id)
        assert raised.value.param == "previous_response_id" and raised.value.code == "previous_response_not_found"
    assert error_of(http.get("/v1/responses/resp_nobody"), 404)["code"] == "response_not_found"


@pytest.mark.parametrize("param,request_more", [
    ("background", {"background": True}),
    ("truncation", {"truncation": "auto"}),
    ("conversation", {"conversation": "conv_1"}),
    ("tools[0].type", {"tools": [{"type": "web_search"}]}),
    ("input[0].content[0].file_id", {"input": [{"role": "user", "content": [{"type": "input_file", "file_id": "f"}]}]}),
    ("text.format.schema", {"text": {"format": {"type": "json_schema", "name": "n", "schema": {"type": "banana"}}}}),
    ("tools[0].parameters", {"tools": [WEATHER | {"parameters": {"type": "object", "properties": {
        "a": {"type": "array", "uniqueItems": True}}}}]}),
])
def test_what_cannot_be_honoured_is_refused_by_name(http, small, param, request_more):
    response = http.post("/v1/responses", json={"model": SMALL, "input": "a", "max_output_tokens": 1} | request_more)
    assert error_of(response, 400)["param"].startswith(param)


def test_a_model_that_is_not_there(client):
    with pytest.raises(openai.NotFoundError):
        ask(client, model="nobody")


def test_a_client_that_leaves_stops_the_work(client, http, small):
    with client.responses.create(model=SMALL, input="Count from 1 to 1000.", stream=True, temperature=0,
                                 max_output_tokens=2000) as stream:
        for event in stream:
            if event.type == "response.output_text.delta":
                break
    running = re.compile(r'^weir_engine_running\{[^}]*\} ([1-9].*)$', flags=re.M)
    assert weir_server.until(lambda: not running.search(http.get("/metrics").text))


def test_conversations_outlive_a_restart_and_belong_to_their_key(serve, small, weir):
    first = serve()
    with first:
        made = {name: weir("keys", "create", "--name", name, "--json", data=first.data) for name in ("ada", "bob")}
        secrets = {name: json.loads(run.stdout)["key"] for name, run in made.items()}
        ada = openai_client(first, key=secrets["ada"])
        kept = ask(ada, "My number is 7.")
        first.stop()
    again = weir_server.Weir(first.data, models=weir_server.model_store())
    with again:
        ada, bob = (openai_client(again, key=secrets[name]) for name in ("ada", "bob"))
        assert ada.responses.retrieve(kept.id).output_text == kept.output_text
        assert ask(ada, "And?", previous_response_id=kept.id).usage.input_tokens > kept.usage.input_tokens
        for call in (bob.responses.retrieve, bob.responses.delete, bob.responses.cancel,
                     lambda id: ask(bob, previous_response_id=id)):
            with pytest.raises(openai.NotFoundError):
                call(kept.id)
        assert (again.data / "conversations.db").stat().st_mode & 0o077 == 0


def test_an_operator_can_keep_nothing(serve, small):
    running = serve("--limits-kept-answers", "0")
    client = openai_client(running)
    answer = ask(client)
    assert answer.store is False and not (running.data / "conversations.db").exists()
    with pytest.raises(openai.BadRequestError) as raised:
        ask(client, store=True)
    assert raised.value.param == "store"
