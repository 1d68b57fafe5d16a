"""PyPI litellm as a client, with `ollama_chat/` before the model's name."""

import litellm_chat
import openai_chat

SUBJECTS = "chat stream tools structured embed"


def ask(given):
    return litellm_chat.ask("ollama_chat", "", given)


def chat(given):
    return openai_chat.chat(*ask(given))


async def stream(given):
    async for piece in litellm_chat.stream(ask(given)[1]):
        yield piece


def tools(given):
    return openai_chat.tools(*ask(given), given.streamed)


def structured(given):
    return litellm_chat.structured(*ask(given))


def embed(given):
    return litellm_chat.embed("ollama", "", given)
