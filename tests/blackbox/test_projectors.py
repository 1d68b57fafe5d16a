"""Models that see images: a projector beside stories260K, from a Modelfile, over HTTP, pulled, and as llama-server's --mmproj.
Its weights are random, so what counts is that an image changes what is said, that the same one does not, and who says no.
"""

import base64
import json
import struct
import zlib

import anthropic
import httpx
import ollama
import openai
import pytest

import tiny_models
import weir_server
from hub import Hub, sha256
from own_store import Store, one_line

TEMPLATE = 'TEMPLATE """{% for m in messages %}{{ m.content }}{% endfor %}"""\n'
SEES = "FROM ./stories.gguf\nFROM ./projector.gguf\n" + TEMPLATE
ROWS = 36  # of an image, by tiny-projector.gguf
ASKED = "Once upon a time"


def png(red, green, blue, side=84):
    """A square of stripes, so that no two parts of it are alike."""
    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    lines = b"".join(b"\0" + b"".join(bytes((red, green * (x % 9) // 9, blue * (y % 7) // 7)) for x in range(side))
                     for y in range(side))
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)) +
            chunk(b"IDAT", zlib.compress(lines)) + chunk(b"IEND", b""))


RED, BLUE = png(250, 90, 10), png(10, 40, 240)


@pytest.fixture(scope="module")
def tiny(stories, tmp_path_factory):
    folder = tmp_path_factory.mktemp("tiny")
    tiny_models.write_all(folder, stories)
    names = ("projector", "gemma3", "gemma-projector", "qwen2vl", "qwen25vl-projector", "lora")
    found = {"stories": stories.read_bytes()} | {name: (folder / f"tiny-{name}.gguf").read_bytes() for name in names}
    # A kind that engines do not compute.
    return found | {"odd-projector": found["gemma-projector"].replace(b"gemma3", b"cogvlm")}


@pytest.fixture
def hub():
    with Hub() as running:
        yield running


@pytest.fixture
def store(tmp_path, hub, tiny):
    own = Store(tmp_path / "own", hub)
    own.home.mkdir()
    for name, content in tiny.items():
        (own.home / f"{name}.gguf").write_bytes(content)
    return own


@pytest.fixture
def server(serve, store):
    done = store.create("sees", SEES)
    assert done.returncode == 0, done.stderr
    assert store.create("blind", "FROM ./stories.gguf\n" + TEMPLATE).returncode == 0
    return serve(models=store.root)


def url_of(image):
    return "data:image/png;base64," + base64.b64encode(image).decode()


def look(url, image=None, model="sees"):
    """The answer of OpenAI's chat to the question, with or without an image before it."""
    parts = [{"type": "image_url", "image_url": {"url": url_of(image)}}] if image else []
    return httpx.post(f"{url}/v1/chat/completions", trust_env=False, timeout=60 * weir_server.PATIENCE, json={
        "model": model, "temperature": 0, "max_tokens": 12, "logprobs": True, "top_logprobs": 5,
        "messages": [{"role": "user", "content": [*parts, {"type": "text", "text": ASKED}]}]})


def said(answer):
    assert answer.status_code == 200, answer.text
    first = answer.json()["choices"][0]["logprobs"]["content"][0]
    return [(each["token"], round(each["logprob"], 2)) for each in first["top_logprobs"]]


def shown(store, name):
    return json.loads(store("show", name, "--json").stdout)


def test_an_image_changes_what_is_said_and_counts_with_its_rows(server):
    red, again, blue, none = (look(server.url, image) for image in (RED, RED, BLUE, None))
    assert said(red) == said(again)
    assert said(red) != said(blue) and said(red) != said(none)
    tokens = [each.json()["usage"]["prompt_tokens"] for each in (red, blue, none)]
    assert tokens == [tokens[2] + ROWS, tokens[2] + ROWS, tokens[2]]
    assert again.json()["usage"]["prompt_tokens_details"]["cached_tokens"] >= ROWS, "the same image is not computed again"


def test_rows_that_see_each_other_are_computed_together(serve, store):
    """Gemma's kind."""
    assert store.create("gem", "FROM ./gemma3.gguf\nFROM ./gemma-projector.gguf\n" + TEMPLATE).returncode == 0
    url = serve(models=store.root).url
    red, again, blue, none = (look(url, image, model="gem") for image in (RED, RED, BLUE, None))
    assert said(red) == said(again) and said(red) != said(blue) and said(red) != said(none)


