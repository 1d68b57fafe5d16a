#!/usr/bin/env python3
"""The cascade with the two default models, on questions whose answers are known (`make bench-cascade`).

  bench/cascade.py [--tasks N] [--kind KIND] [--clients N] [--output DIR] [--report] [--write]

For each task the small model answers, the large one reads question and draft (nothing is generated: how likely it finds the
draft's tokens; and beside it, yes or no, whether it is right), and the large one answers, too. What came back is kept in DIR/cascade.jsonl, a line a task, so that a stopped run goes on
where it was. The report then says, for each kind of task, how often each is right, how well each signal tells right drafts
from wrong ones (AUROC), and what a cascade on that signal reaches of the way from the small model to the large one, over
all shares of the large one (APGR; choosing at random is 0.5), with 95 % bootstrap intervals over the tasks. --write fits
data/cascade.json to what was kept: a rising map from the draft's likelihood to chances for each kind of task.
"""

import argparse
import concurrent.futures
import json
import math
import pathlib
import random
import sys
import tempfile
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import asking  # noqa: E402
import servers  # noqa: E402 (it finds what tests and benchmarks share)
import cascade_tasks  # noqa: E402

SMALL, LARGE = "qwen2.5-coder:0.5b", "qwen2.5-coder:1.5b"
ANSWER_TOKENS = {cascade_tasks.MATH: 320, cascade_tasks.EXTRACTION: 24}
RESAMPLES = 1000
CONFIDENCE = 0.85  # the default of min_confidence
BINS, BIN_TASKS = 8, 15  # of a calibration


def timed(function):
    started = time.monotonic()
    return function(), time.monotonic() - started


def ask(weir, model, task):
    body = {"model": model, "messages": [{"role": "user", "content": task["prompt"]}], "temperature": 0,
            "max_tokens": ANSWER_TOKENS[task["kind"]]}
    answer, seconds = timed(lambda: asking.post(weir, "/v1/chat/completions", body))
    return answer["choices"][0]["message"]["content"], answer["weir"]["statistics"][0], seconds


def score(weir, messages, continuations):
    body = {"model": LARGE, "messages": messages, "continuations": continuations}
    scores, seconds = timed(lambda: asking.post(weir, "/weir/v1/score", body))
    return scores["scores"], seconds


def asked_whether(weir, task, draft):
    """The large model's log-odds of yes when it is asked whether the draft is right."""
    messages = [{"role": "user", "content": task["prompt"]}, {"role": "assistant", "content": draft},
                {"role": "user", "content": "Is the answer above right? Reply with one word, Yes or No."}]
    (yes, no), seconds = score(weir, messages, ["Yes", "No"])
    return yes["logprob"] - no["logprob"], seconds


def likelihood(weir, task, draft):
    """How likely the large model finds each token of the draft as its own answer, on the average (logarithm)."""
    (read,), seconds = score(weir, [{"role": "user", "content": task["prompt"]}], [draft])
    return read["logprob"] / read["tokens"], seconds


def examine(weir, task, known):
    draft, stats, small_s = ask(weir, SMALL, task)
    mean, check_s = likelihood(weir, task, draft)
    odds, asked_s = asked_whether(weir, task, draft)
    row = {"id": task["id"], "kind": task["kind"], "prompt_bytes": len(task["prompt"]), "stats": stats, "draft": draft,
           "check": mean, "asked": odds, "small_right": cascade_tasks.right(task, draft),
           "small_s": small_s, "check_s": check_s, "asked_s": asked_s}
    if known:
        return known | row
    answer, _, large_s = ask(weir, LARGE, task)
    return row | {"large_right": cascade_tasks.right(task, answer), "large_s": large_s}


def collect(path, tasks, clients):
    done = {json.loads(line)["id"] for line in path.read_text().splitlines()} if path.exists() else set()
    left = [task for task in tasks if task["id"] not in done]
    if not left:
        return
    with tempfile.TemporaryDirectory(prefix="weir-bench-") as folder, open(path, "a", encoding="utf-8") as file:
        weir = servers.Weir(pathlib.Path(folder), SMALL)
        lock = threading.Lock()

        def run(task):
            line = json.dumps(examine(weir, task, None))
            with lock:
                file.write(line + "\n")
                file.flush()
        try:
            with concurrent.futures.ThreadPoolExecutor(clients) as pool:
                for number, _ in enumerate(pool.map(run, left), start=1):
                    print(f"\r{number}/{len(left)}", end="", file=sys.stderr, flush=True)
        finally:
            weir.stop()
            print(file=sys.stderr)


