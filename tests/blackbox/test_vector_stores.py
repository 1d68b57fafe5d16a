"""Vector stores as OpenAI's own client uses them, over the same collections that `weir ingest` fills."""

import json
import subprocess

import openai
import pytest

import documents
import weir_server
from ingesting import command, ingest, search
from talk import error_of, http_client, openai_client

pytestmark = pytest.mark.usefixtures("embedding")


@pytest.fixture(scope="module")
def keeper(tmp_path_factory):
    with weir_server.Weir(tmp_path_factory.mktemp("stores"), models=weir_server.model_store()) as running:
        yield running


@pytest.fixture
def client(keeper):
    return openai_client(keeper)


def kept(client, name, text, **more):
    content = text if isinstance(text, bytes) else text.encode()
    return client.files.create(file=(name, content), purpose="assistants", **more)


def test_openais_client_uploads_polls_and_searches(client):
    store = client.vector_stores.create(name="Handbooks", metadata={"team": "harbour"})
    made = list(documents.pages(6))
    batch = client.vector_stores.file_batches.upload_and_poll(
        store.id, files=[(name, text.encode()) for name, text, _, _ in made] +
        [("report.pdf", documents.pdf(["The annual report begins here", "Seven dolphins were counted near the pier"])),
         ("picture.png", b"\x89PNG\0\0")])
    assert batch.status == "completed"
    assert (batch.file_counts.completed, batch.file_counts.failed, batch.file_counts.total) == (7, 1, 8)
    for name, _, question, answer in made:
        page = client.vector_stores.search(store.id, query=question, max_num_results=3)
        assert page.search_query == [question]
        first = page.data[0]
        assert first.filename == name and answer in first.content[0].text and 0 <= first.score <= 1
        assert client.files.retrieve(first.file_id).filename == name
    assert client.vector_stores.search(store.id, query="how many dolphins?").data[0].filename == "report.pdf"
    assert not client.vector_stores.search(store.id, query="constitutional law of Peru").data, "nothing found is nothing"

    shown = client.vector_stores.retrieve(store.id)
    assert shown.status == "completed" and shown.usage_bytes > 0 and shown.metadata == {"team": "harbour"}
    failed = client.vector_stores.files.list(store.id, filter="failed").data
    assert [file.last_error.code for file in failed] == ["unsupported_file"]
    assert len(list(client.vector_stores.files.list(store.id, limit=3))) == 8, "over three pages"
    large = client.uploads.upload_file_chunked(file=b"a year of tides\n" * (49 << 16), filename="large.txt", bytes=49 << 20,
                                               mime_type="text/plain", purpose="assistants")
    told = client.vector_stores.files.create_and_poll(large.file.id, vector_store_id=store.id)
    assert told.status == "failed" and told.last_error.code == "invalid_file" and "50331648" in told.last_error.message
    client.files.delete(large.file.id)
    listed = client.vector_stores.file_batches.list_files(batch.id, vector_store_id=store.id, filter="completed")
    assert len(listed.data) == 7
    report = client.vector_stores.search(store.id, query="dolphins").data[0].file_id
    texts = client.vector_stores.files.content(report, vector_store_id=store.id)
    assert "Seven dolphins" in "".join(part.text for part in texts)

    assert client.vector_stores.files.delete(report, vector_store_id=store.id).deleted
    assert not [hit for hit in client.vector_stores.search(store.id, query="dolphins") if hit.filename == "report.pdf"]
    assert client.files.retrieve(report).id == report, "the file itself stays"
    second = client.vector_stores.search(store.id, query=made[0][2]).data[0].file_id
    client.files.delete(second)
    assert not [hit for hit in client.vector_stores.search(store.id, query=made[0][2]) if hit.file_id == second]
    assert client.vector_stores.delete(store.id).deleted
    with pytest.raises(openai.NotFoundError):
        client.vector_stores.retrieve(store.id)


