"""Qdrant's REST API, driven by Qdrant's own client as it comes from PyPI."""

import datetime
import importlib.metadata
import json
import math
import os
import pathlib
import random
import subprocess
import time
import uuid

import httpx
import pytest
from qdrant_client import models
from qdrant_client.common.version_check import get_server_version, is_compatible
from qdrant_client.http.exceptions import UnexpectedResponse

import weir_server
from qdrant_points import connect, field, ids, key_for, name, plain, qdrant, running  # noqa: F401


def test_the_client_takes_the_version(running):
    version = get_server_version(running.url, {}, None, 10)
    assert is_compatible(importlib.metadata.version("qdrant-client"), version)
    assert httpx.get(f"{running.url}/healthz").status_code == 200


def test_a_collections_life(qdrant, name):
    assert not qdrant.collection_exists(name)
    assert qdrant.create_collection(
        name, vectors_config={"title": models.VectorParams(size=3, distance=models.Distance.DOT),
                              "body": models.VectorParams(size=5, distance=models.Distance.EUCLID, on_disk=True)},
        hnsw_config=models.HnswConfigDiff(m=32), metadata={"owner": "me"})
    assert qdrant.collection_exists(name)
    assert name in [c.name for c in qdrant.get_collections().collections]
    info = qdrant.get_collection(name)
    assert info.status == models.CollectionStatus.GREEN and info.points_count == 0
    assert info.config.params.vectors["body"].size == 5
    assert info.config.params.vectors["body"].distance == models.Distance.EUCLID
    assert info.config.metadata == {"owner": "me"}
    assert qdrant.update_collection(name, metadata={"more": 1})
    assert qdrant.get_collection(name).config.metadata == {"owner": "me", "more": 1}
    with pytest.raises(UnexpectedResponse) as raised:
        qdrant.create_collection(name, vectors_config=models.VectorParams(size=3, distance=models.Distance.DOT))
    assert raised.value.status_code == 409
    assert qdrant.delete_collection(name)
    assert not qdrant.delete_collection(name)
    with pytest.raises(UnexpectedResponse) as raised:
        qdrant.get_collection(name)
    assert raised.value.status_code == 404 and name in raised.value.content.decode()


def test_the_nearest_come_first_with_what_was_asked_for(qdrant, plain):
    found = qdrant.query_points(plain, query=[1.0, 0.0, 0.0, 0.5], limit=3, with_payload=["city", "deep.x"],
                                with_vectors=True).points
    assert ids(found) == [0, 1, 2]
    assert found[0].payload == {"city": "Kiel", "deep": {"x": 0}}
    assert found[0].vector == pytest.approx([1.0, 0.0, 0.0, 0.5])
    assert found[0].score == pytest.approx(1.0, abs=1e-5) and found[0].score > found[1].score
    without = qdrant.query_points(plain, query=3, limit=8,
                                  with_payload=models.PayloadSelectorExclude(exclude=["deep", "tags"])).points
    assert 3 not in ids(without) and len(without) == 7
    assert set(without[0].payload) == {"city", "n", "at"}
    assert qdrant.query_points(plain, query=[1.0, 0, 0, 0.5], score_threshold=0.9999).points[0].id == 0
    assert ids(qdrant.query_points(plain, query=[1.0, 0, 0, 0.5], limit=2, offset=1).points) == [1, 2]
    assert qdrant.query_points(plain, query=[1.0, 0, 0, 0.5], limit=1,
                               search_params=models.SearchParams(exact=True, hnsw_ef=64)).points[0].id == 0


