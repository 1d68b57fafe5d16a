"""Chroma's API, driven by Chroma's own HTTP client as it comes from PyPI."""

import json
import math
import subprocess
import uuid

import chromadb
import httpx
import pytest
from chromadb.config import Settings
from chromadb.errors import ChromaError, InvalidArgumentError, NotFoundError, UniqueConstraintError

import weir_server


def connect(server, **more):
    return chromadb.HttpClient(host="127.0.0.1", port=server.port, settings=Settings(anonymized_telemetry=False), **more)


@pytest.fixture(scope="module")
def running(tmp_path_factory):
    with weir_server.Weir(tmp_path_factory.mktemp("chroma")) as server:
        yield server


@pytest.fixture(scope="module")
def chroma(running):
    return connect(running)


@pytest.fixture
def name():
    return f"c-{uuid.uuid4().hex[:12]}"


@pytest.fixture
def notes(chroma, name):
    collection = chroma.create_collection(name, metadata={"topic": "sea"}, embedding_function=None)
    collection.add(ids=[f"id{i}" for i in range(6)], embeddings=[[float(i), 1.0] for i in range(6)],
                   documents=[f"the {word} at dawn" for word in ("harbour", "sea", "ship", "gull", "Harbour", "rope")],
                   metadatas=[{"n": i, "even": i % 2 == 0, "word": "abcdef"[i], "half": i / 2} for i in range(6)])
    yield collection
    try:
        chroma.delete_collection(name)
    except NotFoundError:
        pass


def test_the_server_answers_as_one_of_chromas(running, chroma):
    assert chroma.heartbeat() > 1_600_000_000 * 10**9
    assert chroma.get_version()[0].isdigit()
    assert chroma.get_max_batch_size() == 16_384
    assert chroma.get_user_identity().tenant == "default_tenant"
    assert httpx.get(f"{running.url}/api/v2/healthcheck").json()["is_executor_ready"]
    assert httpx.get(f"{running.url}/api/v1/heartbeat").status_code == 404


def test_a_collections_life(chroma, name):
    before = chroma.count_collections()
    made = chroma.create_collection(name, metadata={"a": 1}, configuration={"hnsw": {"space": "cosine"}},
                                    embedding_function=None)
    assert made.metadata == {"a": 1} and made.configuration_json["hnsw"]["space"] == "cosine" and made.count() == 0
    assert chroma.get_collection(name, embedding_function=None).id == made.id
    assert chroma.get_or_create_collection(name, embedding_function=None).id == made.id
    with pytest.raises(UniqueConstraintError):
        chroma.create_collection(name, embedding_function=None)
    assert name in [c.name for c in chroma.list_collections()] and chroma.count_collections() == before + 1
    assert made.query(query_embeddings=[[1.0, 2.0]])["ids"] == [[]]
    made.modify(name=f"{name}-new", metadata={"b": 2})
    assert chroma.get_collection(f"{name}-new", embedding_function=None).metadata == {"b": 2}
    with pytest.raises(NotFoundError):
        chroma.get_collection(name, embedding_function=None)
    made.add(ids=["x"], embeddings=[[1.0, 2.0, 3.0]])
    assert chroma.get_collection(f"{name}-new", embedding_function=None)._model.dimension == 3
    chroma.delete_collection(f"{name}-new")
    with pytest.raises(NotFoundError):
        chroma.delete_collection(f"{name}-new")
    with pytest.raises(NotFoundError):
        made.count()


def test_records_come_back_as_they_went_in(notes):
    assert notes.count() == 6
    got = notes.get(ids=["id3", "id1"], include=["documents", "metadatas", "embeddings"])
    assert got["ids"] == ["id3", "id1"] and got["documents"][0] == "the gull at dawn"
    assert got["metadatas"][1] == {"n": 1, "even": False, "word": "b", "half": 0.5}
    assert [list(e) for e in got["embeddings"]] == [[3.0, 1.0], [1.0, 1.0]]
    assert notes.get()["ids"] == [f"id{i}" for i in range(6)]
    assert notes.get(limit=2, offset=3)["ids"] == ["id3", "id4"]
    assert notes.peek(2)["ids"] == ["id0", "id1"]
    assert notes.get(ids=["none"])["ids"] == []


