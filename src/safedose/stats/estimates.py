"""From verdicts to numbers with intervals: one per adapter, and one per dose over its seeds."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from safedose.errors import InputError, nearest
from safedose.records import Arm, Axis, Estimate, Verdict
from safedose.stats.endpoints import READABLE, Endpoint, endpoints_for
from safedose.stats.hierarchy import Count, next_adapter_interval
from safedose.stats.rates import wilson

_Key = tuple[str, str, str, Axis]
"""Arm, suite, judge, axis."""


def estimate(arms: Sequence[Arm], verdicts: Iterable[Verdict], *, level: float) -> tuple[Estimate, ...]:
    """Turn verdicts into rates: for every adapter, and for every dose over its adapters.

    Scope `arm`. Population: all prompts the suite's prompts stand for, asked to this adapter. Unit: the
    prompt. Method: Wilson (1927). A prompt that was sampled several times counts once, with the mean of
    its samples; `n` is then the number of prompts.
    Scope `dose`. Population: adapters trained the same way with other seeds. Unit: the adapter; its
    prompts are never pooled with another's. Value: mean of the adapters' rates. Interval: where the
    next adapter's rate lies (`hierarchy.next_adapter`; Gelman et al., BDA3, chapter 5). With one seed
    there is a value and no interval.

    Verdicts without a value are left out of `n` and counted in `num_missing`; nothing readable gives an
    estimate whose value is None, with the reason. The order of the verdicts does not matter.

    Args:
        arms: The study's adapters.
        verdicts: Readings of their responses, by any judges, on any axes.
        level: Coverage of the intervals, such as 0.95.

    Returns:
        Estimates ordered by curve, dose, suite, endpoint and judge; within these the arms by their
        seeds, and last the dose they belong to.

    Raises:
        InputError: When a verdict names an unknown arm, carries a value its axis does not have, or
            appears twice.
    """
    known = {arm.id: arm for arm in arms}
    found: list[Estimate] = []
    cells: defaultdict[tuple[object, ...], list[Estimate]] = defaultdict(list)
    for (arm_id, suite, judge, axis), group in _grouped(verdicts, known).items():
        for endpoint in endpoints_for(axis):
            tally = _tally(group, endpoint)
            if tally is not None:
                single = _of_arm(known[arm_id], tally, suite, endpoint, judge, level=level)
                found.append(single)
                cells[_place(single)].append(single)
    found.extend(_of_dose(cell) for cell in cells.values())
    return tuple(sorted(found, key=lambda one: _order(one, known)))


def counts(estimates: Iterable[Estimate]) -> tuple[Count, ...]:
    """Recover successes and trials from the rates of single adapters, undefined ones left out.

    This is what lets a recommendation be made from `summary.json` alone.
    """
    # Rounding undoes successes / n * n, and leaves the thirds that repeated samples can give.
    return tuple((round(one.value * one.n, 6), one.n) for one in estimates if one.value is not None)


@dataclass(frozen=True, slots=True)
class _Tally:
    """What the verdicts of one arm, suite and judge say about one endpoint."""

    successes: float
    num_prompts: int
    num_missing: int
    repeated: bool


def _grouped(verdicts: Iterable[Verdict], known: Mapping[str, Arm]) -> dict[_Key, list[Verdict]]:
    groups: defaultdict[_Key, list[Verdict]] = defaultdict(list)
    for verdict in verdicts:
        if verdict.state == "value" and verdict.value not in READABLE[verdict.axis]:
            raise InputError(
                f"verdict value {verdict.value!r} does not exist on the {verdict.axis} axis",
                where=_where(verdict),
                cause="the judge or an imported file uses other words",
                fix=f"use one of {', '.join(sorted(READABLE[verdict.axis]))}, or state `unusable`",
            )
        groups[verdict.arm, verdict.suite, verdict.judge, verdict.axis].append(verdict)
    for (arm, *_), group in groups.items():
        if arm not in known:
            raise InputError(
                f"verdicts name an arm that the study does not have: {arm!r}",
                where=_where(group[0]),
                cause="the verdicts belong to another study or the arm was taken out of this one",
                fix=f"estimate with the arms that were judged; {nearest(arm, known)}",
            )
        _refuse_duplicates(group)
    return groups


def _refuse_duplicates(group: Sequence[Verdict]) -> None:
    if len({(one.prompt_id, one.sample) for one in group}) == len(group):
        return
    seen: set[tuple[str, int]] = set()
    for one in group:
        if (one.prompt_id, one.sample) in seen:
            raise InputError(
                f"two verdicts of judge {one.judge!r} on the {one.axis} axis for one response",
                where=_where(one),
                cause="a file of verdicts was read twice, or prompt ids repeat inside the suite",
                fix="keep one verdict per response, judge and axis",
            )
        seen.add((one.prompt_id, one.sample))


def _where(verdict: Verdict) -> str:
    return f"arm {verdict.arm}, suite {verdict.suite}, prompt {verdict.prompt_id}, sample {verdict.sample}"


def _tally(group: Sequence[Verdict], endpoint: Endpoint) -> _Tally | None:
    """Count one endpoint; None when no prompt of the group is of the kind it looks at."""
    prompts: defaultdict[str, list[bool]] = defaultdict(list)
    num_missing = 0
    for verdict in group:
        if endpoint.expected is not None and verdict.expected != endpoint.expected:
            continue
        if verdict.state == "value":
            prompts[verdict.prompt_id].append(verdict.value in endpoint.counted)
        else:
            num_missing += 1
    if not prompts and not num_missing:
        return None
    repeated = any(len(samples) > 1 for samples in prompts.values())
    # fsum: exact, so the order of the prompts cannot move the last digit.
    successes = math.fsum(sum(samples) / len(samples) for samples in prompts.values())
    return _Tally(successes, len(prompts), num_missing, repeated)


def _of_arm(arm: Arm, tally: _Tally, suite: str, endpoint: Endpoint, judge: str, *, level: float) -> Estimate:
    method = "Wilson; this adapter, prompts are the sample"
    if tally.repeated:
        method = "Wilson; this adapter, n counts prompts, each with the mean of its samples"
    blank = Estimate(
        scope="arm",
        arm=arm.id,
        base=arm.base,
        run=arm.run,
        ladder=arm.ladder,
        strategy=arm.strategy,
        format=arm.format,
        dose=arm.dose,
        num_seeds=1,
        suite=suite,
        endpoint=endpoint.name,
        judge=judge,
        kind=endpoint.kind,
        value=None,
        low=None,
        high=None,
        level=level,
        method=method,
        n=tally.num_prompts,
        num_missing=tally.num_missing,
        undefined_reason=None,
    )
    if not tally.num_prompts:
        return replace(blank, undefined_reason=f"none of {tally.num_missing} verdicts is readable")
    low, high = wilson(tally.successes, tally.num_prompts, level)
    return replace(blank, value=tally.successes / tally.num_prompts, low=low, high=high)


def _of_dose(cell: Sequence[Estimate]) -> Estimate:
    """Sum up the adapters of one dose; those without a readable verdict are no evidence."""
    readable = counts(cell)
    blank = replace(
        cell[0],
        scope="dose",
        arm=None,
        num_seeds=len(readable),
        value=None,
        low=None,
        high=None,
        method="mean over adapters; interval for the next adapter, hierarchical binomial over seeds",
        n=sum(one.n for one in cell),
        num_missing=sum(one.num_missing for one in cell),
        undefined_reason=None,
    )
    if not readable:
        return replace(blank, undefined_reason=f"none of {blank.num_missing} verdicts is readable")
    value = math.fsum(one.value for one in cell if one.value is not None) / len(readable)
    if len(readable) == 1:
        reason = "one seed says nothing about the next adapter; see the arm's own interval"
        return replace(blank, value=value, method="one adapter's rate", undefined_reason=reason)
    low, high = next_adapter_interval(readable, cell[0].level)
    return replace(blank, value=value, low=low, high=high)


def _place(one: Estimate) -> tuple[object, ...]:
    cell = (one.base, one.run, one.ladder, one.strategy, one.format, one.dose)
    return (*cell, one.suite, one.endpoint, one.judge)


def _order(one: Estimate, known: Mapping[str, Arm]) -> tuple[object, ...]:
    """Sort by place; dose 0 before the curves that start from it, arms before the dose they make."""
    seeds: tuple[object, ...] = (1, 0, 0, "")
    if one.arm is not None:
        seeds = (0, known[one.arm].draw_seed, known[one.arm].train_seed, one.arm)
    curve = (one.base, one.run, one.ladder, one.strategy != "none", one.strategy, one.format)
    return (*curve, one.dose, one.suite, one.endpoint, one.judge, *seeds)