FILTERS = [
    (models.Filter(must=[field("city", match=models.MatchValue(value="Kiel"))]), {0, 4}),
    (models.Filter(must=[field("n", match=models.MatchValue(value=3))]), {3}),
    (models.Filter(must=[field("city", match=models.MatchAny(any=["Kiel", "Husum"]))]), {0, 2, 4, 6}),
    (models.Filter(must=[field("city", match=models.MatchExcept(**{"except": ["Kiel", "Husum"]}))]), {1, 3, 5, 7}),
    (models.Filter(must=[field("city", match=models.MatchText(text="kiel"))]), {0, 4}),
    (models.Filter(must=[field("city", match=models.MatchTextAny(text_any="kiel bremen"))]), {0, 1, 4, 5}),
    (models.Filter(must=[field("n", range=models.Range(gt=2, lte=5))]), {3, 4, 5}),
    (models.Filter(must=[field("at", range=models.DatetimeRange(gte="2026-03-01T00:00:00Z",
                                                                lt="2026-05-01T00:00:00Z"))]), {2, 3}),
    (models.Filter(must_not=[field("n", range=models.Range(lt=6))]), {6, 7}),
    (models.Filter(should=[models.HasIdCondition(has_id=[1, 2]), field("n", match=models.MatchValue(value=7))]),
     {1, 2, 7}),
    (models.Filter(min_should=models.MinShould(min_count=2, conditions=[
        field("city", match=models.MatchValue(value="Kiel")), field("n", range=models.Range(gte=4)),
        field("tags", match=models.MatchValue(value="even"))])), {0, 4, 6}),
    (models.Filter(must=[models.IsEmptyCondition(is_empty=models.PayloadField(key="tags"))]), {1, 3, 5, 7}),
    (models.Filter(must=[field("tags", values_count=models.ValuesCount(gte=1))]), {0, 2, 4, 6}),
    (models.Filter(must=[models.IsNullCondition(is_null=models.PayloadField(key="tags"))]), set()),
    (models.Filter(must=[models.NestedCondition(nested=models.Nested(key="deep", filter=models.Filter(
        must=[field("x", match=models.MatchValue(value=5)), field("y", match=models.MatchValue(value="z"))])))]), {5}),
    (models.Filter(must=[models.Filter(should=[field("n", match=models.MatchValue(value=1))])]), {1}),
    (models.Filter(must=[models.HasVectorCondition(has_vector="")]), set(range(8))),
]


@pytest.mark.parametrize("given", range(len(FILTERS)))
def test_filters(qdrant, plain, given):
    condition, wanted = FILTERS[given]
    page, _ = qdrant.scroll(plain, scroll_filter=condition, limit=100)
    assert set(ids(page)) == wanted
    assert qdrant.count(plain, count_filter=condition).count == len(wanted)
    found = qdrant.query_points(plain, query=[1.0, 0, 0, 0], query_filter=condition, limit=100).points
    assert set(ids(found)) == wanted


def test_places(qdrant, name):
    qdrant.create_collection(name, vectors_config={})
    cities = {1: ("Kiel", 10.12, 54.32), 2: ("Hamburg", 9.99, 53.55), 3: ("Berlin", 13.40, 52.52), 4: ("Lima", -77, -12)}
    qdrant.upsert(name, [models.PointStruct(id=i, vector={}, payload={"at": {"lon": lon, "lat": lat}})
                         for i, (_, lon, lat) in cities.items()])

    def inside(**condition):
        return set(ids(qdrant.scroll(name, scroll_filter=models.Filter(must=[field("at", **condition)]))[0]))

    def point(lon, lat):
        return models.GeoPoint(lon=lon, lat=lat)

    assert inside(geo_radius=models.GeoRadius(center=point(10.0, 53.5), radius=20_000)) == {2}
    assert inside(geo_radius=models.GeoRadius(center=point(10.0, 53.5), radius=100_000)) == {1, 2}
    assert inside(geo_bounding_box=models.GeoBoundingBox(top_left=point(9, 55), bottom_right=point(14, 53))) == {1, 2}
    ring = [point(9, 52), point(14, 52), point(14, 53.6), point(9, 53.6), point(9, 52)]
    assert inside(geo_polygon=models.GeoPolygon(exterior=models.GeoLineString(points=ring))) == {2, 3}
    qdrant.delete_collection(name)


def test_scrolling_goes_through_all_in_the_order_of_ids(qdrant, name):
    qdrant.create_collection(name, vectors_config=models.VectorParams(size=2, distance=models.Distance.DOT))
    wanted = random.Random(1).sample(range(10**6), 57)
    qdrant.upsert(name, [models.PointStruct(id=i, vector=[i, 1]) for i in wanted])
    seen, offset = [], None
    while True:
        page, offset = qdrant.scroll(name, limit=10, offset=offset, with_payload=False)
        seen += ids(page)
        if offset is None:
            break
    assert seen == sorted(wanted)
    qdrant.delete_collection(name)


