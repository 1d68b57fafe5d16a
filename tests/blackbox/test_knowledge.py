"""Documents into collections, found again, cited, and kept where their label lets them go."""

import re
import threading

import pytest

import documents
import weir_server
from beyond import KEY, backend, target
from fake_provider import FakeProvider
from ingesting import command, ingest, search
from talk import EMBEDDING, SMALL, error_of, http_client

pytestmark = pytest.mark.usefixtures("embedding")


@pytest.fixture
def papers(tmp_path):
    folder = tmp_path / "papers"
    (folder / "more").mkdir(parents=True)
    made = list(documents.pages(12))
    for name, text, _, _ in made:
        (folder / name).write_text(text)
    (folder / "more" / "report.pdf").write_bytes(documents.pdf(
        ["The annual report begins here", "Seven dolphins were counted near the pier in June"]))
    (folder / "more" / "letter.docx").write_bytes(documents.docx(
        ["Dear harbour master,", "our zeppelin will land on the meadow behind the silo."]))
    (folder / "more" / "tide.py").write_text("import math\n\n\ndef spring_tide(moon):\n    return math.cos(moon)\n")
    (folder / "picture.png").write_bytes(b"\x89PNG\0\0")
    return folder, made


@pytest.fixture(scope="module")
def keeper(tmp_path_factory):
    with weir_server.Weir(tmp_path_factory.mktemp("keeper"), models=weir_server.model_store()) as running:
        yield running


def test_a_folder_is_read_found_and_not_read_twice(keeper, papers):
    folder, made = papers
    told = ingest(keeper, folder)
    assert told["collection"] == "papers" and told["skipped"] == 1
    assert {entry["status"] for entry in told["documents"]} == {"ready"}, told
    assert len(told["documents"]) == 15

    for name, text, question, answer in made:
        first = search(keeper, "papers", question, k=3)[0]
        assert first["document"] == f"papers/{name}", question
        assert answer in first["text"]
        raw = text.encode()[first["byte_start"]:first["byte_end"]].decode()
        assert answer in raw
        lines = text.splitlines()[first["line"] - 1:first["line_last"]]
        assert any(answer in line for line in lines)

    page = search(keeper, "papers", "how many dolphins were counted?", k=1)[0]
    assert page["document"] == "papers/more/report.pdf" and page["place"].startswith("page"), page
    assert search(keeper, "papers", "where does the zeppelin land?")[0]["document"] == "papers/more/letter.docx"
    assert search(keeper, "papers", "spring_tide moon")[0]["document"] == "papers/more/tide.py"

    again = ingest(keeper, folder)
    assert {entry["status"] for entry in again["documents"]} == {"unchanged"}
    (folder / made[0][0]).write_text(made[0][1] + "\n## Later\n\nA walrus moved into the boathouse.\n")
    (folder / made[1][0]).unlink()
    third = ingest(keeper, folder, "--prune")
    changed = [entry for entry in third["documents"] if entry["status"] == "ready"]
    assert [entry["name"] for entry in changed] == [f"papers/{made[0][0]}"]
    assert changed[0]["embedded"] < changed[0]["chunks"] or changed[0]["chunks"] == 1
    assert third["removed"] == [f"papers/{made[1][0]}"]
    assert "walrus" in search(keeper, "papers", "who moved into the boathouse?")[0]["text"]


