"""What a draft's own tokens say about it, and how well that tells right drafts from wrong ones.

The quantities are those of src/routing/draft_evidence.cc, in the same integers, so that what is calibrated here is what
the gateway reads. A row is a line of cascade.jsonl.
"""

import math
import random

RESAMPLES = 1000
LEAST_MILLI = -100_000
GATES = (8, 16, 32, 0)  # after so many tokens of the draft; 0: after the whole draft
SEED = 20261122


def rounded(value):
    """Half away from zero, as llround."""
    return int(math.copysign(math.floor(abs(value) + 0.5), value))


def token_of(said):
    """(logarithm, margin in 1/1,000, text) of a token of an answer's log-probabilities."""
    first, second = (each["logprob"] for each in said["top_logprobs"][:2])
    return said["logprob"], rounded(1000 * (math.exp(first) - math.exp(second))), said["token"]


def toward_zero(amount, over):
    return int(math.copysign(abs(amount) // over, amount))


def quantile(values, percent):
    return sorted(values)[(len(values) - 1) * percent // 100]


def fresh(pieces):
    """In 1/1,000: how many tokens do not end a triple that was there before."""
    seen, again = set(), 0
    for triple in zip(pieces, pieces[1:], pieces[2:]):
        again += triple in seen
        seen.add(triple)
    return 1000 - 1000 * again // len(pieces)


OWN = {
    "logprob_mean": lambda logprobs, margins, pieces: toward_zero(sum(logprobs), len(logprobs)),
    "logprob_min": lambda logprobs, margins, pieces: min(logprobs),
    "logprob_q10": lambda logprobs, margins, pieces: quantile(logprobs, 10),
    "logprob_q25": lambda logprobs, margins, pieces: quantile(logprobs, 25),
    "margin_mean": lambda logprobs, margins, pieces: sum(margins) // len(margins),
    "margin_min": lambda logprobs, margins, pieces: min(margins),
    "margin_q10": lambda logprobs, margins, pieces: quantile(margins, 10),
    "margin_q25": lambda logprobs, margins, pieces: quantile(margins, 25),
    "fresh": lambda logprobs, margins, pieces: fresh(pieces),
}


def own(row, name, after=0):
    """A signal over the first `after` tokens of the draft, or all of them; the more, the surer."""
    known = row.setdefault("own", {})
    if (name, after) not in known:
        known[name, after] = worked_out(row, name, after)
    return known[name, after]


def worked_out(row, name, after):
    tokens = row["tokens"][:after] if after else row["tokens"]
    if not tokens:
        return LEAST_MILLI
    logprobs = [max(LEAST_MILLI, rounded(1000 * token[0])) for token in tokens]
    return OWN[name](logprobs, [token[1] for token in tokens], [token[2] for token in tokens])


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
    the lowest keep(row) go up first; of equal ones as if at random. None where the large one is not better."""
    small = sum(row["small_right"] for row in rows)
    large = sum(row["large_right"] for row in rows)
    if large <= small:
        return None
    groups = {}
    for row in rows:
        groups.setdefault(keep(row), []).append(row["large_right"] - row["small_right"])
    gained, area = 0.0, 0.0
    for _, gains in sorted(groups.items()):
        area += len(gains) * (gained + sum(gains) / 2)
        gained += sum(gains)
    return area / len(rows) / (large - small)


def bounds(rows, figure):
    """(figure, low, high) over bootstrap samples of the tasks, or None where it is not defined."""
    source = random.Random(SEED)
    values = sorted(v for v in (figure(source.choices(rows, k=len(rows))) for _ in range(RESAMPLES)) if v is not None)
    middle = figure(rows)
    if middle is None or len(values) < RESAMPLES / 2:
        return None
    return middle, values[int(0.025 * len(values))], values[int(0.975 * len(values)) - 1]


def interval(rows, figure):
    found = bounds(rows, figure)
    return "not defined" if found is None else "{:.2f} ({:.2f} to {:.2f})".format(*found)


def told(rows, values):
    found = auroc([(values[row["id"]], row["small_right"]) for row in rows])
    return found if found is not None else 0.5


def best_own(rows, after):
    """(signal, (AUROC, low, high)): the signal that tells most. What choosing the best of several flatters it by (Harrell's
    optimism: how much better each bootstrap sample's choice is on the sample than on all tasks) is taken off."""
    values = {name: {row["id"]: own(row, name, after) for row in rows} for name in OWN}

    def choice(some):
        return max((told(some, each), name) for name, each in values.items())
    best, name = choice(rows)
    source = random.Random(SEED)
    flattered, samples = 0.0, []
    for _ in range(RESAMPLES // 2):
        sample = source.choices(rows, k=len(rows))
        on_sample, chosen = choice(sample)
        flattered += on_sample - told(rows, values[chosen])
        samples.append(told(sample, values[name]))
    flattered /= len(samples)
    samples.sort()
    low, high = samples[int(0.025 * len(samples))], samples[int(0.975 * len(samples)) - 1]
    return name, tuple(max(0.0, value - flattered) for value in (best, low, high))