def test_ordered_by_a_field(qdrant, plain):
    page, offset = qdrant.scroll(plain, limit=3, order_by=models.OrderBy(key="n", direction=models.Direction.DESC))
    assert ids(page) == [7, 6, 5] and offset is None
    page, _ = qdrant.scroll(plain, limit=3, order_by=models.OrderBy(key="n", start_from=4))
    assert ids(page) == [4, 5, 6]
    qdrant.create_payload_index(plain, "at", models.PayloadSchemaType.DATETIME)
    page, _ = qdrant.scroll(plain, limit=2, order_by="at")
    assert ids(page) == [0, 1]
    found = qdrant.query_points(plain, query=models.OrderByQuery(order_by=models.OrderBy(key="n", direction="desc")),
                                limit=2).points
    assert ids(found) == [7, 6]


def test_payloads_are_set_and_taken_away(qdrant, plain):
    def payload(point):
        return qdrant.retrieve(plain, [point])[0].payload

    qdrant.set_payload(plain, {"city": "Lübeck", "new": None}, points=[0, 1])
    assert payload(0)["city"] == "Lübeck" and payload(0)["n"] == 0 and payload(0)["new"] is None
    qdrant.set_payload(plain, {"z": 9}, points=[0], key="deep")
    assert payload(0)["deep"] == {"x": 0, "y": "z", "z": 9}
    qdrant.overwrite_payload(plain, {"only": 1}, points=models.Filter(must=[models.HasIdCondition(has_id=[2])]))
    assert payload(2) == {"only": 1}
    qdrant.delete_payload(plain, ["city", "deep.x"], points=[3])
    assert "city" not in payload(3) and payload(3)["deep"] == {"y": "z"}
    qdrant.clear_payload(plain, points_selector=[4])
    assert payload(4) == {}
    assert qdrant.count(plain, count_filter=FILTERS[0][0]).count == 0
    assert qdrant.query_points(plain, query=[1.0, 0, 0, 0.5], limit=1).points[0].id == 0


def test_vectors_are_changed_and_taken_away(qdrant, name):
    qdrant.create_collection(name, vectors_config={
        "a": models.VectorParams(size=2, distance=models.Distance.COSINE),
        "b": models.VectorParams(size=3, distance=models.Distance.EUCLID)})
    one, two = str(uuid.uuid4()), str(uuid.uuid4())
    qdrant.upsert(name, [models.PointStruct(id=one, vector={"a": [1, 0], "b": [1, 2, 3]}, payload={"p": 1}),
                         models.PointStruct(id=two, vector={"a": [0, 1]})])
    qdrant.update_vectors(name, [models.PointVectors(id=two, vector={"b": [0, 0, 1]})])
    point = qdrant.retrieve(name, [two], with_vectors=True)[0]
    assert point.vector == {"a": [0.0, 1.0], "b": [0.0, 0.0, 1.0]}
    assert qdrant.retrieve(name, [two], with_vectors=["b"])[0].vector == {"b": [0.0, 0.0, 1.0]}
    found = qdrant.query_points(name, query=[0, 0, 0], using="b").points
    assert ids(found) == [two, one] and found[0].score == pytest.approx(1.0)
    assert found[1].score == pytest.approx(math.sqrt(14))
    qdrant.delete_vectors(name, ["b"], points=[one])
    assert ids(qdrant.query_points(name, query=[0, 0, 0], using="b").points) == [two]
    assert qdrant.retrieve(name, [one], with_vectors=True)[0].vector == {"a": [1.0, 0.0]}
    qdrant.delete_collection(name)


def test_points_are_deleted(qdrant, plain):
    qdrant.delete(plain, points_selector=[0, 1, 99])
    assert qdrant.count(plain).count == 6
    qdrant.delete(plain, points_selector=models.Filter(must=[field("n", range=models.Range(gte=6))]))
    assert ids(qdrant.scroll(plain)[0]) == [2, 3, 4, 5]
    assert qdrant.retrieve(plain, [0, 2]) == [qdrant.retrieve(plain, [2])[0]]


