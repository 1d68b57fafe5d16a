#!/usr/bin/env python3
"""The vector database measured (`make bench-vectors`), beside hnswlib, usearch, faiss, zvec, lancedb and chromadb.

  bench/vectors.py [--vectors N] [--queries N] [--rounds N] [--peers hnswlib,usearch,...] [--only TEXT] [--output DIR]
                   [--real]

Each is one process, and all take turns on one processor (two while graphs are built): the library of src/vectors through
bench/vectors/vectors_bench.cc, peers from PyPI through their Python bindings (bench/vector_peers.py), installed below
build/env/peers on first use. Vectors come from a seed (bench/vector_sets.py), 384 dimensions of which 64 are free, or
with --real from the default embedding model, which reads sentences of SciFact (bench/embedded_texts.py); recall
is of the exact ten nearest. A rate at a recall is that of the fastest beam that reaches it in a round; ratios are of the
same round. Results as Markdown and JSON under build/bench/.
"""

import argparse
import contextlib
import json
import os
import pathlib
import re
import statistics
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "bench"))
import embedded_texts  # noqa: E402
import intervals  # noqa: E402
import servers  # noqa: E402

PROGRAM = ROOT / "build" / "bin" / "vectors_bench"
PEERS = ROOT / "build" / "env" / "peers" / "vectors"
PACKAGES = ("numpy==2.4.6", "hnswlib==0.8.0", "usearch==2.26.6", "faiss-cpu==1.15.1", "zvec==0.8.0", "lancedb==0.40.0",
            "chromadb==1.5.9")
GRAPHS = ("hnswlib", "usearch", "usearch-i8", "faiss", "faiss-sq8")
DATABASES = ("zvec", "zvec-int8", "lancedb", "chromadb")
# What a peer promises about a write that has returned, by its own documents or its code.
PROMISES = {"weir": "synced to the disk", "zvec": "flushed: to the disk", "lancedb": "files written, not synced",
            "chromadb": "SQLite's commit, not synced on each"}
DIMENSIONS = 384
WIDTHS = (10, 15, 20, 25, 30, 35, 40, 45, 50, 60, 80, 120, 240, 400)
CHOSEN = 0  # a width that Weir chooses by itself
SHARES = (0.001, 0.01, 0.05, 0.2, 0.5)
RECALL = 0.99
SLOW_QUERIES = 100  # of peers that need milliseconds for one, and for filters


def say(text):
    print(text, file=sys.stderr, flush=True)


def install():
    python = PEERS / "bin" / "python"
    done = PEERS / ".installed"
    if not done.exists() or done.read_text() != "\n".join(PACKAGES):
        say(f"installing {', '.join(PACKAGES)}")
        subprocess.run([sys.executable, "-m", "venv", PEERS], check=True)
        subprocess.run([python, "-m", "pip", "install", "--quiet", *PACKAGES], check=True)
        done.write_text("\n".join(PACKAGES))
    return python