def test_what_cannot_be_read_is_named_and_the_rest_goes_on(keeper, tmp_path):
    folder = tmp_path / "mixed"
    folder.mkdir()
    (folder / "good.md").write_text("# Good\n\nThe ferry leaves at noon.\n")
    (folder / "broken.pdf").write_bytes(b"%PDF-1.4\nnothing that follows is right")
    (folder / "empty.txt").write_text(" \n\n")
    (folder / "broken.docx").write_bytes(documents.archive({"other.xml": "<a/>"}))
    (folder / "bomb.docx").write_bytes(documents.archive({"word/document.xml": " " * (100 << 20)}))
    (folder / "binary.txt").write_bytes(b"a\0b" * 100)
    told = ingest(keeper, folder, code=1)
    reasons = {entry["name"].split("/")[1]: entry.get("reason", entry["status"]) for entry in told["documents"]}
    assert reasons == {"good.md": "ready", "broken.pdf": "broken_document", "empty.txt": "empty_document",
                       "broken.docx": "broken_document", "bomb.docx": "document_too_large",
                       "binary.txt": "unsupported_document"}
    with http_client(keeper) as http:
        listed = http.get("/weir/v1/collections/mixed/documents").json()["data"]
        assert {d["name"].split("/")[1]: d["status"] for d in listed}["empty.txt"] == "failed"
        assert error_of(http.get("/weir/v1/collections/mixed/documents/nothing"), 404)["code"] == "document_not_found"
        assert error_of(http.put("/weir/v1/collections/a%2Fb/documents/x.md", content="x"), 400)["param"] == "collection"
    assert not [p for p in keeper.processes() if p.name() == "weir-reader" and p.alive()]


def test_the_same_content_is_kept_once(keeper, tmp_path):
    folder = tmp_path / "twins"
    folder.mkdir()
    for name in ("one.md", "two.md"):
        (folder / name).write_text("# Lock\n\nThe lock keeper is called Ottoline.\n")
    told = ingest(keeper, folder)
    assert [entry["status"] for entry in told["documents"]] == ["ready", "duplicate"]
    found = search(keeper, "twins", "what is the lock keeper called?")
    assert [passage["document"] for passage in found] == ["twins/one.md"]
    with http_client(keeper) as http:
        assert http.delete("/weir/v1/collections/twins/documents/twins%2Fone.md").status_code == 200
    assert search(keeper, "twins", "what is the lock keeper called?")[0]["document"] == "twins/two.md"


def test_nothing_found_is_said(keeper, tmp_path):
    (tmp_path / "pond").mkdir()
    (tmp_path / "pond" / "a.md").write_text("# Pond\n\nFrogs sit on the stones.\n")
    ingest(keeper, tmp_path / "pond")
    done = command(keeper, "search", "pond", "constitutional law of Peru")
    assert done.returncode == 0 and "nothing in pond has to do with that" in done.stderr
    assert command(keeper, "search", "no-such-collection", "x").returncode == 3


def test_standard_input_is_a_document(keeper):
    told = ingest(keeper, "-", "--name", "memo.md", "--collection", "memos", input="The password for the shed is rhubarb.")
    assert told["documents"][0]["status"] == "ready"
    assert search(keeper, "memos", "what opens the shed?")[0]["document"] == "memo.md"


def test_a_question_may_be_made_a_query_first(keeper, papers, small):
    folder, made = papers
    ingest(keeper, folder, "--collection", "guides")
    name, _, question, _ = made[2]
    with http_client(keeper) as http:
        path = "/weir/v1/collections/guides/search"
        plain = http.post(path, json={"query": question, "k": 3}).json()
        assert "query" not in plain and plain["data"][0]["document"] == f"papers/{name}"
        rewritten = http.post(path, json={"query": question, "k": 3, "rewrite_query": True}).json()
        assert 0 < len(rewritten["query"]) <= 512 and "\n" not in rewritten["query"], rewritten
        decisions = http.get("/weir/v1/decisions?limit=5").json()["data"]
        assert any(d["asked"] == "device" for d in decisions), decisions
        tool = {"type": "file_search", "vector_store_ids": ["guides"], "rewrite_query": True}
        answered = http.post("/v1/chat/completions", json={"model": small, "max_tokens": 4, "tools": [tool], "messages": [
            {"role": "user", "content": "Tell me about the guides."}, {"role": "assistant", "content": "Gladly."},
            {"role": "user", "content": question}]})
        assert answered.status_code == 200 and "sources" in answered.json()["weir"], answered.text
        refused = http.post(path, json={"query": question, "rewrite_query": "yes"})
        assert error_of(refused, 400)["param"] == "rewrite_query"
    done = command(keeper, "search", "--rewrite", "guides", question)
    assert done.returncode == 0 and "searched for: " in done.stderr, done.stderr


