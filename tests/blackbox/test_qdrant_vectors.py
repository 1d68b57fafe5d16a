"""Kinds of vectors over Qdrant's API, driven by Qdrant's own client: float16, searched by bits."""

import random
import struct

import pytest
from qdrant_client import models

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
    assert point.vector["half"] == [half(x) for x in vectors[3]]
    assert point.vector["whole"] == pytest.approx(vectors[3])
    for using in ("half", "whole"):
        found = qdrant.query_points(name, query=vectors[3], using=using, limit=20).points
        assert found[0].id == 3 and found[0].score == pytest.approx(1, abs=1e-5) and len(found) == 20


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
