#!/usr/bin/env python3
"""Fits data/prediction.json to the open tables of RouteLLM, and measures what it is worth (`make bench-routing`).

  tools/train_prediction.py [--write] [--output DIR]

Two logistic models over what the gateway's own code sees in a prompt (build/bin/weir-features): is the small model of the
tables (Mixtral 8x7B) right; is it wrong and the large one (GPT-4) right. Everything that is reported comes from folds: a
question is judged by models that did not see it (random folds), or no question of its subject (folds by subject). For kinds
of task in BY_LENGTH the length and whether options are listed speak alone, because words did not beat them there. --write
fits on everything and writes the file; its calibrations come from the random folds.
"""

import argparse
import base64
import csv
import json
import pathlib
import random
import subprocess
import sys

import numpy

ROOT = pathlib.Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests"))
import weir_server  # noqa: E402

PLACES = 8192
SCALE = 1024  # of weights: a logit of 1
SMALL, LARGE = "mistralai/Mixtral-8x7B-Instruct-v0.1", "gpt-4-1106-preview"
FOLDS, STEPS, RESAMPLES, DRAWS = 10, 12, 1000, 200
PENALTY, ROUNDS = 200.0, 150
KINDS = ("general", "math", "extraction", "code")
BY_LENGTH = ("math",)
COLUMNS = 3  # of a line: its base, its slope, what listed options add
MIDDLE = 8  # log2 of the length where lines have their base


def questions():
    """[(set, subject, prompt, small is right, large is right)], from both tables."""
    folder = weir_server.shared_data() / "routing" / "routellm"
    for path in sorted(folder.glob("*.csv")):
        table = "gsm8k" if path.stem.startswith("gsm8k") else "mmlu"
        with open(path, encoding="utf-8", newline="") as file:
            for row in csv.DictReader(file):
                yield table, path.stem, row["prompt"], row[SMALL] == "True", row[LARGE] == "True"


class Seen:
    """What the gateway sees of prompts: places, and a line over the length for each kind of task, shifted where options are listed."""

    def __init__(self, places, lines):
        self.places, self.lines = places, lines
        self.rows = numpy.repeat(numpy.arange(len(places)), [len(each) for each in places])
        self.flat = numpy.concatenate(places) if places else numpy.zeros(0, dtype=numpy.int64)

    def some(self, wanted):
        return Seen([each for each, want in zip(self.places, wanted) if want], self.lines[wanted])

    def times(self, weights, line):
        return numpy.bincount(self.rows, weights[self.flat], len(self.places)) + self.lines @ line

    def transposed(self, values):
        return numpy.bincount(self.flat, values[self.rows], PLACES)


def seen(prompts):
    lines = "".join(json.dumps(prompt) + "\n" for prompt in prompts)
    done = subprocess.run([ROOT / "build" / "bin" / "weir-features"], input=lines, text=True, stdout=subprocess.PIPE, check=True)
    places, columns = [], numpy.zeros((len(prompts), COLUMNS * len(KINDS)))
    for number, line in enumerate(done.stdout.splitlines()):
        head, shape, words = line.split("|")
        kind, length, options = map(int, head.split())
        by_length = KINDS[kind] in BY_LENGTH
        places.append(numpy.array([] if by_length else (shape + words).split(), dtype=numpy.int64))
        columns[number, COLUMNS * kind:COLUMNS * (kind + 1)] = 1, length / 1024 - MIDDLE, options
    return Seen(places, columns)


def largest_eigenvalue(data):
    vector = numpy.full(PLACES, PLACES ** -0.5)
    for _ in range(10):
        vector = data.transposed(numpy.bincount(data.rows, vector[data.flat], len(data.places)))
        size = numpy.linalg.norm(vector)
        vector /= size
    return size


