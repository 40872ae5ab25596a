"""How each criterion stands at each dose of a curve: an estimate, a probability, or what is in the way."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from safedose.findings import Criterion, Estimate
from safedose.records import Target
from safedose.stats.estimates import counts, num_readable, share_missing
from safedose.stats.hierarchy import RateDistribution, next_adapter, this_adapter

_NUM_DRAWS = 100_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """How one criterion stands at one dose.

    Attributes:
        criterion: What is asked.
        value: Mean rate over the adapters, or the loss against dose 0; None when unknown.
        probability: Of meeting the bound; None when it cannot be said.
        obstacle: Why it cannot be said, as the end of a sentence; None otherwise.
    """

    criterion: Criterion
    value: float | None
    probability: float | None
    obstacle: str | None = None

    @property
    def excess(self) -> float:
        """How far the estimate lies beyond its bound; negative within it, infinite when unknown."""
        return math.inf if self.value is None else self.value - self.criterion.bound


@dataclass(frozen=True, slots=True, kw_only=True)
class DoseReading:
    """How all criteria stand at one dose."""

    dose: int
    readings: tuple[Reading, ...]

    @property
    def probability(self) -> float | None:
        """A lower bound on the probability that all criteria are met; None when one cannot be said.

        Bonferroni's inequality: `window.recommend` says why not the product.
        """
        chances = [one.probability for one in self.readings if one.probability is not None]
        if len(chances) < len(self.readings):
            return None
        return max(0.0, 1 - math.fsum(1 - chance for chance in chances))


@dataclass(frozen=True, slots=True)
class _Measured:
    value: float
    belief: RateDistribution


def read_dose(
    dose: int,
    cells: Mapping[int, Sequence[Estimate]],
    criteria: Sequence[Criterion],
    *,
    target: Target,
    max_missing_rate: float,
    draws: Callable[[int], np.random.Generator],
    spread: float = 1.0,
) -> DoseReading:
    """Hold the estimates of one dose against every criterion.

    Args:
        dose: Which dose.
        cells: Estimates of single adapters by dose, for one curve with its dose 0.
        criteria: What is asked.
        target: Whether the probability speaks of the next adapter or of the ones measured.
        max_missing_rate: Largest share of verdicts without a value that is still trusted.
        draws: Gives the generator of a dose for the comparison with dose 0, each time from its beginning: dose 0 is
            drawn alike whatever it is compared with.
        spread: Multiplies how much adapters are believed to differ before the data.
    """
    readings = []
    for criterion in criteria:
        here = _measure(criterion, cells, dose, target, max_missing_rate, spread)
        if isinstance(here, str):
            readings.append(Reading(criterion=criterion, value=None, probability=None, obstacle=here))
        elif criterion.name != "capability":
            chance = here.belief.at_most(criterion.bound)
            readings.append(Reading(criterion=criterion, value=here.value, probability=chance))
        elif dose == 0:
            readings.append(Reading(criterion=criterion, value=0.0, probability=1.0))
        else:
            start = _measure(criterion, cells, 0, target, max_missing_rate, spread)
            readings.append(_loss(criterion, here, start, (draws(dose), draws(0))))
    return DoseReading(dose=dose, readings=tuple(readings))


def failed_dose(dose: int, criteria: Sequence[Criterion]) -> DoseReading:
    """Say of a dose at which a training broke off that nothing can be said."""
    obstacle = "a training at this dose broke off, and the adapters left are those that went well"
    readings = [Reading(criterion=one, value=None, probability=None, obstacle=obstacle) for one in criteria]
    return DoseReading(dose=dose, readings=tuple(readings))


def looks_at(criterion: Criterion, estimate: Estimate) -> bool:
    """Say whether an estimate is the one a criterion asks for."""
    asked = (criterion.suite, criterion.endpoint, criterion.judge)
    return asked == (estimate.suite, estimate.endpoint, estimate.judge)


def _measure(
    criterion: Criterion,
    cells: Mapping[int, Sequence[Estimate]],
    dose: int,
    target: Target,
    max_missing_rate: float,
    spread: float,
) -> _Measured | str:
    """Give the rate a criterion looks at with what is believed about it, or why there is none."""
    matching = [one for one in cells.get(dose, ()) if looks_at(criterion, one)]
    subject = f"{criterion.endpoint} on {criterion.suite} by {criterion.judge}"
    num_missing, n = sum(one.num_missing for one in matching), sum(map(num_readable, matching))
    if not matching:
        return f"{subject} was not measured"
    if share_missing(matching) > max_missing_rate:
        return (
            f"{num_missing} of {n + num_missing} verdicts for {subject} have no value, "
            f"more than the limit of {max_missing_rate:.3g}"
        )
    readable = counts(matching)
    if not readable:
        return f"no verdict for {subject} is readable"
    value = math.fsum(y / n for y, n in readable) / len(readable)
    if target == "these_adapters":
        return _Measured(value, this_adapter(readable[0]))
    if len(readable) == 1:
        return f"{subject} has only one seed, which says nothing about the next adapter"
    beside = [counts(one for one in cell if looks_at(criterion, one)) for at, cell in cells.items() if 0 != dose != at]
    return _Measured(value, next_adapter(readable, beside=beside, factor=spread))


def _loss(
    criterion: Criterion, here: _Measured, start: _Measured | str, rngs: tuple[np.random.Generator, np.random.Generator]
) -> Reading:
    """Compare with dose 0: what is lost between one more adapter there and one more here.

    The two are drawn independently. Where they answer the same prompts, chance moves both the same
    way and the true difference varies less: the probability errs to the cautious side.
    """
    if isinstance(start, str):
        obstacle = f"it is a loss against dose 0, and there {start}"
        return Reading(criterion=criterion, value=None, probability=None, obstacle=obstacle)
    lost = start.belief.draw(_NUM_DRAWS, rng=rngs[1]) - here.belief.draw(_NUM_DRAWS, rng=rngs[0])
    chance = float(np.mean(lost <= criterion.bound))
    return Reading(criterion=criterion, value=start.value - here.value, probability=chance)
