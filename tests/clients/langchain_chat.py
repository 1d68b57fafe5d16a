"""What LangChain's clients have in common: everything but how a model is made."""

import functools
import operator

from langchain_core.messages import HumanMessage
from langchain_core.tools import tool
from tasks import TOOLS, TURNS_MAX, Place


def chat(model, given):
    answer = model.invoke(given.question)
    usage = answer.usage_metadata
    return {"text": answer.text, "usage": [usage["input_tokens"], usage["output_tokens"]]}


def stream(model, given):
    for piece in model.stream(given.question):
        if piece.text:
            yield piece.text


def tools(model, given):
    own = {name: tool(function) for name, function in TOOLS.items()}
    bound = model.bind_tools(list(own.values()))
    messages = [HumanMessage(given.question)]
    for _ in range(TURNS_MAX):
        answer = functools.reduce(operator.add, bound.stream(messages)) if given.streamed else bound.invoke(messages)
        if not answer.tool_calls:
            return answer.text
        messages += [answer, *(own[call["name"]].invoke(call) for call in answer.tool_calls)]
    raise AssertionError("the model calls tools without end")


def structured(model, given, **how):
    return model.with_structured_output(Place, **how).invoke(given.question)
