#!/usr/bin/env python3
"""Weir through HTTP against llama-server from the same tree, in alternating pairs (`make bench-engine`).

  bench/engine.py [--only TEXT] [--pairs N] [--servers weir,llama-server] [--output DIR]

For each measure both servers are up with the model loaded; a pair is one run on each, in an order that alternates, with
the same texts, new in every pair. The table shows medians, the median of the ratios Weir / llama-server with its 95 %
bootstrap interval, and whether the goal is met. Results are written as Markdown and JSON to build/bench/ after every
measure. Exits 1 when a run failed, not when a goal was missed: missing one is a result.
"""

import argparse
import json
import pathlib
import platform
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import loads  # noqa: E402
import measures  # noqa: E402
import servers  # noqa: E402
from intervals import estimate  # noqa: E402
from measures import Goal  # noqa: E402

PEER, OURS = "llama-server", "weir"
UNLOADED = "first answer of an unloaded model"
TOGETHER = "qwen2.5-coder:0.5b and 1.5b answer at once"
FOOTPRINT = "weir serve without a model"


def say(text):
    print(text, file=sys.stderr, flush=True)


class Results:
    """What every run returned: {measure: {number: {server: [value of each round]}}}."""

    def __init__(self, output):
        self.output = output
        self.samples, self.goals, self.commands, self.failures = {}, {}, {}, []

    def add(self, measure, server, numbers):
        for name, value in numbers.items():
            if value is None:
                raise RuntimeError(f"{measure}: {server} gave no {name}")
            self.samples.setdefault(measure, {}).setdefault(name, {}).setdefault(server, []).append(value)

    def rows(self):
        for measure, numbers in self.samples.items():
            for name, values in numbers.items():
                ours, peers = values.get(OURS, []), values.get(PEER, [])
                ratio = estimate([a / b for a, b in zip(ours, peers)]) if ours and peers and all(peers) else None
                goal = self.goals.get(measure, {}).get(name)
                weir = estimate(ours) if ours else None
                yield {"measure": measure, "number": name, "weir": weir, "peer": estimate(peers) if peers else None,
                       "ratio": ratio, "goal": goal.text() if goal else "",
                       "met": goal.met(ratio, weir) if goal else None}

    def markdown(self):
        lines = ["# Weir and llama-server from the same tree", "",
                 "; ".join(f"{name} {value}" for name, value in servers.machine().items()), "",
                 "| measure | number | Weir | llama-server | Weir / llama-server | pairs | goal | met |",
                 "|---|---|---|---|---|---|---|---|"]
        for row in self.rows():
            shown = [row[column].text() if row[column] else "" for column in ("weir", "peer", "ratio")]
            count = (row["weir"] or row["peer"]).count
            met = {True: "yes", False: "**no**", None: ""}[row["met"]]
            lines.append(f"| {row['measure']} | {row['number']} | {' | '.join(shown)} | {count} | {row['goal']} | {met} |")
        lines += ["", "Medians, in brackets the 95 % bootstrap interval.", ""]
        lines += [f"- {name}: `{command}`" for name, command in self.commands.items()]
        lines += [f"- failed: {failure}" for failure in self.failures]
        return "\n".join(lines) + "\n"

    def write(self):
        self.output.mkdir(parents=True, exist_ok=True)
        (self.output / "engine.md").write_text(self.markdown())
        (self.output / "engine.json").write_text(json.dumps(
            {"machine": servers.machine() | {"python": platform.python_version()}, "samples": self.samples,
             "commands": self.commands, "failures": self.failures}, indent=1))


def in_pairs(count, names):
    """(round, name): both names in every round, the order turned around each time."""
    for round_number in range(count):
        for name in names if round_number % 2 == 0 else reversed(names):
            yield round_number, name


def run_measure(measure, results, chosen, pairs, program, folder):
    running = {}
    try:
        for name in chosen:
            running[name] = (servers.Weir(folder, measure.model, *arguments_of(measure, folder)) if name == OURS else
                             servers.LlamaServer(program, folder, measure.model, *measure.peer_arguments))
            results.commands[f"{measure.name}, {name}"] = " ".join(running[name].command)
            warm_up(running[name], measure)
        for round_number, name in in_pairs(pairs, chosen):
            numbers = measure.run(running[name], round_number)
            results.add(measure.name, name, numbers)
            say(f"  {round_number + 1}/{pairs} {name}: " + ", ".join(f"{k} {v:.4g}" for k, v in numbers.items()))
        for name, server in running.items():
            results.add(measure.name, name, {"memory after MiB": server.memory_kib() / 1024})
    finally:
        for server in running.values():
            server.stop()


