"""Thoughts, from a request to an answer: a small model whose template opens a thought, in each client's form."""

import json

import pytest

import weir_server
from hub import Hub
from own_store import Store, place
from talk import ask, events_of, http_client

# Qwen3's form of a thought, on a model that was never taught one: it goes on until the budget ends it.
TEMPLATE = """{%- for message in messages %}
{{- '<|im_start|>' + message.role + '\\n' }}
{%- if message.reasoning_content %}{{- '<think>\\n' + message.reasoning_content + '\\n</think>\\n\\n' }}{%- endif %}
{{- message.content + '<|im_end|>\\n' }}
{%- endfor %}
{%- if add_generation_prompt %}
{{- '<|im_start|>assistant\\n' }}
{%- if enable_thinking is defined and enable_thinking is false %}
{{- '<think>\\n\\n</think>\\n\\n' }}
{%- else %}
{{- '<think>\\n' }}
{%- endif %}
{%- endif %}
"""
BUDGET = 4


@pytest.fixture(scope="module")
def thinker(tmp_path_factory):
    blobs = weir_server.model_store() / "blobs"
    source = blobs / "sha256-b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"
    if not source.exists():
        pytest.skip("smollm2:135m is not there")
    folder = tmp_path_factory.mktemp("thinker")
    place(source, folder / "model.gguf")
    (folder / "Modelfile").write_text(f'FROM ./model.gguf\nTEMPLATE """{TEMPLATE}"""\nPARAMETER temperature 0\n')
    with Hub() as hub:
        store = Store(folder, hub)
        made = store("create", "thinker", "-f", "Modelfile")
    assert made.returncode == 0, made.stderr
    with weir_server.Weir(folder / "weir", models=store.root) as server, http_client(server) as http:
        yield http


def question(**more):
    return ask("What is the capital of France?", model="thinker", max_tokens=40, **more)


def test_a_thought_ends_at_its_budget_and_the_answer_follows(thinker):
    answer = thinker.post("/v1/chat/completions", json=question(reasoning_budget=BUDGET)).json()
    message, usage = answer["choices"][0]["message"], answer["usage"]
    assert message["reasoning_content"] and "</think>" not in message["reasoning_content"]
    assert message["content"] and "think>" not in message["content"]
    # The tokens that end a thought are its own.
    thought = usage["completion_tokens_details"]["reasoning_tokens"]
    assert BUDGET <= thought <= BUDGET + 6 < usage["completion_tokens"]


def test_a_thought_without_a_budget_is_no_content(thinker):
    answer = thinker.post("/v1/chat/completions", json=question(ignore_eos=True) | {"max_tokens": 12}).json()
    message, usage = answer["choices"][0]["message"], answer["usage"]
    assert message["reasoning_content"] and not message["content"]
    assert usage["completion_tokens_details"]["reasoning_tokens"] == usage["completion_tokens"] == 12
    assert answer["choices"][0]["finish_reason"] == "length"


def test_no_thought_where_none_is_wanted(thinker):
    answer = thinker.post("/v1/chat/completions", json=question(reasoning_effort="none")).json()
    assert not answer["choices"][0]["message"].get("reasoning_content")
    assert answer["choices"][0]["message"]["content"]


def test_streamed_thoughts_come_first_and_are_the_same(thinker):
    whole = thinker.post("/v1/chat/completions", json=question(reasoning_budget=BUDGET)).json()["choices"][0]["message"]
    thought, text = "", ""
    with thinker.stream("POST", "/v1/chat/completions", json=question(reasoning_budget=BUDGET, stream=True)) as response:
        for event in events_of(response):
            for choice in event["choices"] if event != "[DONE]" else []:
                assert not (text and choice["delta"].get("reasoning_content")), "a thought after the answer"
                thought += choice["delta"].get("reasoning_content") or ""
                text += choice["delta"].get("content") or ""
    assert (thought, text) == (whole["reasoning_content"], whole["content"])


def test_anthropic_clients_see_a_thinking_block(thinker):
    request = {"model": "thinker", "max_tokens": 5, "messages": [{"role": "user", "content": "What is the capital of France?"}]}
    thought = thinker.post("/v1/messages", json=request | {"thinking": {"type": "adaptive"}}).json()
    assert [block["type"] for block in thought["content"]] == ["thinking"] and thought["stop_reason"] == "max_tokens"
    plain = thinker.post("/v1/messages", json=request | {"thinking": {"type": "disabled"}}).json()
    assert [block["type"] for block in plain["content"]] == ["text"]


def test_ollama_clients_see_thinking_beside_the_content(thinker):
    request = {"model": "thinker", "stream": False, "options": {"num_predict": 12},
               "messages": [{"role": "user", "content": "What is the capital of France?"}]}
    thought = thinker.post("/api/chat", json=request | {"think": True}).json()["message"]
    assert thought["thinking"] and not thought["content"]
    plain = thinker.post("/api/chat", json=request | {"think": False}).json()["message"]
    assert plain["content"] and not plain.get("thinking")


def test_a_schema_holds_behind_a_thought(thinker):
    schema = {"type": "object", "properties": {"city": {"enum": ["Paris", "Rome"]}}, "required": ["city"],
              "additionalProperties": False}
    answer = thinker.post("/v1/chat/completions", json=question(reasoning_budget=BUDGET, response_format={
        "type": "json_schema", "json_schema": {"name": "city", "strict": True, "schema": schema}})).json()
    message = answer["choices"][0]["message"]
    assert message["reasoning_content"]
    assert json.loads(message["content"])["city"] in ("Paris", "Rome")
