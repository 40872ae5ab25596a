"""Intervals for a single rate, and how much prompts that are alike are worth."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from scipy import stats

MIN_CLUSTERS = 10
"""Categories from which on they are taken for a sample of categories: with fewer their spread is a guess, a
bootstrap of them is too narrow and its ends hang on single ones (Cameron, Gelbach and Miller 2008, Rev. Econ. Stat.
90, 414-427, simulate 5 to 30)."""


def effective_number(outcomes: Sequence[float], categories: Sequence[str], level: float) -> float | None:
    """Say as how many independent prompts these count, when prompts of one category are alike.

    Population: categories like these, and prompts in them. Unit: the category.
    Method: n divided by the design effect, the variance of the rate between categories (linearised) over that of
    independent prompts; with few categories divided further by (t / z)^2, t with as many degrees of freedom as there
    are categories less one. Never more than n.
    Source: Kish (1965), Survey Sampling, section 8.2; Korn and Graubard (1998), Survey Methodology 24, 193-201.

    Args:
        outcomes: One per prompt, in [0, 1].
        categories: Of each prompt; empty where it has none.
        level: Of the interval it is for.

    Returns:
        None where prompts count as independent: fewer than `MIN_CLUSTERS` categories, a prompt without one, none
        with two prompts, outcomes that are all alike, or categories that differ no more than chance makes them.
    """
    names, place = np.unique(categories, return_inverse=True)
    values = np.asarray(outcomes, dtype=float)
    n, rate = len(values), values.mean() if len(values) else 0.0
    if "" in names or not MIN_CLUSTERS <= len(names) < n or not 0 < rate < 1:
        return None
    between = len(names) / (len(names) - 1) * float((np.bincount(place, weights=values - rate) ** 2).sum())
    design = between / (n * rate * (1 - rate))
    if design <= 1:
        return None
    share = (1 - level) / 2
    few = float(stats.norm.isf(share) / stats.t.isf(share, len(names) - 1)) ** 2
    return max(1.0, n / design * few)


def wilson(successes: float, n: float, level: float) -> tuple[float, float]:
    """Give the range of true rates that fit so many successes in so many trials.

    Population: all prompts the suite's prompts stand for, asked to this one adapter.
    Unit: the prompt, taken as independent of the others; where they are not, n is `effective_number` and successes
    the rate times it.
    Method: the score interval, the rates p with |successes/n - p| <= z * sqrt(p (1 - p) / n). It has
    width at 0 and at n successes and never leaves [0, 1].
    Source: Wilson (1927), J. Am. Stat. Assoc. 22, 209-212; recommended for small n by Brown, Cai and
    DasGupta (2001), Statistical Science 16, 101-133.

    Args:
        successes: Trials that counted, in [0, n]. Not a whole number when each prompt was sampled
            several times and contributes its own mean.
        n: Number of trials, at least 1, not whole where it is an effective one: with none the interval is
            undefined, and asking is a bug.
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
