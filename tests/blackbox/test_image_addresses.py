"""Images that a request names by their address: fetched through the door, from the places that the configuration names."""

import base64
import http.server
import json
import subprocess
import threading

import pytest

import weir_server
from beyond import backend, target, text_of
from fake_provider import Answer
from talk import error_of

TEXT = Answer().text
PUBLIC = {"x-weir-label": "public"}  # a picture is read by nobody, so somebody has to say what it is
PNG = base64.b64decode("iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==")
INLINE = "data:image/png;base64," + base64.b64encode(PNG).decode()

pytestmark = pytest.mark.usefixtures("fresh_provider")


class Pictures(http.server.BaseHTTPRequestHandler):
    """/shop/lamp.png is one; what else there is, is in the path."""

    def do_GET(self):
        self.server.asked.append(self.path)
        answers = {"/shop/lamp.png": (200, PNG), "/shop/page": (200, b"<html></html>"), "/shop/moved": (302, b""),
                   "/shop/huge": (200, PNG + bytes(17 << 20))}
        status, body = answers.get(self.path.split("?")[0], (404, b"no"))
        self.send_response(status)
        if status == 302:
            self.send_header("location", "/shop/lamp.png")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        try:
            self.wfile.write(body)
        except OSError:  # nobody wants the rest of it
            self.close_connection = True

    def log_message(self, *_):
        pass


@pytest.fixture(scope="module")
def pictures():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Pictures)
    server.asked = []
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


def place(pictures, ceiling="internal"):
    url = f"http://127.0.0.1:{pictures.server_port}/shop"
    return f'[[backend]]\nname = "pictures"\nkind = "images"\ntier = "edge"\nurl = "{url}"\nceiling = "{ceiling}"\n'


def lamp(pictures, name="lamp.png"):
    return f"http://127.0.0.1:{pictures.server_port}/shop/{name}"


def look_at(*addresses):
    parts = [{"type": "image_url", "image_url": {"url": address}} for address in addresses]
    return [{"role": "user", "content": [{"type": "text", "text": "What is it?"}, *parts]}]


@pytest.mark.parametrize("dialect", ["openai", "anthropic", "gemini", "ollama"])
def test_every_provider_gets_the_picture_and_none_its_address(provider, beyond, pictures, dialect):
    weir = beyond(backend(provider, dialect), target("big"), place(pictures))
    answer = weir.ask("big", messages=look_at(lamp(pictures, "lamp.png?size=3")), headers=PUBLIC)
    assert answer.status_code == 200 and text_of(answer) == TEXT, answer.text
    assert pictures.asked[-1] == "/shop/lamp.png?size=3"
    sent = provider.requests[-1].body
    assert base64.b64encode(PNG) in sent and b"lamp.png" not in sent
    assert "lamp.png" not in weir.log()


def test_in_anthropic_s_dialect_and_in_responses_too(provider, beyond, pictures):
    weir = beyond(backend(provider), target("big"), place(pictures))
    block = {"type": "image", "source": {"type": "url", "url": lamp(pictures)}}
    body = {"model": "big", "max_tokens": 50, "messages": [{"role": "user", "content": [block]}]}
    assert weir.post("/v1/messages", body, PUBLIC).status_code == 200
    assert INLINE in provider.requests[-1].body.decode()
    item = {"role": "user", "content": [{"type": "input_image", "image_url": lamp(pictures)}]}
    assert weir.post("/v1/responses", {"model": "big", "input": [item], "store": False}, PUBLIC).status_code == 200
    assert INLINE in provider.requests[-1].body.decode()


def test_what_no_place_has_is_not_fetched(provider, beyond, pictures):
    weir = beyond(backend(provider), target("big"), place(pictures))
    pictures.asked.clear()
    other = f"http://127.0.0.1:{pictures.server_port}"
    for address in ("http://169.254.169.254/latest", "https://example.com/a.png", f"{other}/a.png", f"{other}/shop/../a.png",
                    f"{other}/shopping/a.png"):
        refused = error_of(weir.ask("big", messages=look_at(address), headers=PUBLIC), 400)
        assert refused["code"] == "image_source_unknown" and refused["param"] == "messages[0].content[1]", address
        assert address not in json.dumps(refused)
    assert not pictures.asked and not provider.requests


@pytest.mark.parametrize("name, why", [("gone", "404"), ("page", "PNG"), ("moved", "302"), ("huge", "over")])
def test_what_is_no_picture_is_said(provider, beyond, pictures, name, why):
    weir = beyond(backend(provider), target("big"), place(pictures))
    refused = error_of(weir.ask("big", messages=look_at(lamp(pictures), lamp(pictures, name)), headers=PUBLIC), 422)
    assert refused["code"] == "image_not_fetched" and refused["param"] == "messages[0].content[2]"
    assert why in refused["message"]
    assert not provider.requests


def test_an_address_does_not_go_above_the_ceiling_of_its_place(provider, beyond, pictures):
    weir = beyond(backend(provider), target("big"), place(pictures, ceiling="public"))
    pictures.asked.clear()
    refused = error_of(weir.ask("big", messages=look_at(lamp(pictures)), headers={"x-weir-label": "internal"}), 403)
    assert refused["code"] == "label_exceeds_ceiling" and not pictures.asked
    assert weir.ask("big", messages=look_at(lamp(pictures)), headers=PUBLIC).status_code == 200


def test_a_target_cannot_lie_there(tmp_path):
    config = tmp_path / "weir.toml"
    config.write_text('[[backend]]\nname = "pictures"\nkind = "images"\ntier = "edge"\nurl = "http://127.0.0.1:1/"\n'
                      '[[target]]\nname = "t"\nbackend = "pictures"\nmodel = "m"\n')
    done = subprocess.run([weir_server.WEIR, "config", "check", "--config", config], capture_output=True, text=True)
    assert done.returncode == 2 and "a target cannot lie where images are fetched" in done.stderr + done.stdout