def auroc(pairs):
    """Of (score, is right): how often a right one has the higher score; ties count half. None without both."""
    ordered = sorted(pairs)
    rights = sum(right for _, right in ordered)
    wrongs = len(ordered) - rights
    if not rights or not wrongs:
        return None
    total, place = 0.0, 0
    while place < len(ordered):
        end = place
        while end < len(ordered) and ordered[end][0] == ordered[place][0]:
            end += 1
        rank = (place + 1 + end) / 2
        total += rank * sum(right for _, right in ordered[place:end])
        place = end
    return (total - rights * (rights + 1) / 2) / (rights * wrongs)


def apgr(rows, keep):
    """The mean, over all shares of the large model, of what is gained of the gap between both models, when the tasks with
    the lowest keep(row) go up first. None where the large one is not better."""
    small = sum(row["small_right"] for row in rows)
    large = sum(row["large_right"] for row in rows)
    if large <= small:
        return None
    right, gains = small, []
    for row in sorted(rows, key=keep):
        right += row["large_right"] - row["small_right"]
        gains.append((right - small) / (large - small))
    return (sum(gains) - 0.5 * gains[-1]) / len(gains)


def bounds(rows, figure):
    """(figure, low, high), or None where it is not defined."""
    source = random.Random(20261122)
    values = sorted(v for v in (figure(source.choices(rows, k=len(rows))) for _ in range(RESAMPLES)) if v is not None)
    middle = figure(rows)
    if middle is None or len(values) < RESAMPLES / 2:
        return None
    return middle, values[int(0.025 * len(values))], values[int(0.975 * len(values)) - 1]


def interval(rows, figure):
    found = bounds(rows, figure)
    return "not defined" if found is None else "{:.2f} ({:.2f} to {:.2f})".format(*found)


CHECKED = "likelihood by the larger model"
SIGNALS = {
    CHECKED: lambda row: row["check"],
    "larger model, asked yes or no": lambda row: row["asked"],
    "own mean log-probability": lambda row: row["stats"]["logprob_mean"],
    "own least log-probability": lambda row: row["stats"]["logprob_min"],
    "own mean entropy": lambda row: -row["stats"]["entropy_mean"],
    "own least margin": lambda row: row["stats"]["margin_min"],
    "short prompt": lambda row: -row["prompt_bytes"],
}


def share_right(rows, name):
    return interval(rows, lambda some: sum(row[name] for row in some) / len(some))


def seconds(rows, name):
    ordered = sorted(row[name] for row in rows)
    return f"{ordered[len(ordered) // 2]:.2f}"


def cascade_at(rows, threshold):
    """Right answers and calls of the large model when drafts below the threshold (logarithm) are answered again."""
    up = [row for row in rows if row["check"] < threshold]
    kept = sum(row["small_right"] for row in rows if row["check"] >= threshold)
    return (kept + sum(row["large_right"] for row in up)) / len(rows), len(up) / len(rows)


def report(rows):
    lines = ["# The cascade with the two default models", "",
             f"{SMALL} answers, {LARGE} checks or answers; temperature 0; 95 % bootstrap intervals over tasks.", ""]
    for kind in sorted({row["kind"] for row in rows}):
        some = [row for row in rows if row["kind"] == kind]
        small, large = (sum(row[name] for row in some) / len(some) for name in ("small_right", "large_right"))
        lines += [f"## {kind}: {len(some)} tasks", "", "| | right | seconds, median |", "|---|---|---|",
                  f"| small alone | {share_right(some, 'small_right')} | {seconds(some, 'small_s')} |",
                  f"| large alone | {share_right(some, 'large_right')} | {seconds(some, 'large_s')} |",
                  f"| check | | {seconds(some, 'check_s')} |", "",
                  "| signal | AUROC | APGR |", "|---|---|---|"]
        for name, signal in SIGNALS.items():
            lines.append(f"| {name} | {interval(some, lambda r: auroc([(signal(x), x['small_right']) for x in r]))} "
                         f"| {interval(some, lambda r: apgr(r, signal))} |")
        lines += ["", "| accepted from a likelihood of | right | answered by the large one | random at that share |", "|---|---|---|---|"]
        for chance in (0.25, 0.5, 0.75, 0.9, 0.95):
            right, up = cascade_at(some, math.log(chance))
            lines.append(f"| {chance} | {right:.3f} | {up:.2f} | {small + up * (large - small):.3f} |")
        lines.append("")
    return "\n".join(lines)


