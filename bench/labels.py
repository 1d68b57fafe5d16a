#!/usr/bin/env python3
"""The detectors measured (`make bench-labels`): speed, what they find of each type, what they find where nothing is.

  bench/labels.py [--each N] [--seed N] [--prose FILE]... [--output DIR]

Speed: megabytes a second over mixed text (prose, code, JSON, one finding in about 4 KiB), and microseconds for 4 KiB with
many findings. Recall: N values of each type from bench/label_corpus.py in a carrier sentence, found at their place. Near
misses: the same with a wrong check. Precision: of the findings in texts with one value, how many are that value's type. False
findings: in prose (--prose, several times; without it the texts in ../shared/data/retrieval/chunking where they are) and in
this repository's own code, for 1,000 words, by type. Results as Markdown and JSON under build/bench/.
"""

import argparse
import collections
import json
import pathlib
import random
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[1]
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import label_corpus  # noqa: E402

WEIR, SPEED = ROOT / "build" / "bin" / "weir", ROOT / "build" / "bin" / "detector_speed"
PROSE = ROOT.parent / "shared" / "data" / "retrieval" / "chunking"
MB_PER_S_GOAL, US_GOAL = 60, 300
CARRIERS = ("In the meeting it was agreed that {} should be looked at again next week.",
            "Note for the file: {} (seen by both sides, nothing else to add).",
            "{{\"id\": 7, \"value\": \"{}\", \"done\": false}}",
            "| open | {} | later |",
            "1001,{},12")
SEPARATOR = "\n\n-- and now for something else entirely, with enough room that no word reaches over to the next one. --\n\n"


def say(text):
    print(text, file=sys.stderr, flush=True)


def find(text):
    done = subprocess.run([WEIR, "label", "-", "--json"], input=text.encode(), capture_output=True, check=True)
    return json.loads(done.stdout)


def find_in_many(texts):
    """The findings of each text; many texts go through one call, far enough apart."""
    found = []
    batch = 1000
    for first in range(0, len(texts), batch):
        part = texts[first:first + batch]
        starts, whole = [], b""
        for text in part:
            starts.append(len(whole))
            whole += text.encode() + SEPARATOR.encode()
        findings = find(whole.decode())
        ends = [start + len(text.encode()) for start, text in zip(starts, part)]
        lists = [[] for _ in part]
        place = 0
        for finding in findings:
            while place < len(part) and finding["start"] >= ends[place]:
                place += 1
            if place < len(part) and finding["start"] >= starts[place]:
                lists[place].append({**finding, "start": finding["start"] - starts[place], "end": finding["end"] - starts[place]})
        found += lists
    return found


def text_with(kind, dice, miss=False):
    """A sentence, and where in it the value stands."""
    words, value = label_corpus.value_of(kind, label_corpus.Maker(dice))
    if miss:
        value = label_corpus.near_miss(value, dice)
    words = "" if not words else words if words.endswith("=") else words + " "
    text = dice.choice(CARRIERS).format(words + value)
    if words.endswith(" ") and kind in label_corpus.FIELDS and dice.random() < 0.25:
        name = words.strip().lower().replace(" ", dice.choice("_-"))
        text = json.dumps({name: value}, ensure_ascii=False, separators=(",", ":"))
    start = len(text[:text.rindex(value)].encode())
    return text, start, start + len(value.encode())


def measure_finding(each, seed):
    kinds = list(label_corpus.makers(label_corpus.Maker(random.Random(0))))
    drawn, missed = [], []  # (type, text, start, end) and (type, text)
    for kind in kinds:
        dice = random.Random(f"{seed} {kind}")
        drawn += [(kind, *text_with(kind, dice)) for _ in range(each)]
        if kind in label_corpus.CHECKED:
            missed += [(kind, text_with(kind, dice, miss=True)[0]) for _ in range(each)]
    rows = {kind: {"hits": 0, "others": 0, "missed": 0} for kind in kinds}
    for (kind, _, start, end), findings in zip(drawn, find_in_many([text for _, text, _, _ in drawn])):
        rows[kind]["hits"] += any(f["type"] == kind and f["start"] < end and f["end"] > start for f in findings)
        rows[kind]["others"] += sum(f["type"] != kind for f in findings)
    for (kind, _), findings in zip(missed, find_in_many([text for _, text in missed])):
        rows[kind]["missed"] += any(f["type"] == kind for f in findings)
    return {kind: {"recall": row["hits"] / each,
                   "precision": row["hits"] / (row["hits"] + row["others"]) if row["hits"] + row["others"] else None,
                   "near_misses": row["missed"] / each if kind in label_corpus.CHECKED else None}
            for kind, row in rows.items()}


def code_of_this_repository():
    files = sorted(path for folder in ("src", "tools", "bench", "web") for path in (ROOT / folder).rglob("*")
                   if path.suffix in (".cc", ".h", ".py", ".ts", ".sh") and not path.name.endswith("_test.cc") and
                   "privacy" not in path.parts and path.name not in ("label_corpus.py", "name_lists.py"))
    return "\n".join(path.read_text() for path in files)


def pieces(text, size):
    lines, piece, length = text.splitlines(keepends=True), [], 0
    for line in lines:
        if length + len(line) > size and piece:
            yield "".join(piece)
            piece, length = [], 0
        piece.append(line)
        length += len(line)
    yield "".join(piece)


