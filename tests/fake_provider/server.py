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
import struct
import threading
import time

from fake_provider import answers
from fake_provider.certificates import KINDS, Authority
from fake_provider.failures import FAILURES

BASE_PATHS = {"openai": "/v1", "anthropic": "/v1", "gemini": "/v1beta", "ollama": ""}
HEAD_BYTES_MAX = 64 << 10
BODY_BYTES_MAX = 64 << 20
ENDLESS_BYTES_MAX = 512 << 20
REASONS = {200: "OK", 307: "Temporary Redirect", 404: "Not Found", 429: "Too Many Requests"}


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
    ended: str = "open"  # open | answered | client_gone | broken_off

    def json(self):
        return json.loads(self.body)


@dataclasses.dataclass
class _Wish:
    pattern: str
    failure: str = ""
    answer: object = None
    left: int = -1  # times; negative: for ever


class ClientGone(Exception):
    pass


class FakeProvider:
    def __init__(self, host="127.0.0.1"):
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
        self._listeners = {kind: self._listen(host, kind) for kind in (*KINDS, "plain")}

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
        assert failure in FAILURES, failure
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
            wire = _Wire(connection, received)
            while self._exchange(wire, number, kind):
                pass
        except (OSError, ssl.SSLError, ClientGone):
            pass
        finally:
            with self._lock:
                self._sockets.discard(connection)
                self.open_connections -= 1
            _shut(connection)

    # One request and its answer. False: the connection is over.

    def _exchange(self, wire, number, kind):
        head = wire.read_head()
        if head is None:
            return False
        method, path, headers = head
        request = Request(method, path, headers, wire.read_body(headers), number, kind, time.monotonic())
        dialect = next((d for d in answers.ROUTES if d.matches(method, path)), None)
        if dialect is None:
            return self._other(wire, request)
        body = request.json()
        request.dialect, request.model = dialect.name, dialect.model(path, body)
        request.streams = dialect.streams(path, body)
        failure_name, answer = self._wanted(request, dialect, body)
        request.failure = failure_name
        with self._lock:
            self.requests.append(request)
        try:
            go_on = _Reply(wire, request, dialect, FAILURES[failure_name], answer, body, self._released).send()
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
            failure = named if request.model.startswith("fail-") and named in FAILURES else "none"
        if answer is None:
            answer = _default_answer(request.model, dialect.tools(body))
        return failure, answer

    def _other(self, wire, request):
        try:
            body = json.loads(request.body) if request.body else {}
            found = answers.other(request.method, request.path, request.headers, body)
        except (ValueError, KeyError, TypeError):
            found = 400, {"error": {"message": "not what the fake provider expects"}}
        status, body = found or (404, {"error": {"message": "no such route"}})
        request.ended = "answered"
        with self._lock:
            self.requests.append(request)
        wire.send_head(status, [("content-type", "application/json")], json.dumps(body).encode())
        return True


def _default_answer(model, tools):
    if model == "tools" and tools:
        return answers.Answer(pieces=(), calls=((tools[0], '{"city":"Zürich","days":2}'),), finish="tool_calls")
    if model == "thinks":
        return answers.Answer(reasoning=("Let me ", "think."), reasoning_tokens=2)
    return answers.Answer()


def _shut(connection):
    try:
        connection.shutdown(socket.SHUT_RDWR)
    except OSError:
        pass
    connection.close()


class _Wire:
    """One connection: reads requests, keeps what came, writes."""

    def __init__(self, connection, received):
        self.connection = connection
        self.received = received
        self.buffer = b""

    def _read_more(self):
        part = self.connection.recv(65536)
        self.received += part
        self.buffer += part
        return bool(part)

    def read_head(self):
        while b"\r\n\r\n" not in self.buffer:
            if len(self.buffer) > HEAD_BYTES_MAX or not self._read_more():
                return None
        head, self.buffer = self.buffer.split(b"\r\n\r\n", 1)
        first, *lines = head.decode("latin-1").split("\r\n")
        method, path, _ = first.split(" ", 2)
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        return method, path, headers

    def read_body(self, headers):
        if headers.get("expect", "").lower() == "100-continue":
            self.connection.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
        if "chunked" in headers.get("transfer-encoding", ""):
            return self._read_chunks()
        return self._take(int(headers.get("content-length", 0)))

    def _take(self, size):
        if size > BODY_BYTES_MAX:
            raise ClientGone
        while len(self.buffer) < size:
            if not self._read_more():
                raise ClientGone
        body, self.buffer = self.buffer[:size], self.buffer[size:]
        return body

    def _line(self):
        while b"\r\n" not in self.buffer:
            if not self._read_more():
                raise ClientGone
        line, self.buffer = self.buffer.split(b"\r\n", 1)
        return line

    def _read_chunks(self):
        body = b""
        while size := int(self._line().split(b";")[0], 16):
            body += self._take(size)
            self._line()
        self._line()
        return body

    def send(self, data):
        self.connection.sendall(data)

    def send_head(self, status, headers, body=None):
        """With a body: the whole answer. Without one: the head of a stream, whose chunks follow."""
        lines = [f"HTTP/1.1 {status} {REASONS.get(status, 'Status')}", *(f"{name}: {value}" for name, value in headers)]
        lines.append("transfer-encoding: chunked" if body is None else f"content-length: {len(body)}")
        self.send("\r\n".join(lines).encode() + b"\r\n\r\n" + (body or b""))

    def chunk(self, data):
        if data:
            self.send(f"{len(data):x}\r\n".encode() + data + b"\r\n")

    def end_chunks(self):
        self.send(b"0\r\n\r\n")

    def reset(self):
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.connection.close()

    def hang(self, released):
        """Until the client goes away, or `released` is set."""
        self.connection.settimeout(0.05)
        while not released.is_set():
            try:
                if not self._read_more():
                    raise ClientGone
            except (TimeoutError, ssl.SSLWantReadError):
                continue