def test_several_changes_in_one_request(qdrant, plain):
    done = qdrant.batch_update_points(plain, [
        models.UpsertOperation(upsert=models.PointsList(points=[models.PointStruct(id=50, vector=[1, 1, 1, 1])])),
        models.SetPayloadOperation(set_payload=models.SetPayload(payload={"k": 1}, points=[50])),
        models.DeleteOperation(delete=models.PointIdsList(points=[0]))], wait=True)
    assert [one.status for one in done] == [models.UpdateStatus.COMPLETED] * 3
    assert qdrant.retrieve(plain, [50])[0].payload == {"k": 1} and qdrant.retrieve(plain, [0]) == []


def test_several_queries_groups_and_facets(qdrant, plain):
    answers = qdrant.query_batch_points(plain, [models.QueryRequest(query=[1.0, 0, 0, 0.5], limit=2),
                                                models.QueryRequest(query=5, limit=1, with_payload=True)])
    assert ids(answers[0].points) == [0, 1] and answers[1].points[0].payload["n"] in (4, 6)
    groups = qdrant.query_points_groups(plain, group_by="city", query=[1.0, 0, 0, 0.5], limit=4, group_size=2).groups
    assert [group.id for group in groups] == ["Kiel", "Bremen", "Husum", "Kappeln"]
    assert [ids(group.hits) for group in groups] == [[0, 4], [1, 5], [2, 6], [3, 7]]
    hits = qdrant.facet(plain, key="city", limit=2).hits
    assert [(hit.value, hit.count) for hit in hits] == [("Bremen", 2), ("Husum", 2)]
    assert len(qdrant.query_points(plain, query=models.SampleQuery(sample=models.Sample.RANDOM), limit=5).points) == 5


def test_recommendations_lie_by_the_good_and_off_the_bad(qdrant, plain):
    found = qdrant.query_points(plain, query=models.RecommendQuery(
        recommend=models.RecommendInput(positive=[7, 6], negative=[0])), limit=2).points
    assert ids(found) == [5, 4]


def test_lists_are_fused(qdrant, name):
    qdrant.create_collection(name, vectors_config={
        "a": models.VectorParams(size=2, distance=models.Distance.COSINE),
        "b": models.VectorParams(size=2, distance=models.Distance.EUCLID)})
    qdrant.upsert(name, [models.PointStruct(id=i, vector={"a": [math.cos(i), math.sin(i)], "b": [i, 0]})
                         for i in range(4)])
    prefetch = [models.Prefetch(query=[1.0, 0.0], using="a", limit=3),
                models.Prefetch(query=[2.0, 0.0], using="b", limit=3)]
    found = qdrant.query_points(name, prefetch=prefetch, query=models.FusionQuery(fusion=models.Fusion.RRF)).points
    # By a: 0, 1, 2; by b: 2, then 1 and 3 at the same distance, the earlier first.
    scores = {0: 1 / 2, 1: 1 / 3 + 1 / 3, 2: 1 / 4 + 1 / 2, 3: 1 / 4}
    assert {point.id: point.score for point in found} == pytest.approx(scores)
    assert ids(found) == sorted(scores, key=lambda i: -scores[i])
    weighted = qdrant.query_points(name, prefetch=prefetch, 
                                   query=models.RrfQuery(rrf=models.Rrf(k=1, weights=[1, 0]))).points
    assert weighted[0].id == 0 and weighted[0].score == pytest.approx(1.0)
    spread = qdrant.query_points(name, prefetch=prefetch, query=models.FusionQuery(fusion=models.Fusion.DBSF)).points
    assert spread[0].id in (1, 2) and len(spread) == 4
    among = qdrant.query_points(name, prefetch=prefetch[1], query=[1.0, 0.0], using="a").points
    assert ids(among) == [1, 2, 3]
    qdrant.delete_collection(name)


