"""The detectors from outside: weir label, their configuration, and what a request gets for what stands in it."""

import base64
import json
import random
import signal
import subprocess
import threading
import time

import pytest

import weir_server
from beyond import Beyond, backend, target
from fake_provider import FakeProvider
from talk import SMALL, connect, http_client, request_bytes

OWN = """
[[detector]]
name = "projects"
words = ["Project Heron"]
label = "secret"

[[detector]]
name = "email"
enabled = false
"""


@pytest.fixture
def label(tmp_path):
    """label(text, *words): what weir label prints about a text, and how it ends."""

    def run(text, *words):
        environment = weir_server.plain_environment(tmp_path) | {"WEIR_MODELS": str(tmp_path / "no-models")}
        return subprocess.run([weir_server.WEIR, "label", *words], capture_output=True, env=environment,
                              input=text if isinstance(text, bytes) else text.encode(), timeout=60 * weir_server.PATIENCE)

    return run


def findings(done):
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_a_finding_is_a_line_with_places_in_bytes(label):
    text = "Grüße: GB82 WEST 1234 5698 7654 32 und AKIA2E3KJ4LM5NPQ6RST"
    first, second = findings(label(text, "-"))
    assert (first["type"], first["label"]) == ("iban", "personal")
    assert text.encode()[first["start"]:first["end"]].decode() == "GB82 WEST 1234 5698 7654 32"
    assert (second["type"], second["label"]) == ("api_key", "secret")
    assert 0.5 <= first["score"] <= 1
    assert json.loads(label(text, "-", "--json").stdout) == [first, second]


def test_a_file_is_read_and_nothing_found_is_no_failure(label, tmp_path):
    file = tmp_path / "letter.txt"
    file.write_text("The weather is fine.")
    done = label("", str(file))
    assert (done.returncode, done.stdout) == (0, b"")
    missing = label("", str(tmp_path / "nothing"))
    assert missing.returncode == 1 and missing.stderr.startswith(b"weir: ") and b"cannot be read" in missing.stderr
    assert label("").returncode == 2


def test_what_is_no_text_is_unscanned(label):
    assert [f["type"] for f in findings(label(bytes(range(256)), "-"))] == ["unscanned"]
    assert [f["label"] for f in findings(label("a" * (5 << 20), "-"))] == ["unscanned"]


def test_own_words_and_types_left_out_come_from_the_configuration(label, tmp_path):
    config = tmp_path / "weir.toml"
    config.write_text(OWN)
    found = findings(label("a@b.org about project heron", "-", "--config", str(config)))
    assert [(f["type"], f["label"]) for f in found] == [("projects", "secret")]
    config.write_text("[[detector]]\nname = 'x'\nlabel = 'secret'\npattern = '['\n")
    bad = label("text", "-", "--config", str(config))
    assert bad.returncode == 1 and b"weir.toml:4:11: detector.pattern is no regular expression" in bad.stderr


def test_findings_decide_where_a_request_may_go(tmp_path):
    with FakeProvider() as provider:
        text = "\n".join(['default_label = "public"', OWN, backend(provider, ceiling="internal"), target("big")])
        with Beyond(tmp_path / "weir", text) as weir:
            assert weir.ask("big", "hello").headers["x-weir-label"] == "public"
            assert weir.ask("big", "write to a@b.org").headers["x-weir-label"] == "public", "left out"
            for words in ("about PROJECT HERON", "project\u00a0heron", "call +49 30 9018200 now"):
                refused = weir.ask("big", words)
                assert refused.status_code == 403 and refused.json()["error"]["code"] == "label_exceeds_ceiling"
            embedded = weir.post("/v1/embeddings", {"model": "big", "input": ["fine", "Project Heron"]})
            assert embedded.status_code == 403
            # A reload replaces the detectors; one that is wrong changes nothing.
            weir.config.write_text(text.replace("Project Heron", "Nightjar"))
            weir.process.send_signal(signal.SIGHUP)
            assert weir_server.until(lambda: weir.ask("big", "project heron").status_code == 200, timeout_s=20)
            assert weir.ask("big", "nightjar").status_code == 403
            weir.config.write_text(text.replace('words = ["Project Heron"]', 'pattern = "("'))
            weir.process.send_signal(signal.SIGHUP)
            assert weir_server.until(lambda: "not reloaded" in weir.log(), timeout_s=20)
            assert weir.ask("big", "nightjar").status_code == 403


def as_file(text, media_type="text/csv"):
    url = f"data:{media_type};base64,{base64.b64encode(text if isinstance(text, bytes) else text.encode()).decode()}"
    return {"type": "file", "file": {"filename": "rows", "file_data": url}}