@pytest.mark.parametrize("space,distance", [
    ("l2", lambda a, b: sum((x - y) ** 2 for x, y in zip(a, b))),
    ("ip", lambda a, b: 1 - sum(x * y for x, y in zip(a, b))),
    ("cosine", lambda a, b: 1 - sum(x * y for x, y in zip(a, b)) / math.hypot(*a) / math.hypot(*b))])
def test_distances_are_chromas(chroma, name, space, distance):
    collection = chroma.create_collection(name, configuration={"hnsw": {"space": space}}, embedding_function=None)
    vectors = {"a": [1.0, 2.0], "b": [3.0, -1.0], "c": [0.5, 0.5]}
    collection.add(ids=list(vectors), embeddings=list(vectors.values()))
    asked = [[1.0, 1.0], [-2.0, 0.5]]
    found = collection.query(query_embeddings=asked, n_results=10)
    for row, query in enumerate(asked):
        wanted = sorted((distance(query, v), k) for k, v in vectors.items())
        assert found["ids"][row] == [k for _, k in wanted]
        assert found["distances"][row] == pytest.approx([d for d, _ in wanted], abs=1e-5)
    chroma.delete_collection(name)


WHERES = [
    ({"n": 3}, {3}), ({"n": {"$eq": 3}}, {3}), ({"n": {"$ne": 3}}, {0, 1, 2, 4, 5}), ({"n": {"$gt": 3}}, {4, 5}),
    ({"half": {"$gte": 1.5}}, {3, 4, 5}), ({"n": {"$lt": 2}}, {0, 1}), ({"n": {"$lte": 2}}, {0, 1, 2}),
    ({"word": {"$in": ["a", "c"]}}, {0, 2}), ({"word": {"$nin": ["a", "c"]}}, {1, 3, 4, 5}), ({"even": True}, {0, 2, 4}),
    ({"$and": [{"even": True}, {"n": {"$gt": 1}}]}, {2, 4}), ({"$or": [{"n": 0}, {"word": "f"}]}, {0, 5}),
    ({"$and": [{"$or": [{"n": 0}, {"n": 1}]}, {"even": False}]}, {1}), ({"missing": {"$ne": 1}}, set(range(6))),
]


@pytest.mark.parametrize("given", range(len(WHERES)))
def test_where(notes, given):
    where, wanted = WHERES[given]
    ids = {f"id{i}" for i in wanted}
    assert set(notes.get(where=where)["ids"]) == ids
    assert set(notes.query(query_embeddings=[[0.0, 0.0]], n_results=6, where=where)["ids"][0]) == ids


def test_where_document(notes):
    def ids(where):
        return set(notes.get(where_document=where)["ids"])

    assert ids({"$contains": "harbour"}) == {"id0"}
    assert ids({"$not_contains": "arbour"}) == {"id1", "id2", "id3", "id5"}
    assert ids({"$or": [{"$contains": "sea"}, {"$contains": "ship"}]}) == {"id1", "id2"}
    assert notes.get(where={"even": True}, where_document={"$contains": "arbour"})["ids"] == ["id0", "id4"]


REGEXES = [
    ({"$regex": "harbour"}, {0}), ({"$regex": "(?i)harbour"}, {0, 4}), ({"$not_regex": "[Hh]arbour"}, {1, 2, 3, 5}),
    ({"$regex": "^the .{4} at"}, {2, 3, 5}), ({"$regex": "dawn$"}, set(range(6))), ({"$regex": "^dawn"}, set()),
    ({"$or": [{"$regex": r"\bsea\b"}, {"$and": [{"$regex": "g.ll"}, {"$contains": "at"}]}]}, {1, 3}),
]


@pytest.mark.parametrize("given", range(len(REGEXES)))
def test_regular_expressions_of_documents(notes, given):
    where, wanted = REGEXES[given]
    ids = {f"id{i}" for i in wanted}
    notes.add(ids=["bare"], embeddings=[[50.0, 50.0]])  # has no document
    bare = {"bare"} if "$not_regex" in where else set()
    assert set(notes.get(where_document=where)["ids"]) == ids | bare
    assert set(notes.query(query_embeddings=[[0.0, 0.0]], n_results=7, where_document=where)["ids"][0]) == ids | bare
    assert set(notes.get(where={"even": True}, where_document=where)["ids"]) == {f"id{i}" for i in wanted if i % 2 == 0}
    notes.delete(where_document=where)
    assert set(notes.get()["ids"]) == {f"id{i}" for i in range(6)} - ids | {"bare"} - bare


