"""PyPI openai: the Responses API."""

import json

import openai
from tasks import TOOLS, TURNS_MAX, Place, schema_of

SUBJECTS = "chat stream tools structured"


def client(given):
    return openai.OpenAI(base_url=f"{given.url}/v1", api_key="none", max_retries=0)


def words(given):
    return {"model": given.model, "input": given.question, "max_output_tokens": given.tokens,
            "temperature": given.temperature}


def chat(given):
    answer = client(given).responses.create(**words(given))
    return {"text": answer.output_text, "usage": [answer.usage.input_tokens, answer.usage.output_tokens]}


def stream(given):
    with client(given).responses.create(**words(given), stream=True) as events:
        for event in events:
            if event.type == "response.output_text.delta":
                yield event.delta
            elif event.type == "response.failed":  # the client leaves it to its user what this is
                raise RuntimeError(event.response.error.message)


def tools(given):
    asked = words(given) | {"tools": [{"type": "function", "name": name, "description": tool.__doc__,
                                       "parameters": schema_of(name), "strict": False} for name, tool in TOOLS.items()]}
    responses, previous = client(given).responses, {}
    for _ in range(TURNS_MAX):
        if given.streamed:
            with responses.stream(**asked, **previous) as events:
                answer = events.get_final_response()
        else:
            answer = responses.create(**asked, **previous)
        calls = [item for item in answer.output if item.type == "function_call"]
        if not calls:
            return answer.output_text
        previous = {"previous_response_id": answer.id}
        asked["input"] = [{"type": "function_call_output", "call_id": call.call_id,
                           "output": TOOLS[call.name](**json.loads(call.arguments))} for call in calls]
    raise AssertionError("the model calls tools without end")


def structured(given):
    return client(given).responses.parse(**words(given), text_format=Place).output_parsed
