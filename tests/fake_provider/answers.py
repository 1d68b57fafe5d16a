"""What the fake provider says, in the words of each dialect. Pure: requests as parsed JSON in, bytes out.

A streamed answer is a list of Frame: what kind of thing it is (so that a failure can leave it out or repeat it), and
its bytes. Line ends are LF; the server turns them into CRLF where a test asks for that.
"""

import base64
import dataclasses
import json
import re
import struct


@dataclasses.dataclass
class Answer:
    """One answer, dialect-free. `pieces` is the text as it is streamed."""

    pieces: tuple = ("Grüße ", "from the ", "fake provider ", "🦀 ", "漢字", ".")
    reasoning: tuple = ()
    calls: tuple = ()  # (name, arguments as JSON text)
    finish: str = "stop"  # stop | length | tool_calls | content_filter
    prompt_tokens: int = 11
    cached_tokens: int = 3
    completion_tokens: int = 7
    reasoning_tokens: int = 0
    turn: int = 0  # of a conversation; so that the ids of its calls differ, where a dialect has ids
    headers: tuple = ()  # beside those of its type: (name, value)

    @property
    def text(self):
        return "".join(self.pieces)

    def call_id(self, prefix, number):
        return f"{prefix}_{self.turn}_{number}" if self.turn else f"{prefix}_{number}"


@dataclasses.dataclass
class Frame:
    kind: str  # start | piece | finish | usage | end
    data: bytes


def compact(value):
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


def _sse(value, event=None, kind="piece"):
    data = value if isinstance(value, bytes) else compact(value)
    return Frame(kind, (f"event: {event}\n".encode() if event else b"") + b"data: " + data + b"\n\n")


