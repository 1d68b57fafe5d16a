"""PyPI langchain-chroma."""

import urllib.parse

import chromadb
import langchain_stores
from langchain_chroma import Chroma

SUBJECTS = "nearest filtered removed reopened"


def opened(given):
    client = chromadb.HttpClient(host="127.0.0.1", port=urllib.parse.urlsplit(given.url).port)
    return Chroma(client=client, collection_name=given.name, embedding_function=langchain_stores.embeddings(given))


def nearest(given):
    return langchain_stores.found(langchain_stores.filled(opened(given), given), given)


def filtered(given):
    return langchain_stores.found(langchain_stores.filled(opened(given), given), given, filter={"group": given.group})


def removed(given):
    return langchain_stores.removed(langchain_stores.filled(opened(given), given), given)


def reopened(given):
    langchain_stores.filled(opened(given), given)
    return langchain_stores.found(opened(given), given)