def test_aliases(qdrant, plain, name):
    other = f"{name}-other"
    qdrant.create_collection(other, vectors_config={})
    qdrant.update_collection_aliases([models.CreateAliasOperation(
        create_alias=models.CreateAlias(collection_name=plain, alias_name=f"{name}-now"))])
    assert qdrant.count(f"{name}-now").count == 8
    assert [a.alias_name for a in qdrant.get_collection_aliases(plain).aliases] == [f"{name}-now"]
    qdrant.update_collection_aliases([
        models.DeleteAliasOperation(delete_alias=models.DeleteAlias(alias_name=f"{name}-now")),
        models.CreateAliasOperation(create_alias=models.CreateAlias(collection_name=other, alias_name=f"{name}-now"))])
    assert qdrant.count(f"{name}-now").count == 0
    qdrant.update_collection_aliases([models.RenameAliasOperation(
        rename_alias=models.RenameAlias(old_alias_name=f"{name}-now", new_alias_name=f"{name}-then"))])
    assert (f"{name}-then", other) in [(a.alias_name, a.collection_name) for a in qdrant.get_aliases().aliases]
    qdrant.delete_collection(other)
    assert qdrant.get_aliases().aliases == []


def test_fields_are_remembered_as_indexed(qdrant, plain):
    qdrant.create_payload_index(plain, "city", models.PayloadSchemaType.KEYWORD)
    qdrant.create_payload_index(plain, "n", models.IntegerIndexParams(type="integer", lookup=True, range=True))
    schema = qdrant.get_collection(plain).payload_schema
    assert schema["city"].data_type == "keyword" and schema["city"].points == 8
    assert schema["n"].data_type == "integer"
    qdrant.delete_payload_index(plain, "city")
    assert set(qdrant.get_collection(plain).payload_schema) == {"n"}


def test_writes_that_add_or_change_alone(qdrant, plain):
    point = models.PointStruct(id=0, vector=[0, 0, 0, 1], payload={"changed": True})
    qdrant.upsert(plain, [point], update_mode=models.UpdateMode.INSERT_ONLY)
    assert "changed" not in qdrant.retrieve(plain, [0])[0].payload
    qdrant.upsert(plain, [point, models.PointStruct(id=77, vector=[0, 0, 0, 1])],
                  update_mode=models.UpdateMode.UPDATE_ONLY)
    assert qdrant.retrieve(plain, [0])[0].payload == {"changed": True} and qdrant.retrieve(plain, [77]) == []


def test_the_clients_upload_in_batches(qdrant, name):
    qdrant.create_collection(name, vectors_config=models.VectorParams(size=16, distance=models.Distance.COSINE))
    numbers = random.Random(2)
    vectors = [[numbers.gauss(0, 1) for _ in range(16)] for _ in range(1000)]
    qdrant.upload_collection(name, vectors=vectors, payload=({"n": i} for i in range(1000)), ids=range(1000), batch_size=256)
    assert qdrant.count(name).count == 1000
    norm = math.dist([0] * 16, vectors[7])
    best = max(range(1000), key=lambda i: sum(a * b for a, b in zip(vectors[7], vectors[i])) /
               (norm * math.dist([0] * 16, vectors[i])) if i != 7 else -2)
    assert qdrant.query_points(name, query=7, limit=1).points[0].id == best
    qdrant.delete_collection(name)


def test_older_clients_search(running, plain):
    answer = httpx.post(f"{running.url}/collections/{plain}/points/search",
                        json={"vector": [1.0, 0, 0, 0.5], "limit": 2, "with_payload": True}).json()
    assert [hit["id"] for hit in answer["result"]] == [0, 1] and answer["status"] == "ok" and answer["time"] >= 0


