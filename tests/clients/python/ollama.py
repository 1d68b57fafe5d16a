"""PyPI ollama."""

import ollama
from tasks import TOOLS, TURNS_MAX, Place, user

SUBJECTS = "chat stream tools structured embed"


def client(given):
    return ollama.Client(host=given.url)


def words(given):
    return {"model": given.model, "messages": user(given.question),
            "options": {"temperature": given.temperature, "num_predict": given.tokens}}


def chat(given):
    answer = client(given).chat(**words(given))
    return {"text": answer.message.content, "usage": [answer.prompt_eval_count, answer.eval_count]}


def stream(given):
    for part in client(given).chat(**words(given), stream=True):
        if part.message.content:
            yield part.message.content


def turn(asked, streamed, talker):
    """One answer as a message; Ollama streams each call whole."""
    if not streamed:
        return talker.chat(**asked).message
    message = ollama.Message(role="assistant", content="", tool_calls=[])
    for part in talker.chat(**asked, stream=True):
        message.content += part.message.content or ""
        message.tool_calls += part.message.tool_calls or []
    return message


def tools(given):
    messages, talker = user(given.question), client(given)
    for _ in range(TURNS_MAX):
        message = turn(words(given) | {"messages": messages, "tools": list(TOOLS.values())}, given.streamed, talker)
        if not message.tool_calls:
            return message.content
        messages.append(message)
        for call in message.tool_calls:
            messages.append({"role": "tool", "tool_name": call.function.name,
                             "content": TOOLS[call.function.name](**call.function.arguments)})
    raise AssertionError("the model calls tools without end")


def structured(given):
    answer = client(given).chat(**words(given), format=Place.model_json_schema())
    return Place.model_validate_json(answer.message.content)


def embed(given):
    return client(given).embed(model=given.embedding, input=given.texts).embeddings
