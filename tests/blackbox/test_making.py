"""weir create, outdated, update, split models, and models that lie in other programs' folders."""

import json
import struct

import pytest

import weir_server
from hub import Hub, gguf, sha256
from own_store import Store, one_line, place
from talk import http_client

OLD, NEW = gguf(100_000, seed=1), gguf(120_000, seed=2)


@pytest.fixture
def hub():
    with Hub() as running:
        running.add_repository("me/tiny-GGUF", {"tiny-Q4_0.gguf": OLD})
        running.files["tiny.gguf"] = OLD
        yield running


@pytest.fixture
def store(tmp_path, hub):
    return Store(tmp_path, hub)


def manifest(store, name):
    return json.loads((store.root / "manifests" / name.replace(":", "/")).with_suffix(".json").read_text())


def test_a_modelfile_makes_a_model_that_shares_the_bytes(store):
    store("pull", "hf:me/tiny-GGUF")
    done = store.create("brief", 'FROM tiny:q4_0\nPARAMETER temperature 0.2\nPARAMETER stop "END"\n'
                                  'SYSTEM """Be\nbrief."""\nMESSAGE user hi\nMESSAGE assistant hello\nLICENSE MIT\n')
    assert done.returncode == 0, done.stderr
    made = manifest(store, "brief:latest")
    assert made["parameters"] == {"temperature": 0.2, "stop": ["END"]}
    assert made["system"] == "Be\nbrief." and made["licence_text"] == "MIT"
    assert made["messages"] == [{"role": "user", "content": "hi"}, {"role": "assistant", "content": "hello"}]
    assert len(list((store.root / "blobs").iterdir())) == 1


def test_a_modelfile_from_a_file_beside_it(store):
    (store.home / "my.gguf").write_bytes(OLD)
    assert store.create("mine:1", "FROM ./my.gguf\nPARAMETER num_gpu 1\n").returncode == 0
    assert store.content("mine:1") == OLD


def test_a_modelfile_from_a_repository_pulls_it(store):
    assert store.create("mine:1", "FROM hf:me/tiny-GGUF:Q4_0\nSYSTEM x\n").returncode == 0
    assert store.names() == ["mine:1"] and manifest(store, "mine:1")["system"] == "x"


@pytest.mark.parametrize("text, word, code", [
    ("FROM tiny:q4_0\nTEMPLATE {{ .Prompt }}\n", "Go's dialect", 1),
    ("FROM tiny:q4_0\nADAPTER\n", "line 2: a value is missing", 1),
    ("FROM tiny:q4_0\nPARAMETER heat 3\n", "line 2", 1),
    ("SYSTEM x\n", "FROM", 1),
    ("FROM nowhere:1\n", "nowhere", 3),
    ("FROM ./missing.gguf\n", "cannot open the file", 3),
])
def test_a_modelfile_that_cannot_be_carried_says_why(store, text, word, code):
    store("pull", "hf:me/tiny-GGUF")
    assert word in one_line(store.create("x", text), code)
    assert store.names() == ["tiny:q4_0"]


def test_a_modelfile_that_is_not_there(store):
    assert one_line(store("create", "x", "-f", "nowhere"), 3)


def test_outdated_says_what_changed_and_update_can_be_taken_back(store, hub):
    store("pull", "hf:me/tiny-GGUF:tiny-Q4_0.gguf")
    store("pull", f"{hub.url}/files/tiny.gguf")
    states = {m["name"]: m["state"] for m in json.loads(store("outdated", "--json").stdout)}
    assert states == {"tiny:q4_0": "current", "tiny:latest": "current"}
    hub.add_repository("me/tiny-GGUF", {"tiny-Q4_0.gguf": NEW})
    hub.files["tiny.gguf"] = NEW
    hub.commit, hub.licence = "f" * 40, "mit"
    for model in json.loads(store("outdated", "--json").stdout):
        assert model["state"] == "outdated" and "size" in model["what"], model
        if model["name"] == "tiny:q4_0":
            assert "licence apache-2.0 -> mit" in model["what"] and "revision" in model["what"]
    done = store("update", "--untried")
    assert done.returncode == 0, done.stderr
    assert store.content("tiny:q4_0") == NEW and store.content("tiny:latest") == NEW
    assert store("update", "--rollback", "tiny:q4_0").returncode == 0
    assert store.content("tiny:q4_0") == OLD and store.content("tiny:latest") == NEW
    assert store("update", "--rollback", "tiny:q4_0").returncode == 0
    assert store.content("tiny:q4_0") == NEW
    assert "is current" in store("update", "tiny:q4_0").stdout


