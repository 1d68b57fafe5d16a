"""Anthropic's own client against the real server and engine, unchanged but for its base URL."""

import json

import httpx
import pytest

import weir_server
from talk import SMALL

anthropic = pytest.importorskip("anthropic", reason="the client is not installed; tools/setup.sh")

HI = [{"role": "user", "content": "What is the capital of France? One word."}]
# Newer clients have no word for it any more; the API has.
COLD = {"temperature": 0}
WEATHER = {"name": "weather", "description": "Tells the weather of a city",
           "input_schema": {"type": "object", "properties": {"city": {"type": "string", "maxLength": 12}},
                            "required": ["city"], "additionalProperties": False}}
OTHER = {"name": "other", "description": "Does something else", "input_schema": {"type": "object", "properties": {}}}


@pytest.fixture
def claude(server, small):
    return anthropic.Anthropic(base_url=server.url, api_key="none", max_retries=0, timeout=120 * weir_server.PATIENCE)


def ask(claude, **more):
    return claude.messages.create(**{"model": SMALL, "max_tokens": 12, "messages": HI, "extra_body": COLD} | more)


def test_a_message_is_answered_with_its_usage(claude):
    answer = ask(claude)
    assert "Paris" in answer.content[0].text
    assert answer.type == "message" and answer.role == "assistant" and answer.model == SMALL
    assert answer.stop_reason in ("end_turn", "max_tokens")
    assert answer.usage.output_tokens > 0
    again = ask(claude)  # the same prompt, now from the cache
    assert again.content[0].text == answer.content[0].text
    total = answer.usage.input_tokens + answer.usage.cache_read_input_tokens
    assert again.usage.input_tokens + again.usage.cache_read_input_tokens == total
    assert again.usage.cache_read_input_tokens > 0


def test_a_stream_gives_the_same_message_event_by_event(claude):
    whole = ask(claude)
    with claude.messages.stream(model=SMALL, max_tokens=12, messages=HI, extra_body=COLD) as stream:
        kinds = [event.type for event in stream]
        final = stream.get_final_message()
    assert final.content[0].text == whole.content[0].text
    assert final.stop_reason == whole.stop_reason and final.usage.output_tokens == whole.usage.output_tokens
    assert kinds[0] == "message_start" and kinds[-1] == "message_stop"
    assert kinds.index("content_block_start") < kinds.index("content_block_delta") < kinds.index("content_block_stop")


def test_system_blocks_and_stop_sequences_count(claude):
    answer = ask(claude, system=[{"type": "text", "text": "Answer only with the word Zebra.",
                                  "cache_control": {"type": "ephemeral"}}], max_tokens=8)
    plain = ask(claude, max_tokens=8)
    used, without = (m.usage.input_tokens + m.usage.cache_read_input_tokens for m in (answer, plain))
    assert used != without  # the template's own system text is another
    stopped = ask(claude, messages=[{"role": "user", "content": "Count: 1, 2, 3, 4, 5, 6"}],
                  stop_sequences=["3"], max_tokens=60)
    if stopped.stop_reason == "stop_sequence":
        assert stopped.stop_sequence == "3" and "3" not in stopped.content[0].text


def test_a_forced_tool_is_called_and_its_result_is_read(claude):
    messages = [{"role": "user", "content": "What is the weather in Bern?"}]
    for _ in range(3):
        answer = ask(claude, messages=messages, tools=[WEATHER], tool_choice={"type": "tool", "name": "weather"},
                     max_tokens=120)
        assert answer.stop_reason == "tool_use"
        call = next(block for block in answer.content if block.type == "tool_use")
        assert call.name == "weather" and isinstance(call.input["city"], str)
        messages += [{"role": "assistant", "content": answer.content},
                     {"role": "user", "content": [{"type": "tool_result", "tool_use_id": call.id,
                                                   "content": [{"type": "text", "text": "sunny"}]},
                                                  {"type": "text", "text": "And in another city?"}]}]
    assert ask(claude, messages=messages, tools=[WEATHER], tool_choice={"type": "none"}).stop_reason != "tool_use"


def test_a_streamed_tool_call_has_whole_arguments(claude):
    with claude.messages.stream(model=SMALL, max_tokens=120, messages=HI, tools=[WEATHER],
                                tool_choice={"type": "any"}) as stream:
        pieces = [event.delta.partial_json for event in stream
                  if event.type == "content_block_delta" and event.delta.type == "input_json_delta"]
        final = stream.get_final_message()
    call = final.content[-1]
    assert call.type == "tool_use" and isinstance(call.input["city"], str) and "".join(pieces)


def test_an_answer_follows_its_schema(claude):
    schema = {"type": "object", "properties": {"city": {"type": "string", "maxLength": 20}}, "required": ["city"],
              "additionalProperties": False}
    answer = ask(claude, max_tokens=60, output_config={"format": {"type": "json_schema", "schema": schema}})
    assert set(json.loads(answer.content[0].text)) == {"city"}


