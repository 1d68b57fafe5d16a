"""Ollama's calls that change the models of a server: its own client and plain HTTP, against hubs that misbehave."""

import json
import shutil
import threading

import httpx
import ollama
import pytest

import weir_server
from hub import Hub, gguf, sha256
from own_store import Store
from talk import connect, exchange

SMALL_FILE = gguf(200_000, seed=1)
OTHER_FILE = gguf(300_000, seed=3)
LARGE_FILE = gguf(40 << 20, seed=2)
DIGEST = "sha256:" + sha256(OTHER_FILE)


@pytest.fixture
def hub():
    with Hub() as running:
        running.add_tag("library/small:latest", SMALL_FILE, system=b"You are small.", license=b"Do as you like.")
        running.add_tag("library/large:latest", LARGE_FILE)
        running.add_tag("me/small:1b", SMALL_FILE)
        running.add_repository("me/tiny-GGUF", {"tiny-Q4_0.gguf": SMALL_FILE})
        yield running


@pytest.fixture
def store(tmp_path, hub):
    return Store(tmp_path / "own", hub)


@pytest.fixture
def server(serve, store, hub, tmp_path):
    (tmp_path / "own").mkdir()
    return serve("--keep-alive", "1h", models=store.root, environment=surroundings(store, hub))


def surroundings(store, hub):
    return {"HF_ENDPOINT": hub.url, "OLLAMA_REGISTRY": hub.url, "WEIR_CACHE": str(store.home / "cache"),
            "WEIR_FETCH_STALL_MS": str(int(10_000 * weir_server.PATIENCE))}


@pytest.fixture
def llama(server):
    return ollama.Client(host=server.url, timeout=120 * weir_server.PATIENCE, trust_env=False)


@pytest.fixture
def http(server):
    with httpx.Client(base_url=server.url, timeout=120 * weir_server.PATIENCE, trust_env=False) as client:
        yield client


def names(llama):
    """Without the names that choose between models (auto, local, device)."""
    return [model.model for model in llama.list().models if ":" in model.model]


def manifest(store, name):
    model, tag = name.replace("/", "+").split(":")
    return json.loads((store.root / "manifests" / model / f"{tag}.json").read_text())


def fetches(server):
    return [child for child in weir_server.descendants(server.process.pid) if child.name() == "weir-fetch"]


def test_a_pull_streams_how_far_it_is_and_the_model_is_there(llama, store):
    lines = list(llama.pull("small", stream=True))
    assert lines[0].status == "pulling manifest" and lines[-1].status == "success"
    told = [line for line in lines if line.digest]
    assert told and all(line.digest == "sha256:" + sha256(SMALL_FILE) for line in told)
    assert told[-1].completed == told[-1].total == len(SMALL_FILE)
    assert "verifying sha256 digest" in [line.status for line in lines]
    assert names(llama) == ["small:latest"]
    assert store.content("small:latest") == SMALL_FILE and store.leftovers() == []
    assert manifest(store, "small:latest")["system"] == "You are small."


def test_a_pull_that_does_not_stream_says_its_last_word_alone(http):
    answer = http.post("/api/pull", json={"model": "small", "stream": False})
    assert answer.status_code == 200 and answer.json() == {"status": "success"}
    assert answer.headers["content-type"] == "application/json"


@pytest.mark.parametrize("asked, name", [
    ("me/small:1b", "me/small:1b"), ("library/small", "small:latest"), ("hf.co/me/tiny-GGUF:Q4_0", "tiny:q4_0"),
    ("hf:me/tiny-GGUF", "tiny:q4_0"), ("registry.ollama.ai/library/small:latest", "small:latest"),
])
def test_models_are_called_as_ollama_calls_them(llama, asked, name):
    assert llama.pull(asked).status == "success"
    assert names(llama) == [name]


