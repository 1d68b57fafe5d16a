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


def configuration(program, model_file):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [program, "--model", str(model_file), "--port", str(port), "--ctx-size", "2048", "--parallel", "2",
               "--threads", "2", "--jinja"]
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
