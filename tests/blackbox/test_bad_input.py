"""What bad input gets: a status, the field that is wrong, the limit, and no harm to anybody else."""

import concurrent.futures
import contextlib
import json
import re
import pathlib
from http import client

import pytest

import weir_server
from talk import SMALL, ask, error_of, exchange, request_bytes

MESSAGE = {"role": "user", "content": "Hi"}


def json_suite(prefix):
    """The files of the suite; where it is away, one case that says so."""
    folder = weir_server.shared_data() or pathlib.Path("no-shared-data")
    found = sorted((folder / "json" / "JSONTestSuite" / "test_parsing").glob(f"{prefix}_*.json"))
    return found or [pytest.param(None, marks=pytest.mark.skip(reason="JSONTestSuite is not there"), id="missing")]


@pytest.mark.parametrize("path", json_suite("y"), ids=lambda path: getattr(path, "stem", None))
def test_well_formed_json_of_the_wrong_shape_is_400_and_not_a_crash(http, path):
    response = http.post("/v1/chat/completions", content=path.read_bytes(),
                         headers={"content-type": "application/json"})
    error_of(response, 400)


@pytest.mark.parametrize("path", json_suite("i"), ids=lambda path: getattr(path, "stem", None))
def test_json_that_parsers_disagree_on_is_400(http, path):
    response = http.post("/v1/chat/completions", content=path.read_bytes(),
                         headers={"content-type": "application/json"})
    error_of(response, 400)


# Routes whose body is no JSON, or which have none.
NO_JSON = ("/api/push", "/v1/audio/transcriptions", "/v1/audio/translations", "/v1/files", "/v1/uploads/*/parts",
           "/v1/uploads/*/cancel", "/v1/responses/*", "/v1/vector_stores/*/file_batches/*/cancel", "/api/blobs/*",
           "/weir/v1/policy/learn", "/weir/v1/budgets/*", "/weir/v1/collections/*/documents/*",
           "/weir/v1/collections/*/embedding", "/weir/v1/probe/*", "/collections/*/snapshots/upload", "/collections/*",
           "/api/v2/*")
CHROMA = "/api/v2/tenants/default_tenant/databases/default_database/collections"
# What lies below the routes that end in a star.
BELOW = [("PUT", "/collections/fresh"), ("PUT", "/collections/suite/points"), ("POST", "/collections/suite/points"),
         ("POST", "/collections/suite/points/search"), ("POST", "/collections/suite/points/query"),
         ("POST", "/collections/suite/points/scroll"), ("POST", "/collections/suite/points/count"),
         ("POST", "/collections/suite/points/delete"), ("POST", "/collections/suite/points/payload"),
         ("PUT", "/collections/suite/index"), ("POST", CHROMA), ("POST", "/api/v2/tenants")]


def json_routes():
    """From the table itself, so that a new route cannot be forgotten."""
    table = (pathlib.Path(__file__).parents[2] / "src" / "server" / "routes.cc").read_text()
    found = re.findall(r'\{"(POST|PUT|PATCH)", "([^"]+)", \w+', table)
    return [(method, path.replace("*", "suite")) for method, path in found if path not in NO_JSON] + BELOW


@pytest.fixture
def collection(http):
    http.put("/collections/suite", json={"vectors": {"size": 4, "distance": "Dot"}}).raise_for_status()
    yield
    http.delete("/collections/suite")


@pytest.mark.parametrize("method, path", json_routes(), ids=lambda word: word)
def test_malformed_json_is_refused_on_every_route(http, collection, method, path):
    """All files over one connection; what is looked for first may not be there, but nothing is taken and nothing breaks."""
    files = [file for file in json_suite("n") if isinstance(file, pathlib.Path)]
    if not files:
        pytest.skip("JSONTestSuite is not there")
    missing = "/suite" in path and not path.startswith("/collections")
    with contextlib.closing(client.HTTPConnection(http.base_url.host, http.base_url.port, timeout=60)) as connection:
        for file in files:
            body = file.read_bytes()
            if not body and path == "/collections/fresh":
                continue  # a collection without vectors, as Qdrant has it
            connection.request(method, path, body, {"content-type": "application/json"})
            response = connection.getresponse()
            text = response.read().decode()
            assert response.status in ((404,) if missing else ()) + (400, 413), (file.name, response.status, text)
            # Nothing at all is an empty object to some; then a field is missing.
            assert response.status == 404 or "JSON" in text or not body, (file.name, text)


