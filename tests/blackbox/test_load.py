"""What users see of a loaded server: `weir ps`, /metrics, cached_tokens, progress of long prompts, `weir bench`."""

import json
import re
import subprocess

import httpx
import pytest

import weir_server
from talk import CODER, SMALL, ask, http_client, openai_client
from weir_server import until

LONG = "A long text about rivers that flow to the sea. " * 130  # some 1,400 tokens


def engine_of(http, model):
    return next(line for line in http.get("/weir/v1/models").json()["data"] if line["model"] == model)


def sample(metrics, name, **labels):
    """The value of one sample of /metrics."""
    for line in metrics.splitlines():
        match = re.fullmatch(rf'{name}(?:{{(.*)}})? (\S+)', line)
        if match and dict(re.findall(r'(\w+)="([^"]*)"', match[1] or "")).items() >= labels.items():
            return float(match[2])
    raise AssertionError(f"no sample {name} {labels} in\n{metrics}")


@pytest.fixture
def busy_server(serve, small):
    return serve()


def test_ps_and_metrics_tell_of_hits_and_rates(busy_server, weir):
    with http_client(busy_server) as http:
        for turn in range(3):
            answer = http.post("/v1/chat/completions", json=ask(f"{LONG} {turn}", max_tokens=4)).json()
            cached = answer["usage"]["prompt_tokens_details"]["cached_tokens"]
            prompt = answer["usage"]["prompt_tokens"]
            assert cached == 0 if turn == 0 else prompt - 64 < cached < prompt
        line = engine_of(http, SMALL)
        hits = line["prefix_hits"]
        assert hits["idle"] + hits["host"] == 2 and hits["misses"] == 1, hits
        assert line["prompt_tokens_cached"] > 2000 and 0 < line["cells_used"] <= line["cells"]
        assert line["prefill_tokens_per_s"] > 0 and line["decode_tokens_per_s"] > 0 and line["step_ms"] > 0
        assert line["prefix_reuse"] == "full"
        metrics = http.get("/metrics").text
        assert sample(metrics, "weir_engine_up", model=SMALL) == 1
        assert sample(metrics, "weir_engine_prefix_misses_total", model=SMALL) == 1
        assert sample(metrics, "weir_engine_prefix_hits_total", model=SMALL, source="idle") == hits["idle"]
        assert sample(metrics, "weir_engine_step_seconds", model=SMALL) > 0
        assert sample(metrics, "weir_key_requests_total", key="", model=SMALL) == 3
        assert sample(metrics, "weir_key_tokens_total", key="", model=SMALL, kind="completion") == 12
    shown = weir("ps", data=busy_server.data)
    assert shown.returncode == 0
    head, first = shown.stdout.splitlines()[:2]
    assert head.split()[:2] == ["NAME", "STATE"] and "HITS" in head and "STEP" in head and "REUSE" in head
    assert "of 3" in first and "full" in first
    assert json.loads(weir("ps", "--json", data=busy_server.data).stdout)["data"][0]["prefix_hits"] == hits


def test_figures_by_key_are_of_their_key(serve, small, weir):
    server = serve()
    created = {}
    for name in ("laptop", "phone"):
        done = weir("keys", "create", name, "--json", data=server.data)
        assert done.returncode == 0, done.stderr
        created[name] = json.loads(done.stdout)
    for name, count in (("laptop", 2), ("phone", 1)):
        client = openai_client(server, key=created[name]["key"])
        for _ in range(count):
            client.chat.completions.create(**ask("Hi", max_tokens=2))
    shown = json.loads(weir("ps", "--json", data=server.data).stdout)  # the operator sees all
    by_name = {line["name"]: line for line in shown["keys"]}
    assert by_name["laptop"]["requests"] == 2 and by_name["phone"]["requests"] == 1
    assert by_name["laptop"]["key"] == created["laptop"]["id"]
    assert "laptop" in weir("ps", data=server.data).stdout
    own = httpx.get(f"{server.url}/weir/v1/models", headers={"x-api-key": created["phone"]["key"]}, trust_env=False)
    assert [line["name"] for line in own.json()["keys"]] == ["phone"]


def test_progress_of_a_long_prompt_is_comments(busy_server):
    with http_client(busy_server) as http, http.stream(
            "POST", "/v1/chat/completions", json=ask(LONG * 2, stream=True, max_tokens=2),
            headers={"x-weir-progress": "1"}) as response:
        assert response.status_code == 200
        lines = [line for line in response.iter_lines() if line]
    progress = [re.fullmatch(r": progress (\d+)/(\d+)", line) for line in lines if line.startswith(":")]
    progress = [(int(match[1]), int(match[2])) for match in progress if match]
    assert progress, lines[:5]
    done = [processed for processed, _ in progress]
    assert done == sorted(done) and all(total > 2000 and processed <= total for processed, total in progress)
    first_data = next(i for i, line in enumerate(lines) if line.startswith("data:"))
    assert not any(": progress" in line for line in lines[first_data:])
    assert lines[-1] == "data: [DONE]"


def test_without_being_asked_for_the_head_waits_for_the_first_token(busy_server):
    with http_client(busy_server) as http, http.stream(
            "POST", "/v1/chat/completions", json=ask(LONG, stream=True, max_tokens=2)) as response:
        lines = [line for line in response.iter_lines() if line]
    if not lines[0].startswith(": "):  # a machine that took over 10 s sends its head earlier
        assert lines[0].startswith("data:")


def test_the_openai_client_does_not_mind_progress(busy_server):
    client = openai_client(busy_server)
    stream = client.chat.completions.create(**ask(LONG * 2 + " And now?", stream=True, max_tokens=4, temperature=0),
                                            extra_headers={"x-weir-progress": "1"},
                                            stream_options={"include_usage": True})
    chunks = list(stream)
    assert chunks[-1].usage.completion_tokens >= 1
    assert chunks[-1].usage.prompt_tokens_details.cached_tokens >= 0


