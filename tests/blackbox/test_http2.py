"""HTTP/2 beyond this machine: what a provider may do with streams, connections and flow control, and what comes of it."""

import collections
import concurrent.futures
import json
import socket

import pytest

import weir_server
from beyond import backend, ended_well, judged, target, text_of
from fake_provider import FAILURES, HTTP2_FAILURES, Answer, FakeProvider

DIALECTS = ("openai", "anthropic", "gemini", "ollama")
PUBLIC = {"x-weir-label": "public"}
TEXT = Answer().text
WAIT_S = 20 * weir_server.PATIENCE

pytestmark = pytest.mark.usefixtures("fresh_provider")


def over_http2(provider, dialect="openai", more="", **settings):
    return backend(provider, dialect, listener="h2", more=more, **settings)


def door_of(weir):
    return next(p for p in weir.processes() if p.name() == "weir-egress")


@pytest.mark.parametrize("dialect", DIALECTS)
def test_a_provider_that_offers_http2_is_spoken_to_in_it(provider, beyond, dialect):
    weir = beyond(over_http2(provider, dialect), target("big"))
    for stream in (True, False):
        answer = weir.ask("big", stream=stream, headers=PUBLIC)
        assert ended_well(answer) and text_of(answer) == TEXT
    assert [request.http2 for request in provider.requests] == [True, True]
    assert len({request.connection for request in provider.requests}) == 1


@pytest.mark.parametrize("dialect", DIALECTS)
def test_every_failure_of_a_provider_is_an_honest_error_over_http2_too(provider, beyond, dialect):
    # What a dialect makes of broken bytes does not hang on what carries them (test_door.py): once for all of those.
    failures = FAILURES | HTTP2_FAILURES if dialect == "openai" else HTTP2_FAILURES
    names = [name for name in failures if name not in ("h2_waits", "h2_dies")]
    patient = 'first_byte_timeout = "3s"\ngap_timeout = "3s"\nretries = 0'
    weir = beyond(over_http2(provider, dialect, patient), *(target(f"t-{name}", f"fail-{name}") for name in names))
    wrong = []
    for name in names:  # one after the other: some take their whole connection along
        for stream in (False, True):
            wrong.append(judged(name, stream, weir.ask(f"t-{name}", stream=stream, headers=PUBLIC)))
    assert not [problem for problem in wrong if problem]
    assert all(request.http2 for request in provider.requests if request.dialect)
    assert weir.process.poll() is None and "egress process ended" not in weir.log()


@pytest.mark.parametrize("failure", ["h2_refused", "h2_goaway_unseen"])
@pytest.mark.parametrize("stream", [False, True])
def test_a_request_that_the_provider_says_it_never_saw_is_asked_again(provider, beyond, failure, stream):
    weir = beyond(over_http2(provider, more="retries = 0"), target("big"))
    assert ended_well(weir.ask("big", headers=PUBLIC))
    provider.fail("big", failure, times=1)
    answer = weir.ask("big", stream=stream, headers=PUBLIC)
    assert ended_well(answer) and text_of(answer) == TEXT, answer.text


@pytest.mark.parametrize("failure", ["h2_refused", "h2_goaway_unseen"])
def test_a_new_connection_that_takes_no_request_costs_none(provider, beyond, failure):
    weir = beyond(over_http2(provider, more="retries = 1"), target("big"))
    provider.fail("big", failure, times=1)
    answer = weir.ask("big", headers=PUBLIC)
    assert ended_well(answer) and text_of(answer) == TEXT, answer.text
    assert len({request.connection for request in provider.requests}) == len(provider.requests) == 2


def test_new_connections_that_take_no_request_are_tried_as_often_as_it_is_allowed(provider, beyond):
    weir = beyond(over_http2(provider, more="retries = 2"), target("big"))
    provider.fail("big", "h2_goaway_unseen")
    answer = weir.ask("big", headers=PUBLIC)
    assert answer.status_code == 503 and len(provider.requests) == 3
    assert answer.json()["error"]["code"] == "call_not_taken"


@pytest.mark.parametrize("failure", ["h2_reset", "h2_reset_cancel", "h2_goaway_cut", "h2_goaway_broken_head", "garbage"])
def test_a_request_that_the_provider_may_have_seen_is_not_asked_again(provider, beyond, failure):
    weir = beyond(over_http2(provider, more="retries = 3"), target("big"))
    provider.fail("big", failure)
    answer = weir.ask("big", headers=PUBLIC)
    assert answer.status_code == 502 and len(provider.requests) == 1, answer.text


