"""How the fake provider misbehaves: each failure as a row of a table, and what it does to an answer's bytes.

A failure is named by the model of a request (`fail-cut`) or set by the test (FakeProvider.fail). It replaces the
answer (`instead`), works on the frames of the answer (`frames`), or on how bytes reach the socket (`write`).
"""

import dataclasses

from fake_provider.answers import Frame
from fake_provider.http2 import ERRORS

MIB = 1 << 20


@dataclasses.dataclass(frozen=True)
class Failure:
    status: int = 200
    retry_after: str = ""  # the header's value; empty: no header
    before_head: str = ""  # hang | reset | close | garbage: instead of an answer
    location: bool = False  # a redirect back to this server
    content_type: str = ""
    body: bytes = None  # of the answer, whatever the dialect
    frames: object = None  # (dialect, frames) -> frames, of a stream; a whole answer stays as it is
    whole: object = None  # bytes -> bytes, of a whole answer
    stop: str = ""  # hang | cut | reset | eof: how the connection ends after half of the body
    cut_at: float = 0.5  # of the body's bytes
    write: str = ""  # byte_by_byte | slow | inside_characters
    line_end: bytes = b"\n"
    endless: bytes = b""  # repeated until the client goes away, after the first frame
    stream_only: bool = False
    http2: object = None  # reply -> whether the connection goes on: all of the answer, where only HTTP/2 can do it


def _blank_lines(dialect, frames):
    noise = b"\n\n" if dialect.name == "ollama" else b": keep-alive\n\nretry: 1000\nid: 7\n\n"
    return [part for frame in frames for part in (Frame("noise", noise), frame)]


def _unknown(dialect, frames):
    return [part for frame in frames[:-1] for part in (frame, dialect.unknown_frame())] + frames[-1:]


def _without_end(dialect, frames):
    return [frame for frame in frames if frame.kind not in ("finish", "usage", "end")]


def _without_marker(dialect, frames):
    return [frame for frame in frames if frame.kind != "end"]


def _usage_twice(dialect, frames):
    twice = ("usage",) if dialect.name == "openai" else ("finish", "usage")
    return [part for frame in frames for part in ([frame, frame] if frame.kind in twice else [frame])]


def _after_half(make):
    def change(dialect, frames):
        half = len(frames) // 2
        return [*frames[:half], make(dialect), *frames[half:]]
    return change


