"""`weir run` in a pipe: files, formats, and what it refuses."""

import json

import pytest

from talk import SMALL

SHORT = ("--temperature", "0", "--max-tokens", "40")
SCHEMA = {"type": "object", "properties": {"river": {"type": "string", "maxLength": 12}, "tidal": {"type": "boolean"}},
          "required": ["river", "tidal"], "additionalProperties": False}


def prompt_tokens(weir, *arguments):
    return json.loads(weir("run", SMALL, *arguments, "--max-tokens", "1", "--json").stdout)["usage"]["prompt_tokens"]


def test_files_go_behind_the_prompt(weir, http, small, tmp_path):
    notes, more = tmp_path / "notes.txt", tmp_path / "more.txt"
    notes.write_text("The tide came in at noon, and the boats with it. " * 4)
    more.write_text("größer")
    alone = prompt_tokens(weir, "Sum it up:")
    one = prompt_tokens(weir, "Sum it up:", "-f", str(notes))
    both = prompt_tokens(weir, "Sum it up:", "-f", str(notes), "--file", str(more))
    assert alone + 40 < one < both
    whole = "Sum it up:\n\n" + notes.read_text()
    assert prompt_tokens(weir, whole) == one, "as if it had been typed"
    named = f"Sum it up:\n\nnotes.txt:\n{notes.read_text()}\n\nmore.txt:\n{more.read_text()}"
    assert prompt_tokens(weir, named) == both, "several have their names"


def test_an_answer_is_json_or_fits_a_schema(weir, http, small, tmp_path):
    schema = tmp_path / "river.schema.json"
    schema.write_text(json.dumps(SCHEMA))
    done = weir("run", SMALL, "Name a river.", "--format", str(schema), *SHORT)
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    assert set(answer) == {"river", "tidal"} and isinstance(answer["tidal"], bool)
    done = weir("run", SMALL, "A JSON object of one letter:", "--format", "json", "--temperature", "0", "--max-tokens", "1")
    assert done.returncode == 0 and done.stdout.strip().startswith("{"), done


@pytest.mark.parametrize("content, named", [(None, "cannot read"), (b"\xff\xfe", "UTF-8")])
def test_a_file_that_is_no_text_is_named(weir, http, small, tmp_path, content, named):
    path = tmp_path / "notes.txt"
    if content is not None:
        path.write_bytes(content)
    for flag in ("-f", "--format"):
        done = weir("run", SMALL, "Hi", flag, str(path))
        assert done.returncode in (1, 2, 3) and done.stdout == ""
        assert named in done.stderr and "notes.txt" in done.stderr


@pytest.mark.parametrize("text", ["[]", "{", '"json"'])
def test_what_is_no_schema_is_refused_before_anything_is_asked(weir, http, small, tmp_path, text):
    path = tmp_path / "schema.json"
    path.write_text(text)
    done = weir("run", SMALL, "Hi", "--format", str(path))
    assert done.returncode in (1, 2) and "holds no JSON schema" in done.stderr and done.stdout == ""