class _Reply:
    """Sends one answer the way its failure wants it."""

    def __init__(self, wire, request, dialect, failure, answer, body, released):
        self.wire, self.request, self.dialect, self.failure = wire, request, dialect, failure
        self.answer, self.body, self.released = answer, body, released

    def send(self):
        """True when the connection may carry another request."""
        failure = self.failure
        if failure.before_head:
            return self._break_off(failure.before_head)
        if failure.status != 200:
            return self._send_error()
        if failure.body is not None:
            self.wire.send_head(200, [("content-type", failure.content_type or "application/json")], failure.body)
            return True
        return self._send_stream() if self.request.streams else self._send_whole()

    def _break_off(self, how):
        if how == "hang":
            self.wire.hang(self.released)
        elif how == "reset":
            self.wire.reset()
        elif how == "garbage":
            self.wire.send(b"\x15\x03 this is not HTTP at all\r\n\r\n" * 8)
        elif how == "huge_head":
            self.wire.send(b"HTTP/1.1 200 OK\r\n" + b"x-padding: " + b"y" * (4 << 20) + b"\r\n\r\n")
        return False

    def _send_error(self):
        failure = self.failure
        headers = [("content-type", failure.content_type or "application/json")]
        if failure.retry_after:
            headers.append(("retry-after", failure.retry_after))
        if failure.location:
            headers.append(("location", f"https://localhost:{self.wire.connection.getsockname()[1]}/redirected"))
        body = failure.body
        if body is None:
            body = json.dumps(self.dialect.error(failure.status, "the fake provider says no")).encode()
        self.wire.send_head(failure.status, headers, body)
        return True

    def _send_whole(self):
        body = answers.compact(self.dialect.whole(self.answer, self.request.model, self.body))
        if self.failure.whole:
            body = self.failure.whole(body)
        headers = [("content-type", "application/json")]
        if self.failure.endless:
            return self._send_endless(headers, body[:8])
        if self.failure.stop == "eof":  # no length: the end of the connection is the end of the body
            self.wire.send(b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nconnection: close\r\n\r\n")
            self.wire.send(body[:len(body) // 2])
            return False
        self.wire.send(f"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n"
                       f"content-length: {len(body)}\r\n\r\n".encode())
        return self._send_body(body, self.wire.send)

    def _send_stream(self):
        frames = self.dialect.frames(self.answer, self.request.model, self.body)
        if self.failure.frames:
            frames = self.failure.frames(self.dialect, frames)
        parts = [frame.data.replace(b"\n", self.failure.line_end) for frame in frames]
        headers = [("content-type", self.dialect.content_type)]
        if self.failure.endless:
            return self._send_endless(headers, parts[0])
        self.wire.send_head(200, headers)
        if self.failure.stop or self.failure.write:
            go_on = self._send_body(b"".join(parts), self.wire.chunk)
        else:
            go_on = True
            for part in parts:
                self.wire.chunk(part)
        if go_on or self.failure.stop == "eof":
            self.wire.end_chunks()
        return go_on

    def _send_body(self, body, send):
        failure = self.failure
        if failure.stop:
            send(body[:int(len(body) * failure.cut_at)])
            if failure.stop == "hang":
                self.wire.hang(self.released)
            elif failure.stop == "reset":
                self.wire.reset()
            return False
        for part in _pieces(body, failure.write):
            send(part)
            if failure.write == "slow":
                time.sleep(0.0003)
        return True

    def _send_endless(self, headers, start):
        self.wire.send_head(200, headers)
        self.wire.chunk(start)
        if self.failure.endless.startswith(b"x"):
            self.wire.chunk(b"data: " if self.dialect.content_type == "text/event-stream" else b'{"')
        sent = 0
        while sent < ENDLESS_BYTES_MAX:
            self.wire.chunk(self.failure.endless)
            sent += len(self.failure.endless)
        return False


def _pieces(body, how):
    if how in ("slow", "byte_by_byte"):
        return [body[i:i + 1] for i in range(len(body))]
    if how == "inside_characters":
        cuts = [0, *(i for i in range(len(body)) if body[i] & 0xC0 == 0x80), len(body)]
        return [body[a:b] for a, b in zip(cuts, cuts[1:]) if a < b]
    return [body]
