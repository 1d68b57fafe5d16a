"""PyPI langchain-ollama."""

import langchain_chat
import langchain_ollama

SUBJECTS = "chat stream tools structured embed"


def model(given):
    return langchain_ollama.ChatOllama(model=given.model, base_url=given.url, temperature=given.temperature,
                                       num_predict=given.tokens)


def chat(given):
    return langchain_chat.chat(model(given), given)


def stream(given):
    return langchain_chat.stream(model(given), given)


def tools(given):
    return langchain_chat.tools(model(given), given)


def structured(given):
    return langchain_chat.structured(model(given), given, method="json_schema")


def embed(given):
    return langchain_ollama.OllamaEmbeddings(model=given.embedding, base_url=given.url).embed_documents(given.texts)
