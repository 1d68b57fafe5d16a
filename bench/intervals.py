"""Medians with bootstrap intervals, from a fixed seed: the same samples give the same interval."""

import dataclasses
import random
import statistics

RESAMPLES = 4000


@dataclasses.dataclass(frozen=True)
class Estimate:
    """The median of some samples, and the interval in which it lies with 95 % confidence."""

    median: float
    low: float
    high: float
    count: int

    def text(self, digits=3):
        def short(value):
            return f"{value:.{digits}g}" if abs(value) < 1000 else f"{value:.0f}"
        return f"{short(self.median)} ({short(self.low)} to {short(self.high)})"


def estimate(samples):
    if not samples:
        raise ValueError("no samples")
    source = random.Random(20261121)
    medians = sorted(statistics.median(source.choices(samples, k=len(samples))) for _ in range(RESAMPLES))
    return Estimate(statistics.median(samples), medians[int(0.025 * RESAMPLES)], medians[int(0.975 * RESAMPLES) - 1],
                    len(samples))


def percentile(samples, share):
    """The smallest sample that at least `share` of them do not exceed."""
    ordered = sorted(samples)
    return ordered[min(len(ordered) - 1, max(0, -(-int(share * 1000) * len(ordered) // 1000) - 1))]
