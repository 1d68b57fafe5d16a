"""Speech to text: whisper-servers and providers of OpenAI's dialect behind the routes that OpenAI's clients know."""

import concurrent.futures
import json
import subprocess

import httpx
import openai
import pytest

import weir_server
from beyond import HTTP, KEY, backend
from fake_provider import FAILURES, speech
from sounds import silence
from talk import error_of, openai_client

KINDS = ("openai", "whisper")
HARMLESS = {"none", "byte_by_byte", "slow", "split_utf8", "crlf", "comments", "unknown_events", "missing_marker",
            "duplicate_usage", "error_first", "error_mid"}  # the last ones are of streams
TRANSCRIPTIONS, TRANSLATIONS = "/v1/audio/transcriptions", "/v1/audio/translations"
SECRET = {"x-weir-label": "secret"}

pytestmark = pytest.mark.usefixtures("fresh_provider")


def speaker(name="ears", model="whisper-1", backend_name="cloud", kind="openai"):
    fact = "transcription = true\n" if kind == "openai" else ""
    return f'[[target]]\nname = "{name}"\nbackend = "{backend_name}"\nmodel = "{model}"\n{fact}'


def hearing(provider, kind, ceiling="secret", more="", **settings):
    listener = "plain" if kind == "whisper" else "good"
    text = backend(provider, kind, tier="edge", ceiling=ceiling, listener=listener, more=more, **settings)
    return text.replace(f'ca_file = "{provider.ca_file}"\n', "") if listener == "plain" else text


def post(weir, path=TRANSCRIPTIONS, headers=None, file=("talk.wav", silence()), timeout=60, **fields):
    files = [("file", file)] if file else []
    for name, value in ({"model": "ears"} | fields).items():
        files += [(name, (None, each)) for each in (value if isinstance(value, list) else [value])]
    return HTTP.post(f"{weir.url}{path}", files=files, headers=headers or {}, timeout=timeout * weir_server.PATIENCE)


@pytest.fixture(params=KINDS)
def heard(request, provider, beyond):
    """(kind, a server with one target that hears)"""
    return request.param, beyond(hearing(provider, request.param), speaker(kind=request.param))


def test_a_real_client_transcribes_in_every_form(heard, provider):
    kind, weir = heard
    create = openai_client(weir).audio.transcriptions.create
    file = ("my secret plans.wav", silence())
    said = create(model="ears", file=file)
    assert said.text == speech.TEXT and said.model_extra["weir"]["target"] == "ears"
    assert said.usage.type == ("tokens" if kind == "openai" else "duration")
    assert create(model="ears", file=file, response_format="text").strip() == speech.TEXT
    srt = create(model="ears", file=file, response_format="srt")
    assert srt.startswith("1\n00:00:00,000 --> 00:00:01,500\nGrüße from\n\n2\n")
    assert create(model="ears", file=file, response_format="vtt").startswith("WEBVTT\n\n00:00:00.000 --> ")
    verbose = create(model="ears", file=file, response_format="verbose_json")
    assert (verbose.language, verbose.duration, verbose.words) == ("german", speech.SECONDS, None)
    assert [s.text for s in verbose.segments] == [text for _, _, text in speech.SEGMENTS]
    words = create(model="ears", file=file, response_format="verbose_json", timestamp_granularities=["word"])
    assert [(w.word, w.start, w.end) for w in words.words] == [(word, a, b) for a, b, word in speech.WORDS]
    assert not words.segments
    assert provider.count("my secret plans") == 0, "the file's name is a text that nobody read"
    assert all(request.model == ("whisper-1" if kind == "openai" else "whisper") for request in provider.requests)
    assert KEY not in weir.log()


