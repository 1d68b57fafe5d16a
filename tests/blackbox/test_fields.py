"""Each row of docs/fields.md, sent to a real server: what is carried is accepted, what is refused is named."""

import copy
import json
import re

import pytest

import weir_server
from talk import SMALL

DIALECTS = json.loads((weir_server.ROOT / "tests" / "fields.json").read_text())["dialects"]
ROWS = [pytest.param(dialect, field, id=f"{dialect['id']}-{field['name']}")
        for dialect in DIALECTS for field in dialect["fields"]]


def filled(value):
    if value == "MODEL":
        return SMALL
    if isinstance(value, dict):
        return {key: filled(each) for key, each in value.items()}
    return [filled(each) for each in value] if isinstance(value, list) else value


def put(body, name, value):
    """`options.seed` goes into what is in `options` already, `messages[].name` into the last message."""
    *path, last = name.split(".")
    for key in path:
        body = body[key.removesuffix("[]")][-1] if key.endswith("[]") else body.setdefault(key, {})
    body[last] = filled(value)


def body_of(dialect, field, value):
    body = filled(copy.deepcopy(dialect["base"]))
    for name in field.get("without", []):
        body.pop(name, None)
    beside = dialect["beside"][field["in"]] if "in" in field else field.get("with", {})
    for name, each in copy.deepcopy(beside).items():
        body[name] = filled(each)
    put(body, field["name"], value)
    return body


SOUND = ("sound.wav", b"RIFF\x24\0\0\0WAVEfmt ")


def send_form(http, dialect, body):
    """A field with a file's name in it is a file; every other one is a text."""
    files = {"SOUND": SOUND, "NO SOUND": ("sound.wav", b"%PDF-1.7")}
    parts = [(name, files.get(value, (None, str(value)))) for name, value in body.items()]
    return http.post(dialect["route"], files=parts)


def send(http, dialect, body):
    if dialect.get("form"):
        return send_form(http, dialect, body)
    headers = {"anthropic-version": "2023-06-01"} if dialect["id"].startswith("anthropic") else {}
    return http.post(dialect["route"], json=body, headers=headers)


def error_of(answer):
    """(field, words) whatever the dialect's shape."""
    body = answer.json()
    error = body["error"] if isinstance(body.get("error"), dict) else body
    words = error.get("message") or error.get("error") or ""
    return error.get("param") or "", words


@pytest.fixture(scope="module")
def expected():
    """The status of each dialect's request without the field; learnt once."""
    return {}


@pytest.mark.parametrize("dialect, field", ROWS)
def test_a_field_is_what_the_table_says(http, small, embedding, expected, dialect, field):
    if dialect["id"] not in expected:
        expected[dialect["id"]] = send(http, dialect, filled(dialect["base"])).status_code
    if "value" in field:
        answer = send(http, dialect, body_of(dialect, field, field["value"]))
        assert answer.status_code == field.get("status", expected[dialect["id"]]), answer.text
        assert answer.status_code != 400
    for key in {"refused", "wrong"} & field.keys():  # what is wrong in kind, the page does not list
        answer = send(http, dialect, body_of(dialect, field, field[key]))
        assert answer.status_code == field.get("refused_status", 400), answer.text
        param, words = error_of(answer)
        param = re.sub(r"\[\d+\]", "[]", param)
        assert param.startswith(field["name"]) or field["name"] in words, (param, words)


@pytest.mark.parametrize("dialect", DIALECTS, ids=[dialect["id"] for dialect in DIALECTS])
def test_a_field_that_nobody_knows(http, small, embedding, expected, dialect):
    answer = send(http, dialect, filled(dialect["base"]) | {"no_such_field": 1})
    if dialect["id"].startswith("ollama"):
        assert answer.status_code != 400, answer.text
    else:
        assert answer.status_code == 400, answer.text
        param, words = error_of(answer)
        assert "no_such_field" in (param, words) or "no_such_field" in words
