"""What the doses do, cost and leave open: small tables in words, each with a sentence on how to read it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from safedose import findings
from safedose.findings import Band, Summary, TradeOff, VarianceSplit
from safedose.report.curves import Curve, curve_labels, curves_of
from safedose.report.words import endpoint_words, percent, shown

MAX_ROWS = 300
"""Rows a table lists; the others are said to be in summary.json."""

MAX_REASONS = 6
"""Reasons why curves are undefined that are told one by one."""

FEW_SEEDS = 5
"""Below so many seeds their part of the variance is often 0 by chance (`stats.variance`)."""

_PARTS = {
    "seeds": "Seeds", "draw": "Draw of rows", "replicate": "Replicate (dose 0)", "training": "Training",
    "prompts": "Prompts", "judge": "Judge",
}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class WordTable:
    """A table that is ready for the page.

    Attributes:
        id: Unique inside the page.
        title, reading: Its heading, and how to read it.
        columns: Headings; the first `num_texts` hold texts, the others figures.
        rows: Cells in words; those that criteria ask about, where there are criteria.
        others: The other rows, to be folded away.
        num_left_out: Rows that are not listed.
        warnings: Sentences that must not be passed over; mostly empty.
    """

    id: str
    title: str
    reading: str
    columns: tuple[str, ...]
    num_texts: int
    rows: tuple[tuple[str, ...], ...]
    others: tuple[tuple[str, ...], ...]
    num_left_out: int
    warnings: tuple[str, ...] = ()


def word_tables(summary: Summary) -> tuple[WordTable, ...]:
    """Lay out curves, trade-offs, the split of variances, judges side by side; what is not there is left out."""
    tables = (_along(summary), _weighed(summary), _split(summary), _side_by_side(summary))
    return tuple(table for table in tables if table is not None)


def _along(summary: Summary) -> WordTable | None:
    if not summary.curves:
        return None
    labels, asked = _labels(summary), _asked(summary)
    rows: dict[bool, list[tuple[str, ...]]] = {True: [], False: []}
    for one in summary.curves:
        if one.shape != "undefined":
            bands = [None if one.onset else band for band in (one.ed50, one.ed90)]
            rows[not asked or (one.suite, one.endpoint, one.judge) in asked].append((
                labels[_curve(one)], _rate(one), _shape(one), *(dose_words(band, one) for band in (*bands, one.onset)),
            ))  # fmt: skip
    reading = (
        "At how many safety rows the rate at dose 0 has halved and is down to a tenth, and from where on harmless "
        "requests are refused 5 points more often than at dose 0, read off a curve that can only fall, or only rise, "
        "straight between doses as the charts draw it. The intervals end at doses that were tried: nothing is known "
        "between. They speak of the typical adapter of a recipe, or, where it says so, of the only one. Flat means "
        "that no change could be shown."
    )
    return _table(
        "along", "Along the doses", ("Safety data", "Rate", "Shape", "Halved at", "A tenth at", "Onset"), rows[True],
        others=rows[False], num_texts=3,
        reading=f"{reading if any(rows.values()) else ''}{_undefined(summary)}".strip(),
    )  # fmt: skip


def _undefined(summary: Summary) -> str:
    """Say of how many rates there is no curve, once per reason."""
    reasons = Counter(one.note for one in summary.curves if one.shape == "undefined")
    told = "".join(
        f" {count} rate{'s have' if count > 1 else ' has'} no curve: {shown(note)}."
        for note, count in reasons.most_common(MAX_REASONS)
    )
    left = reasons.total() - sum(count for _, count in reasons.most_common(MAX_REASONS))
    return told + (f" {left} more have none for other reasons; they are in summary.json." if left else "")


def _weighed(summary: Summary) -> WordTable | None:
    if not summary.trade_offs:
        return None
    labels = _labels(summary)
    rows = [
        (
            labels[_curve(one)], _compared(one, labels), f"{one.dose:,}",
            _with_interval(one.harmful, one.harmful_low, one.harmful_high),
            _with_interval(one.exaggerated, one.exaggerated_low, one.exaggerated_high),
        )
        for one in summary.trade_offs
    ]  # fmt: skip
    return _table(
        "weighed", "What a dose costs", ("Safety data", "Compared with all others", "Dose", "Harm left", "Exaggerated"),
        rows, num_texts=2,
        reading="Harm that is left beside harmless requests that are refused: the larger of each that your criteria "
        "look at, mean over the adapters of a dose, with its interval. On the front, less of one costs more of the "
        "other; a dose is beaten by one that is no worse in both and better in one, or equal with fewer rows, by "
        "the means: where intervals overlap, chance may have decided.",
    )  # fmt: skip


def _compared(one: TradeOff, labels: Mapping[Curve, str]) -> str:
    if one.on_front:
        return "on the front"
    if one.beaten_by is None:
        return "beaten"
    strategy, form, dose = one.beaten_by
    whose = labels.get(replace(_curve(one), strategy=strategy, format=form), f"{strategy} · {form}")
    return f"beaten by {whose} {dose:,}" if dose else "beaten by dose 0"


def _with_interval(value: float, low: float | None, high: float | None) -> str:
    return percent(value) if low is None or high is None else f"{percent(value)} ({100 * low:.1f}–{100 * high:.1f})"


def _split(summary: Summary) -> WordTable | None:
    chosen = [one for one in summary.variances if (one.suite, one.endpoint, one.judge) in _asked(summary)]
    cells = Counter((one.base, one.run, one.ladder, one.strategy, one.format, one.dose) for one in summary.arms)
    lone = bool(cells) and max(cells.values()) == 1
    if not chosen and not lone:
        return None
    split = [one for one in chosen if any(part for _, part in one.parts)]
    labels = _labels(summary)
    names = [name for name in _PARTS if any(name in dict(one.parts) for one in split)]
    rows = [
        (
            labels[_curve(one)], _rate(one), f"{one.dose:,}",
            f"{100 * sum(part for _, part in one.parts) ** 0.5:.1f}", *(_share(one, name) for name in names),
        )
        for one in split
    ]  # fmt: skip
    return _table(
        "split", "Where the uncertainty comes from",
        ("Safety data", "Rate", "Dose", "SD, points", *(_PARTS[name] for name in names)), rows, num_texts=2,
        reading=_how_it_splits(split, num_alike=len(chosen) - len(split), lone=lone),
    )  # fmt: skip


def _side_by_side(summary: Summary) -> WordTable | None:
    if not summary.disagreements:
        return None
    several = len({(one.base, one.run) for one in summary.disagreements}) > 1
    rows = [
        (
            " · ".join([*([shown(one.base), shown(one.run)] if several else []), shown(one.suite)]), one.axis,
            f"{shown(one.first)} and {shown(one.second)}", f"{one.n:,}", f"{one.num_first_only:,}",
            f"{one.num_second_only:,}", f"{one.num_missing:,}", "-" if one.kappa is None else f"{one.kappa:.2f}",
            _worst_dose(one),
        )
        for one in sorted(summary.disagreements, key=lambda one: -(one.num_first_only + one.num_second_only))
    ]  # fmt: skip
    return _table(
        "judges", "Judges side by side",
        ("Suite", "Axis", "Judges", "Answers", "First only", "Second only", "Not read", "Kappa", "Differ most at dose"),
        rows, num_texts=3,
        reading="Several judges on the same answers, most at odds first. They are never averaged: each number of this "
        "report is one judge's. First only: answers that the first judge counts (refused, fully or partly; harmful; "
        "correct) and the second does not. Not read: answers without a verdict of one of them. Differ most at dose: "
        "the dose, and the share of its answers that the two judge differently. Where two judges differ, read some of "
        "those answers before you believe either; where they differ more at one dose than at others, part of a curve "
        "along the doses is the judge's own.",
    )  # fmt: skip


def _worst_dose(one: findings.Disagreement) -> str:
    share, dose = max(((each.num_differing / each.n, each.dose) for each in one.doses if each.n), default=(0.0, 0))
    return f"{dose:,} ({share:.0%})" if share else "-"


def _how_it_splits(split: Sequence[VarianceSplit], *, num_alike: int, lone: bool) -> str:
    """Say what the table shows, what is mostly the largest part, and how far to trust it."""
    if lone:
        return "Every dose has one seed: what another seed would change cannot be told. Train two seeds or more a dose."
    told = []
    if split:
        told.append(
            "Standard deviation (SD) of the mean rate of a dose's adapters, and the share of its variance that comes "
            "from each source; more of the largest helps most."
        )
        said = Counter(max(one.parts, key=lambda part: part[1])[0] for one in split)
        part, times = said.most_common(1)[0]
        told.append(f"Most often that is {_PARTS[part].lower()} ({times} of {len(split)}).")
        if fewest := min((one.num_seeds for one in split if one.num_seeds < FEW_SEEDS), default=0):
            told.append(
                f"But with fewer than {FEW_SEEDS} seeds (here {fewest}) the part of the seeds cannot be trusted: it is "
                "often 0 by chance, and what is said of the next adapter hangs on it. Add seeds before prompts."
            )
    if num_alike:
        told.append(f"All adapters answered every prompt alike {num_alike} times: nothing to split there.")
    return " ".join(told)


def _asked(summary: Summary) -> set[tuple[str, str, str]]:
    return {(c.suite, c.endpoint, c.judge) for one in summary.recommendations for c in one.criteria}


def _rate(one: findings.Curve | VarianceSplit) -> str:
    return f"{endpoint_words(one.endpoint)}, {shown(one.suite)} ({shown(one.judge)})"


def _shape(one: findings.Curve) -> str:
    """Say the shape, whom it speaks of, and what of the note the other cells do not say."""
    whom = " (these adapters)" if one.target == "these_adapters" else ""
    said = ("half of the rate", "an onset", "no change along")
    notes = "; ".join(part for part in shown(one.note).split("; ") if not part.startswith(said))
    return f"{one.shape}{whom}: {notes}" if notes else f"{one.shape}{whom}"


def _share(one: VarianceSplit, name: str) -> str:
    total, parts = sum(part for _, part in one.parts), dict(one.parts)
    return f"{parts[name] / total:.0%}" if name in parts and total else "-"


def dose_words(band: Band | None, curve: findings.Curve) -> str:
    """Say a dose with its interval, `above` the largest where it was not reached.

    Where it may lie anywhere below the first dose, no figure in between is given: it would be a guess.
    """
    if band is None:
        return "-"
    above = f"above {max(curve.doses):,}"
    value, low, high = (above if end is None else f"{end:,.0f}" for end in (band.value, band.low, band.high))
    if band.low == 0:
        return f"between 0 and {high}" if band.high is not None else f"0 to {high}"
    return value if low == high == value else f"{value} ({low} to {high})"


def _table(
    place: str, title: str, columns: tuple[str, ...], rows: Sequence[tuple[str, ...]], *, num_texts: int, reading: str,
    others: Sequence[tuple[str, ...]] = (),
) -> WordTable:  # fmt: skip
    listed = tuple(rows[:MAX_ROWS]), tuple(others[: max(0, MAX_ROWS - len(rows))])
    return WordTable(
        id=place, title=title, reading=reading, columns=columns, num_texts=num_texts, rows=listed[0], others=listed[1],
        num_left_out=len(rows) + len(others) - len(listed[0]) - len(listed[1]),
    )  # fmt: skip


def _labels(summary: Summary) -> dict[Curve, str]:
    return curve_labels({
        *curves_of(summary), *map(_curve, summary.curves), *map(_curve, summary.trade_offs),
        *map(_curve, summary.variances),
    })  # fmt: skip


def _curve(one: findings.Curve | TradeOff | VarianceSplit) -> Curve:
    return Curve(base=one.base, run=one.run, ladder=one.ladder, strategy=one.strategy, format=one.format)
