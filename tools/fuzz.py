#!/usr/bin/env python3
"""Runs each libFuzzer target of the fuzz build for a while; exits 1 when one finds something.

  tools/fuzz.py [--build DIR] [--seconds N] [TARGET...]

Corpora grow in DIR/corpus/TARGET; they start from the wire forms that the tests use. An input that takes over a
second, or 2 GB, counts as a finding. What was found stays in DIR/found.
"""

import argparse
import concurrent.futures
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
    "anthropic_answer": [DIALECTS / "provider" / "testdata"],
    "config": [ROOT / "docs" / "formats"],
    "detector": [ROOT / "docs"],
    "engine": [DIALECTS / "openai" / "testdata"],
    "gemini_answer": [DIALECTS / "gemini" / "testdata", DIALECTS / "provider" / "testdata"],
    "gguf": [SHARED / "models" / "stories260K"],
    "json": [SHARED / "json" / "JSONTestSuite" / "test_parsing"],
    "llamacpp": [DIALECTS / "llamacpp" / "testdata"],
    "ollama": [DIALECTS / "ollama" / "testdata"],
    "ollama_answer": [DIALECTS / "provider" / "testdata"],
    "openai": [DIALECTS / "openai" / "testdata"],
    "openai_answer": [DIALECTS / "provider" / "testdata"],
    "parser": [ROOT / "src" / "http" / "testdata"],
    "responses": [DIALECTS / "responses" / "testdata"],
    "sse": [DIALECTS / "openai" / "testdata"],
}


def run_target(program, build, seconds):
    corpus, found = build / "corpus" / program.name, build / "found"
    for folder in (corpus, found):
        folder.mkdir(parents=True, exist_ok=True)
    seeds = [folder for folder in SEEDS.get(program.name.removesuffix("_fuzz"), []) if folder.is_dir()]
    command = [program, f"-max_total_time={seconds}", "-timeout=1", "-rss_limit_mb=2048", "-print_final_stats=1",
               f"-artifact_prefix={found}/{program.name}-", corpus, *seeds]
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
