"""PyPI llama-index-vector-stores-chroma."""

import urllib.parse

import chromadb
import llama_index_stores
from llama_index.vector_stores.chroma import ChromaVectorStore

SUBJECTS = "nearest filtered removed reopened"


def opened(given):
    client = chromadb.HttpClient(host="127.0.0.1", port=urllib.parse.urlsplit(given.url).port)
    return ChromaVectorStore(chroma_collection=client.get_or_create_collection(given.name, embedding_function=None))


nearest, filtered, removed, reopened = llama_index_stores.searching(opened)
