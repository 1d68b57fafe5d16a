"""weir bench --quality: what quantisations of a model cost and gain, as a table, Markdown, JSON and a plot."""

import json
import os
import pathlib
import pty
import re
import subprocess
import xml.etree.ElementTree as xml

import pytest

import weir_server
from hub import Hub
from own_store import Store, one_line
from talk import EMBEDDING

# Short windows, few of them, one thread: the tiny model then takes milliseconds.
QUICK = ("--context", "64", "--windows", "3", "--threads", "1")


@pytest.fixture
def store(tmp_path):
    with Hub() as hub:
        yield Store(tmp_path, hub)


def left_behind(store):
    return [path for path in (store.root / "partial").glob("*/*") if path.name != "lock"]


def measured(store, *arguments):
    done = store("bench", "--quality", *arguments, "--json")
    assert done.returncode == 0, done
    return json.loads(done.stdout)


def test_types_made_for_the_measurement_are_compared_and_gone(store, stories):
    found = measured(store, stories, "--types", "q8_0,Q4_0", *QUICK)
    assert (found["context_tokens"], found["windows"], found["tokens"], found["threads"]) == (64, 3, 93, 1)
    assert found["base"] == stories.stem
    whole, q8, q4 = found["models"]
    assert [row["type"] for row in found["models"]] == ["F32", "Q8_0", "Q4_0"]
    assert whole["size"] == stories.stat().st_size and not whole["made"] and q8["made"] and q4["made"]
    assert whole["size"] > q8["size"] > q4["size"]
    assert whole["kl_divergence"] is None and whole["same_top"] is None
    assert 0 < q8["kl_divergence"] < q4["kl_divergence"] < 1, "less is lost with more bits"
    assert 0.5 < q4["same_top"] < q8["same_top"] <= 1
    assert abs(q8["perplexity"] / whole["perplexity"] - 1) < 0.02
    assert all(row["prefill_tokens_per_s"] > 0 and row["decode_tokens_per_s"] > 0 for row in found["models"])
    assert store.names() == [] and left_behind(store) == []


def test_stored_models_are_compared_with_the_largest_wherever_it_stands(store, stories):
    for quantisation in ("F16", "Q4_0"):
        assert store("quantize", stories, quantisation, "--name", f"tiny:{quantisation.lower()}").returncode == 0
    found = measured(store, "tiny:q4_0", "tiny:f16", *QUICK)
    assert found["base"] == "tiny:f16" and [row["name"] for row in found["models"]] == ["tiny:f16", "tiny:q4_0"]
    again = measured(store, "tiny:f16", *QUICK)["models"]
    assert len(again) == 1 and again[0]["perplexity"] == found["models"][0]["perplexity"]


def test_the_text_is_the_users(store, stories, tmp_path):
    text = tmp_path / "tale.txt"
    text.write_text("Once upon a time there was a little girl named Lily. She loved to play in the park. " * 20)
    from_file = measured(store, stories, "--text", text, *QUICK)
    assert from_file["text"]["name"] == str(text) and from_file["text"]["bytes"] == text.stat().st_size
    piped = subprocess.run([weir_server.WEIR, "bench", "--quality", stories, "--text", "-", *QUICK, "--json"],
                           input=text.read_text(), capture_output=True, text=True, env=store.environment())
    assert json.loads(piped.stdout)["models"][0]["perplexity"] == from_file["models"][0]["perplexity"]
    built_in = measured(store, stories, *QUICK)
    assert built_in["text"]["name"] == "built-in"
    assert built_in["models"][0]["perplexity"] > from_file["models"][0]["perplexity"], "it was taught such tales"


def test_a_table_markdown_and_a_plot(store, stories):
    done = store("bench", "--quality", stories, "--types", "q8_0", "--svg", "plot.svg", *QUICK)
    assert done.returncode == 0 and done.stderr == "", done
    head, whole, q8, *notes = done.stdout.splitlines()
    assert head.split()[:5] == ["MODEL", "TYPE", "SIZE", "BITS", "PERPLEXITY"] and len(notes) == 3, done.stdout
    assert " F32 " in whole and " Q8_0 " in q8 and " % " in q8
    picture = xml.parse(store.home / "plot.svg").getroot()
    assert len(picture.findall(".//{http://www.w3.org/2000/svg}circle")) == 2 + 1 + 2
    assert sorted(path.name for path in store.home.glob("plot*")) == ["plot.svg"]
    markdown = store("bench", "--quality", stories, "--types", "q8_0", "--markdown", *QUICK).stdout.splitlines()
    assert [line.count("|") for line in markdown[:4]] == [10] * 4 and markdown[1].startswith("|---|")


