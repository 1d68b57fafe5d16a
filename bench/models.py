#!/usr/bin/env python3
"""The model store measured (`make bench-models`): pulling, quantising, perplexity, listing.

  bench/models.py [--bytes N] [--pairs N] [--models N] [--quantize MODEL] [--perplexity MODEL...] [--output DIR]

Pull: `weir pull` of one file from a server on this machine against `curl -o` and then `sha256sum` of the same file, in
alternating pairs; the server is nginx where it is installed, else Python's. Weir syncs the file to the disk and inspects
it; curl does neither. Quantise: `weir quantize` of a stored model to Q4_K_M against llama-quantize of the same tree, in
alternating pairs; Weir also hashes and syncs what it made. Perplexity: `weir bench --quality` against llama-perplexity of
the same tree on the same text and context, with the same kernels (tools/patches); and for the reader against the one of the
published tree, whose kernels round otherwise. List: `weir list --json` of a store with many
models. Results as Markdown and JSON under build/bench/.
"""

import argparse
import http.server
import json
import os
import pathlib
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "tests"), str(pathlib.Path(__file__).resolve().parent)]
import weir_server  # noqa: E402
from hub import gguf, sha256  # noqa: E402
from intervals import estimate  # noqa: E402

WEIR = ROOT / "build" / "bin" / "weir"
PULL_GOAL, QUANTIZE_GOAL, LIST_GOAL_MS = 0.9, 0.95, 50
PERPLEXITY_GOAL = 5e-4  # apart: the same to three digits
TEXT, CONTEXT = ROOT / "data" / "quality.txt", "512"


def say(text):
    print(text, file=sys.stderr, flush=True)


class Nginx:
    """A static file server that a hub would use."""

    def __init__(self, folder, files):
        self.folder, self.port = folder, 0
        for port in range(18700, 18800):
            configuration = folder / "nginx.conf"
            configuration.write_text(
                f"daemon off; pid {folder}/nginx.pid; error_log /dev/null; user root;\n"
                f"events {{}} http {{ access_log off; sendfile on; server {{ listen 127.0.0.1:{port};"
                f" root {files}; }} }}\n")
            self.process = subprocess.Popen(["nginx", "-c", configuration], stderr=subprocess.DEVNULL)
            time.sleep(0.3)
            if self.process.poll() is None:
                self.url = f"http://127.0.0.1:{port}"
                return
        raise RuntimeError("nginx does not start")

    def stop(self):
        self.process.terminate()
        self.process.wait()


class Plain:
    def __init__(self, files):
        handler = lambda *a, **k: http.server.SimpleHTTPRequestHandler(*a, directory=files, **k)  # noqa: E731
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"

    def stop(self):
        self.server.shutdown()


def timed(*command, **settings):
    started = time.monotonic()
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True, **settings)
    if done.returncode != 0:
        raise RuntimeError(f"{command[:3]}: {done.stderr[-300:]}")
    return time.monotonic() - started


def environment(folder):
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("WEIR_", "HF_", "OLLAMA_"))}
    return kept | {"HOME": str(folder), "WEIR_DATA": str(folder / "data"), "WEIR_MODELS": str(folder / "models")}


def pull_with_weir(url, folder):
    shutil.rmtree(folder / "models", ignore_errors=True)
    return timed(WEIR, "pull", url, env=environment(folder))


def pull_with_curl(url, folder):
    target = folder / "curl.gguf"
    target.unlink(missing_ok=True)
    seconds = timed("curl", "-sS", "-o", target, url) + timed("sha256sum", target)
    return seconds


