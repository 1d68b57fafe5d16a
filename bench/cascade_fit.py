"""Calibrations of data/cascade.json, fitted to what was measured, and what a cascade on them reaches.

A signal is a function of a row; its calibration is a list of points (at, chance that the draft is right, chance that the
larger model's own answer is), rising, with straight lines between them, as src/routing/draft_check.cc reads it.
"""

import bisect

from cascade_signals import GATES, apgr, best_own, bounds, own, rounded

CONFIDENCE = 8_500  # the default of min_confidence, in 1/10,000
GAIN_MIN = 200
BINS, BIN_TASKS = 8, 15  # of a calibration
FOLDS = 5


def mean(rows, name):
    return sum(row[name] for row in rows) / len(rows)


def smoothed(rows, name):
    """A chance from few tasks: as if one more had been right and one more wrong (Laplace)."""
    return round(10_000 * (sum(row[name] for row in rows) + 1) / (len(rows) + 2))


def middle_of(rows, signal):
    return sorted(signal(row) for row in rows)[len(rows) // 2]


def pooled(rows, signal):
    """[[rows of about equal signal], ...]: bins of at least BIN_TASKS, neighbours pooled until drafts get righter and the
    signal rises (isotonic regression by pooling adjacent violators)."""
    ordered = sorted(rows, key=signal)
    count = max(2, min(BINS, len(ordered) // BIN_TASKS))
    pools = []
    for number in range(count):
        pools.append(ordered[len(ordered) * number // count:len(ordered) * (number + 1) // count])
        while len(pools) > 1 and (mean(pools[-2], "small_right") >= mean(pools[-1], "small_right")
                                  or middle_of(pools[-2], signal) >= middle_of(pools[-1], signal)):
            pools[-2:] = [pools[-2] + pools[-1]]
    return pools


def points_of(rows, signal):
    """None where drafts get no righter with the signal."""
    pools = pooled(rows, signal)
    if len(pools) < 2:
        return None
    points, right = [], 0
    for pool in pools:
        right = max(right, smoothed(pool, "small_right"))
        points.append((middle_of(pool, signal), right, smoothed(pool, "large_right")))
    return points


def judge(points, at, confidence_min=CONFIDENCE):
    """(chance that the draft is right, whether it is accepted), as routing::Judge."""
    place = bisect.bisect_right([point[0] for point in points], at)
    if place == 0 or place == len(points):
        right, larger = points[min(place, len(points) - 1)][1:]
    else:
        low, high = points[place - 1], points[place]
        right, larger = (a + int((b - a) * (at - low[0]) / (high[0] - low[0])) for a, b in zip(low[1:], high[1:]))
    return right, right >= confidence_min or larger - right < GAIN_MIN


def larger_s(row):
    """Of the larger model alone. In the record its answer follows its check, which has processed the prompt."""
    prompt = row["prompt_tokens"] / max(1, row["prompt_tokens"] + row["answer_tokens"])
    return row["check_s"] * prompt + row["large_s"]


def first_s(row, after):
    """Until so many tokens of the draft were there."""
    if not after or row["answer_tokens"] <= after:
        return row["small_s"]
    return row["small_s"] - row["decode_s"] * (1 - after / row["answer_tokens"])


def check_cost(row, goes_up):
    return row["small_s"] + row["check_s"] + (row["large_s"] if goes_up else 0.0)


def own_cost(after):
    return lambda row, goes_up: first_s(row, after) + larger_s(row) if goes_up else row["small_s"]


def reached(rows, signal, cost, confidence_min=CONFIDENCE):
    """{right, up, seconds, random} of a cascade whose calibration was fitted to other tasks (five folds), or None."""
    right = up = seconds = 0.0
    for fold in range(FOLDS):
        some = rows[fold::FOLDS]
        points = points_of([row for number, row in enumerate(rows) if number % FOLDS != fold], signal)
        for row in some:
            goes_up = points is None or not judge(points, signal(row), confidence_min)[1]
            right += row["large_right"] if goes_up else row["small_right"]
            up += goes_up
            seconds += cost(row, goes_up)
    share = up / len(rows)
    return {"right": right / len(rows), "up": share, "seconds": seconds / len(rows),
            "random": mean(rows, "small_right") + share * (mean(rows, "large_right") - mean(rows, "small_right"))}


def pays(rows, signal, cost):
    """Better than choosing at random, and sooner than the larger model alone."""
    found = bounds(rows, lambda some: apgr(some, signal))
    alone = sum(larger_s(row) for row in rows) / len(rows)
    return found is not None and found[1] > 0.5 and reached(rows, signal, cost)["seconds"] < alone


def check_milli(row):
    return min(0, rounded(row["check"] * 1000))


def printed(points, name):
    return [{name: at, "draft_right": right, "larger_right": larger} for at, right, larger in points]


def gate(rows, after):
    """A gate that reads the draft's own tokens; None where nothing can be fitted."""
    name, found = best_own(rows, after)

    def signal(row):
        return own(row, name, after)
    points = points_of(rows, signal)
    if points is None:
        return None
    return {"after_tokens": after, "signal": name,
            "auroc": {key: round(10_000 * value) for key, value in zip(("middle", "low", "high"), found)},
            "pays": pays(rows, signal, own_cost(after)), "points": printed(points, "value_milli")}


def fitted(rows, kind, models, files, measured):
    """What data/cascade.json says of this kind of task; `files` are the digests of the two models' files."""
    points = points_of(rows, check_milli)
    if points is None:
        raise SystemExit(f"{kind}: the likelihood says nothing about the drafts; there is nothing to fit")
    return {"draft_model": models[0], "larger_model": models[1], "draft_sha256": files[0], "larger_sha256": files[1],
            "kind": kind, "measured": measured, "tasks": len(rows),
            "draft_right": smoothed(rows, "small_right"), "larger_right": smoothed(rows, "large_right"),
            "check_pays": pays(rows, check_milli, check_cost), "points": printed(points, "likelihood_milli"),
            "gates": [each for each in (gate(rows, after) for after in GATES) if each]}