def test_a_terminal_sees_how_far_it_is(store, stories):
    ours, theirs = pty.openpty()
    running = subprocess.Popen([weir_server.WEIR, "bench", "--quality", stories, "--context", "64", "--threads", "1"],
                               stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=theirs, env=store.environment())
    os.close(theirs)
    seen = b""
    while True:
        try:
            block = os.read(ours, 4096)
        except OSError:  # the other end is closed
            break
        if not block:
            break
        seen += block
    assert running.wait() == 0 and running.stdout.read().startswith(b"MODEL ")
    running.stdout.close()
    os.close(ours)
    assert re.search(rb"measuring \S+ \[#*\.*\] +\d+ %", seen), seen
    assert seen.endswith(b"\r\x1b[K"), "the bar is gone at the end"


def test_what_cannot_be_measured_is_said_in_one_line(store, stories, tmp_path):
    def bench(*arguments):
        return store("bench", "--quality", *arguments, *QUICK[2 if "--context" in arguments else 0:])

    short = tmp_path / "short.txt"
    short.write_text("Too short.")
    assert "a smaller --context" in one_line(bench(stories, "--text", short), 1)
    assert "Q4_K_M" in one_line(bench(stories, "--types", "q8_0,q9"), 1)
    one_line(bench("nosuch"), 3)
    one_line(bench(stories, "--text", tmp_path / "nosuch.txt"), 3)
    one_line(bench(stories, "--text", tmp_path), 1)
    short.write_bytes(b"\xff\xfe" * 1000)
    assert "UTF-8" in one_line(bench(stories, "--text", short), 1)
    one_line(bench(stories, "--svg", tmp_path / "nosuch" / "plot.svg"), 1)
    one_line(bench(stories, "--svg", tmp_path), 1)
    assert "at most" in one_line(bench(stories, "--context", "100000"), 1)
    assert "twice" in one_line(bench(stories, stories), 1)
    assert "twice" in one_line(bench(stories, "--types", "q8_0,Q8_0"), 1)
    other = weir_server.shared_data() / "models" / "llama-2-tiny-random" / "llama-2-tiny-random.gguf"
    assert "vocabularies" in one_line(bench(stories, other), 1)
    for wrong in (("--context", "8"), ("--json", "--markdown"), ("--tune",), ("--windows", "-1")):
        one_line(bench(stories, *wrong), 2)
    one_line(store("bench", stories, "--types", "q8_0"), 2)
    one_line(store("bench", stories, stories), 2)
    assert left_behind(store) == [] and not list(tmp_path.glob("*.weir-part"))


def test_models_that_do_not_fit_together_are_refused_before_they_are_loaded(store, stories):
    done = store("bench", "--quality", stories, "--types", "q8_0", *QUICK, WEIR_ENGINE_MEMORY="4MiB")
    error = one_line(done, 1)
    assert stories.stem in error and "4.0 MiB of engine.memory" in error and "--context" in error
    assert left_behind(store) == []
    assert measured(store, stories, *QUICK)["base"] == stories.stem, "without a limit the machine has room"


def test_a_model_that_only_embeds_has_no_perplexity(weir, http, embedding):
    done = weir("bench", "--quality", EMBEDDING)
    assert "no perplexity" in one_line(done, 1)


@pytest.mark.skipif(os.environ.get("WEIR_LONG") != "1", reason="builds llama-perplexity: make test-long")
def test_perplexity_is_that_of_llama_perplexity(weir, http, small):
    built = subprocess.run([weir_server.ROOT / "tools" / "build_llama.sh", "--perplexity"], capture_output=True, text=True,
                           check=True)
    program = pathlib.Path(built.stdout.splitlines()[-1]) / "build" / "bin" / "llama-perplexity"
    manifest = json.loads(weir("show", small, "--json").stdout)
    model = weir_server.model_store() / "blobs" / f"sha256-{manifest['sha256']}"
    peer = subprocess.run([program, "-m", model, "-f", weir_server.ROOT / "data" / "quality.txt", "-c", "512"],
                          capture_output=True, text=True, check=True)
    theirs = re.search(r"Final estimate: PPL = ([0-9.]+) \+/- ([0-9.]+)", peer.stdout + peer.stderr)
    ours = json.loads(weir("bench", "--quality", small, "--json").stdout)["models"][0]
    assert abs(ours["perplexity"] / float(theirs[1]) - 1) < 5e-4, (ours, theirs[0])
    assert abs(ours["perplexity_error"] / float(theirs[2]) - 1) < 5e-3
