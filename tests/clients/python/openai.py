"""PyPI openai: chat completions."""

import openai
import openai_chat
from tasks import Place

SUBJECTS = "chat stream tools structured embed"


def client(given):
    return openai.OpenAI(base_url=f"{given.url}/v1", api_key="none", max_retries=0)


def chat(given):
    return openai_chat.chat(client(given).chat.completions.create, openai_chat.words(given))


def stream(given):
    return openai_chat.stream(client(given).chat.completions.create, openai_chat.words(given))


def tools(given):
    return openai_chat.tools(client(given).chat.completions.create, openai_chat.words(given), given.streamed)


def structured(given):
    answer = client(given).chat.completions.parse(**openai_chat.words(given), response_format=Place)
    return answer.choices[0].message.parsed


def embed(given):
    answer = client(given).embeddings.create(model=given.embedding, input=given.texts)
    return [entry.embedding for entry in answer.data]