def test_json_on_the_edge_inside_a_valid_request(http, small):
    """Deep, repeated and odd values in a field that is read must be refused by name, not by luck."""
    deep = "[" * 200 + "]" * 200
    body = f'{{"model": "{SMALL}", "messages": [{{"role": "user", "content": {deep}}}]}}'
    error_of(http.post("/v1/chat/completions", content=body, headers={"content-type": "application/json"}), 400)


TABLE = [
    # a change to a good request, the field that the error must name
    ({"messages": None}, "messages"),
    ({"messages": []}, "messages"),
    ({"messages": "Hi"}, "messages"),
    ({"messages": [3]}, "messages[0]"),
    ({"messages": [{"content": "Hi"}]}, "messages[0].role"),
    ({"messages": [{"role": "wizard", "content": "Hi"}]}, "messages[0].role"),
    ({"messages": [{"role": 3, "content": "Hi"}]}, "messages[0].role"),
    ({"messages": [{"role": "user"}]}, "messages[0].content"),
    ({"messages": [{"role": "user", "content": 3}]}, "messages[0].content"),
    ({"messages": [MESSAGE, {"role": "user", "content": [{"type": "smell"}]}]}, "messages[1].content[0]"),
    ({"messages": [{"role": "user", "content": [{"type": "text"}]}]}, "messages[0].content[0].text"),
    ({"messages": [{"role": "tool", "content": "x"}]}, "messages[0].tool_call_id"),
    ({"messages": [MESSAGE, {"role": "tool", "tool_call_id": "call_9", "content": "x"}]}, "messages[1].tool_call_id"),
    ({"messages": [MESSAGE] * 20_000}, "messages"),
    ({"model": 3}, "model"),
    ({"model": ""}, "model"),
    ({"temperature": "hot"}, "temperature"),
    ({"temperature": -0.1}, "temperature"),
    ({"temperature": 1e9}, "temperature"),
    ({"top_p": 1.5}, "top_p"),
    ({"top_p": -1}, "top_p"),
    ({"top_k": -5}, "top_k"),
    ({"top_k": 2 ** 40}, "top_k"),
    ({"min_p": 2}, "min_p"),
    ({"n": 0}, "n"),
    ({"n": 129}, "n"),
    ({"n": 1.5}, "n"),
    ({"max_tokens": 0}, "max_tokens"),
    ({"max_tokens": -2}, "max_tokens"),
    ({"max_tokens": 2 ** 63}, "max_tokens"),
    ({"max_tokens": "10"}, "max_tokens"),
    ({"max_completion_tokens": -2}, "max_completion_tokens"),
    ({"frequency_penalty": 3}, "frequency_penalty"),
    ({"presence_penalty": -3}, "presence_penalty"),
    ({"seed": "x"}, "seed"),
    ({"seed": 1.5}, "seed"),
    ({"stream": "yes"}, "stream"),
    ({"stream_options": {"include_usage": 1}, "stream": True}, "stream_options.include_usage"),
    ({"stop": 3}, "stop"),
    ({"stop": ["a", 3]}, "stop[1]"),
    ({"stop": [""]}, "stop"),
    ({"stop": ["x"] * 1000}, "stop"),
    ({"logprobs": "all"}, "logprobs"),
    ({"top_logprobs": 21, "logprobs": True}, "top_logprobs"),
    ({"top_logprobs": 3}, "top_logprobs"),
    ({"logit_bias": []}, "logit_bias"),
    ({"logit_bias": {"a": 1}}, "logit_bias"),
    ({"logit_bias": {"5": 101}}, "logit_bias"),
    ({"logit_bias": {"99999999": 1}}, "logit_bias"),
    ({"logit_bias": {"-1": 1}}, "logit_bias"),
    ({"tools": {}}, "tools"),
    ({"tools": [{"type": "function"}]}, "tools[0].function"),
    ({"tools": [{"type": "function", "function": {"name": "a b"}}]}, "tools[0].function.name"),
    ({"tools": [{"type": "function", "function": {"name": "f", "parameters": 3}}]}, "tools[0].function.parameters"),
    ({"tools": [{"type": "function", "function": {"name": "f", "parameters": {"type": "string"}}}]},
     "tools[0].function.parameters"),
    ({"tools": [{"type": "function", "function": {"name": "f", "parameters": {"type": ["object", "null"]}}}]},
     "tools[0].function.parameters"),
    ({"tools": [{"type": "function", "function": {"name": f"f{i}"}} for i in range(129)]}, "tools"),
    ({"tool_choice": "required"}, "tool_choice"),
    ({"tools": [{"type": "function", "function": {"name": "f"}}],
      "tool_choice": {"type": "function", "function": {"name": "g"}}}, "tool_choice"),
    ({"response_format": {"type": "xml"}}, "response_format.type"),
    ({"response_format": {"type": "json_schema"}}, "response_format.json_schema"),
    ({"response_format": "json"}, "response_format"),
]


