"""What the tests of Qdrant's API share: a server, a client, and a collection of eight points."""

import json
import math
import subprocess
import uuid

import pytest
from qdrant_client import QdrantClient, models

import weir_server

CITIES = ["Kiel", "Bremen", "Husum", "Kappeln"]


def connect(server, **more):
    return QdrantClient(url=server.url, timeout=60, **more)


@pytest.fixture(scope="module")
def running(tmp_path_factory):
    with weir_server.Weir(tmp_path_factory.mktemp("qdrant")) as server:
        yield server


@pytest.fixture(scope="module")
def qdrant(running):
    client = connect(running)
    yield client
    client.close()


@pytest.fixture
def name():
    return f"c-{uuid.uuid4().hex[:12]}"


@pytest.fixture
def plain(qdrant, name):
    """A collection with one unnamed vector and eight points."""
    qdrant.create_collection(name, vectors_config=models.VectorParams(size=4, distance=models.Distance.COSINE))
    points = [models.PointStruct(id=i, vector=[math.cos(i / 8), math.sin(i / 8), 0.1 * i, 0.5],
                                 payload={"city": CITIES[i % 4], "n": i, "tags": ["even"] if i % 2 == 0 else [],
                                          "at": f"2026-0{i + 1}-01T00:00:00Z", "deep": {"x": i, "y": "z"}})
              for i in range(8)]
    done = qdrant.upsert(name, points, wait=True)
    assert done.status == models.UpdateStatus.COMPLETED
    yield name
    qdrant.delete_collection(name)


def key_for(server, tenant):
    """A key for a tenant of its own."""
    environment = weir_server.plain_environment(server.data) | {"WEIR_DATA": str(server.data)}
    made = subprocess.run([weir_server.WEIR, "keys", "create", "--name", tenant, "--tenant", tenant, "--json"],
                          capture_output=True, text=True, env=environment, timeout=30, check=True)
    return json.loads(made.stdout)["key"]


def ids(points):
    return [point.id for point in points]


def field(key, **condition):
    return models.FieldCondition(key=key, **condition)