def test_what_a_client_says_arrives(heard, provider):
    kind, weir = heard
    client = openai_client(weir)
    content = silence()
    client.audio.transcriptions.create(model="ears", file=("a.mp3", content), language="de", prompt="Weir, weirs",
                                       temperature=0.25)
    sent = speech.form_of(provider.requests[-1])
    assert sent["file"] == ("audio.wav", "audio/wav", content), "what a file is its content says"
    assert (sent["language"], sent["prompt"], sent["temperature"]) == ("de", "Weir, weirs", "0.25")
    client.audio.translations.create(model="ears", file=("a.wav", content))
    sent, request = speech.form_of(provider.requests[-1]), provider.requests[-1]
    if kind == "openai":
        assert request.path == "/v1/audio/translations" and "language" not in sent
    else:
        assert request.path == "/inference" and sent["translate"] == "true" and sent["language"] == "auto"
    assert client.audio.translations.create(model="ears", file=("a.wav", content),
                                            response_format="verbose_json").language == "english"


def test_a_stream_is_told_when_the_text_is_there(heard):
    _, weir = heard
    events = list(openai_client(weir).audio.transcriptions.create(model="ears", file=("a.wav", silence()), stream=True))
    assert [event.type for event in events[:-1]] == ["transcript.text.delta"] * (len(events) - 1)
    assert "".join(event.delta for event in events[:-1]) == events[-1].text == speech.TEXT
    assert events[-1].type == "transcript.text.done" and events[-1].model_extra["weir"]["target"] == "ears"


def test_it_is_decided_booked_and_kept_as_any_other(heard):
    kind, weir = heard
    answer = post(weir)
    assert answer.status_code == 200, answer.text
    assert answer.headers["x-weir-target"] == "ears" and answer.headers["x-weir-label"] == "unscanned"
    kept = weir.explain(answer)
    assert kept["features"]["task"] == "transcribe" and kept["features"]["audio"] is True
    assert [a["outcome"] for a in kept["attempts"]] == ["served"]
    entry = weir.get("/weir/v1/ledger?entries=1").json()["data"][0]
    assert (entry["task"], entry["target"], entry["label"]) == ("transcribe", "ears", "unscanned")
    listed = {m["id"]: m for m in weir.get("/v1/models").json()["data"]}
    assert listed["ears"]["capabilities"] == ["transcription"]


def test_sound_is_paid_by_the_minute_where_it_has_a_price(provider, beyond):
    weir = beyond(hearing(provider, "openai"), speaker() + 'price = { currency = "USD", per_minute = 0.006 }',
                  '[budget.team]\ntenants = ["*"]\ncurrency = "USD"\nper_day = 1\nhard = true')
    heard = post(weir, response_format="verbose_json")  # the provider says that it bills four seconds
    assert heard.status_code == 200, heard.text
    assert (heard.json()["weir"]["cost"], heard.json()["weir"]["currency"]) == ("0.0004", "USD")
    entry = weir.get("/weir/v1/ledger?entries=1").json()["data"][0]
    assert (entry["cost"], entry["sound_seconds"], entry["estimated"]) == ("0.0004", 4, False)
    reserved_s = len(silence()) // 640 + 1
    assert float(entry["reserved"]) == pytest.approx(reserved_s * 0.0001)
    total = weir.get("/weir/v1/ledger?by=target").json()["total"]
    assert (total["sound_seconds"], total["unpriced"], total["cost"]) == (4, 0, {"USD": "0.0004"})
    # One that tells tokens and no seconds costs what was put aside for it, and without a budget nobody knows what.
    assert post(weir, response_format="json").json()["weir"]["cost"] == entry["reserved"]
    free = beyond(hearing(provider, "openai"), speaker() + 'price = { currency = "USD", per_minute = 0.006 }')
    assert post(free, response_format="json").json()["weir"]["cost"] is None
    assert free.get("/weir/v1/ledger").json()["total"]["unpriced"] == 1


