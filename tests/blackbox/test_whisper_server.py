"""whisper.cpp's own server behind Weir, with a model that says one sentence whatever it hears (tests/scripted_whisper.py)."""

import io
import json
import os
import signal
import socket
import subprocess

import openai
import pytest

import scripted_whisper
import weir_server
from beyond import Beyond
from sounds import silence
from talk import long_run, openai_client

SCRIPT = weir_server.ROOT / "tools" / "build_whisper.sh"
SAID = scripted_whisper.TEXT.strip()


@pytest.fixture(scope="module")
def program():
    """`make test-long` builds it where it is not there."""
    built = subprocess.run([SCRIPT, *([] if long_run() else ["--if-built"])], capture_output=True, text=True)
    if built.returncode == 3:
        pytest.skip("whisper-server is not built: tools/build_whisper.sh")
    assert built.returncode == 0, built.stderr
    return built.stdout.splitlines()[-1]


@pytest.fixture(scope="module")
def weir(program, tmp_path_factory):
    folder = tmp_path_factory.mktemp("ears")
    scripted_whisper.write(folder / "scripted.bin")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [program, "--model", str(folder / "scripted.bin"), "--host", "127.0.0.1", "--port", str(port), "--threads", "2"]
    with Beyond(folder / "weir", f'[[backend]]\nname = "ears"\nkind = "whisper"\ntier = "edge"\nceiling = "secret"\n'
                                 f'url = "http://127.0.0.1:{port}"\ncommand = {json.dumps(command)}\nconnect_timeout = "60s"\n'
                                 f'[[target]]\nname = "whisper-1"\nbackend = "ears"\nmodel = "scripted"\n') as running:
        yield running


@pytest.fixture(scope="module")
def client(weir):
    return openai_client(weir)


def talk(seconds=scripted_whisper.SECONDS):
    file = io.BytesIO(silence(seconds))
    file.name = "talk.wav"
    return file


def hear(client, **more):
    return client.audio.transcriptions.create(**{"model": "whisper-1", "file": talk()} | more)


def test_the_first_sound_waits_until_the_server_is_up(client, weir):
    assert hear(client).text == SAID
    server = weir.get("/weir/v1/backends").json()["servers"][0]
    assert server["state"] == "up" and weir_server.Process(server["pid"]).name() == "whisper-server"


def test_segments_and_words_have_their_times(client):
    answer = hear(client, response_format="verbose_json", timestamp_granularities=["segment", "word"])
    assert answer.text == SAID and answer.language == "english"
    assert abs(answer.duration - scripted_whisper.SECONDS) < 0.05
    assert " ".join(segment.text.strip() for segment in answer.segments) == SAID
    assert [word.word.strip() for word in answer.words] == SAID.split()
    times = [time for word in answer.words for time in (word.start, word.end)]
    assert times == sorted(times) and 0 <= times[0] and times[-1] <= scripted_whisper.SECONDS + 0.05


@pytest.mark.parametrize("form, shown", [("text", SAID + "\n"),
                                         ("srt", f"1\n00:00:00,000 --> 00:00:02,000\n{SAID}\n\n"),
                                         ("vtt", f"WEBVTT\n\n00:00:00.000 --> 00:00:02.000\n{SAID}\n\n")])
def test_subtitles(client, form, shown):
    assert hear(client, response_format=form) == shown


def test_a_stream_gives_the_pieces_and_the_whole(client):
    events = list(hear(client, stream=True))
    assert "".join(event.delta for event in events[:-1]).strip() == SAID
    assert events[-1].type == "transcript.text.done" and events[-1].text == SAID


def test_a_language_that_is_named_is_not_looked_for(client):
    answer = hear(client, language="de", response_format="verbose_json")
    assert (answer.text, answer.language) == (SAID, "german")


def test_a_translation_and_a_prompt(client):
    answer = client.audio.translations.create(model="whisper-1", file=talk(), prompt="Rivers and seas.")
    assert answer.text == SAID


def test_a_sound_longer_than_a_window_is_heard_to_its_end(client):
    answer = hear(client, file=talk(35), response_format="verbose_json")
    assert answer.text.count("river") == len(answer.segments) == 2
    assert [round(segment.start) for segment in answer.segments] == [0, 30]


def test_what_is_no_sound_to_the_server_is_the_clients_mistake(client):
    broken = io.BytesIO(silence()[:12] + b"fmt \x10\0\0\0" + bytes(40))
    broken.name = "broken.wav"
    with pytest.raises(openai.APIStatusError) as refused:
        hear(client, file=broken)
    assert refused.value.status_code in (400, 422), refused.value.message
    assert hear(client).text == SAID


def test_a_server_that_dies_is_started_again(client, weir):
    first = weir.get("/weir/v1/backends").json()["servers"][0]["pid"]
    os.kill(first, signal.SIGKILL)
    assert hear(client).text == SAID
    server = weir.get("/weir/v1/backends").json()["servers"][0]
    assert server["state"] == "up" and server["pid"] != first
