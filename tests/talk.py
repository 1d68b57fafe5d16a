"""How the black-box tests talk to a server: clients, requests, streams, and bytes on a socket."""

import json
import os
import socket

import httpx
import openai

import weir_server

SMALL = "smollm2:135m"
CODER = "qwen2.5-coder:0.5b"
CODER_LARGE = "qwen2.5-coder:1.5b"
EMBEDDING = "all-minilm:l6"


def openai_client(server, key="none", timeout_s=120):
    return openai.OpenAI(base_url=f"{server.url}/v1", api_key=key, max_retries=0,
                         timeout=timeout_s * weir_server.PATIENCE)


def http_client(server, timeout_s=120):
    return httpx.Client(base_url=server.url, timeout=timeout_s * weir_server.PATIENCE, trust_env=False)


def ask(text, **more):
    return {"model": SMALL, "messages": [{"role": "user", "content": text}], "max_tokens": 16} | more


def events_of(response):
    """The data of each server-sent event of a streamed httpx response, parsed; `[DONE]` as the string."""
    for line in response.iter_lines():
        if line.startswith("data: "):
            data = line[len("data: "):]
            yield data if data == "[DONE]" else json.loads(data)


def long_run():
    return os.environ.get("WEIR_LONG") == "1"


def text_of(response):
    """The joined text of a streamed chat completion, which has to end with [DONE]."""
    events = list(events_of(response))
    assert events and events[-1] == "[DONE]", events[-3:]
    return "".join(choice["delta"].get("content") or "" for event in events[:-1] for choice in event["choices"])


def error_of(response, status):
    """The OpenAI error object of a response that has to have this status."""
    assert response.status_code == status, (response.status_code, response.text[:500])
    error = response.json()["error"]
    assert set(error) >= {"message", "type", "param", "code"} and error["message"]
    return error


def connect(server, timeout_s=20):
    return socket.create_connection(("127.0.0.1", server.port), timeout=timeout_s * weir_server.PATIENCE)


def exchange(server, data, timeout_s=20):
    """Sends bytes and reads until the server closes or a whole plain response is there; (status, text)."""
    with connect(server, timeout_s) as connection:
        try:
            connection.sendall(data)
        except (BrokenPipeError, ConnectionResetError):
            pass  # the server may answer and close before it has read everything
        received = b""
        while not complete(received):
            try:
                part = connection.recv(65536)
            except ConnectionResetError:
                break
            if not part:
                break
            received += part
    status = int(received.split(b" ", 2)[1]) if received.startswith(b"HTTP/1.1 ") else None
    return status, received.decode(errors="replace")


def complete(received):
    head, gap, body = received.partition(b"\r\n\r\n")
    for line in head.lower().split(b"\r\n"):
        if line.startswith(b"content-length:"):
            return bool(gap) and len(body) >= int(line.split(b":")[1])
    return False


def request_bytes(server, method="GET", path="/livez", headers=(), body=b"", host=None):
    lines = [f"{method} {path} HTTP/1.1", f"Host: {host or f'127.0.0.1:{server.port}'}",
             *(f"{name}: {value}" for name, value in headers)]
    if body or method == "POST":
        lines += ["Content-Type: application/json", f"Content-Length: {len(body)}"]
    return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + body
