"""What clients have in common whose answers are those of chat completions; `create` is the function that asks."""

import json

from tasks import TOOLS, TURNS_MAX, openai_tools, user


def words(given):
    return {"model": given.model, "messages": user(given.question), "max_tokens": given.tokens,
            "temperature": given.temperature}


def chat(create, asked):
    answer = create(**asked)
    return {"text": answer.choices[0].message.content,
            "usage": [answer.usage.prompt_tokens, answer.usage.completion_tokens]}


def stream(create, asked):
    with create(**asked, stream=True) as events:
        for event in events:
            if event.choices and event.choices[0].delta.content:
                yield event.choices[0].delta.content


def joined(events):
    """The assistant's message of a stream."""
    text, calls = "", {}
    for event in events:
        for choice in event.choices:
            text += choice.delta.content or ""
            for part in choice.delta.tool_calls or []:
                call = calls.setdefault(part.index, {"id": part.id, "type": "function",
                                                     "function": {"name": part.function.name, "arguments": ""}})
                call["function"]["arguments"] += part.function.arguments or ""
    return {"role": "assistant", "content": text or None} | ({"tool_calls": list(calls.values())} if calls else {})


def tools(create, asked, streamed):
    messages = list(asked["messages"])
    for _ in range(TURNS_MAX):
        turn = asked | {"messages": messages, "tools": openai_tools()}
        if streamed:
            message = joined(create(**turn, stream=True))
        else:
            message = create(**turn).choices[0].message.model_dump()
        if not message.get("tool_calls"):
            return message["content"]
        messages.append(message)
        for call in message["tool_calls"]:
            result = TOOLS[call["function"]["name"]](**json.loads(call["function"]["arguments"]))
            messages.append({"role": "tool", "tool_call_id": call["id"], "content": result})
    raise AssertionError("the model calls tools without end")
