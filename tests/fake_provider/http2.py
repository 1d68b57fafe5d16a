"""One HTTP/2 connection of the fake provider: its socket and its framing on one thread, each stream's exchange on its own.

Flow control is kept: a stream's thread waits until the client has granted room, so what a slow client leaves in our hands,
and what was sent to it, can be counted (`Stream.sent_bytes`).
"""

import contextlib
import select
import socket
import ssl
import threading

import h2.config
import h2.connection
import h2.errors
import h2.events
import h2.exceptions
import h2.settings
import hpack
from hyperframe.frame import GoAwayFrame, HeadersFrame, RstStreamFrame

from fake_provider.wire import BODY_BYTES_MAX, ClientGone

OUTGOING_BYTES_MAX = 256 << 10  # framed, and not yet taken by the socket
ERRORS = h2.errors.ErrorCodes


class Told(h2.settings.Settings):
    """Settings whose bound on streams is told and not enforced by h2: a client that does not know it yet is refused a stream
    (RFC 9113 5.1.2), where h2 would end the connection."""

    max_concurrent_streams = property(lambda self: 1 << 31)


class Connection:
    def __init__(self, connection, received, exchange, streams_max):
        """`exchange(stream)` answers one request, on a thread of its own; false ends the connection."""
        self.socket = connection
        self.received = received
        self.exchange = exchange
        self.h2 = h2.connection.H2Connection(h2.config.H2Configuration(client_side=False, header_encoding="utf-8"))
        self.streams_max = streams_max
        self.h2.local_settings = Told(client=False, initial_values={
            h2.settings.SettingCodes.MAX_CONCURRENT_STREAMS: streams_max,
            h2.settings.SettingCodes.INITIAL_WINDOW_SIZE: 1 << 20})
        self.changed = threading.Condition()  # guards everything below, and h2
        self.streams = {}
        self.outgoing = bytearray()
        self.over = False
        self.draining = False
        self.dead = False  # reads nothing and says nothing, and does not close either
        self._ear, self._bell = socket.socketpair()

    def serve(self):
        self.socket.setblocking(False)
        self._bell.setblocking(False)  # a bell that nobody has heard yet need not ring again
        with self.changed:
            self.h2.initiate_connection()
            self.flush()
        try:
            while not self.over or self.outgoing:
                self._turn()
            self._linger()
        except (OSError, ssl.SSLError, h2.exceptions.ProtocolError):
            pass
        finally:
            with self.changed:
                self.over = True
                self.changed.notify_all()
            self._ear.close()

    def _linger(self):
        """As real servers do: closing with bytes unread is a reset, which takes away what the client has not read yet."""
        self.socket.shutdown(socket.SHUT_WR)
        while select.select([self.socket], [], [], 1.0)[0] and self.socket.recv(65536):
            pass

    def flush(self):
        """What h2 wants to say; with `changed` held."""
        self.outgoing += self.h2.data_to_send()
        self.ring()

    def ring(self):
        with contextlib.suppress(OSError):
            self._bell.send(b"x")

    def end(self):
        """What waits for the socket still leaves."""
        with self.changed:
            self.over = True
            self.changed.notify_all()
            self.ring()

    def go_away(self, error=ERRORS.NO_ERROR, last=None):
        with self.changed:
            last = self.h2.highest_inbound_stream_id if last is None else last
            # Not h2's own close_connection: after it no stream may go on, which RFC 9113 allows.
            frame = GoAwayFrame(0, last_stream_id=last, error_code=error)
            self.outgoing += self.h2.data_to_send() + frame.serialize()
            self.ring()

    def _turn(self):
        if self.dead:
            self._ear.recv(4096)
            return
        with self.changed:
            wants_out = [self.socket] if self.outgoing else []
        if not self.socket.pending():
            ready = select.select([self.socket, self._ear], wants_out, [], 1.0)[0]
            if self._ear in ready:
                self._ear.recv(4096)
        self._write()
        self._read()

    def _write(self):
        with self.changed:
            while self.outgoing:
                try:
                    sent = self.socket.send(bytes(self.outgoing[:65536]))
                except (ssl.SSLWantWriteError, ssl.SSLWantReadError, BlockingIOError):
                    return
                del self.outgoing[:sent]
            self.changed.notify_all()

    def _read(self):
        try:
            part = self.socket.recv(65536)
        except (ssl.SSLWantReadError, ssl.SSLWantWriteError, BlockingIOError):
            return
        if not part:
            raise ConnectionResetError
        with self.changed:
            for event in self.h2.receive_data(part):
                self._take(event)
            self.flush()
            self.changed.notify_all()

    def _take(self, event):
        if isinstance(event, h2.events.RequestReceived) and len(self.streams) >= self.streams_max:
            self.h2.reset_stream(event.stream_id, ERRORS.REFUSED_STREAM)
        elif isinstance(event, h2.events.RequestReceived):
            stream = Stream(self, event.stream_id, dict(event.headers))
            self.streams[event.stream_id] = stream
            self._received(repr(event.headers).encode())
            threading.Thread(target=self._exchange, args=(stream,), daemon=True).start()
        elif isinstance(event, h2.events.DataReceived) and event.stream_id in self.streams:
            self._received(event.data)
            self.streams[event.stream_id].body += event.data
            self.h2.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
        elif isinstance(event, h2.events.StreamEnded) and event.stream_id in self.streams:
            self.streams[event.stream_id].complete = True
        elif isinstance(event, h2.events.StreamReset) and event.stream_id in self.streams:
            self.streams[event.stream_id].gone = True
        elif isinstance(event, h2.events.ConnectionTerminated):
            raise ConnectionResetError

    def _received(self, data):
        """Texts as they were before compression, so that a test can look for them."""
        self.received += data

    def die(self):
        with self.changed:
            self.dead = True

    def _exchange(self, stream):
        try:
            if not self.exchange(stream):
                self.end()
        except (OSError, ClientGone, h2.exceptions.ProtocolError):
            pass
        finally:
            with self.changed:
                self.streams.pop(stream.id, None)
                done = self.draining and not self.streams
            if done:
                self.end()

    def drain(self):
        """No more requests on this connection, which ends with the last answer."""
        self.go_away()
        with self.changed:
            self.draining = True
            done = not self.streams
        if done:
            self.end()