class Subject:
    """One process that is measured."""

    def __init__(self, name, command, folder):
        self.name = name
        folder.mkdir()
        self.log = open(folder / "log", "w")
        self.process = subprocess.Popen([*command, folder], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.log,
                                        text=True)
        self.before = self.memory()

    def pin(self, processors):
        for task in pathlib.Path(f"/proc/{self.process.pid}/task").iterdir():
            with contextlib.suppress(OSError):
                os.sched_setaffinity(int(task.name), processors)

    def ask(self, what, **arguments):
        self.process.stdin.write(json.dumps({"do": what, **arguments}) + "\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError(f"{self.name} ended: {pathlib.Path(self.log.name).read_text()[-500:]}")
        return json.loads(line)

    def memory(self):
        """Bytes of its own, and of files that it has mapped."""
        status = pathlib.Path(f"/proc/{self.process.pid}/status").read_text()
        kib = {name: int(value) for name, value in re.findall(r"^(Rss\w+):\s+(\d+) kB", status, re.M)}
        return {"own": kib["RssAnon"] * 1024, "files": (kib["RssFile"] + kib["RssShmem"]) * 1024}

    def end(self):
        self.process.kill()
        self.process.wait()


def recall_of(found, truth):
    pairs = list(zip(found, truth))  # perhaps only the first few were asked
    return sum(len(set(ids) & set(wanted)) for ids, wanted in pairs) / sum(len(wanted) for _, wanted in pairs)


class Bench:
    def __init__(self, options, folder, python):
        self.options, self.folder, self.python = options, folder, python
        self.subjects, self.left_out, self.goals = {}, {}, []
        self.results = {"load": {}, "build": {}, "memory": {}, "search": {}, "filter": {}, "upserts": {}, "words": {}}
        self.processor = max(os.sched_getaffinity(0))

    def make_set(self):
        say(f"{self.options.vectors} vectors")
        sets = self.folder / "set"
        sets.mkdir()
        command = [self.python, ROOT / "bench" / "vector_sets.py", sets, str(self.options.vectors), str(DIMENSIONS),
                   str(self.options.queries)]
        if self.options.real:  # queries, and those of which the far ones are taken, are embedded, too
            command.append(embedded_texts.embed(self.options.vectors + 6 * self.options.queries, self.options.output))
        subprocess.run(command, check=True)
        self.truth = json.loads((sets / "truth.json").read_text())
        self.set = sets

    def start(self):
        for name in ["weir", *self.options.peers]:
            program = [PROGRAM] if name == "weir" else [self.python, ROOT / "bench" / "vector_peers.py", name]
            subject = Subject(name, program, self.folder / name)
            try:
                loaded = subject.ask("load", rows=str(self.set / "rows.f32"), fields=str(self.set / "fields.i32"),
                                     dimensions=DIMENSIONS)
                seconds = subject.ask("build", threads=2)["seconds"]
            except (RuntimeError, OSError) as failure:
                if name == "weir":
                    raise
                self.left_out[name] = " ".join(str(failure).split())[-200:]
                subject.end()
                continue
            memory = subject.memory()
            self.results["build"][name] = self.options.vectors / seconds
            if "seconds" in loaded:
                self.results["load"][name] = self.options.vectors / loaded["seconds"]
            self.results["memory"][name] = {kind: (memory[kind] - subject.before[kind]) / self.options.vectors
                                            for kind in memory}
            subject.pin({self.processor})
            self.subjects[name] = subject
            say(f"  {name}: {self.results['build'][name]:.0f} vectors/s, "
                f"{self.results['memory'][name]['own']:.0f} bytes each")

    def memory_without_fields(self):
        """Of vectors and ids alone: what the fields' indexes need is up to who has fields."""
        subject = Subject("weir", [PROGRAM], self.folder / "weir-bare")
        subject.ask("load", rows=str(self.set / "rows.f32"), dimensions=DIMENSIONS)
        subject.ask("build", threads=2)
        self.results["memory"]["weir, no fields"] = {kind: (value - subject.before[kind]) / self.options.vectors
                                                     for kind, value in subject.memory().items()}
        subject.end()

    def one_search(self, subject, asked, width, queries, **filtered):
        answer = subject.ask("search", queries=str(self.set / f"{asked}.{queries}.f32"), width=width, **filtered)
        return queries / answer["seconds"], answer["ids"]

    def shorten(self, queries):
        """The first of each set of queries, in a file."""
        for asked in ("queries", "far"):
            short = self.set / f"{asked}.{queries}.f32"
            if not short.exists():
                short.write_bytes((self.set / f"{asked}.f32").read_bytes()[:queries * DIMENSIONS * 4])

    def search(self):
        """{name: {width: {"recall", "rates": [of each round]}}}"""
        say("search")
        for round_number in range(self.options.rounds):
            names = list(self.subjects)
            for name in names if round_number % 2 == 0 else names[::-1]:
                try:
                    self.search_with(name)
                except RuntimeError as failure:
                    if name == "weir":
                        raise
                    self.left_out[name] = " ".join(str(failure).split())[-200:]
                    self.subjects.pop(name).end()
                    self.results["search"].pop(name, None)

    def search_with(self, name):
        queries = min(SLOW_QUERIES, self.options.queries) if name in DATABASES else self.options.queries
        self.shorten(queries)
        curve = self.results["search"].setdefault(name, {})
        for width in (*WIDTHS, CHOSEN) if name == "weir" else WIDTHS:
            if curve.get(width, {}).get("needless"):
                continue
            rate, ids = self.one_search(self.subjects[name], "queries", width, queries)
            at = curve.setdefault(width, {"recall": recall_of(ids, self.truth["queries"]), "rates": []})
            at["rates"].append(rate)
        reached = [width for width in sorted(curve) if width and curve[width]["recall"] >= 0.9995]
        for width in reached[1:]:
            curve[width]["needless"] = True

    def rate_at(self, name, recall, round_number):
        curve = self.results["search"].get(name, {})
        rates = [at["rates"][round_number] for width, at in curve.items()
                 if width and at["recall"] >= recall and len(at["rates"]) > round_number]
        return max(rates) if rates else None

    def filters(self):
        """Each at the narrowest beam with which it reaches the recall without a filter, and at eight times that."""
        say("filters")
        queries = min(SLOW_QUERIES, self.options.queries)
        self.shorten(queries)
        for name in self.subjects:
            try:
                self.filters_with(name, queries)
            except RuntimeError as failure:
                self.left_out[f"{name}, filtered"] = " ".join(str(failure).split())[-200:]

    def filters_with(self, name, queries):
        curve = self.results["search"].get(name) or {100: {"recall": 1.0}}
        enough = [width for width in sorted(curve) if width and curve[width]["recall"] >= RECALL]
        width = enough[0] if enough else max(curve)
        for field, asked in (("r", "queries"), ("s", "far")):
            for share in SHARES:
                truth = self.truth[f"{field}{share}"]
                found = self.results["filter"].setdefault(f"{'by chance' if field == 'r' else 'far side'}, {share:.1%}", {})
                for beam in (CHOSEN,) if name == "weir" else (width, 8 * width):
                    rate, ids = self.one_search(self.subjects[name], asked, beam, queries, field=field,
                                                below=round(share * 10_000))
                    recall = recall_of(ids, truth)
                    if name not in found or recall > found[name]["recall"]:
                        found[name] = {"recall": recall, "rate": rate, "width": beam}
                    if recall >= RECALL:
                        break

    def upserts(self):
        say("upserts")
        for name in ("weir", "zvec", "lancedb", "chromadb"):
            if name in self.subjects:
                self.results["upserts"][name] = self.subjects[name].ask("upserts", rows=str(self.set / "rows.f32"),
                                                                        dimensions=DIMENSIONS, single=200, batches=20)

    def words(self):
        say("words")
        self.results["words"] = self.subjects["weir"].ask("words", passages=100_000)

    def goal(self, what, value, text, met):
        self.goals.append((what, value, text, "yes" if met else "**no**"))

    def judge(self):
        self.judge_search()
        build, memory = self.results["build"], self.results["memory"]
        if "hnswlib" in build:
            ratio = build["weir"] / build["hnswlib"]
            self.goal("build with 2 threads, by hnswlib's", f"{ratio:.2f}", "at least 2", ratio >= 2)
        own = memory["weir, no fields"]["own"]
        self.goal("memory of its own, a vector", f"{own:.0f} bytes", "at most 600", own <= 600)
        for key, found in self.results["filter"].items():
            recall = found["weir"]["recall"]
            self.goal(f"recall, filter {key}", f"{recall:.4f}", "at least 0.99", recall >= RECALL)
            for peer in ("hnswlib", "usearch"):
                if peer in found and float(key.split()[-1].rstrip("%")) < 5:
                    ratio = found["weir"]["rate"] / found[peer]["rate"]
                    self.goal(f"the same, rate by {peer}'s", f"{ratio:.0f}", "at least 10", ratio >= 10)
        if upserts := self.results["upserts"].get("weir"):
            over = upserts["p50 us"] - upserts["sync us"]
            self.goal("durable upsert, one by one, p50", f"{upserts['p50 us'] / 1000:.2f} ms", "at most 2 ms",
                      upserts["p50 us"] <= 2000)
            self.goal(f"the same over a bare sync of this disk ({upserts['sync us'] / 1000:.2f} ms)",
                      f"{over / 1000:.2f} ms", "at most 1 ms", over <= 1000)
            self.goal("durable upserts in batches of 1,000", f"{upserts['batched/s']:.0f}/s", "at least 20,000/s",
                      upserts["batched/s"] >= 20_000)
        if words := self.results["words"]:
            self.goal("BM25 over 100,000 passages, p50", f"{words['p50 us'] / 1000:.2f} ms", "at most 1 ms",
                      words["p50 us"] <= 1000)

    def judge_search(self):
        if not self.results["search"]:
            return
        rounds = range(self.options.rounds)
        for peer in self.subjects:
            if peer == "weir":
                continue
            pairs = [(self.rate_at("weir", RECALL, i), self.rate_at(peer, RECALL, i)) for i in rounds]
            pairs = [(ours, theirs) for ours, theirs in pairs if ours and theirs]
            if not pairs:
                continue
            ratio = intervals.estimate([ours / theirs for ours, theirs in pairs])
            least = 2 if peer == "hnswlib" else 1
            self.goal(f"searches/s at recall {RECALL}, by {peer}'s", ratio.text(), f"at least {least}",
                      ratio.median >= least)
        default = self.results["search"]["weir"].get(CHOSEN)
        if default:
            self.goal("recall of what it chooses by itself", f"{default['recall']:.4f}", "at least 0.99",
                      default["recall"] >= RECALL)

    def markdown(self):
        results = self.results
        lines = ["# The vector database", "", "; ".join(f"{k} {v}" for k, v in servers.machine().items()), "",
                 f"{self.options.vectors} {'real embeddings' if self.options.real else 'vectors'} of {DIMENSIONS} dimensions; "
                 f"{', '.join(PACKAGES)}.", "",
                 "| figure | measured | goal | met |", "|---|---|---|---|"]
        lines += [f"| {' | '.join(row)} |" for row in self.goals]
        lines += ["", "Building with 2 threads, and memory after it:", "",
                  "| | vectors/s | bytes a vector, own | of files |", "|---|---:|---:|---:|"]
        lines += [f"| {name} | {rate:.0f} | {results['memory'][name]['own']:.0f} | {results['memory'][name]['files']:.0f} |"
                  for name, rate in results["build"].items()]
        lines += [f"\nWithout the two fields: {results['memory']['weir, no fields']['own']:.0f} bytes."]
        lines += [f"\n{name} took vectors in at {rate:.0f}/s, synced, before the graph was built." for name, rate in
                  results["load"].items()]
        if results["search"]:
            lines += ["", f"Searches/s (recall@10) by width of the beam, medians of {self.options.rounds} rounds in turns:",
                      ""]
            for name, curve in results["search"].items():
                cells = [f"{width or 'chosen'}: {statistics.median(at['rates']):.0f} ({at['recall']:.4f})"
                         for width, at in curve.items()]
                lines.append(f"- {name}: {', '.join(cells)}")
        if results["filter"]:
            names = list(self.subjects)
            lines += ["", "Filtered, searches/s (recall@10):", "", f"| filter | {' | '.join(names)} |",
                      "|---|" + "---:|" * len(names)]
            for key, found in results["filter"].items():
                cells = [f"{found[n]['rate']:.0f} ({found[n]['recall']:.3f})" if n in found else "" for n in names]
                lines.append(f"| {key} | {' | '.join(cells)} |")
        if results["upserts"]:
            lines += ["", "Upserts, each acknowledged before the next:", "",
                      "| | one, p50 | one, p99 | batches of 1,000 | what has happened when it returns |",
                      "|---|---:|---:|---:|---|"]
            lines += [f"| {name} | {at['p50 us'] / 1000:.2f} ms | {at['p99 us'] / 1000:.2f} ms | {at['batched/s']:.0f}/s | "
                      f"{PROMISES[name]} |" for name, at in results["upserts"].items()]
        lines += [""] + [f"- left out: {name}: {why}" for name, why in self.left_out.items()]
        return "\n".join(lines) + "\n"

    def run(self):
        self.make_set()
        try:
            self.start()
            self.memory_without_fields()
            for what, measure in (("search", self.search), ("filters", self.filters), ("upserts", self.upserts),
                                  ("words", self.words)):
                if self.options.only in what:
                    measure()
        finally:
            for subject in self.subjects.values():
                subject.end()
        self.judge()


def main():
    parser = argparse.ArgumentParser(description="The vector database, beside other ones.")
    parser.add_argument("--vectors", type=int, default=100_000)
    parser.add_argument("--queries", type=int, default=1_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--peers", default=",".join(GRAPHS + DATABASES), type=lambda text: [p for p in text.split(",") if p])
    parser.add_argument("--only", default="", help="of search, filters, upserts and words those whose name contains this")
    parser.add_argument("--real", action="store_true", help="real embeddings instead of vectors from a seed")
    parser.add_argument("--output", type=pathlib.Path, default=ROOT / "build" / "bench")
    options = parser.parse_args()
    python = install()
    with tempfile.TemporaryDirectory(prefix="weir-bench-", dir=ROOT / "build") as folder:
        bench = Bench(options, pathlib.Path(folder), python)
        bench.run()
    text = bench.markdown()
    options.output.mkdir(parents=True, exist_ok=True)
    (options.output / "vectors.md").write_text(text)
    (options.output / "vectors.json").write_text(json.dumps({"machine": servers.machine(), "vectors": options.vectors,
                                                             "goals": bench.goals, "results": bench.results,
                                                             "left_out": bench.left_out}, indent=1))
    print(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