def test_bench_measures_a_model_and_keeps_the_rates(busy_server, weir):
    done = weir("bench", SMALL, "--json", data=busy_server.data)
    assert done.returncode == 0, done.stderr
    rates = json.loads(done.stdout)["models"][SMALL]
    assert [point["tokens"] for point in rates["prefill"]] == [128, 512, 2048]
    assert [point["streams"] for point in rates["decode"]] == [1, 2, 4, 8]
    assert all(point["tokens_per_s"] > 0 for point in rates["prefill"] + rates["decode"])
    assert len(rates["sha256"]) == 64
    stored = json.loads((busy_server.data / "rates.json").read_text())
    assert stored["schema"] == 1 and stored["models"][SMALL] == rates
    shown = weir("show", SMALL, data=busy_server.data)
    assert "tokens/s" in shown.stdout and shown.returncode == 0
    assert json.loads(weir("show", SMALL, "--json", data=busy_server.data).stdout)["rates"]["decode"] == rates["decode"]


def test_bench_of_an_embedding_model(busy_server, weir, embedding):
    done = weir("bench", embedding, data=busy_server.data)
    assert done.returncode == 0, done.stderr
    assert "embed" in done.stdout and "64 texts" in done.stdout and "prefill" not in done.stdout


def test_bench_chooses_a_kernel_and_the_model_starts_with_it(tmp_path, stories, serve):
    def weir(*arguments):
        environment = weir_server.plain_environment(tmp_path) | {
            "WEIR_DATA": str(tmp_path / "data"), "WEIR_MODELS": str(tmp_path / "models")}
        done = subprocess.run([weir_server.WEIR, *arguments], capture_output=True, text=True, env=environment,
                              input="", timeout=120 * weir_server.PATIENCE)
        assert done.returncode == 0, done.stderr
        return done

    weir("pull", f"file:{stories}", "--name", "story")
    done = weir("bench", "story", "--tune", "--json")
    kernels = json.loads(done.stdout)["kernels"]
    assert [(k["flash_attention"], k["micro_batch"]) for k in kernels] == [
        (True, 512), (False, 512), (True, 64), (False, 64)]
    assert all(k["prompt_tokens_per_s"] > 0 and k["alone_tokens_per_s"] > 0 and k["streams_tokens_per_s"] > 0
               for k in kernels), kernels
    chosen, = [k for k in kernels if k["chosen"]]
    rates_file = tmp_path / "data" / "rates.json"
    stored = json.loads(rates_file.read_text())["models"]["story:latest"]["kernel"]
    assert stored == {key: chosen[key] for key in ("flash_attention", "micro_batch")}
    assert f"micro-batch {chosen['micro_batch']}" in weir("show", "story").stdout

    def runs_with(server):
        with http_client(server) as http:
            assert http.post("/weir/v1/models/load", json={"model": "story"}).status_code == 200
            line = engine_of(http, "story:latest")
            return line["flash_attention"], line["micro_batch"]

    # Whatever was chosen here: what stands in the file is what a model starts with.
    rates = json.loads(rates_file.read_text())
    rates["models"]["story:latest"]["kernel"] = {"flash_attention": False, "micro_batch": 48}
    own = serve(models=tmp_path / "models")
    (own.data / "rates.json").write_text(json.dumps(rates))
    assert runs_with(own) == ("off", 48)
    settings = tmp_path / "weir.toml"
    settings.write_text("[model.'story:latest']\nmicro_batch = 96\n")
    told = serve("--config", settings, models=tmp_path / "models")
    (told.data / "rates.json").write_text(json.dumps(rates))
    assert runs_with(told) == ("off", 96)


def test_bench_of_no_model_is_exit_3(busy_server, weir):
    done = weir("bench", "nothing:here", data=busy_server.data)
    assert done.returncode == 3 and done.stderr.startswith("weir: ")


def prompt_ms(server, key, text):
    """How long the engine computed a prompt, and how much of it was cached."""
    answer = httpx.post(f"{server.url}/v1/chat/completions", json=ask(text, max_tokens=1),
                        headers={"x-api-key": key}, timeout=300, trust_env=False).json()
    return answer["weir"]["timings"]["prompt_ms"], answer["usage"]["prompt_tokens_details"]["cached_tokens"]


def test_a_tenant_cannot_time_what_another_has_cached(serve, small, weir):
    server = serve()
    keys = {}
    for tenant in ("north", "south"):
        done = weir("keys", "create", tenant, "--tenant", tenant, "--json", data=server.data)
        assert done.returncode == 0, done.stderr
        keys[tenant] = json.loads(done.stdout)["key"]
    prompt_ms(server, keys["north"], "Hi")  # loads the model
    own, guessed, wrong = [], [], []
    for number in range(3):  # the quickest of each: a busy machine only ever adds
        secret = f"{number} {LONG[:3000]} It is in the cellar."
        prompt_ms(server, keys["north"], secret)
        ms, cached = prompt_ms(server, keys["north"], secret)
        assert cached > 400
        own.append(ms)
        for times, text in ((guessed, secret), (wrong, secret.replace("rivers", "castle"))):
            ms, cached = prompt_ms(server, keys["south"], text)
            assert cached < 64
            times.append(ms)
    # A prompt that the other tenant has cached takes as long as one that nobody has; a hit takes a fraction of it.
    assert 0.5 < min(guessed) / min(wrong) < 2, (guessed, wrong)
    assert min(own) < 0.4 * min(guessed + wrong), (own, guessed, wrong)