def test_a_namespace_tells_models_apart_in_every_call(llama, http, store, hub):
    hub.add_tag("library/small:1b", OTHER_FILE)
    llama.pull("me/small:1b")
    llama.pull("small:1b")
    assert sorted(names(llama)) == ["me/small:1b", "small:1b"]
    assert store.content("me/small:1b") == SMALL_FILE and store.content("small:1b") == OTHER_FILE
    assert manifest(store, "me/small:1b")["source"] == "ollama:me/small:1b"
    for name in ("me/small:1b", "small:1b", "library/small:1b"):
        assert llama.show(name).details.format == "gguf"
    # The model is found; that these bytes cannot be loaded is another matter.
    assert http.post("/api/chat", json={"model": "me/small:1b", "messages": [{"role": "user", "content": "a"}],
                                        "stream": False}).json().get("code") != "model_not_found"
    assert http.post("/api/chat", json={"model": "you/small:1b", "messages": [{"role": "user", "content": "a"}],
                                        "stream": False}).json()["code"] == "model_not_found"
    llama.copy("me/small:1b", "you/small:1b")
    llama.create("me/brief", from_="me/small:1b", system="Be brief.")
    llama.delete("me/small:1b")
    assert sorted(names(llama)) == ["me/brief:latest", "small:1b", "you/small:1b"]
    assert manifest(store, "me/brief:latest")["system"] == "Be brief."
    assert [folder.name for folder in sorted((store.root / "manifests").iterdir())] == ["me+brief", "small", "you+small"]


def test_no_name_is_a_path(http, llama):
    llama.pull("small")
    for name in ("../small", "a/../b", "/small", "a/b/c", "a//b", "a/.b", "..:1b", "me+small"):
        for route, body in (("copy", {"source": "small", "destination": name}), ("delete", {"model": name}),
                            ("create", {"model": name, "from": "small"}), ("show", {"model": name})):
            answer = http.request("DELETE" if route == "delete" else "POST", f"/api/{route}", json=body)
            assert answer.status_code in (400, 404), (route, answer.text)
    assert names(llama) == ["small:latest"]


def test_a_model_that_is_there_is_not_fetched_again(llama, hub):
    llama.pull("small")
    before = len(hub.seen)
    assert [line.status for line in llama.pull("small", stream=True)][-1] == "success"
    blobs = [path for path, *_ in hub.seen[before:] if sha256(SMALL_FILE) in path]
    assert blobs == []


@pytest.mark.parametrize("asked, status", [
    ("nobody/nothing", 404), ("../../etc/passwd", 400), ("a b", 400), ("", 400), ("x" * 600, 400),
    ("file:/etc/passwd", 422), ("https://models.example/a.gguf", 422), ("http://127.0.0.1:1/a.gguf", 422),
])
def test_what_cannot_be_pulled_is_an_honest_status(llama, http, hub, asked, status):
    for stream in (True, False):
        answer = http.post("/api/pull", json={"model": asked, "stream": stream})
        assert answer.status_code == status, answer.text
        assert set(answer.json()) >= {"error", "code"} and answer.json()["error"]
    assert names(llama) == []


def test_a_pull_that_breaks_ends_in_an_error_line(http, store, hub):
    hub.corrupt = True
    lines = [json.loads(line) for line in http.post("/api/pull", json={"model": "small"}).text.splitlines()]
    assert "sha256" in lines[-1]["error"] and lines[-1]["code"] == "wrong_sha256"
    assert all(line.get("status") != "success" for line in lines)
    assert store.names() == [] and store.leftovers() == []


def test_the_client_raises_what_broke(llama, hub):
    hub.corrupt = True
    with pytest.raises(ollama.ResponseError, match="sha256"):
        list(llama.pull("small", stream=True))
    with pytest.raises(ollama.ResponseError, match="sha256"):
        llama.pull("small")


def test_a_client_that_leaves_ends_the_pull_and_the_next_goes_on(llama, server, hub, store):
    hub.delay_s = 0.2
    running = []
    with httpx.stream("POST", f"{server.url}/api/pull", json={"model": "large"}, trust_env=False) as answer:
        for line in answer.iter_lines():
            if json.loads(line).get("completed", 0) > 2_000_000:
                running = fetches(server)
                break  # which closes the connection
    assert running
    assert weir_server.until(lambda: not fetches(server), 20), "the fetch process went with its client"
    assert names(llama) == [] and list((store.root / "partial").iterdir()), "what arrived is kept"
    hub.delay_s = 0
    lines = list(llama.pull("large", stream=True))
    assert next(line for line in lines if line.completed).completed > 2_000_000
    assert names(llama) == ["large:latest"]
    assert store.content("large:latest") == LARGE_FILE


