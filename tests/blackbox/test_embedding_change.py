"""A collection that comes to be embedded by another model: it answers all the time, and a crash costs nothing."""

import json

import httpx
import pytest

import documents
import tiny_models
import weir_server
from ingesting import command, ingest, search
from talk import EMBEDDING, SMALL, error_of, http_client

pytestmark = pytest.mark.usefixtures("embedding", "small")
ENCODER = """
[model.encoder]
file = "{folder}/tiny-encoder.gguf"
"""


@pytest.fixture(scope="module")
def tiny(stories, tmp_path_factory):
    folder = tmp_path_factory.mktemp("tiny")
    tiny_models.write_all(folder, stories)
    return folder


@pytest.fixture
def start(tiny, tmp_path):
    """Starts a server on the same data each time."""
    config = tmp_path / "weir.toml"
    config.write_text(ENCODER.format(folder=tiny))
    running = []

    def begin():
        server = weir_server.Weir(tmp_path / "data", "--config", str(config), models=weir_server.model_store())
        running.append(server)
        return server.__enter__()
    yield begin
    for server in running:
        server.__exit__(None, None, None)


@pytest.fixture
def papers(tmp_path):
    folder = tmp_path / "papers"
    folder.mkdir()
    made = list(documents.pages(12))
    for name, text, _, _ in made:
        (folder / name).write_text(text)
    return folder, made


def embedding_of(server, collection="papers"):
    answer = httpx.get(f"{server.url}/weir/v1/collections/{collection}/embedding", trust_env=False,
                       timeout=60 * weir_server.PATIENCE)
    assert answer.status_code == 200, answer.text
    return answer.json()


def finds_all(server, made):
    for name, _, question, answer in made:
        first = search(server, "papers", question, k=3)[0]
        assert first["document"] == f"papers/{name}" and answer in first["text"], question


def test_a_change_is_waited_for_and_told(start, papers):
    server = start()
    folder, made = papers
    ingest(server, folder)
    before = embedding_of(server)
    assert (before["model"], before["dimensions"], before["next"]) == (EMBEDDING, 384, None)
    told = command(server, "collections", "embed", "papers", "--model", "encoder", "--json")
    assert told.returncode == 0, told.stderr
    assert json.loads(told.stdout) == embedding_of(server) == before | {"model": "encoder", "dimensions": tiny_models.WIDTH}
    shown = json.loads(command(server, "collections", "show", "papers", "--json").stdout)
    assert [(space["name"], space["dimensions"], space["model"]) for space in shown["spaces"]] == [("", tiny_models.WIDTH, "encoder")]

    # What comes now is embedded by the new one, and found by it; nothing is read again.
    (folder / "late.md").write_text("# Late\n\nThe lighthouse keeper is called Fergus.\n")
    again = ingest(server, folder)
    assert sorted(entry["status"] for entry in again["documents"]) == ["ready"] + ["unchanged"] * len(made)
    assert "Fergus" in search(server, "papers", "The lighthouse keeper is called?")[0]["text"]

    back = command(server, "collections", "embed", "papers")
    assert back.returncode == 0 and back.stdout == f"papers is embedded by {EMBEDDING}\n", back.stderr
    finds_all(server, made)


def test_it_goes_on_after_a_crash_and_answers_meanwhile(start, papers):
    server = start()
    folder, made = papers
    for number in range(150):
        (folder / f"filler-{number}.md").write_text(f"# Filler {number}\n\nParcel {number} was weighed and sent on.\n")
    ingest(server, folder)
    # While somebody's answer is generated it steps aside, so that there is a middle to look at.
    body = {"model": SMALL, "prompt": "Once", "max_tokens": 4000, "ignore_eos": True, "stream": True}
    with http_client(server) as http, http.stream("POST", "/v1/completions", json=body) as stream:
        lines = stream.iter_lines()
        next(lines)
        answer = http.post("/weir/v1/collections/papers/embedding", json={"model": "encoder"})
        assert answer.status_code == 202, answer.text
        chunks = answer.json()["next"]["chunks"]
        while embedding_of(server)["next"]["embedded"] == 0:
            finds_all(server, made[:1])
        finds_all(server, made)
        assert embedding_of(server)["next"]["embedded"] < chunks
        server.kill()
    server = start()
    while (state := embedding_of(server))["next"] is not None:
        assert state["model"] == EMBEDDING
        assert 0 < state["next"]["embedded"] <= chunks, "what was embedded before the crash is still there"
        assert search(server, "papers", made[0][2], k=3), "it answers while it changes"
    assert state["model"] == "encoder"
    assert search(server, "papers", "Parcel 77 was weighed and sent on.")[0]["document"] == "papers/filler-77.md"


def test_a_change_is_cancelled(start, papers):
    server = start()
    ingest(server, papers[0])
    detached = command(server, "collections", "embed", "papers", "--model", "encoder", "--detach")
    assert detached.returncode == 0, detached.stderr
    cancelled = command(server, "collections", "embed", "papers", "--cancel")
    assert cancelled.returncode == 0, cancelled.stderr
    # It may have come to its end before.
    assert embedding_of(server)["next"] is None and embedding_of(server)["model"] in (EMBEDDING, "encoder")


def test_what_cannot_be_done_is_named(start, papers):
    server = start()
    ingest(server, papers[0])
    with http_client(server) as http:
        path = "/weir/v1/collections/papers/embedding"
        assert error_of(http.post(path, json={"model": "nothing"}), 404)["code"] == "model_not_found"
        assert error_of(http.post(path, json={"modle": "encoder"}), 400)["param"] == "modle"
        assert error_of(http.post("/weir/v1/collections/none/embedding"), 404)["code"] == "collection_not_found"
        assert http.put("/collections/theirs", json={"vectors": {"size": 3, "distance": "Dot"}}).status_code == 200
        assert error_of(http.post("/weir/v1/collections/theirs/embedding"), 409)["code"] == "not_embedded_here"
        assert http.post(path).status_code == 200, "it has that model: there is nothing to do"
    missing = command(server, "collections", "embed", "none")
    assert missing.returncode == 3 and "none" in missing.stderr
