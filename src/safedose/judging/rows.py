"""Judging a file of anybody's responses: rows in, the same rows with a verdict out."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from itertools import islice
from typing import cast, get_args

from safedose.errors import InputError, RunError, nearest
from safedose.interfaces import Comparer, Judge
from safedose.judging.verdicts import blaming
from safedose.records import Axis, Expected, Prompt, Response, State, Verdict

ADDED = ("state", "verdict", "score", "judge", "axis", "reason")
"""The columns that `judge_rows` adds, in this order."""

READ = ("prompt", "response", "rival", "expected", "reference", "suite")
"""The columns that are read; every row must have the first two, and for a judge that compares the third."""

Numbered = tuple[int, Mapping[str, object]]
"""Row number and values, as `safedose.data.readers.read_rows` gives them."""


def judge_parts(
    rows: Iterable[Numbered], judge: Judge, *, at_once: int, axis: Axis | None = None,
    columns: Mapping[str, str] | None = None, source: str = "",
) -> Iterator[list[dict[str, object]]]:  # fmt: skip
    """Judge any number of rows in bounded memory: so many at a time, as `judge_rows` does.

    How many (`at_once`) are handed to a judge together changes no verdict: that is what a judge promises.
    """
    rest = iter(rows)
    while part := list(islice(rest, at_once)):
        yield judge_rows(part, judge, axis=axis, columns=columns, source=source)


def judge_rows(
    rows: Iterable[Numbered], judge: Judge, *, axis: Axis | None = None, columns: Mapping[str, str] | None = None,
    source: str = "",
) -> list[dict[str, object]]:  # fmt: skip
    """Add a judge's verdict to every row, one row out per row in, in the same order.

    Args:
        rows: Texts `prompt` and `response` are needed, and for a judge that compares `rival`, the other answer;
            `expected`, `reference` and `suite` are shown to the judge where present; every column is kept.
        judge: Who reads.
        axis: Which of the judge's axes to write; None takes its first.
        columns: Columns of `READ` that have other names: ours to theirs.
        source: What the rows are from, for messages.

    Returns:
        The rows with `state`, `verdict` (None unless the state is `value`), `score` (finite, or None), `judge`,
        `axis` and `reason` added. A verdict whose score is not finite is `unusable`.

    Raises:
        InputError: When a row lacks a text, already has an added column, holds an unknown `expected`,
            or the judge does not look at the axis.
        RunError: When the judge does not give one verdict per response and axis, or one that is none.
    """
    chosen = axis_of(judge, axis)
    kept = [(number, dict(values)) for number, values in rows]
    answers, rivals = read_answers(kept, judge, columns, source)
    with blaming(judge):
        verdicts = judge.compare(answers, rivals) if isinstance(judge, Comparer) else judge.judge(answers)
    expected = [(f"row-{number}", one) for number, _ in kept for one in judge.axes]
    if [(verdict.prompt_id, verdict.axis) for verdict in verdicts] != expected:
        raise _broken(
            judge, f"gave {len(verdicts)} verdicts, not the {len(expected)} due in their order",
            "it does not keep to one verdict per response and axis, in order",
        )  # fmt: skip
    written = [verdict for verdict in verdicts if verdict.axis == chosen]
    return [values | _added(verdict, judge) for (_, values), verdict in zip(kept, written, strict=True)]


def read_answers(
    rows: Iterable[Numbered], judge: Judge, columns: Mapping[str, str] | None = None, source: str = ""
) -> tuple[list[Response], list[Response]]:
    """Read what a judge is shown of rows: the answers, and for a judge that compares their rivals, else none.

    Raises:
        InputError: When a row cannot be judged, naming source, row and column.
    """
    kept = list(rows)
    answers = [read_answer(number, values, columns, source) for number, values in kept]
    if not isinstance(judge, Comparer):
        return answers, []
    names = _names(columns)
    texts = [_text(_where(number, source), values, names["rival"]) for number, values in kept]
    return answers, [replace(answer, text=text) for answer, text in zip(answers, texts, strict=True)]


def axis_of(judge: Judge, axis: str | None) -> Axis:
    """Say which axis is written: the one that was asked for, else the judge's first.

    Raises:
        InputError: When the judge does not look at it.
    """
    if axis is not None and axis not in judge.axes:
        raise InputError(
            f"judge {judge.id!r} does not look at {axis!r}; {nearest(axis, judge.axes)}",
            where="the axis to write",
            cause="every judge has axes of its own",
            fix="leave the axis out, or take another judge",
        )
    return judge.axes[0] if axis is None else axis


def read_answer(
    number: int, values: Mapping[str, object], columns: Mapping[str, str] | None = None, source: str = ""
) -> Response:
    """Read what a judge is shown of a row.

    Raises:
        InputError: When it cannot be judged, naming source, row and column.
    """
    where = _where(number, source)
    taken = [column for column in ADDED if column in values]
    if taken:
        raise InputError(
            f"the row already has the column {taken[0]!r}",
            where=where,
            cause="the file was judged before, or uses a name that judging adds",
            fix=f"rename or drop the column; judging adds {', '.join(ADDED)}",
        )
    names = _names(columns)
    text = _text(where, values, names["response"])
    prompt = Prompt(
        id=f"row-{number}",
        suite=_optional(where, values, names["suite"]) or "",
        text=_text(where, values, names["prompt"]),
        expected=_expected(where, values, names["expected"]),
        reference=_optional(where, values, names["reference"]),
    )
    return Response(arm="", prompt=prompt, sample=0, text=text, finish="imported")


def _where(number: int, source: str) -> str:
    return f"{source}, row {number}" if source else f"row {number}"


def _names(columns: Mapping[str, str] | None) -> dict[str, str]:
    return {name: (columns or {}).get(name, name) for name in READ}


def _added(verdict: Verdict, judge: Judge) -> dict[str, object]:
    """Give the columns that a verdict adds; whose judge it is nobody knows, so nothing is taken on trust."""
    state, value, score, reason = verdict.state, verdict.value, verdict.score, verdict.reason
    if state not in get_args(State) or (value is None) == (state == "value"):
        raise _broken(
            judge, f"gave the state {str(state)[:40]!r} with the value {str(value)[:40]!r}", "one rules out the other"
        )
    try:
        number = None if score is None else float(score)
    except (TypeError, ValueError, OverflowError):
        raise _broken(judge, f"gave the score {str(score)[:40]!r}", "a score is a number or None") from None
    if number is not None and not math.isfinite(number):
        told = f"the judge gave the score {number}, which is not finite"
        state, value, number, reason = (
            ("unusable", None, None, told) if state == "value" else (state, None, None, reason)
        )
    return dict(zip(ADDED, (state, value, number, verdict.judge, verdict.axis, reason), strict=True))


def _broken(judge: Judge, problem: str, cause: str) -> RunError:
    return RunError(
        f"judge {judge.id!r} {problem}", where=f"judge {judge.id!r}", cause=cause,
        fix="check it with safedose.testing, or take another judge",
    )  # fmt: skip


def _text(where: str, values: Mapping[str, object], column: str) -> str:
    text = values.get(column)
    if isinstance(text, str):
        return text
    columns = [str(name) for name in values]
    problem = f"holds a value of type {type(text).__name__}, not a text" if column in values else "is missing"
    hint = "" if column in values or not columns else f"; {nearest(column, columns)}"
    raise InputError(
        f"column {column!r} {problem}{hint}",
        where=where,
        cause="judging reads a text `prompt` and a text `response` from every row; a judge that compares also `rival`, "
        "the other answer",
        fix=f"fill the column {column!r}, or name the right one with --map ours=theirs",
    )


def _optional(where: str, values: Mapping[str, object], column: str) -> str | None:
    cell = values.get(column)
    if isinstance(cell, int) and not isinstance(cell, bool):
        return str(cell)
    return None if cell is None or cell == "" else _text(where, values, column)


def _expected(where: str, values: Mapping[str, object], column: str) -> Expected:
    word = _optional(where, values, column) or "either"
    known = get_args(Expected)
    if word not in known:
        raise InputError(
            f"column {column!r} holds {word[:40]!r}; {nearest(word, known)}",
            where=where,
            cause="the value is misspelt, or the column means something else",
            fix=f"write one of {', '.join(known)}, or rename the column",
        )
    return cast(Expected, word)
