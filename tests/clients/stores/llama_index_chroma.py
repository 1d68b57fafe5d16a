"""PyPI llama-index-vector-stores-chroma."""

import urllib.parse

import chromadb
import llama_index_stores
from llama_index.vector_stores.chroma import ChromaVectorStore

SUBJECTS = "nearest filtered removed reopened"


def opened(given):
    client = chromadb.HttpClient(host="127.0.0.1", port=urllib.parse.urlsplit(given.url).port)
    return ChromaVectorStore(chroma_collection=client.get_or_create_collection(given.name, embedding_function=None))


def nearest(given):
    return llama_index_stores.found(llama_index_stores.filled(opened(given), given), given)


def filtered(given):
    return llama_index_stores.filtered(llama_index_stores.filled(opened(given), given), given)


def removed(given):
    return llama_index_stores.removed(llama_index_stores.filled(opened(given), given), given)


def reopened(given):
    llama_index_stores.filled(opened(given), given)
    return llama_index_stores.reopened(opened(given), given)