def measure_pull(folder, options):
    files = folder / "files"
    files.mkdir()
    (files / "model.gguf").write_bytes(gguf(options.bytes))
    server = Nginx(folder, files) if shutil.which("nginx") else Plain(files)
    url = f"{server.url}/model.gguf"
    seconds = {"weir": [], "curl": []}
    try:
        for pair in range(options.pairs + 1):  # the first warms the page cache up
            for name in (("weir", "curl"), ("curl", "weir"))[pair % 2]:
                value = (pull_with_weir if name == "weir" else pull_with_curl)(url, folder)
                if pair:
                    seconds[name].append(value)
                os.sync()  # neither pays for the other's writes
            if pair:
                say(f"pair {pair}: weir {seconds['weir'][-1]:.2f} s, curl + sha256sum {seconds['curl'][-1]:.2f} s")
    finally:
        server.stop()
    ratios = [c / w for w, c in zip(seconds["weir"], seconds["curl"])]
    ratio = estimate(ratios)
    rate = {name: options.bytes / statistics.median(values) / 1e6 for name, values in seconds.items()}
    return {"measure": f"pull of {options.bytes / 1e6:.0f} MB", "weir_mb_per_s": rate["weir"],
            "curl_sha256sum_mb_per_s": rate["curl"], "ratio": ratio.median, "ratio_low": ratio.low, "ratio_high": ratio.high,
            "goal": PULL_GOAL, "met": ratio.median >= PULL_GOAL, "seconds": seconds}


def measure_list(folder, options):
    root = folder / "many" / "models"
    model = gguf()
    digest = sha256(model)
    (root / "blobs").mkdir(parents=True)
    (root / "blobs" / f"sha256-{digest}").write_bytes(model)
    for i in range(options.models):
        path = root / "manifests" / f"model{i:05}" / "latest.json"
        path.parent.mkdir(parents=True)
        path.write_text(json.dumps({"schema": 1, "name": f"model{i:05}:latest", "format": "gguf",
                                    "model": {"sha256": digest, "size": len(model)}, "licence": "MIT"}))
    milliseconds = [1000 * timed(WEIR, "list", "--json", env=environment(folder / "many")) for _ in range(20)]
    return {"measure": f"list of {options.models} models", "milliseconds": statistics.median(milliseconds),
            "worst": max(milliseconds), "goal": LIST_GOAL_MS, "met": statistics.median(milliseconds) <= LIST_GOAL_MS}


def peer(name, which="--peers"):
    prefix = subprocess.run([ROOT / "tools" / "build_llama.sh", which], capture_output=True, text=True, check=True)
    return pathlib.Path(prefix.stdout.splitlines()[-1]) / "build" / "bin" / name


def stored(name):
    """The file of a stored model."""
    listed = json.loads(subprocess.run([WEIR, "list", "--json"], capture_output=True, text=True, check=True).stdout)
    known = [model for model in listed if model["name"] == name]
    if not known:
        sys.exit(f"{name} is not in the model store; tools/fetch_models {name}")
    return weir_server.model_store() / "blobs" / f"sha256-{known[0]['sha256']}"


def measure_perplexity(model):
    path = stored(model)
    asked = [WEIR, "bench", "--quality", path, "--text", TEXT, "--context", CONTEXT, "--json"]
    ours = json.loads(subprocess.run(asked, capture_output=True, text=True, check=True).stdout)["models"][0]["perplexity"]
    theirs, published = (perplexity_by(peer("llama-perplexity", which), path) for which in ("--perplexity", "--peers"))
    say(f"perplexity of {model}: weir {ours:.4f}, llama-perplexity {theirs:.4f}, as published {published:.4f}")
    return {"measure": f"perplexity of {model}", "weir": ours, "peer": theirs, "published": published,
            "apart": abs(ours / theirs - 1), "goal": PERPLEXITY_GOAL, "met": abs(ours / theirs - 1) <= PERPLEXITY_GOAL}


def perplexity_by(program, path):
    done = subprocess.run([program, "-m", path, "-f", TEXT, "-c", CONTEXT], capture_output=True, text=True, check=True)
    return float(re.search(r"Final estimate: PPL = ([0-9.]+)", done.stdout + done.stderr)[1])


