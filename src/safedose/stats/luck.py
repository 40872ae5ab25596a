"""The luck of the prompts: adapters of one dose answer the same ones, so it does not average out over adapters.

The hierarchical model takes every adapter's prompts for its own, so that K adapters with n prompts know the luck of
the prompts to 1 / K of what one adapter knows it. Here what is missing is added: all adapters are taken to share
the luck of one adapter's prompts in full, as they do where they agree prompt by prompt. Where they agree less it errs
to the cautious side, and costs little: the seeds' spread is mostly larger. (`docs/DECISIONS.md` has the figures.)
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import special

Floats = NDArray[np.float64]


def mean_adapter(counts: Sequence[tuple[float, float]]) -> tuple[float, float]:
    """Give what one adapter like these shows: the mean of their successes, and of their trials."""
    return math.fsum(y for y, _ in counts) / len(counts), math.fsum(n for _, n in counts) / len(counts)


def shared_variance(counts: Sequence[tuple[float, float]]) -> float:
    """Give the variance, on the logit, that the luck of shared prompts adds to what K adapters say together.

    Method: one adapter's binomial variance by the delta method, its rate p = (y + 1/2) / (n + 1) kept off the edges,
    times 1 - 1 / K: the model has the other K-th.
    """
    successes, n = mean_adapter(counts)
    rate = (successes + 0.5) / (n + 1)
    return (1 - 1 / len(counts)) / (n * rate * (1 - rate))


def no_surer_than_one(
    logits: Floats, cumulative: Floats, counts: Sequence[tuple[float, float]]
) -> tuple[Floats, Floats]:  # fmt: skip
    """Keep a belief at least as wide as one adapter's own: its quantiles never lie nearer to the middle.

    Method: where both distributions lie on one side of 1/2, the one nearer to it; else 1/2. That is their median
    with 1/2. One adapter's own is the Jeffreys posterior of `mean_adapter`.

    Args:
        logits: Ascending.
        cumulative: Probability that the rate lies at or below each, from 0 to 1.
        counts: Successes and trials of the adapters.

    Returns:
        The logits, both medians among them, and the probability at each. The wider belief has its kinks at the
        medians: a straight line from one logit to the next across a kink would be surer than one adapter is.
    """
    successes, n = mean_adapter(counts)
    of_one = 0.5 + successes, 0.5 + n - successes
    medians = special.logit(special.betaincinv(*of_one, 0.5)), np.interp(0.5, cumulative, logits)
    kinked = np.union1d(logits, medians)
    belief, own = np.interp(kinked, logits, cumulative), special.betainc(*of_one, special.expit(kinked))
    return kinked, np.clip(0.5, np.minimum(belief, own), np.maximum(belief, own))
