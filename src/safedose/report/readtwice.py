"""Judges that read some answers twice: whether they say the same again, and whether they changed on the way."""

from __future__ import annotations

from collections.abc import Iterator

from safedose.findings import ReadTwice, Steadiness, Summary
from safedose.report.words import shown
from safedose.report.wordtables import WordTable

PLACE = "twice"
"""Id of the section inside the page."""


def twice_table(summary: Summary) -> WordTable | None:
    """Lay out what came of second readings, with both sides of a change; None where no judge reads twice."""
    if not summary.steadiness:
        return None
    return WordTable(
        id=PLACE, title="Judges, read twice", num_texts=3, num_left_out=0, others=(),
        rows=tuple(row for one in summary.steadiness for row in _rows(one)),
        columns=(
            "Judge", "Answers", "Which way", "Read twice", "Otherwise", "Then", "Now", "Score", "No verdict",
        ),
        reading="Judges that ask a server read some of their answers again in the end, in the same words: what comes "
        "out otherwise is the judge's own doing. Otherwise: answers it gives another value now, with the interval of "
        "their share. Then and now: answers that count (refused, fully or partly; harmful; correct; preferred) by "
        "either reading. Score: its mean change. No verdict: answers without a value at one of the two readings. A "
        "judge that changed on the way says otherwise mostly of answers from before the change, and mostly one way; "
        "one that only wavers, both ways.",
        warnings=tuple(_told(one) for one in summary.steadiness if one.warnings),
    )  # fmt: skip


def unsteady_judges(summary: Summary) -> tuple[str, ...]:
    """Name the judges of whose second readings a reader must hear, once each."""
    return tuple(dict.fromkeys(shown(one.judge) for one in summary.steadiness if one.warnings))


def _rows(one: Steadiness) -> Iterator[tuple[str, ...]]:
    missing = one.num_lost + one.num_gained + one.num_unread
    share = "" if one.low is None or one.high is None else f" ({one.low:.0%} to {one.high:.0%})"
    who = f"{shown(one.judge)} · {one.axis}"
    yield (who, f"{one.num_reread:,} of {one.num_judged:,}", *_cells(one.whole, share), f"{missing:,}")
    if one.before is not None and one.after is not None and one.place is not None:
        yield (who, f"before about answer {one.place:,}", *_cells(one.before), "")
        yield (who, "from there on", *_cells(one.after), "")


def _cells(found: ReadTwice, share: str = "") -> tuple[str, ...]:
    ways = ", ".join(f"{first} to {second} {number:,}".replace("_", " ") for first, second, number in found.changes)
    score = "-" if found.score_change is None else f"{found.score_change:+.3f}"
    counts = f"{found.num_differing:,}{share}", f"{found.num_first:,}", f"{found.num_second:,}"
    return (ways or "-", f"{found.n:,}", *counts, score)


def _told(one: Steadiness) -> str:
    sentences = (f"{warning[0].upper()}{warning[1:]}." for warning in map(shown, one.warnings))
    return f"{shown(one.judge)}, {one.axis}. {' '.join(sentences)}"
