"""Rates of things that were drawn with unequal chances: weights, and how many equal draws they are worth.

Sources: Hajek (1971), in Foundations of Statistical Inference, p. 236 (the weighted mean); Kish (1965), Survey
Sampling, section 11.7 (what unequal weights cost); Korn and Graubard (1998), Survey Methodology 24, 193-201 (an exact
interval from the effective number of trials); Fay and Feuer (1997), Stat. Med. 16, 791-801 (exact limits of a weighted
sum: one more event of the heaviest weight).
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Codes = NDArray[np.intp]
"""Names turned into 0, 1, 2 ...: equal names have equal codes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WeightedRate:
    """A rate from weighted trials, and what it is worth.

    Attributes:
        rate: Weighted mean, in [0, 1]; None when nothing has a weight.
        trials: How many independent, equally weighted trials would say as much; 0 when nothing has a weight, else
            at least 1 and at most the number of values. Not a whole number in general.
        heaviest: Largest weight as a share of all weights; 1 when nothing has a weight.
        below, above: What the trials and one more, of the heaviest weight, are worth when that one says no or yes.
    """

    rate: float | None
    trials: float
    heaviest: float
    below: float
    above: float

    def scaled(self, factor: float) -> WeightedRate:
        """Say what the same rate from so many times the labels would be worth; for a rate that has labels."""
        return replace(
            self,
            trials=max(self.trials * factor, 1.0),
            heaviest=self.heaviest / factor,
            below=self.below * factor,
            above=self.above * factor,
        )

    def draw_limit(self, upper: bool, size: int, *, rng: np.random.Generator) -> Floats:
        """Draw from the distribution whose quantiles are the exact limits of the rate.

        Method: for equal weights Clopper and Pearson's, Beta(k, n - k + 1) below and Beta(k + 1, n - k) above: the data
        and one more trial that speaks against them. For unequal weights Fay and Feuer's idea: that one trial has
        the heaviest weight, so that what a heavy stratum could hide is not forgotten. Without trials, for the lower
        limit of rate 0 and for the upper one of rate 1: that end alone.
        """
        if self.rate is None or self.rate == float(upper):
            return np.full(size, float(upper))
        mean = (self.rate + upper * self.heaviest) / (1 + self.heaviest)
        worth = self.above if upper else self.below
        return rng.beta(mean * worth, (1 - mean) * worth, size)


NO_TRIALS = WeightedRate(rate=None, trials=0.0, heaviest=1.0, below=0.0, above=0.0)


def equal_trials(rate: float, trials: float) -> WeightedRate:
    """Give what so many equally weighted trials say; `trials` above 0."""
    more = trials + 1
    return WeightedRate(rate=rate, trials=trials, heaviest=1 / trials, below=more, above=more)


def encode(names: Iterable[Hashable]) -> Codes:
    """Number names in the order in which they are met first."""
    found: dict[Hashable, int] = {}
    return np.array([found.setdefault(name, len(found)) for name in names], dtype=np.intp)


def weighted_rate(values: Floats, weights: Floats, strata: Codes) -> WeightedRate:
    """Give a rate from trials that stand for unequally many others, and what it is worth.

    Estimand: the mean over everything that could have been drawn. Population: that same everything. Unit: one trial.
    Method: Hajek's weighted mean. The number of trials is p(1 - p) / V, where V is the variance of a stratified
    mean, the sum over strata of (sum of squared weights) * p_h (1 - p_h); each p_h is pulled towards the whole by one
    trial, so that a stratum of three equal labels is not taken for certain. Where strata do not differ this is Kish's
    (sum w)^2 / (sum w^2); where the rare weights sit on the uncertain answers it is smaller, as it must be. A gain
    from stratification is not taken: trials never exceed the number of values.
    Source: Hajek (1971); Kish (1965); Korn and Graubard (1998), see the top of this module.

    Args:
        values: In [0, 1]; between the ends where raters of one response disagree.
        weights: How many each value stands for, 1 / inclusion probability; zero leaves a value out.
        strata: Code of the stratum each value was drawn from, from 0.
    """
    used = weights > 0
    num = int(used.sum())
    if not num:
        return NO_TRIALS
    share, code, value = weights[used] / weights[used].sum(), strata[used], values[used]
    rate = float(np.clip(share @ value, 0.0, 1.0))
    if value.min() == value.max():
        rate = float(value[0])  # exactly: the weights sum to 1 only up to rounding
    inner = (num * rate + 0.5) / (num + 1)  # away from 0 and 1, where a variance would vanish
    heaviest = int(share.argmax())
    more, codes = np.append(share, share[heaviest]) / (1 + share[heaviest]), np.append(code, code[heaviest])
    below, above = (np.append(value, said) for said in (0.0, 1.0))
    return WeightedRate(
        rate=rate,
        trials=_worth(share, code, value, inner),
        heaviest=float(share[heaviest]),
        below=_worth(more, codes, below, float(more @ below)),
        above=_worth(more, codes, above, float(more @ above)),
    )


def _worth(share: Floats, code: Codes, value: Floats, mean: float) -> float:
    """Give the number of equally weighted trials whose mean varies as much as this one."""
    mass = np.bincount(code, share)
    met = mass > 0
    count = np.bincount(code)[met]
    own = (count * np.bincount(code, share * value)[met] / mass[met] + mean) / (count + 1)
    variance = float(np.bincount(code, share**2)[met] @ (own * (1 - own)))
    trials = mean * (1 - mean) / variance if variance > 0 else float(len(value))
    return min(max(trials, 1.0), float(len(value)))
