"""Many clients on one machine, by the real program: what they share, what they wait for, who goes first.

Judged by counters and by the order of ends, never by time. Most of it runs on stories260K, which computes thousands of
tokens in a second; what has to last while others come runs on smollm2:135m, one request at a time.
"""

import json
import threading
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

import weir_server
from talk import SMALL, ask, events_of, http_client
from weir_server import until

LONG = "A long text about rivers that flow to the sea. " * 60  # some 600 tokens
CELLS = 2816  # of the tiny model: a third of what its 24 clients need together

CONFIGURATION = """
[limits]
queue = 4
queue_per_key = 3

[model."smollm2:135m"]
parallel = 1

[model.story]
file = "{stories}"
context = {cells}
"""


@pytest.fixture
def configured(serve, stories, small, tmp_path):
    file = tmp_path / "weir.toml"
    file.write_text(CONFIGURATION.format(stories=stories, cells=CELLS))
    return serve("--config", file)


def engine_of(http, model, key=None):
    lines = http.get("/weir/v1/models", headers={"x-api-key": key} if key else {}).json()["data"]
    return next((line for line in lines if line["model"] == model), {"waiting": 0, "running": 0})


def together(server, count, work):
    """work(number, http) on `count` threads that start at once, each with a connection of its own; the results in order."""
    start = threading.Barrier(count)

    def one(number):
        with http_client(server) as http:
            start.wait()
            return work(number, http)

    with ThreadPoolExecutor(count) as threads:
        return list(threads.map(one, range(count)))


def test_a_prompt_that_eight_clients_share_is_computed_once(serve, small):
    server = serve()
    with http_client(server) as http:
        assert http.post("/weir/v1/models/load", json={"model": SMALL}).status_code == 200

    def work(number, http):
        messages = [{"role": "system", "content": LONG}, {"role": "user", "content": f"What is {number} and {number}?"}]
        return http.post("/v1/chat/completions", json=ask("", messages=messages, max_tokens=8)).json()

    answers = together(server, 8, work)
    usage = [answer["usage"] for answer in answers]
    with http_client(server) as http:
        line = engine_of(http, SMALL)
    hits = line["prefix_hits"]
    assert hits["misses"] == 1 and hits["joined"] + hits["running"] >= 5, hits
    cached = [one["prompt_tokens_details"]["cached_tokens"] for one in usage]
    assert sorted(cached)[0] == 0 and sum(c > 500 for c in cached) == 7, cached
    computed = sum(one["prompt_tokens"] for one in usage) - sum(cached)
    assert computed < 2 * usage[0]["prompt_tokens"], "the shared part is computed once, the rest is small"
    assert line["prompt_tokens_cached"] == sum(cached)


def test_three_times_the_cells_fail_nobody_and_cut_nobody_short(serve, stories, tmp_path):
    file = tmp_path / "weir.toml"
    # Its endless stories repeat themselves: guessed, they would be over before the last has asked.
    file.write_text(CONFIGURATION.format(stories=stories, cells=CELLS).replace("queue = 4", "queue = 60") + "prompt_lookup = false\n")
    server = serve("--config", file)
    with http_client(server) as http:
        assert http.post("/weir/v1/models/load", json={"model": "story"}).status_code == 200

    def work(number, http):
        prompt = [1] + [300 + (number * 7 + i * (number + 1)) % 200 for i in range(59)]
        response = http.post("/v1/completions", json={"model": "story", "prompt": prompt, "max_tokens": 300,
                                                      "ignore_eos": True, "temperature": 0})
        return response.status_code, response.json()

    # On a machine that is slow to start 24 threads, the first may be answered before the last has asked: then once more.
    for _ in range(5):
        answers = together(server, 24, work)
        assert [status for status, _ in answers] == [200] * 24, answers
        assert [answer["usage"]["completion_tokens"] for _, answer in answers] == [300] * 24
        with http_client(server) as http:
            line = engine_of(http, "story")
        assert line["cells"] <= CELLS and 24 * 360 >= 3 * line["cells"]
        if line["preemptions"] > 0:
            break
    assert line["preemptions"] > 0 and line["waiting"] == 0 and line["running"] == 0, line
    # That nobody gets another's words is history_test's to see: it can tell numerics from words.


