"""A Weir with backends beyond this machine: the fake provider behind it, its configuration, and requests to it."""

import json
import os
import signal
import time

import httpx

import weir_server
from fake_provider import FAILURES, HTTP2_HARMLESS, Answer

# What a careful client reads as if nothing had happened.
HARMLESS = {"none", "byte_by_byte", "split_utf8", "crlf", "comments", "unknown_events", "duplicate_usage"} | HTTP2_HARMLESS
# Slow, but it ends; or an end that some servers of the dialect leave out.
EITHER = {"slow", "missing_marker"}

KEY = "sk-test-canary-key"

BACKEND = """
[[backend]]
name = "{name}"
kind = "{kind}"
tier = "{tier}"
url = "{url}"
ceiling = "{ceiling}"
ca_file = "{ca_file}"
key_env = "FAKE_PROVIDER_KEY"
{more}
"""

# One client for all: making one costs more than most requests. A connection for each request, so that a server that
# was killed in between is no error of the next one. (Asked for with a header: a pool without room for idle connections
# closes one that another thread has just been given.)
HTTP = httpx.Client(trust_env=False, verify=False, headers={"connection": "close"})

TARGET = """
[[target]]
name = "{name}"
backend = "{backend}"
model = "{model}"
context = 100000
vision = true
tools = true
json_schema = true
reasoning = true
"""


def backend(provider, dialect="openai", name="cloud", tier="cloud", ceiling="internal", listener="good", more=""):
    return BACKEND.format(name=name, kind=dialect, tier=tier, url=provider.url(dialect, listener), ceiling=ceiling,
                          ca_file=provider.ca_file, more=more)


def target(name, model=None, backend="cloud"):
    return TARGET.format(name=name, backend=backend, model=model or name)


class Beyond(weir_server.Weir):
    """weir serve with a configuration of its own and the providers' key in its environment."""

    def __init__(self, folder, text, **settings):
        folder.mkdir(parents=True, exist_ok=True)
        self.config = folder / "weir.toml"
        self.config.write_text(text)
        environment = settings.pop("environment", {}) | {"FAKE_PROVIDER_KEY": KEY}
        models = settings.pop("models", folder / "no-models")
        super().__init__(folder, "--config", str(self.config), models=models, environment=environment, **settings)

    def reload(self, text=None):
        """Until the configuration, with this text if there is one, is in force."""
        if text is not None:
            self.config.write_text(text)
        before = self.log().count("configuration reloaded")
        self.process.send_signal(signal.SIGHUP)
        deadline = time.monotonic() + 20 * weir_server.PATIENCE
        while self.log().count("configuration reloaded") == before:
            assert time.monotonic() < deadline, self.log()[-1000:]
            time.sleep(0.02)

    def ask(self, model, text="hi", stream=False, headers=None, messages=None, timeout=60, **body):
        body = {"model": model, "messages": messages or [{"role": "user", "content": text}]} | body
        if stream:
            body["stream"] = True
        return self.post("/v1/chat/completions", body, headers, timeout)

    def post(self, path, body, headers=None, timeout=60):
        return HTTP.post(f"{self.url}{path}", json=body, headers=headers or {}, timeout=timeout * weir_server.PATIENCE)

    def get(self, path):
        return HTTP.get(f"{self.url}{path}", timeout=60 * weir_server.PATIENCE)

    def explain(self, answer):
        return self.get(f"/weir/v1/decisions/{answer.headers['x-weir-decision']}").json()


def text_of(answer):
    if answer.headers["content-type"].startswith("application/json"):
        return answer.json()["choices"][0]["message"]["content"]
    return "".join(delta.get("content") or "" for delta in deltas_of(answer))


def events_of(answer):
    lines = [line[6:] for line in answer.text.splitlines() if line.startswith("data: ")]
    return [json.loads(line) for line in lines if line != "[DONE]"]


def deltas_of(answer):
    return [choice["delta"] for event in events_of(answer) for choice in event.get("choices", [])]


def ended_well(answer):
    return answer.status_code == 200 and (
        answer.headers["content-type"].startswith("application/json") or answer.text.rstrip().endswith("[DONE]"))


def environment_of(pid):
    return (open(f"/proc/{pid}/environ").read() if os.access(f"/proc/{pid}/environ", os.R_OK) else "")


def judged(name, stream, answer, provider_streams=None):
    """What is wrong with what a client was given while its provider failed in this way; nothing is as it should be.
    `provider_streams`: as its client does, if nothing is said."""
    good = ended_well(answer) and text_of(answer) == Answer().text
    streamed = stream if provider_streams is None else provider_streams
    harmless = name in HARMLESS or not streamed and name in FAILURES and FAILURES[name].stream_only
    if harmless and not good:
        return name, stream, answer.status_code, answer.text[-300:]
    if not harmless and name not in EITHER and ended_well(answer):
        return name, stream, "ended as if it were whole", answer.text[-300:]
    if answer.status_code == 200 and not ended_well(answer) and "error" not in events_of(answer)[-1]:
        return name, stream, "no error event", answer.text[-300:]
    if answer.status_code >= 400 and not answer.json()["error"]["code"]:
        return name, stream, "an error without a code", answer.text
    return None
