#!/usr/bin/env python3
"""Documents measured (`make bench-knowledge`): what a search finds, and how fast documents become searchable.

  bench/knowledge.py [--only spans,scifact,ingest] [--questions N] [--documents N] [--pages N] [--weights 0.1,0.2] [--output DIR]

Spans: the chunking set of ../shared/data (5 texts in one collection, 472 questions with the exact passages that answer
them): how much of those passages lies in the first 8,000 characters of what is found, for hybrid search, by vector alone and
by words alone. SciFact: nDCG@10 of its test claims over its 5,183 abstracts, each a document of its own. Ingest: made Markdown
pages, from `weir ingest` on a folder to the last one being searchable; then from a question about them to the first token of
the answer. Results as Markdown and JSON under build/bench/.
"""

import argparse
import csv
import gzip
import io
import json
import math
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
import zipfile

ROOT = pathlib.Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests"))
import documents  # noqa: E402
import weir_server  # noqa: E402

CONTEXT_CHARACTERS = 8000
SPANS_GOAL, SCIFACT_GOAL = 0.94, 0.71
ASKED, CHUNKS, QUESTIONS = "qwen2.5-coder:0.5b", 6, 10
WAYS = {"hybrid": 0.25, "vector": 1.0, "words": 0.0}


def say(text):
    print(text, file=sys.stderr, flush=True)


def call(server, method, path, body=None, kind="application/json"):
    data = json.dumps(body).encode() if kind == "application/json" and body is not None else body
    request = urllib.request.Request(server.url + path, data=data, method=method, headers={"content-type": kind})
    with urllib.request.urlopen(request, timeout=600) as answer:
        return json.load(answer)


def put(server, collection, name, text):
    return call(server, "PUT", f"/weir/v1/collections/{collection}/documents/{name}", text, "text/plain")


def search(server, collection, query, k, way):
    body = {"query": query[:8000], "k": k, "vector_weight": WAYS[way]}
    return call(server, "POST", f"/weir/v1/collections/{collection}/search", body)["data"]


def covered(references, passages):
    """The share of the reference's bytes that lie in the passages: lists of (corpus, begin, end)."""
    total = hit = 0
    for corpus, begin, end in references:
        total += end - begin
        inside = sorted((max(begin, b), min(end, e)) for c, b, e in passages if c == corpus and b < end and e > begin)
        at = begin
        for b, e in inside:
            hit += max(0, e - max(b, at))
            at = max(at, e)
    return hit / total if total else 1.0


