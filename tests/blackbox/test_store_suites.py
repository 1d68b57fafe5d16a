"""The vector stores of LangChain, LlamaIndex and others over Weir's routes for Qdrant's and Chroma's clients, with Weir's
own embeddings. Part of `make test-long`; docs/clients.md has the table."""

import uuid

import pytest

import suites
from talk import EMBEDDING, long_run

if not long_run():
    pytest.skip("the stores' suites are part of `make test-long`", allow_module_level=True)
if suites.missing():
    pytest.skip(suites.missing(), allow_module_level=True)

STORES = suites.subjects_of("stores")
DOCUMENTS = [
    ("The ferry to the island leaves at noon.", "sea"),
    ("A spring tide follows the new moon and the full moon.", "sea"),
    ("Brot wird aus Mehl, Wasser und Salz gebacken 🍞.", "kitchen"),
    ("The compiler reports an unknown identifier.", "work"),
    ("A boat to the isle departs every midday in summer.", "travel"),
]
QUERY = "When does the boat to the island depart?"
NEAREST = {DOCUMENTS[0][0], DOCUMENTS[4][0]}


@pytest.fixture(scope="module")
def running(tmp_path_factory):
    holder = suites.Running(tmp_path_factory)
    yield holder
    holder.stop()


@pytest.fixture
def given(server, client, embedding):
    texts = [text for text, _ in DOCUMENTS]
    made = client.embeddings.create(model=embedding, input=[*texts, QUERY])
    *vectors, vector = (entry.embedding for entry in made.data)
    documents = [{"id": str(uuid.uuid4()), "text": text, "group": group} for text, group in DOCUMENTS]
    return {"url": server.url, "embedding": EMBEDDING, "name": f"suite-{uuid.uuid4().hex[:12]}", "documents": documents,
            "vectors": vectors, "vector": vector, "query": QUERY, "count": 2, "group": "sea", "ids": [documents[0]["id"]]}


def the_nearest(found):
    assert set(found) == NEAREST


def the_nearest_of_the_group(found):
    assert found == [DOCUMENTS[0][0], DOCUMENTS[1][0]]


def what_is_left(found):
    assert found[0] == DOCUMENTS[4][0] and DOCUMENTS[0][0] not in found and len(found) == 2


FINDS = {"nearest": the_nearest, "filtered": the_nearest_of_the_group, "removed": what_is_left, "reopened": the_nearest}


@pytest.mark.parametrize("path, subject", [pytest.param(path, subject, id=f"{path.stem}-{subject}")
                                           for path, subjects in STORES.items() for subject in subjects])
def test_a_store_finds_what_it_should(running, given, path, subject):
    FINDS[subject](running.get(path).ask(subject, given)["result"])
