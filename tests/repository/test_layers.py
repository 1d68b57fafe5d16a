"""The include lines of src follow the layer table, and the checker that says so sees what is wrong."""

import textwrap

import pytest

import check_layers

TABLE = {
    "layers": {"base": 0, "async": 1, "http": 1, "chat": 2, "dialects/openai": 3, "llama": 3},
    "same_number": {"http": ["async"]},
    "owners": {"^curl/": ["http"], "^llama\\.h$": ["llama"]},
}


def test_every_include_line_follows_the_table():
    breaches, seen = check_layers.check_tree()
    assert seen > 0
    assert breaches == []


@pytest.fixture
def tree(tmp_path):
    for path in ("base/log.h", "async/task.h", "http/server.h", "chat/request.h", "dialects/openai/parse.h"):
        (tmp_path / "src" / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "src" / path).write_text("#pragma once\n")

    def breaches_of(path, text):
        (tmp_path / "src" / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "src" / path).write_text(textwrap.dedent(text))
        return check_layers.check_tree(tmp_path, TABLE)[0]

    return breaches_of


@pytest.mark.parametrize("path, line, expected", [
    ("base/log.cc", '#include "base/log.h"', None),
    ("http/server.cc", '#include "async/task.h"', None),
    ("dialects/openai/parse.cc", '#include "chat/request.h"', None),
    ("llama/model.cc", "#include <llama.h>", None),
    ("llama/model.cc", "#include <vector>", None),
    ("base/log.cc", '#include "chat/request.h"', "chat (2) is above base (0)"),
    ("base/log.cc", '  #  include "chat/request.h"', "chat (2) is above base (0)"),
    ("base/log.cc", "#include <chat/request.h>", "chat (2) is above base (0)"),
    ("chat/request.cc", '#include "dialects/openai/parse.h"', "dialects/openai (3) is above chat (2)"),
    ("async/task.cc", '#include "http/server.h"', "the edge is not listed"),
    ("llama/model.cc", '#include "dialects/openai/parse.h"', "the edge is not listed"),
    ("base/log.cc", "#include <curl/curl.h>", "only http may include it"),
    ("chat/request.cc", '#include "llama.h"', "only llama may include it"),
    ("chat/request.cc", '#include "request.h"', "no such file under src"),
    ("helpers/text.cc", "#include <vector>", "in no row"),
])
def test_one_include_line(tree, path, line, expected):
    breaches = tree(path, line + "\n")
    if expected is None:
        assert breaches == []
    else:
        assert len(breaches) == 1 and expected in breaches[0]
