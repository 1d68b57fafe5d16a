"""The fake provider's sockets: real TLS, a thread for each connection, and a memory of every byte that came in.

    with FakeProvider() as provider:
        provider.url("openai")            # https://localhost:PORT/v1, for a [[backend]]
        provider.ca_file                  # its trust root
        provider.fail("big", "429_after", times=2)
        provider.say("big", Answer(pieces=("a", "b")))
        provider.requests                 # what arrived, parsed
        provider.count(b"canary")         # how often a text arrived, in all bytes of all connections
"""

import dataclasses
import fnmatch
import json
import socket
import ssl
import threading
import time

from fake_provider import answers, http2, speech
from fake_provider.certificates import KINDS, Authority
from fake_provider.failures import FAILURES, HTTP2_FAILURES
from fake_provider.wire import ClientGone, Http1

BASE_PATHS = {"openai": "/v1", "anthropic": "/v1", "gemini": "/v1beta", "ollama": "", "whisper": ""}
ROUTES = (*answers.ROUTES, *speech.ROUTES)
NOWHERE = "/nowhere/"  # below this path there is nothing; elsewhere only the end of a path counts
ENDLESS_BYTES_MAX = 512 << 20
ALL_FAILURES = FAILURES | HTTP2_FAILURES


@dataclasses.dataclass
class Request:
    """One request as it arrived. `ended`: how its exchange went, from the provider's side."""

    method: str
    path: str
    headers: dict
    body: bytes
    connection: int
    listener: str
    at: float
    dialect: str = ""
    model: str = ""
    streams: bool = False
    failure: str = ""
    http2: bool = False
    ended: str = "open"  # open | answered | client_gone | broken_off

    def json(self):
        return json.loads(self.body)


@dataclasses.dataclass
class _Wish:
    pattern: str
    failure: str = ""
    answer: object = None
    left: int = -1  # times; negative: for ever


