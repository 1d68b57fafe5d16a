"""PyPI llama-index-vector-stores-qdrant."""

import llama_index_stores
from llama_index.vector_stores.qdrant import QdrantVectorStore
from qdrant_client import QdrantClient

SUBJECTS = "nearest filtered removed reopened"


def opened(given):
    return QdrantVectorStore(client=QdrantClient(url=given.url), collection_name=given.name)


def nearest(given):
    return llama_index_stores.found(llama_index_stores.filled(opened(given), given), given)


def filtered(given):
    return llama_index_stores.filtered(llama_index_stores.filled(opened(given), given), given)


def removed(given):
    return llama_index_stores.removed(llama_index_stores.filled(opened(given), given), given)


def reopened(given):
    llama_index_stores.filled(opened(given), given)
    return llama_index_stores.reopened(opened(given), given)