def test_an_image_of_two_directions_is_taken_as_large_as_it_is(serve, store):
    """Qwen2.5-VL's kind: one row for 28 by 28 pixels, and a text behind it that goes on from its longer side."""
    assert store.create("qwen", "FROM ./qwen2vl.gguf\nFROM ./qwen25vl-projector.gguf\n" + TEMPLATE).returncode == 0
    url = serve(models=store.root).url
    large = png(250, 90, 10, side=168)
    red, again, blue, none, more = (look(url, image, model="qwen") for image in (RED, RED, BLUE, None, large))
    assert said(red) == said(again)
    assert len({str(said(each)) for each in (red, blue, none, more)}) == 4
    tokens = [each.json()["usage"]["prompt_tokens"] for each in (red, more)]
    assert tokens[1] - tokens[0] == 36 - 9
    assert again.json()["usage"]["prompt_tokens_details"]["cached_tokens"] == tokens[0] - 1


def test_every_dialect_shows_it_its_images(server):
    told = openai.OpenAI(base_url=f"{server.url}/v1", api_key="x", max_retries=0).responses.create(
        model="sees", temperature=0, max_output_tokens=12, store=False, input=[{"role": "user", "content": [
            {"type": "input_image", "detail": "auto", "image_url": url_of(RED)}, {"type": "input_text", "text": ASKED}]}])
    message = anthropic.Anthropic(base_url=server.url, api_key="x", max_retries=0).messages.create(
        model="sees", max_tokens=12, extra_body={"temperature": 0}, messages=[{"role": "user", "content": [
            {"type": "image", "source": {"type": "base64", "media_type": "image/png",
                                         "data": base64.b64encode(RED).decode()}}, {"type": "text", "text": ASKED}]}])
    chat = ollama.Client(host=server.url, trust_env=False).chat(
        model="sees", options={"temperature": 0, "num_predict": 12},
        messages=[{"role": "user", "content": ASKED, "images": [RED]}])
    wanted = look(server.url, RED).json()
    words = wanted["choices"][0]["message"]["content"]
    assert told.output_text == words == message.content[0].text
    assert told.usage.input_tokens == message.usage.input_tokens + (message.usage.cache_read_input_tokens or 0)
    assert chat.message.content and chat.prompt_eval_count > ROWS


def test_who_sees_says_so(server, store, tiny):
    assert shown(store, "sees")["projector"] == {"sha256": sha256(tiny["projector"]), "size": len(tiny["projector"])}
    assert "vision" in shown(store, "sees")["capabilities"]
    assert shown(store, "blind")["projector"] is None
    client = ollama.Client(host=server.url, trust_env=False)
    assert "vision" in client.show("sees").capabilities and "vision" not in client.show("blind").capabilities
    for model, sees in (("sees:latest", True), ("blind:latest", False)):
        props = httpx.get(f"{server.url}/props", params={"model": model}, trust_env=False).json()
        assert props["modalities"]["vision"] is sees


def test_who_does_not_see_says_no(server):
    refused = look(server.url, RED, model="blind")
    assert refused.status_code == 422 and "no_images" in refused.json()["error"]["message"], refused.text
    # A virtual model goes to the one that sees.
    chosen = look(server.url, RED, model="local")
    assert chosen.status_code == 200 and chosen.headers["x-weir-target"] == "sees:latest", chosen.text


@pytest.mark.parametrize("broken", [b"\x89PNG\r\n\x1a\n" + b"\0" * 40, RED[:200], b"GIF89a"],
                         ids=["no head", "cut", "another kind"])
def test_a_broken_image_is_the_requests_fault_and_nobody_elses(server, broken):
    refused = look(server.url, broken)
    assert 400 <= refused.status_code < 500 and refused.json()["error"]["message"], refused.text
    assert said(look(server.url, RED))


