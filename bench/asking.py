"""Requests as a client makes them, with times: one connection each, the standard library only, so that the client takes
as little of the processors as it can."""

import dataclasses
import http.client
import json
import random
import time

WORDS = ("river dam water stone bridge field house garden night morning summer winter road town market ship harbour "
         "island mountain valley forest bird horse letter book story music paper window door table chair bread milk "
         "apple child teacher doctor farmer king queen battle peace law school science number paint silver gold iron "
         "wood cloud storm rain wind snow fire light shadow voice answer question reason").split()


def words(count, seed):
    """`count` common words, about a token each, unlike those of another seed from the first word on."""
    source = random.Random(seed)
    return f"{seed} " + " ".join(source.choices(WORDS, k=count))


@dataclasses.dataclass
class Answer:
    """What came back and when, in seconds after the request was sent."""

    times: list = dataclasses.field(default_factory=list)  # of each piece of text
    total_s: float = 0.0
    text: str = ""
    usage: dict = dataclasses.field(default_factory=dict)
    finish: str | None = None
    error: str | None = None

    @property
    def first_s(self):
        return self.times[0] if self.times else self.total_s

    def gaps_s(self):
        return [after - before for before, after in zip(self.times, self.times[1:])]

    def decode_rate(self):
        """Tokens per second after the first; None without at least two pieces."""
        tokens = self.usage.get("completion_tokens", 0)
        if len(self.times) < 2 or tokens < 2:
            return None
        return (tokens - 1) / (self.times[-1] - self.times[0])


def post(server, path, body, timeout_s=600):
    """One plain request; the parsed answer. Anything but 200 raises."""
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=timeout_s)
    try:
        connection.request("POST", path, json.dumps(body), {"content-type": "application/json"})
        response = connection.getresponse()
        text = response.read()
        if response.status != 200:
            raise RuntimeError(f"{server.name}: {response.status} {text[:300]!r}")
        return json.loads(text)
    finally:
        connection.close()


def chat_body(server, messages, max_tokens, **more):
    return {"model": server.model, "messages": messages, "max_tokens": max_tokens, "temperature": 0} | more


def stream(server, path, body, timeout_s=600, on_piece=None):
    """One streamed request; `on_piece(answer)` is called at every piece and returns True to leave."""
    answer = Answer()
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=timeout_s)
    started = time.monotonic()
    try:
        connection.request("POST", path, json.dumps(body | {"stream": True, "stream_options": {"include_usage": True}}),
                           {"content-type": "application/json"})
        response = connection.getresponse()
        if response.status != 200:
            answer.error = f"{response.status} {response.read()[:300]!r}"
        else:
            read_events(response, answer, started, on_piece)
    except OSError as failure:
        answer.error = f"{type(failure).__name__}"
    finally:
        connection.close()
    answer.total_s = time.monotonic() - started
    return answer


def read_events(response, answer, started, on_piece):
    for line in response:
        if not line.startswith(b"data: "):
            continue
        now = time.monotonic() - started
        if line.startswith(b"data: [DONE]"):
            return
        event = json.loads(line[6:])
        if "error" in event:
            answer.error = json.dumps(event["error"])[:300]
            return
        answer.usage = event.get("usage") or answer.usage
        for choice in event.get("choices", []):
            answer.finish = choice.get("finish_reason") or answer.finish
            if piece := choice.get("text") or choice.get("delta", {}).get("content"):
                answer.times.append(now)
                answer.text += piece
                if on_piece and on_piece(answer):
                    return
    answer.error = answer.error or "the stream ended without [DONE]"


def chat(server, messages, max_tokens, on_piece=None, **more):
    return stream(server, "/v1/chat/completions", chat_body(server, messages, max_tokens, **more), on_piece=on_piece)
