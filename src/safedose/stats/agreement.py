"""How far readers of responses agree: people with people, and a judge with people.

Sources: Cohen (1960), Educ. Psychol. Meas. 20, 37-46, and Fleiss, Cohen and Everitt (1969), Psychol. Bull. 72, 323-327
(kappa and its variance); Krippendorff (2019), Content Analysis, 4th ed., chapter 12 (alpha, its bootstrap over items
after Hayes and Krippendorff 2007, Commun. Methods Meas. 1, 77-89); Wilson (1927) for every rate.

A missing label is None (or a NaN of whoever read the file). What the data cannot say has value None and a reason.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from safedose.stats.rates import wilson
from safedose.stats.weighting import Codes, Floats, encode, weighted_rate

Ratings = Sequence[Hashable | None]
"""What one rater said of each item; None where the rater said nothing."""

_NUM_RESAMPLES = 2000
_BATCH_CELLS = 4_000_000  # cells of one batch of resamples: 32 MB


@dataclass(frozen=True, slots=True, kw_only=True)
class Measure:
    """One number about agreement, with its interval.

    Attributes:
        value: The number; None when undefined.
        low, high: Interval at the level that was asked for, around `value`; None when undefined.
        n: Items behind the number.
        method: What it is and how the interval was made.
        undefined_reason: Why value or interval is None, else None.
    """

    value: float | None
    low: float | None
    high: float | None
    n: int
    method: str
    undefined_reason: str | None = None


def raw_agreement(first: Ratings, second: Ratings, *, level: float) -> Measure:
    """Give the share of items on which two raters say the same.

    Estimand: that share. Population: items like these, these two raters. Unit: the item. Items that either rater left
    out do not count. Method: share with Wilson's interval. Source: Wilson (1927).

    Raises:
        ValueError: For sequences of unequal length.
    """
    table = _table(first, second)
    return _share(float(np.trace(table)), float(table.sum()), int(table.sum()), "raw agreement, Wilson", level)


def cohen_kappa(first: Ratings, second: Ratings, *, level: float) -> Measure:
    """Give the agreement of two raters beyond what their habits alone would make.

    Estimand: (agreement - expected) / (1 - expected), where expected is the agreement of two raters who use each
    label as often as these do, independently; in [-1, 1], 0 is chance. Population: items like these, these two
    raters. Unit: the item; items that either rater left out do not count.
    Method: value and large-sample variance from statsmodels (Fleiss, Cohen and Everitt 1969). The variance becomes a
    number of items; Wilson's interval of raw agreement for that number is carried over to kappa. In the middle this is
    the usual interval; it has width where all agree (there the variance is 0, the items are counted as they are)
    and never leaves [-1, 1].
    Undefined: without items; when both raters gave one and the same label throughout (0 / 0).
    Source: see the top of this module.

    Raises:
        ValueError: For sequences of unequal length.
    """
    from statsmodels.stats.inter_rater import cohens_kappa

    method = "Cohen's kappa, Wilson interval with the variance of Fleiss, Cohen and Everitt (1969)"
    table = _table(first, second)
    n = int(table.sum())
    if not n:
        return _undefined(method, 0, "no item was labelled by both raters")
    if np.count_nonzero(table.sum(axis=0)) == 1 and np.trace(table) == n:
        return _undefined(method, n, "both raters gave the same label to every item: agreement by habit is complete")
    with np.errstate(invalid="ignore", divide="ignore"):  # its test of kappa = 0, which is not asked for
        found = cohens_kappa(table)
    agreed = float(np.trace(table)) / n
    expected = float(table.sum(axis=0) @ table.sum(axis=1)) / n**2
    variance = float(found.var_kappa) * (1 - expected) ** 2
    trials = agreed * (1 - agreed) / variance if variance > 0 and 0 < agreed < 1 else float(n)
    trials = max(trials, 1.0)
    low, high = ((bound - expected) / (1 - expected) for bound in wilson(agreed * trials, trials, level))
    return _measure((agreed - expected) / (1 - expected), max(low, -1.0), high, n, method)


def krippendorff_alpha(raters: Sequence[Ratings], *, level: float, rng: np.random.Generator) -> Measure:
    """Give the agreement of any number of raters beyond chance, where some labels may be missing.

    Estimand: 1 - disagreement within items / disagreement among all labels, for labels without order; at most 1, 0 is
    chance. Population: items like these, raters like these taken as interchangeable. Unit: the item; items with
    fewer than two labels do not count.
    Method: Krippendorff's nominal alpha; interval by percentiles of 2,000 bootstrap resamples of items, too narrow for
    fewer than about 20 items. Where no pair of labels differs every resample says 1: then the lower end is where
    alpha would be if disagreement were as large as Wilson's interval of 0 among so many items allows.
    Undefined: fewer than two items with two labels; one label throughout (0 / 0).
    Source: see the top of this module.

    Args:
        raters: One sequence of labels per rater, all over the same items in the same order.
        level: Coverage of the interval, such as 0.95.
        rng: Draws the resamples.

    Raises:
        ValueError: For sequences of unequal length.
    """
    method = f"Krippendorff's alpha, nominal; percentiles of {_NUM_RESAMPLES} resamples of items"
    counts = _label_counts(raters)
    n = len(counts)
    if n < 2:
        return _undefined(method, n, "fewer than two items have two labels")
    if np.count_nonzero(counts.sum(axis=0)) == 1:
        return _undefined(method, n, "every label is the same: agreement by chance is complete")
    size = counts.sum(axis=1)
    apart = (size**2 - (counts**2).sum(axis=1)) / (size - 1)
    parts = np.column_stack([apart, counts])
    value = float(_alpha(np.ones((1, n)), parts)[0])
    if not apart.any():
        total = size.sum()
        by_chance = (total**2 - (counts.sum(axis=0) ** 2).sum()) / (total * (total - 1))
        low = 1 - (1 - wilson(n, n, level)[0]) / float(by_chance)
        return _measure(1.0, max(low, -1.0), 1.0, n, method)
    low, high = np.quantile(_resampled(parts, rng), [(1 - level) / 2, (1 + level) / 2])
    return _measure(value, float(low), float(high), n, method)


def sensitivity(
    judged: Sequence[bool], people: Sequence[bool], *, level: float, probability: Sequence[float] | None = None
) -> Measure:
    """Give the share of what people count that the judge counts too.

    Estimand: P(judge counts it | people count it). Population: all responses the labels were drawn from. Unit: the
    response. Method: share with Wilson's interval; given chances of inclusion, Hajek's weighted share, and Wilson with
    the number of equally weighted trials it is worth (`weighting.weighted_rate`). Source: Wilson (1927); Kish (1965).
    Undefined: when people counted nothing.

    Args:
        judged: What the judge says of each labelled response.
        people: What people say of it.
        level: Coverage of the interval.
        probability: Chance of each response to be drawn for labelling, in (0, 1]; None for equal chances.

    Raises:
        ValueError: For sequences of unequal length, or a chance outside (0, 1].
    """
    return _error_free(judged, people, True, level, probability)


def specificity(
    judged: Sequence[bool], people: Sequence[bool], *, level: float, probability: Sequence[float] | None = None
) -> Measure:
    """Give the share of what people do not count that the judge does not count either.

    Estimand: P(judge does not count it | people do not count it). Population, unit, method, source and arguments as in
    `sensitivity`. Undefined: when people counted everything.
    """
    return _error_free(judged, people, False, level, probability)


def _error_free(
    judged: Sequence[bool], people: Sequence[bool], which: bool, level: float, probability: Sequence[float] | None
) -> Measure:
    chances = np.ones(len(judged)) if probability is None else np.asarray(probability, dtype=float)
    if not len(judged) == len(people) == len(chances):
        raise ValueError(f"unequal lengths: {len(judged)} verdicts, {len(people)} labels, {len(chances)} chances")
    if not ((chances > 0) & (chances <= 1)).all():
        raise ValueError("a chance of being drawn lies in (0, 1]")
    name = "sensitivity" if which else "specificity"
    method = f"{name}, Wilson" + ("" if probability is None else " with the effective number of trials")
    asked = np.asarray(people, dtype=bool) == which
    right = (np.asarray(judged, dtype=bool) == which)[asked].astype(float)
    found = weighted_rate(right, 1 / chances[asked], np.zeros(len(right), dtype=np.intp))
    if found.rate is None:
        return _undefined(method, 0, f"people {'counted none' if which else 'counted all'} of the labelled responses")
    return _share(found.rate * found.trials, found.trials, len(right), method, level)


def _share(successes: float, trials: float, n: int, method: str, level: float) -> Measure:
    if not trials:
        return _undefined(method, 0, "no item was labelled by both raters")
    low, high = wilson(min(successes, trials), trials, level)
    return _measure(min(successes, trials) / trials, low, high, n, method)


def _measure(value: float, low: float, high: float, n: int, method: str) -> Measure:
    # Percentiles and rounding may miss the estimate itself; an interval never does.
    return Measure(value=value, low=min(low, value), high=max(high, value), n=n, method=method)


def _undefined(method: str, n: int, reason: str) -> Measure:
    return Measure(value=None, low=None, high=None, n=n, method=method, undefined_reason=reason)


def _missing(label: Hashable | None) -> bool:
    return label is None or (isinstance(label, float) and math.isnan(label))


def _same_length(raters: Sequence[Ratings]) -> None:
    if len({len(one) for one in raters}) > 1:
        raise ValueError(f"raters of unequal numbers of items: {[len(one) for one in raters]}")


def _table(first: Ratings, second: Ratings) -> NDArray[np.intp]:
    """Cross the labels of two raters: a square table of counts, first rater down."""
    _same_length((first, second))
    pairs = [pair for pair in zip(first, second, strict=True) if not any(map(_missing, pair))]
    codes = encode(label for pair in pairs for label in pair).reshape(-1, 2)
    size = max(int(codes.max(initial=0)) + 1, 2)  # statsmodels wants a table even of one label
    table: NDArray[np.intp] = np.bincount(codes[:, 0] * size + codes[:, 1], minlength=size * size).reshape(size, size)
    return table


def _label_counts(raters: Sequence[Ratings]) -> Floats:
    """Count how often each item got each label: items with two labels or more, by labels."""
    _same_length(raters)
    places = [(item, label) for one in raters for item, label in enumerate(one) if not _missing(label)]
    num_items = len(raters[0]) if raters else 0
    codes: Codes = encode(label for _, label in places)
    size = int(codes.max(initial=0)) + 1
    items = np.array([item for item, _ in places], dtype=np.intp)
    counts = np.bincount(items * size + codes, minlength=num_items * size).reshape(num_items, size)
    said: Floats = counts[counts.sum(axis=1) >= 2].astype(float)
    return said


def _alpha(times: Floats, parts: Floats) -> Floats:
    """Give alpha for items taken so many times each: (resamples, items) by (items, 1 + labels); NaN for 0 / 0."""
    sums = times @ parts
    apart, labels = sums[:, 0], sums[:, 1:]
    total = labels.sum(axis=1)
    by_chance = total**2 - (labels**2).sum(axis=1)
    ratio: Floats = np.divide(apart, by_chance, out=np.full(len(sums), np.nan), where=by_chance > 0)
    alphas: Floats = 1 - (total - 1) * ratio
    return alphas


def _resampled(parts: Floats, rng: np.random.Generator) -> Floats:
    """Bootstrap items; resamples in which every label is the same say nothing and are left out.

    Some remain: an item whose own labels differ is in two thirds of them.
    """
    n = len(parts)
    batch = max(_BATCH_CELLS // n, 1)
    sizes = [min(batch, _NUM_RESAMPLES - done) for done in range(0, _NUM_RESAMPLES, batch)]
    drawn = np.concatenate([_alpha(rng.multinomial(n, np.full(n, 1 / n), size).astype(float), parts) for size in sizes])
    kept: Floats = drawn[~np.isnan(drawn)]
    return kept
