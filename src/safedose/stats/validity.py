"""How far a judge's verdicts are to be believed: agreement with labels, errors both ways, calibration of its scores."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from safedose.records import Axis
from safedose.stats.agreement import Measure, cohen_kappa, raw_agreement, sensitivity, specificity
from safedose.stats.discrimination import auc
from safedose.stats.endpoints import READABLE, endpoints_for
from safedose.stats.rates import wilson

LEVEL = 0.95
"""Coverage of every interval."""

MISSING = ("abstained", "unusable", "not_run")
"""The states of a verdict without a value."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """One answer with a person's label and the judge's verdict.

    Attributes:
        row: Number in the file, as `safedose.data.readers.Row` counts.
        group: Value of the column of groups, "" where the row has none.
        prompt, response: What was asked and answered.
        rival: The answer it was compared with; None where the judge compares nothing.
        label: As it stands in the file.
        meaning: What that means on the axis.
        state, verdict, score, reason: The judge's; `verdict` is None unless the state is `value`.
    """

    row: int
    group: str
    prompt: str
    response: str
    rival: str | None
    label: str
    meaning: str
    state: str
    verdict: str | None
    score: float | None
    reason: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Fifth:
    """About a fifth of the answers that have a score, those with the closest scores.

    Attributes:
        low_score, high_score, mean_score: Of these answers, on the judge's own scale.
        people: Share of them that people count, to be held against the score.
    """

    low_score: float
    high_score: float
    mean_score: float
    people: Measure


@dataclass(frozen=True, slots=True, kw_only=True)
class Agreement:
    """How one judge agrees with people on some answers.

    Attributes:
        group: Which answers; None for all.
        num_rows: Labelled answers.
        num_prompts: Different prompts among them; fewer than rows: the intervals are too narrow.
        num_missing: Answers without a verdict by state; in `confusion`, and in nothing else below.
        confusion: Person's label to verdict, or to the state where there is none, to number of answers.
        agreement: Share of answers on which judge and label count alike.
        kappa: Cohen's, of counted or not; on the refusal axis partial and full refusals count.
        kappa_exact: Cohen's, of the exact values.
        sensitivity, specificity: Share of what people count, and do not count, that the judge sees so.
        auc: Chance that an answer people count has a higher score than one they do not; prompts are its clusters.
        calibration: Fifths by rising score; empty where undefined.
        calibration_undefined: Why there are none, else None.
    """

    group: str | None
    num_rows: int
    num_prompts: int
    num_missing: Mapping[str, int]
    confusion: Mapping[str, Mapping[str, int]]
    agreement: Measure
    kappa: Measure
    kappa_exact: Measure
    sensitivity: Measure
    specificity: Measure
    auc: Measure
    calibration: tuple[Fifth, ...]
    calibration_undefined: str | None


def counted_on(axis: Axis) -> frozenset[str]:
    """Give the values that count on an axis: refusals of both kinds, harm, right answers."""
    return endpoints_for(axis)[0].counted


def agreement_on(group: str | None, rows: Sequence[Compared], axis: Axis) -> Agreement:
    """Say how a judge agrees with people on a group of answers.

    Population: answers like these, these raters. Unit: the row, taken as independent of the others; of `auc` the
    prompt. Methods and sources as in `stats.agreement` and `stats.discrimination`; calibration by Wilson's interval
    of the share that people count among the answers of each fifth by rising score. Fewer than two rows behind a number
    leave it undefined.
    """
    read = [one for one in rows if one.verdict is not None]
    counted = counted_on(axis)
    judged, people = [one.verdict in counted for one in read], [one.meaning in counted for one in read]
    exact = [one.meaning for one in read]
    cells = Counter((one.meaning, one.verdict or one.state) for one in rows)
    values = sorted(READABLE[axis])
    scored = [one for one in read if one.score is not None and math.isfinite(one.score)]
    calibration = _calibration(scored, counted)
    return Agreement(
        group=group,
        num_rows=len(rows),
        num_prompts=len({one.prompt for one in rows}),
        num_missing={state: sum(one.state == state for one in rows) for state in MISSING},
        confusion={label: {said: cells[label, said] for said in (*values, *MISSING)} for label in values},
        agreement=_of_two(raw_agreement(judged, people, level=LEVEL)),
        kappa=_of_kinds(cohen_kappa(judged, people, level=LEVEL), people),
        kappa_exact=_of_kinds(cohen_kappa([one.verdict for one in read], exact, level=LEVEL), exact),
        sensitivity=_of_any(sensitivity(judged, people, level=LEVEL), read),
        specificity=_of_any(specificity(judged, people, level=LEVEL), read),
        auc=_auc(scored, counted, read),
        calibration=calibration,
        calibration_undefined=None if calibration else "fewer than five answers have a verdict with a score",
    )


def _auc(scored: Sequence[Compared], counted: frozenset[str], read: Sequence[Compared]) -> Measure:
    scores = [one.score for one in scored if one.score is not None]
    found = auc(scores, [one.meaning in counted for one in scored], [one.prompt for one in scored], level=LEVEL)
    if scored:
        return found
    return replace(found, undefined_reason="the judge gives no scores" if read else "no answer has a verdict")


def _of_two(measure: Measure) -> Measure:
    """Leave undefined what rests on a single row."""
    if measure.value is None or measure.n > 1:
        return measure
    return replace(measure, value=None, low=None, high=None, undefined_reason="a single row says nothing of others")


def _of_kinds(measure: Measure, people: Sequence[object]) -> Measure:
    """Leave undefined an agreement beyond chance where people gave one kind of label: nothing is there to agree on."""
    if measure.value is None or len(set(people)) > 1:
        return _of_two(measure)
    reason = "people gave one kind of label only"
    return replace(measure, value=None, low=None, high=None, undefined_reason=reason)


def _of_any(measure: Measure, read: Sequence[Compared]) -> Measure:
    """Say that there is no verdict at all, where that is why a share is undefined."""
    return _of_two(measure) if read else replace(measure, undefined_reason="no answer has a verdict")


def _calibration(scored: Sequence[Compared], counted: frozenset[str]) -> tuple[Fifth, ...]:
    """Cut the answers with a score into fifths by middle rank; equal scores stay together, so some may be empty."""
    if len(scored) < 5:
        return ()
    scores, people = np.array([one.score for one in scored]), np.array([one.meaning in counted for one in scored])
    ordered = np.sort(scores)
    middle = (np.searchsorted(ordered, scores, side="left") + np.searchsorted(ordered, scores, side="right")) / 2
    fifth = (5 * middle / len(scores)).astype(int)
    return tuple(_fifth(scores[fifth == k], people[fifth == k]) for k in range(5) if (fifth == k).any())


def _fifth(scores: np.ndarray[Any, Any], people: np.ndarray[Any, Any]) -> Fifth:
    n, successes = len(scores), int(people.sum())
    low, high = wilson(successes, n, LEVEL)
    share = Measure(value=successes / n, low=low, high=high, n=n, method="share that people count, Wilson")
    return Fifth(
        low_score=float(scores.min()), high_score=float(scores.max()), mean_score=float(scores.mean()),
        people=_of_two(share),
    )  # fmt: skip
