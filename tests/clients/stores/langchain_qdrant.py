"""PyPI langchain-qdrant."""

import langchain_stores
from langchain_qdrant import QdrantVectorStore
from qdrant_client import QdrantClient, models

SUBJECTS = "nearest filtered removed reopened"


def empty(given):
    client = QdrantClient(url=given.url)
    client.create_collection(given.name, vectors_config=models.VectorParams(size=384, distance=models.Distance.COSINE))
    return QdrantVectorStore(client=client, collection_name=given.name, embedding=langchain_stores.embeddings(given))


def filled(given):
    return langchain_stores.filled(empty(given), given)


def nearest(given):
    return langchain_stores.found(filled(given), given)


def filtered(given):
    of_group = models.FieldCondition(key="metadata.group", match=models.MatchValue(value=given.group))
    return langchain_stores.found(filled(given), given, filter=models.Filter(must=[of_group]))


def removed(given):
    return langchain_stores.removed(filled(given), given)


def reopened(given):
    filled(given)
    store = QdrantVectorStore.from_existing_collection(
        url=given.url, collection_name=given.name, embedding=langchain_stores.embeddings(given))
    return langchain_stores.found(store, given)
