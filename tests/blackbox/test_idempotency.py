"""A request that is sent again with its idempotency-key: one call, one bill, one answer."""

import concurrent.futures

import httpx
import openai
import pytest

import weir_server
from beyond import HTTP, Beyond, backend, ended_well, target
from talk import error_of

PUBLIC = {"x-weir-label": "public"}
PRICE = 'price = { currency = "USD", input_per_million = 5, output_per_million = 30 }\n'

pytestmark = pytest.mark.usefixtures("fresh_provider")


@pytest.fixture
def weir(provider, tmp_path):
    with Beyond(tmp_path / "weir", backend(provider, more='gap_timeout = "60s"\nretries = 0') + target("big") + PRICE) as running:
        yield running


def key(value, **headers):
    return PUBLIC | {"idempotency-key": value} | headers


def entries(weir):
    return weir.get("/weir/v1/ledger").json()["total"]["entries"]


CHAT = {"model": "big", "messages": [{"role": "user", "content": "hi"}]}
REQUESTS = {
    "/v1/chat/completions": CHAT,
    "/v1/responses": {"model": "big", "input": "hi"},
    "/v1/messages": CHAT | {"max_tokens": 50},
    "/api/chat": CHAT,
}


@pytest.mark.parametrize("path", REQUESTS)
@pytest.mark.parametrize("stream", (False, True))
def test_every_dialect_gets_its_answer_again(provider, weir, path, stream):
    body = REQUESTS[path] | {"stream": stream}
    first, again = (weir.post(path, body, key("order-1")) for _ in range(2))
    assert first.status_code == again.status_code == 200, first.text
    assert again.content == first.content
    assert again.headers["idempotent-replayed"] == "true" and "idempotent-replayed" not in first.headers
    for name in ("x-weir-decision", "x-weir-target", "x-weir-tier", "x-weir-label", "content-type"):
        assert again.headers[name] == first.headers[name]
    assert again.headers["x-request-id"] != first.headers["x-request-id"]
    assert len(provider.requests) == 1
    assert entries(weir) == 1
    other = weir.post(path, body, key("order-2"))
    assert other.headers["x-weir-decision"] != first.headers["x-weir-decision"] and len(provider.requests) == 2


def test_the_official_client_sends_it_as_a_header_and_reads_the_same_answer(provider, weir):
    client = openai.OpenAI(base_url=f"{weir.url}/v1", api_key="none", max_retries=0, http_client=httpx.Client(trust_env=False))
    answers = [client.chat.completions.create(**CHAT, extra_headers=key("order-1")) for _ in range(2)]
    assert answers[0] == answers[1] and len(provider.requests) == 1


def test_a_key_belongs_to_one_request(provider, weir):
    assert weir.post("/v1/chat/completions", CHAT, key("order-1")).status_code == 200
    refused = weir.post("/v1/chat/completions", CHAT | {"temperature": 0}, key("order-1"))
    error = error_of(refused, 422)
    assert (error["code"], error["param"]) == ("idempotency_key_reused", "idempotency-key")
    assert weir.post("/v1/chat/completions", CHAT, key("order-1", **{"x-weir-label": "internal"})).status_code == 422
    assert weir.post("/v1/chat/completions", CHAT, key("not one word")).status_code == 400
    assert len(provider.requests) == 1


def test_while_the_first_is_at_work_a_second_is_a_conflict(provider, weir):
    provider.fail("big", "hang_mid")
    body = CHAT | {"stream": True}
    with httpx.stream("POST", f"{weir.url}/v1/chat/completions", headers=key("order-1"), json=body, trust_env=False) as first:
        pieces = first.iter_bytes()
        next(pieces)
        refused = weir.post("/v1/chat/completions", body, key("order-1"))
        assert error_of(refused, 409)["code"] == "idempotency_key_in_use" and refused.headers["retry-after"] == "1"
    # The client left: its key is free again.
    provider.fail("big", "none")
    again = []

    def free():
        again[:] = [weir.post("/v1/chat/completions", body, key("order-1"))]
        return again[0].status_code == 200

    assert weir_server.until(free)
    assert ended_well(again[0]) and "idempotent-replayed" not in again[0].headers


def test_many_at_once_are_one_call(provider, weir):
    def ask(_):
        return HTTP.post(f"{weir.url}/v1/chat/completions", json=CHAT, headers=key("order-1"), timeout=60)

    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(ask, range(64)))
    assert {answer.status_code for answer in answers} <= {200, 409}
    assert len({answer.content for answer in answers if answer.status_code == 200}) == 1
    assert len(provider.requests) == 1 and entries(weir) == 1


def test_what_failed_is_asked_again(provider, weir):
    provider.fail("big", "500")
    assert weir.post("/v1/chat/completions", CHAT, key("order-1")).status_code == 502
    provider.fail("big", "cut")
    assert not ended_well(weir.post("/v1/chat/completions", CHAT | {"stream": True}, key("order-2")))
    provider.fail("big", "none")
    for body, value in ((CHAT, "order-1"), (CHAT | {"stream": True}, "order-2")):
        well = weir.post("/v1/chat/completions", body, key(value))
        assert ended_well(well) and "idempotent-replayed" not in well.headers
