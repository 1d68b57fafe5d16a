"""What LiteLLM does with each of the dialects that it speaks to Weir."""

import functools

import litellm
import openai_chat
from tasks import Place

litellm.suppress_debug_info = True
litellm.telemetry = False


def ask(dialect, base, given):
    """litellm.completion with the address in it, and the words for it."""
    create = functools.partial(litellm.completion, api_base=f"{given.url}{base}", api_key="none", max_retries=0)
    return create, openai_chat.words(given) | {"model": f"{dialect}/{given.model}"}


def structured(create, asked):
    answer = create(**asked, response_format=Place)
    return Place.model_validate_json(answer.choices[0].message.content)


def embed(dialect, base, given):
    answer = litellm.embedding(model=f"{dialect}/{given.embedding}", api_base=f"{given.url}{base}", api_key="none",
                               input=given.texts)
    return [entry["embedding"] for entry in answer.data]