def test_a_file_of_plain_text_is_labelled_by_what_stands_in_it_and_any_other_is_unscanned(tmp_path):
    with FakeProvider() as provider:
        text = "\n".join(['default_label = "public"', backend(provider, ceiling="public"), target("big")])
        with Beyond(tmp_path / "weir", text) as weir:
            def asked(part):
                return weir.ask("big", messages=[{"role": "user", "content": [{"type": "text", "text": "Sum up."}, part]}])

            clean = asked(as_file("tide,metres\nhigh,4\n"))
            assert clean.status_code == 200 and clean.headers["x-weir-label"] == "public"
            assert provider.count(base64.b64encode(b"tide,metres\nhigh,4\n")) == 1
            for rows, label, why in (("name,iban\nAna,GB82 WEST 1234 5698 7654 32\n", "personal", "detector iban"),
                                     ("user,mail\n1,jane.doe@mail.example.org\n", "personal", "detector email"),
                                     ("aws = AKIA2E3KJ4LM5NPQ6RST\n", "secret", "detector api_key")):
                refused = asked(as_file(rows))
                assert refused.status_code == 403 and refused.json()["error"]["code"] == "label_exceeds_ceiling"
                lines = weir.explain(refused)["explanation"]
                assert any(f"label {label}: {why} at message 1 file" == line for line in lines), lines
            for part in (as_file("%PDF-1.7 all of it ASCII", "text/plain"), as_file(b"\xff\xfe", "text/plain"),
                         as_file("tide", "application/pdf")):
                refused = asked(part)
                assert refused.status_code == 403
                assert any("it has parts that are not text" in line for line in weir.explain(refused)["explanation"])

            # The same in the other dialects that have files.
            clean, personal = "high tide", "mail jane.doe@mail.example.org"
            for words, status in ((clean, 200), (personal, 403)):
                source = {"type": "text", "media_type": "text/plain", "data": words}
                content = [{"type": "text", "text": "Sum up."}, {"type": "document", "source": source}]
                assert weir.post("/v1/messages", {"model": "big", "max_tokens": 9, "messages": [
                    {"role": "user", "content": content}]}).status_code == status
                part = {"type": "input_file"} | as_file(words, "text/markdown")["file"]
                assert weir.post("/v1/responses", {"model": "big", "store": False, "input": [
                    {"role": "user", "content": [part]}]}).status_code == status
            assert provider.count(base64.b64encode(personal.encode())) == 0


def test_a_file_that_was_labelled_once_is_known_again(tmp_path):
    with FakeProvider() as rack, FakeProvider() as cloud:
        text = "\n".join(['default_label = "public"', backend(cloud, ceiling="public"), target("big"),
                          backend(rack, name="rack", ceiling="secret"), target("near", backend="rack")])
        with Beyond(tmp_path / "weir", text) as weir:
            said = "the harbour master keeps the tables of the tides in a blue book " * 2

            def asked(model, question, headers=None):
                content = [{"type": "text", "text": question}, as_file(said)]
                return weir.ask(model, messages=[{"role": "user", "content": content}], headers=headers).status_code

            assert asked("big", "What is it?") == 200
            assert asked("near", "Sum up.", {"x-weir-label": "secret"}) == 200
            assert asked("big", "And in French?") == 403


def test_others_are_answered_while_a_long_request_is_looked_through(serve, small):
    """16 MiB of numbers keep the detectors busy for most of the request's time; nobody else waits for that."""
    server = serve()
    number = random.Random(1)
    text = " ".join(str(number.randrange(10 ** 15, 10 ** 16)) for _ in range((4 << 20) // 17 - 1))
    body = json.dumps({"model": SMALL, "max_tokens": 1,
                       "messages": [{"role": "user", "content": text[i:] + str(i)} for i in range(4)]}).encode()
    with http_client(server) as http:
        assert http.get("/livez").status_code == 200
        taken = []

        def ask_long():
            with connect(server, timeout_s=120 * weir_server.PATIENCE) as connection:
                connection.sendall(request_bytes(server, "POST", "/v1/chat/completions", body=body))
                sent = time.monotonic()
                head = connection.recv(4096)
                taken.extend([time.monotonic() - sent, head])
        asking = threading.Thread(target=ask_long)
        asking.start()
        longest = 0
        while asking.is_alive():
            started = time.monotonic()
            assert http.get("/livez").status_code == 200
            longest = max(longest, time.monotonic() - started)
        assert taken[1].startswith(b"HTTP/1.1 400 "), taken[1]  # it does not fit the model
        assert longest < taken[0] / 2, (longest, taken[0])