def test_a_regular_expression_sees_documents_as_they_are(notes):
    notes.update(ids=["id1"], documents=["Füße über Bord: 2026-11-23"], embeddings=[[1.0, 1.0]])
    for pattern in (r"F.ße", r"(?i)FÜSSE|ÜBER", r"\p{L}+ über", r"\d{4}-\d\d-\d\d$"):
        assert notes.get(where_document={"$regex": pattern})["ids"] == ["id1"], pattern


def test_a_collection_says_that_it_is_indexed(notes):
    assert notes.get_indexing_status().num_indexed_ops == 6 and notes.get_indexing_status().op_indexing_progress == 1.0


def test_add_leaves_update_changes_and_upsert_does_both(notes):
    notes.add(ids=["id0", "new"], embeddings=[[9.0, 9.0], [7.0, 7.0]], documents=["other", "new"])
    assert notes.get(ids=["id0"])["documents"] == ["the harbour at dawn"] and notes.count() == 7
    # The client computes embeddings of changed documents itself, so it has to be given them.
    notes.update(ids=["id0", "none"], documents=["changed", "x"], embeddings=[[0.0, 1.0], [1.0, 0.0]],
                 metadatas=[{"more": 1, "word": "z"}, {"y": 1}])
    got = notes.get(ids=["id0", "none"], include=["documents", "metadatas", "embeddings"])
    assert got["ids"] == ["id0"] and got["documents"] == ["changed"] and list(got["embeddings"][0]) == [0.0, 1.0]
    assert got["metadatas"] == [{"n": 0, "even": True, "half": 0.0, "more": 1, "word": "z"}]
    notes.upsert(ids=["id0", "up"], embeddings=[[5.0, 5.0], [6.0, 6.0]], uris=["file:a", "file:b"])
    got = notes.get(ids=["id0", "up"], include=["documents", "embeddings", "uris"])
    assert got["documents"] == ["changed", None] and got["uris"] == ["file:a", "file:b"]
    assert [list(e) for e in got["embeddings"]] == [[5.0, 5.0], [6.0, 6.0]]
    assert notes.get(ids=["up"])["metadatas"] == [None]


def test_records_are_deleted(notes):
    notes.delete(ids=["id0", "none"])
    notes.delete(where={"n": {"$gt": 3}})
    notes.delete(where_document={"$contains": "sea"})
    assert notes.get()["ids"] == ["id2", "id3"]


def test_databases_keep_collections_apart(running, chroma, name):
    admin = chromadb.AdminClient(Settings(chroma_api_impl="chromadb.api.fastapi.FastAPI", chroma_server_host="127.0.0.1",
                                          chroma_server_http_port=running.port))
    database = f"db-{name}"
    admin.create_database(database)
    with pytest.raises(UniqueConstraintError):
        admin.create_database(database)
    assert admin.get_database(database)["name"] == database
    assert {"default_database", database} <= {d["name"] for d in admin.list_databases()}
    other = connect(running, database=database)
    made = other.create_collection(name, embedding_function=None)
    assert other.count_collections() == 1 and name not in [c.name for c in chroma.list_collections()]
    chroma.create_collection(name, embedding_function=None)
    assert made.id != chroma.get_collection(name, embedding_function=None).id
    admin.delete_database(database)
    with pytest.raises(NotFoundError):
        admin.get_database(database)
    with pytest.raises(ChromaError):
        other.list_collections()
    chroma.delete_collection(name)
    with pytest.raises(NotFoundError):
        admin.get_tenant("somebody")


def test_what_qdrants_client_wrote_is_there(running, chroma, name):
    made = httpx.put(f"{running.url}/collections/{name}", json={"vectors": {"size": 2, "distance": "Cosine"}})
    assert made.status_code == 200
    httpx.put(f"{running.url}/collections/{name}/points", 
              json={"points": [{"id": 1, "vector": [1, 0], "payload": {"a": 1}}]})
    collection = chroma.get_collection(name, embedding_function=None)
    found = collection.query(query_embeddings=[[1.0, 0.0]])
    assert found["metadatas"] == [[{"a": 1}]] and found["distances"][0][0] == pytest.approx(0, abs=1e-6)


