"""What LiteLLM does with each of the dialects that it speaks to Weir."""

import litellm
import openai_chat
from tasks import Place

litellm.suppress_debug_info = True
litellm.telemetry = False


async def streamed(asked):
    """Asynchronous: only such a stream of LiteLLM's can be closed."""
    events = await litellm.acompletion(**asked, stream=True)
    try:
        async for event in events:
            if event.choices and event.choices[0].delta.content:
                yield event.choices[0].delta.content
    finally:
        await events.aclose()


def chatting(dialect, base):
    """chat, stream, tools and structured of a client with `dialect` before the model's name."""

    def words(given):
        return openai_chat.words(given) | {
            "model": f"{dialect}/{given.model}", "api_base": f"{given.url}{base}", "api_key": "none", "max_retries": 0}

    def chat(given):
        return openai_chat.chat(litellm.completion, words(given))

    async def stream(given):
        async for piece in streamed(words(given)):
            yield piece

    def tools(given):
        return openai_chat.tools(litellm.completion, words(given), given.streamed)

    def structured(given):
        answer = litellm.completion(**words(given), response_format=Place)
        return Place.model_validate_json(answer.choices[0].message.content)

    return chat, stream, tools, structured


def embedding(dialect, base):
    """embed, likewise."""

    def embed(given):
        answer = litellm.embedding(model=f"{dialect}/{given.embedding}", api_base=f"{given.url}{base}", api_key="none",
                                   input=given.texts)
        return [entry["embedding"] for entry in answer.data]

    return embed