def fit(data, right):
    """Logistic regression, an L2 penalty on the weights of places, by accelerated gradient descent. (weights, lines)"""
    right = right.astype(float)
    rate = 0.5 / (0.25 * largest_eigenvalue(data) + PENALTY)
    line_rate = 0.5 / (0.25 * numpy.linalg.norm(data.lines, 2) ** 2)
    weights, line = numpy.zeros(PLACES), numpy.zeros(data.lines.shape[1])
    line[::COLUMNS] = numpy.log(right.mean() / (1 - right.mean()))
    ahead, ahead_line, momentum = weights, line, 1.0
    for _ in range(ROUNDS):
        error = 1 / (1 + numpy.exp(-data.times(ahead, ahead_line))) - right
        stepped = ahead - rate * (data.transposed(error) + PENALTY * ahead)
        stepped_line = ahead_line - line_rate * (data.lines.T @ error)
        following = (1 + (1 + 4 * momentum * momentum) ** 0.5) / 2
        push = (momentum - 1) / following
        ahead, ahead_line = stepped + push * (stepped - weights), stepped_line + push * (stepped_line - line)
        weights, line, momentum = stepped, stepped_line, following
    return weights, line


def isotonic(scores, right):
    """A rising map from score to chance, by pooling neighbours that fall, as at most STEPS points."""
    order = numpy.argsort(scores, kind="stable")
    pools = []  # [sum of right, count, sum of scores]
    for index in order:
        pools.append([float(right[index]), 1, float(scores[index])])
        while len(pools) > 1 and pools[-2][0] / pools[-2][1] >= pools[-1][0] / pools[-1][1]:
            last = pools.pop()
            pools[-1] = [a + b for a, b in zip(pools[-1], last)]
    total, points, seen = len(order), [], [0.0, 0, 0.0]
    for pool in pools:
        seen = [a + b for a, b in zip(seen, pool)]
        if seen[1] >= total / STEPS or pool is pools[-1]:
            points.append((seen[2] / seen[1], seen[0] / seen[1]))
            seen = [0.0, 0, 0.0]
    return points if len(points) > 1 else [(points[0][0] - 1, points[0][1]), (points[0][0], points[0][1])]


def chances(points, scores):
    return numpy.interp(scores, [x for x, _ in points], [y for _, y in points])


def folded(data, right, folds):
    """For each question, the logit of a model that was fitted without its fold."""
    out = numpy.zeros(len(right))
    for fold in sorted(set(folds)):
        inside = numpy.array([each == fold for each in folds])
        out[inside] = data.some(inside).times(*fit(data.some(~inside), right[~inside]))
    return out


def calibrated(scores, right, folds):
    """Chances by maps that were fitted on the other folds."""
    out = numpy.zeros(len(scores))
    for fold in sorted(set(folds)):
        inside = numpy.array([each == fold for each in folds])
        out[inside] = chances(isotonic(scores[~inside], right[~inside]), scores[inside])
    return out


def apgr(gain, small, large):
    """The mean over all shares of the large model of what is reached of the way from small to large."""
    way = large.mean() - small.mean()
    if way <= 0:
        return None
    order = numpy.argsort(-gain, kind="stable")
    reached = numpy.concatenate([[0], numpy.cumsum((large - small)[order])]) / len(gain) / way
    return float(numpy.trapezoid(reached, dx=1 / len(gain)))


def interval(figure, count):
    source = numpy.random.default_rng(20261122)
    values = sorted(v for v in (figure(source.integers(0, count, count)) for _ in range(RESAMPLES)) if v is not None)
    return f"{figure(numpy.arange(count)):.3f} ({values[int(0.025 * len(values))]:.3f} to {values[int(0.975 * len(values)) - 1]:.3f})"


def calibration_error(chance, right, bins=15):
    """Expected calibration error over bins of equal count."""
    order = numpy.argsort(chance, kind="stable")
    return float(sum(len(part) * abs(chance[part].mean() - right[part].mean())
                     for part in numpy.array_split(order, bins)) / len(order))


def error_by_chance(chance):
    """What calibration_error makes of so many answers that happened with just these chances."""
    source = numpy.random.default_rng(20261124)
    return float(numpy.mean([calibration_error(chance, source.random(len(chance)) < chance) for _ in range(DRAWS)]))


def length_gain(prompts):
    return numpy.array([float(len(prompt)) for prompt in prompts])