class Stream:
    """One exchange, with the words of wire.Http1."""

    def __init__(self, connection, number, headers):
        self.line = connection
        self.id = number
        self.headers = headers
        self.body = bytearray()
        self.complete = False  # the request is
        self.gone = False  # the client has reset it
        self.padding = None
        self.trailers = None
        self.sent_bytes = 0

    @property
    def port(self):
        return self.line.socket.getsockname()[1]

    def _until(self, condition, timeout_s=None):
        """With the line's lock held."""
        done = self.line.changed.wait_for(lambda: self.line.over or self.gone or condition(), timeout_s)
        if self.line.over or self.gone:
            raise ClientGone
        return done

    def read_head(self):
        headers = {name: value for name, value in self.headers.items() if not name.startswith(":")}
        return self.headers[":method"], self.headers[":path"], headers

    def read_body(self, headers):
        with self.line.changed:
            self._until(lambda: self.complete or len(self.body) > BODY_BYTES_MAX)
            return bytes(self.body)

    def send_hints(self):
        with self.line.changed:
            self.line.h2.send_headers(self.id, [(":status", "103"), ("link", "</style.css>; rel=preload")])
            self.line.flush()

    def send_head(self, status, headers, length=None, until_close=False):
        lines = [(":status", str(status)), *headers]
        if length is not None:
            lines.append(("content-length", str(length)))
        with self.line.changed:
            self.line.h2.send_headers(self.id, lines)
            self.line.flush()

    def write(self, data):
        line = self.line
        while data:
            with line.changed:
                room = self.padding or 0
                self._until(lambda: len(line.outgoing) < OUTGOING_BYTES_MAX
                            and line.h2.local_flow_control_window(self.id) > room + 1)
                size = min(line.h2.local_flow_control_window(self.id), line.h2.max_outbound_frame_size) - room - 1
                part, data = data[:size], data[size:]
                line.h2.send_data(self.id, part, pad_length=self.padding)
                self.sent_bytes += len(part)
                line.flush()

    send = write

    def end(self):
        with self.line.changed:
            if self.trailers:
                self.line.h2.send_headers(self.id, self.trailers, end_stream=True)
            else:
                self.line.h2.end_stream(self.id)
            self.line.flush()

    def ping(self):
        with self.line.changed:
            self.line.h2.ping(b"are here")
            self.line.h2.update_settings({h2.settings.SettingCodes.MAX_FRAME_SIZE: 16384 + self.sent_bytes % 1000})
            self.line.flush()

    def reset(self, error=ERRORS.INTERNAL_ERROR):
        with self.line.changed:
            self.line.h2.reset_stream(self.id, error)
            self.line.flush()

    def reset_ended(self):
        """RST_STREAM after the end of the answer, as RFC 9113 8.1 lets a server that needs no more of the request."""
        with self.line.changed:
            self.line.outgoing += RstStreamFrame(self.id, error_code=ERRORS.NO_ERROR).serialize()
            self.line.ring()

    def hang(self, released):
        with self.line.changed:
            while not released.is_set():
                self._until(released.is_set, timeout_s=0.05)

    def send_garbage(self):
        """A frame of no possible length for its kind: an error of the whole connection."""
        with self.line.changed:
            self.line.outgoing += b"\x00\x00\x03\x06\x00\x00\x00\x00\x00abc" * 4
            self.line.ring()

    def send_broken_head(self):
        """A name in capitals, which makes the answer malformed (RFC 9113 8.2), and in the same breath a GOAWAY that names
        this stream as one that was looked at."""
        head = hpack.Encoder().encode([(":status", "200"), ("X-CAPITALS", "1")])
        frames = HeadersFrame(self.id, data=head, flags=["END_HEADERS"]), GoAwayFrame(0, last_stream_id=self.id)
        with self.line.changed:
            self.line.outgoing += b"".join(frame.serialize() for frame in frames)
            self.line.ring()

    def send_huge_head(self):
        with self.line.changed:
            self.line.h2.send_headers(self.id, [(":status", "200"), *((f"x-padding-{i}", "y" * 4096) for i in range(1000))])
            self.line.flush()