class FakeProvider:
    def __init__(self, host="127.0.0.1", streams_max=100):
        """`streams_max`: of one connection of HTTP/2, as the listener "h2" speaks it."""
        self.authority = Authority()
        self.ca_file = self.authority.ca_file
        self.requests = []
        self.connections = 0
        self.open_connections = 0
        self.open_connections_max = 0
        self._lock = threading.Lock()
        self._received = []  # a bytearray for each connection
        self._wishes = []
        self._released = threading.Event()
        self._closing = False
        self._sockets = set()
        self._lines = []  # connections of HTTP/2
        self._streams_max = streams_max
        self._listeners = {kind: self._listen(host, kind) for kind in (*KINDS, "h2", "plain")}

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        self.close()

    def close(self):
        self._closing = True
        self._released.set()
        for listener in self._listeners.values():
            listener.close()
        self.hang_up()
        self.authority.close()

    # What tests ask and set.

    def port(self, listener="good"):
        return self._listeners[listener].getsockname()[1]

    def url(self, dialect="openai", listener="good"):
        scheme = "http" if listener == "plain" else "https"
        return f"{scheme}://localhost:{self.port(listener)}{BASE_PATHS[dialect]}"

    def fail(self, model, failure, times=-1):
        """The next `times` requests for models that match get this failure; the newest wish counts."""
        assert failure in ALL_FAILURES, failure
        with self._lock:
            self._wishes.insert(0, _Wish(model, failure=failure, left=times))

    def say(self, model, answer, times=-1):
        with self._lock:
            self._wishes.insert(0, _Wish(model, answer=answer, left=times))

    def forget(self):
        """Wishes and everything received so far."""
        with self._lock:
            self._wishes.clear()
            self.requests.clear()
            for received in self._received:
                received.clear()

    def release(self):
        """Ends every exchange that hangs."""
        self._released.set()
        self._released = threading.Event()

    def hang_up(self):
        """Closes every connection, as a provider does with idle ones."""
        with self._lock:
            left = list(self._sockets)
        for connection in left:  # closed by its own thread: its number may soon be another socket's
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def go_away(self):
        """Says on every connection of HTTP/2 that it takes no more requests, and closes it once the last is answered."""
        with self._lock:
            left = list(self._lines)
        for line in left:
            line.drain()

    def streams_of(self, model):
        """The streams of HTTP/2 that are open and asked for this model."""
        with self._lock:
            lines = list(self._lines)
        needle = f'"{model}"'.encode()
        return [stream for line in lines for stream in list(line.streams.values()) if needle in stream.body]

    def count(self, text):
        needle = text.encode() if isinstance(text, str) else text
        with self._lock:
            return sum(bytes(received).count(needle) for received in self._received)

    def everything(self):
        """All bytes of all connections, one connection after the other."""
        with self._lock:
            return b"\n".join(bytes(received) for received in self._received)

    @property
    def bytes_received(self):
        with self._lock:
            return sum(map(len, self._received))

    def wait_for(self, condition, timeout_s=10.0):
        deadline = time.monotonic() + timeout_s
        while not condition(self):
            if time.monotonic() > deadline:
                raise TimeoutError("the fake provider did not see what was waited for")
            time.sleep(0.005)

    # Connections.

    def _listen(self, host, kind):
        listener = socket.create_server((host, 0), backlog=128)
        context = None if kind == "plain" else self.authority.context(kind)
        threading.Thread(target=self._accept, args=(listener, kind, context), daemon=True).start()
        return listener

    def _accept(self, listener, kind, context):
        while not self._closing:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(connection, kind, context), daemon=True).start()

    def _serve(self, connection, kind, context):
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with self._lock:
            self.connections += 1
            self.open_connections += 1
            self.open_connections_max = max(self.open_connections_max, self.open_connections)
            received = bytearray()
            self._received.append(received)
            number = self.connections
        try:
            if context:
                connection = context.wrap_socket(connection, server_side=True)
            with self._lock:
                self._sockets.add(connection)
            if context and connection.selected_alpn_protocol() == "h2":
                self._serve_h2(connection, received, number, kind)
            else:
                wire = Http1(connection, received)
                while self._exchange(wire, number, kind):
                    pass
        except (OSError, ssl.SSLError, ClientGone):
            pass
        finally:
            with self._lock:
                self._sockets.discard(connection)
                self.open_connections -= 1
            _shut(connection)

    def _serve_h2(self, connection, received, number, kind):
        line = http2.Connection(connection, received, lambda stream: self._exchange(stream, number, kind), self._streams_max)
        with self._lock:
            self._lines.append(line)
        try:
            line.serve()
        finally:
            with self._lock:
                self._lines.remove(line)

    # One request and its answer. False: the connection is over.

    def _exchange(self, wire, number, kind):
        head = wire.read_head()
        if head is None:
            return False
        method, path, headers = head
        request = Request(method, path, headers, wire.read_body(headers), number, kind, time.monotonic(),
                          http2=isinstance(wire, http2.Stream))
        nowhere = path.startswith(NOWHERE)
        dialect = None if nowhere else next((d for d in ROUTES if d.matches(method, path)), None)
        if dialect is None:
            return self._other(wire, request)
        body = dialect.body(request) if dialect in speech.ROUTES else request.json()
        request.dialect, request.model = dialect.name, dialect.model(path, body)
        request.streams = dialect.streams(path, body)
        failure_name, answer = self._wanted(request, dialect, body)
        request.failure = failure_name
        with self._lock:
            self.requests.append(request)
        try:
            go_on = _Reply(wire, request, dialect, ALL_FAILURES[failure_name], answer, body, self._released).send()
            request.ended = "answered" if go_on else "broken_off"
            return go_on
        except (OSError, ssl.SSLError, ClientGone):
            request.ended = "client_gone"
            raise

    def _wanted(self, request, dialect, body):
        """The failure's name and the answer: the newest wish of each kind, then the model's name, then the default."""
        failure, answer = None, None
        with self._lock:
            for wish in self._wishes:
                if wish.left == 0 or not fnmatch.fnmatch(request.model, wish.pattern):
                    continue
                if (failure if wish.failure else answer) is not None:
                    continue
                wish.left -= wish.left > 0
                failure, answer = wish.failure or failure, wish.answer or answer
        if failure is None:
            named = request.model.removeprefix("fail-")
            failure = named if request.model.startswith("fail-") and named in ALL_FAILURES else "none"
        if answer is None:
            answer = _default_answer(request.model, dialect.tools(body))
        return failure, answer

    def _other(self, wire, request):
        try:
            body = json.loads(request.body) if request.body else {}
            found = None if request.path.startswith(NOWHERE) else (
                answers.other(request.method, request.path, request.headers, body)
                or speech.other(request.method, request.path))
        except (ValueError, KeyError, TypeError):
            found = 400, {"error": {"message": "not what the fake provider expects"}}
        status, body = found or (404, {"error": {"message": "no such route"}})
        request.ended = "answered"
        with self._lock:
            self.requests.append(request)
        _send_all(wire, status, [("content-type", "application/json")], json.dumps(body).encode())
        return True


def _default_answer(model, tools):
    if model == "tools" and tools:
        return answers.Answer(pieces=(), calls=((tools[0], '{"city":"Zürich","days":2}'),), finish="tool_calls")
    if model == "thinks":
        return answers.Answer(reasoning=("Let me ", "think."), reasoning_tokens=2)
    return answers.Answer()