def test_attributes_are_set_filtered_by_and_changed(client):
    store = client.vector_stores.create(name="Letters")
    text = "The lighthouse keeper {} writes about the fog and the lamp.\n"
    for name, author, year in (("a.md", "Ada", 1843), ("b.md", "Bob", 1901), ("c.md", "Eva", 1977)):
        file = kept(client, name, text.format(author))
        added = client.vector_stores.files.create_and_poll(
            file.id, vector_store_id=store.id, attributes={"author": author, "year": year, "a.b": year > 1900})
        assert added.status == "completed" and added.attributes["year"] == year

    def found(**filters):
        page = client.vector_stores.search(store.id, query="the lighthouse keeper and the fog", **filters)
        return sorted(hit.filename for hit in page)

    def where(kind, key, value):
        return {"type": kind, "key": key, "value": value}

    assert found() == ["a.md", "b.md", "c.md"]
    assert found(filters=where("eq", "author", "Ada")) == ["a.md"]
    assert found(filters=where("ne", "author", "Ada")) == ["b.md", "c.md"]
    assert found(filters=where("gt", "year", 1901)) == ["c.md"]
    assert found(filters=where("gte", "year", 1901)) == ["b.md", "c.md"]
    assert found(filters=where("lt", "year", 1901)) == ["a.md"]
    assert found(filters=where("lte", "year", 1901)) == ["a.md", "b.md"]
    assert found(filters=where("in", "author", ["Ada", "Eva"])) == ["a.md", "c.md"]
    assert found(filters=where("nin", "author", ["Ada", "Eva"])) == ["b.md"]
    assert found(filters=where("eq", "a.b", False)) == ["a.md"]
    late, ada = where("gt", "year", 1950), where("eq", "author", "Ada")
    assert found(filters={"type": "or", "filters": [late, ada]}) == ["a.md", "c.md"]
    assert found(filters={"type": "and", "filters": [late, ada]}) == []
    with pytest.raises(openai.BadRequestError) as wrong:
        found(filters=where("like", "author", "A%"))
    assert wrong.value.param == "filters.type"

    file = client.vector_stores.search(store.id, query="lighthouse keeper", filters=ada).data[0]
    changed = client.vector_stores.files.update(file.file_id, vector_store_id=store.id, attributes={"author": "Augusta"})
    assert changed.attributes == {"author": "Augusta"}
    assert found(filters=ada) == [] and found(filters=where("eq", "author", "Augusta")) == ["a.md"]
    assert len(client.vector_stores.search(store.id, query="the lighthouse keeper and the fog", max_num_results=1).data) == 1
    high = client.vector_stores.search(store.id, query="the lighthouse keeper and the fog",
                                       ranking_options={"ranker": "auto", "score_threshold": 1.0})
    assert len(high.data) <= 1
    with pytest.raises(openai.BadRequestError) as named:
        client.vector_stores.search(store.id, query="x", ranking_options={"ranker": "default-2024-11-15"})
    assert named.value.param == "ranking_options.ranker"


def test_chunks_have_the_size_that_was_asked_for(client):
    store = client.vector_stores.create(name="Sizes")
    text = "\n\n".join(f"Paragraph {i} tells of boat number {i} and its crew of {i} sailors." for i in range(200))
    file = kept(client, "boats.txt", text)

    def chunks(strategy):
        added = client.vector_stores.files.create_and_poll(file.id, vector_store_id=store.id, chunking_strategy=strategy)
        assert added.status == "completed", added
        parts = [part.text for part in client.vector_stores.files.content(file.id, vector_store_id=store.id)]
        assert "boat number 199" in parts[-1]
        return added.chunking_strategy.static, parts

    sizes, parts = chunks({"type": "static", "static": {"max_chunk_size_tokens": 100, "chunk_overlap_tokens": 50}})
    assert sizes.max_chunk_size_tokens == 100 and sizes.chunk_overlap_tokens == 50
    assert len(parts) > 30 and max(map(len, parts)) <= 400
    sizes, parts = chunks({"type": "auto"})
    assert sizes.max_chunk_size_tokens == 400 and 5 < len(parts) < 20
    counts = client.vector_stores.retrieve(store.id).file_counts
    assert counts.total == counts.completed == 1


