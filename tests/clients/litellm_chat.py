"""What LiteLLM does with each of the dialects that it speaks to Weir."""

import litellm
import openai_chat
from tasks import Place

litellm.suppress_debug_info = True
litellm.telemetry = False


def ask(dialect, base, given):
    """litellm.completion, and the words for it."""
    return litellm.completion, openai_chat.words(given) | {
        "model": f"{dialect}/{given.model}", "api_base": f"{given.url}{base}", "api_key": "none", "max_retries": 0}


async def stream(asked):
    """Asynchronous: only such a stream of LiteLLM's can be closed."""
    events = await litellm.acompletion(**asked, stream=True)
    try:
        async for event in events:
            if event.choices and event.choices[0].delta.content:
                yield event.choices[0].delta.content
    finally:
        await events.aclose()


def structured(create, asked):
    answer = create(**asked, response_format=Place)
    return Place.model_validate_json(answer.choices[0].message.content)


def embed(dialect, base, given):
    answer = litellm.embedding(model=f"{dialect}/{given.embedding}", api_base=f"{given.url}{base}", api_key="none",
                               input=given.texts)
    return [entry["embedding"] for entry in answer.data]
