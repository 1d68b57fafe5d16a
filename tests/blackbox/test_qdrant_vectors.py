"""Kinds of vectors over Qdrant's API, driven by Qdrant's own client: float16, searched by bits, sparse."""

import math
import random
import struct

import httpx
import pytest
from qdrant_client import models
from qdrant_client.http.exceptions import UnexpectedResponse

from qdrant_points import connect, ids, name, qdrant, running  # noqa: F401

DIMENSIONS = 384


def half(x):
    return struct.unpack("<e", struct.pack("<e", x))[0]


def params(**more):
    return models.VectorParams(size=DIMENSIONS, distance=models.Distance.COSINE, **more)


def vectors_of(count):
    chance = random.Random(3)
    return [[chance.gauss(0, 1) for _ in range(DIMENSIONS)] for _ in range(count)]


def test_float16_is_what_comes_back(qdrant, name):
    qdrant.create_collection(name, vectors_config={"half": params(datatype=models.Datatype.FLOAT16), "whole": params()})
    described = qdrant.get_collection(name).config.params.vectors
    assert described["half"].datatype == models.Datatype.FLOAT16 and described["whole"].datatype is None
    vectors = vectors_of(20)
    qdrant.upsert(name, [models.PointStruct(id=i, vector={"half": v, "whole": v}) for i, v in enumerate(vectors)])
    point = qdrant.retrieve(name, [3], with_vectors=True)[0]
    assert point.vector["half"] == pytest.approx([half(x) for x in vectors[3]], rel=1e-6)
    assert point.vector["whole"] == pytest.approx(vectors[3])
    for using in ("half", "whole"):
        found = qdrant.query_points(name, query=vectors[3], using=using, limit=20).points
        assert found[0].id == 3 and found[0].score == pytest.approx(1, abs=1e-5) and len(found) == 20


def test_uint8_keeps_whole_numbers(qdrant, name):
    for distance in (models.Distance.COSINE, models.Distance.DOT, models.Distance.EUCLID):
        qdrant.create_collection(name, vectors_config=models.VectorParams(size=DIMENSIONS, distance=distance,
                                                                          datatype=models.Datatype.UINT8))
        assert qdrant.get_collection(name).config.params.vectors.datatype == models.Datatype.UINT8
        chance = random.Random(4)
        vectors = [[chance.randrange(256) for _ in range(DIMENSIONS)] for _ in range(50)]
        qdrant.upsert(name, [models.PointStruct(id=i, vector=vector) for i, vector in enumerate(vectors)])
        assert qdrant.retrieve(name, [3], with_vectors=True)[0].vector == vectors[3]
        question = vectors_of(1)[0]
        hits = qdrant.query_points(name, query=question, limit=50).points
        for hit in hits:
            v = vectors[hit.id]
            wanted = {models.Distance.DOT: sum(a * b for a, b in zip(v, question)),
                      models.Distance.EUCLID: math.dist(v, question),
                      models.Distance.COSINE: sum(a * b for a, b in zip(v, question)) / math.hypot(*v) / math.hypot(*question)}
            assert hit.score == pytest.approx(wanted[distance], rel=1e-4, abs=1e-4)
        scores = [hit.score for hit in hits]
        assert scores == sorted(scores, reverse=distance != models.Distance.EUCLID)
        with pytest.raises(UnexpectedResponse) as refused:
            qdrant.upsert(name, [models.PointStruct(id=1, vector=[256] * DIMENSIONS)])
        assert b"0 to 255" in refused.value.content
        qdrant.delete_collection(name)


def test_binary_quantization_finds_by_bits_and_scores_exactly(qdrant, name):
    binary = models.BinaryQuantization(binary=models.BinaryQuantizationConfig(always_ram=True))
    scalar = models.ScalarQuantization(scalar=models.ScalarQuantizationConfig(type=models.ScalarType.INT8))
    qdrant.create_collection(name, vectors_config={"bits": params(), "bytes": params(quantization_config=scalar)},
                             quantization_config=binary)
    described = qdrant.get_collection(name).config.params.vectors
    assert described["bits"].quantization_config.binary is not None
    assert described["bytes"].quantization_config is None
    vectors = vectors_of(2000)
    for first in range(0, len(vectors), 500):
        qdrant.upsert(name, [models.PointStruct(id=i, vector={"bits": vectors[i], "bytes": vectors[i]})
                             for i in range(first, first + 500)])
    found = 0
    for question in vectors_of(10):
        near = [x + 0.5 * y for x, y in zip(question, vectors[7])]
        exact = qdrant.query_points(name, query=near, using="bits", limit=10,
                                    search_params=models.SearchParams(exact=True)).points
        by_bits = qdrant.query_points(name, query=near, using="bits", limit=10).points
        found += len(set(ids(exact)) & set(ids(by_bits)))
        scores = {point.id: point.score for point in exact}
        assert all(scores.get(point.id, point.score) == point.score for point in by_bits)
    assert found >= 95
    everything = qdrant.create_collection(name + "-all", vectors_config=params(), quantization_config=binary)
    assert everything and qdrant.get_collection(name + "-all").config.quantization_config.binary is not None
    qdrant.delete_collection(name + "-all")


