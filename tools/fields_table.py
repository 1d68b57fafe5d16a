#!/usr/bin/env python3
"""Prints docs/fields.md out of tests/fields.json, the same data that the tests send to a server.

    tools/fields_table.py > docs/fields.md
"""

import json
import pathlib
import sys

ROOT = pathlib.Path(__file__).resolve().parents[1]

HEAD = """# Every field of every dialect

What happens with each field that a client may send: **carried** (it does what the dialect says), **emulated** (Weir does it in
a way of its own), **ignored** (accepted, without effect) or **refused** (400 that names the field). Some carried fields have
values that are refused; the last column says which. Every row is sent to a real server in `make test`
(`tests/blackbox/test_fields.py`), and no field of the dialects' own descriptions is missing. A field that is in no row is
refused by the dialects of OpenAI, Anthropic, llama.cpp and rerank, and ignored by Ollama's, as Ollama does. `messages[].name` is
the name of each message.

This page is generated: `tools/fields_table.py > docs/fields.md`.
"""


def load():
    return json.loads((ROOT / "tests" / "fields.json").read_text())["dialects"]


def cell(text):
    return text.replace("|", "\\|")


def row(field):
    note = field.get("note", "")
    if "refused" in field and field["state"] != "refused" and "refused" not in note:
        value = json.dumps(field["refused"], ensure_ascii=False)
        note += ("; " if note else "") + f"refused: `{value}`"
    return f"| `{field['name']}` | {field['state']} | {cell(note)} |"


def table(dialect):
    counts = ", ".join(f"{sum(field['state'] == state for field in dialect['fields'])} {state}"
                       for state in ("carried", "emulated", "ignored", "refused"))
    lines = [f"## {dialect['title']}", "",
             f"`POST {dialect['route']}`, described in [{dialect['page']}]({dialect['page']}): {counts}.", "",
             "| field | | |", "|---|---|---|", *map(row, dialect["fields"])]
    return "\n".join(lines) + "\n"


def document(dialects):
    return HEAD + "\n" + "\n".join(map(table, dialects))


if __name__ == "__main__":
    sys.stdout.write(document(load()))
