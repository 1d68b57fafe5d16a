"""Ollama's own client against the real server and engine, unchanged but for its host."""

import json

import httpx
import ollama
import pytest

import weir_server
from talk import EMBEDDING, SMALL

HI = [{"role": "user", "content": "What is the capital of France? One word."}]
COLD = {"temperature": 0, "num_predict": 12}


@pytest.fixture
def llama(server, small):
    return ollama.Client(host=server.url, timeout=120 * weir_server.PATIENCE, trust_env=False)


def test_a_chat_is_answered_with_counts_and_durations(llama):
    answer = llama.chat(model=SMALL, messages=HI, options=COLD)
    assert "Paris" in answer.message.content and answer.done
    assert answer.done_reason in ("stop", "length") and answer.model == SMALL
    assert answer.prompt_eval_count > 0 and answer.eval_count > 0
    assert answer.total_duration > 0 and answer.eval_duration > 0


def test_a_stream_says_the_same_line_by_line(llama):
    whole = llama.chat(model=SMALL, messages=HI, options=COLD)
    parts = list(llama.chat(model=SMALL, messages=HI, options=COLD, stream=True))
    assert "".join(part.message.content or "" for part in parts) == whole.message.content
    assert [part.done for part in parts] == [False] * (len(parts) - 1) + [True]
    assert parts[-1].eval_count == whole.eval_count


def test_a_seed_repeats_itself_and_num_predict_bounds(llama):
    options = {"seed": 42, "temperature": 1, "num_predict": 5}
    first, second = (llama.chat(model=SMALL, messages=HI, options=options) for _ in range(2))
    assert first.message.content == second.message.content and first.eval_count <= 5


def test_generate_uses_the_template_unless_it_is_raw(llama):
    templated = llama.generate(model=SMALL, prompt=HI[0]["content"], options=COLD)
    assert "Paris" in templated.response
    assert templated.response == llama.chat(model=SMALL, messages=HI, options=COLD).message.content
    raw = llama.generate(model=SMALL, prompt="1, 2, 3, 4, 5,", raw=True, options=COLD)
    assert "6" in raw.response
    assert raw.prompt_eval_count < templated.prompt_eval_count + 20
    assert "".join(p.response for p in llama.generate(model=SMALL, prompt="1, 2, 3, 4, 5,", raw=True, options=COLD,
                                                      stream=True)) == raw.response


def test_a_context_goes_on_from_where_an_answer_ended(llama):
    again = {"model": SMALL, "prompt": "Repeat your last answer.", "options": COLD}
    first = llama.generate(model=SMALL, prompt=HI[0]["content"], options=COLD)
    assert len(first.context) == first.prompt_eval_count + first.eval_count
    second = llama.generate(**again, context=first.context)
    assert "Paris" in second.response and "Paris" not in llama.generate(**again).response
    assert second.context[:len(first.context)] == first.context and second.prompt_eval_count > len(first.context)
    *_, last = llama.generate(**again, context=first.context, stream=True)
    assert last.context == second.context
    assert llama.generate(model=SMALL, prompt="1, 2, 3,", raw=True, options=COLD).context is None


def test_what_stands_in_a_context_is_read_by_no_detector(server, small):
    def why(**more):
        answer = httpx.post(server.url + "/api/generate", trust_env=False, timeout=60 * weir_server.PATIENCE,
                            headers={"x-weir-explain": "1"}, json={"model": SMALL, "prompt": "a", "stream": False,
                                                                   "options": {"num_predict": 1}} | more)
        return json.dumps(answer.raise_for_status().json()["weir"])

    assert "not text" in why(context=[5]) and "not text" not in why()


@pytest.mark.parametrize("more", [{"context": [1, -1]}, {"context": [10**9]}, {"context": [5] * 100_000},
                                  {"context": [1], "raw": True}, {"context": [1], "model": "auto"}])
def test_a_context_that_cannot_be_is_refused_by_name(server, small, more):
    answer = httpx.post(server.url + "/api/generate", trust_env=False, json={"model": SMALL, "prompt": "a"} | more)
    assert answer.status_code == 400 and answer.json()["param"].startswith("context"), answer.text


def test_an_answer_that_has_begun_is_gone_on_with(llama):
    begun = [{"role": "user", "content": "Name a city as JSON."}, {"role": "assistant", "content": '{"city": "'}]
    answer = llama.chat(model=SMALL, messages=begun, options={"temperature": 0, "num_predict": 40})
    assert "{" not in answer.message.content.split('"')[0] and '"' in answer.message.content