def sparse(**values):
    """sparse(i3=0.5) has 0.5 at index 3."""
    return models.SparseVector(indices=[int(key[1:]) for key in values], values=list(values.values()))


@pytest.fixture
def words(qdrant, name):
    """A collection with a dense vector, a sparse one and one with idf; four points."""
    qdrant.create_collection(
        name, vectors_config=models.VectorParams(size=2, distance=models.Distance.DOT),
        sparse_vectors_config={
            "plain": models.SparseVectorParams(index=models.SparseIndexParams(on_disk=True)),
            "rare": models.SparseVectorParams(modifier=models.Modifier.IDF)})
    values = [sparse(i7=0.5, i3=-2.0), sparse(i3=1.0, i4000000000=4.0), sparse(i7=3.0), sparse(i9=1.0)]
    qdrant.upsert(name, [models.PointStruct(id=i, vector={"": [i, 1.0], "plain": value, "rare": value},
                                            payload={"n": i}) for i, value in enumerate(values)])
    yield name
    qdrant.delete_collection(name)


def test_sparse_vectors_are_described_and_come_back(qdrant, words):
    described = qdrant.get_collection(words).config.params
    assert described.vectors.size == 2 and set(described.sparse_vectors) == {"plain", "rare"}
    assert described.sparse_vectors["rare"].modifier == models.Modifier.IDF
    point = qdrant.retrieve(words, [0], with_vectors=True)[0]
    assert point.vector["plain"] == models.SparseVector(indices=[3, 7], values=[-2.0, 0.5])
    assert point.vector[""] == [0.0, 1.0]
    assert set(qdrant.retrieve(words, [0], with_vectors=["rare"])[0].vector) == {"rare"}


def test_sparse_vectors_are_found_by_inner_product(running, qdrant, words):
    found = qdrant.query_points(words, query=sparse(i3=1.0, i7=2.0), using="plain", limit=10).points
    assert [(point.id, point.score) for point in found] == [(2, 6.0), (1, 1.0), (0, -1.0)]
    kept = qdrant.query_points(
        words, query=sparse(i3=1.0, i7=2.0), using="plain", limit=10, score_threshold=0.0,
        query_filter=models.Filter(must=[models.FieldCondition(key="n", range=models.Range(lt=2))])).points
    assert ids(kept) == [1]
    # By a point's own vector, and by words that are rare.
    assert ids(qdrant.query_points(words, query=1, using="plain").points) == [0]
    rare = qdrant.query_points(words, query=sparse(i4000000000=1.0, i7=1.0), using="rare").points
    assert [point.id for point in rare] == [1, 2, 0]
    assert rare[0].score == pytest.approx(4 * math.log(1 + 3.5 / 1.5), abs=1e-5)
    assert rare[1].score == pytest.approx(3 * math.log(1 + 2.5 / 2.5), abs=1e-5)
    # The older form of a search.
    older = {"vector": {"name": "plain", "vector": {"indices": [9], "values": [2.0]}}, "limit": 3}
    answer = httpx.post(f"{running.url}/collections/{words}/points/search", json=older).json()
    assert [(point["id"], point["score"]) for point in answer["result"]] == [(3, 2.0)]


def test_sparse_vectors_recommend_by_their_average(qdrant, words):
    def found(using="plain", **examples):
        query = models.RecommendQuery(recommend=models.RecommendInput(**examples))
        return [(point.id, point.score) for point in qdrant.query_points(words, query=query, using=using, limit=10).points]

    # As Qdrant's average: the positives' mean, and as far beyond it as it lies from the negatives'.
    assert found(positive=[2]) == [(0, 1.5)]
    assert found(positive=[sparse(i3=1.0), sparse(i7=3.0)]) == [(2, 4.5), (1, 0.5), (0, -0.25)]
    assert found(positive=[2], negative=[sparse(i7=6.0, i3=-1.0)]) == [(1, 1.0), (0, -2.0)]
    assert found(positive=[2, 0], negative=[sparse(i9=1.0)]) == [(3, -1.0), (1, -2.0)]
    assert found(positive=[3]) == [], "nobody else shares an index with it"
    assert [one[0] for one in found("rare", positive=[2])] == [0]