V = [1.0, 0, 0, 0.5]
BAD = [
    ("PUT", "points", {"points": [{"id": 1, "vector": [1, 2]}]}, 400, "wrong_dimensions", "points[0].vectors"),
    ("PUT", "points", {"points": [{"id": 1, "vector": [0, 0, 0, 0]}]}, 400, "zero_vector", "points[0].vectors"),
    ("PUT", "points", {"points": [{"id": 1, "vector": [1, 2, 3, None]}]}, 400, "invalid_component", "points[0].vector"),
    ("PUT", "points", {"points": [{"id": 1, "vector": [1, 2, 3, 1e39]}]}, 400, "invalid_component", "points[0].vector"),
    ("PUT", "points", {"points": [{"id": -1, "vector": V}]}, 400, "invalid_id", "points[0].id"),
    ("PUT", "points", {"points": [{"id": "seven", "vector": V}]}, 400, "invalid_id", "points[0].id"),
    ("PUT", "points", {"points": [{"id": 1.5, "vector": V}]}, 400, "invalid_id", "points[0].id"),
    ("PUT", "points", {"points": [{"id": 1, "vector": V, "payload": [1]}]}, 400, "invalid_value", "points[0].payload"),
    ("PUT", "points", {"points": [{"id": 1, "vector": V, "paylaod": {}}]}, 400, "unknown_parameter", "points[0].paylaod"),
    ("PUT", "points", {"points": [{"id": 1, "vector": {"x": V}}]}, 400, "unknown_space", "points[0].vectors"),
    ("PUT", "points", {"points": [{"id": 1, "vector": {"indices": [1], "values": [1]}}]}, 400, None, None),
    ("PUT", "points", {"points": [{"id": i, "vector": V} for i in range(16_385)]}, 400, None, "points"),
    ("PUT", "points", {"batch": {"ids": [1, 2], "vectors": [V]}}, 400, None, "batch.vectors"),
    ("PUT", "points", {"points": [{"id": 1, "vector": V, "payload": {"weir:expires_at": "soon"}}]}, 400, "invalid_expiry",
     "points[0].payload.weir:expires_at"),
    ("PUT", "points", {"shard_key": "a", "points": []}, 400, "unsupported_parameter", "shard_key"),
    ("PUT", "points/vectors", {"points": [{"id": 999, "vector": V}]}, 404, "point_not_found", "points[0].id"),
    ("POST", "points/query", {"query": [1, 2]}, 400, "wrong_dimensions", "vector"),
    ("POST", "points/query", {"query": V, "limit": 0}, 400, "invalid_value", "limit"),
    ("POST", "points/query", {"query": V, "limit": 16_385}, 400, "invalid_value", "limit"),
    ("POST", "points/query", {"query": V, "using": "x"}, 400, "unknown_space", "using"),
    ("POST", "points/query", {"query": 999}, 404, "point_not_found", "query"),
    ("POST", "points/query", {"query": {"discover": {}}}, 400, "unsupported_parameter", "query.discover"),
    ("POST", "points/query", {"query": {"fusion": "rrf"}}, 400, None, "prefetch"),
    ("POST", "points/query", {"query": {"text": "x", "model": "m"}}, 400, "unsupported_parameter", "query"),
    ("POST", "points/query", {"query": V, "filter": {"musst": []}}, 400, "unknown_parameter", "filter.musst"),
    ("POST", "points/query", {"query": V, "filter": {"must": [{"key": "a"}]}}, 400, None, "filter.must[0]"),
    ("POST", "points/query", {"query": V, "filter": {"must": [{"key": "a", "match": {"phrase": "b"}}]}}, 400,
     "unsupported_parameter", "filter.must[0].match.phrase"),
    ("POST", "points/query", {"query": V, "filter": {"must": [{"key": "a", "match": {"value": 1.5}}]}}, 400, None,
     "filter.must[0].match.value"),
    ("POST", "points/query", {"query": V, "filter": {"must": [{"key": "a", "range": {"gt": "soon"}}]}}, 400, None,
     "filter.must[0].range.gt"),
    ("POST", "points/query", {"query": V, "filter": {"must": [{"has_id": [{}]}]}}, 400, "invalid_id",
     "filter.must[0].has_id[0]"),
    ("POST", "points/scroll", {"limit": 0}, 400, "invalid_value", "limit"),
    ("POST", "points/scroll", {"order_by": "n", "offset": 3}, 400, None, "offset"),
    ("POST", "points/delete", {}, 400, None, None),
    ("POST", "points/delete", {"points": [1], "filter": {}}, 400, None, None),
    ("POST", "points/payload", {"points": [1]}, 400, "missing_required_parameter", "payload"),
    ("POST", "points/batch", {"operations": [{"explode": {}}]}, 400, "unknown_parameter", "operations[0].explode"),
    ("POST", "facet", {"key": "a", "limit": 0}, 400, None, "limit"),
    ("PUT", "index", {"field_name": "a", "field_schema": "colour"}, 400, None, "field_schema"),
    ("POST", "points/nothing", {}, 404, "unknown_route", None),
]


