"""A program at a pseudo-terminal, as a person uses it: type, and wait for what appears."""

import os
import pty
import select
import signal
import time

import weir_server

CTRL_C, CTRL_D, UP = "\x03", "\x04", "\x1b[A"


class Terminal:
    """A context manager; `text` is what has appeared since the last `expect`."""

    def __init__(self, *command, environment):
        self.text = ""
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.execve(command[0], [str(word) for word in command], environment | {"TERM": "xterm"})

    def type(self, text):
        os.write(self.fd, text.encode())

    def expect(self, wanted, timeout_s=120.0):
        """What appeared up to the end of `wanted`; it counts as seen."""
        deadline = time.monotonic() + timeout_s * weir_server.PATIENCE
        while wanted not in self.text:
            left = deadline - time.monotonic()
            assert left > 0, f"{wanted!r} did not appear; there is {self.text!r}"
            assert self.read(left), f"it ended before {wanted!r} appeared; there is {self.text!r}"
        seen, _, self.text = self.text.partition(wanted)
        return seen + wanted

    def read(self, timeout_s):
        """Takes what appears within the time into `text`; whether the program still has the terminal."""
        if not select.select([self.fd], [], [], timeout_s)[0]:
            return True
        try:
            part = os.read(self.fd, 65536)
        except OSError:  # the other side is closed
            return False
        self.text += part.decode(errors="replace")
        return bool(part)

    def wait(self, timeout_s=10.0):
        """The exit code, when it ends by itself."""
        deadline = time.monotonic() + timeout_s * weir_server.PATIENCE
        while time.monotonic() < deadline and self.read(deadline - time.monotonic()):
            pass
        _, status = os.waitpid(self.pid, 0)
        self.pid = None
        return os.waitstatus_to_exitcode(status)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.pid is not None:
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)
        os.close(self.fd)
