"""LoRA adapters on top of a model: made by a Modelfile, over HTTP, pulled from a registry. What they change is held against
tiny-merged.gguf, the model whose weights have the same adapter in them.
"""

import json

import httpx
import ollama
import pytest

import tiny_models
import weir_server
from hub import Hub, gguf, sha256
from own_store import Store, one_line

PROMPT = {"prompt": "Once upon a time", "temperature": 0, "max_tokens": 24}


@pytest.fixture(scope="module")
def tiny(stories, tmp_path_factory):
    """stories260K, an adapter for it, and the two in one."""
    folder = tmp_path_factory.mktemp("tiny")
    tiny_models.write_all(folder, stories)
    return {"stories": stories.read_bytes(), "lora": (folder / "tiny-lora.gguf").read_bytes(),
            "merged": (folder / "tiny-merged.gguf").read_bytes()}


@pytest.fixture
def hub(tiny):
    with Hub() as running:
        running.add_tag("library/told:1", tiny["stories"], adapter=tiny["lora"], system=b"You are small.")
        yield running


@pytest.fixture
def store(tmp_path, hub, tiny):
    own = Store(tmp_path / "own", hub)
    own.home.mkdir()
    for name, content in tiny.items():
        (own.home / f"{name}.gguf").write_bytes(content)
    for name in ("stories", "merged"):
        assert own("pull", f"file:{name}.gguf", "--name", f"{name}:1").returncode == 0
    return own


@pytest.fixture
def server(serve, store, hub):
    return serve(models=store.root, environment={"OLLAMA_REGISTRY": hub.url, "WEIR_CACHE": str(store.home / "cache")})


def says(server, model):
    answer = httpx.post(f"{server.url}/v1/completions", json=PROMPT | {"model": model}, trust_env=False,
                        timeout=60 * weir_server.PATIENCE)
    assert answer.status_code == 200, answer.text
    return answer.json()["choices"][0]["text"]


def test_a_modelfile_puts_an_adapter_on_a_model(store, serve, tiny):
    done = store.create("told", "FROM stories:1\nADAPTER ./lora.gguf\n")
    assert done.returncode == 0, done.stderr
    server = serve(models=store.root)
    told = says(server, "told")
    assert told == says(server, "merged:1") != says(server, "stories:1")

    shown = json.loads(store("show", "told", "--json").stdout)
    adapter = {"sha256": sha256(tiny["lora"]), "size": len(tiny["lora"])}
    assert shown["adapters"] == [adapter] and shown["sha256"] == sha256(tiny["stories"])
    assert f"LoRA, sha256 {adapter['sha256']}" in store("show", "told").stdout
    assert json.loads(store("show", "stories:1", "--json").stdout)["adapters"] == []

    # A copy, and a model made of it, have it too; it goes with the last of them.
    assert store("cp", "told", "copied").returncode == 0
    assert store.create("polite", "FROM told\nSYSTEM Be polite.\n").returncode == 0
    for name in ("told", "copied"):
        assert store("rm", name, "--force").returncode == 0
        assert adapter["sha256"] in store.blobs()
    assert says(serve(models=store.root), "polite") == told
    assert store("rm", "polite", "--force").returncode == 0
    assert store.blobs() == {sha256(tiny["stories"]), sha256(tiny["merged"])}


def test_adapters_add_up(store, serve):
    """The second one on top of the first, as a model made of a model has them."""
    assert store.create("once", "FROM stories:1\nADAPTER lora.gguf\n").returncode == 0
    assert store.create("twice", "FROM once\nADAPTER lora.gguf\n").returncode == 0
    assert store.create("merged-once", "FROM merged:1\nADAPTER lora.gguf\n").returncode == 0
    server = serve(models=store.root)
    assert says(server, "twice") == says(server, "merged-once") != says(server, "once")


def test_a_quantisation_keeps_the_adapter(store, tiny):
    assert store.create("told", "FROM stories:1\nADAPTER lora.gguf\n").returncode == 0
    done = store("quantize", "told", "Q8_0", "--name", "told:q8")
    assert done.returncode == 0, done.stderr
    shown = json.loads(store("show", "told:q8", "--json").stdout)
    assert [adapter["sha256"] for adapter in shown["adapters"]] == [sha256(tiny["lora"])]
    assert shown["sha256"] != sha256(tiny["stories"])