def _error_midway(dialect, frames):
    return [*frames[:len(frames) // 2], dialect.error_frame("the fake provider broke down")]


def _error_first(dialect, frames):
    return [dialect.error_frame("the fake provider broke down")]


def _line(data):
    def make(dialect):
        return Frame("noise", data + b"\n" if dialect.name == "ollama" else b"data: " + data + b"\n\n")
    return make


FAILURES = {
    "none": Failure(),
    "400": Failure(status=400),
    "401": Failure(status=401),
    "404": Failure(status=404),
    "410": Failure(status=410),
    "413": Failure(status=413),
    "429": Failure(status=429),
    "429_after": Failure(status=429, retry_after="1"),
    "429_date": Failure(status=429, retry_after="Wed, 21 Oct 2015 07:28:00 GMT"),
    "500": Failure(status=500),
    "502_html": Failure(status=502, content_type="text/html", body=b"<html>Bad Gateway</html>"),
    "503": Failure(status=503),
    "503_after": Failure(status=503, retry_after="2"),
    "529": Failure(status=529),
    "redirect": Failure(status=307, location=True),
    "hang": Failure(before_head="hang"),
    "close": Failure(before_head="close"),
    "reset": Failure(before_head="reset"),
    "garbage": Failure(before_head="garbage"),
    "huge_head": Failure(before_head="huge_head"),
    "wrong_type": Failure(content_type="text/html", body=b"<html>Please log in</html>"),
    "empty_body": Failure(body=b""),
    "hang_mid": Failure(stop="hang"),
    "cut": Failure(stop="cut"),
    "cut_clean": Failure(stop="eof"),
    "reset_mid": Failure(stop="reset"),
    "slow": Failure(write="slow"),
    "byte_by_byte": Failure(write="byte_by_byte"),
    "split_utf8": Failure(write="inside_characters"),
    "crlf": Failure(line_end=b"\r\n"),
    "comments": Failure(frames=_blank_lines, stream_only=True),
    "unknown_events": Failure(frames=_unknown, stream_only=True),
    "missing_end": Failure(frames=_without_end, whole=lambda body: body[:-1]),
    "missing_marker": Failure(frames=_without_marker, stream_only=True),
    "duplicate_usage": Failure(frames=_usage_twice, stream_only=True),
    "error_first": Failure(frames=_error_first, stream_only=True),
    "error_mid": Failure(frames=_error_midway, stream_only=True),
    "bad_json": Failure(frames=_after_half(_line(b'{"choices":[{"delta":')), whole=lambda body: body[:-4] + b"]]]]"),
    "bad_utf8": Failure(frames=_after_half(_line(b'{"x":"\xff\xfe"}')), 
                        whole=lambda body: body.replace(b"{", b'{"x":"\xff",', 1)),
    "huge_line": Failure(endless=b"x" * (1 * MIB)),
    "endless": Failure(endless=b"\n" + b" " * 65535),
}



def _reset_before(error):
    def answer(reply):
        reply.wire.reset(error)
        return True
    return answer


def _half(reply, length=False):
    headers, body = reply.good()
    reply.wire.send_head(200, headers, len(body) if length else None)
    reply.wire.write(body[:len(body) // 2])
    return body[len(body) // 2:]


def _reset_midway(error):
    def answer(reply):
        _half(reply)
        reply.wire.reset(error)
        return True
    return answer


def _short(reply):
    _half(reply, length=True)
    reply.wire.end()
    return True


def _go_away(error=ERRORS.NO_ERROR, when="midway", last=None, finish=True):
    """GOAWAY; the answer is finished, or cut where it is."""
    def answer(reply):
        line, left = reply.wire.line, b""
        if when == "midway":
            left = _half(reply)
        line.go_away(error, last)
        if finish:
            reply.wire.write(left)
            reply.wire.end()
        return False
    return answer


def _broken_head(reply):
    reply.wire.send_broken_head()
    return False


def _dressed(prepare=None, between=None, after=None):
    """A good answer with things about it that a client of HTTP/2 has to take."""
    def answer(reply):
        if prepare:
            prepare(reply.wire)
        left = _half(reply)
        if between:
            between(reply.wire)
        reply.wire.write(left)
        reply.wire.end()
        if after:
            after(reply.wire)
        return True
    return answer


def _wait(reply):
    """A good answer, once the test lets go (FakeProvider.release)."""
    reply.wire.hang(reply.released)
    return _dressed()(reply)


def _die(reply):
    reply.wire.line.die()
    reply.wire.hang(reply.released)
    return False


def _set(**values):
    return lambda wire: [setattr(wire, name, value) for name, value in values.items()]


# What only HTTP/2 can do. The first six are harmless: what comes is a good answer.
HTTP2_FAILURES = {
    "h2_goaway_finishes": Failure(http2=_go_away()),
    "h2_trailers": Failure(http2=_dressed(prepare=_set(trailers=[("x-checksum", "1")]))),
    "h2_padded": Failure(http2=_dressed(prepare=_set(padding=17))),
    "h2_hints": Failure(http2=_dressed(prepare=lambda wire: wire.send_hints())),
    "h2_pings": Failure(http2=_dressed(between=lambda wire: wire.ping())),
    "h2_reset_after_end": Failure(http2=_dressed(after=lambda wire: wire.reset_ended())),
    "h2_dies": Failure(http2=_die),  # the whole connection, without a word
    "h2_waits": Failure(http2=_wait),
    "h2_refused": Failure(http2=_reset_before(ERRORS.REFUSED_STREAM)),
    "h2_reset": Failure(http2=_reset_before(ERRORS.INTERNAL_ERROR)),
    "h2_reset_cancel": Failure(http2=_reset_before(ERRORS.CANCEL)),
    "h2_reset_mid": Failure(http2=_reset_midway(ERRORS.INTERNAL_ERROR)),
    "h2_reset_mid_no_error": Failure(http2=_reset_midway(ERRORS.NO_ERROR)),
    "h2_reset_mid_cancel": Failure(http2=_reset_midway(ERRORS.CANCEL)),
    "h2_short": Failure(http2=_short),
    "h2_goaway_unseen": Failure(http2=_go_away(when="before", last=0, finish=False)),
    "h2_goaway_cut": Failure(http2=_go_away(finish=False)),
    "h2_goaway_broken_head": Failure(http2=_broken_head),
    "h2_goaway_calm": Failure(http2=_go_away(ERRORS.ENHANCE_YOUR_CALM, last=0, finish=False)),
}
HTTP2_HARMLESS = {"h2_goaway_finishes", "h2_trailers", "h2_padded", "h2_hints", "h2_pings", "h2_reset_after_end"}

# Listeners whose certificate no careful client accepts; any answer behind them is a failure of the client.
TLS_FAILURES = ("wrong_host", "expired", "untrusted")