def measure_quantize(folder, options):
    source = stored(options.quantize)
    target, program, threads = folder / "peer.gguf", peer("llama-quantize"), str(os.cpu_count())
    seconds = {"weir": [], "llama-quantize": []}
    for pair in range(options.pairs + 1):
        for name in (tuple(seconds), tuple(seconds)[::-1])[pair % 2]:
            if name == "weir":
                shutil.rmtree(folder / "models", ignore_errors=True)
                value = timed(WEIR, "quantize", source, "Q4_K_M", "--again", "--threads", threads, "--name", "made:q4",
                              env=environment(folder))
            else:
                value = timed(program, "--allow-requantize", source, target, "Q4_K_M", threads)
            if pair:
                seconds[name].append(value)
            os.sync()
        if pair:
            say(f"pair {pair}: weir {seconds['weir'][-1]:.2f} s, llama-quantize {seconds['llama-quantize'][-1]:.2f} s")
    made = next((folder / "models" / "blobs").iterdir())
    same = made.read_bytes() == target.read_bytes()
    ratio = estimate([p / w for w, p in zip(seconds["weir"], seconds["llama-quantize"])])
    return {"measure": f"quantize {options.quantize} to Q4_K_M", "weir_s": statistics.median(seconds["weir"]),
            "peer_s": statistics.median(seconds["llama-quantize"]), "ratio": ratio.median, "ratio_low": ratio.low,
            "ratio_high": ratio.high, "same_bytes": same, "goal": QUANTIZE_GOAL,
            "met": same and ratio.median >= QUANTIZE_GOAL, "seconds": seconds}


def markdown(pull, quantising, perplexities, listing):
    mark = {True: "yes", False: "**no**"}
    return "\n".join([
        "| measure | weir | curl -o, then sha256sum | ratio (95 %) | goal | met |", "|---|---|---|---|---|---|",
        f"| {pull['measure']} | {pull['weir_mb_per_s']:.0f} MB/s | {pull['curl_sha256sum_mb_per_s']:.0f} MB/s | "
        f"{pull['ratio']:.2f} ({pull['ratio_low']:.2f}-{pull['ratio_high']:.2f}) | {PULL_GOAL} | {mark[pull['met']]} |",
        f"| {quantising['measure']}, same bytes: {mark[quantising['same_bytes']]} | {quantising['weir_s']:.1f} s | "
        f"llama-quantize: {quantising['peer_s']:.1f} s | {quantising['ratio']:.2f} ({quantising['ratio_low']:.2f}-"
        f"{quantising['ratio_high']:.2f}) | {QUANTIZE_GOAL} | {mark[quantising['met']]} |",
        *(f"| {each['measure']} | {each['weir']:.4f} | llama-perplexity: {each['peer']:.4f} "
          f"(as published: {each['published']:.4f}) | "
          f"{each['weir'] / each['peer']:.5f} | {PERPLEXITY_GOAL} apart | {mark[each['met']]} |" for each in perplexities),
        f"| {listing['measure']} | {listing['milliseconds']:.0f} ms (worst {listing['worst']:.0f}) | | | "
        f"{LIST_GOAL_MS} ms | {mark[listing['met']]} |", ""])


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bytes", type=int, default=500_000_000)
    parser.add_argument("--pairs", type=int, default=5)
    parser.add_argument("--models", type=int, default=1000)
    parser.add_argument("--quantize", default="qwen2.5-coder:0.5b", help="which stored model is made smaller")
    parser.add_argument("--perplexity", nargs="*", default=["smollm2:135m", "qwen2.5-coder:0.5b"],
                        help="stored models whose perplexity is compared")
    parser.add_argument("--output", type=pathlib.Path, default=ROOT / "build" / "bench")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="weir-bench-models-", dir=options.output.parent) as name:
        folder = pathlib.Path(name)
        os.chmod(folder, 0o755)
        listing = measure_list(folder, options)
        say(f"list: {listing['milliseconds']:.0f} ms")
        pull = measure_pull(folder, options)
        quantising = measure_quantize(folder, options)
    perplexities = [measure_perplexity(model) for model in options.perplexity]
    options.output.mkdir(parents=True, exist_ok=True)
    text = markdown(pull, quantising, perplexities, listing)
    (options.output / "models.md").write_text(text)
    (options.output / "models.json").write_text(json.dumps(
        {"pull": pull, "quantize": quantising, "perplexity": perplexities, "list": listing}, indent=2))
    print(text)


if __name__ == "__main__":
    main()