@pytest.mark.parametrize("given", range(len(BAD)))
def test_bad_input_is_refused_by_name_and_changes_nothing(running, qdrant, plain, given):
    method, path, body, status, code, param = BAD[given]
    answer = httpx.request(method, f"{running.url}/collections/{plain}/{path}", json=body)
    assert answer.status_code == status, answer.text
    told = answer.json()["status"]
    assert told["error"] and (code is None or told["code"] == code) and (param is None or told["param"] == param), told
    assert qdrant.count(plain).count == 8


def test_more_bad_input(running, plain, name):
    fresh = f"{name}-new"

    def refused(body, method="PUT", path=fresh):
        answer = httpx.request(method, f"{running.url}/collections/{path}", content=body)
        assert answer.status_code in (400, 413, 422), answer.text
        return answer.json()["status"]

    deep = '{"filter":' + '{"must":[' * 17 + '{"key":"a","is_null":true}' + "]}" * 17 + "}"
    assert refused(deep, "POST", f"{plain}/points/count")["code"] == "filter_too_deep"
    assert refused("{", "POST", f"{plain}/points/count")["error"]
    assert refused('{"points":[{"id":1,"vector":[NaN,0,0,0]}]}', "PUT", f"{plain}/points")["error"]
    assert refused('{"points":[{"id":1,"vector":[1e999,0,0,0]}]}', "PUT", f"{plain}/points")["error"]
    for vectors in ({"size": 0, "distance": "Cosine"}, {"size": 4, "distance": "Manhattan"}, {"size": 4},
                    {"size": 16385, "distance": "Dot"}, {"size": 4, "distance": "Dot", "datatype": "int4"},
                    {"size": 4, "distance": "Dot", "multivector_config": {"comparator": "min_sim"}}):
        assert refused(json.dumps({"vectors": vectors}))["param"].startswith("vectors.")
    assert refused('{"vectors":{},"sparse_vectors":{"s":{"modifier":"no"}}}')["param"] == "sparse_vectors.s.modifier"
    assert refused('{"vectors":{},"shard_number":2}')["param"] == "shard_number"
    assert refused('{"vectors":{}}', path="a%2Fb")["code"] == "invalid_name"
    assert httpx.get(f"{running.url}/collections/{fresh}").status_code == 404


def test_points_outlive_the_server(tmp_path):
    with weir_server.Weir(tmp_path / "data") as server:
        client = connect(server)
        client.create_collection("kept", vectors_config=models.VectorParams(size=2, distance=models.Distance.DOT))
        client.upsert("kept", [models.PointStruct(id=1, vector=[1, 2], payload={"a": 1})])
        client.create_payload_index("kept", "a", "integer")
        server.kill()
    with weir_server.Weir(tmp_path / "data") as server:
        client = connect(server)
        assert client.retrieve("kept", [1], with_vectors=True)[0].vector == [1.0, 2.0]
        assert client.get_collection("kept").payload_schema["a"].points == 1


def test_tenants_do_not_see_each_others_collections(tmp_path):
    with weir_server.Weir(tmp_path / "data") as server:
        mine, theirs = key_for(server, "a"), key_for(server, "b")
        assert httpx.get(f"{server.url}/collections").status_code == 401
        assert "error" in httpx.get(f"{server.url}/collections", headers={"api-key": "wrong"}).json()["status"]
        with pytest.warns(UserWarning):
            one, two = connect(server, api_key=mine), connect(server, api_key=theirs)
        one.create_collection("secret", vectors_config={})
        one.upsert("secret", [models.PointStruct(id=1, vector={}, payload={"mine": True})])
        assert two.get_collections().collections == [] and not two.collection_exists("secret")
        for call in (lambda: two.get_collection("secret"), lambda: two.scroll("secret"),
                     lambda: two.upsert("secret", [models.PointStruct(id=1, vector={})])):
            with pytest.raises(UnexpectedResponse) as raised:
                call()
            assert raised.value.status_code == 404
        assert not two.delete_collection("secret")
        two.create_collection("secret", vectors_config={})
        assert two.count("secret").count == 0 and one.count("secret").count == 1
        with pytest.raises(UnexpectedResponse) as raised:
            two.update_collection_aliases([models.CreateAliasOperation(
                create_alias=models.CreateAlias(collection_name="a/default/secret", alias_name="x"))])
        assert raised.value.status_code == 404


