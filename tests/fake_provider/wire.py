"""One HTTP/1.1 connection of the fake provider: reads requests, keeps what came, writes answers piece by piece."""

import socket
import ssl
import struct

HEAD_BYTES_MAX = 64 << 10
BODY_BYTES_MAX = 64 << 20
REASONS = {200: "OK", 307: "Temporary Redirect", 404: "Not Found", 429: "Too Many Requests"}


class ClientGone(Exception):
    pass


class Http1:
    """What http2.Stream is for one exchange of HTTP/2, for all exchanges of a connection."""

    def __init__(self, connection, received):
        self.connection = connection
        self.received = received
        self.buffer = b""
        self.chunked = False

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

    def send_head(self, status, headers, length=None, until_close=False):
        """The body follows: `length` bytes, or all until the connection ends, or chunks."""
        lines = [f"HTTP/1.1 {status} {REASONS.get(status, 'Status')}", *(f"{name}: {value}" for name, value in headers)]
        self.chunked = length is None and not until_close
        if until_close:
            lines.append("connection: close")
        else:
            lines.append("transfer-encoding: chunked" if self.chunked else f"content-length: {length}")
        self.send("\r\n".join(lines).encode() + b"\r\n\r\n")

    def write(self, data):
        if self.chunked and data:
            data = f"{len(data):x}\r\n".encode() + data + b"\r\n"
        self.send(data)

    def end(self):
        if self.chunked:
            self.send(b"0\r\n\r\n")

    @property
    def port(self):
        return self.connection.getsockname()[1]

    def send_garbage(self):
        self.send(b"\x15\x03 this is not HTTP at all\r\n\r\n" * 8)

    def send_huge_head(self):
        self.send(b"HTTP/1.1 200 OK\r\n" + b"x-padding: " + b"y" * (4 << 20) + b"\r\n\r\n")

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