def test_one_kind_of_collection_for_both_ways(keeper, client, tmp_path):
    """What was ingested is a vector store, and what came through the API is found by `weir search`."""
    folder = tmp_path / "ferries"
    folder.mkdir()
    (folder / "times.md").write_text("# Times\n\nThe ferry to the island leaves at noon.\n")
    ingest(keeper, folder)
    page = client.vector_stores.search("ferries", query="when does the ferry leave?")
    assert page.data[0].filename == "ferries/times.md"
    shown = client.vector_stores.retrieve("ferries")
    assert shown.name == "ferries" and shown.file_counts.completed == 1
    assert "ferries" in [store.id for store in client.vector_stores.list()]
    document = client.vector_stores.files.list("ferries").data[0]
    assert document.id == page.data[0].file_id and document.id.startswith("doc-")
    client.vector_stores.files.update(document.id, vector_store_id="ferries", attributes={"kind": "times"})
    only = {"type": "eq", "key": "kind", "value": "times"}
    assert client.vector_stores.search("ferries", query="when does the ferry leave?", filters=only).data

    file = kept(client, "prices.md", "# Prices\n\nA ticket for the ferry costs four crowns.\n")
    assert client.vector_stores.files.create_and_poll(file.id, vector_store_id="ferries").status == "completed"
    found = search(keeper, "ferries", "what does a ticket cost?")[0]
    assert found["document"] == "prices.md" and found["file_id"] == file.id
    done = command(keeper, "search", "ferries", "what does a ticket cost?")
    assert done.returncode == 0 and "four crowns" in done.stdout, done.stderr

    store = client.vector_stores.create(name="Harbour notes", file_ids=[file.id])
    assert weir_server.until(lambda: client.vector_stores.retrieve(store.id).status == "completed", timeout_s=60)
    assert search(keeper, store.id, "ticket")[0]["document"] == "prices.md"
    done = command(keeper, "search", "Harbour notes", "ticket price")
    assert done.returncode == 0 and "four crowns" in done.stdout, done.stderr
    listed = command(keeper, "collections", "list")
    assert store.id in listed.stdout and "ferries" in listed.stdout


def test_file_search_names_either_and_filters(keeper, client, small):
    store = client.vector_stores.create(name="Tides and boats")
    for name, text, kind in (("tide.md", "A spring tide follows the new moon.", "tide"),
                             ("boat.md", "A spring clean of the boat follows the winter.", "boat")):
        file = kept(client, name, text)
        client.vector_stores.files.create_and_poll(file.id, vector_store_id=store.id, attributes={"kind": kind})
    question = "What follows in spring?"
    for name in (store.id, "Tides and boats"):
        tool = {"type": "file_search", "vector_store_ids": [name], "filters": {"type": "eq", "key": "kind", "value": "boat"}}
        response = client.responses.create(model=small, input=question, max_output_tokens=8, tools=[tool],
                                           include=["file_search_call.results"])
        call = response.output[0]
        assert call.type == "file_search_call" and call.queries == [question]
        assert [(result.filename, result.attributes) for result in call.results] == [("boat.md", {"kind": "boat"})]
        assert client.files.retrieve(call.results[0].file_id).filename == "boat.md"
        with http_client(keeper) as http:
            answer = http.post("/v1/chat/completions", json={
                "model": small, "max_tokens": 4, "messages": [{"role": "user", "content": question}], "tools": [tool]})
            assert [source["document"] for source in answer.json()["weir"]["sources"]] == ["boat.md"], answer.text
            bad = http.post("/v1/chat/completions", json={
                "model": small, "messages": [{"role": "user", "content": question}],
                "tools": [tool | {"filters": {"type": "eq", "key": "kind"}}]})
            assert error_of(bad, 400)["param"] == "tools[0].filters.value"


def test_a_label_goes_with_a_file_into_every_passage(keeper, client):
    store = client.vector_stores.create(name="Labels")
    with http_client(keeper) as http:
        file = http.post("/v1/files", files={"file": ("knee.md", b"The bridge keeper has a bad knee.")},
                         data={"purpose": "assistants"}, headers={"x-weir-label": "personal"}).json()
    client.vector_stores.files.create_and_poll(file["id"], vector_store_id=store.id)
    found = search(keeper, store.id, "who has a bad knee?")[0]
    assert found["label"] == "personal"


