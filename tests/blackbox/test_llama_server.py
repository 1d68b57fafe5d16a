"""A real server of somebody else that Weir runs (`command`): llama-server, from the tree that the benchmarks use."""

import json
import socket
import subprocess

import pytest

import weir_server
from beyond import Beyond, target
from talk import long_run, openai_client

SCRIPT = weir_server.ROOT / "tools" / "build_llama.sh"
WEATHER = {"type": "function",
           "function": {"name": "weather", "description": "The weather of a city",
                        "parameters": {"type": "object", "properties": {"city": {"enum": ["Paris", "London"]}},
                                       "required": ["city"], "additionalProperties": False}}}


@pytest.fixture(scope="module")
def llama_server():
    """The program; `make test-long` builds it where it is not there."""
    built = subprocess.run([SCRIPT, "--peers", *([] if long_run() else ["--if-built"])], capture_output=True, text=True)
    if built.returncode == 3:
        pytest.skip("llama-server is not built: tools/build_llama.sh --peers")
    assert built.returncode == 0, built.stderr
    return f"{built.stdout.splitlines()[-1]}/build/bin/llama-server"


def file_of(name):
    model, tag = name.split(":")
    store = weir_server.model_store()
    manifest = json.loads((store / "manifests" / model / f"{tag}.json").read_text())
    return store / "blobs" / f"sha256-{manifest['model']['sha256']}"


def configuration(program, model_file, *more):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [program, "--model", str(model_file), "--port", str(port), "--ctx-size", "2048", "--parallel", "2",
               "--threads", "2", "--jinja", *more]
    return (f'[[backend]]\nname = "rack"\nkind = "openai"\ntier = "edge"\npreset = "llama-server"\n'
            f'url = "http://127.0.0.1:{port}/v1"\ncommand = {json.dumps(command)}\nconnect_timeout = "120s"\n'
            + target("t", "any", backend="rack").replace("100000", "1024"))


@pytest.fixture(scope="module")
def weir(llama_server, small, tmp_path_factory):
    with Beyond(tmp_path_factory.mktemp("edge"), configuration(llama_server, file_of(small))) as running:
        yield running


@pytest.fixture(scope="module")
def client(weir):
    return openai_client(weir)


def ask(text, **more):
    return {"model": "t", "messages": [{"role": "user", "content": text}], "max_tokens": 24, "temperature": 0,
            "seed": 1} | more


def test_the_first_request_waits_until_the_model_is_loaded(client, weir):
    answer = client.chat.completions.create(**ask("What is the capital of France?"))
    assert answer.choices[0].message.content.strip()
    assert answer.choices[0].finish_reason in ("stop", "length")
    assert answer.usage.prompt_tokens > 5 and 0 < answer.usage.completion_tokens <= 24
    assert answer.usage.total_tokens == answer.usage.prompt_tokens + answer.usage.completion_tokens
    server = weir.get("/weir/v1/backends").json()["servers"][0]
    assert server["state"] == "up" and weir_server.Process(server["pid"]).name() == "llama-server"


def test_a_stream_is_the_same_answer_with_its_usage(client):
    whole = client.chat.completions.create(**ask("Name three colours."))
    chunks = list(client.chat.completions.create(**ask("Name three colours."), stream=True,
                                                 stream_options={"include_usage": True}))
    text = "".join(c.choices[0].delta.content or "" for c in chunks if c.choices)
    assert text == whole.choices[0].message.content
    assert sum(1 for c in chunks if c.choices and c.choices[0].delta.content) > 1, "it came in one piece"
    assert chunks[-1].usage.completion_tokens == whole.usage.completion_tokens


def test_tools_reach_the_model(llama_server, coder, tmp_path):
    """Not more: smollm2's template knows no tools, the coder writes its calls in a form that llama-server takes for
    text, and its `tool_choice` forces nothing."""
    with Beyond(tmp_path, configuration(llama_server, file_of(coder))) as running:
        create = openai_client(running).chat.completions.create
        plain = create(**ask("What is the weather in Paris?"))
        asked = create(**ask("What is the weather in Paris?"), tools=[WEATHER], tool_choice="required")
    assert asked.usage.prompt_tokens > plain.usage.prompt_tokens + 50
    message = asked.choices[0].message
    said = message.content or message.tool_calls[0].model_dump_json()
    assert "weather" in said and "Paris" in said


@pytest.fixture(scope="module")
def calling(llama_server, small, shared, tmp_path_factory):
    """One whose answers begin with a call wherever a call is asked for: under `required` the server's grammar lets text
    stand before a call, and a tiny model would never come to its end; a bias on its first token leaves no choice. Of the
    templates that the server knows calls in, Llama's are plain JSON, which any model's tokens can spell."""
    folder = weir_server.shared_data()
    template = folder and folder / "chat_templates/models/templates/meta-llama-Llama-3.2-3B-Instruct.jinja"
    if not template or not template.exists():
        pytest.skip("the chat templates are not at hand")
    shared.get()
    [brace] = shared.clients["http"].post("/tokenize", json={"model": small, "content": "{"}).json()["tokens"]
    more = ("--chat-template-file", str(template), "--logit-bias", f"{brace}+100")
    with Beyond(tmp_path_factory.mktemp("calling"), configuration(llama_server, file_of(small), *more)) as running:
        yield running