def test_an_answer_follows_its_schema(llama):
    schema = {"type": "object", "properties": {"city": {"type": "string", "maxLength": 20}}, "required": ["city"],
              "additionalProperties": False}
    answer = llama.chat(model=SMALL, messages=HI, format=schema, options={"temperature": 0, "num_predict": 60})
    assert set(json.loads(answer.message.content)) == {"city"}
    asked = [{"role": "user", "content": 'Reply with the JSON object {"ok": true} and nothing else.'}]
    assert json.loads(llama.chat(model=SMALL, messages=asked, format="json",
                                 options={"temperature": 0, "num_predict": 200}).message.content) is not None


def test_results_of_tools_are_read_back(llama):
    tools = [{"type": "function", "function": {"name": "weather", "description": "Tells the weather",
                                               "parameters": {"type": "object", "properties": {
                                                   "city": {"type": "string"}}, "required": ["city"]}}}]
    answer = llama.chat(model=SMALL, tools=tools, options=COLD, messages=[
        {"role": "user", "content": "Weather in Bern?"},
        {"role": "assistant", "content": "", "tool_calls": [
            {"function": {"name": "weather", "arguments": {"city": "Bern"}}}]},
        {"role": "tool", "tool_name": "weather", "content": "sunny"}])
    assert answer.done


def test_embeddings_in_both_forms(server, embedding):
    client = ollama.Client(host=server.url, timeout=120 * weir_server.PATIENCE, trust_env=False)
    many = client.embed(model=EMBEDDING, input=["one", "two"])
    assert len(many.embeddings) == 2 and len(many.embeddings[0]) == 384
    long = client.embed(model=EMBEDDING, input="one " * 3000)
    assert long.prompt_eval_count > 100
    with pytest.raises(ollama.ResponseError) as raised:
        client.embed(model=EMBEDDING, input="one " * 3000, truncate=False)
    assert raised.value.status_code == 400
    old = client.embeddings(model=EMBEDDING, prompt="one")
    assert list(old.embedding) == pytest.approx(list(many.embeddings[0]), abs=1e-5)


def test_what_there_is_and_what_runs(llama, server):
    tags = {model.model: model for model in llama.list().models}
    assert tags[SMALL].size > 90_000_000 and len(tags[SMALL].digest) == 64
    details = tags[SMALL].details
    assert (details.format, details.family, details.families) == ("gguf", "llama", ["llama"])
    assert (details.parameter_size, details.quantization_level) == ("134.52M", "Q4_1")
    llama.chat(model=SMALL, messages=HI, options=COLD)
    running = {model.model: model for model in llama.ps().models}
    assert running[SMALL].details.family == "llama" and running[SMALL].size > 0
    shown = llama.show(SMALL)
    assert "completion" in shown.capabilities and shown.modelinfo["general.architecture"] == "llama"
    assert shown.modelinfo["llama.context_length"] == 8192 and shown.modelinfo["llama.embedding_length"] == 576
    assert shown.details.quantization_level == "Q4_1" and "<|im_start|>" in shown.template
    assert shown.modelfile.startswith(f"FROM {SMALL}\n") and shown.license
    by_alias = llama.show("fast")
    assert {"completion", "tools"} <= set(by_alias.capabilities) and by_alias.template
    assert by_alias.modelinfo["general.parameter_count"] > 0 and not by_alias.modelfile.startswith("FROM fast")
    version = httpx.get(f"{server.url}/api/version", trust_env=False).json()
    assert version["version"].count(".") == 2


def test_nothing_asked_loads_and_unloads(serve, small):
    with_own = serve()
    client = ollama.Client(host=with_own.url, timeout=120 * weir_server.PATIENCE, trust_env=False)
    assert client.generate(model=SMALL).done_reason == "load"
    assert [m.model for m in client.ps().models] == [SMALL]
    assert client.generate(model=SMALL, keep_alive=0).done_reason == "unload"
    assert client.ps().models == []


@pytest.mark.parametrize("status,call", [
    (404, {"model": "nobody"}),
    (400, {"options": {"top_p": 7}}),
    (400, {"keep_alive": "soon"}),
])
def test_errors_are_the_ones_that_the_client_knows(llama, status, call):
    with pytest.raises(ollama.ResponseError) as raised:
        llama.chat(**{"model": SMALL, "messages": HI} | call)
    assert raised.value.status_code == status and raised.value.error
    with pytest.raises(ollama.ResponseError):
        list(llama.chat(**{"model": SMALL, "messages": HI, "stream": True} | call))


def test_what_is_not_carried_is_refused_by_name(server, small):
    answer = httpx.post(f"{server.url}/api/generate", trust_env=False,
                        json={"model": SMALL, "prompt": "a", "template": "{{ .Prompt }}"})
    assert answer.status_code == 400 and answer.json()["param"] == "template"
    assert answer.json()["code"] == "unsupported_parameter"
