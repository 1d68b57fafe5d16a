#!/usr/bin/env python3
"""The cascade with two models of the store, on questions whose answers are known (`make bench-cascade`).

  bench/cascade.py [--small NAME] [--large NAME] [--tasks N] [--kind KIND] [--clients N] [--output DIR] [--report]
                   [--write [--into FILE]]

For each task the small model answers, the large one reads question and draft (nothing is generated: how likely it finds the
draft's tokens; and beside it, yes or no, whether it is right), and the large one answers, too. What came back is kept in
DIR/cascade.jsonl, a line a task, with the log-probability and margin of each token of the draft, so that a stopped run goes
on where it was. The report then says, for each kind of task, how often each is right, how well each signal tells right drafts
from wrong ones (AUROC), and what a cascade on that signal reaches of the way from the small model to the large one, over
all shares of the large one (APGR; choosing at random is 0.5), with 95 % bootstrap intervals over the tasks. --write fits
data/cascade.json, or FILE, to what was kept: rising maps from the draft's likelihood, and from its own tokens, to chances.
FILE is what `calibration` in a configuration names (docs/auto.md).
"""

import argparse
import concurrent.futures
import json
import os
import pathlib
import sys
import tempfile
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import asking  # noqa: E402
import servers  # noqa: E402 (it finds what tests and benchmarks share)
import cascade_fit as fit  # noqa: E402
import cascade_signals as signals  # noqa: E402
import cascade_tasks  # noqa: E402

DEFAULT = ("qwen2.5-coder:0.5b", "qwen2.5-coder:1.5b")
ANSWER_TOKENS = {cascade_tasks.MATH: 320, cascade_tasks.EXTRACTION: 24}
TRIES = 4  # an engine that a busy machine held up for long is taken for hung, and replaced
LIKELY, ASKED = "likelihood by the larger model", "larger model, asked yes or no"


def timed(function):
    started = time.monotonic()
    return function(), time.monotonic() - started


def ask(weir, model, task, **more):
    body = {"model": model, "messages": [{"role": "user", "content": task["prompt"]}], "temperature": 0,
            "max_tokens": ANSWER_TOKENS[task["kind"]]} | more
    answer, seconds = timed(lambda: asking.post(weir, "/v1/chat/completions", body))
    return answer, answer["choices"][0]["message"]["content"], seconds


def score(weir, model, messages, continuations):
    body = {"model": model, "messages": messages, "continuations": continuations}
    scores, seconds = timed(lambda: asking.post(weir, "/weir/v1/score", body))
    return scores["scores"], seconds


def asked_whether(weir, model, task, draft):
    """The large model's log-odds of yes when it is asked whether the draft is right."""
    messages = [{"role": "user", "content": task["prompt"]}, {"role": "assistant", "content": draft},
                {"role": "user", "content": "Is the answer above right? Reply with one word, Yes or No."}]
    (yes, no), seconds = score(weir, model, messages, ["Yes", "No"])
    return yes["logprob"] - no["logprob"], seconds


def likelihood(weir, model, task, draft):
    """How likely the large model finds each token of the draft as its own answer, on the average (logarithm)."""
    (read,), seconds = score(weir, model, [{"role": "user", "content": task["prompt"]}], [draft])
    return read["logprob"] / read["tokens"], seconds


def examine(weir, pair, task):
    small, large = pair
    said, draft, small_s = ask(weir, small, task, logprobs=True, top_logprobs=2)
    tokens = [signals.token_of(token) for token in said["choices"][0]["logprobs"]["content"]]
    mean, check_s = likelihood(weir, large, task, draft)
    odds, asked_s = asked_whether(weir, large, task, draft)
    _, answer, large_s = ask(weir, large, task)
    return {"id": task["id"], "kind": task["kind"], "prompt_bytes": len(task["prompt"]),
            "prompt_tokens": said["usage"]["prompt_tokens"], "answer_tokens": said["usage"]["completion_tokens"],
            "stats": said["weir"]["statistics"][0], "tokens": tokens, "draft": draft, "check": mean, "asked": odds,
            "small_right": cascade_tasks.right(task, draft), "large_right": cascade_tasks.right(task, answer),
            "small_s": small_s, "decode_s": said["weir"]["timings"]["decode_ms"] / 1e3, "check_s": check_s,
            "asked_s": asked_s, "large_s": large_s, "at": int(time.time()), "load": os.getloadavg()[0]}


def patiently(weir, pair, task):
    for _ in range(TRIES - 1):
        try:
            return examine(weir, pair, task)
        except (RuntimeError, OSError) as failure:
            print(f"\n{task['id']}: {failure}; once more", file=sys.stderr)
            time.sleep(1)
    return examine(weir, pair, task)


def kept(path):
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def collect(path, pair, tasks, clients):
    done = {row["id"] for row in kept(path)}
    left = [task for task in tasks if task["id"] not in done]
    if not left:
        return
    with tempfile.TemporaryDirectory(prefix="weir-bench-") as folder, open(path, "a", encoding="utf-8") as file:
        weir = servers.Weir(pathlib.Path(folder), pair[0])
        lock = threading.Lock()

        def run(task):
            line = json.dumps(patiently(weir, pair, task) | {"clients": clients})
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


def share_right(rows, name):
    return signals.interval(rows, lambda some: sum(row[name] for row in some) / len(some))


def seconds(values):
    ordered = sorted(values)
    return f"{ordered[len(ordered) // 2]:.2f} | {sum(ordered) / len(ordered):.2f}"