def _send_all(wire, status, headers, body):
    wire.send_head(status, headers, len(body))
    wire.write(body)
    wire.end()


def _shut(connection):
    try:
        connection.shutdown(socket.SHUT_RDWR)
    except OSError:
        pass
    connection.close()


class _Reply:
    """Sends one answer the way its failure wants it."""

    def __init__(self, wire, request, dialect, failure, answer, body, released):
        self.wire, self.request, self.dialect, self.failure = wire, request, dialect, failure
        self.answer, self.body, self.released = answer, body, released

    def send(self):
        """True when the connection may carry another request."""
        failure = self.failure
        if failure.http2:
            return failure.http2(self)
        if failure.before_head:
            return self._break_off(failure.before_head)
        if failure.status != 200:
            return self._send_error()
        if failure.body is not None:
            _send_all(self.wire, 200, [("content-type", failure.content_type or "application/json")], failure.body)
            return True
        return self.send_stream() if self.request.streams else self.send_whole()

    def good(self):
        """The head's fields and the body of the answer as it should be."""
        if not self.request.streams:
            return [("content-type", "application/json")], self._whole()
        frames = self.dialect.frames(self.answer, self.request.model, self.body)
        return [("content-type", self.dialect.content_type)], b"".join(frame.data for frame in frames)

    def _whole(self):
        return answers.compact(self.dialect.whole(self.answer, self.request.model, self.body))

    def _break_off(self, how):
        if how == "hang":
            self.wire.hang(self.released)
        elif how == "reset":
            self.wire.reset()
        elif how == "garbage":
            self.wire.send_garbage()
        elif how == "huge_head":
            self.wire.send_huge_head()
        return False

    def _send_error(self):
        failure = self.failure
        headers = [("content-type", failure.content_type or "application/json")]
        if failure.retry_after:
            headers.append(("retry-after", failure.retry_after))
        if failure.location:
            headers.append(("location", f"https://localhost:{self.wire.port}/redirected"))
        body = failure.body
        if body is None:
            body = json.dumps(self.dialect.error(failure.status, "the fake provider says no")).encode()
        _send_all(self.wire, failure.status, headers, body)
        return True

    def send_whole(self):
        body = self._whole()
        if self.failure.whole:
            body = self.failure.whole(body)
        headers = [("content-type", "application/json"), *self.answer.headers]
        if self.failure.endless:
            return self._send_endless(headers, body[:8])
        if self.failure.stop == "eof":  # no length: the end of the connection is the end of the body
            self.wire.send_head(200, headers, until_close=True)
            self.wire.write(body[:len(body) // 2])
            self.wire.end()
            return False
        self.wire.send_head(200, headers, len(body))
        if not self._send_body(body):
            return False
        self.wire.end()
        return True

    def send_stream(self):
        frames = self.dialect.frames(self.answer, self.request.model, self.body)
        if self.failure.frames:
            frames = self.failure.frames(self.dialect, frames)
        parts = [frame.data.replace(b"\n", self.failure.line_end) for frame in frames]
        headers = [("content-type", self.dialect.content_type), *self.answer.headers]
        if self.failure.endless:
            return self._send_endless(headers, parts[0])
        self.wire.send_head(200, headers)
        if self.failure.stop or self.failure.write:
            go_on = self._send_body(b"".join(parts))
        else:
            go_on = True
            for part in parts:
                self.wire.write(part)
        if go_on or self.failure.stop == "eof":
            self.wire.end()
        return go_on

    def _send_body(self, body):
        failure, send = self.failure, self.wire.write
        if failure.stop:
            send(body[:int(len(body) * failure.cut_at)])
            if failure.stop == "hang":
                self.wire.hang(self.released)
            elif failure.stop == "reset":
                self.wire.reset()
                return self.request.http2
            return False
        for part in _pieces(body, failure.write):
            send(part)
            if failure.write == "slow":
                time.sleep(0.0003)
        return True

    def _send_endless(self, headers, start):
        self.wire.send_head(200, headers)
        self.wire.write(start)
        if self.failure.endless.startswith(b"x"):
            self.wire.write(b"data: " if self.dialect.content_type == "text/event-stream" else b'{"')
        sent = 0
        while sent < ENDLESS_BYTES_MAX:
            self.wire.write(self.failure.endless)
            sent += len(self.failure.endless)
        return False


def _pieces(body, how):
    if how in ("slow", "byte_by_byte"):
        return [body[i:i + 1] for i in range(len(body))]
    if how == "inside_characters":
        cuts = [0, *(i for i in range(len(body)) if body[i] & 0xC0 == 0x80), len(body)]
        return [body[a:b] for a, b in zip(cuts, cuts[1:]) if a < b]
    return [body]