BAD = [
    ("add", {"ids": ["a"], "embeddings": [[1, 2, 3]]}, 400, "wrong_dimensions"),
    ("add", {"ids": ["a"], "embeddings": [[None, 2]]}, 400, "invalid_component"),
    ("add", {"ids": ["a"], "embeddings": [["x", 2]]}, 400, "invalid_component"),
    ("add", {"ids": ["a"], "embeddings": [[1e39, 2]]}, 400, "invalid_component"),
    ("add", {"ids": ["a"], "embeddings": ["AAAA"]}, 400, "invalid_type"),
    ("add", {"ids": ["a"], "embeddings": None}, 400, "missing_required_parameter"),
    ("add", {"ids": ["a", "a"], "embeddings": [[1, 2], [1, 2]]}, 400, "duplicate_id"),
    ("add", {"ids": [""], "embeddings": [[1, 2]]}, 400, "invalid_id"),
    ("add", {"ids": ["x" * 513], "embeddings": [[1, 2]]}, 400, None),
    ("add", {"ids": [], "embeddings": []}, 400, None),
    ("add", {"ids": ["a"], "embeddings": [[1, 2], [1, 2]]}, 400, None),
    ("add", {"ids": ["a"], "embeddings": [[1, 2]], "metadatas": [{"a": {"b": 1}}]}, 400, None),
    ("add", {"ids": ["a"], "embeddings": [[1, 2]], "metadatas": [{"chroma:uri": "x"}]}, 400, None),
    ("add", {"ids": ["a"], "embeddings": [[1, 2]], "colour": 1}, 400, "unknown_parameter"),
    ("add", {"ids": [str(i) for i in range(16_385)], "embeddings": []}, 400, None),
    ("query", {"query_embeddings": [[1, 2]], "n_results": 0}, 400, "invalid_value"),
    ("query", {"query_embeddings": [[1, 2]], "n_results": 16_385}, 400, "invalid_value"),
    ("query", {"query_embeddings": [[1, 2, 3]]}, 400, "wrong_dimensions"),
    ("query", {"query_embeddings": []}, 400, None),
    ("query", {"query_embeddings": [[1, 2]], "include": ["everything"]}, 400, None),
    ("get", {"where": {"a": {"$near": 1}}}, 400, "unknown_operator"),
    ("get", {"where": {"$nor": []}}, 400, "unknown_operator"),
    ("get", {"where": {"a": 1, "b": 2}}, 400, None),
    ("get", {"where": {"a.b": 1}}, 400, "invalid_path"),
    ("get", {"where": {"a": {"$gt": "x"}}}, 400, None),
    ("get", {"where": {"a": {"$in": []}}}, 400, None),
    ("get", {"where_document": {"$regex": ""}}, 400, "invalid_value"),
    ("get", {"where_document": {"$regex": 1}}, 400, "invalid_value"),
    ("get", {"where_document": {"$regex": "a" * 1025}}, 400, "invalid_value"),
    ("get", {"where_document": {"$not_regex": "(a"}}, 400, "invalid_regex"),
    ("query", {"query_embeddings": [[1, 2]], "where_document": {"$regex": "(?=a)"}}, 400, "invalid_regex"),
    ("delete", {"where_document": {"$regex": r"\pL{300}"}}, 400, "regex_too_large"),
    ("get", {"where_document": {"$or": [{"$regex": "a"}] * 17}}, 400, "filter_too_large"),
    ("get", {"where_document": {"$matches": "a"}}, 400, "unknown_operator"),
    ("get", {"where_document": {"$contains": ""}}, 400, None),
    ("get", {"limit": -1}, 400, None),
    ("delete", {}, 400, None),
    ("search", {"searches": []}, 400, "unsupported_parameter"),
    ("explode", {}, 404, "unknown_route"),
]


@pytest.mark.parametrize("given", range(len(BAD)))
def test_bad_input_is_refused_by_name_and_changes_nothing(running, notes, given):
    path, body, status, code = BAD[given]
    url = f"{running.url}/api/v2/tenants/default_tenant/databases/default_database/collections/{notes.id}/{path}"
    answer = httpx.post(url, json=body)
    assert answer.status_code == status, answer.text
    told = answer.json()
    assert told["message"] and told["error"] in ("InvalidArgumentError", "NotFoundError")
    assert code is None or told["code"] == code, told
    assert notes.count() == 6


