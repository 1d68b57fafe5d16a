"""Several models under a memory budget: who gives way, who is refused, what users see of it."""

import json
import signal
import socket
import subprocess

import httpx
import pytest

import weir_server
from talk import error_of, http_client

# The second one differs in its settings alone; to the fleet it is a model of its own.
CONFIG = """
[engine]
memory = "{memory}"

[model.first]
file = "{stories}"
context = 4096
batch = 64

[model.second]
file = "{stories}"
context = 2048
batch = 64
"""


@pytest.fixture
def serve_with(serve, tmp_path, stories):
    def start(memory):
        config = tmp_path / "weir.toml"
        config.write_text(CONFIG.format(memory=memory, stories=stories))
        return serve("--config", config)

    return start


def weir(data, *arguments):
    return subprocess.run([weir_server.WEIR, *arguments], capture_output=True, text=True, input="",
                          env=weir_server.plain_environment(data) | {"WEIR_DATA": str(data)},
                          timeout=60 * weir_server.PATIENCE)


def load(http, model, **more):
    return http.post("/weir/v1/models/load", json={"model": model} | more)


def state(http):
    """Bytes by model, and those of all with their bound."""
    shown = http.get("/weir/v1/models").json()
    return {engine["model"]: engine["memory_bytes"] for engine in shown["data"]}, shown["memory"]


@pytest.fixture(scope="module")
def sizes(tmp_path_factory, stories):
    """What each of the two takes, as measured where there is room for both."""
    folder = tmp_path_factory.mktemp("sizes")
    (folder / "weir.toml").write_text(CONFIG.format(memory="4GiB", stories=stories))
    with weir_server.Weir(folder / "data", "--config", folder / "weir.toml") as server, http_client(server) as http:
        for model in ("first", "second"):
            assert load(http, model).status_code == 200
            assert http.post("/v1/completions", json={"model": model, "prompt": "Once", "max_tokens": 4}).status_code == 200
        measured, memory = state(http)
        assert memory == {"used": sum(measured.values()), "max": 4 << 30, "max_is_default": False}
        shown = weir(server.data, "ps")
        assert "of 4.0 GiB for models" in shown.stdout, shown
        for process in server.engines():
            resident = process.resident_kib() * 1024
            assert any(0.7 * resident < size < 1.4 * resident for size in measured.values()), (resident, measured)
        metrics = http.get("/metrics").text
        assert f"weir_models_memory_max_bytes {4 << 30}" in metrics and "weir_models_memory_bytes " in metrics
    assert set(measured) == {"first", "second"}
    return measured


def for_one(sizes):
    """A budget that has room for each of them, and not for both."""
    return max(sizes.values()) * 115 // 100


def test_the_second_pushes_the_first_out_and_comes_back_for_it(serve_with, sizes):
    budget = for_one(sizes)
    server = serve_with(budget)
    with http_client(server) as http:
        for model in ("first", "second", "first"):
            answer = http.post("/v1/completions", json={"model": model, "prompt": "Once", "max_tokens": 4})
            assert answer.status_code == 200, answer.text
            held, memory = state(http)
            assert list(held) == [model] and memory["used"] <= memory["max"] == budget
            assert weir_server.until(lambda: len(server.engines()) == 1)
    assert "needs its place" in server.log()


def test_a_model_in_use_or_pinned_does_not_give_way(serve_with, sizes):
    server = serve_with(for_one(sizes))
    # More than a small socket holds: it runs for as long as nobody reads it.
    narrow = httpx.HTTPTransport(socket_options=[(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)])
    asked = {"model": "first", "prompt": "Once upon", "max_tokens": 400, "ignore_eos": True, "stream": True,
             "n": 8, "logprobs": 5}
    with http_client(server) as http, httpx.Client(base_url=server.url, transport=narrow, timeout=60) as reader:
        for model in ("second", "first"):
            assert load(http, model).status_code == 200
        with reader.stream("POST", "/v1/completions", json=asked) as busy:
            lines = busy.iter_lines()  # the answer is closed with them
            assert next(lines).startswith("data: ")
            refused = load(http, "second")
            assert error_of(refused, 503)["code"] == "no_room_for_model"
            assert int(refused.headers["retry-after"]) >= 1
        assert weir_server.until(lambda: not http.get("/weir/v1/models").json()["data"][0]["open_requests"])
        assert load(http, "first", keep_alive_s=-1).status_code == 200
        refused = load(http, "second")
        assert error_of(refused, 503)["code"] == "no_room_for_model"
        assert "busy or pinned" in refused.json()["error"]["message"]
        assert "pinned" in weir(server.data, "ps").stdout
        assert load(http, "first", keep_alive_s=60).status_code == 200
        assert load(http, "second").status_code == 200


def test_a_smaller_budget_holds_from_the_reload_on(serve_with, sizes, tmp_path, stories):
    server = serve_with("4GiB")
    with http_client(server) as http:
        assert load(http, "first").status_code == load(http, "second").status_code == 200
        (tmp_path / "weir.toml").write_text(CONFIG.format(memory=for_one(sizes), stories=stories))
        server.process.send_signal(signal.SIGHUP)
        assert weir_server.until(lambda: state(http)[1]["max"] == for_one(sizes), 20)
        loaded, memory = state(http)
        assert len(loaded) == 1 and memory["used"] <= memory["max"]
        (tmp_path / "weir.toml").write_text(CONFIG.format(memory="4GiB", stories=stories))
        server.process.send_signal(signal.SIGHUP)
        assert weir_server.until(lambda: state(http)[1]["max"] == 4 << 30, 20)
        assert load(http, "first").status_code == load(http, "second").status_code == 200
        assert len(state(http)[0]) == 2


def test_a_model_that_can_never_fit_is_refused_with_the_figures(serve_with):
    server = serve_with("8MiB")
    with http_client(server) as http:
        error = error_of(load(http, "first"), 503)
        assert error["code"] == "model_too_large"
        assert "8.0 MiB" in error["message"] and "weights" in error["message"] and "4096 tokens" in error["message"]
        assert not server.engines()


def test_show_says_whether_a_model_fits(tmp_path, stories):
    def show(**settings):
        environment = weir_server.plain_environment(tmp_path) | {"WEIR_DATA": str(tmp_path)} | settings
        done = subprocess.run([weir_server.WEIR, "show", str(stories), "--json"], capture_output=True, text=True,
                              env=environment, timeout=60 * weir_server.PATIENCE)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)["memory"]

    roomy = show()
    assert roomy["fits"] and roomy["budget_is_default"] and roomy["budget"] > roomy["likely"] >= roomy["least"] > 0
    tight = show(WEIR_ENGINE_MEMORY="8MiB")
    assert not tight["fits"] and tight["budget"] == 8 << 20 and not tight["budget_is_default"]


def test_a_budget_that_is_none_is_named_with_its_line(tmp_path):
    config = tmp_path / "weir.toml"
    config.write_text('keep_alive = "5m"\n\n[engine]\nmemory = "plenty"\nmodels = 0\n')
    done = weir(tmp_path, "config", "check", "--config", str(config))
    assert done.returncode == 2
    assert f"{config}:4:" in done.stderr and "engine.memory" in done.stderr and "takes a size" in done.stderr
    assert f"{config}:5:" in done.stderr and "engine.models" in done.stderr