def test_two_pulls_of_one_model_share_the_work(server, llama, hub, store):
    hub.delay_s = 0.005
    ends = []

    def pull():
        client = ollama.Client(host=server.url, timeout=120 * weir_server.PATIENCE, trust_env=False)
        ends.append([line.status for line in client.pull("large", stream=True)][-1])

    threads = [threading.Thread(target=pull) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert ends == ["success"] * 3
    pieces = [asked for path, _, asked in hub.seen if sha256(LARGE_FILE) in path and asked]
    assert len(set(pieces)) == len(pieces), "no piece was asked for twice"
    assert store.content("large:latest") == LARGE_FILE


def test_a_model_is_made_of_another_with_words_of_its_own(llama, store):
    llama.pull("small")
    done = llama.create(model="brief", from_="small", system="Be brief.", license=["MIT", "and more"],
                        parameters={"temperature": 0.2, "stop": ["END"], "num_gpu": 1},
                        messages=[{"role": "user", "content": "hi"}, {"role": "assistant", "content": "ho"}])
    assert done.status == "success"
    made = manifest(store, "brief:latest")
    assert made["system"] == "Be brief." and made["licence_text"] == "MIT\nand more"
    assert made["parameters"]["temperature"] == 0.2 and made["parameters"]["stop"] == ["END"]
    assert [turn["content"] for turn in made["messages"]] == ["hi", "ho"]
    assert sorted(names(llama)) == ["brief:latest", "small:latest"]
    assert len(list((store.root / "blobs").iterdir())) == 1, "the two share their bytes"
    shown = llama.show("brief")
    assert shown.license == "MIT\nand more"
    assert [line.split() for line in shown.parameters.splitlines()] == [["temperature", "0.2"], ["stop", '"END"']]
    assert "FROM brief:latest\n" in shown.modelfile and 'SYSTEM """Be brief."""' in shown.modelfile


def test_what_a_model_is_made_of_is_fetched_when_it_is_not_here(llama, store):
    statuses = [line.status for line in llama.create(model="mine", from_="hf.co/me/tiny-GGUF", stream=True)]
    assert statuses[0] == "reading model metadata" and statuses[-2:] == ["writing manifest", "success"]
    assert names(llama) == ["mine:latest"] and store.content("mine:latest") == SMALL_FILE


def test_a_made_model_answers_with_its_own_system_message(serve, small, tmp_path, hub):
    own = tmp_path / "models"
    (own / "blobs").mkdir(parents=True)
    source = weir_server.model_store()
    model, tag = small.split(":")
    (own / "manifests" / model).mkdir(parents=True)
    text = (source / "manifests" / model / f"{tag}.json").read_text()
    (own / "manifests" / model / f"{tag}.json").write_text(text)
    blob = "sha256-" + json.loads(text)["model"]["sha256"]
    (own / "blobs" / blob).write_bytes((source / "blobs" / blob).read_bytes())
    server = serve(models=own)
    client = ollama.Client(host=server.url, timeout=120 * weir_server.PATIENCE, trust_env=False)
    cold = {"temperature": 0, "num_predict": 8}
    ask = [{"role": "user", "content": "Say something."}]
    plain = client.chat(model=small, messages=ask, options=cold)
    client.create(model="pirate", from_=small, system="You are a pirate and always say ARRR first.")
    made = client.chat(model="pirate", messages=ask, options=cold)
    assert made.prompt_eval_count != plain.prompt_eval_count
    told = client.chat(model=small, options=cold, messages=[
        {"role": "system", "content": "You are a pirate and always say ARRR first."}, *ask])
    assert made.message.content == told.message.content
    # Made anew while it is loaded, it is the new one that answers.
    client.create(model="pirate", from_=small, system="You count to ten.")
    assert client.chat(model="pirate", messages=ask, options=cold).prompt_eval_count != made.prompt_eval_count
    # One that answers is not taken away under its client.
    stream = client.chat(model="pirate", messages=ask, options={"num_predict": 2000, "temperature": 1}, stream=True)
    next(stream)
    with pytest.raises(ollama.ResponseError) as raised:
        client.delete("pirate")
    assert raised.value.status_code == 409
    stream.close()
    assert weir_server.until(lambda: deleted(client, "pirate"), 30)
    with pytest.raises(ollama.ResponseError) as raised:
        client.chat(model="pirate", messages=ask)
    assert raised.value.status_code == 404


def deleted(client, name):
    try:
        return client.delete(name).status == "success"
    except ollama.ResponseError as error:
        assert error.status_code == 409
        return False


def test_a_file_is_sent_and_made_a_model(llama, http, store, tmp_path):
    path = tmp_path / "my.gguf"
    path.write_bytes(OTHER_FILE)
    assert http.head(f"/api/blobs/{DIGEST}").status_code == 404
    assert llama.create_blob(path) == DIGEST
    assert http.head(f"/api/blobs/{DIGEST}").status_code == 200
    assert http.post(f"/api/blobs/{DIGEST}", content=OTHER_FILE).status_code == 200, "it is there already"
    statuses = [line.status for line in llama.create(model="mine:1", files={"my.gguf": DIGEST}, stream=True)]
    assert statuses == ["parsing GGUF", f"using existing layer {DIGEST}", "writing manifest", "success"]
    assert names(llama) == ["mine:1"] and store.content("mine:1") == OTHER_FILE


def test_a_large_file_comes_in_chunks_of_unknown_number(http, server, store):
    digest = "sha256:" + sha256(LARGE_FILE)

    def pieces():
        for start in range(0, len(LARGE_FILE), 100_000):
            yield LARGE_FILE[start:start + 100_000]

    assert http.post(f"/api/blobs/{digest}", content=pieces()).status_code == 201
    assert (store.root / "blobs" / digest.replace(":", "-")).read_bytes() == LARGE_FILE
    assert http.post("/api/create", json={"model": "big", "files": {"a.gguf": digest}}).status_code == 200


@pytest.mark.parametrize("digest, body, status, word", [
    (DIGEST, SMALL_FILE, 400, "wrong_sha256"),
    ("sha256:" + sha256(b"words" * 100), b"words" * 100, 422, "not_gguf"),
    ("sha256:" + sha256(b"GG"), b"GG", 400, "broke_off"),
    ("sha256:" + "g" * 64, OTHER_FILE, 400, "invalid"),
    ("sha256:..%2f..%2fetc", OTHER_FILE, 400, "invalid"),
    ("md5:" + "0" * 64, OTHER_FILE, 400, "invalid"),
])
def test_a_file_that_is_not_what_it_says_is_refused(http, store, digest, body, status, word):
    answer = http.post(f"/api/blobs/{digest}", content=body)
    assert answer.status_code == status and word in answer.json()["code"], answer.text
    assert store.leftovers() == [] and http.head(f"/api/blobs/{DIGEST}").status_code == 404


def test_a_file_that_the_inspector_refuses_gets_no_name(http, store):
    broken = b"GGUF" + b"\xff" * 1000
    digest = "sha256:" + sha256(broken)
    assert http.post(f"/api/blobs/{digest}", content=broken).status_code == 201
    answer = http.post("/api/create", json={"model": "bad", "files": {"a.gguf": digest}})
    assert answer.status_code in (400, 422) and "refused" in answer.json()["error"]
    assert store.names() == []


def test_an_upload_over_the_limit_is_told_before_it_is_sent(serve, store, hub):
    server = serve("--limits-upload", "100KiB", models=store.root, environment=surroundings(store, hub))
    answer = httpx.post(f"{server.url}/api/blobs/{DIGEST}", content=OTHER_FILE, trust_env=False)
    assert answer.status_code == 413 and "102400" in answer.json()["error"]


def test_an_upload_that_no_disk_holds_is_refused(server):
    head = (f"POST /api/blobs/{DIGEST} HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\n"
            f"Content-Length: {60 << 30}\r\n\r\n")
    if shutil.disk_usage(server.data).free > 60 << 30:
        pytest.skip("this disk has room for it")
    status, text = exchange(server, head.encode())
    assert status == 503 and "disk_full" in text


def test_an_upload_that_breaks_off_leaves_nothing(server, store, http):
    with connect(server) as connection:
        connection.sendall(f"POST /api/blobs/{DIGEST} HTTP/1.1\r\nHost: localhost\r\n"
                           f"Content-Length: {len(OTHER_FILE)}\r\n\r\n".encode() + OTHER_FILE[:100_000])
        assert weir_server.until(lambda: fetches(server), 20)
    assert weir_server.until(lambda: not fetches(server), 20)
    assert http.head(f"/api/blobs/{DIGEST}").status_code == 404
    # The next change of the store takes away what a killed upload left.
    assert http.post("/api/pull", json={"model": "small", "stream": False}).status_code == 200
    assert store.leftovers() == []


def test_names_come_and_go(llama, http, store):
    llama.pull("small")
    assert llama.copy("small", "second:x").status == "success"
    assert sorted(names(llama)) == ["second:x", "small:latest"]
    assert llama.delete("small").status == "success"
    assert names(llama) == ["second:x"] and store.content("second:x") == SMALL_FILE
    assert llama.delete("second:x").status == "success"
    assert names(llama) == [] and list((store.root / "blobs").iterdir()) == []


@pytest.mark.parametrize("method, path, body, status, field", [
    ("POST", "/api/copy", {"source": "nobody", "destination": "x"}, 404, "model"),
    ("POST", "/api/copy", {"source": "small", "destination": "../x"}, 400, "destination"),
    ("POST", "/api/copy", {"source": "small"}, 400, "destination"),
    ("DELETE", "/api/delete", {"model": "nobody"}, 404, "model"),
    ("DELETE", "/api/delete", {"model": "../../x"}, 400, "model"),
    ("DELETE", "/api/delete", {}, 400, "model"),
    ("POST", "/api/create", {"model": "a/b/c", "from": "small"}, 400, "model"),
    ("POST", "/api/create", {"model": "x"}, 400, "from"),
    ("POST", "/api/create", {"model": "x", "from": "nobody/at-all"}, 404, None),
    ("POST", "/api/create", {"model": "x", "files": {"a.gguf": DIGEST}}, 404, "digest"),
    ("POST", "/api/create", {"model": "x", "from": "small", "template": "{{ .Prompt }}"}, 422, "template"),
    ("POST", "/api/create", {"model": "x", "from": "small", "quantize": "q8_0"}, 400, "quantize"),
    ("POST", "/api/create", {"model": "x", "from": "small", "system": "s" * 300_000}, 400, "system"),
    ("POST", "/api/push", {"model": "small"}, 422, "model"),
    ("POST", "/api/pull", {"model": 7}, 400, "model"),
    ("POST", "/api/pull", {"model": "small", "insecure": True}, 400, "insecure"),
])
def test_bad_calls_name_the_field(llama, http, method, path, body, status, field):
    llama.pull("small")
    answer = http.request(method, path, json=body)
    assert answer.status_code == status, answer.text
    assert answer.json()["error"] and answer.json().get("param") == field
    assert names(llama) == ["small:latest"]


def test_a_key_needs_the_scope_and_keeps_to_its_models(server, llama, hub):
    def key(name, **more):
        made = httpx.post(f"{server.url}/weir/v1/keys", json={"name": name} | more, trust_env=False,
                          headers={"x-api-key": (server.data / "operator.token").read_text().strip()})
        assert made.status_code == 201, made.text
        return {"x-api-key": made.json()["key"]}

    plain, keeper, narrow = (key("plain"), key("keeper", scopes="inference,models"),
                             key("narrow", scopes="inference,models", models=["mine*", "small*"]))
    calls = [("POST", "/api/pull", {"model": "small"}), ("POST", "/api/create", {"model": "x", "from": "small"}),
             ("POST", "/api/copy", {"source": "small", "destination": "x"}),
             ("DELETE", "/api/delete", {"model": "small"}), ("POST", f"/api/blobs/{DIGEST}", {}),
             ("HEAD", f"/api/blobs/{DIGEST}", {}), ("POST", "/api/push", {"model": "small"})]
    with httpx.Client(base_url=server.url, trust_env=False, timeout=60) as client:
        for method, path, body in calls:
            assert client.request(method, path, json=body, headers=plain).status_code == 403, path
        assert client.post("/api/pull", json={"model": "small", "stream": False}, headers=keeper).status_code == 200
        for name, status in (("mine", 200), ("other", 403)):
            body = {"source": "small", "destination": name}
            assert client.post("/api/copy", json=body, headers=narrow).status_code == status
        gone = client.request("DELETE", "/api/delete", json={"model": "large"}, headers=narrow)
        assert gone.status_code == 403 and gone.json()["code"] == "model_not_allowed"


def test_an_operator_may_forbid_it_all(serve, store, hub):
    server = serve("--limits-model-changes", "0", models=store.root, environment=surroundings(store, hub))
    for method, path in (("POST", "/api/pull"), ("POST", "/api/create"), ("DELETE", "/api/delete"),
                         ("POST", "/api/copy"), ("POST", f"/api/blobs/{DIGEST}")):
        body = {"model": "small", "from": "x", "source": "x", "destination": "y"}
        answer = httpx.request(method, server.url + path, json=body, trust_env=False)
        assert answer.status_code == 422 and answer.json()["code"] == "use_the_command", answer.text
        assert "weir pull" in answer.json()["error"]
    assert hub.seen == []