def report(rows, data):
    small = numpy.array([row[3] for row in rows], dtype=float)
    large = numpy.array([row[4] for row in rows], dtype=float)
    gains = (1 - small) * large
    source = random.Random(11)
    by_chance = [source.randrange(FOLDS) for _ in rows]
    subjects = sorted({row[1] for row in rows})
    source.shuffle(subjects)
    by_subject = [subjects.index(row[1]) % FOLDS for row in rows]
    lines = ["# Prediction from the prompt alone, on RouteLLM's tables", "",
             "APGR: choosing at random is 0.5, an interval is the 95 % bootstrap over questions. Behind a calibration error stands what",
             "so few answers would show of a calibration without any error (15 bins).", "",
             "| table | folds | questions | prediction | long prompts go up | random | calibration error: small right, gain |",
             "|---|---|---|---|---|---|---|"]
    kept = None
    for name, folds in (("random", by_chance), ("by subject", by_subject)):
        small_logit, gain_logit = folded(data, small, folds), folded(data, gains, folds)
        small_chance, gain_chance = calibrated(small_logit, small, folds), calibrated(gain_logit, gains, folds)
        kept = kept or (small_logit, gain_logit, gain_chance)
        for table in ("both", "mmlu", "gsm8k"):
            if name == "by subject" and table == "gsm8k":
                continue  # it is one subject
            mine = numpy.array([i for i, row in enumerate(rows) if table in ("both", row[0])])
            orders = (gain_logit[mine], length_gain([rows[i][2] for i in mine]), numpy.random.default_rng(5).random(len(mine)))
            figures = [interval(lambda at, g=g: apgr(g[at], small[mine][at], large[mine][at]), len(mine)) for g in orders]
            errors = [f"{calibration_error(chance[mine], truth[mine]):.3f} ({error_by_chance(chance[mine]):.3f})"
                      for chance, truth in ((small_chance, small), (gain_chance, gains))]
            lines.append(f"| {table} | {name} | {len(mine)} | {' | '.join(figures)} | {', '.join(errors)} |")
    return "\n".join(lines) + "\n", kept


def fnv1a64(data):
    value = 0xCBF29CE484222325
    for byte in data:
        value = ((value ^ byte) * 0x100000001B3) & 0xFFFFFFFFFFFFFFFF
    return f"{value:016x}"


def model(data, right, fold_logits):
    weights, line = fit(data, right)
    whole = numpy.clip(numpy.rint(weights * SCALE), -32768, 32767).astype("<i2").tobytes()
    points = {round(x * SCALE): round(y * 10_000) for x, y in isotonic(fold_logits, right)}
    names = ("base", "slope", "options")
    lines = [{name: round(value * SCALE) for name, value in zip(names, each)} for each in line.reshape(-1, COLUMNS)]
    return {"lines": lines,
            "weights": base64.b64encode(whole).decode(), "weights_fnv1a64": fnv1a64(whole),
            "calibration": [{"logit": x, "chance": y} for x, y in sorted(points.items())]}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--write", action="store_true", help="fit on everything and write data/prediction.json")
    parser.add_argument("--output", type=pathlib.Path, default=ROOT / "build" / "bench")
    arguments = parser.parse_args()
    rows = list(questions())
    data = seen([row[2] for row in rows])
    text, (small_logit, gain_logit, gain_chance) = report(rows, data)
    arguments.output.mkdir(parents=True, exist_ok=True)
    (arguments.output / "routing.md").write_text(text)
    print(text)
    if not arguments.write:
        return
    small = numpy.array([row[3] for row in rows], dtype=float)
    gains = (1 - small) * numpy.array([row[4] for row in rows], dtype=float)
    falling = numpy.sort(gain_chance)[::-1]
    shares = [falling[min(len(falling) - 1, len(falling) * i // 20)] for i in range(21)]
    file = {"version": 1,
            "provenance": f"RouteLLM (lm-sys/RouteLLM, routellm/evals, Apache-2.0): MMLU and GSM8K, {len(rows)} questions, "
                          f"answers of {SMALL} and {LARGE}; fitted by tools/train_prediction.py",
            "by_length": list(BY_LENGTH), "gain_by_share": [round(float(each) * 10_000) for each in shares],
            "small": model(data, small, small_logit), "gain": model(data, gains, gain_logit)}
    (ROOT / "data" / "prediction.json").write_text(json.dumps(file, indent=1) + "\n")


if __name__ == "__main__":
    main()
