"""What a judge said of all responses of a dose, beside what people said of some: the input of every correction."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence, Set
from dataclasses import dataclass

import numpy as np

from safedose.errors import InputError
from safedose.records import Label, Verdict
from safedose.stats.endpoints import READABLE
from safedose.stats.weighting import Codes, Floats, encode

_Place = tuple[str, str, str, int]
"""Arm, suite, prompt, sample."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Audit:
    """All responses of one dose with the judge's verdict, and with people's labels where they were drawn.

    All arrays are aligned: one entry per response the judge could read.

    Attributes:
        judged: 1 where the judge's verdict counts towards the rate, else 0.
        people: Share of the raters whose label counts, in [0, 1]; NaN where nobody labelled the response.
        probability: Chance of the response to be drawn for labelling, in (0, 1]; read only where there are labels.
        strata: Code of the stratum it was drawn from, from 0; read only where there are labels.
        prompts: Code of the prompt. Answers to one prompt (other samples, other adapters) are not independent.
        num_missing: Responses without a readable verdict: left out, so the rate speaks of the readable ones.
    """

    judged: Floats
    people: Floats
    probability: Floats
    strata: Codes
    prompts: Codes
    num_missing: int = 0

    def __post_init__(self) -> None:
        lengths = {len(self.judged), len(self.people), len(self.probability), len(self.strata), len(self.prompts)}
        if len(lengths) > 1:
            raise ValueError(f"arrays of unequal lengths: {sorted(lengths)}")
        people, chances = self.people[self.labelled], self.probability[self.labelled]
        if not (np.isin(self.judged, (0, 1)).all() and ((people >= 0) & (people <= 1)).all()):
            raise ValueError("a verdict is 0 or 1, a label lies in [0, 1]")
        if not ((chances > 0) & (chances <= 1)).all():
            raise ValueError("a chance of being drawn lies in (0, 1]")

    @property
    def labelled(self) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
        """Where people labelled a response."""
        return ~np.isnan(self.people)


def audit(verdicts: Iterable[Verdict], labels: Iterable[Label], *, counted: Set[str]) -> Audit:
    """Join one judge's verdicts on a dose with people's labels of the same responses.

    Several raters of one response become the share of them whose label counts. Labels of responses that are not among
    the verdicts, or on another axis, are left out: a study's labels speak of all its doses.

    Args:
        verdicts: Of one judge on one axis: all responses of one dose, of the kind of prompts that is counted.
        labels: People's labels.
        counted: Values that count towards the rate, as in `Endpoint.counted`.

    Returns:
        Entries in the order of the verdicts.

    Raises:
        InputError: For two verdicts on one response; a label with a value its axis does not have, with a chance outside
            (0, 1], given twice by a rater, or with another stratum or chance than other labels of the response.
    """
    verdicts = tuple(verdicts)
    said: dict[_Place, Verdict] = {}
    for verdict in verdicts:
        if said.setdefault(_place(verdict), verdict) is not verdict:
            raise _wrong("two verdicts on one response", verdict, "keep one judge, one axis and one verdict a response")
    axes = {verdict.axis for verdict in verdicts}
    drawn: defaultdict[_Place, list[Label]] = defaultdict(list)
    for label in labels:
        if label.axis in axes and _place(label) in said:
            drawn[_place(label)].append(label)
    for group in drawn.values():
        _check(group)
    readable = [place for place, verdict in said.items() if verdict.state == "value"]
    first = [drawn[place][0] if place in drawn else None for place in readable]
    return Audit(
        judged=np.array([said[place].value in counted for place in readable], dtype=float),
        people=np.array([_counting(drawn.get(place, ()), counted) for place in readable], dtype=float),
        probability=np.array([label.inclusion_probability if label else 1.0 for label in first], dtype=float),
        strata=encode(label.stratum if label else None for label in first),
        prompts=encode(place[1:3] for place in readable),
        num_missing=len(said) - len(readable),
    )


def _counting(labels: Sequence[Label], counted: Set[str]) -> float:
    return sum(label.value in counted for label in labels) / len(labels) if labels else float("nan")


def _place(one: Verdict | Label) -> _Place:
    return one.arm, one.suite, one.prompt_id, one.sample


def _check(group: Sequence[Label]) -> None:
    for label in group:
        if label.value not in READABLE[label.axis]:
            values = ", ".join(sorted(READABLE[label.axis]))
            raise _wrong(
                f"label {label.value!r} does not exist on the {label.axis} axis", label, f"use one of {values}"
            )
        if not 0 < label.inclusion_probability <= 1:
            what = f"a label's inclusion probability is {label.inclusion_probability!r}"
            raise _wrong(what, label, "give the chance that this response was drawn, above 0 and at most 1")
    if len({label.rater for label in group}) < len(group):
        raise _wrong("a rater labelled one response twice", group[0], "keep one label per rater, response and axis")
    if len({(label.stratum, label.inclusion_probability) for label in group}) > 1:
        fix = "give every label of a response the stratum and chance with which the response was drawn"
        raise _wrong("the labels of one response were drawn in different ways", group[0], fix)


def _wrong(what: str, one: Verdict | Label, fix: str) -> InputError:
    where = f"arm {one.arm}, suite {one.suite}, prompt {one.prompt_id}, sample {one.sample}"
    return InputError(what, where=where, cause="a file was written by hand, or joined from several", fix=fix)
