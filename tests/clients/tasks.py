"""What every client is asked to do. The clients' files import it; tests/blackbox/test_client_suites.py judges.

A client's file holds SUBJECTS, the names of the functions below that it has, and those functions. Each takes `given`:

  chat(given)        {"text", "usage": [prompt tokens, tokens of the answer] or None where the client does not tell}
  stream(given)      a generator (or asynchronous generator) of pieces of text; closing it gives the answer up
  tools(given)       goes on until the model calls no tool any more; the last text. given.streamed: with streams
  structured(given)  a Place
  embed(given)       the vectors of given.texts

Errors and cancellation need no function of their own: they are what chat and stream do with a model that is not there,
and what closing a stream does. What a client offers for these in its own words (an abort signal, a closing method)
belongs into stream's `finally`.
"""

import typing

import pydantic

TURNS_MAX = 8

# Every call of a tool since the last task began: [name, arguments].
ran = []


class Country(pydantic.BaseModel):
    """A country"""

    name: typing.Literal["France", "Italy", "Switzerland"]
    in_the_union: bool


class Place(pydantic.BaseModel):
    """A town and where it lies"""

    city: typing.Literal["Paris", "Rome", "Bern"]
    country: Country
    river: typing.Literal["Seine", "Tiber", "Aare"] | None


def weather(city: str) -> str:
    """The weather in a city."""
    ran.append(["weather", {"city": city}])
    return f"17 degrees in {city}"


def add(a: int, b: int) -> str:
    """The sum of two numbers."""
    ran.append(["add", {"a": a, "b": b}])
    return f"{a} + {b} = {a + b}"


TOOLS = {"weather": weather, "add": add}


def user(text):
    return [{"role": "user", "content": text}]


def schema_of(name):
    """The parameters of a tool as JSON Schema, as clients write it that make none themselves."""
    properties = {"weather": {"city": {"type": "string"}}, "add": {"a": {"type": "integer"}, "b": {"type": "integer"}}}
    return {"type": "object", "properties": properties[name], "required": list(properties[name]),
            "additionalProperties": False}


def openai_tools():
    return [{"type": "function", "function": {"name": name, "description": tool.__doc__, "parameters": schema_of(name)}}
            for name, tool in TOOLS.items()]


def told(error):
    """An exception of a client, for the judge."""
    status = getattr(error, "status_code", None)
    return {"error": type(error).__name__, "status": status if isinstance(status, int) else None, "text": str(error)}
