"""PyPI langchain-anthropic."""

import langchain_anthropic
import langchain_chat

SUBJECTS = "chat stream tools structured"


def model(given):
    return langchain_anthropic.ChatAnthropic(model=given.model, base_url=given.url, api_key="none", max_retries=0,
                                             temperature=given.temperature, max_tokens=given.tokens)


def chat(given):
    return langchain_chat.chat(model(given), given)


def stream(given):
    return langchain_chat.stream(model(given), given)


def tools(given):
    return langchain_chat.tools(model(given), given)


def structured(given):
    by_call = langchain_chat.structured(model(given), given, method="function_calling")
    by_format = langchain_chat.structured(model(given), given, method="json_schema")
    assert type(by_call) is type(by_format)
    return by_format
