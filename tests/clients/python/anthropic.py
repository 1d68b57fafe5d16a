"""PyPI anthropic."""

import anthropic
from tasks import TOOLS, TURNS_MAX, Place, schema_of, user

SUBJECTS = "chat stream tools structured"


def client(given):
    return anthropic.Anthropic(base_url=given.url, api_key="none", max_retries=0)


def words(given):
    # Newer clients have no word for temperature any more; the API has.
    return {"model": given.model, "messages": user(given.question), "max_tokens": given.tokens,
            "extra_body": {"temperature": given.temperature}}


def chat(given):
    answer = client(given).messages.create(**words(given))
    usage = answer.usage
    return {"text": answer.content[0].text,
            "usage": [usage.input_tokens + (usage.cache_read_input_tokens or 0), usage.output_tokens]}


def stream(given):
    with client(given).messages.stream(**words(given)) as events:
        yield from events.text_stream


def tools(given):
    messages, messenger = user(given.question), client(given).messages
    for _ in range(TURNS_MAX):
        asked = words(given) | {"messages": messages, "tools": [
            {"name": name, "description": tool.__doc__, "input_schema": schema_of(name)} for name, tool in TOOLS.items()]}
        if given.streamed:
            with messenger.stream(**asked) as events:
                answer = events.get_final_message()
        else:
            answer = messenger.create(**asked)
        if answer.stop_reason != "tool_use":
            return "".join(block.text for block in answer.content if block.type == "text")
        results = [{"type": "tool_result", "tool_use_id": block.id, "content": TOOLS[block.name](**block.input)}
                   for block in answer.content if block.type == "tool_use"]
        messages += [{"role": "assistant", "content": answer.content}, {"role": "user", "content": results}]
    raise AssertionError("the model calls tools without end")


def structured(given):
    return client(given).messages.parse(**words(given), output_format=Place).parsed_output
