"""Snapshots of collections over Qdrant's API, with its own client."""

import hashlib
import io

import httpx
import pytest
from qdrant_client import QdrantClient, models
from qdrant_client.http.exceptions import UnexpectedResponse

import weir_server
from qdrant_points import key_for, name, plain, qdrant, running  # noqa: F401


def test_snapshots_bring_back_what_was_there(running, qdrant, plain, name):
    everything = qdrant.scroll(plain, limit=100, with_vectors=True)[0]
    assert qdrant.list_snapshots(plain) == []
    made = qdrant.create_snapshot(plain, wait=True)
    assert made.size > 4096 and made.creation_time
    assert [one.name for one in qdrant.list_snapshots(plain)] == [made.name]
    file = httpx.get(f"{running.url}/collections/{plain}/snapshots/{made.name}")
    assert file.status_code == 200 and len(file.content) == made.size
    assert made.checksum == hashlib.sha256(file.content).hexdigest()
    assert [one.checksum for one in qdrant.list_snapshots(plain)] == [made.checksum]
    assert httpx.head(f"{running.url}/collections/{plain}/snapshots/{made.name}").status_code == 200

    # Into the collection itself, which has changed; its aliases stay.
    qdrant.update_collection_aliases([models.CreateAliasOperation(
        create_alias=models.CreateAlias(collection_name=plain, alias_name=f"{name}-alias"))])
    qdrant.delete(plain, points_selector=[0, 1])
    qdrant.set_payload(plain, {"city": "Sylt"}, points=[2])
    assert qdrant.recover_snapshot(plain, location=made.name, wait=True)
    assert qdrant.scroll(f"{name}-alias", limit=100, with_vectors=True)[0] == everything
    assert qdrant.query_points(plain, query=[1.0, 0, 0, 0.5], limit=1).points[0].id == 0
    # After it was deleted, from the file that is here and from one that is brought.
    qdrant.delete_collection(plain)
    assert qdrant.recover_snapshot(plain, location=f"file:///{plain}/{made.name}", checksum=made.checksum,
                                   priority=models.SnapshotPriority.SNAPSHOT)
    assert qdrant.scroll(plain, limit=100, with_vectors=True)[0] == everything
    other = f"{name}-brought"
    answer = qdrant.http.snapshots_api.recover_from_uploaded_snapshot(
        other, wait=True, priority=models.SnapshotPriority.NO_SYNC, checksum=made.checksum.upper(),
        snapshot=io.BytesIO(file.content))
    assert answer.result is True
    assert qdrant.scroll(other, limit=100, with_vectors=True)[0] == everything
    assert qdrant.get_collection(other).config.params.vectors.size == 4
    qdrant.delete_collection(other)
    assert qdrant.delete_snapshot(plain, made.name)
    assert qdrant.list_snapshots(plain) == []


def test_snapshots_that_are_wrong_change_nothing(running, qdrant, plain):
    made = qdrant.create_snapshot(plain)
    path = f"{running.url}/collections/{plain}/snapshots"

    def refused(answer, status, code, param=None):
        told = answer.json()["status"]
        assert (answer.status_code, told["code"]) == (status, code), answer.text
        assert param is None or told["param"] == param
        assert qdrant.count(plain).count == 8

    for outside in ("../../vectors.db", "/etc/passwd", "file:///etc/passwd", "file:///../lock", "..", "nothing.snapshot"):
        refused(httpx.put(f"{path}/recover", json={"location": outside}), 404, "snapshot_not_found", "location")
    refused(httpx.put(f"{path}/recover", json={"location": "https://example.com/x.snapshot"}), 400,
            "unsupported_parameter", "location")
    for wrong, code in (("00", "invalid_value"), ("0" * 64, "checksum_mismatch")):
        refused(httpx.put(f"{path}/recover", json={"location": made.name, "checksum": wrong}), 400, code, "checksum")
    refused(httpx.put(f"{path}/recover", json={}), 400, "missing_required_parameter", "location")
    for outside in ("..%2F..%2Fvectors.db", "a%2E%2E", "nothing", "x%07.snapshot"):
        refused(httpx.get(f"{path}/{outside}"), 404, "snapshot_not_found")
        refused(httpx.delete(f"{path}/{outside}"), 404, "snapshot_not_found")
    file = httpx.get(f"{path}/{made.name}").content
    for content in (b"", b"no snapshot", file[:-4096], file[:100] + bytes(1000) + file[1100:]):
        refused(httpx.post(f"{path}/upload", files={"snapshot": content}), 400, "invalid_snapshot", "snapshot")
    refused(httpx.post(f"{path}/upload", files={"other": file}), 400, "invalid_form")
    refused(httpx.post(f"{path}/upload", json={}), 400, "invalid_form")
    for wrong, code in (("00", "invalid_value"), ("0" * 64, "checksum_mismatch")):
        refused(httpx.post(f"{path}/upload?checksum={wrong}", files={"snapshot": file}), 400, code, "checksum")
    refused(httpx.post(f"{running.url}/collections/a%2Fb/snapshots/upload", files={"snapshot": file}), 422, "invalid_name")
    refused(httpx.get(f"{running.url}/collections/none/snapshots"), 404, "collection_not_found")
    refused(httpx.post(f"{running.url}/collections/none/snapshots"), 404, "collection_not_found")
    qdrant.delete_snapshot(plain, made.name)


def test_snapshots_are_their_tenants_own(tmp_path):
    with weir_server.Weir(tmp_path) as server:
        one, two = key_for(server, "one"), key_for(server, "two")
        mine = QdrantClient(url=server.url, api_key=one, timeout=60)
        theirs = QdrantClient(url=server.url, api_key=two, timeout=60)
        for client in (mine, theirs):
            client.create_collection("c", vectors_config=models.VectorParams(size=2, distance=models.Distance.DOT))
        mine.upsert("c", [models.PointStruct(id=1, vector=[1, 2])])
        made = mine.create_snapshot("c")
        assert theirs.list_snapshots("c") == []
        with pytest.raises(UnexpectedResponse) as raised:
            theirs.recover_snapshot("c", location=f"file:///c/{made.name}")
        assert raised.value.status_code == 404
        assert httpx.get(f"{server.url}/collections/c/snapshots/{made.name}", headers={"api-key": two}).status_code == 404
        assert httpx.get(f"{server.url}/collections/c/snapshots/{made.name}", headers={"api-key": one}).status_code == 200
        assert theirs.count("c").count == 0 and mine.count("c").count == 1
