"""Recommendations over Qdrant's API, beside Qdrant's own client asking its local mode the same."""

import random

import httpx
import pytest
from qdrant_client import QdrantClient, models

from qdrant_points import field, name, qdrant, running  # noqa: F401

SIZE = 8
STRATEGIES = [models.RecommendStrategy.AVERAGE_VECTOR, models.RecommendStrategy.BEST_SCORE,
              models.RecommendStrategy.SUM_SCORES]
MAX_SIM = models.MultiVectorConfig(comparator=models.MultiVectorComparator.MAX_SIM)


def dense(chance):
    return [chance.gauss(0.2, 1) for _ in range(SIZE)]


def sparse(chance):
    indices = sorted(chance.sample(range(10), chance.randrange(1, 6)))
    return models.SparseVector(indices=indices, values=[chance.gauss(0.5, 1) for _ in indices])


KINDS = {"cosine": dense, "dot": dense, "euclid": dense, "sparse": sparse,
         "words": lambda chance: [dense(chance) for _ in range(chance.randrange(1, 5))]}


@pytest.fixture(scope="module")
def both(qdrant):
    """The same eighty points here and in the client's own memory."""
    local = QdrantClient(":memory:")
    distance = models.Distance
    for client in (qdrant, local):
        client.create_collection("likes", vectors_config={
            "cosine": models.VectorParams(size=SIZE, distance=distance.COSINE),
            "dot": models.VectorParams(size=SIZE, distance=distance.DOT),
            "euclid": models.VectorParams(size=SIZE, distance=distance.EUCLID),
            "words": models.VectorParams(size=SIZE, distance=distance.COSINE, multivector_config=MAX_SIM),
        }, sparse_vectors_config={"sparse": models.SparseVectorParams()})
        chance = random.Random(12)
        client.upsert("likes", [models.PointStruct(id=i, payload={"n": i},
                                                   vector={kind: make(chance) for kind, make in KINDS.items()})
                                for i in range(80)])
    yield qdrant, local
    qdrant.delete_collection("likes")


@pytest.mark.parametrize("strategy", STRATEGIES)
@pytest.mark.parametrize("using", KINDS)
def test_scores_are_those_of_the_clients_local_mode(both, using, strategy):
    average = strategy == models.RecommendStrategy.AVERAGE_VECTOR
    if average and using == "words":
        pytest.skip("several vectors have no average here")
    chance = random.Random(13)
    asked = [([3], []), ([3, 7], [11])]
    # Averages here are of directions where the metric is cosine, those of the client of vectors as they are given.
    if not (average and using == "cosine"):
        asked.append(([KINDS[using](chance), 5], [KINDS[using](chance), 6, 8]))
    if not average:
        asked.append(([], [4, KINDS[using](chance)]))
    for positive, negative in asked:
        query = models.RecommendQuery(recommend=models.RecommendInput(positive=positive, negative=negative,
                                                                      strategy=strategy))
        only = models.Filter(must=[field("n", range=models.Range(lt=60))])
        ours, theirs = (client.query_points("likes", query=query, using=using, limit=50, query_filter=only).points
                        for client in both)
        scores = {point.id: point.score for point in theirs}
        assert [point.score for point in ours] == pytest.approx([point.score for point in theirs], abs=2e-4)
        for point in ours:
            # Ties, of sparse ones that share nothing with the examples, may come in any order.
            assert point.score == pytest.approx(scores.get(point.id, theirs[-1].score), abs=2e-4)


@pytest.mark.parametrize("using", KINDS)
def test_the_nearest_are_those_of_the_clients_local_mode(both, using):
    query = KINDS[using](random.Random(14))
    ours, theirs = (client.query_points("likes", query=query, using=using, limit=20).points for client in both)
    assert [point.id for point in ours] == [point.id for point in theirs]
    assert [point.score for point in ours] == pytest.approx([point.score for point in theirs], abs=2e-4)


@pytest.mark.parametrize("recommend, code", [
    ({"positive": [1], "strategy": "worst_score"}, "invalid_value"), ({"positive": [], "strategy": "best_score"}, None),
    ({"negative": [1]}, None), ({"positive": [999], "strategy": "sum_scores"}, "point_not_found"),
    ({"positive": [[1.0]], "strategy": "sum_scores"}, "wrong_dimensions"),
    ({"positive": [{"indices": [1], "values": [1.0]}], "strategy": "best_score"}, "wrong_vector_kind"),
    ({"positive": [1] * 1000, "negative": [2] * 25, "strategy": "best_score"}, None),
])
def test_bad_recommendations_are_refused_by_name(running, both, recommend, code):
    answer = httpx.post(f"{running.url}/collections/likes/points/query",
                        json={"query": {"recommend": recommend}, "using": "dot"})
    assert answer.status_code in (400, 404), answer.text
    assert code is None or answer.json()["status"]["code"] == code
