"""What LangChain's vector stores have in common: everything but how one is opened and how a filter is written."""

from langchain_core.documents import Document
from langchain_openai import OpenAIEmbeddings


def embeddings(given):
    return OpenAIEmbeddings(model=given.embedding, base_url=f"{given.url}/v1", api_key="none",
                            check_embedding_ctx_length=False)


def filled(store, given):
    documents = [Document(id=entry["id"], page_content=entry["text"], metadata={"group": entry["group"]})
                 for entry in given.documents]
    assert store.add_documents(documents) == [entry["id"] for entry in given.documents]
    return store


def found(store, given, **more):
    return [document.page_content for document in store.similarity_search(given.query, k=given.count, **more)]


def removed(store, given):
    store.delete(ids=given.ids)
    assert store.get_by_ids(given.ids) == []
    return found(store, given)
