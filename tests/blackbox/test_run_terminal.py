"""What `weir run` shows of an answer's Markdown: painted on a terminal, untouched in a pipe."""

import http.server
import json
import subprocess
import threading

import pytest

import weir_server
from terminal import CTRL_D, Terminal

ANSWER = ("# Tides\n\nThe **moon** pulls, says `f(*x)`:\n\n- one\n- *two*\n\n```python\nx = a ** b  # no heading\n```\n"
          "2*3*4 \x1b]0;owned\x07is 24\n")
PAINTED = ("\x1b[1;35mTides\x1b[0m\n\nThe \x1b[1mmoon\x1b[0m pulls, says \x1b[36mf(*x)\x1b[0m:\n\n"
           "\x1b[35m•\x1b[0m one\n\x1b[35m•\x1b[0m \x1b[3mtwo\x1b[0m\n\n\x1b[2m```python\x1b[0m\n"
           "\x1b[36mx = a ** b  # no heading\x1b[0m\n\x1b[2m```\x1b[0m\n2*3*4 ]0;ownedis 24\n")
PLAIN = ANSWER.replace("\x1b]0;owned\x07", "]0;owned")


@pytest.fixture
def scripted():
    """The address of a server whose answer is ANSWER, a line in each event."""
    class Handler(http.server.BaseHTTPRequestHandler):
        def log_message(self, *_):
            pass

        def do_GET(self):
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def do_POST(self):
            self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(200)
            self.send_header("Content-Type", "text/event-stream")
            self.end_headers()
            for line in ANSWER.splitlines(keepends=True):
                delta = {"choices": [{"index": 0, "delta": {"content": line}}]}
                self.wfile.write(f"data: {json.dumps(delta)}\n\n".encode())
                self.wfile.flush()
            self.wfile.write(b"data: [DONE]\n\n")

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()


@pytest.fixture
def environment(scripted, tmp_path):
    kept = weir_server.plain_environment(tmp_path) | {"WEIR_DATA": str(tmp_path), "WEIR_SERVER": scripted,
                                                      "LC_ALL": "C.UTF-8", "TERM": "xterm"}
    kept.pop("NO_COLOR", None)
    return kept


def on_terminal(environment, *flags):
    with Terminal(weir_server.WEIR, "run", "any", "What are tides?", *flags, environment=environment) as terminal:
        assert terminal.wait() == 0
        return terminal.text.replace("\r\n", "\n")


def test_markdown_is_painted_on_a_terminal(environment):
    assert on_terminal(environment) == PAINTED


def test_without_colour_a_terminal_gets_it_as_it_was_written_but_for_control_characters(environment):
    assert on_terminal(environment | {"NO_COLOR": "1"}) == PLAIN
    assert on_terminal(environment, "--color=never") == PLAIN
    assert on_terminal(environment | {"NO_COLOR": ""}) == PAINTED, "an empty NO_COLOR is none"
    assert on_terminal(environment | {"NO_COLOR": "1"}, "--color=always") == PAINTED
    assert on_terminal(environment, "--format", "json") == PLAIN, "JSON is no Markdown"


def test_a_pipe_gets_every_byte(environment):
    def piped(*flags):
        done = subprocess.run([weir_server.WEIR, "run", "any", "?", *flags], capture_output=True, input=b"",
                              env=environment, timeout=60 * weir_server.PATIENCE)
        assert done.returncode == 0, done.stderr
        return done.stdout.decode()

    assert piped() == ANSWER
    assert piped("--color=always") == PAINTED
    assert piped("--color=never") == ANSWER


def test_a_colour_that_is_none_is_wrong_usage(environment):
    done = subprocess.run([weir_server.WEIR, "run", "any", "?", "--color=pink"], capture_output=True, text=True,
                          env=environment, timeout=60)
    assert done.returncode == 2 and "--color" in done.stderr


def test_a_chat_is_painted_too_and_leaves_the_terminal_as_it_was(environment):
    with Terminal(weir_server.WEIR, "run", "any", environment=environment) as terminal:
        terminal.expect(">>> ")
        terminal.type("Tides?\r")
        terminal.expect("\x1b[1mmoon\x1b[0m")
        terminal.expect(">>> ")
        terminal.type(CTRL_D)
        assert terminal.wait() == 0
        assert "\x1b[?2004l" in terminal.text