@pytest.mark.parametrize("text, word, code", [
    ("FROM stories:1\nADAPTER ./nowhere.gguf\n", "cannot open the file", 3),
    ("FROM stories:1\nADAPTER ./merged.gguf\n", "it is no adapter", 1),
    ("FROM stories:1\nADAPTER ./broken.gguf\n", "refused", 1),
    ("FROM stories:1\nADAPTER ./words.txt\n", "not in GGUF format", 1),
    ("FROM other:1\nADAPTER ./lora.gguf\n", "made for another model", 1),
    ("FROM ./other.gguf\nADAPTER ./lora.gguf\n", "made for another model", 1),
    ("FROM stories:1\n" + 5 * "ADAPTER ./lora.gguf\n", "line 6: a model takes at most 4 adapters", 1),
])
def test_an_adapter_that_cannot_be_taken_is_one_line_and_nothing_half(store, tiny, text, word, code):
    (store.home / "broken.gguf").write_bytes(tiny["lora"][:-100])
    (store.home / "words.txt").write_text("words " * 100)
    (store.home / "other.gguf").write_bytes(gguf(100_000, seed=1))
    assert store("pull", "file:other.gguf", "--name", "other:1").returncode == 0
    before = store.names()
    assert word in one_line(store.create("told", text), code)
    assert store.names() == before and store.leftovers() == []


def test_an_adapter_is_sent_over_http(server, store, tiny):
    client = ollama.Client(host=server.url, timeout=120 * weir_server.PATIENCE, trust_env=False)
    digest = client.create_blob(store.home / "lora.gguf")
    assert client.create(model="told", from_="stories:1", adapters={"lora.gguf": digest}).status == "success"
    assert says(server, "told") == says(server, "merged:1")
    # As a file of its own it is no model.
    with pytest.raises(ollama.ResponseError) as raised:
        client.create(model="lora", files={"lora.gguf": digest})
    assert raised.value.status_code == 422 and "adapter" in raised.value.error
    # And a model is no adapter.
    with pytest.raises(ollama.ResponseError) as raised:
        client.create(model="wrong", from_="stories:1", adapters={"a.gguf": "sha256:" + sha256(tiny["merged"])})
    assert raised.value.status_code == 422 and "it is a model" in raised.value.error
    missing = httpx.post(f"{server.url}/api/create", trust_env=False,
                         json={"model": "wrong", "from": "stories:1", "adapters": {"a.gguf": "sha256:" + 64 * "0"}})
    assert missing.status_code == 404, missing.text


def test_a_registry_brings_its_adapters(serve, store, tiny):
    done = store("pull", "ollama:told:1")
    assert done.returncode == 0, done.stderr
    shown = json.loads(store("show", "told:1", "--json").stdout)
    assert [adapter["sha256"] for adapter in shown["adapters"]] == [sha256(tiny["lora"])]
    server = serve(models=store.root)
    assert says(server, "told:1") == says(server, "merged:1")
    assert "is there" in store("pull", "ollama:told:1").stdout


def test_a_registry_whose_adapter_is_for_another_model_is_refused(store, hub, tiny):
    hub.add_tag("library/odd:1", gguf(100_000, seed=3), adapter=tiny["lora"])
    assert "made for another model" in one_line(store("pull", "ollama:odd:1"), 1)
    assert "odd:1" not in store.names() and store.leftovers() == []


def test_an_adapter_that_is_gone_is_told_and_doctor_finds_a_changed_one(store, serve, tiny):
    assert store.create("told", "FROM stories:1\nADAPTER lora.gguf\n").returncode == 0
    blob = store.root / "blobs" / f"sha256-{sha256(tiny['lora'])}"
    blob.chmod(0o644)
    blob.write_bytes(tiny["lora"][:-1] + b"\x01")
    found = store("doctor", "--hashes").stdout
    assert "told:latest" in found and "its bytes have changed" in found, found
    blob.unlink()
    server = serve(models=store.root)
    answer = httpx.post(f"{server.url}/v1/completions", json=PROMPT | {"model": "told"}, trust_env=False, timeout=60)
    assert answer.status_code == 503 and "an adapter of told:latest is missing" in answer.json()["error"]["message"]
    assert says(server, "stories:1")


def test_quality_is_of_the_model_below(store):
    assert store.create("told", "FROM stories:1\nADAPTER lora.gguf\n").returncode == 0
    assert "has adapters" in one_line(store("bench", "--quality", "told"), 1)
