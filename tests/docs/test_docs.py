"""The commands of the documentation, run as they are written.

Every fenced block marked `sh` or `python` of README.md and docs/ runs, page by page and from top to bottom, against a server
of the page's own with the real models. A block is left out by a line right above its fence that says why:

    <!-- not run: downloads 1.7 GB -->

The address 127.0.0.1:9347 in a block stands for the page's server. A command that fails, and an HTTP status of 400 or
above, fails the page.
"""

import dataclasses
import os
import re
import shutil
import subprocess
import sys

import pytest

import weir_server

LANGUAGES = {"sh": "bash", "python": sys.executable}
NOT_RUN = re.compile(r"^<!-- not run: (\S.*) -->$")
PAGE_TIMEOUT_S = 120
NEEDED = "qwen2.5-coder:0.5b"  # `fast`, which stands behind `auto`


@dataclasses.dataclass
class Block:
    place: str
    language: str
    text: str


def blocks_of(name, text):
    """The blocks of a page that are to be run."""
    blocks, opened, skipped = [], None, False
    for number, line in enumerate(text.split("\n"), 1):
        if opened:
            if line == "```":
                if opened.language in LANGUAGES and not skipped:
                    blocks.append(opened)
                opened = None
            else:
                opened.text += line + "\n"
        elif line.startswith("```"):
            opened = Block(f"{name}:{number}", line[3:].strip(), "")
            skipped = bool(NOT_RUN.match(text.split("\n")[number - 2]))
    assert opened is None, f"the block at {opened.place} has no end"
    return blocks


def pages():
    """Those that have something to run."""
    root = weir_server.ROOT
    names = [page.relative_to(root).as_posix() for page in [root / "README.md", *sorted(root.glob("docs/**/*.md"))]]
    return [name for name in names if blocks_of(name, (root / name).read_text())]


def script_of(blocks, python_folder):
    """One bash script for a page, so that a variable of one block is there in the next."""
    lines = ["set -euo pipefail"]
    for i, block in enumerate(blocks):
        lines.append(f"echo '@@ {block.place}' >&2")
        if block.language == "python":
            source = python_folder / f"block{i}.py"
            source.write_text(block.text)
            lines.append(f"'{LANGUAGES['python']}' '{source}'")
        else:
            lines.append(block.text)
    return "\n".join(lines)


@pytest.fixture
def tools(tmp_path):
    """A folder for the front of PATH: the programs that were built, and a curl that fails on an HTTP error."""
    folder = tmp_path / "bin"
    folder.mkdir()
    (folder / "weir").symlink_to(weir_server.WEIR)
    curl = folder / "curl"
    curl.write_text(f'#!/bin/sh\nexec {shutil.which("curl")} --fail-with-body "$@"\n')
    curl.chmod(0o755)
    return folder


@pytest.mark.parametrize("page", pages())
def test_the_commands_of_the_page_run_as_they_are_written(page, tmp_path, tools):
    blocks = blocks_of(page, (weir_server.ROOT / page).read_text())
    model, tag = NEEDED.split(":")
    if not weir_server.WEIR.exists() or not (weir_server.model_store() / "manifests" / model / f"{tag}.json").exists():
        pytest.skip(f"needs the programs and {NEEDED}")
    # Answers are short: what they say is not looked at.
    with weir_server.Weir(tmp_path / "data", models=weir_server.model_store(),
                          environment={"WEIR_LIMITS_OUTPUT_TOKENS": "48"}) as server:
        environment = weir_server.plain_environment(tmp_path) | {
            "WEIR_DATA": str(server.data), "WEIR_MODELS": str(weir_server.model_store()),
            "PATH": f"{tools}:{os.environ['PATH']}"}
        script = script_of(blocks, tmp_path).replace("127.0.0.1:9347", f"127.0.0.1:{server.port}")
        for source in tmp_path.glob("block*.py"):
            source.write_text(source.read_text().replace("127.0.0.1:9347", f"127.0.0.1:{server.port}"))
        done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, errors="replace", cwd=tmp_path,
                              env=environment, stdin=subprocess.DEVNULL, timeout=PAGE_TIMEOUT_S * weir_server.PATIENCE)
        at = [line for line in done.stderr.splitlines() if line.startswith("@@ ")][-1:]
        assert done.returncode == 0, f"{at}: exit {done.returncode}\n{done.stderr[-2000:]}\n{done.stdout[-1000:]}"


def test_blocks_are_found_with_their_language_and_their_reason_not_to_run():
    text = "a\n```sh\none\n```\n<!-- not run: slow -->\n```sh\ntwo\n```\n```toml\nx = 1\n```\n```python\nthree\n```\n"
    assert [(block.place, block.text) for block in blocks_of("p", text)] == [("p:2", "one\n"), ("p:12", "three\n")]


def test_a_page_whose_command_fails_is_noticed(tmp_path):
    script = script_of([Block("p:1", "sh", "x=1\n"), Block("p:5", "sh", 'test "$x" = 2\n')], tmp_path)
    done = subprocess.run(["bash", "-c", script], capture_output=True, text=True)
    assert done.returncode == 1 and done.stderr.splitlines()[-1] == "@@ p:5"
