"""Several vectors of one point over Qdrant's API (late interaction), driven by Qdrant's own client."""

import math
import random

import httpx
import pytest
from qdrant_client import models
from qdrant_client.http.exceptions import UnexpectedResponse

import weir_server
from qdrant_points import connect, field, ids, name, qdrant, running  # noqa: F401

SIZE = 16
MAX_SIM = models.MultiVectorConfig(comparator=models.MultiVectorComparator.MAX_SIM)


def several(distance=models.Distance.COSINE, size=SIZE, **more):
    return models.VectorParams(size=size, distance=distance, multivector_config=MAX_SIM, **more)


def tokens(chance, count):
    return [[chance.gauss(0, 1) for _ in range(SIZE)] for _ in range(count)]


def cosine(a, b):
    return sum(x * y for x, y in zip(a, b)) / math.hypot(*a) / math.hypot(*b)


def late(query, document):
    return sum(max(cosine(q, d) for d in document) for q in query)


@pytest.fixture
def papers(qdrant, name):
    """A dense vector, and several; forty points, of which every tenth has the first alone."""
    qdrant.create_collection(name, vectors_config={
        "whole": models.VectorParams(size=SIZE, distance=models.Distance.COSINE),
        "words": several(hnsw_config=models.HnswConfigDiff(m=0))})
    chance = random.Random(5)
    documents = {i: tokens(chance, 1 + i % 7) for i in range(40)}
    qdrant.upsert(name, [models.PointStruct(
        id=i, payload={"n": i, "half": "ab"[i % 2]},
        vector={"whole": [sum(x) for x in zip(*document)]} | ({} if i % 10 == 9 else {"words": document}))
        for i, document in documents.items()])
    yield name, {i: document for i, document in documents.items() if i % 10 != 9}
    qdrant.delete_collection(name)


def test_they_are_described_and_come_back(qdrant, papers):
    name, documents = papers
    described = qdrant.get_collection(name).config.params.vectors
    assert described["words"].multivector_config == MAX_SIM and described["words"].size == SIZE
    assert described["whole"].multivector_config is None
    point = qdrant.retrieve(name, [12], with_vectors=["words"])[0]
    assert list(point.vector) == ["words"]
    assert [pytest.approx(one) for one in point.vector["words"]] == documents[12]
    page, _ = qdrant.scroll(name, limit=40, with_vectors=True)
    assert {p.id: len(p.vector["words"]) for p in page if "words" in p.vector} == {i: len(d) for i, d in documents.items()}
    has = models.Filter(must=[models.HasVectorCondition(has_vector="words")])
    assert qdrant.count(name, count_filter=has).count == 36


def test_the_sum_of_the_largest_similarities_orders_them(qdrant, papers):
    name, documents = papers
    chance = random.Random(6)
    for count in (1, 4):
        question = tokens(chance, count)
        wanted = sorted(documents, key=lambda i: -late(question, documents[i]))
        for query in [question] + ([question[0]] if count == 1 else []):
            found = qdrant.query_points(name, query=query, using="words", limit=50, with_payload=True).points
            assert ids(found) == wanted
            assert [p.score for p in found] == pytest.approx([late(question, documents[i]) for i in wanted], abs=1e-5)
        odd = models.Filter(must=[field("half", match=models.MatchValue(value="b"))])
        found = qdrant.query_points(name, query=question, using="words", limit=5, query_filter=odd,
                                    search_params=models.SearchParams(exact=True)).points
        assert ids(found) == [i for i in wanted if i % 2 == 1][:5]
    # By a point's own: it is not among them, and who has none cannot be asked by.
    own = qdrant.query_points(name, query=12, using="words", limit=3).points
    assert ids(own) == sorted((i for i in documents if i != 12), key=lambda i: -late(documents[12], documents[i]))[:3]
    with pytest.raises(UnexpectedResponse, match="vector_not_found"):
        qdrant.query_points(name, query=9, using="words")


def test_what_prefetches_found_is_ordered_anew(qdrant, papers):
    name, documents = papers
    question = tokens(random.Random(7), 3)
    whole = [sum(x) for x in zip(*question)]
    first = ids(qdrant.query_points(name, query=whole, using="whole", limit=12).points)
    found = qdrant.query_points(name, query=question, using="words", limit=5,
                                prefetch=models.Prefetch(query=whole, using="whole", limit=12)).points
    assert ids(found) == sorted((i for i in first if i in documents), key=lambda i: -late(question, documents[i]))[:5]
    # And the other way round: it is one of two lists.
    fused = qdrant.query_points(name, query=models.FusionQuery(fusion=models.Fusion.RRF), limit=3, prefetch=[
        models.Prefetch(query=whole, using="whole", limit=5), models.Prefetch(query=question, using="words", limit=5)])
    assert len(fused.points) == 3
    groups = qdrant.query_points_groups(name, query=question, using="words", group_by="half", limit=2, group_size=2).groups
    assert {g.id for g in groups} == {"a", "b"} and all(len(g.hits) == 2 for g in groups)