ASKED = "What is the weather in Paris?"
CITIES = ({"city": "Paris"}, {"city": "London"})


@pytest.mark.parametrize("stream", [False, True])
def test_a_call_that_is_forced_comes_back_as_openais_clients_read_it(calling, stream):
    create = openai_client(calling).chat.completions.create
    asked = ask(ASKED, max_tokens=100, tools=[WEATHER], tool_choice="required")
    if not stream:
        choice = create(**asked).choices[0]
        name, arguments = choice.message.tool_calls[0].function.name, choice.message.tool_calls[0].function.arguments
    else:
        chunks = [chunk.choices[0] for chunk in create(**asked, stream=True) if chunk.choices]
        calls = [call for chunk in chunks for call in chunk.delta.tool_calls or []]
        assert {call.index for call in calls} == {0} and calls[0].id
        name, arguments, choice = calls[0].function.name, "".join(c.function.arguments or "" for c in calls), chunks[-1]
    assert name == "weather" and json.loads(arguments) in CITIES and choice.finish_reason == "tool_calls"


@pytest.mark.parametrize("stream", [False, True])
def test_a_call_that_is_forced_comes_back_as_anthropics_clients_read_it(calling, stream):
    anthropic = pytest.importorskip("anthropic")
    client = anthropic.Anthropic(base_url=calling.url, api_key="none", max_retries=0, timeout=120 * weir_server.PATIENCE)
    schema = WEATHER["function"]["parameters"]
    asked = {"model": "t", "max_tokens": 100, "messages": [{"role": "user", "content": ASKED}],
             "tools": [{"name": "weather", "input_schema": schema}], "tool_choice": {"type": "any"}}
    if stream:
        with client.messages.stream(**asked) as events:
            kinds = [event.type for event in events]
            message = events.get_final_message()
        assert "content_block_delta" in kinds and kinds[-1] == "message_stop"
    else:
        message = client.messages.create(**asked)
    [block] = [block for block in message.content if block.type == "tool_use"]
    assert block.name == "weather" and block.input in CITIES and message.stop_reason == "tool_use"


@pytest.mark.parametrize("stream", [False, True])
def test_what_the_server_cannot_read_is_an_error_of_ollamas_and_no_failure_of_the_server(calling, stream):
    """Where no call is forced, the bias makes all of an answer braces. To llama-server that is a 500, as its own failings
    are: a stream of Ollama's ends with an error object then, and no object is `done`."""
    for _ in range(6):  # one more than failures in a row take a target out
        answer = calling.post("/api/chat", {"model": "t", "stream": stream, "tools": [WEATHER],
                                            "messages": [{"role": "user", "content": ASKED}],
                                            "options": {"num_predict": 8, "temperature": 0}})
        lines = [json.loads(line) for line in answer.text.splitlines()]
        assert answer.status_code == 502 and "(unreadable_output)" in lines[-1]["error"], answer.text
        assert not any(line.get("done") for line in lines)


def test_a_schema_is_kept(client):
    schema = {"type": "object", "properties": {"colours": {"type": "array", "items": {"enum": ["red", "blue"]},
                                                           "minItems": 1, "maxItems": 2}},
              "required": ["colours"], "additionalProperties": False}
    answer = client.chat.completions.create(
        **ask("Which colours?", max_tokens=60),
        response_format={"type": "json_schema", "json_schema": {"name": "c", "strict": True, "schema": schema}})
    assert set(json.loads(answer.choices[0].message.content)["colours"]) <= {"red", "blue"}


def test_logprobs_are_told(client):
    answer = client.chat.completions.create(**ask("Say hello.", max_tokens=5), logprobs=True, top_logprobs=3)
    tokens = answer.choices[0].logprobs.content
    assert len(tokens) == answer.usage.completion_tokens
    assert "".join(t.token for t in tokens).strip() == answer.choices[0].message.content.strip()
    for token in tokens:
        assert token.logprob <= 0 and len(token.top_logprobs) == 3
        assert token.logprob == pytest.approx(max(t.logprob for t in token.top_logprobs), abs=1e-3)


def test_a_model_that_is_not_there_is_told_with_the_servers_own_words(llama_server, tmp_path):
    with Beyond(tmp_path / "weir", configuration(llama_server, tmp_path / "no-such.gguf")) as running:
        assert weir_server.until(
            lambda: running.get("/weir/v1/backends").json()["servers"][0]["state"] == "failed", timeout_s=60)
        problem = running.get("/weir/v1/backends").json()["servers"][0]["problem"]
        assert "exit code 1" in problem and "last words" in problem
        assert "no-such.gguf" in running.log()
        assert running.ask("t").status_code == 503