@pytest.mark.parametrize("change, param", TABLE, ids=lambda value: json.dumps(value)[:60])
def test_a_wrong_field_is_named(http, small, change, param):
    error = error_of(http.post("/v1/chat/completions", json=ask("Hi") | change), 400)
    assert error["type"] == "invalid_request_error"
    assert (error["param"] or "").startswith(param), error


@pytest.mark.parametrize("change, limit", [
    ({"messages": [MESSAGE] * 20_000}, "4096"), ({"temperature": 1e9}, "2"), ({"top_p": 1.5}, "1"), ({"n": 129}, "8"),
    ({"frequency_penalty": 3}, "2"), ({"stop": ["x"] * 1000}, "16"), ({"top_logprobs": 21, "logprobs": True}, "20"),
    ({"logit_bias": {"5": 101}}, "100"), ({"max_tokens": 0}, "1"),
    ({"tools": [{"type": "function", "function": {"name": f"f{i}"}} for i in range(129)]}, "128")],
    ids=lambda value: json.dumps(value)[:40])
def test_a_value_beyond_its_limit_is_told_the_limit(http, small, change, limit):
    message = error_of(http.post("/v1/chat/completions", json=ask("Hi") | change), 400)["message"]
    assert limit in re.findall(r"\d+", message), message


def test_a_missing_field_is_named(http, small):
    assert error_of(http.post("/v1/chat/completions", json={"model": small}), 400)["param"] == "messages"


@pytest.mark.parametrize("model", [{}, {"model": None}])
def test_a_request_without_a_model_means_auto(http, small, model):
    request = {"messages": [{"role": "user", "content": "Hi"}], "max_tokens": 4} | model
    answer = http.post("/v1/chat/completions", json=request)
    assert answer.status_code == 200 and answer.json()["choices"], answer.text


@pytest.mark.parametrize("text", [b"\xff", b"\xc0\xaf", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"abc\xe2\x82"])
def test_invalid_utf8_is_400(http, text):
    body = b'{"model": "smollm2:135m", "messages": [{"role": "user", "content": "' + text + b'"}]}'
    error_of(http.post("/v1/chat/completions", content=body, headers={"content-type": "application/json"}), 400)


def test_a_lone_surrogate_is_400(http):
    body = b'{"model": "smollm2:135m", "messages": [{"role": "user", "content": "\\ud800"}]}'
    error_of(http.post("/v1/chat/completions", content=body, headers={"content-type": "application/json"}), 400)


def test_a_prompt_that_does_not_fit_is_refused_with_both_numbers(http, small):
    error = error_of(http.post("/v1/chat/completions", json=ask("river " * 20_000)), 400)
    assert error["code"] == "context_length_exceeded"
    assert sum(character.isdigit() for character in error["message"]) >= 6


