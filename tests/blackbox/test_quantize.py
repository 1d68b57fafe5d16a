"""weir quantize: a smaller model out of one with whole weights, made by a process of its own, stored whole or not at all."""

import json
import signal

import pytest

import weir_server
from hub import Hub, gguf
from own_store import Store, one_line, place
from talk import SMALL

KIND = "quantisation"


@pytest.fixture
def store(tmp_path):
    with Hub() as hub:
        yield Store(tmp_path, hub)


def shown(store, name):
    return json.loads(store("show", name, "--json").stdout)


def left_behind(store):
    return [path for path in (store.root / "partial").glob("*/*") if path.name != "lock"]


def test_a_file_becomes_a_smaller_model_that_answers(store, stories):
    done = store("quantize", stories, "q4_k_m", "--name", "tiny:q4")
    assert done.returncode == 0 and done.stdout.startswith("tiny:q4 made (Q4_K_M "), done
    assert shown(store, "tiny:q4")[KIND] == "Q4_K_M"
    assert shown(store, "tiny:q4")["size"] < stories.stat().st_size / 2
    answer = store("run", "tiny:q4", "Once upon a time")
    assert answer.returncode == 0 and len(answer.stdout) > 20, answer
    assert left_behind(store) == []


def test_the_name_is_made_of_the_model_and_the_type(store, stories):
    lines = [json.loads(line) for line in store("quantize", stories, "FP16", "--json").stdout.splitlines()]
    assert lines[-1]["event"] == "done" and lines[-1]["name"] == "stories260k-f32:f16", lines
    assert all(line["event"] == "progress" and 0 <= line["fraction"] <= 1 for line in lines[:-1]) and lines[:-1]
    assert store("quantize", "stories260k-f32:f16", "Q8_0").returncode == 0
    assert store.names() == ["stories260k-f32:f16", "stories260k-f32:f16-q8_0"]


def test_a_name_with_a_namespace_is_no_path(store, stories):
    assert store("quantize", stories, "F16", "--name", "me/tiny:f16").returncode == 0
    assert shown(store, "me/tiny:f16")[KIND] == "F16"
    assert store("quantize", "me/tiny:f16", "Q8_0").returncode == 0
    assert store.names() == ["me/tiny:f16", "me/tiny:f16-q8_0"]


def test_words_of_ones_own_go_along(store, stories):
    place(stories, store.home / "my.gguf")
    (store.home / "Modelfile").write_text("FROM ./my.gguf\nPARAMETER temperature 0.2\nSYSTEM Be brief.\n")
    assert store("create", "mine", "-f", "Modelfile").returncode == 0
    assert store("quantize", "mine", "Q8_0", "--name", "mine:small").returncode == 0
    made = json.loads((store.root / "manifests" / "mine" / "small.json").read_text())
    assert made["system"] == "Be brief." and made["parameters"] == {"temperature": 0.2}
    assert made["source"] == "quantize:mine:latest Q8_0"


def test_what_cannot_be_made_is_said_in_one_line(store, stories):
    assert "Q4_K_M" in one_line(store("quantize", stories, "Q9"), 1)
    one_line(store("quantize", "nosuch", "Q8_0"), 3)
    assert store("quantize", stories, "Q8_0", "--name", "tiny").returncode == 0
    assert "remove it first" in one_line(store("quantize", stories, "Q8_0", "--name", "tiny"), 1)
    assert "Q8_0 already" in one_line(store("quantize", "tiny", "Q4_0"), 1)
    assert store("quantize", "tiny", "Q4_0", "--again").returncode == 0
    assert shown(store, "tiny:latest-q4_0")[KIND] == "Q4_0"
    broken = store.home / "broken.gguf"
    broken.write_bytes(gguf(1000)[:-500])
    one_line(store("quantize", broken, "Q8_0"), 1)
    broken.write_bytes(gguf(100_000))  # what the inspector takes and libllama does not
    assert "libllama cannot quantise" in one_line(store("quantize", broken, "Q8_0", "--again"), 1)
    assert store.names() == ["tiny:latest", "tiny:latest-q4_0"] and left_behind(store) == []


@pytest.fixture
def small():
    """The file of the small real model, which takes seconds and not milliseconds."""
    name, tag = SMALL.split(":")
    manifest = weir_server.model_store() / "manifests" / name / f"{tag}.json"
    if not manifest.exists():
        pytest.skip(f"{SMALL} is not in the model store; tools/fetch_models {SMALL}")
    return weir_server.model_store() / "blobs" / f"sha256-{json.loads(manifest.read_text())['model']['sha256']}"


def test_a_killed_one_leaves_nothing(store, small):
    running = store.start("quantize", small, "Q8_0", "--again", "--json", "--name", "small:q8")
    assert json.loads(running.stdout.readline())["event"] == "progress"
    running.send_signal(signal.SIGKILL)
    running.wait()
    assert left_behind(store), "it had begun"
    # The engine process goes with its parent; the next that opens the store takes the rest away.
    again = store("quantize", small, "Q8_0", "--again", "--name", "small:q8", timeout=300)
    while again.returncode == 1 and "another process" in again.stderr:
        again = store("quantize", small, "Q8_0", "--again", "--name", "small:q8", timeout=300)
    assert again.returncode == 0, again
    assert shown(store, "small:q8")[KIND] == "Q8_0" and left_behind(store) == []
