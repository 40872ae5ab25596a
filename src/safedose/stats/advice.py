"""What to tell people: one to three plain sentences on what stands in the way and what would help."""

from __future__ import annotations

from collections.abc import Sequence

from safedose.findings import Criterion
from safedose.records import Strategy
from safedose.stats.readings import DoseReading, Reading


def advise_found(window: Sequence[DoseReading], doses: Sequence[DoseReading]) -> str:
    """Say which doses meet the criteria, and what was tried just below them."""
    chosen = window[0].dose
    fits = ", ".join(str(one.dose) for one in window)
    text = f"Use dose {chosen}." if len(window) == 1 else f"Use dose {chosen}; doses that fit: {fits}."
    below = max((one.dose for one in doses if one.dose < chosen), default=chosen)
    if below < chosen - 1:
        text += f" The next smaller dose tried was {below}: a dose between could do as well."
    return text + _unsaid(doses)


def advise_none(
    best: DoseReading | None,
    weakest: Reading,
    doses: Sequence[DoseReading],
    strategy: Strategy,
    probability: float,
) -> str:
    """Say by how much the best dose fails, and what would help.

    Args:
        best: The dose that comes nearest; None when nothing can be said at any dose.
        weakest: The criterion most in the way at that dose.
        doses: All doses of the curve, ascending.
        strategy: How the curve's doses are composed.
        probability: The level that was not reached.
    """
    if best is None or weakest.value is None or weakest.probability is None:
        return f"No dose can be judged.{_unsaid(doses)}"
    criterion = weakest.criterion
    if weakest.excess > 0:
        missed = [one for one in best.readings if one.value is not None and one.excess > 0]
        failures = "; ".join(
            f"its {_named(one.criterion)} is {one.value:.3g} against a bound of {one.criterion.bound:.3g}, "
            f"{one.excess:.2g} too high"
            for one in sorted(missed, key=lambda one: one is not weakest)
        )
        failure = f"Dose {best.dose} comes nearest, but {failures}."
        return f"{failure} {_remedy(best, weakest, doses, strategy)}{_unsaid(doses)}"
    failure = (
        f"At dose {best.dose} the {_named(criterion)} is {weakest.value:.3g} and within its bound of "
        f"{criterion.bound:.3g}, but only with probability {weakest.probability:.2g}."
    )
    if criterion.bound == 0:
        help_ = "No sample can show a rate of exactly 0: set a small bound instead."
    elif weakest.probability >= probability:
        help_ = f"All criteria together fall short of {probability:.3g}: more seeds or prompts would help."
    else:
        help_ = "More seeds, then more prompts, would narrow it down."
    return f"{failure} {help_}{_unsaid(doses)}"


def _named(criterion: Criterion) -> str:
    what = f"loss of {criterion.endpoint}" if criterion.name == "capability" else criterion.endpoint
    return f"{what} on {criterion.suite}"


def _remedy(best: DoseReading, weakest: Reading, doses: Sequence[DoseReading], strategy: Strategy) -> str:
    """Say what changes a rate that is really too high, by the criterion and where on the curve it fails."""
    name = weakest.criterion.name
    if strategy == "none":
        return "Only dose 0 was measured: add doses."
    if name == "exaggerated" or any(one.criterion.name == "exaggerated" and one.excess > 0 for one in best.readings):
        return _against_refusals(strategy, "Harmless prompts are refused")
    if name == "harmful" and _fails_above(best, doses, "exaggerated"):
        return _against_refusals(strategy, "At larger doses harmless prompts are refused")
    if name == "harmful" and _fails_above(best, doses, "capability"):
        return "Larger doses cost too much capability: try another format, or more instruction data."
    if name == "harmful":
        return "Try larger doses, or safety data in another format."
    if name == "capability":
        return "Try smaller doses, or more instruction data beside the safety data."
    return "Try other doses, or safety data of another format or strategy."


def _fails_above(best: DoseReading, doses: Sequence[DoseReading], name: str) -> bool:
    """Say whether larger doses were tried and miss the named criterion on the estimate itself."""
    return any(
        one.criterion.name == name and one.value is not None and one.excess > 0
        for dose in doses
        if dose.dose > best.dose
        for one in dose.readings
    )


def _against_refusals(strategy: Strategy, opening: str) -> str:
    if strategy == "balanced":
        return f"{opening} although contrast rows are mixed in: raise their ratio."
    return f"{opening}: add contrast rows (strategy balanced), or try smaller doses."


def _unsaid(doses: Sequence[DoseReading]) -> str:
    """Name the doses about which nothing can be said, and why; equal reasons are told once."""
    reasons: dict[str, dict[int, None]] = {}
    for dose in doses:
        for one in dose.readings:
            if one.obstacle is not None:
                reasons.setdefault(one.obstacle, {})[dose.dose] = None
    text = ""
    for reason, where in reasons.items():
        label = "Dose" if len(where) == 1 else "Doses"
        text += f" {label} {', '.join(map(str, where))}: {reason}."
    return text