def test_dense_and_sparse_become_one_list(qdrant, words):
    fused = qdrant.query_points(
        words, query=models.FusionQuery(fusion=models.Fusion.RRF), limit=4,
        prefetch=[models.Prefetch(query=[1.0, 0.0], limit=4),
                  models.Prefetch(query=sparse(i3=1.0, i4000000000=1.0), using="plain", limit=4)]).points
    assert fused[0].id == 1 and set(ids(fused)) == {0, 1, 2, 3}


def test_sparse_vectors_change_and_go(qdrant, words):
    qdrant.update_vectors(words, [models.PointVectors(id=3, vector={"plain": sparse(i1=1.0)})])
    assert ids(qdrant.query_points(words, query=sparse(i1=1.0, i9=1.0), using="plain").points) == [3]
    has = models.Filter(must=[models.HasVectorCondition(has_vector="plain")])
    assert qdrant.count(words, count_filter=has).count == 4
    qdrant.delete_vectors(words, vectors=["plain"], points=[3])
    assert qdrant.count(words, count_filter=has).count == 3
    assert qdrant.query_points(words, query=sparse(i1=1.0), using="plain").points == []
    qdrant.upsert(words, models.Batch(ids=[8, 9], vectors={"plain": [sparse(i1=1.0), sparse(i1=2.0)]}))
    assert ids(qdrant.query_points(words, query=sparse(i1=1.0), using="plain").points) == [9, 8]
    assert qdrant.retrieve(words, [8], with_vectors=True)[0].vector == {"plain": sparse(i1=1.0)}


def test_a_collection_of_sparse_vectors_alone_outlives_a_snapshot(qdrant, name):
    qdrant.create_collection(name, vectors_config={}, sparse_vectors_config={"s": models.SparseVectorParams()})
    qdrant.upsert(name, [models.PointStruct(id=1, vector={"s": sparse(i5=2.0)})])
    made = qdrant.create_snapshot(name)
    qdrant.delete_collection(name)
    assert qdrant.recover_snapshot(name, location=f"file:///{name}/{made.name}")
    found = qdrant.query_points(name, query=sparse(i5=2.0), using="s", with_vectors=True).points
    assert found[0].score == 4.0 and found[0].vector == {"s": sparse(i5=2.0)}
    qdrant.delete_collection(name)


@pytest.mark.parametrize("body, param", [
    ({"vector": {"plain": {"indices": [1, 2], "values": [1.0]}}}, "points[0].vector.plain.values"),
    ({"vector": {"plain": {"indices": [1, 1], "values": [1.0, 2.0]}}}, "points[0].vectors"),
    ({"vector": {"plain": {"indices": [-1], "values": [1.0]}}}, "points[0].vector.plain.indices[0]"),
    ({"vector": {"plain": {"indices": [4294967296], "values": [1.0]}}}, "points[0].vector.plain.indices[0]"),
    ({"vector": {"plain": {"indices": [1], "values": [1e300]}}}, "points[0].vector.plain.values"),
    ({"vector": {"plain": {"indices": list(range(16385)), "values": [1.0] * 16385}}}, "points[0].vector.plain.indices"),
    ({"vector": {"plain": [1.0, 2.0]}}, "points[0].vectors"),
    ({"vector": {"none": {"indices": [1], "values": [1.0]}}}, "points[0].vectors"),
    ({"vector": {"indices": [1], "values": [1.0]}}, "points[0].vector"),
])
def test_bad_sparse_vectors_are_refused_by_name(running, qdrant, words, body, param):
    answer = httpx.put(f"{running.url}/collections/{words}/points", json={"points": [{"id": 50, **body}]})
    assert answer.status_code in (400, 422), answer.text
    assert answer.json()["status"]["param"] == param
    assert qdrant.retrieve(words, [50]) == []


def test_queries_of_the_wrong_kind_are_refused(qdrant, words):
    for query, using in (([1.0, 2.0], "plain"), (sparse(i1=1.0), ""), (sparse(i1=1.0), "none"),
                         (models.RecommendQuery(recommend=models.RecommendInput(positive=[[1.0, 2.0]])), "plain"),
                         (models.RecommendQuery(recommend=models.RecommendInput(positive=[sparse(i1=1.0)])), "")):
        with pytest.raises(UnexpectedResponse) as raised:
            qdrant.query_points(words, query=query, using=using)
        assert raised.value.status_code == 400
