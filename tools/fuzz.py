#!/usr/bin/env python3
"""Runs each libFuzzer target of the fuzz build for a while; exits 1 when one finds something.

  tools/fuzz.py [--build DIR] [--seconds N] [TARGET...]

Corpora grow in DIR/corpus/TARGET; they start from the wire forms that the tests use, and TARGET.dict beside its source has
words to make inputs of. An input that takes over a second, or 2 GB, counts as a finding. What was found stays in DIR/found.
"""

import argparse
import concurrent.futures
import json
import os
import pathlib
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
DIALECTS = ROOT / "src" / "dialects"
SHARED = next((folder for folder in (ROOT.parent / "shared" / "data", ROOT / "shared" / "data") if folder.is_dir()), ROOT)

# Files to start from, by target: what the tests hold for true is nearer to the edges than chance is.
SEEDS = {
    "anthropic": [DIALECTS / "anthropic" / "testdata"],
    "chroma_records": [DIALECTS / "chroma" / "testdata"],
    "config": [ROOT / "docs" / "formats"],
    "detector": [ROOT / "docs"],
    "engine": [DIALECTS / "openai" / "testdata"],
    "gguf": [SHARED / "models" / "stories260K"],
    "json": [SHARED / "json" / "JSONTestSuite" / "test_parsing"],
    "llamacpp": [DIALECTS / "llamacpp" / "testdata"],
    "moderation": [DIALECTS / "openai" / "testdata" / "moderation"],
    "ollama": [DIALECTS / "ollama" / "testdata"],
    "ollama_models": [DIALECTS / "ollama" / "testdata" / "models"],
    "openai": [DIALECTS / "openai" / "testdata"],
    "parser": [ROOT / "src" / "http" / "testdata"],
    "qdrant_points": [DIALECTS / "qdrant" / "testdata"],
    "responses": [DIALECTS / "responses" / "testdata"],
    "sse": [DIALECTS / "openai" / "testdata"],
    "weir_requests": [ROOT / "src" / "server" / "testdata" / "weir_requests"],
}

# As CheckAnyAnswer (dialects/provider/cases_for_test.cc) takes an answer's head: bits of one byte, and one that says where
# the body is cut.
TYPES = ["application/json", "text/event-stream", "application/x-ndjson", ""]


def answer_seed(http):
    """The answer of a provider that a test keeps, in the form that the fuzz targets read."""
    head, _, body = http.partition(b"\n\n")
    status, *headers = head.decode().split("\n")
    fields = dict(line.split(": ", 1) for line in headers)
    kind = fields.get("content-type", "").partition(";")[0]
    bits = (1 if status.startswith("2") else 2 if status == "429" else 0) | (TYPES.index(kind) if kind in TYPES else 3) << 4
    bits |= (4 if "x-choices" in fields else 0) | (8 if "x-streamed" in fields else 0)
    return bytes([bits, 128]) + body


def schema_seeds(folder):
    """Each schema of JSON-Schema-Test-Suite with each of its values, as schema_fuzz reads them."""
    folder.mkdir(parents=True, exist_ok=True)
    suite = SHARED / "json" / "JSON-Schema-Test-Suite" / "tests" / "draft2020-12"
    for path in suite.glob("*.json"):
        for i, group in enumerate(json.loads(path.read_text())):
            for k, test in enumerate(group["tests"]):
                pair = json.dumps(group["schema"]), json.dumps(test["data"])
                (folder / f"{path.stem}-{i}-{k}").write_text("\0".join(pair))


def seeds_of(target, folder):
    """Folders with inputs to start from; `folder` takes those that have to be made."""
    if target == "schema":
        schema_seeds(folder)
        return [folder]
    dialect = target.removesuffix("_answer")
    if dialect == target:
        return [seeds for seeds in SEEDS.get(target, []) if seeds.is_dir()]
    folder.mkdir(parents=True, exist_ok=True)
    for answer in (DIALECTS / dialect / "testdata" / "provider" / "answers").glob("*.http"):
        (folder / answer.stem).write_bytes(answer_seed(answer.read_bytes()))
    return [folder, DIALECTS / "provider" / "testdata" / "embeddings"]


def run_target(program, build, seconds):
    corpus, found = build / "corpus" / program.name, build / "found"
    for folder in (corpus, found):
        folder.mkdir(parents=True, exist_ok=True)
    seeds = seeds_of(program.name.removesuffix("_fuzz"), build / "seeds" / program.name)
    words = [f"-dict={path}" for path in (ROOT / "src").rglob(f"{program.name}.dict")]
    command = [program, *words, f"-max_total_time={seconds}", "-timeout=1", "-rss_limit_mb=2048",
               "-print_final_stats=1", f"-artifact_prefix={found}/{program.name}-", corpus, *seeds]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          text=True, errors="replace", timeout=seconds + 300)
    return program.name, done.returncode, done.stdout


def executions(output):
    lines = [line for line in output.splitlines() if line.startswith("stat::number_of_executed_units:")]
    return int(lines[0].split()[1]) if lines else 0


def main():
    parser = argparse.ArgumentParser(description="Runs each libFuzzer target for a while.")
    parser.add_argument("--build", default=ROOT / "build" / "fuzz", type=pathlib.Path)
    parser.add_argument("--seconds", default=60, type=int)
    parser.add_argument("targets", nargs="*")
    options = parser.parse_args()
    programs = sorted(p for p in (options.build / "bin").glob("*_fuzz")
                      if not options.targets or p.name in options.targets)
    if not programs:
        sys.exit("fuzz.py: no fuzz targets are built; run make fuzz")
    failed = 0
    start = time.monotonic()
    with concurrent.futures.ThreadPoolExecutor(max_workers=os.cpu_count() or 2) as pool:
        for name, code, output in pool.map(lambda p: run_target(p, options.build, options.seconds), programs):
            print(f"{name}: {'FOUND SOMETHING' if code else 'clean'}, {executions(output):,} executions", flush=True)
            if code:
                failed += 1
                print(output[-6000:], flush=True)
    print(f"{len(programs)} targets, {failed} with findings ({time.monotonic() - start:.0f} s)")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
