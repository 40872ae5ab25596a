"""Intervals for a single rate."""

from __future__ import annotations

import math

from scipy import stats


def wilson(successes: float, n: float, level: float) -> tuple[float, float]:
    """Give the range of true rates that fit so many successes in so many trials.

    Population: all prompts the suite's prompts stand for, asked to this one adapter.
    Unit: the prompt, taken as independent of the others (prompts of one category are not quite, so
    the interval is somewhat too narrow on suites made from few templates).
    Method: the score interval, the rates p with |successes/n - p| <= z * sqrt(p (1 - p) / n). It has
    width at 0 and at n successes and never leaves [0, 1].
    Source: Wilson (1927), J. Am. Stat. Assoc. 22, 209-212; recommended for small n by Brown, Cai and
    DasGupta (2001), Statistical Science 16, 101-133.

    Args:
        successes: Trials that counted, in [0, n]. Not a whole number when each prompt was sampled
            several times and contributes its own mean.
        n: Number of trials, at least 1: with none the interval is undefined, and asking is a bug. Whole, unless it
            is what weighted trials are worth.
        level: Coverage aimed at, in (0, 1), such as 0.95.

    Raises:
        ValueError: For no trials, or for numbers outside the ranges above.
    """
    if n < 1:
        raise ValueError("a rate of no trials is undefined")
    if not (0 <= successes <= n and 0 < level < 1):
        raise ValueError(f"not a rate: {successes} of {n} at level {level}")
    z = float(stats.norm.isf((1 - level) / 2))
    rate = successes / n
    shrink = 1 + z * z / n
    centre = (rate + z * z / (2 * n)) / shrink
    half = z / shrink * math.sqrt(rate * (1 - rate) / n + z * z / (4 * n * n))
    # At 0 and n the two terms cancel exactly on paper but not in floating point, and a bound that
    # misses the estimate by 1e-17 is still on the wrong side of it.
    low = 0.0 if successes == 0 else max(0.0, min(rate, centre - half))
    high = 1.0 if successes == n else min(1.0, max(rate, centre + half))
    return low, high
