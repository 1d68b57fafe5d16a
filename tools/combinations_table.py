#!/usr/bin/env python3
"""Prints docs/combinations.md out of the cases in src/dialects/pairs/testdata, which pairs_test holds the code to.

    tools/combinations_table.py > docs/combinations.md
"""

import json
import pathlib
import sys

ROOT = pathlib.Path(__file__).resolve().parents[1]
CASES = ROOT / "src" / "dialects" / "pairs" / "testdata"
CLIENTS = {"openai": "OpenAI chat", "responses": "OpenAI Responses", "anthropic": "Anthropic", "ollama": "Ollama",
           "llamacpp": "llama.cpp"}
ANSWERERS = {"engine": "local engine", "openai": "OpenAI", "anthropic": "Anthropic", "gemini": "Gemini", "ollama": "Ollama"}
# What the issue of this table asks for, in its order: a subject without a case shows as a gap.
SUBJECTS = ("streaming, and whole", "several tool calls in one turn", "streamed arguments", "tool errors", "forced tools",
            "forbidden tools", "strict JSON schema", "reasoning in the client's form", "images", "stop reasons",
            "usage with cached and reasoning tokens", "log-probabilities", "errors before the stream",
            "errors in the middle of the stream")

HEAD = """# Every client with everyone who answers

What becomes of a request of each dialect that clients speak (down) at each that answers (across), subject by subject.
**carried**: the call that leaves and the bytes that come back to the client are held to a file, streamed and whole, and the
stream is the same wherever the provider's bytes are cut. **refused**: the client gets a 422 that names the field, because who
answers has no such thing; nothing is dropped in silence. A dash: the client's dialect has no words for it. At the local engine
**carried** says that the request reaches it whole and that its answer is told: that a schema is kept to is shown where the
engine is tested (`tests/blackbox/test_structured.py`, `test_tools.py`, `test_reasoning.py`, `test_projectors.py`). Pictures
go to local models with a [projector](models.md#models-that-see-images), to others not (422 `no_images`). No local model hears sound in
a chat, or reads files there (422 `text_only`) other than [those of plain text](openai.md#files).

Each row is a folder in [src/dialects/pairs/testdata](../src/dialects/pairs/testdata), with what the client sends, what the
provider answers and what comes of both; a new folder is a new row, and needs no code. llama.cpp's own routes ask for plain
completions, which of these only the local engine gives (vLLM and llama-server as a backend do too:
[providers.md](providers.md)); its clients speak OpenAI's chats as well, to which the first rows apply.

This page is generated: `tools/combinations_table.py > docs/combinations.md`.
"""
TAIL = """## Cancellation

A client that leaves ends the work, whoever does it: `tests/blackbox/test_combinations.py` leaves in the middle of a stream of
each dialect of chats at each provider and sees the provider's connection end; for the local engine the tests named
`test_a_client_that_leaves_stops_the_work` see its work stop. `POST /v1/responses/{id}/cancel` is for answers in the
background, which Weir does not have yet.
"""


# The engine fetches nothing: what has no bytes is refused there.
BY_ADDRESS = "image_by_url"
PICTURE_AT = "messages[1].content[1]"


def cases():
    """(name, what case.json says), by name."""
    return [(folder.name, json.loads((folder / "case.json").read_text())) for folder in sorted(CASES.iterdir())]


def states(name, client):
    """{answerer: None or the field that is refused}"""
    sections = (CASES / name / "expected" / f"{client}.txt").read_text().split("\n== ")[1:]
    found = {}
    for section in sections:
        answerer, line = section.split("\n", 2)[:2]
        found[answerer] = line.removeprefix("refused: ") if line.startswith("refused: ") else None
    if name == BY_ADDRESS:
        found["engine"] = PICTURE_AT
    return found


def cell(field):
    return "carried" if field is None else f"refused: `{field}`"


def rows_of(name, about):
    link = f"[{name}](../src/dialects/pairs/testdata/{name})"
    for client, title in CLIENTS.items():
        if client in about.get("lacks", {}):
            yield [link, title, f"– {about['lacks'][client]}", *[""] * (len(ANSWERERS) - 1)]
        else:
            found = states(name, client)
            yield [link, title, *(cell(found[answerer]) for answerer in ANSWERERS)]
        link = ""


def table(subject, found):
    lines = [f"## {subject[0].upper()}{subject[1:]}", ""]
    if not found:
        return "\n".join([*lines, "Nothing covers this.", ""])
    lines += [f"- `{name}`: {about['says']}" for name, about in found]
    lines += ["", "| case | client | " + " | ".join(ANSWERERS.values()) + " |", "|" + "---|" * (2 + len(ANSWERERS))]
    lines += ["| " + " | ".join(row) + " |" for name, about in found for row in rows_of(name, about)]
    return "\n".join([*lines, ""])


def summary(all_cases):
    lines = ["## In short", "", "How many cases are carried, and how many are refused by name:", "",
             "| client | " + " | ".join(ANSWERERS.values()) + " |", "|" + "---|" * (1 + len(ANSWERERS))]
    for client, title in CLIENTS.items():
        found = [states(name, client) for name, about in all_cases if client not in about.get("lacks", {})]
        cells = []
        for answerer in ANSWERERS:
            carried = sum(each[answerer] is None for each in found)
            cells.append(f"{carried}, {len(found) - carried} refused" if carried < len(found) else f"{carried}")
        lines.append(f"| {title} | " + " | ".join(cells) + " |")
    return "\n".join([*lines, ""])


def document():
    all_cases = cases()
    tables = [table(subject, [case for case in all_cases if case[1]["subject"] == subject]) for subject in SUBJECTS]
    return "\n".join([HEAD, summary(all_cases), *tables, TAIL])


if __name__ == "__main__":
    sys.stdout.write(document())
