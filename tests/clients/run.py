"""Runs one client: reads tasks from standard input, a JSON object a line, and answers each with a line.

  python run.py FILE       FILE is a client's file, see tasks.py
  {"subject": "chat", "given": {...}}   ->   {"result": ...} or {"failed": "the traceback"}

`error` and `cancel` are made here of the client's chat and stream. `cancel` says {"started": [the first piece]}, waits for
a line, gives the stream up, and answers; the process stays, so that the server has only the closing to go by.
"""

import asyncio
import contextlib
import importlib.util
import inspect
import json
import os
import pathlib
import sys
import traceback
import types

import tasks


class Lines:
    """The judge's side. Whatever a library prints goes to standard error."""

    def __init__(self):
        self.out = os.fdopen(os.dup(1), "w", encoding="utf-8")
        os.dup2(2, 1)

    def say(self, value):
        self.out.write(json.dumps(value) + "\n")
        self.out.flush()

    def read(self):
        return sys.stdin.readline()


def load(path):
    spec = importlib.util.spec_from_file_location(f"client_{path.stem}", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


async def pieces_of(stream, pieces):
    """Reads a stream of either kind into `pieces`, which has what came before an error too."""
    if inspect.isasyncgen(stream):
        async with contextlib.aclosing(stream):
            async for piece in stream:
                pieces.append(piece)
    else:
        with contextlib.closing(stream):
            for piece in stream:
                pieces.append(piece)
    return pieces


async def error(client, given):
    pieces = []
    try:
        if given.streamed:
            await pieces_of(client.stream(given), pieces)
        else:
            await value_of(client.chat(given))
    except Exception as raised:  # which one it is, is what the judge wants to know
        return tasks.told(raised) | {"pieces": pieces}
    return {"error": None, "pieces": pieces}


async def cancel(client, given, lines):
    stream = client.stream(given)
    if inspect.isasyncgen(stream):
        return await cancel_task(stream, lines)
    lines.say({"started": [next(stream)]})
    lines.read()
    stream.close()
    return {}


async def cancel_task(stream, lines):
    """An asynchronous program gives up what it waits for by cancelling its task."""
    pieces, first = [], asyncio.Event()

    async def consume():
        async for piece in stream:
            pieces.append(piece)
            first.set()

    task = asyncio.create_task(consume())
    await first.wait()
    lines.say({"started": pieces[:1]})
    await asyncio.to_thread(lines.read)
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task
    return {}


async def value_of(made):
    return await made if inspect.isawaitable(made) else made


async def answer(client, subject, given, lines):
    tasks.ran.clear()
    if subject == "error":
        return await error(client, given)
    if subject == "cancel":
        return await cancel(client, given, lines)
    if subject == "stream":
        return {"pieces": await pieces_of(client.stream(given), [])}
    made = await value_of(getattr(client, subject)(given))
    if subject == "tools":
        return {"text": made, "ran": tasks.ran}
    if subject == "structured":
        return {"place": made.model_dump() if isinstance(made, tasks.Place) else made, "kind": type(made).__name__}
    return {"vectors": [list(map(float, vector)) for vector in made]} if subject == "embed" else made


def run(work, asynchronous):
    """A function that is not asynchronous must not find an event loop that runs; its work never waits for one."""
    if asynchronous:
        return asyncio.run(work)
    try:
        work.send(None)
    except StopIteration as done:
        return done.value
    raise AssertionError("this function says that it is not asynchronous, and waits")


def function_of(client, subject, given):
    """The client's function that does the work."""
    if subject in ("stream", "cancel") or (subject == "error" and given.streamed):
        return client.stream
    return client.chat if subject == "error" else getattr(client, subject)


def main():
    lines = Lines()
    client = load(pathlib.Path(sys.argv[1]).resolve())
    while line := lines.read():
        task = json.loads(line)
        try:
            given = types.SimpleNamespace(**task["given"])
            function = function_of(client, task["subject"], given)
            asynchronous = inspect.iscoroutinefunction(function) or inspect.isasyncgenfunction(function)
            lines.say({"result": run(answer(client, task["subject"], given, lines), asynchronous)})
        except Exception:
            lines.say({"failed": traceback.format_exc()})


if __name__ == "__main__":
    main()