def test_weir_run_shows_a_file(server, store):
    (store.home / "red.png").write_bytes(RED)
    (store.home / "notes.txt").write_text("no image")
    done = store("run", "sees", ASKED, "--image", "red.png", "--temperature", "0", "--max-tokens", "12", "--json")
    assert done.returncode == 0, done.stderr
    told, wanted = json.loads(done.stdout), look(server.url, RED).json()
    assert told["choices"][0]["message"]["content"] == wanted["choices"][0]["message"]["content"]
    assert told["usage"]["prompt_tokens"] == wanted["usage"]["prompt_tokens"]
    assert "notes.txt is no PNG" in one_line(store("run", "sees", ASKED, "--image", "notes.txt"), 1)
    assert "cannot read nowhere.png" in one_line(store("run", "sees", ASKED, "--image", "nowhere.png"), 3)
    assert "nothing to ask" in one_line(store("run", "sees", "--image", "red.png"), 2)


def test_an_image_is_text_of_nobody(server):
    """Words that look like a marker of an image stay words."""
    for words in ("<__media__>", "<image>", "[img-1]"):
        answer = httpx.post(f"{server.url}/v1/chat/completions", trust_env=False, timeout=60, json={
            "model": "sees", "max_tokens": 2, "messages": [{"role": "user", "content": words}]})
        assert answer.status_code == 200 and answer.json()["usage"]["prompt_tokens"] < ROWS, answer.text


def test_a_projector_goes_with_the_last_model_that_has_it(store, tiny):
    assert store.create("sees", SEES).returncode == 0
    assert store("cp", "sees", "copied").returncode == 0
    assert store.create("polite", "FROM sees\nSYSTEM Be polite.\n").returncode == 0
    for name in ("sees", "copied"):
        assert store("rm", name, "--force").returncode == 0
    assert shown(store, "polite")["projector"]["sha256"] == sha256(tiny["projector"])
    assert store("rm", "polite", "--force").returncode == 0
    assert store.blobs() == set()


@pytest.mark.parametrize("text, word, code", [
    ("FROM ./stories.gguf\nFROM ./nowhere.gguf\n", "cannot open the file", 3),
    ("FROM ./stories.gguf\nFROM ./stories.gguf\n", "it is a model", 1),
    ("FROM ./stories.gguf\nFROM ./lora.gguf\n", "it is an adapter", 1),
    ("FROM ./stories.gguf\nFROM ./odd-projector.gguf\n", "of the kind cogvlm", 1),
    ("FROM ./stories.gguf\nFROM other\n", "line 2: FROM is there twice", 1),
])
def test_a_projector_that_cannot_be_taken_is_one_line_and_nothing_half(store, text, word, code):
    assert word in one_line(store.create("sees", text), code)
    assert store.names() == [] and store.leftovers() == []


def test_both_files_are_sent_over_http(serve, store):
    server = serve(models=store.root)
    client = ollama.Client(host=server.url, timeout=120 * weir_server.PATIENCE, trust_env=False)
    files = {name: client.create_blob(store.home / name) for name in ("projector.gguf", "stories.gguf")}
    made = client.create(model="sees", files=files, template="{% for m in messages %}{{ m.content }}{% endfor %}")
    assert made.status == "success"
    assert said(look(server.url, RED)) != said(look(server.url, BLUE))


def test_a_pull_brings_the_projector_along_where_engines_compute_it(store, hub, tiny):
    hub.add_tag("library/sees:1", tiny["stories"], projector=tiny["projector"])
    hub.add_repository("me/sees", {"m-Q8_0.gguf": tiny["stories"], "mmproj-m-f16.gguf": tiny["projector"]})
    hub.add_tag("library/odd:1", tiny["stories"], projector=tiny["odd-projector"])
    for reference, name in (("ollama:sees:1", "sees:1"), ("hf:me/sees", "sees:q8_0")):
        done = store("pull", reference)
        assert done.returncode == 0, done.stderr
        assert shown(store, name)["projector"]["sha256"] == sha256(tiny["projector"])
    done = store("pull", "ollama:odd:1")
    assert done.returncode == 0 and "without images" in done.stderr, done.stderr
    assert shown(store, "odd:1")["projector"] is None and store.blobs() == {sha256(tiny["stories"]), sha256(tiny["projector"])}


def test_it_is_served_as_llama_server_takes_it(serve, store):
    server = serve("-m", store.home / "stories.gguf", "--mmproj", store.home / "projector.gguf", "-a", "sees")
    assert said(look(server.url, RED)) != said(look(server.url, BLUE))