class Blocker:
    """A stream on the only place of smollm2:135m, from its first token until the block ends."""

    def __init__(self, server, key=None, tokens=1500):
        self.http = http_client(server)
        self.stream = self.http.stream("POST", "/v1/chat/completions", headers={"x-api-key": key} if key else {},
                                       json=ask("Tell a long story.", stream=True, max_tokens=tokens, ignore_eos=True))

    def __enter__(self):
        self.events = events_of(self.stream.__enter__())
        next(self.events)
        return self

    def __exit__(self, *what):
        self.stream.__exit__(*what)
        self.http.close()


class Line:
    """Requests that wait behind each other: each is sent when the one before it waits."""

    def __init__(self, server, key=None):
        self.server, self.key = server, key
        self.http = http_client(server)
        self.ended, self.threads, self.lock = [], [], threading.Lock()

    def add(self, name, key=None, headers=None, **more):
        waiting = engine_of(self.http, SMALL, self.key)["waiting"]

        def run():
            body = ask(name, max_tokens=2, ignore_eos=True) | more
            response = httpx.post(f"{self.server.url}/v1/chat/completions", json=body, timeout=120, trust_env=False,
                                  headers=({"x-api-key": key} if key else {}) | (headers or {}))
            with self.lock:
                self.ended.append(name if response.status_code == 200 else response.status_code)

        self.threads.append(threading.Thread(target=run, daemon=True))
        self.threads[-1].start()
        assert until(lambda: engine_of(self.http, SMALL, self.key)["waiting"] > waiting, timeout_s=10, step_s=0.01)

    def all(self):
        for thread in self.threads:
            thread.join(60 * weir_server.PATIENCE)
        self.http.close()
        return self.ended


def test_classes_go_in_their_order_whichever_dialect_says_so(configured):
    line = Line(configured)
    with Blocker(configured):
        line.add("background", headers={"x-weir-priority": "background"})
        line.add("batch", weir={"priority": "batch"})
        line.add("first")
        line.add("second", headers={"x-weir-priority": "interactive"}, weir={"priority": "background"})
    assert line.all() == ["first", "second", "batch", "background"]
    with http_client(configured) as http:
        refused = http.post("/v1/chat/completions", json=ask("Hi"), headers={"x-weir-priority": "urgent"})
        assert refused.status_code == 400 and refused.json()["error"]["param"] == "x-weir-priority"


def test_a_queue_that_is_full_says_when_to_come_back(configured):
    """Without keys each connection is a client of its own, so it is the bound of all that is met: 503."""
    line = Line(configured)
    with Blocker(configured), http_client(configured) as http:
        for number in range(4):
            line.add(f"number {number}")
        refused = http.post("/v1/chat/completions", json=ask("One more"))
        assert refused.status_code == 503 and 1 <= int(refused.headers["retry-after"]) <= 600, refused.text
        error = refused.json()["error"]
        assert error["code"] == "queue_full" and "limits.queue" in error["message"]
        assert engine_of(http, SMALL)["waiting"] == 4
        of_anthropic = http.post("/v1/messages", json=ask("One more"))
        assert of_anthropic.status_code in (503, 529) and int(of_anthropic.headers["retry-after"]) >= 1
    assert len(line.all()) == 4 and all(isinstance(name, str) for name in line.ended), line.ended


def made_keys(weir, server, *names):
    keys = {}
    for name in names:
        done = weir("keys", "create", name, "--json", data=server.data)
        assert done.returncode == 0, done.stderr
        keys[name] = json.loads(done.stdout)["key"]
    return keys


def test_a_key_that_fills_its_part_of_the_queue_gets_429_and_another_key_a_place(configured, weir):
    keys = made_keys(weir, configured, "many", "few")
    line = Line(configured, keys["few"])
    with Blocker(configured, keys["many"]), http_client(configured) as http:
        for number in range(3):  # names of clients make no more places
            line.add(f"many {number}", key=keys["many"], headers={"x-weir-user": f"user{number}"})
        refused = http.post("/v1/chat/completions", json=ask("One more"),
                            headers={"x-api-key": keys["many"], "x-weir-user": "another"})
        assert refused.status_code == 429 and int(refused.headers["retry-after"]) >= 1, refused.text
        assert "limits.queue_per_key" in refused.json()["error"]["message"]
        line.add("few", key=keys["few"])
    ended = line.all()
    assert len(ended) == 4
    # The first key has had a long stream and more, the second nothing.
    assert ended[0] == "few", ended