def test_tokens_are_counted_as_the_answer_counts_them(claude):
    for more in ({}, {"system": "Be brief."}, {"tools": [WEATHER]}, {"tools": [WEATHER], "tool_choice": {"type": "none"}},
                 {"tools": [WEATHER, OTHER], "tool_choice": {"type": "tool", "name": "other"}},
                 {"messages": HI + [{"role": "assistant", "content": "The capital is"}]}):
        more = {"messages": HI} | more
        counted = claude.messages.count_tokens(model=SMALL, **more)
        answer = ask(claude, max_tokens=1, **more)
        used = answer.usage.input_tokens + answer.usage.cache_read_input_tokens
        assert counted.input_tokens == used, more


def test_an_answer_that_has_begun_is_gone_on_with(claude):
    begun = [{"role": "user", "content": "Name a city as JSON."}, {"role": "assistant", "content": '{"city": "'}]
    answer = ask(claude, messages=begun, max_tokens=40)
    assert "{" not in answer.content[0].text.split('"')[0] and '"' in answer.content[0].text
    schema = {"type": "object", "properties": {"city": {"type": "string", "maxLength": 20}}, "required": ["city"],
              "additionalProperties": False}
    held = ask(claude, messages=begun, max_tokens=60, output_config={"format": {"type": "json_schema", "schema": schema}})
    assert set(json.loads('{"city": "' + held.content[0].text)) == {"city"}
    with pytest.raises(anthropic.BadRequestError) as raised:
        ask(claude, messages=begun, tools=[WEATHER], tool_choice={"type": "any"})
    assert raised.value.body["error"]["param"] == "tool_choice"


def test_an_error_names_the_clients_own_message(claude):
    paper = {"type": "document", "source": {"type": "base64", "media_type": "application/pdf", "data": "JVBERi0xLjcK"}}
    with pytest.raises(anthropic.UnprocessableEntityError) as raised:
        ask(claude, system="Be brief.", messages=[{"role": "user", "content": [{"type": "text", "text": "a"}, paper]}])
    assert raised.value.body["error"]["param"] == "messages[0].content[1]"


def test_a_document_of_plain_text_is_read(claude):
    note = {"type": "document", "title": "note.md",
            "source": {"type": "text", "media_type": "text/plain", "data": "The code word is Zebra."}}
    content = [note, {"type": "text", "text": "What is the code word?"}]
    said = ask(claude, messages=[{"role": "user", "content": content}], max_tokens=30)
    assert "ebra" in said.content[0].text
    counted = claude.messages.count_tokens(model=SMALL, messages=[{"role": "user", "content": content}])
    assert counted.input_tokens == said.usage.input_tokens + said.usage.cache_read_input_tokens


def test_models_come_in_anthropics_shape_to_its_clients_alone(claude, client):
    models = claude.models.list()
    assert SMALL in [model.id for model in models.data] and models.data[0].type == "model"
    assert claude.models.retrieve(SMALL).id == SMALL
    assert client.models.list().object == "list"


def test_models_come_page_by_page(claude):
    ids = [model.id for model in claude.models.list(limit=1000).data]
    assert len(ids) > 2 and [model.id for model in claude.models.list(limit=1)] == ids
    assert [model.id for model in claude.models.list(limit=2, after_id=ids[0]).data] == ids[1:3]
    before = claude.models.list(limit=1, before_id=ids[2])
    assert [model.id for model in before.data] == ids[1:2] and before.has_more
    assert [model.id for model in before.get_next_page().data] == ids[:1]
    for wrong in ({"limit": 0}, {"limit": 1001}, {"after_id": "nobody"}, {"before_id": "nobody"}):
        with pytest.raises(anthropic.BadRequestError) as raised:
            claude.models.list(**wrong)
        assert raised.value.body["error"]["type"] == "invalid_request_error" and next(iter(wrong)) in str(raised.value)


@pytest.mark.parametrize("error,body", [
    (anthropic.NotFoundError, {"model": "nobody"}),
    (anthropic.BadRequestError, {"extra_body": {"temperature": 7}}),
    (anthropic.BadRequestError, {"messages": []}),
    (anthropic.BadRequestError, {"tools": [{"type": "web_search_20250305", "name": "web_search"}]}),
])
def test_errors_are_the_ones_that_the_client_knows(claude, error, body):
    with pytest.raises(error) as raised:
        ask(claude, **body)
    assert raised.value.body["type"] == "error"
    assert raised.value.body["error"]["code"] and raised.value.request_id


def test_the_weir_object_and_headers_are_there(server, small):
    with httpx.Client(base_url=server.url, timeout=120 * weir_server.PATIENCE, trust_env=False) as http:
        answer = http.post("/v1/messages", json={"model": SMALL, "max_tokens": 2, "messages": HI},
                           headers={"anthropic-version": "2023-06-01"})
        assert answer.json()["weir"]["target"] == SMALL
        assert answer.headers["x-weir-target"] == SMALL and answer.headers["request-id"].startswith("req_")


def test_a_client_that_leaves_stops_the_work(claude, server):
    with claude.messages.stream(model=SMALL, max_tokens=2000, messages=HI) as stream:
        for event in stream:
            if event.type == "content_block_delta":
                break
    assert ask(claude).content