@pytest.mark.parametrize("failure", ["h2_reset_mid", "h2_goaway_cut", "h2_reset_mid_no_error"])
def test_an_answer_that_broke_off_is_not_asked_for_again(provider, beyond, failure):
    weir = beyond(over_http2(provider, more="retries = 3"), target("big"))
    provider.fail("big", failure)
    answer = weir.ask("big", stream=True, headers=PUBLIC)
    assert not ended_well(answer) and '"error"' in answer.text
    assert len(provider.requests) == 1


def test_a_connection_that_takes_no_more_requests_loses_none(provider, beyond):
    weir = beyond(over_http2(provider, more="retries = 0"), target("big"))
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        for _ in range(10):
            answers = list(pool.map(lambda i: weir.ask("big", stream=i % 2 == 0, headers=PUBLIC), range(8)))
            assert all(ended_well(answer) and text_of(answer) == TEXT for answer in answers)
            provider.go_away()


def test_answers_that_run_when_their_connection_goes_away_are_finished(provider, beyond):
    weir = beyond(over_http2(provider, more="retries = 0"), target("big"), target("slow"))
    assert ended_well(weir.ask("big", headers=PUBLIC))
    provider.fail("slow", "h2_waits")
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        waiting = [pool.submit(weir.ask, "slow", stream=True, headers=PUBLIC) for _ in range(4)]
        provider.wait_for(lambda p: len(p.requests) == 5, WAIT_S)
        provider.go_away()
        assert ended_well(weir.ask("big", headers=PUBLIC))  # on another connection
        provider.release()
        answers = [w.result() for w in waiting]
    assert all(ended_well(answer) and text_of(answer) == TEXT for answer in answers), [answer.text for answer in answers]
    old = {request.connection for request in provider.requests[:5]}
    assert provider.requests[-1].connection not in old


def test_requests_share_a_connection(beyond):
    with FakeProvider() as provider:  # its own: connections are counted over its whole life
        weir = beyond(over_http2(provider), target("big"), target("slow"))
        assert ended_well(weir.ask("big", headers=PUBLIC))
        provider.fail("slow", "h2_waits")
        with concurrent.futures.ThreadPoolExecutor(12) as pool:
            waiting = [pool.submit(weir.ask, "slow", f"question {i}", stream=i % 2 == 0, headers=PUBLIC) for i in range(12)]
            provider.wait_for(lambda p: len(p.requests) == 13, WAIT_S)
            provider.release()
            assert all(ended_well(w.result()) and text_of(w.result()) == TEXT for w in waiting)
        assert provider.connections == 1


@pytest.mark.parametrize("streams_max", [1, 2, 5])
def test_a_connection_has_no_more_streams_than_its_provider_allows(beyond, streams_max):
    with FakeProvider(streams_max=streams_max) as provider:
        weir = beyond(over_http2(provider, more="retries = 0"), target("big"), target("slow"))
        assert ended_well(weir.ask("big", headers=PUBLIC))
        provider.fail("slow", "h2_waits")
        asked = 11
        with concurrent.futures.ThreadPoolExecutor(asked) as pool:
            waiting = [pool.submit(weir.ask, "slow", stream=i % 2 == 0, headers=PUBLIC) for i in range(asked)]
            provider.wait_for(lambda p: len(p.requests) == 1 + asked, WAIT_S)
            held = collections.Counter(request.connection for request in provider.requests[1:])
            assert max(held.values()) <= streams_max
            provider.release()
            assert all(ended_well(w.result()) and text_of(w.result()) == TEXT for w in waiting)
        # What is free again is used again.
        with concurrent.futures.ThreadPoolExecutor(asked) as pool:
            answers = list(pool.map(lambda _: weir.ask("big", headers=PUBLIC), range(4 * asked)))
        assert all(ended_well(answer) for answer in answers)
        assert provider.connections < 2 * asked