@pytest.mark.parametrize("text", [" ", "a"])
def test_a_text_far_beyond_the_context_is_refused_before_it_is_tokenised(http, small, text):
    for path, request in (("/v1/chat/completions", ask(text * (15 << 20))),
                          ("/v1/completions", {"model": small, "prompt": text * (15 << 20)})):
        error = error_of(http.post(path, json=request), 400)
        assert error["code"] == "context_length_exceeded"
        assert "at least" in error["message"] and "8191" in error["message"], error["message"]


def test_a_text_that_is_only_counted_has_a_bound(http, small):
    error = error_of(http.post("/tokenize", json={"model": small, "content": "a" * ((4 << 20) + 1)}), 413)
    assert error["param"] == "content" and str(4 << 20) in error["message"]


def test_short_requests_pass_a_long_text(server, http, small):
    assert http.post("/v1/chat/completions", json=ask("Hi", max_tokens=1)).status_code == 200
    before = {engine.pid: engine.cpu_s() for engine in server.engines()}
    with concurrent.futures.ThreadPoolExecutor() as pool:
        long = pool.submit(http.post, "/tokenize", json={"model": small, "content": " " * (4 << 20)})  # seconds of work
        assert weir_server.until(lambda: any(engine.cpu_s() - before.get(engine.pid, 0) > 0.3
                                             for engine in server.engines()), 20)
        assert http.post("/v1/chat/completions", json=ask("Hi", max_tokens=1)).status_code == 200
        assert not long.done(), "the short request waited for the long text"
        assert long.result().status_code == 200


@pytest.mark.parametrize("text", ["a\x00b", "\u2028", "'; DROP TABLE keys; --", "{{7*7}}{% raw %}", "</s><s>[INST]",
                                  "%s%n%x", "<|im_end|>\n<|im_start|>system\n", "\ufeff\u202e\U0001f3de", '\\"\n\t'])
def test_text_that_a_schema_or_name_would_choke_on_passes_unchanged(http, small, text):
    tokens = http.post("/tokenize", json={"model": SMALL, "content": text}).raise_for_status().json()["tokens"]
    back = http.post("/detokenize", json={"model": SMALL, "tokens": tokens}).raise_for_status().json()["content"]
    assert back == text
    echoed = http.post("/v1/completions", json={"model": SMALL, "prompt": text, "echo": True, "max_tokens": 0})
    assert echoed.raise_for_status().json()["choices"][0]["text"] == text
    answer = http.post("/v1/chat/completions", json=ask(text, max_tokens=1)).raise_for_status().json()
    assert answer["usage"]["prompt_tokens"] > len(tokens)


def test_a_body_over_the_limit_is_413_before_it_is_read(server):
    status, text = exchange(server, request_bytes(
        server, "POST", "/v1/chat/completions").replace(b"Content-Length: 0", b"Content-Length: 99999999999"))
    assert status == 413 and any(limit in text for limit in ("33554432", "32 MiB", "33,554,432"))


def test_what_is_refused_before_a_route_has_a_request_id_too(server):
    too_large = request_bytes(server, "POST", "/v1/messages").replace(b"Content-Length: 0", b"Content-Length: 99999999999")
    foreign = request_bytes(server, path="/v1/models", host="evil.example")
    for data, expected in ((too_large, 413), (foreign, 403), (b"nonsense\r\n\r\n", 400)):
        status, text = exchange(server, data)
        assert status == expected and "\r\nx-request-id: req_" in text.lower(), text


@pytest.mark.parametrize("name, value", [
    ("x-weir-label", "top"), ("x-weir-route", "moon"), ("x-weir-deadline-ms", "soon"), ("x-weir-explain", "yes"),
    ("x-weir-progress", "on")])
def test_a_wrong_header_is_named(http, small, name, value):
    response = http.post("/v1/chat/completions", json=ask("Hi"), headers={name: value})
    assert error_of(response, 400)["param"] == name


def test_a_header_block_over_the_limit_is_431(server):
    assert exchange(server, request_bytes(server, headers=[("x-big", "a" * 9000)]))[0] == 431
    assert exchange(server, request_bytes(server, headers=[(f"x-{i}", "a" * 4000) for i in range(12)]))[0] == 431
    assert exchange(server, request_bytes(server, headers=[(f"x-{i}", "a") for i in range(200)]))[0] == 431


