"""How the fake provider misbehaves: each failure as a row of a table, and what it does to an answer's bytes.

A failure is named by the model of a request (`fail-cut`) or set by the test (FakeProvider.fail). It replaces the
answer (`instead`), works on the frames of the answer (`frames`), or on how bytes reach the socket (`write`).
"""

import dataclasses

from fake_provider.answers import Frame

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

# Listeners whose certificate no careful client accepts; any answer behind them is a failure of the client.
TLS_FAILURES = ("wrong_host", "expired", "untrusted")
