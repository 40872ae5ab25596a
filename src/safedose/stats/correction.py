"""Judge rates corrected by people's labels: prediction-powered inference for a rate, with an interval for its edges.

A judge reads every response of a dose and errs; people read some. The corrected rate is the judge's rate plus what the
labels say the judge gets wrong, each label weighted by the inverse of its chance to be drawn.

Sources: Angelopoulos et al. (2023), Science 382, 669-674 (arXiv 2301.09633, prediction-powered inference);
Angelopoulos, Duchi and Zrnic (2023), arXiv 2311.01453 (PPI++, power tuning); Horvitz and Thompson (1952), J. Am. Stat.
Assoc. 47, 663-685, and Hajek (1971) (weights); Fay, Proschan and Brittain (2015), Biometrics 71, 146-156
(melding exact intervals).

Why not the normal interval of those papers: with few labels, or when the labels found no error, its variance is near 0
while the rate is not known at all. The rate is w p1 + (1 - w) p0: the judge's share w, and what people count among the
judged-yes (p1) and the judged-no (p0). Exact limits for p1 and p0 (Clopper and Pearson's, for unequal weights
`WeightedRate.draw_limit`) are distributions; drawn together with w they give limits for the rate that hold at 0 of n
and without any label in one of the two. Jeffreys' posteriors in their place were tried: two of them add up to a rate
that is never near 0 (coverage 0.84 at a rate of 0.01 with 30 labels). So was Clopper and Pearson's interval for the
number of equal labels that weighted ones are worth: it forgets what a heavy stratum could hide (0.915 where few hard
answers are read).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from safedose.stats.labelled import Audit
from safedose.stats.weighting import WeightedRate, weighted_rate

METHOD = "prediction-powered, labels weighted; exact limits melded; these adapters, prompts are the sample"
NUM_DRAWS = 20_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Corrected:
    """A rate as people would find it, from a judge's verdicts on everything and people's labels of some.

    Attributes:
        value: The corrected rate, in [0, 1]; None when undefined.
        low, high: Interval at `level`; None when undefined.
        level: Coverage the interval aims at.
        method: How it was made, and whom it speaks of.
        judge_rate: The judge's own rate on all responses; None without responses.
        tuning: How far the judge was trusted, in [0, 1]: 1 takes its verdicts as they are and corrects them, 0 uses
            the labels alone; None when undefined, or where sensitivity and specificity were used.
        num_labels: Responses that people labelled.
        num_responses: Responses the judge read.
        undefined_reason: Why there is no value, else None.
    """

    value: float | None
    low: float | None
    high: float | None
    level: float
    method: str
    judge_rate: float | None
    tuning: float | None
    num_labels: int
    num_responses: int
    undefined_reason: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Cells:
    """What an audit says about the rate, in the four numbers the interval needs.

    Attributes:
        share: The judge's rate on all responses.
        num_prompts: Prompts behind it: the trials of `share`.
        yes, no: What people count among the judged-yes and the judged-no, with the labels it is worth.
    """

    share: float
    num_prompts: int
    yes: WeightedRate
    no: WeightedRate


def prediction_powered(audit: Audit, tuning: float) -> float:
    """Give the judge's mean, taken `tuning` times, plus the weighted mean of label - `tuning` * judge.

    Estimand: the rate people would find on all responses. Population: the responses of the audit. Unit: the response.
    Method: prediction-powered mean with inverse-probability weights that are scaled to sum to 1. For any fixed tuning
    it is exactly unbiased where a fixed number is drawn from each stratum (the weights then sum to the number of
    responses by themselves: Horvitz and Thompson), nearly so otherwise. It may lie outside [0, 1].
    Source: arXiv 2301.09633, 2311.01453 equation 3; Horvitz and Thompson (1952).

    Raises:
        ValueError: Without a label.
    """
    drawn = audit.labelled
    if not drawn.any():
        raise ValueError("no response is labelled")
    weights = 1 / audit.probability[drawn]
    rectifier = weights @ (audit.people[drawn] - tuning * audit.judged[drawn]) / weights.sum()
    return float(tuning * audit.judged.mean() + rectifier)


def cells(audit: Audit) -> Cells:
    """Sum an audit up: the judge's share, and people's rates among the judged-yes and the judged-no.

    Labels of one prompt are not independent: together they are worth one.
    """
    found = []
    for verdict in (1.0, 0.0):
        used = audit.labelled & (audit.judged == verdict)
        rate = weighted_rate(audit.people[used], 1 / audit.probability[used], audit.strata[used])
        found.append(rate.scaled(len(np.unique(audit.prompts[used])) / used.sum()) if rate.trials else rate)
    share = float(audit.judged.mean())
    return Cells(share=share, num_prompts=len(np.unique(audit.prompts)), yes=found[0], no=found[1])


def power_tuning(found: Cells) -> float:
    """Give the trust in the judge that makes the corrected rate vary least, in [0, 1].

    Method: covariance of label and verdict over the variance of the verdict (arXiv 2311.01453, section 6, where the
    labelled responses are among those judged). For a verdict of yes or no this is people's rate among the judged-yes
    minus that among the judged-no. A verdict that no label tested counts as 1/2, the middle of what is possible. A
    judge who is worse than chance gets 0.
    """
    yes, no = (0.5 if one.rate is None else one.rate for one in (found.yes, found.no))
    return min(max(yes - no, 0.0), 1.0)


def correct_rate(audit: Audit, *, level: float, rng: np.random.Generator, num_draws: int = NUM_DRAWS) -> Corrected:
    """Correct a judge's rate at one dose by the labels of that dose.

    Estimand: the rate people would find. Population: all prompts the suite's prompts stand for, asked to these adapters
    (what the next adapter does is not asked here). Unit: the response; prompts are the sample.
    Method: `prediction_powered` with `power_tuning`; the interval is described and justified at the top of this
    module. It carries the labels' uncertainty, their unequal chances, and that of the prompts. Coverage by simulation:
    `benchmarks/correction.py`, docs/statistics-judges.md.
    Undefined: fewer than two labels. Source: see the top of this module.

    Args:
        audit: One dose: all verdicts, some labels.
        level: Coverage of the interval, such as 0.95.
        rng: Draws from the limits' distributions.
        num_draws: How many; the ends move by less than 1 % of the width between two seeds at 20,000.
    """
    blank = blank_for(audit, level, METHOD)
    if blank.undefined_reason:
        return blank
    found = cells(audit)
    tuning = power_tuning(found)
    value = min(max(prediction_powered(audit, tuning), 0.0), 1.0)
    low, high = limits(found, level=level, rng=rng, num_draws=num_draws)
    return replace(blank, value=value, low=min(low, value), high=max(high, value), tuning=tuning)


def limits(found: Cells, *, level: float, rng: np.random.Generator, num_draws: int) -> tuple[float, float]:
    """Give the interval of w p1 + (1 - w) p0 by melding the limits of p1 and p0 (see the top of this module).

    Method: of draws of (w, lower p1, lower p0) the lower quantile, of draws of (w, upper p1, upper p0) the upper
    one. The share w, which is known from many responses, is drawn from its posterior under Jeffreys' prior.
    Source: Fay, Proschan and Brittain (2015).
    """
    counted = found.share * found.num_prompts
    share = rng.beta(0.5 + counted, 0.5 + found.num_prompts - counted, num_draws)
    ends = []
    for upper in (False, True):
        yes, no = (one.draw_limit(upper, num_draws, rng=rng) for one in (found.yes, found.no))
        ends.append(float(np.quantile(share * yes + (1 - share) * no, (1 + level) / 2 if upper else (1 - level) / 2)))
    return ends[0], ends[1]


def blank_for(audit: Audit, level: float, method: str) -> Corrected:
    """Fill in what is known before any correction, with the reason where none is possible."""
    num_labels, num_responses = int(audit.labelled.sum()), len(audit.judged)
    reason = None
    if num_labels < 2:
        have = f"{num_labels or 'no'} of {num_responses} responses {'has a label' if num_labels else 'is labelled'}"
        reason = f"{have}: a judge's errors show from two labels on"
    return Corrected(
        value=None,
        low=None,
        high=None,
        level=level,
        method=method,
        judge_rate=float(audit.judged.mean()) if num_responses else None,
        tuning=None,
        num_labels=num_labels,
        num_responses=num_responses,
        undefined_reason=reason,
    )