def test_the_client_for_javascript(running):
    environment = os.environ | {"WEIR_NODE_HOME": str(weir_server.ROOT / "build" / "env" / "node"), "WEIR_URL": running.url}
    done = subprocess.run(["node", pathlib.Path(__file__).resolve().parents[1] / "node" / "qdrant_client.mjs"],
                          capture_output=True, text=True, env=environment, timeout=120)
    assert done.returncode == 0, done.stderr[-4000:]


ENDS = "weir:expires_at"


def test_points_end_at_the_time_in_their_payload(qdrant, name):
    qdrant.create_collection(name, vectors_config=models.VectorParams(size=2, distance=models.Distance.COSINE))
    now = datetime.datetime.now(datetime.timezone.utc)
    qdrant.upsert(name, [
        models.PointStruct(id=1, vector=[1, 0], payload={"n": 1}),
        models.PointStruct(id=2, vector=[1, 0], payload={"n": 1, ENDS: (now - datetime.timedelta(seconds=1)).isoformat()}),
        models.PointStruct(id=3, vector=[1, 0], payload={"n": 1, ENDS: now.timestamp() + 3600}),
        models.PointStruct(id=4, vector=[1, 0], payload={"n": 1, ENDS: int(now.timestamp()) - 5}),
    ])

    def seen():
        answers = [ids(qdrant.scroll(name)[0]), ids(qdrant.query_points(name, query=[1.0, 0.0]).points),
                   ids(qdrant.retrieve(name, [1, 2, 3, 4])), ids(qdrant.query_points(
                       name, query=[1.0, 0.0], query_filter=models.Filter(
                           must=[field("n", match=models.MatchValue(value=1))])).points)]
        assert all(sorted(answer) == sorted(answers[0]) for answer in answers), answers
        assert qdrant.count(name).count == len(answers[0]) == qdrant.facet(name, key="n").hits[0].count
        assert qdrant.get_collection(name).points_count == len(answers[0])
        return sorted(answers[0])

    assert seen() == [1, 3]
    assert qdrant.retrieve(name, [3])[0].payload[ENDS] == now.timestamp() + 3600
    qdrant.set_payload(name, {ENDS: "2020-01-01T00:00:00Z"}, points=[3])
    assert seen() == [1]
    # To a change it is not there any more; written again it is new.
    qdrant.set_payload(name, {ENDS: None}, points=models.Filter())
    assert seen() == [1]
    qdrant.upsert(name, [models.PointStruct(id=3, vector=[1, 0], payload={"n": 1, ENDS: time.time() + 3600})])
    qdrant.delete_payload(name, [ENDS], points=[3])
    assert seen() == [1, 3] and qdrant.retrieve(name, [3])[0].payload == {"n": 1}
    soon = time.time() + 0.3
    qdrant.set_payload(name, {ENDS: soon}, points=[3])
    while qdrant.count(name).count == 2:
        assert time.time() < soon + 1
    assert time.time() >= soon and seen() == [1]
    qdrant.delete_collection(name)


def test_two_thousand_empty_collections_fit_beside_a_model(tmp_path):
    """Each was made, described and searched; the whole server is measured, not what they added."""
    count, most_kib = 2000, 200 * 1000 * 1000 // 1024

    def use(client):
        for i in range(count):
            assert client.get(f"/collections/empty-{i}").json()["result"]["points_count"] == 0
            found = client.post(f"/collections/empty-{i}/points/query", json={"query": [1.0] * 384, "using": "title"})
            assert found.json()["result"]["points"] == []

    vectors = {"title": {"size": 384, "distance": "Cosine"}, "body": {"size": 768, "distance": "Dot"}}
    with weir_server.Weir(tmp_path) as server, httpx.Client(base_url=server.url, timeout=60) as client:
        for i in range(count):
            assert client.put(f"/collections/empty-{i}", json={"vectors": vectors}).status_code == 200
        use(client)
        assert weir_server.Process(server.process.pid).resident_kib() < most_kib
    with weir_server.Weir(tmp_path) as server, httpx.Client(base_url=server.url, timeout=60) as client:
        use(client)
        assert len(client.get("/collections").json()["result"]["collections"]) == count
        assert weir_server.Process(server.process.pid).resident_kib() < most_kib