def pooled(rows):
    """[[rows of about equal likelihood], ...]: bins of at least BIN_TASKS, neighbours pooled until drafts get righter."""
    ordered = sorted(rows, key=lambda row: row["check"])
    count = max(2, min(BINS, len(ordered) // BIN_TASKS))
    bins = [ordered[len(ordered) * i // count:len(ordered) * (i + 1) // count] for i in range(count)]
    pools = []
    for each in bins:
        pools.append(each)
        while len(pools) > 2 and mean(pools[-2], "small_right") >= mean(pools[-1], "small_right"):
            pools[-2:] = [pools[-2] + pools[-1]]
    return pools


def mean(rows, name):
    return sum(row[name] for row in rows) / len(rows)


def smoothed(rows, name):
    """A chance from few tasks: as if one more had been right and one more wrong (Laplace)."""
    return round(10_000 * (sum(row[name] for row in rows) + 1) / (len(rows) + 2))


def fitted(rows, kind):
    """What data/cascade.json says of this kind of task."""
    points, right = [], 0
    for pool in pooled(rows):
        middle = sorted(row["check"] for row in pool)[len(pool) // 2]
        right = max(right, smoothed(pool, "small_right"))
        points.append({"likelihood_milli": min(0, round(middle * 1000)), "draft_right": right,
                       "larger_right": smoothed(pool, "large_right")})
    return {"draft_model": SMALL, "larger_model": LARGE, "kind": kind, "tasks": len(rows),
            "draft_right": smoothed(rows, "small_right"), "larger_right": smoothed(rows, "large_right"),
            "check_pays": pays(rows, points), "points": points}


def cascade_seconds(rows, points):
    """(of the cascade at CONFIDENCE, of the large model alone), means. What the large model needs after its check is the
    answer without its prompt, since the check has processed that."""
    least = min((point["likelihood_milli"] for point in points if point["draft_right"] >= CONFIDENCE * 10_000), default=1)
    again = [row["large_s"] if row["check"] * 1000 < least else 0.0 for row in rows]
    cascade = sum(row["small_s"] + row["check_s"] + more for row, more in zip(rows, again)) / len(rows)
    return cascade, sum(row["check_s"] + row["large_s"] for row in rows) / len(rows)


def pays(rows, points):
    found = bounds(rows, lambda some: apgr(some, SIGNALS[CHECKED]))
    cascade, alone = cascade_seconds(rows, points)
    return found is not None and found[1] > 0.5 and cascade < alone


def write(rows):
    kinds = sorted({row["kind"] for row in rows})
    pairs = [fitted([row for row in rows if row["kind"] == kind], kind) for kind in kinds]
    path = servers.ROOT / "data" / "cascade.json"
    pairs += [pair for pair in json.loads(path.read_text())["pairs"] if pair["kind"] not in kinds]  # measured at another time
    path.write_text(json.dumps({"version": 1, "pairs": pairs}, indent=1) + "\n")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tasks", type=int, default=300, help="of each kind")
    parser.add_argument("--kind", choices=(cascade_tasks.MATH, cascade_tasks.EXTRACTION), help="only tasks of this kind")
    parser.add_argument("--clients", type=int, default=4, help="tasks at the same time; 1 for true seconds")
    parser.add_argument("--output", type=pathlib.Path, default=servers.ROOT / "build" / "bench")
    parser.add_argument("--report", action="store_true", help="only the report of what is there")
    parser.add_argument("--write", action="store_true", help="fit data/cascade.json to it")
    arguments = parser.parse_args()
    arguments.output.mkdir(parents=True, exist_ok=True)
    path = arguments.output / "cascade.jsonl"
    tasks = [task for both in zip(cascade_tasks.gsm8k(arguments.tasks), cascade_tasks.extraction(arguments.tasks))
             for task in both if arguments.kind in (None, task["kind"])]
    if not arguments.report:
        collect(path, tasks, arguments.clients)
    text = report([json.loads(line) for line in path.read_text().splitlines()])
    (arguments.output / "cascade.md").write_text(text)
    print(text)
    if arguments.write:
        write([json.loads(line) for line in path.read_text().splitlines()])


if __name__ == "__main__":
    main()
