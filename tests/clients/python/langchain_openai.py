"""PyPI langchain-openai."""

import langchain_chat
import langchain_openai

SUBJECTS = "chat stream tools structured embed"


def model(given):
    return langchain_openai.ChatOpenAI(model=given.model, base_url=f"{given.url}/v1", api_key="none", max_retries=0,
                                       temperature=given.temperature, max_tokens=given.tokens, stream_usage=True)


def chat(given):
    return langchain_chat.chat(model(given), given)


def stream(given):
    return langchain_chat.stream(model(given), given)


def tools(given):
    return langchain_chat.tools(model(given), given)


def structured(given):
    return langchain_chat.structured(model(given), given, method="json_schema", strict=True)


def embed(given):
    embeddings = langchain_openai.OpenAIEmbeddings(model=given.embedding, base_url=f"{given.url}/v1", api_key="none",
                                                   check_embedding_ctx_length=False)
    return embeddings.embed_documents(given.texts)