def arguments_of(measure, folder):
    """Of weir serve; what a measure sets of the model goes through a configuration file."""
    file = folder / "model.toml"
    cells = f"context = {measure.weir_cells}\n" if measure.weir_cells else ""
    file.write_text(f'[model."{measure.model}"]\n{cells}prompt_lookup = {str(measure.weir_lookup).lower()}\n')
    return ("--config", str(file), *measure.weir_arguments)


def warm_up(server, measure):
    if measure.run is loads.embed:
        loads.embed(server, -1, count=10, batch=10)
    else:
        loads.decode(server, "warm")


def run_unloaded(results, chosen, pairs, program, folder):
    for round_number, name in in_pairs(pairs, chosen):
        numbers = (loads.first_answer_of_weir(folder, measures.SMALL) if name == OURS else
                   loads.first_answer_of_peer(program, folder, measures.SMALL))
        results.add(UNLOADED, name, numbers)
        say(f"  {round_number + 1}/{pairs} {name}: {numbers}")


def run_together(results, chosen, pairs, program, folder):
    """The models of one Weir, and two llama-servers."""
    running = {}
    models = (measures.CODER, measures.CODER_LARGE)
    try:
        for name in chosen:
            running[name] = ([servers.Weir(folder, models[0])] if name == OURS else
                             [servers.LlamaServer(program, folder, model, "-c", "8192") for model in models])
            if name == OURS:
                running[name].append(running[name][0].asked_for(models[1]))
            for server in running[name]:
                loads.decode(server, "warm")
        for round_number, name in in_pairs(pairs, chosen):
            numbers = loads.two_models(*running[name], round_number)
            results.add(TOGETHER, name, numbers)
            say(f"  {round_number + 1}/{pairs} {name}: " + ", ".join(f"{k} {v:.4g}" for k, v in numbers.items()))
    finally:
        for name, both in running.items():
            for server in both[:1] if name == OURS else both:
                server.stop()


def run_footprint(results, pairs, folder):
    for _ in range(pairs):
        server = servers.Weir(folder, measures.SMALL)
        results.add(FOOTPRINT, OURS, {"ready ms": 1000 * server.ready_s,
                                      "launcher and gateway MiB": server.memory_without_engines_kib() / 1024})
        server.stop()


def plan(options, results, program, folder):
    """(name, function) of everything that is to be run."""
    chosen = options.servers.split(",")
    for measure in measures.ALL:
        results.goals[measure.name] = measure.goals
        pairs = options.pairs or measure.pairs
        yield measure.name, lambda m=measure, p=pairs: run_measure(m, results, chosen, p, program, folder)
    results.goals[UNLOADED] = {"first answer s": Goal("ratio", at_most=1.1)}
    yield UNLOADED, lambda: run_unloaded(results, chosen, options.pairs or 10, program, folder)
    results.goals[TOGETHER] = {"at once, by in turns": Goal("weir", at_most=1.1)}
    yield TOGETHER, lambda: run_together(results, chosen, options.pairs or 5, program, folder)
    if OURS in chosen:
        results.goals[FOOTPRINT] = {"ready ms": Goal("weir", at_most=200),
                                    "launcher and gateway MiB": Goal("weir", at_most=20)}
        yield FOOTPRINT, lambda: run_footprint(results, options.pairs or 10, folder)


def main():
    parser = argparse.ArgumentParser(description="Weir against llama-server from the same tree.")
    parser.add_argument("--only", default="", help="measures whose name contains this")
    parser.add_argument("--pairs", type=int, help="this many pairs for every measure")
    parser.add_argument("--servers", default=f"{PEER},{OURS}")
    parser.add_argument("--output", type=pathlib.Path, default=servers.ROOT / "build" / "bench")
    options = parser.parse_args()
    results = Results(options.output)
    program = servers.peer_program() if PEER in options.servers else None
    with tempfile.TemporaryDirectory(prefix="weir-bench-") as folder:
        for name, run in plan(options, results, program, pathlib.Path(folder)):
            if options.only not in name:
                continue
            say(name)
            try:
                run()
            except (RuntimeError, OSError, servers.weir_server.NotReady) as failure:
                results.failures.append(f"{name}: {failure}")
                say(f"  failed: {failure}")
            results.write()
    print(results.markdown() if results.samples or results.failures else "nothing was measured; see --only")
    return 1 if results.failures or not results.samples else 0


if __name__ == "__main__":
    sys.exit(main())