def test_an_update_that_does_not_answer_is_taken_back(store, hub):
    """These weights pass the inspector, but no engine can compute with them."""
    store("pull", "hf:me/tiny-GGUF:tiny-Q4_0.gguf")
    hub.add_repository("me/tiny-GGUF", {"tiny-Q4_0.gguf": NEW})
    hub.commit = "e" * 40
    done = store("update", "tiny:q4_0")
    assert done.returncode == 1 and "the old one is back" in done.stderr, done.stderr
    assert store.content("tiny:q4_0") == OLD


def test_update_of_a_source_that_is_gone_changes_nothing(store, hub):
    store("pull", "hf:me/tiny-GGUF:tiny-Q4_0.gguf")
    hub.repositories.clear()
    done = store("update")
    assert done.returncode == 1 and "no such" in done.stderr
    assert store.content("tiny:q4_0") == OLD
    assert one_line(store("update", "--rollback", "tiny:q4_0"), 3)


def split(data, first_tensors):
    """A model as llama.cpp's gguf-split would leave it, in two files."""
    position = 4 + 4

    def take(form):
        nonlocal position
        values = struct.unpack_from("<" + form, data, position)
        position += struct.calcsize("<" + form)
        return values

    def text():
        nonlocal position
        (length,) = take("Q")
        position += length

    def skip(kind):
        nonlocal position
        if kind == 8:
            text()
        elif kind == 9:
            inner, count = take("IQ")
            for _ in range(count):
                skip(inner)
        else:
            position += {0: 1, 1: 1, 2: 2, 3: 2, 4: 4, 5: 4, 6: 4, 7: 1, 10: 8, 11: 8, 12: 8}[kind]

    tensors, pairs = take("QQ")
    start = position
    for _ in range(pairs):
        text()
        skip(take("I")[0])
    metadata = data[start:position]
    entries = []
    for _ in range(tensors):
        begin = position
        text()
        (dimensions,) = take("I")
        shape = take(f"{dimensions}Q")
        take("I")
        head = data[begin:position]
        (offset,) = take("Q")
        size = 4
        for length in shape:
            size *= length
        entries.append((head, offset, size))
    base = -(-position // 32) * 32

    def marks(number):
        out = b""
        for key, value in (("split.no", number), ("split.count", 2), ("split.tensors.count", tensors)):
            out += struct.pack("<Q", len(key)) + key.encode() + struct.pack("<IH", 2, value)
        return out

    def part(number, kept, some):
        infos, body = b"", b""
        for head, offset, size in some:
            infos += head + struct.pack("<Q", len(body))
            body += data[base + offset:base + offset + size] + bytes(-size % 32)
        head = b"GGUF" + struct.pack("<IQQ", 3, len(some), (pairs if kept else 0) + 3) + kept + marks(number) + infos
        return head + bytes(-len(head) % 32) + body

    return part(0, metadata, entries[:first_tensors]), part(1, b"", entries[first_tensors:])


def test_a_split_model_is_joined(store, hub):
    first, second = split(NEW, 1)
    hub.add_repository("me/parts-GGUF", {"big-Q4_0-00001-of-00002.gguf": first,
                                         "big-Q4_0-00002-of-00002.gguf": second})
    done = store("pull", "hf:me/parts-GGUF:Q4_0")
    assert done.returncode == 0, done.stderr
    assert store.names() == ["parts:q4_0"]
    assert store.content("parts:q4_0") == NEW and store.leftovers() == []
    before = len(hub.seen)
    assert "is there" in store("pull", "hf:me/parts-GGUF:Q4_0").stdout
    assert not any("/resolve/" in path for path, *_ in hub.seen[before:])
    hub.repositories["me/parts-GGUF"].pop()
    assert "parts" in one_line(store("pull", "hf:me/parts-GGUF:Q4_0", "--name", "x:y"), 1)


def test_models_of_other_programs_are_found_and_used(store):
    digest = sha256(OLD)
    ollama = store.home / ".ollama" / "models"
    (ollama / "blobs").mkdir(parents=True)
    (ollama / "blobs" / f"sha256-{digest}").write_bytes(OLD)
    tag = ollama / "manifests" / "registry.ollama.ai" / "library" / "theirs" / "1b"
    tag.parent.mkdir(parents=True)
    tag.write_text(json.dumps({"layers": [{"mediaType": "application/vnd.ollama.image.model",
                                           "digest": f"sha256:{digest}", "size": len(OLD)}]}))
    studio = store.home / ".lmstudio" / "models" / "me" / "Other-GGUF"
    studio.mkdir(parents=True)
    (studio / "Other-Q8_0.gguf").write_bytes(NEW)
    listed = {model["name"]: model["source"] for model in json.loads(store("list", "--json").stdout)}
    assert listed == {"theirs:1b": "found:ollama:theirs:1b", "other:q8_0": "found:lmstudio"}
    assert json.loads(store("show", "theirs:1b", "--json").stdout)["sha256"] == digest
    assert not (store.root / "blobs").exists(), "nothing was copied"
    assert one_line(store("rm", "theirs:1b"), 3)
    assert store.create("mine:1", "FROM theirs:1b\nSYSTEM x\n").returncode == 0
    assert store.content("mine:1") == OLD


def test_a_found_model_answers(small, serve, tmp_path):
    source = weir_server.model_store()
    digest = json.loads((source / "manifests" / small.replace(":", "/")).with_suffix(".json").read_text())["model"]["sha256"]
    home = tmp_path / "weir0"
    studio = home / ".lmstudio" / "models" / "me" / "r"
    studio.mkdir(parents=True)
    place(source / "blobs" / f"sha256-{digest}", studio / "Theirs-Q4_1.gguf")
    server = serve(models=tmp_path / "none")
    with http_client(server) as http:
        answer = http.post("/v1/completions", json={"model": "theirs:q4_1", "prompt": "Hello", "max_tokens": 2})
        assert answer.status_code == 200, answer.text


def test_what_a_model_brings_is_honoured(small, serve, tmp_path):
    source = weir_server.model_store()
    models = tmp_path / "models"
    made = json.loads((source / "manifests" / small.replace(":", "/")).with_suffix(".json").read_text())
    digest = made["model"]["sha256"]
    (models / "blobs").mkdir(parents=True)
    place(source / "blobs" / f"sha256-{digest}", models / "blobs" / f"sha256-{digest}")

    def put(name, **words):
        path = models / "manifests" / name / "latest.json"
        path.parent.mkdir(parents=True)
        path.write_text(json.dumps(made | {"name": f"{name}:latest"} | words))

    put("plain")
    put("mine", parameters={"num_predict": 3, "temperature": 0, "num_ctx": 512}, system="You only speak of rivers.")
    server = serve(models=models)
    with http_client(server) as http:
        def tokens(name, **more):
            body = {"model": name, "messages": [{"role": "user", "content": "Hello"}]} | more
            answer = http.post("/v1/chat/completions", json=body)
            assert answer.status_code == 200, answer.text
            return answer.json()["usage"]

        plain, mine = tokens("plain", max_tokens=8), tokens("mine")
        assert mine["completion_tokens"] == 3
        assert mine["prompt_tokens"] != plain["prompt_tokens"], "the system prompt is there"
        assert tokens("mine", max_tokens=5)["completion_tokens"] == 5
        own = [{"role": "system", "content": "Hi."}, {"role": "user", "content": "Hello"}]
        assert tokens("mine", messages=own)["prompt_tokens"] == tokens("plain", messages=own, max_tokens=1)["prompt_tokens"]
        loaded = {engine["model"]: engine for engine in http.get("/weir/v1/models").json()["data"]}
        assert loaded["mine:latest"]["context_tokens"] == 512