def measure_silence(sources):
    rows = {}
    for name, text in sources.items():
        counts = collections.Counter(finding["type"] for piece in pieces(text, 1 << 20) for finding in find(piece))
        words = len(text.split())
        rows[name] = {"words": words, "per_1000": 1000 * sum(counts.values()) / words, "types": dict(counts.most_common(6))}
    return rows


def mixed_text(sources, seed, size):
    """Pieces of all sources in turn, with a finding now and then."""
    dice = random.Random(seed)
    kinds = list(label_corpus.makers(label_corpus.Maker(dice)))
    parts, length = [], 0
    texts = list(sources.values())
    while length < size:
        text = dice.choice(texts)
        at = dice.randrange(max(len(text) - 4000, 1))
        part = text[at:at + 4000] + "\n" + text_with(dice.choice(kinds), dice)[0] + "\n"
        if dice.random() < 0.25:
            part = json.dumps({"messages": [{"role": "user", "content": part}]}, ensure_ascii=False)
        parts.append(part)
        length += len(part)
    return "".join(parts)[:size]


def crowded_text(seed):
    dice = random.Random(seed)
    kinds = list(label_corpus.makers(label_corpus.Maker(dice)))
    text = ""
    while len(text.encode()) < 4096:
        text += text_with(dice.choice(kinds), dice)[0] + "\n"
    return text.encode()[:4096].decode(errors="ignore")


def measure_speed(sources, seed):
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        (folder / "mixed").write_text(mixed_text(sources, seed, 1 << 20))
        names = ["mixed"]
        for i in range(5):
            (folder / f"crowded{i}").write_text(crowded_text(seed + i))
            names.append(f"crowded{i}")
        for name, text in sources.items():
            (folder / name).write_text(text[:1 << 20])
            names.append(name)
        done = subprocess.run([SPEED, *(folder / name for name in names)], capture_output=True, check=True, text=True)
    rows = dict(zip(names, map(json.loads, done.stdout.splitlines())))
    crowded = [rows.pop(f"crowded{i}") for i in range(5)]
    speed = {name: {"mb_per_s": row["bytes"] / row["us"], "findings": row["findings"]} for name, row in rows.items()}
    return speed, {"us": max(row["us"] for row in crowded), "findings": min(row["findings"] for row in crowded)}


def table(head, rows):
    lines = ["| " + " | ".join(head) + " |", "|" + " --- |" * len(head)]
    return "\n".join(lines + ["| " + " | ".join(row) + " |" for row in rows])


def shown(value, form="{:.3f}"):
    return "" if value is None else form.format(value)


def report(result):
    speed, crowded = result["speed"], result["crowded"]
    good = speed["mixed"]["mb_per_s"] >= MB_PER_S_GOAL and crowded["us"] <= US_GOAL
    parts = ["# Detectors", "",
             f"Mixed text {speed['mixed']['mb_per_s']:.0f} MB/s (goal {MB_PER_S_GOAL}); 4 KiB with {crowded['findings']} findings or more "
             f"{crowded['us']:.0f} microseconds (goal {US_GOAL}): {'goals met' if good else 'GOALS MISSED'}.", "",
             table(("text", "MB/s", "findings in 1 MiB"),
                   [(name, f"{row['mb_per_s']:.0f}", str(row["findings"])) for name, row in speed.items()]), "",
             f"Values found, {result['each']} of each type (seed {result['seed']}):", "",
             table(("type", "recall", "precision", "near misses found"),
                   [(kind, shown(row["recall"]), shown(row["precision"]), shown(row["near_misses"])) for kind, row in result["finding"].items()]), "",
             "Where nobody put anything:", "",
             table(("text", "words", "findings for 1,000 words", "most of them"),
                   [(name, f"{row['words']:,}", f"{row['per_1000']:.2f}", ", ".join(f"{kind} {n}" for kind, n in row["types"].items()))
                    for name, row in result["silence"].items()]), ""]
    return "\n".join(parts), good


def main():
    parser = argparse.ArgumentParser(description="Measures the detectors.")
    parser.add_argument("--each", type=int, default=200)
    parser.add_argument("--seed", type=int, default=20261122)
    parser.add_argument("--prose", type=pathlib.Path, action="append", default=[])
    parser.add_argument("--output", type=pathlib.Path, default=ROOT / "build" / "bench")
    options = parser.parse_args()
    prose = options.prose or sorted(PROSE.glob("*.md"))
    sources = {path.stem: path.read_text() for path in prose} | {"code": code_of_this_repository()}
    if len(sources) == 1:
        say("no prose here: name some with --prose")
    say("values of each type")
    result = {"each": options.each, "seed": options.seed, "finding": measure_finding(options.each, options.seed)}
    say("prose and code")
    result["silence"] = measure_silence(sources)
    say("speed")
    result["speed"], result["crowded"] = measure_speed(sources, options.seed)
    text, good = report(result)
    options.output.mkdir(parents=True, exist_ok=True)
    (options.output / "labels.json").write_text(json.dumps(result, indent=1) + "\n")
    (options.output / "labels.md").write_text(text)
    print(text)
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