def measure_spans(server, folder, count):
    texts = {path.stem: path.read_text() for path in sorted(folder.glob("*.md"))}
    started = time.monotonic()
    chunks = sum(put(server, "spans", f"{name}.md", text.encode())["chunks"] for name, text in texts.items())
    say(f"  {chunks} chunks in {time.monotonic() - started:.0f} s")
    with open(folder / "questions_df.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    rows = rows[::max(1, len(rows) // count)] if count else rows
    out = {"questions": len(rows), "chunks": chunks}
    for way in WAYS:
        recall = []
        for row in rows:
            corpus = row["corpus_id"]
            references = [(f"{corpus}.md", len(texts[corpus][:r["start_index"]].encode()),
                           len(texts[corpus][:r["end_index"]].encode())) for r in json.loads(row["references"])]
            passages, used = [], 0
            for passage in search(server, "spans", row["question"], 30, way):
                used += len(passage["text"])
                if used > CONTEXT_CHARACTERS:
                    break
                passages.append((passage["document"], passage["byte_start"], passage["byte_end"]))
            recall.append(covered(references, passages))
        out[way] = sum(recall) / len(recall)
        say(f"  span recall, {way}: {out[way]:.4f}")
    return out


def measure_scifact(server, folder, count):
    with zipfile.ZipFile(folder / "scifact.zip") as archive:
        corpus = list(csv.DictReader(io.TextIOWrapper(archive.open("corpus_train.csv"), "utf-8")))
    judged = {}
    for line in (folder / "qrels.test.txt").read_text().splitlines():
        query, _, document, grade = line.split()
        if int(grade) > 0:
            judged.setdefault(query, set()).add(document)
    queries = dict(line.split("\t", 1) for line in gzip.open(folder / "queries.test.tsv.gz", "rt").read().splitlines())
    wanted = set().union(*judged.values())
    if count:
        corpus = [row for i, row in enumerate(corpus) if row["doc_id"] in wanted or i % (len(corpus) // count + 1) == 0]
    started = time.monotonic()
    for number, row in enumerate(corpus):
        abstract = row["abstract"]
        if abstract.startswith("["):
            abstract = " ".join(part.strip(" '\"") for part in abstract.strip("[]").split("\n"))
        put(server, "scifact", f"{row['doc_id']}.md", f"# {row['title']}\n\n{abstract}\n".encode())
        if number % 500 == 499:
            say(f"  {number + 1} abstracts in {time.monotonic() - started:.0f} s")
    out = {"documents": len(corpus), "queries": len(judged)}
    for way in WAYS:
        scores = []
        for query, right in judged.items():
            ranked = []
            for passage in search(server, "scifact", queries[query], 40, way):
                name = passage["document"].removesuffix(".md")
                if name not in ranked:
                    ranked.append(name)
            gained = sum(1 / math.log2(i + 2) for i, name in enumerate(ranked[:10]) if name in right)
            ideal = sum(1 / math.log2(i + 2) for i in range(min(10, len(right))))
            scores.append(gained / ideal)
        out[way] = sum(scores) / len(scores)
        say(f"  nDCG@10, {way}: {out[way]:.4f}")
    return out


def measure_ingest(server, count):
    with tempfile.TemporaryDirectory() as folder:
        size = 0
        for name, text, _, _ in documents.pages(count):
            size += len(text)
            (pathlib.Path(folder) / name).write_text(text)
        environment = os.environ | {"WEIR_DATA": str(server.data), "WEIR_MODELS": str(weir_server.model_store())}
        started = time.monotonic()
        command = [weir_server.WEIR, "ingest", folder, "--collection", "pages", "--json"]
        told = json.loads(subprocess.run(command, env=environment, capture_output=True, check=True).stdout)
        took = time.monotonic() - started
        chunks = sum(entry["chunks"] for entry in told["documents"])
        started = time.monotonic()
        subprocess.run(command, env=environment, capture_output=True, check=True)
        again = time.monotonic() - started
    cores = len(os.sched_getaffinity(0))
    say(f"  {count} pages, {chunks} chunks in {took:.1f} s; unchanged in {again:.1f} s")
    return {"pages": count, "bytes": size, "chunks": chunks, "seconds": took, "pages_per_core_second": count / took / cores,
            "unchanged_seconds": again, "question": measure_question(server, count)}


def first_token(server, question, tools):
    """Seconds from the request to the first token of the answer, and how many tokens the prompt had."""
    body = {"model": ASKED, "messages": [{"role": "user", "content": question}], "max_tokens": 2, "temperature": 0,
            "stream": True, "stream_options": {"include_usage": True}, "tools": tools}
    request = urllib.request.Request(f"{server.url}/v1/chat/completions", json.dumps(body).encode(),
                                     {"content-type": "application/json"})
    started, first, tokens = time.monotonic(), None, 0
    with urllib.request.urlopen(request, timeout=600) as answer:
        for line in answer:
            if not line.startswith(b"data: {"):
                continue
            event = json.loads(line[len(b"data: "):])
            if first is None and any(choice["delta"].get("content") for choice in event["choices"]):
                first = time.monotonic() - started
            tokens = (event.get("usage") or {}).get("prompt_tokens", tokens)
    return first, tokens


def measure_question(server, count):
    asked = [question for _, _, question, _ in documents.pages(count)]
    first_token(server, "Say yes.", [])  # the model is loaded
    tools = [{"type": "file_search", "vector_store_ids": ["pages"], "max_num_results": CHUNKS}]
    took = [first_token(server, question, tools) for question in asked[:QUESTIONS]]
    searched = []
    for question in asked[QUESTIONS:2 * QUESTIONS]:
        started = time.monotonic()
        search(server, "pages", question, CHUNKS, "hybrid")
        searched.append(time.monotonic() - started)
    found = {"seconds": statistics.median(first for first, _ in took), "search_seconds": statistics.median(searched),
             "prompt_tokens": statistics.median(tokens for _, tokens in took)}
    say(f"  first token after {found['seconds']:.2f} s, {found['search_seconds'] * 1000:.0f} ms of it the search")
    return found


def markdown(found):
    lines = ["| measure | value | goal |", "|---|---|---|"]
    if "spans" in found:
        spans = found["spans"]
        lines += [f"| span recall in 8,000 characters, {way} ({spans['questions']} questions) | {spans[way]:.3f} | "
                  f"{SPANS_GOAL if way == 'hybrid' else ''} |" for way in WAYS]
    if "scifact" in found:
        facts = found["scifact"]
        lines += [f"| SciFact nDCG@10, {way} ({facts['documents']} documents) | {facts[way]:.3f} | "
                  f"{SCIFACT_GOAL if way == 'hybrid' else ''} |" for way in WAYS]
    if "ingest" in found:
        pages = found["ingest"]
        lines += [f"| {pages['pages']} Markdown pages ({pages['chunks']} chunks) | {pages['seconds']:.1f} s, "
                  f"{pages['pages_per_core_second']:.1f} pages a core and second | |",
                  f"| the same again, unchanged | {pages['unchanged_seconds']:.1f} s | |",
                  f"| question to first token, {CHUNKS} chunks, {ASKED}, prompt of {pages['question']['prompt_tokens']:.0f} "
                  f"tokens | {pages['question']['seconds']:.2f} s, of which search "
                  f"{pages['question']['search_seconds'] * 1000:.0f} ms | |"]
    return "\n".join(lines) + "\n"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default="spans,scifact,ingest")
    parser.add_argument("--questions", type=int, default=0, help="of the chunking set; 0: all")
    parser.add_argument("--documents", type=int, default=0, help="of SciFact, beside those that are wanted; 0: all")
    parser.add_argument("--pages", type=int, default=1000)
    parser.add_argument("--weights", default="", help="of the vectors, to be tried beside the default")
    parser.add_argument("--output", type=pathlib.Path, default=ROOT / "build" / "bench")
    asked = parser.parse_args()
    WAYS.update({f"hybrid at {weight}": float(weight) for weight in asked.weights.split(",") if weight})
    shared = weir_server.shared_data()
    found = {}
    with tempfile.TemporaryDirectory() as data:
        with weir_server.Weir(data, models=weir_server.model_store()) as server:
            for name in asked.only.split(","):
                say(f"weir bench: {name}")
                if name == "ingest":
                    found[name] = measure_ingest(server, asked.pages)
                elif shared is None:
                    say("  left out: ../shared/data is not there")
                elif name == "spans":
                    found[name] = measure_spans(server, shared / "retrieval" / "chunking", asked.questions)
                else:
                    found[name] = measure_scifact(server, shared / "retrieval" / "scifact", asked.documents)
    asked.output.mkdir(parents=True, exist_ok=True)
    (asked.output / "knowledge.json").write_text(json.dumps(found, indent=2) + "\n")
    (asked.output / "knowledge.md").write_text(markdown(found))
    print(markdown(found))


if __name__ == "__main__":
    main()