def test_every_failure_is_an_honest_error(provider, beyond):
    quick = 'first_byte_timeout = "4s"\ngap_timeout = "4s"\nretries = 0\nconcurrency = 64'
    servers = {kind: beyond(hearing(provider, kind, more=quick), *(speaker(f"t-{name}", f"fail-{name}", kind=kind)
                                                                   for name in FAILURES)) for kind in KINDS}

    def ask(kind, name):
        if kind == "whisper":  # no model in its requests: one failure after the other
            provider.fail("whisper", name, times=1)
        answer = post(servers[kind], model=f"t-{name}", timeout=30)
        if name in HARMLESS:
            return None if answer.status_code == 200 and answer.json()["text"] == speech.TEXT else (kind, name, answer.text)
        good = answer.status_code in (413, 422, 502, 503, 504) and answer.json()["error"]["code"]
        return None if good else (kind, name, answer.status_code, answer.text[:300])

    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        wrong = [each for each in pool.map(lambda name: ask("openai", name), FAILURES) if each]
    wrong += [each for each in (ask("whisper", name) for name in FAILURES) if each]
    assert not wrong
    assert all(weir.process.poll() is None for weir in servers.values())


def test_another_target_takes_over(provider, beyond):
    weir = beyond(hearing(provider, "whisper"), hearing(provider, "openai", name="other"),
                  speaker("near", kind="whisper"), speaker("far", backend_name="other"),
                  '[route.speech]\ntargets = ["near", "far"]\n')
    assert post(weir, model="speech").headers["x-weir-target"] == "near"
    provider.fail("whisper", "500")
    answer = post(weir, model="speech")
    assert answer.headers["x-weir-target"] == "far" and answer.json()["text"] == speech.TEXT
    outcomes = [(a["target"], a["outcome"]) for a in weir.explain(answer)["attempts"]]
    assert outcomes == [("near", "provider_failed"), ("far", "served")]


@pytest.mark.parametrize("label", [None, "secret"])
def test_sound_stays_below_a_ceiling_that_it_exceeds(provider, beyond, label):
    weir = beyond(backend(provider, ceiling="personal"), speaker())
    canary = silence()[:44] + b"canary-of-a-sound" * 8
    answer = post(weir, file=("a.wav", canary), headers={"x-weir-label": label} if label else {}, prompt="canary-text")
    error = error_of(answer, 403)
    assert error["code"] == "label_exceeds_ceiling" and error["param"] == "model"
    assert provider.count("canary") == 0 and not provider.requests
    refused = weir.get("/weir/v1/decisions").json()["data"][0]
    assert refused["refused"] == "label_exceeds_ceiling"


def test_a_key_that_may_say_so_sends_sound_out_and_the_prompt_is_read_all_the_same(provider, beyond):
    weir = beyond(backend(provider, ceiling="internal"), speaker())
    def key(name, *may):
        made = subprocess.run([str(weir_server.WEIR), "keys", "create", name, *may, "--json", "--data", str(weir.data)],
                              capture_output=True, text=True, env=weir.environment, timeout=60)
        assert made.returncode == 0, made.stderr
        return {"authorization": f"Bearer {json.loads(made.stdout)['key']}", "x-weir-label": "public"}

    refused = error_of(post(weir, headers=key("any")), 403)
    assert refused["code"] == "label_exceeds_ceiling" and not provider.requests
    voice = key("voice", "--may-assert-label")
    said = post(weir, headers=voice)
    assert said.status_code == 200, said.text
    assert said.headers["x-weir-label"] == "public"
    names = post(weir, headers=voice, prompt="IBAN DE89 3704 0044 0532 0130 00")
    assert error_of(names, 403)["code"] == "label_exceeds_ceiling"
    assert provider.count("DE89") == 0


def test_the_text_has_the_label_of_its_sound(provider, beyond, monkeypatch):
    text = "a text that is long enough to be known again wherever it turns up, canary included"
    monkeypatch.setattr(speech, "TEXT", text)
    weir = beyond(hearing(provider, "openai"), backend(provider, name="open", ceiling="internal"), speaker(),
                  '[[target]]\nname = "chat"\nbackend = "open"\nmodel = "m"\n')
    assert weir.ask("chat", text).status_code == 200
    assert post(weir, headers=SECRET).json()["text"] == text
    provider.forget()
    assert weir.ask("chat", text).status_code == 403
    assert provider.count("canary") == 0


