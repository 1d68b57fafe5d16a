"""PyPI litellm as a client, with `anthropic/` before the model's name."""

import litellm_chat
import openai_chat

SUBJECTS = "chat stream tools structured"


def ask(given):
    return litellm_chat.ask("anthropic", "", given)


def chat(given):
    return openai_chat.chat(*ask(given))


async def stream(given):
    async for piece in litellm_chat.stream(ask(given)[1]):
        yield piece


def tools(given):
    return openai_chat.tools(*ask(given), given.streamed)


def structured(given):
    return litellm_chat.structured(*ask(given))