def test_more_bad_input(running, chroma, notes, name):
    deep = {"n": 1}
    for _ in range(17):
        deep = {"$and": [deep]}
    url = f"{running.url}/api/v2/tenants/default_tenant/databases/default_database/collections"
    assert httpx.post(f"{url}/{notes.id}/get", json={"where": deep}).json()["code"] == "filter_too_deep"
    for bad in ("ab", "a/b", "-ab", "x" * 513):
        assert httpx.post(url, json={"name": bad}).status_code == 400
    assert httpx.post(url, json={"name": "good", "schema": {}}).json()["code"] == "unsupported_parameter"
    assert httpx.post(url, json={"name": "good", "configuration": {"hnsw": {"space": "manhattan"}}}).status_code == 400
    for unknown in (uuid.uuid4(), "77656972-0000-8000-8000-0000000fffff", "none"):
        assert httpx.get(f"{url}/{unknown}/count").status_code == 404
    assert httpx.post(f"{running.url}/api/v2/reset").status_code == 403
    with pytest.raises(InvalidArgumentError):
        notes.add(ids=["z"], embeddings=[[1.0, 2.0, 3.0]])
    zero = chroma.create_collection(f"{name}-zero", configuration={"hnsw": {"space": "cosine"}}, embedding_function=None)
    with pytest.raises(InvalidArgumentError, match="zeros"):
        zero.add(ids=["z"], embeddings=[[0.0, 0.0]])
    assert zero.count() == 0


def test_tenants_do_not_see_each_others_collections(tmp_path):
    with weir_server.Weir(tmp_path / "data") as server:
        environment = weir_server.plain_environment(server.data) | {"WEIR_DATA": str(server.data)}

        def weir(*arguments):
            return subprocess.run([weir_server.WEIR, *arguments], capture_output=True, text=True, env=environment,
                                  timeout=30)

        def key(tenant):
            return json.loads(weir("keys", "create", "--name", tenant, "--tenant", tenant, "--json").stdout)["key"]

        mine, theirs = key("team-a"), key("team-b")
        assert httpx.get(f"{server.url}/api/v2/heartbeat").json()["error"] == "AuthError"
        one, two = (connect(server, headers={"x-chroma-token": secret}) for secret in (mine, theirs))
        secret = one.create_collection("secret", embedding_function=None)
        secret.add(ids=["a"], embeddings=[[1.0]])
        assert two.list_collections() == []
        with pytest.raises(NotFoundError):
            two.get_collection("secret", embedding_function=None)
        url = f"{server.url}/api/v2/tenants/default_tenant/databases/default_database/collections"
        for path in (f"{secret.id}/count", f"by-id/{secret.id}"):
            assert httpx.get(f"{url}/{path}", headers={"authorization": f"Bearer {theirs}"}).status_code == 404
            assert httpx.get(f"{url}/{path}", headers={"authorization": f"Bearer {mine}"}).status_code == 200
        assert httpx.get(url.replace("default_tenant", "team-a"), headers={"x-chroma-token": theirs}).status_code == 404
        assert len(httpx.get(url.replace("default_tenant", "team-a"), headers={"x-chroma-token": mine}).json()) == 1
        # The operator's own command, and a key that may not look at everybody's.
        assert json.loads(weir("collections", "list", "--json").stdout) == []
        listed = json.loads(weir("collections", "list", "--all", "--json").stdout)
        assert [(c["tenant"], c["name"], c["points"]) for c in listed] == [("team-a", "secret", 1)]
        assert httpx.get(f"{server.url}/weir/v1/collections?all=true", headers={"x-api-key": mine}).status_code == 403


def test_the_command_with_and_without_a_server(tmp_path):
    with weir_server.Weir(tmp_path / "data") as server:
        environment = weir_server.plain_environment(server.data) | {"WEIR_DATA": str(server.data)}

        def weir(*arguments):
            return subprocess.run([weir_server.WEIR, "collections", *arguments], capture_output=True, text=True,
                                  env=environment, timeout=30)

        collection = connect(server).create_collection("notes", embedding_function=None)
        collection.add(ids=["a", "b"], embeddings=[[1.0, 2.0], [3.0, 4.0]])
        connect(server).create_collection("more", embedding_function=None)
        running = weir("show", "notes", "--json")
        assert json.loads(running.stdout)["points"] == 2
        assert "notes" in weir("list").stdout and "2 l2" in weir("list").stdout
        assert weir("rm", "none").returncode == 3
        assert weir("rm", "more").returncode == 0
        server.stop()
        assert json.loads(weir("show", "notes", "--json").stdout) == json.loads(running.stdout)
        assert weir("show", "more").returncode == 3
        assert weir("rm", "notes").returncode == 0 and json.loads(weir("list", "--json").stdout) == []