def test_a_connection_that_died_silently_is_not_used_again(provider, beyond):
    weir = beyond(over_http2(provider, more='retries = 0\nfirst_byte_timeout = "1500ms"'), target("big"), target("dead"))
    assert ended_well(weir.ask("big", headers=PUBLIC))
    provider.fail("dead", "h2_dies", times=1)
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        first = pool.submit(weir.ask, "dead", headers=PUBLIC)
        provider.wait_for(lambda p: len(p.requests) == 2, WAIT_S)
        second = pool.submit(weir.ask, "big", headers=PUBLIC)  # joins the dead, for all that anybody knows
        assert first.result().status_code == 502
        third = weir.ask("big", headers=PUBLIC)
        assert ended_well(third), third.text
        second.result()
    assert ended_well(weir.ask("big", headers=PUBLIC))
    assert {request.connection for request in provider.requests[2:]} != {provider.requests[0].connection}


class SlowClient:
    """Asks for a stream and reads no further than it is told to."""

    def __init__(self, weir, model):
        body = json.dumps({"model": model, "messages": [{"role": "user", "content": "hi"}], "stream": True}).encode()
        self.socket = socket.socket()
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
        self.socket.settimeout(WAIT_S)
        self.socket.connect(("127.0.0.1", weir.port))
        self.socket.sendall(b"POST /v1/chat/completions HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n"
                            b"x-weir-label: public\r\nconnection: close\r\n"
                            b"content-length: %d\r\n\r\n%s" % (len(body), body))

    def read(self, bytes_max=1 << 40):
        seen = bytearray()
        while len(seen) < bytes_max and (part := self.socket.recv(min(1 << 20, bytes_max - len(seen)))):
            seen += part
        return seen


def settled(value, step_s=0.5):
    """What `value` is when it has not changed for `step_s`."""
    known = [value()]

    def still():
        known.append(value())
        return known[-1] == known[-2]

    assert weir_server.until(still, WAIT_S, step_s)
    return known[-1]


def test_a_client_that_does_not_read_slows_its_provider_and_nobody_else(provider, beyond):
    """The provider, the door and the gateway hold no more than their windows, and other streams of the connection go on."""
    pieces = 600
    provider.say("long", Answer(pieces=("x" * 32_000,) * pieces))
    weir = beyond(over_http2(provider, more='gap_timeout = "60s"'), target("big"), target("long"))
    assert ended_well(weir.ask("big", headers=PUBLIC))
    before = door_of(weir).memory_kib()
    slow = SlowClient(weir, "long")
    assert b"200 OK" in slow.read(1000)
    provider.wait_for(lambda p: p.streams_of("long"), WAIT_S)
    sent = settled(lambda: provider.streams_of("long")[0].sent_bytes)
    # Up to 4 MiB of it are the kernel's, which lets the gateway's socket grow.
    assert sent < 8 << 20, f"{sent} bytes left the provider for a client that reads nothing"
    assert door_of(weir).memory_kib() - before < 8 << 10
    for i in range(10):
        answer = weir.ask("big", stream=i % 2 == 0, headers=PUBLIC, timeout=10)
        assert ended_well(answer) and text_of(answer) == TEXT
    assert slow.read().count(b"x") >= pieces * 32_000
    assert len({request.connection for request in provider.requests}) == 1
    assert door_of(weir).memory_kib() - before < 40 << 10


def test_what_slow_clients_leave_in_the_door_is_bounded_for_all_of_them(provider, beyond):
    """The window of a stream is 32 MiB, and other streams bring in what was sent; so it is the sum that is bounded."""
    clients, mib = 4, 24
    provider.say("long", Answer(pieces=("x" * 32_768,) * (mib * 32)))
    weir = beyond(over_http2(provider, more='gap_timeout = "60s"'), target("big"), target("long"))
    assert ended_well(weir.ask("big", headers=PUBLIC))
    slow = [SlowClient(weir, "long") for _ in range(clients)]
    for client in slow:
        assert b"200 OK" in client.read(1000)

    def ask():  # an answer in the same connection drives it
        assert ended_well(weir.ask("big", headers=PUBLIC))
        return door_of(weir).memory_kib()

    # 32 MiB are kept of all of them, twice as much while a buffer grows, and the process has some of its own.
    assert settled(lambda: max(ask() // 4096, len(provider.streams_of("long")))) * 4 < 80 < clients * mib
    ends = [client.read() for client in slow]
    whole = [end for end in ends if b"[DONE]" in end]
    assert all(end.count(b"x") >= mib << 20 for end in whole)
    assert len(whole) >= 1 and all(b"reads too slowly" in end for end in ends if b"[DONE]" not in end)
