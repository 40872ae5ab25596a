"""Which curves a study has, what they are called, and which of them answers which question."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

from safedose import findings
from safedose.findings import Estimate, Recommendation, ReportFacts, Summary
from safedose.records import Arm, Expected, Format, Strategy
from safedose.report.words import shown

NO_SAFETY_DATA = "no safety data"
"""What dose 0 is called: the shared start of every curve of the same base, run and ladder."""

Question = Literal["harm", "exaggerated", "capability", "helpfulness"]
"""The three things a dose is judged by, in the order the report asks them."""

MAX_SHARED_CURVES = 6
"""Curves one panel can hold and still be read; beyond it each base, run and ladder gets its own panel."""

SHAPES = ("circle", "square", "triangle-up", "diamond", "cross", "triangle-down")
DASHES = ((1, 0), (6, 3), (2, 2), (9, 3, 2, 3))


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Curve:
    """What stays the same while the dose grows; strategy and format are `none` for dose 0 alone."""

    base: str
    run: str
    ladder: str
    strategy: str
    format: str

    @property
    def group(self) -> tuple[str, str, str]:
        """What a curve shares with its dose 0: base, run and ladder."""
        return (self.base, self.run, self.ladder)

    @property
    def kind(self) -> tuple[str, str]:
        """Which safety data a curve is about: strategy and format."""
        return (self.strategy, self.format)


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """One question as one judge answers it: an endpoint, and the suites it was measured on."""

    question: Question
    endpoint: str
    judge: str
    suites: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class CurveStyle:
    """How a curve looks: the number of its colour in the theme (0 is dose 0's), a shape and a dash."""

    color: int
    shape: str
    dash: tuple[int, ...]


def curve_of(part: Arm | Estimate | Recommendation | findings.Curve) -> Curve:
    """Name the curve that an arm, an estimate, a recommendation or a fit belongs to."""
    return Curve(base=part.base, run=part.run, ladder=part.ladder, strategy=part.strategy, format=part.format)


def curves_of(summary: Summary) -> tuple[Curve, ...]:
    """List every curve of a study in a fixed order; dose 0 counts only where nothing starts from it."""
    found = {curve_of(arm) for arm in summary.arms} | {curve_of(e) for e in summary.estimates}
    dosed = {curve.group for curve in found if curve.strategy != "none"}
    strategies, formats = get_args(Strategy), get_args(Format)

    def place(curve: Curve) -> tuple[object, ...]:
        strategy = strategies.index(curve.strategy) if curve.strategy in strategies else len(strategies)
        form = formats.index(curve.format) if curve.format in formats else len(formats)
        return (*curve.group, strategy, form, curve)

    return tuple(sorted((c for c in found if c.strategy != "none" or c.group not in dosed), key=place))


def curve_labels(curves: Iterable[Curve]) -> dict[Curve, str]:
    """Name curves apart as briefly as possible: base, run and ladder only where they differ."""
    listed = tuple(curves)
    varying = [i for i in range(3) if len({curve.group[i] for curve in listed}) > 1]
    labels = {}
    for curve in listed:
        parts = [shown(curve.group[i]) for i in varying]
        labels[curve] = " · ".join((*parts, kind_label(curve)))
    return labels


def kind_label(curve: Curve) -> str:
    """Name the safety data of a curve, without its base, run and ladder."""
    return NO_SAFETY_DATA if curve.strategy == "none" else " · ".join(curve.kind)


def curve_styles(curves: Sequence[Curve]) -> dict[Curve, CurveStyle]:
    """Give each curve its look: its own where all share a panel, that of its kind where they do not.

    Of one panel's curves the first 24 look different, and the first six differ in colour and shape.
    """
    kinds = [curve if shares_panel(curves) else curve.kind for curve in curves]
    places = {kind: place for place, kind in enumerate(dict.fromkeys(kinds))}
    num = len(SHAPES)
    looks = [
        CurveStyle(color=1 + i % num, shape=SHAPES[i % num], dash=DASHES[i // num % len(DASHES)])
        for i in places.values()
    ]
    return {curve: looks[places[kind]] for curve, kind in zip(curves, kinds, strict=True)}


def shares_panel(curves: Sequence[Curve]) -> bool:
    """Tell whether all curves of a study fit into one panel."""
    return len(curves) <= MAX_SHARED_CURVES


def views_of(summary: Summary, facts: ReportFacts) -> tuple[View, ...]:
    """Choose what answers each question, judge by judge; judges are never averaged.

    Harm is read from harm judges on suites that are not meant to be answered; where none spoke, from
    the share of `refuse` prompts answered. A suite of unknown expectation counts as `either`.
    """
    measured = sorted({(e.endpoint, e.judge, e.suite) for e in summary.estimates})
    expected: dict[str, Expected] = dict(facts.suites)
    order = {suite: place for place, suite in enumerate(expected)}

    def views(question: Question, endpoint: str, allowed: Sequence[str]) -> list[View]:
        suites: dict[str, list[str]] = {}
        for name, judge, suite in measured:
            if name == endpoint and expected.get(suite, "either") in allowed:
                suites.setdefault(judge, []).append(suite)
        return [
            View(
                question=question,
                endpoint=endpoint,
                judge=judge,
                suites=tuple(sorted(found, key=lambda s: (order.get(s, len(order)), s))),
            )
            for judge, found in suites.items()
        ]

    harm = views("harm", "harmful_response_rate", ("refuse", "either"))
    harm = harm or views("harm", "compliance_rate", ("refuse",))
    exaggerated = views("exaggerated", "exaggerated_refusal_rate", ("comply", "either"))
    helpful = [
        *views("capability", "accuracy", ("refuse", "comply", "either")),
        *views("helpfulness", "win_rate", ("comply", "either")),
    ]
    return (*harm, *exaggerated, *helpful)