def test_an_answer_names_its_sources(keeper, papers, small):
    folder, made = papers
    ingest(keeper, folder, "--collection", "handbooks")
    name, _, question, _ = made[3]
    done = command(keeper, "run", "--with", "handbooks", small, question, "--max-tokens", "24", "--temperature", "0")
    assert done.returncode == 0, done.stderr
    assert re.search(rf"Sources:\n\[1\] papers/{name}, lines \d+-\d+", done.stdout), done.stdout
    with http_client(keeper) as http:
        tool = {"type": "file_search", "vector_store_ids": ["handbooks"], "max_num_results": 2}
        answer = http.post("/v1/chat/completions", json={
            "model": small, "max_tokens": 8, "messages": [{"role": "user", "content": question}], "tools": [tool]}).json()
        assert answer["weir"]["sources"][0]["document"] == f"papers/{name}"
        refused = http.post("/v1/chat/completions", json={
            "model": small, "messages": [{"role": "user", "content": "x"}],
            "tools": [tool | {"vector_store_ids": ["nowhere"]}]})
        assert error_of(refused, 404)["code"] == "collection_not_found"


def test_a_label_travels_with_every_passage(tmp_path, small):
    """A personal document keeps the question away from a cloud that takes internal ones."""
    with FakeProvider() as cloud:
        config = tmp_path / "weir.toml"
        config.write_text(backend(cloud, ceiling="internal") + target("far"))
        with weir_server.Weir(tmp_path / "data", "--config", config, models=weir_server.model_store(),
                              environment={"FAKE_PROVIDER_KEY": KEY}) as server:
            for name, label, text in (("open", "internal", "The bridge opens at six."),
                                      ("closed", "personal", "The bridge keeper has a bad knee.")):
                ingest(server, "-", "--name", f"{name}.md", "--collection", name, "--label", label, input=text)

            def ask(*collections):
                tools = [{"type": "file_search", "vector_store_ids": list(collections)}] if collections else []
                body = {"model": "far", "max_tokens": 8,
                        "messages": [{"role": "user", "content": "What of the bridge?"}]}
                with http_client(server) as http:
                    return http.post("/v1/chat/completions", json=body | ({"tools": tools} if tools else {}))

            assert ask().status_code == 200
            assert ask("open").status_code == 200
            before = len(cloud.requests)
            assert error_of(ask("closed"), 403)["code"] == "label_exceeds_ceiling"
            assert error_of(ask("open", "closed"), 403)["code"] == "label_exceeds_ceiling"
            assert len(cloud.requests) == before
            assert not any(b"bad knee" in request.body for request in cloud.requests)


def test_a_kill_in_the_middle_loses_nothing_and_doubles_nothing(tmp_path):
    folder = tmp_path / "many"
    folder.mkdir()
    made = list(documents.pages(40, seed=7))
    for name, text, _, _ in made:
        (folder / name).write_text(text)
    data = tmp_path / "data"
    server = weir_server.Weir(data, models=weir_server.model_store())
    worker = threading.Thread(target=lambda: command(server, "ingest", folder))
    worker.start()
    with http_client(server) as http:
        def some_are_ready():
            answer = http.get("/weir/v1/collections/many/documents")
            return answer.status_code == 200 and sum(d["status"] == "ready" for d in answer.json()["data"]) >= 5
        assert weir_server.until(some_are_ready, timeout_s=120)
        ready = [d["name"] for d in http.get("/weir/v1/collections/many/documents").json()["data"]
                 if d["status"] == "ready"]
    server.kill()
    worker.join()
    with weir_server.Weir(data, models=weir_server.model_store()) as server:
        with http_client(server) as http:
            listed = http.get("/weir/v1/collections/many/documents").json()["data"]
            assert set(ready) <= {d["name"] for d in listed if d["status"] == "ready"}
            told = ingest(server, folder)
            statuses = {entry["name"]: entry["status"] for entry in told["documents"]}
            assert all(statuses[name] == "unchanged" for name in ready)
            assert set(statuses.values()) <= {"ready", "unchanged"}
            for name, _, question, answer in made[::8]:
                found = search(server, "many", question, k=10)
                assert found[0]["document"] == f"many/{name}" and answer in found[0]["text"]
                places = [(p["document"], p["byte_start"]) for p in found]
                assert len(places) == len(set(places)), "a chunk is there twice"