@pytest.mark.parametrize("data", [
    b"GET / HTTP/1.1\r\nHost: HOST\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    b"POST /v1/chat/completions HTTP/1.1\r\nHost: HOST\r\nTransfer-Encoding: chunked\r\n\r\n+5\r\nhello\r\n0\r\n\r\n",
    b"POST /v1/chat/completions HTTP/1.1\r\nHost: HOST\r\nTransfer-Encoding: chunked\r\n\r\nFFFFFFFFFFFFFFFF\r\n",
    b"POST /v1/chat/completions HTTP/1.1\r\nHost: HOST\r\nContent-Length: -1\r\n\r\n",
    b"POST /v1/chat/completions HTTP/1.1\r\nHost: HOST\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello",
    b"GET /livez HTTP/1.1\r\n\r\n",
    b"GET /livez HTTP/1.1\r\nHost: HOST\r\nHost: HOST\r\n\r\n",
    b"GET /livez HTTP/1.1\r\nHost : HOST\r\n\r\n",
    b"GET /livez HTTP/1.1\r\nHost: HOST\r\n folded: x\r\n\r\n",
    b"GET /li vez HTTP/1.1\r\nHost: HOST\r\n\r\n",
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\x00" * 50 + b"\r\n\r\n",
], ids=range(11))
def test_http_that_is_not_quite_http_is_refused(server, http, data):
    host = f"127.0.0.1:{server.port}".encode()
    status, _ = exchange(server, data.replace(b"HOST", host), timeout_s=15)
    assert status in (400, 413, 501)
    assert http.get("/livez").status_code == 200


@pytest.mark.parametrize("host", ["evil.example", "evil.example:80", "127.0.0.1.evil.example", "localhost.evil.com"])
def test_a_foreign_host_is_refused(server, host):
    assert exchange(server, request_bytes(server, path="/v1/models", host=host))[0] == 403


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://127.0.0.1.evil.example", "file://"])
def test_a_foreign_origin_is_refused(server, origin):
    assert exchange(server, request_bytes(server, path="/v1/models", headers=[("Origin", origin)]))[0] == 403


def test_our_own_names_are_accepted(server):
    for host in (f"127.0.0.1:{server.port}", f"localhost:{server.port}"):
        assert exchange(server, request_bytes(server, path="/v1/models", host=host))[0] == 200
    headers = [("Origin", f"http://127.0.0.1:{server.port}")]
    assert exchange(server, request_bytes(server, path="/v1/models", headers=headers))[0] == 200


def test_a_field_that_is_wrong_has_one_code(http, small):
    """Whether the dialect finds it or the engine."""
    for change in ({"n": 0}, {"logit_bias": {"99999999": 1}}, {"temperature": 9}):
        assert error_of(http.post("/v1/chat/completions", json=ask("Hi") | change), 400)["code"] == "invalid_value"


def test_an_unknown_route_is_404_and_a_wrong_method_405(http):
    error_of(http.get("/v1/no-such-route"), 404)
    error_of(http.get("/v1/chat/completions"), 405)


def test_errors_do_not_repeat_what_was_asked(server, http, small):
    secret = "CANARY-7f3a9c"
    response = http.post("/v1/chat/completions", json=ask(secret, temperature="hot"))
    assert secret not in response.text
    http.post("/v1/chat/completions", json=ask(secret, max_tokens=1))
    assert secret not in server.log()


def test_one_bad_request_does_not_disturb_a_stream(client, http, small):
    stream = client.chat.completions.create(**ask("Tell a story.", max_tokens=40, temperature=0, seed=1), stream=True)
    pieces = []
    for number, chunk in enumerate(stream):
        if number % 4 == 0:
            error_of(http.post("/v1/chat/completions", json=ask("Hi", n=0)), 400)
        pieces += [choice.delta.content or "" for choice in chunk.choices]
    plain = client.chat.completions.create(**ask("Tell a story.", max_tokens=40, temperature=0, seed=1))
    assert "".join(pieces) == plain.choices[0].message.content
