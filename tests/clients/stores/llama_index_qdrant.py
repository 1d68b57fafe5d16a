"""PyPI llama-index-vector-stores-qdrant."""

import llama_index_stores
from llama_index.vector_stores.qdrant import QdrantVectorStore
from qdrant_client import QdrantClient

SUBJECTS = "nearest filtered removed reopened"


def opened(given):
    return QdrantVectorStore(client=QdrantClient(url=given.url), collection_name=given.name)


nearest, filtered, removed, reopened = llama_index_stores.searching(opened)