def test_they_change_and_go(qdrant, papers):
    name, documents = papers
    far = [[100.0] + [0.0] * (SIZE - 1), [0.0] * (SIZE - 1) + [1.0]]
    qdrant.update_vectors(name, [models.PointVectors(id=9, vector={"words": far}),
                                 models.PointVectors(id=0, vector={"words": far[0]})])
    assert qdrant.retrieve(name, [9], with_vectors=["words"])[0].vector["words"] == far
    assert qdrant.retrieve(name, [0], with_vectors=["words"])[0].vector["words"] == far[:1], "one is a list of one"
    assert set(ids(qdrant.query_points(name, query=[far[0]], using="words", limit=2).points)) == {0, 9}
    qdrant.delete_vectors(name, vectors=["words"], points=[9])
    assert qdrant.retrieve(name, [9], with_vectors=["words"])[0].vector == {}
    qdrant.delete(name, [0])
    found = ids(qdrant.query_points(name, query=[far[0]], using="words", limit=50).points)
    assert set(found) == set(documents) - {0}
    qdrant.upsert(name, models.Batch(ids=[50, 51], vectors={"words": [far, far[:1]]}))
    assert set(ids(qdrant.query_points(name, query=[far[0]], using="words", limit=2).points)) == {50, 51}


@pytest.mark.parametrize("distance, close", [
    (models.Distance.DOT, lambda q, d: sum(max(sum(x * y for x, y in zip(a, b)) for b in d) for a in q)),
    (models.Distance.EUCLID, lambda q, d: math.sqrt(sum(min(math.dist(a, b) ** 2 for b in d) for a in q)))])
def test_they_may_be_the_only_vector_and_of_any_distance_and_outlive_a_snapshot(qdrant, name, distance, close):
    qdrant.create_collection(name, vectors_config=several(distance, datatype=models.Datatype.FLOAT16))
    chance = random.Random(8)
    documents = [[[chance.randrange(-8, 9) / 2 for _ in range(SIZE)] for _ in range(1 + i % 3)] for i in range(20)]
    qdrant.upsert(name, [models.PointStruct(id=i, vector=document) for i, document in enumerate(documents)])
    made = qdrant.create_snapshot(name)
    qdrant.delete_collection(name)
    assert qdrant.recover_snapshot(name, location=f"file:///{name}/{made.name}")
    assert qdrant.retrieve(name, [5], with_vectors=True)[0].vector == documents[5]
    question = documents[3][:1] + documents[4]
    wanted = sorted(range(20), key=lambda i: close(question, documents[i]) * (1 if distance == "Euclid" else -1))
    found = qdrant.query_points(name, query=question, limit=20).points
    assert [p.score for p in found] == pytest.approx([close(question, documents[i]) for i in wanted], abs=1e-3)
    qdrant.delete_collection(name)


def test_they_outlive_the_servers_death(tmp_path):
    with weir_server.Weir(tmp_path / "data") as server:
        client = connect(server)
        client.create_collection("kept", vectors_config=several(models.Distance.DOT, 2))
        client.upsert("kept", [models.PointStruct(id=1, vector=[[1.0, 2.0], [3.0, 4.0]])])
        server.kill()
    with weir_server.Weir(tmp_path / "data") as server:
        client = connect(server)
        assert client.retrieve("kept", [1], with_vectors=True)[0].vector == [[1.0, 2.0], [3.0, 4.0]]
        assert client.query_points("kept", query=[[1.0, 0.0], [0.0, 1.0]]).points[0].score == 7.0


WORD = [1.0] * SIZE


@pytest.mark.parametrize("vector, code, param", [
    ({"words": [WORD, WORD[1:]]}, "wrong_dimensions", "points[0].vectors"),
    ({"words": [WORD, [0.0] * SIZE]}, "zero_vector", "points[0].vectors"),
    ({"words": []}, "wrong_dimensions", "points[0].vector.words"),
    ({"words": [[]]}, "wrong_dimensions", "points[0].vector.words[0]"),
    ({"words": [WORD, []]}, "wrong_dimensions", "points[0].vector.words[1]"),
    ({"words": [WORD, "x"]}, "invalid_type", "points[0].vector.words[1]"),
    ({"words": [WORD, [None] * SIZE]}, "invalid_component", "points[0].vector.words[1]"),
    ({"words": [WORD, [1e39] * SIZE]}, "invalid_component", "points[0].vector.words[1]"),
    ({"words": [[WORD]]}, "invalid_component", "points[0].vector.words[0]"),
    ({"words": [1.0, WORD]}, "invalid_component", "points[0].vector.words"),
    ({"words": [[1.0]] * 4097}, "too_many_vectors", "points[0].vector.words"),
    ({"words": {"indices": [1], "values": [1.0]}}, "wrong_vector_kind", "points[0].vectors"),
    ({"whole": [WORD]}, "wrong_vector_kind", "points[0].vectors"),
    ({"none": [WORD]}, "unknown_space", "points[0].vectors"),
])
def test_bad_ones_are_refused_by_name(running, qdrant, papers, vector, code, param):
    answer = httpx.put(f"{running.url}/collections/{papers[0]}/points", json={"points": [{"id": 70, "vector": vector}]})
    told = answer.json()["status"]
    assert answer.status_code == 400 and (told["code"], told["param"]) == (code, param), answer.text
    assert qdrant.retrieve(papers[0], [70]) == []


@pytest.mark.parametrize("query, using, code", [
    ([WORD, WORD[1:]], "words", "wrong_dimensions"), ([[0.0] * SIZE], "words", "zero_vector"),
    ([WORD], "whole", "wrong_vector_kind"), ({"indices": [1], "values": [1.0]}, "words", "wrong_vector_kind"),
    ([[1.0]] * 4097, "words", "too_many_vectors"), ([WORD, [None]], "words", "invalid_component"),
    ({"recommend": {"positive": [1]}}, "words", "unsupported_parameter"),
])
def test_queries_of_the_wrong_kind_are_refused(running, papers, query, using, code):
    answer = httpx.post(f"{running.url}/collections/{papers[0]}/points/query", json={"query": query, "using": using})
    assert answer.status_code == 400 and answer.json()["status"]["code"] == code, answer.text