def all_signals():
    named = {LIKELY: fit.check_milli, ASKED: lambda row: row["asked"],
             "own mean entropy": lambda row: -row["stats"]["entropy_mean"], "short prompt": lambda row: -row["prompt_bytes"]}
    for after in (signals.GATES[-2], 0):
        for name in signals.OWN:
            named[f"own {name}, " + (f"first {after} tokens" if after else "whole draft")] = (
                lambda row, name=name, after=after: signals.own(row, name, after))
    return named


def own_of(rows, after):
    name, found = signals.best_own(rows, after)
    where = f"first {after} tokens" if after else "whole draft"
    return (f"own {name}, {where}", lambda row: signals.own(row, name, after), fit.own_cost(after), found)


def cascade_lines(rows):
    alone = sum(fit.larger_s(row) for row in rows) / len(rows)
    lines = [f"Cascades at a confidence of {fit.CONFIDENCE / 10_000}, each fitted to four fifths of the tasks and judged on "
             f"the fifth; the large one alone takes {alone:.2f} s on the average.", "",
             "| cascade | right | goes up | random at that share | seconds, mean | AUROC without flattery |",
             "|---|---|---|---|---|---|"]
    rivals = [(LIKELY, fit.check_milli, fit.check_cost, None), *(own_of(rows, after) for after in signals.GATES)]
    for name, signal, cost, found in rivals:
        got = fit.reached(rows, signal, cost)
        told = "{:.2f} ({:.2f} to {:.2f})".format(*found) if found else ""
        lines.append(f"| {name} | {got['right']:.3f} | {got['up']:.2f} | {got['random']:.3f} | {got['seconds']:.2f} "
                     f"| {told} |")
    return lines


def report(rows, pair):
    lines = ["# The cascade with two models", "",
             f"{pair[0]} answers, {pair[1]} checks or answers; temperature 0; 95 % bootstrap intervals over tasks.", ""]
    for kind in sorted({row["kind"] for row in rows}):
        some = [row for row in rows if row["kind"] == kind]
        clients = sorted({row["clients"] for row in some})
        loads = sorted(row["load"] for row in some)
        lines += [f"## {kind}: {len(some)} tasks", "",
                  f"Seconds with {' or '.join(map(str, clients))} tasks at the same time, at a load of {loads[0]:.1f} to "
                  f"{loads[-1]:.1f} (median {loads[len(loads) // 2]:.1f}).", "",
                  "| | right | seconds, median | mean |", "|---|---|---|---|",
                  f"| small alone | {share_right(some, 'small_right')} | {seconds([row['small_s'] for row in some])} |",
                  f"| large alone | {share_right(some, 'large_right')} | {seconds([fit.larger_s(row) for row in some])} |",
                  f"| check | | {seconds([row['check_s'] for row in some])} |", "",
                  *cascade_lines(some), "", "| signal | AUROC | APGR |", "|---|---|---|"]
        for name, signal in all_signals().items():
            told = signals.interval(some, lambda r: signals.auroc([(signal(x), x["small_right"]) for x in r]))
            lines.append(f"| {name} | {told} | {signals.interval(some, lambda r: signals.apgr(r, signal))} |")
        lines.append("")
    return "\n".join(lines)


def write(rows, models, path):
    """What was measured of another pair or kind stays."""
    kinds = sorted({row["kind"] for row in rows})
    files = [servers.digest_of(name) for name in models]
    pairs = []
    for kind in kinds:
        some = [row for row in rows if row["kind"] == kind]
        days = [time.strftime("%Y-%m-%d", time.gmtime(row["at"])) for row in some]
        source = "GSM8K" if kind == cascade_tasks.MATH else "bench/cascade_tasks.py"
        measured = (f"{len(some)} tasks of {source}, {min(days)} to {max(days)}, bench/cascade.py --kind {kind} --tasks "
                    f"{len(some)} --clients {max(row['clients'] for row in some)} --write")
        pairs.append(fit.fitted(some, kind, models, files, measured))
    known = json.loads(path.read_text())["pairs"] if path.exists() else []
    pairs += [each for each in known
              if [each["draft_sha256"], each["larger_sha256"]] != files or each["kind"] not in kinds]
    path.write_text(json.dumps({"version": 1, "pairs": pairs}, indent=1) + "\n")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--small", default=DEFAULT[0], help="who drafts")
    parser.add_argument("--large", default=DEFAULT[1], help="who checks")
    parser.add_argument("--tasks", type=int, default=300, help="of each kind")
    parser.add_argument("--kind", choices=(cascade_tasks.MATH, cascade_tasks.EXTRACTION), help="only tasks of this kind")
    parser.add_argument("--clients", type=int, default=4, help="tasks at the same time; 1 for true seconds")
    parser.add_argument("--output", type=pathlib.Path, default=servers.ROOT / "build" / "bench")
    parser.add_argument("--report", action="store_true", help="only the report of what is there")
    parser.add_argument("--write", action="store_true", help="fit a calibration to it")
    parser.add_argument("--into", type=pathlib.Path, default=servers.ROOT / "data" / "cascade.json",
                        help="of this file, in place of data/cascade.json")
    arguments = parser.parse_args()
    arguments.output.mkdir(parents=True, exist_ok=True)
    pair = (arguments.small, arguments.large)
    name = "cascade" if pair == DEFAULT else "-".join(["cascade", *pair]).replace("/", "-").replace(":", "-")
    path = arguments.output / f"{name}.jsonl"
    tasks = [task for both in zip(cascade_tasks.gsm8k(arguments.tasks), cascade_tasks.extraction(arguments.tasks))
             for task in both if arguments.kind in (None, task["kind"])]
    if not arguments.report:
        collect(path, pair, tasks, arguments.clients)
    text = report(kept(path), pair)
    (arguments.output / f"{name}.md").write_text(text)
    print(text)
    if arguments.write:
        write(kept(path), pair, arguments.into)


if __name__ == "__main__":
    main()