def test_models_are_refused_for_what_they_do_not_do(provider, beyond):
    weir = beyond(hearing(provider, "whisper"), hearing(provider, "openai", name="other"), speaker(kind="whisper"),
                  '[[target]]\nname = "chat"\nbackend = "other"\nmodel = "m"\n')
    chat = weir.ask("ears")
    assert error_of(chat, 400)["code"] == "wrong_task" and "'ears'" in chat.json()["error"]["message"]
    speech_of_chat = error_of(post(weir, model="chat"), 400)
    assert speech_of_chat["code"] == "wrong_task" and "'chat'" in speech_of_chat["message"]
    assert weir.post("/v1/embeddings", {"model": "ears", "input": "x"}).json()["error"]["code"] == "wrong_task"
    assert error_of(post(weir, model="nobody"), 404)["code"] == "model_not_found"
    assert not provider.requests


def test_wrong_forms_are_told_their_field(heard, provider):
    _, weir = heard
    with pytest.raises(openai.BadRequestError) as wrong:
        openai_client(weir).audio.transcriptions.create(model="ears", file=("a.wav", b"no sound at all"))
    assert wrong.value.param == "file" and "by its content" in wrong.value.message
    large = error_of(post(weir, file=("a.wav", silence()[:44] + bytes(25 << 20))), 413)
    assert large["param"] == "file" and "26214400" in large["message"]
    body = httpx.post(f"{weir.url}{TRANSCRIPTIONS}", json={"model": "ears"}, trust_env=False)
    assert error_of(body, 400)["param"] == "content-type"
    assert error_of(post(weir, temperature="2"), 400)["param"] == "temperature"
    assert error_of(post(weir, TRANSLATIONS, language="de"), 400)["param"] == "language"
    assert not provider.requests


def test_a_language_that_whisper_does_not_know_is_refused_and_not_guessed(provider, beyond):
    weir = beyond(hearing(provider, "whisper"), speaker(kind="whisper"))
    assert error_of(post(weir, language="xx"), 422)["param"] == "language"
    assert not provider.requests


def test_a_whisper_server_is_added_and_probed(provider, beyond):
    weir = beyond(hearing(provider, "whisper"), speaker(kind="whisper"))
    probed = subprocess.run([str(weir_server.WEIR), "backend", "probe", "cloud", "--data", str(weir.data)],
                            capture_output=True, text=True, env=weir.environment, timeout=60)
    assert probed.returncode == 0, probed.stderr
    assert "TRANSCRIPTION" in probed.stdout and "whisper" in probed.stdout
    config = weir.data / "added.toml"
    config.write_text("")
    added = subprocess.run([str(weir_server.WEIR), "backend", "add", "whisper-server", "--ceiling", "secret", "--config",
                            str(config)], capture_output=True, text=True, env=weir.environment, timeout=60)
    assert added.returncode == 0, added.stderr
    assert 'kind = "whisper"' in config.read_text()


@pytest.mark.parametrize("text, problem", [
    ('[[target]]\nname = "t"\nbackend = "cloud"\nmodel = "m"\ntranscription = true\n', "target.transcription takes backends"),
    ('[[backend]]\nname = "w"\nkind = "whisper"\ntier = "edge"\nurl = "http://127.0.0.1:1"\n'
     '[[target]]\nname = "t"\nbackend = "w"\nmodel = "m"\nvision = true\n', "only transcribes"),
])
def test_a_configuration_that_cannot_be_is_refused(provider, tmp_path, text, problem):
    config = tmp_path / "weir.toml"
    config.write_text(backend(provider, "anthropic") + text)
    checked = subprocess.run([str(weir_server.WEIR), "config", "check", "--config", str(config)], capture_output=True,
                             text=True, timeout=60)
    assert checked.returncode != 0 and problem in checked.stderr
