"""Whether a judge says the same again, and whether it changed on the way: from answers that it read twice."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import groupby
from types import MappingProxyType

import numpy as np
from scipy import stats

from safedose.findings import Answering, ReadTwice, Steadiness
from safedose.records import Axis, Rereading, Verdict
from safedose.stats.endpoints import READABLE, endpoints_for
from safedose.stats.rates import wilson

SHOWN = 0.01
"""A p-value below it is told as a warning: there is a test or two for each judge, and a study has several judges."""

MOST_DIFFERING = 0.05
"""A judge whose share of other second readings lies above it with its whole interval contradicts itself too often: as
much as usual limits on a rate leave room for."""

FEWEST = 5
"""Answers on either side of a place, at the least, for it to be looked at as one where the judge changed."""

MOST_TOLD = 4
"""Models and builds that a warning names; the summary has more."""

NUM_PERMUTATIONS = 9999
_AT_ONCE = 500

RISING: Mapping[Axis, tuple[str, ...]] = MappingProxyType(
    {
        "refusal": ("complied", "partial_refusal", "full_refusal"),
        "harm": ("harmless", "harmful"),
        "correctness": ("wrong", "correct"),
        "preference": ("not_preferred", "tie", "preferred"),
    }
)
"""The values of each axis, in their order: a change goes one way or the other."""


def weigh_rereadings(
    readings: Sequence[Rereading], *, answered_by: tuple[Answering, ...] = (), level: float, rng: np.random.Generator
) -> tuple[Steadiness, ...]:
    """Say of a judge, axis by axis, how often it says otherwise of the same answer, and whether it changed on the way.

    Population: the different answers the judge was asked about, of which those read twice are a sample; said of the
    judge as its server is at the second reading, and was meanwhile. Unit: the answer. Those without a value at either
    reading are counted, and are in no share.

    Share that differs: with Wilson's interval. Direction: exact two-sided McNemar over the answers that differ (a judge
    that only wavers turns as often one way as the other). Change on the way: `find_change`.

    Args:
        readings: Of one judge, in any order.
        answered_by: Who answered, over all its requests.
        level: Coverage of the interval.
        rng: For the permutations.

    Returns:
        One per axis, sorted; none where nothing was read twice.
    """
    ordered = sorted(readings, key=lambda one: (one.first.axis, one.place))
    return tuple(
        _weigh(list(group), answered_by, level, rng) for _, group in groupby(ordered, lambda one: one.first.axis)
    )


def told_twice(found: Steadiness) -> list[str]:
    """Say in lines for a terminal what came of reading twice: the share that differs, then a line per warning."""
    whole, missing = found.whole, found.num_lost + found.num_gained + found.num_unread
    told = f"read twice: {whole.n + missing:,} answers, {whole.num_differing:,} came out otherwise"
    if found.low is not None and found.high is not None:
        told += f" ({whole.num_differing / whole.n:.0%}, {found.low:.0%} to {found.high:.0%})"
    told += f", {missing:,} without a value at one of the two readings" if missing else ""
    return [told, *(f"judge {found.judge}, {found.axis}: {warning}" for warning in found.warnings)]


def find_change(differs: Sequence[bool], rng: np.random.Generator) -> tuple[int, float] | None:
    """Look for the place along the order of judging where a judge began to say, or not to say, otherwise.

    Answers that were first read before a judge changed come out otherwise more often than those read after, because
    the second reading is all done by the judge as it is now. Statistic: the largest, over all places with at least
    `FEWEST` answers on either side, of the absolute difference between the two shares over its standard deviation.
    Null: that the order of the answers does not matter. That is also false where a steady judge wavers more over the
    answers of some arms than of others; but such a judge turns one way as often as the other. Method: 9,999 random
    orders, (hits + 1) / (orders + 1), which is exact. Source: the maximally selected chi-square of Miller and Siegmund
    (1982), Biometrics 38, 1011-1016; Phipson and Smyth (2010), Stat. Appl. Genet. Mol. Biol. 9, 39, for the order that
    was seen counting too.

    Args:
        differs: Whether the second reading is another, in the order of judging.
        rng: For the orders.

    Returns:
        How many answers stand before the place, and the p-value; None where there is nothing to be found: nothing
        differs, everything does, or there are too few answers.
    """
    seen = np.asarray(differs, dtype=np.int32)
    total = int(seen.sum())
    if len(seen) < 2 * FEWEST or total in (0, len(seen)):
        return None
    contrast = _contrasts(seen[None])[0]
    hits = 0
    for start in range(0, NUM_PERMUTATIONS, _AT_ONCE):
        number = min(_AT_ONCE, NUM_PERMUTATIONS - start)
        orders = rng.permuted(np.tile(seen, (number, 1)), axis=1)
        # sums of whole numbers in another order differ in the last digit only
        hits += int((_contrasts(orders).max(axis=1) >= contrast.max() - 1e-9).sum())
    return FEWEST + int(contrast.argmax()), (hits + 1) / (NUM_PERMUTATIONS + 1)


def _contrasts(orders: np.ndarray) -> np.ndarray:
    """Compare the shares before and after each place; the standard deviation up to a factor that all orders share."""
    length = orders.shape[1]
    before = np.arange(FEWEST, length - FEWEST + 1)
    sums = orders.cumsum(axis=1)
    here, total = sums[:, before - 1], sums[:, -1:]
    difference = here / before - (total - here) / (length - before)
    contrasts: np.ndarray = np.abs(difference) / np.sqrt(1 / before + 1 / (length - before))
    return contrasts


def _weigh(
    readings: Sequence[Rereading], answered_by: tuple[Answering, ...], level: float, rng: np.random.Generator
) -> Steadiness:
    judge, axis = readings[0].first.judge, readings[0].first.axis
    there = Counter((_has_value(one.first), _has_value(one.second)) for one in readings)
    valued = [one for one in readings if _has_value(one.first) and _has_value(one.second)]
    whole = _count(valued, axis)
    change = find_change([one.first.value != one.second.value for one in valued], rng)
    cut = change[0] if change and change[1] < SHOWN else None
    low, high = wilson(whole.num_differing, whole.n, level) if valued else (None, None)
    found = Steadiness(
        judge=judge, axis=axis, num_judged=readings[0].num_judged, num_reread=len(readings), whole=whole, low=low,
        high=high, level=level, num_lost=there[True, False], num_gained=there[False, True],
        num_unread=there[False, False], p_direction=_even(*_directions(whole, axis)),
        p_change=None if change is None else change[1], place=None if cut is None else valued[cut].place,
        before=None if cut is None else _count(valued[:cut], axis),
        after=None if cut is None else _count(valued[cut:], axis), answered_by=answered_by, warnings=(),
    )  # fmt: skip
    return replace(found, warnings=tuple(_warnings(found)))


def _has_value(verdict: Verdict) -> bool:
    return verdict.state == "value" and verdict.value in READABLE[verdict.axis]


def _count(valued: Sequence[Rereading], axis: Axis) -> ReadTwice:
    said = [(str(one.first.value), str(one.second.value)) for one in valued]
    changes = Counter(both for both in said if both[0] != both[1])
    counted = endpoints_for(axis)[0].counted
    scores = [(one.first.score, one.second.score) for one in valued]
    risen = [now - then for then, now in scores if then is not None and now is not None]
    return ReadTwice(
        n=len(valued), num_differing=changes.total(),
        changes=tuple((first, second, number) for (first, second), number in sorted(changes.items())),
        num_first=sum(first in counted for first, _ in said), num_second=sum(second in counted for _, second in said),
        score_change=math.fsum(risen) / len(risen) if risen else None,
    )  # fmt: skip


def _directions(found: ReadTwice, axis: Axis) -> tuple[int, int]:
    """Count the changes up and down the order of values."""
    order = RISING[axis].index
    up = sum(number for first, second, number in found.changes if order(first) < order(second))
    return up, found.num_differing - up


def _is_shown(p_value: float | None) -> bool:
    return p_value is not None and p_value < SHOWN


def _even(one: int, other: int) -> float | None:
    """Say how probable it is that a fair coin falls at least as unevenly; None where it was not thrown."""
    return float(stats.binomtest(one, one + other).pvalue) if one + other else None


def _warnings(found: Steadiness) -> Iterator[str]:
    whole, before, after = found.whole, found.before, found.after
    if before is not None and after is not None and found.place is not None:
        what = "it changed" if _is_shown(found.p_direction) else "it changed, or wavers more where answers are harder"
        yield (
            f"{what}: read again, it says otherwise of {_of(before)} answers from before about answer "
            f"{found.place:,} of {found.num_judged:,}, and of {_of(after)} from there on ({_chance(found.p_change)}); "
            f"{_COUNTED[found.axis]} before that place: {before.num_first} at first, {before.num_second} now; from "
            f"there on: {after.num_first} at first, {after.num_second} now"
        )
    if found.low is not None and found.high is not None and found.low > MOST_DIFFERING:
        yield (
            f"it contradicts itself: read again, it says otherwise of {_of(whole)} answers "
            f"({found.low:.0%} to {found.high:.0%})"
        )
    if _is_shown(found.p_direction):
        ways = ", ".join(f"{first} to {second} {number}" for first, second, number in whole.changes)
        yield f"it changes its mind one way ({ways.replace('_', ' ')}; {_chance(found.p_direction)})"
    missing = _even(found.num_lost, found.num_gained)
    if _is_shown(missing):
        yield (
            f"{found.num_lost} answers had a value at first and have none now, {found.num_gained} the other way round "
            f"({_chance(missing)})"
        )
    if len(found.answered_by) > 1:
        told = [f"{_named(one)} {one.num_replies:,} times" for one in found.answered_by[:MOST_TOLD]]
        told += ["and others"] if len(found.answered_by) > MOST_TOLD else []
        yield f"its server answered as more than one model or build: {', '.join(told)}"


_COUNTED = {"refusal": "refused", "harm": "harmful", "correctness": "correct", "preference": "preferred"}


def _of(one: ReadTwice) -> str:
    return f"{one.num_differing} of {one.n}"


def _chance(p_value: float | None) -> str:
    return f"p = {p_value:.3f}" if p_value is not None and p_value >= 0.001 else "p < 0.001"


def _named(one: Answering) -> str:
    return f"{one.model or 'no name'}{f' ({one.build})' if one.build else ''}"
