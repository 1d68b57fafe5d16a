"""PyPI instructor, over the openai package."""

import instructor
import openai
import openai_chat
from tasks import Place

SUBJECTS = "chat stream tools structured"


def client(given, mode=instructor.Mode.TOOLS):
    plain = openai.OpenAI(base_url=f"{given.url}/v1", api_key="none", max_retries=0)
    return instructor.from_openai(plain, mode=mode)


def words(given):
    return openai_chat.words(given) | {"response_model": None}


def chat(given):
    return openai_chat.chat(client(given).chat.completions.create, words(given))


def stream(given):
    return openai_chat.stream(client(given).chat.completions.create, words(given))


def tools(given):
    return openai_chat.tools(client(given).chat.completions.create, words(given), given.streamed)


def structured(given):
    """By a call and by a format, whole and in parts; the same each time."""
    asked = openai_chat.words(given) | {"max_retries": 0}
    by_call = client(given).chat.completions.create(**asked, response_model=Place)
    by_format = client(given, instructor.Mode.JSON_SCHEMA).chat.completions
    whole = by_format.create(**asked, response_model=Place)
    *_, last = by_format.create_partial(**asked, response_model=Place)
    assert isinstance(by_call, Place) and last.model_dump() == whole.model_dump()
    return whole
