"""API keys: made, shown once, checked everywhere, revoked at once."""

import concurrent.futures
import json
import subprocess
import time

import pytest

import weir_server
from talk import SMALL, ask, error_of, events_of, http_client


@pytest.fixture
def keyed(serve, tmp_path):
    """A server whose data folder holds one key; (server, key, run)."""
    server = serve()

    def run(*arguments):
        environment = weir_server.plain_environment(server.data) | {"WEIR_DATA": str(server.data)}
        return subprocess.run([weir_server.WEIR, "keys", *arguments], capture_output=True, text=True, input="",
                              env=environment, timeout=30)

    made = run("create", "--name", "first", "--json")
    assert made.returncode == 0, made.stderr
    return server, json.loads(made.stdout)["key"], run


def test_without_keys_loopback_needs_none(http):
    assert http.get("/v1/models").status_code == 200


def test_the_list_says_which_key_has_expired_and_when(keyed):
    _, _, run = keyed
    assert run("create", "--name", "brief", "--expires-in", "1").returncode == 0
    deadline = time.monotonic() + 20 * weir_server.PATIENCE
    while True:
        rows = {row.split()[1]: row.split() for row in run("list").stdout.splitlines()[1:]}
        if rows["brief"][-1] == "expired":
            break
        assert rows["brief"][-1] == "live" and time.monotonic() < deadline
    assert rows["first"][-2:] == ["-", "live"]


def test_a_key_is_shown_with_its_limits_and_its_money_by_the_server_and_without_one(keyed):
    server, _, run = keyed
    words = ("--requests-per-minute=60", "--concurrent=2", "--budget=2.50", "--budget-per=week", "--allow-models=a,b*")
    assert run("create", "--name", "rich", *words).returncode == 0
    row = next(line for line in run("list").stdout.splitlines() if " rich " in line)
    assert "60 requests/min, 2 at once" in row and "2.5 USD/week" in row
    listed = json.loads(run("list", "--json").stdout)
    rich = next(key for key in listed if key["name"] == "rich")
    assert (rich["requests_per_minute"], rich["tokens_per_minute"], rich["concurrent"]) == (60, 0, 2)
    assert rich["budget"] == {"amount": "2.5", "currency": "USD", "per": "week"} and rich["models"] == ["a", "b*"]
    server.stop()
    assert json.loads(run("list", "--json").stdout) == listed


def test_with_a_key_every_route_needs_one(keyed):
    server, key, _ = keyed
    with http_client(server) as http:
        for path in ("/v1/models", "/metrics", "/weir/v1/keys", "/weir/v1/models", "/"):
            assert http.get(path).status_code == 401, path
        error_of(http.post("/v1/chat/completions", json=ask("Hi")), 401)
        assert http.get("/v1/models", headers={"authorization": f"Bearer {key}"}).status_code == 200
        assert http.get("/v1/models", headers={"x-api-key": key}).status_code == 200


@pytest.mark.parametrize("change", [
    lambda key: key[:-1], lambda key: key + "a", lambda key: key.upper() + "x", lambda key: "none",
    lambda key: key[:-1] + ("a" if key[-1] != "a" else "b"), lambda key: "' OR 1=1 --",
])
def test_a_wrong_key_is_401(keyed, change):
    server, key, _ = keyed
    with http_client(server) as http:
        for headers in ({"authorization": f"Bearer {change(key)}"}, {"x-api-key": change(key)}):
            response = http.get("/v1/models", headers=headers)
            error_of(response, 401)
            assert key not in response.text


def test_a_key_is_shown_once_and_kept_only_as_a_hash(keyed):
    server, key, run = keyed
    listed = run("list", "--json")
    assert listed.returncode == 0 and "first" in listed.stdout and key not in listed.stdout
    for path in server.data.rglob("*"):
        if path.is_file():
            assert key.encode() not in path.read_bytes(), path


def test_a_revoked_key_stops_working_at_once(keyed):
    server, key, run = keyed
    second = json.loads(run("create", "--name", "second", "--json").stdout)["key"]
    with http_client(server) as http:
        assert http.get("/v1/models", headers={"x-api-key": second}).status_code == 200
        assert run("revoke", "second").returncode == 0
        assert http.get("/v1/models", headers={"x-api-key": second}).status_code == 401
        assert http.get("/v1/models", headers={"x-api-key": key}).status_code == 200


def test_a_revoked_key_ends_its_running_streams_and_no_others(keyed, small):
    server, first, run = keyed
    second = json.loads(run("create", "--name", "second", "--json").stdout)["key"]
    long = ask("Tell me a very long story.", max_tokens=1500, stream=True, ignore_eos=True)
    with http_client(server) as http, \
            http.stream("POST", "/v1/chat/completions", json=long, headers={"x-api-key": first}) as staying, \
            http.stream("POST", "/v1/chat/completions", json=long, headers={"x-api-key": second}) as ending:
        going_on, stopped = events_of(staying), events_of(ending)
        assert next(going_on) and next(stopped)
        assert run("revoke", "second").returncode == 0
        *_, last = stopped
        assert last["error"]["code"] == "key_revoked" and last["error"]["type"] == "authentication_error"
        assert weir_server.until(lambda: engine_of(http, first)["running"] == 1, 60), "its work goes on"
        assert next(going_on)["choices"]


def test_a_revoked_key_ends_what_waits_for_its_turn(keyed, small, tmp_path):
    server, first, run = keyed
    second = json.loads(run("create", "--name", "second", "--json").stdout)["key"]
    # 6,000 tokens of prompt: seconds before the first token.
    slow = ask("word " * 6000, max_tokens=1, model=SMALL)
    with http_client(server) as http, concurrent.futures.ThreadPoolExecutor() as pool:
        http.post("/v1/chat/completions", json=ask("Hi", max_tokens=1), headers={"x-api-key": first})
        answer = pool.submit(http.post, "/v1/chat/completions", json=slow, headers={"x-api-key": second})
        assert weir_server.until(lambda: engine_of(http, first)["running"] == 1, 20)
        assert run("revoke", "second").returncode == 0
        assert error_of(answer.result(), 401)["code"] == "key_revoked"
        assert weir_server.until(lambda: engine_of(http, first)["running"] == 0, 20)


def engine_of(http, key):
    return http.get("/weir/v1/models", headers={"x-api-key": key}).json()["data"][0]


def test_revoking_what_is_not_there_is_exit_3(keyed):
    done = keyed[2]("revoke", "no-such-key")
    assert done.returncode == 3 and done.stderr.startswith("weir: ")


def test_beyond_loopback_without_a_key_it_refuses_to_start(tmp_path):
    with pytest.raises(weir_server.NotReady) as raised:
        weir_server.Weir(tmp_path / "weir", "--listen", "0.0.0.0:0", listen=False)
    assert "key" in str(raised.value)


def test_a_key_that_may_do_one_thing_at_once_is_told_so(keyed, small):
    server, _, run = keyed
    key = json.loads(run("create", "--name", "narrow", "--concurrent", "1", "--json").stdout)["key"]
    headers = {"x-api-key": key}
    story = ask("Tell a story.", max_tokens=2000, stream=True, ignore_eos=True)
    with http_client(server) as http, http.stream("POST", "/v1/chat/completions", json=story, headers=headers) as response:
        events = events_of(response)
        next(events)
        error = error_of(http.post("/v1/chat/completions", json=ask("Hi"), headers=headers), 429)
        assert error["code"] == "key_limit"