def test_reading_goes_on_after_a_kill(tmp_path):
    data = tmp_path / "data"
    server = weir_server.Weir(data, models=weir_server.model_store())
    client = openai_client(server)
    store = client.vector_stores.create(name="Many")
    made = list(documents.pages(16, seed=11))
    files = [kept(client, name, text).id for name, text, _, _ in made]
    batch = client.vector_stores.file_batches.create(store.id, file_ids=files)

    def counts(of):
        return of.vector_stores.file_batches.retrieve(batch.id, vector_store_id=store.id).file_counts

    assert weir_server.until(lambda: counts(client).completed >= 3, timeout_s=120)
    server.kill()
    with weir_server.Weir(data, models=weir_server.model_store()) as server:
        client = openai_client(server)
        assert counts(client).completed >= 3, "what was read stays read"
        assert weir_server.until(lambda: counts(client).completed == len(files), timeout_s=240)
        for name, _, question, answer in made[::4]:
            found = client.vector_stores.search(store.id, query=question).data
            assert found[0].filename == name and answer in found[0].content[0].text
            texts = [hit.content[0].text for hit in found]
            assert len(texts) == len(set(texts)), "a chunk is there twice"


def test_a_batch_is_cancelled_and_a_store_removed_while_it_is_read(client):
    store = client.vector_stores.create(name="Cancelled")
    made = list(documents.pages(25, seed=5))
    files = [kept(client, name, text).id for name, text, _, _ in made]
    batch = client.vector_stores.file_batches.create(store.id, file_ids=files)
    stopped = client.vector_stores.file_batches.cancel(batch.id, vector_store_id=store.id)
    assert stopped.status == "cancelled" and stopped.file_counts.in_progress == 0
    assert stopped.file_counts.cancelled + stopped.file_counts.completed == len(files) and stopped.file_counts.cancelled > 0
    again = client.vector_stores.file_batches.create(store.id, file_ids=files)
    assert again.file_counts.in_progress == len(files)
    client.vector_stores.delete(store.id)
    with pytest.raises(openai.NotFoundError):
        client.vector_stores.file_batches.retrieve(again.id, vector_store_id=store.id)
    other = client.vector_stores.create(name="After", file_ids=files[:1])
    assert weir_server.until(lambda: client.vector_stores.retrieve(other.id).status == "completed", timeout_s=60)
    assert store.id not in [listed.id for listed in client.vector_stores.list(limit=100)]


def test_tenants_keys_and_bad_requests(tmp_path):
    data = tmp_path / "data"
    with weir_server.Weir(data, models=weir_server.model_store()) as server:
        def key(name, *more):
            made = subprocess.run([weir_server.WEIR, "keys", "create", name, "--json", *more], capture_output=True,
                                  env=weir_server.plain_environment(data) | {"WEIR_DATA": str(data)}, check=True, text=True)
            return json.loads(made.stdout)["key"]

        mine, other = openai_client(server, key("mine")), openai_client(server, key("other", "--tenant", "elsewhere"))
        narrow = openai_client(server, key("narrow", "--allow-models", "nothing*"))
        store = mine.vector_stores.create(name="Mine")
        file = kept(mine, "a.md", "Tides come and go.")
        assert mine.vector_stores.files.create_and_poll(file.id, vector_store_id=store.id).status == "completed"
        for call in (lambda: other.vector_stores.retrieve(store.id), lambda: other.vector_stores.search(store.id, query="x"),
                     lambda: other.vector_stores.files.list(store.id), lambda: other.vector_stores.delete(store.id),
                     lambda: other.vector_stores.files.create(other.vector_stores.create().id, file_id=file.id)):
            with pytest.raises(openai.NotFoundError):
                call()
        with pytest.raises(openai.PermissionDeniedError) as refused:
            narrow.vector_stores.files.create(store.id, file_id=file.id)
        assert refused.value.code == "model_not_allowed"
        with pytest.raises(openai.BadRequestError) as refused:
            mine.vector_stores.files.create(store.id, file_id=file.id, attributes={str(i): i for i in range(17)})
        assert refused.value.param == "attributes"
        with pytest.raises(openai.BadRequestError) as refused:
            mine.vector_stores.search(store.id, query="x", rewrite_query="yes")
        assert refused.value.param == "rewrite_query"
