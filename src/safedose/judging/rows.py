"""Judging a file of anybody's responses: rows in, the same rows with a verdict out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import cast, get_args

from safedose.errors import InputError, RunError, nearest
from safedose.interfaces import Judge
from safedose.records import Axis, Expected, Prompt, Response

ADDED = ("state", "verdict", "score", "judge", "axis", "reason")
"""The columns that `judge_rows` adds, in this order."""


def judge_rows(
    rows: Iterable[tuple[int, Mapping[str, object]]], judge: Judge, *, axis: Axis | None = None
) -> list[dict[str, object]]:
    """Add a judge's verdict to every row, one row out per row in, in the same order.

    Args:
        rows: Row number and values, as `safedose.data.readers.read_rows` gives them. Texts `prompt`
            and `response` are needed; `expected`, `reference` and `suite` are shown to the judge
            where present; every column is kept.
        judge: Who reads.
        axis: Which of the judge's axes to write; None takes its first.

    Returns:
        The rows with `state`, `verdict` (None unless the state is `value`), `score`, `judge`, `axis`
        and `reason` added.

    Raises:
        InputError: When a row lacks a text, already has an added column, holds an unknown `expected`,
            or the judge does not look at the axis.
        RunError: When the judge does not give one verdict per response and axis.
    """
    chosen = judge.axes[0] if axis is None else axis
    if chosen not in judge.axes:
        raise InputError(
            f"judge {judge.id!r} does not look at {chosen!r}; {nearest(chosen, judge.axes)}",
            where="the axis to write",
            cause="every judge has axes of its own",
            fix="leave the axis out, or take another judge",
        )
    kept = [(number, dict(values)) for number, values in rows]
    verdicts = judge.judge([_response(number, values) for number, values in kept])
    expected = [(f"row-{number}", one) for number, _ in kept for one in judge.axes]
    if [(verdict.prompt_id, verdict.axis) for verdict in verdicts] != expected:
        raise RunError(
            f"judge {judge.id!r} gave {len(verdicts)} verdicts, not the {len(expected)} due in their order",
            where=f"judge {judge.id!r}",
            cause="it does not keep to one verdict per response and axis, in order",
            fix="check it with safedose.testing, or take another judge",
        )
    written = [verdict for verdict in verdicts if verdict.axis == chosen]
    return [
        values
        | {
            "state": verdict.state,
            "verdict": verdict.value,
            "score": verdict.score,
            "judge": verdict.judge,
            "axis": verdict.axis,
            "reason": verdict.reason,
        }
        for (_, values), verdict in zip(kept, written, strict=True)
    ]


def _response(number: int, values: Mapping[str, object]) -> Response:
    taken = [column for column in ADDED if column in values]
    if taken:
        raise InputError(
            f"the row already has the column {taken[0]!r}",
            where=f"row {number}",
            cause="the file was judged before, or uses a name that judging adds",
            fix=f"rename or drop the column; judging adds {', '.join(ADDED)}",
        )
    text = _text(number, values, "response")
    prompt = Prompt(
        id=f"row-{number}",
        suite=_optional(number, values, "suite") or "",
        text=_text(number, values, "prompt"),
        expected=_expected(number, values),
        reference=_optional(number, values, "reference"),
    )
    return Response(arm="", prompt=prompt, sample=0, text=text, finish="imported")


def _text(number: int, values: Mapping[str, object], column: str) -> str:
    text = values.get(column)
    if isinstance(text, str):
        return text
    columns = [str(name) for name in values]
    problem = f"holds a value of type {type(text).__name__}, not a text" if column in values else "is missing"
    hint = "" if column in values or not columns else f"; {nearest(column, columns)}"
    raise InputError(
        f"column {column!r} {problem}{hint}",
        where=f"row {number}",
        cause="judging reads a text `prompt` and a text `response` from every row",
        fix=f"rename or fill the column {column!r}",
    )


def _optional(number: int, values: Mapping[str, object], column: str) -> str | None:
    cell = values.get(column)
    if isinstance(cell, int) and not isinstance(cell, bool):
        return str(cell)
    return None if cell is None or cell == "" else _text(number, values, column)


def _expected(number: int, values: Mapping[str, object]) -> Expected:
    word = _optional(number, values, "expected") or "either"
    known = get_args(Expected)
    if word not in known:
        raise InputError(
            f"column 'expected' holds {word[:40]!r}; {nearest(word, known)}",
            where=f"row {number}",
            cause="the value is misspelt, or the column means something else",
            fix=f"write one of {', '.join(known)}, or rename the column",
        )
    return cast(Expected, word)