def _halves(text):
    middle = max(1, len(text) // 2)
    return [part for part in (text[:middle], text[middle:]) if part]


def _vector(text, width=8):
    """The same text gives the same vector of unit length, and different texts different ones."""
    values = [((hash_ * (i + 3)) % 97) / 97 + 0.01 for i, hash_ in enumerate([sum(str(text).encode()) + 1] * width)]
    length = sum(v * v for v in values) ** 0.5
    return [v / length for v in values]


def _openai_embedding(vector, base64_wanted):
    return base64.b64encode(struct.pack(f"<{len(vector)}f", *vector)).decode() if base64_wanted else vector


class OpenAi:
    name = "openai"
    content_type = "text/event-stream"

    def matches(self, method, path):
        return method == "POST" and path.split("?")[0].endswith("/chat/completions")

    def model(self, path, body):
        if body.get("model"):
            return body["model"]
        deployment = re.search(r"/deployments/([^/]+)/", path)
        return deployment[1] if deployment else ""

    def streams(self, path, body):
        return bool(body.get("stream"))

    def tools(self, body):
        return [tool["function"]["name"] for tool in body.get("tools") or []]

    def usage(self, answer):
        return {"prompt_tokens": answer.prompt_tokens, "completion_tokens": answer.completion_tokens,
                "total_tokens": answer.prompt_tokens + answer.completion_tokens,
                "prompt_tokens_details": {"cached_tokens": answer.cached_tokens},
                "completion_tokens_details": {"reasoning_tokens": answer.reasoning_tokens}}

    def whole(self, answer, model, body):
        message = {"role": "assistant", "content": answer.text or None, "refusal": None}
        if answer.reasoning:
            message["reasoning_content"] = "".join(answer.reasoning)
        if answer.calls:
            message["tool_calls"] = [
                {"id": answer.call_id("call", i), "type": "function", "function": {"name": name, "arguments": arguments}}
                for i, (name, arguments) in enumerate(answer.calls)]
        return {"id": "chatcmpl-fake", "object": "chat.completion", "created": 1700000000, "model": model,
                "choices": [{"index": i, "message": message, "logprobs": None, "finish_reason": answer.finish}
                            for i in range(body.get("n") or 1)],
                "usage": self.usage(answer)}

    def frames(self, answer, model, body):
        def chunk(choices, **more):
            return {"id": "chatcmpl-fake", "object": "chat.completion.chunk", "created": 1700000000, "model": model,
                    "choices": choices} | more

        def delta(index, what, finish=None):
            return chunk([{"index": index, "delta": what, "logprobs": None, "finish_reason": finish}])

        frames = []
        for i in range(body.get("n") or 1):
            frames.append(_sse(delta(i, {"role": "assistant", "content": ""}), kind="start"))
            frames += [_sse(delta(i, {"reasoning_content": text})) for text in answer.reasoning]
            frames += [_sse(delta(i, {"content": text})) for text in answer.pieces]
            for k, (name, arguments) in enumerate(answer.calls):
                frames.append(_sse(delta(i, {"tool_calls": [
                    {"index": k, "id": answer.call_id("call", k), "type": "function", "function": {"name": name, "arguments": ""}}]})))
                frames += [_sse(delta(i, {"tool_calls": [{"index": k, "function": {"arguments": part}}]}))
                           for part in _halves(arguments)]
            frames.append(_sse(delta(i, {}, answer.finish), kind="finish"))
        if (body.get("stream_options") or {}).get("include_usage"):
            frames.append(_sse(chunk([], usage=self.usage(answer)), kind="usage"))
        return [*frames, _sse(b"[DONE]", kind="end")]

    def error(self, status, message):
        kinds = {401: "authentication_error", 404: "invalid_request_error", 429: "rate_limit_error"}
        return {"error": {"message": message, "type": kinds.get(status, "server_error"), "param": None,
                          "code": "model_not_found" if status == 404 else None}}

    def error_frame(self, message):
        return _sse(self.error(500, message))

    def unknown_frame(self):
        return _sse({"object": "something.new", "choices": [], "novel": {"deep": [1, 2]}}, event="something.new")


class Anthropic:
    name = "anthropic"
    content_type = "text/event-stream"
    _finish = {"stop": "end_turn", "length": "max_tokens", "tool_calls": "tool_use", "content_filter": "refusal"}

    def matches(self, method, path):
        return method == "POST" and path.split("?")[0].endswith("/messages")

    def model(self, path, body):
        return body.get("model", "")

    def streams(self, path, body):
        return bool(body.get("stream"))

    def tools(self, body):
        return [tool["name"] for tool in body.get("tools") or []]

    def usage(self, answer):
        return {"input_tokens": answer.prompt_tokens - answer.cached_tokens, "cache_creation_input_tokens": 0,
                "cache_read_input_tokens": answer.cached_tokens, "output_tokens": answer.completion_tokens}

    def _blocks(self, answer):
        blocks = []
        if answer.reasoning:
            blocks.append(({"type": "thinking", "thinking": "", "signature": ""},
                           [{"type": "thinking_delta", "thinking": text} for text in answer.reasoning] +
                           [{"type": "signature_delta", "signature": "c2lnbmVk"}]))
        if answer.pieces:
            blocks.append(({"type": "text", "text": ""}, [{"type": "text_delta", "text": t} for t in answer.pieces]))
        for i, (name, arguments) in enumerate(answer.calls):
            blocks.append(({"type": "tool_use", "id": answer.call_id("toolu", i), "name": name, "input": {}},
                           [{"type": "input_json_delta", "partial_json": part} for part in _halves(arguments)]))
        return blocks

    def whole(self, answer, model, body):
        content = []
        if answer.reasoning:
            content.append({"type": "thinking", "thinking": "".join(answer.reasoning), "signature": "c2lnbmVk"})
        if answer.text:
            content.append({"type": "text", "text": answer.text})
        content += [{"type": "tool_use", "id": answer.call_id("toolu", i), "name": name, "input": json.loads(arguments)}
                    for i, (name, arguments) in enumerate(answer.calls)]
        return {"id": "msg_fake", "type": "message", "role": "assistant", "model": model, "content": content,
                "stop_reason": self._finish[answer.finish], "stop_sequence": None, "usage": self.usage(answer)}

    def frames(self, answer, model, body):
        def event(kind, role="piece", **more):
            return _sse({"type": kind} | more, event=kind, kind=role)

        message = self.whole(dataclasses.replace(answer, pieces=(), calls=(), reasoning=()), model, body)
        message |= {"stop_reason": None, "usage": self.usage(answer) | {"output_tokens": 1}}
        frames = [event("message_start", "start", message=message), event("ping")]
        for i, (block, deltas) in enumerate(self._blocks(answer)):
            frames.append(event("content_block_start", index=i, content_block=block))
            frames += [event("content_block_delta", index=i, delta=delta) for delta in deltas]
            frames.append(event("content_block_stop", index=i))
        frames.append(event("message_delta", "finish",
                            delta={"stop_reason": self._finish[answer.finish], "stop_sequence": None},
                            usage={"output_tokens": answer.completion_tokens}))
        return [*frames, event("message_stop", "end")]

    def error(self, status, message):
        kinds = {400: "invalid_request_error", 401: "authentication_error", 404: "not_found_error",
                 429: "rate_limit_error", 503: "overloaded_error"}
        return {"type": "error", "error": {"type": kinds.get(status, "api_error"), "message": message},
                "request_id": "req_fake"}

    def error_frame(self, message):
        return _sse({"type": "error", "error": {"type": "overloaded_error", "message": message}}, event="error")

    def unknown_frame(self):
        return _sse({"type": "something_new", "novel": {"deep": [1, 2]}}, event="something_new")


class Gemini:
    name = "gemini"
    content_type = "text/event-stream"
    _path = re.compile(r"/models/([^/:]+):(generateContent|streamGenerateContent)(\?|$)")
    _finish = {"stop": "STOP", "tool_calls": "STOP", "length": "MAX_TOKENS", "content_filter": "SAFETY"}

    def matches(self, method, path):
        return method == "POST" and bool(self._path.search(path))

    def model(self, path, body):
        return self._path.search(path)[1]

    def streams(self, path, body):
        return self._path.search(path)[2] == "streamGenerateContent"

    def tools(self, body):
        return [call["name"] for tool in body.get("tools") or [] for call in tool.get("functionDeclarations", [])]

    def usage(self, answer):
        return {"promptTokenCount": answer.prompt_tokens, "cachedContentTokenCount": answer.cached_tokens,
                "candidatesTokenCount": answer.completion_tokens - answer.reasoning_tokens,
                "thoughtsTokenCount": answer.reasoning_tokens,
                "totalTokenCount": answer.prompt_tokens + answer.completion_tokens}

    def _chunk(self, answer, model, parts, finish=None, usage=True):
        candidate = {"content": {"parts": parts, "role": "model"}, "index": 0}
        if finish:
            candidate["finishReason"] = self._finish[finish]
        chunk = {"candidates": [candidate], "modelVersion": model, "responseId": "fake"}
        return chunk | ({"usageMetadata": self.usage(answer)} if usage else {})

    def _calls(self, answer):
        return [{"functionCall": {"name": name, "args": json.loads(arguments)}} for name, arguments in answer.calls]

    def whole(self, answer, model, body):
        parts = [{"text": "".join(answer.reasoning), "thought": True}] if answer.reasoning else []
        parts += [{"text": answer.text}] if answer.text else []
        return self._chunk(answer, model, parts + self._calls(answer), answer.finish)

    def frames(self, answer, model, body):
        parts = [{"text": text, "thought": True} for text in answer.reasoning]
        parts += [{"text": text} for text in answer.pieces] + self._calls(answer)
        partial = dataclasses.replace(answer, completion_tokens=answer.reasoning_tokens + 1)
        frames = [_sse(self._chunk(partial, model, [part])) for part in parts]
        return [*frames, _sse(self._chunk(answer, model, [{"text": ""}], answer.finish), kind="end")]

    def error(self, status, message):
        words = {400: "INVALID_ARGUMENT", 401: "UNAUTHENTICATED", 404: "NOT_FOUND", 429: "RESOURCE_EXHAUSTED",
                 503: "UNAVAILABLE"}
        return {"error": {"code": status, "message": message, "status": words.get(status, "INTERNAL")}}

    def error_frame(self, message):
        return _sse(self.error(503, message))

    def unknown_frame(self):
        return _sse({"novel": {"deep": [1, 2]}}, event="something")


class Ollama:
    name = "ollama"
    content_type = "application/x-ndjson"

    def matches(self, method, path):
        return method == "POST" and path.split("?")[0].endswith("/api/chat")

    def model(self, path, body):
        return body.get("model", "")

    def streams(self, path, body):
        return body.get("stream", True)

    def tools(self, body):
        return [tool["function"]["name"] for tool in body.get("tools") or []]

    def _line(self, model, message, **more):
        return {"model": model, "created_at": "2026-01-01T00:00:00.000000Z",
                "message": {"role": "assistant", "content": ""} | message, "done": False} | more

    def _end(self, answer):
        return {"done": True, "done_reason": "length" if answer.finish == "length" else "stop",
                "total_duration": 900, "load_duration": 100, "prompt_eval_count": answer.prompt_tokens,
                "prompt_eval_duration": 300, "eval_count": answer.completion_tokens, "eval_duration": 500}

    def _calls(self, answer):
        return [{"function": {"name": name, "arguments": json.loads(arguments)}} for name, arguments in answer.calls]

    def whole(self, answer, model, body):
        message = {"content": answer.text}
        if answer.reasoning:
            message["thinking"] = "".join(answer.reasoning)
        if answer.calls:
            message["tool_calls"] = self._calls(answer)
        return self._line(model, message, **self._end(answer))

    def frames(self, answer, model, body):
        messages = [{"thinking": text} for text in answer.reasoning] + [{"content": text} for text in answer.pieces]
        messages += [{"tool_calls": [call]} for call in self._calls(answer)]
        frames = [Frame("piece", compact(self._line(model, message)) + b"\n") for message in messages]
        return [*frames, Frame("end", compact(self._line(model, {}, **self._end(answer))) + b"\n")]

    def error(self, status, message):
        return {"error": message}

    def error_frame(self, message):
        return Frame("piece", compact({"error": message}) + b"\n")

    def unknown_frame(self):
        return Frame("piece", compact({"novel": {"deep": [1, 2]}}) + b"\n")


class OpenAiCompletions(OpenAi):
    def matches(self, method, path):
        plain = path.split("?")[0]
        return method == "POST" and plain.endswith("/completions") and not plain.endswith("/chat/completions")

    def _text(self, model, text, finish, **more):
        return {"id": "cmpl-fake", "object": "text_completion", "created": 1700000000, "model": model,
                "choices": [{"index": 0, "text": text, "logprobs": None, "finish_reason": finish}]} | more

    def whole(self, answer, model, body):
        return self._text(model, answer.text, answer.finish, usage=self.usage(answer))

    def frames(self, answer, model, body):
        frames = [_sse(self._text(model, text, None)) for text in answer.pieces]
        frames.append(_sse(self._text(model, "", answer.finish), kind="finish"))
        if (body.get("stream_options") or {}).get("include_usage"):
            frames.append(_sse(self._text(model, "", None, usage=self.usage(answer)) | {"choices": []}, kind="usage"))
        return [*frames, _sse(b"[DONE]", kind="end")]


def _inputs(body):
    """The texts of an embedding request; a list of token ids counts as one text."""
    given = body["input"]
    return [given] if isinstance(given, str) or isinstance(given[0], int) else given


class _Embeds:
    """What the routes for embeddings of the dialects share: they never stream."""

    def streams(self, path, body):
        return False

    def tools(self, body):
        return []


class OpenAiEmbeddings(_Embeds, OpenAi):
    def matches(self, method, path):
        return method == "POST" and path.split("?")[0].endswith("/embeddings")

    def whole(self, answer, model, body):
        wide = body.get("encoding_format") == "base64"
        return {"object": "list", "model": model, "usage": {"prompt_tokens": 4, "total_tokens": 4},
                "data": [{"object": "embedding", "index": i, "embedding": _openai_embedding(_vector(text), wide)}
                         for i, text in enumerate(_inputs(body))]}


class GeminiEmbeddings(_Embeds, Gemini):
    _path = re.compile(r"/models/([^/:]+):(batchEmbedContents)(\?|$)")

    def whole(self, answer, model, body):
        texts = [request["content"]["parts"][0]["text"] for request in body["requests"]]
        return {"embeddings": [{"values": _vector(text)} for text in texts]}


class OllamaGenerate(Ollama):
    """Text that goes on: what stands in a chat's message stands beside it."""

    def matches(self, method, path):
        return method == "POST" and path.split("?")[0].endswith("/api/generate")

    def _line(self, model, message, **more):
        line = super()._line(model, {}, **more)
        del line["message"]
        return line | {"response": message.get("content", "")}


class OllamaEmbeddings(_Embeds, Ollama):
    def matches(self, method, path):
        return method == "POST" and path.split("?")[0].endswith("/api/embed")

    def whole(self, answer, model, body):
        return {"model": model, "embeddings": [_vector(text) for text in _inputs(body)], "prompt_eval_count": 4}


DIALECTS = (OpenAi(), Anthropic(), Gemini(), Ollama())
# Everything that can be told to fail.
ROUTES = (*DIALECTS, OpenAiCompletions(), OpenAiEmbeddings(), GeminiEmbeddings(), OllamaGenerate(),
          OllamaEmbeddings())
MODELS = ("fake-large", "fake-small")


def other(method, path, headers, body):
    """(status, JSON) of what is no answer to a text: model lists, versions. None: unknown."""
    plain = path.split("?")[0]
    if method == "GET" and plain.endswith("/api/tags"):
        return 200, {"models": [{"name": name, "model": name, "size": 1, "details": {}} for name in MODELS]}
    if method == "GET" and plain.endswith("/api/version"):
        return 200, {"version": "0.99.0"}
    if method == "POST" and plain.endswith("/api/show"):
        return 200, {"capabilities": ["completion", "tools", "vision"], "details": {"family": "fake"},
                     "model_info": {"general.architecture": "fake", "fake.context_length": 8192}}
    if method == "POST" and plain.endswith("/messages/count_tokens"):
        return 200, {"input_tokens": 11}
    if method == "GET" and plain.endswith("/v1beta/models"):
        return 200, {"models": [{"name": f"models/{name}", "inputTokenLimit": 1000, "outputTokenLimit": 100,
                                 "supportedGenerationMethods": ["generateContent"]} for name in MODELS]}
    if method == "GET" and plain.endswith("/models") and "anthropic-version" in headers:
        return 200, {"data": [{"type": "model", "id": name, "display_name": name,
                               "created_at": "2026-01-01T00:00:00Z"} for name in MODELS],
                     "has_more": False, "first_id": MODELS[0], "last_id": MODELS[-1]}
    if method == "GET" and plain.endswith("/models"):
        return 200, {"object": "list", "data": [{"id": name, "object": "model", "created": 1700000000,
                                                 "owned_by": "fake", "context_length": 8192} for name in MODELS]}
    return None
