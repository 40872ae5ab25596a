"""Holding a judge against people: its verdicts on labelled answers, compared in every way that matters."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from safedose.data.readers import read_rows
from safedose.data.rows import shown
from safedose.errors import InputError, RunError, nearest
from safedose.generation.armrows import check_mapping, check_seen
from safedose.importing import read_mapping
from safedose.interfaces import Judge
from safedose.judging.catalogue import TRAINED_ON
from safedose.judging.rows import axis_of, judge_rows, read_answers
from safedose.options import require_place_for_rows, target
from safedose.paying import Purse
from safedose.records import Axis
from safedose.stats.endpoints import READABLE
from safedose.stats.validity import LEVEL, MISSING, Agreement, Compared, agreement_on, counted_on
from safedose.store import write_text

UNLABELLED = "unlabelled"
"""What a label means that says nothing of the answer, such as "unclear": its row is counted and left out."""

COLUMNS = ("prompt", "response", "label", "rival", "expected", "reference", "suite")
"""The columns understood; every row must have the first three, and for a judge that compares the fourth."""

_MOST_GROUPS = 50
_MOST_NAMED = 20  # labels that a message lists
_SHORT = 40  # characters; a longer label is a text from a wrong column, perhaps a harmful one, and is not shown


@dataclass(frozen=True, slots=True, kw_only=True)
class Wishes:
    """How a file of labels is to be read.

    Attributes:
        mapping: `ours=theirs`, once per column of another name; ours are `COLUMNS`.
        meanings: The code book, `theirs=ours` once per label: ours is a verdict of the axis or `UNLABELLED`. Empty:
            the labels are our values already. A code book that is given must hold every label of the file.
        by: Column of the file whose values make groups; None makes none.
        axis: Which of the judge's axes is compared; None takes its first.
    """

    mapping: Sequence[str] = ()
    meanings: Sequence[str] = ()
    by: str | None = None
    axis: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Validation:
    """What came of holding a judge against people.

    Attributes:
        judge, fingerprint, axis: Who was read, in which version, on what.
        counted: The values that count on the axis, in alphabetical order.
        level: Coverage of the intervals, each for answers taken as independent.
        num_unlabelled: Rows of the file without a label, left out.
        overall: On all answers.
        groups: On each group, in alphabetical order; empty where none were asked for.
        notes: What a reader must know, a sentence each.
        differing: Answers whose verdict is missing or is not the label, in the file's order.
    """

    judge: str
    fingerprint: str
    axis: Axis
    counted: tuple[str, ...]
    level: float
    num_unlabelled: int
    overall: Agreement
    groups: tuple[Agreement, ...]
    notes: tuple[str, ...]
    differing: tuple[Compared, ...]

    def to_json(self) -> dict[str, Any]:
        """Give everything but prompts and answers, ready for JSON, with the number of differing answers."""
        found = asdict(replace(self, differing=()))
        return found | {"differing": len(self.differing)}


def validate(
    judge: Judge, source: Path, wishes: Wishes, *, out: Path | None = None, purse: Purse | None = None,
    tell: Callable[[str], None] = lambda _: None,
) -> Validation:  # fmt: skip
    """Compare a judge's verdicts with people's labels of the same answers.

    Population: answers like those of the file, these raters. Unit: the row. Intervals as in `stats.agreement`; they
    take rows as independent. Fewer than two rows behind a number leave it undefined, with the reason.

    Args:
        judge: Who is held against people.
        source: File of rows with `prompt`, `response` and `label`; for a judge that compares also `rival`.
        wishes: How it is to be read.
        out: JSONL file for the differing answers, written over; None writes none.
        purse: Pays for the judge; None is right for one that asks no server.
        tell: Is told what will be asked, of whom, and at what price.

    Raises:
        InputError: Before anything is judged, for a row, mapping or code book that leaves anything to a guess.
        RunError: When the judge breaks its contract, or its server cannot be asked.
        GateError: When the next request could pass the cap.
    """
    purse = purse or Purse(judge, max_spend=None, book=None, out=out)
    if out is not None:
        require_place_for_rows(out, source, purse.book)
    axis = axis_of(judge, wishes.axis)
    rows = _read(source, wishes)
    meanings = _meanings(rows, _code_book(wishes.meanings, axis), axis, source)
    kept = [(row, meaning) for row, meaning in zip(rows, meanings, strict=True) if meaning != UNLABELLED]
    if not kept:
        raise InputError(
            f"none of the {len(rows)} rows has a label", where=str(source),
            cause="the column of labels is empty, or the code book takes every label for none",
            fix="map the right column with --map label=theirs",
        )  # fmt: skip
    shown_to = [(row.number, row.values) for row, _ in kept]
    with purse.reckoning() as reckon:
        reckon(*read_answers(shown_to, judge, source=str(source)))
    purse.announce(tell)
    with purse.open():
        verdicts = judge_rows(shown_to, judge, axis=axis, source=str(source))
    compared = [_compared(*one, verdict, axis) for one, verdict in zip(kept, verdicts, strict=True)]
    groups = sorted({one.group for one in compared}) if wishes.by else []
    overall = agreement_on(None, compared, axis)
    found = Validation(
        judge=judge.id,
        fingerprint=judge.fingerprint,
        axis=axis,
        counted=tuple(sorted(counted_on(axis))),
        level=LEVEL,
        num_unlabelled=len(rows) - len(kept),
        overall=overall,
        groups=tuple(agreement_on(name, [one for one in compared if one.group == name], axis) for name in groups),
        notes=tuple(_notes(judge, overall, axis)),
        differing=tuple(one for one in compared if one.verdict != one.meaning),
    )
    if out is not None:
        write_text(target(out), "".join(json.dumps(asdict(one), ensure_ascii=False) + "\n" for one in found.differing))
    return found


@dataclass(frozen=True, slots=True)
class _Labelled:
    number: int
    values: Mapping[str, object]  # what the judge is shown, under our names
    label: str
    group: str


def _read(source: Path, wishes: Wishes) -> list[_Labelled]:
    """Read the file under our names; a label or group that is null or empty is ""."""
    mapping = read_mapping(wishes.mapping)
    check_mapping(mapping, COLUMNS, apart=COLUMNS, needed=("prompt", "response", "label"))
    column = {name: mapping.get(name, name) for name in COLUMNS}
    if wishes.by in (column["prompt"], column["response"]):
        raise InputError(
            f"{wishes.by!r} makes no groups", where="--by", cause="it holds the texts that are judged",
            fix="name a column with few different values, such as a model or a category",
        )  # fmt: skip
    rows, unseen = [], set(mapping.values())
    for number, values in read_rows(source):
        unseen -= values.keys()
        _require_columns(column["label"], wishes.by, values, f"{source}, row {number}")
        given = {name: values[theirs] for name, theirs in column.items() if theirs in values and name != "label"}
        group = _word(values[wishes.by]) if wishes.by else ""
        rows.append(_Labelled(number, given, _word(values[column["label"]]), group))
    check_seen(unseen)
    if (num_groups := len({row.group for row in rows})) > _MOST_GROUPS:
        raise InputError(
            f"column {wishes.by!r} makes {num_groups} groups, more than {_MOST_GROUPS}", where="--by",
            cause="it holds texts or numbers rather than groups", fix="name a column with few different values",
        )  # fmt: skip
    return rows


def _require_columns(label: str, by: str | None, values: Mapping[str, object], where: str) -> None:
    if label not in values:
        # which column is people's is never guessed: the nearest name may be that of another judge's verdicts
        named = ", ".join(list(values)[:_MOST_NAMED]) + (", ..." if len(values) > _MOST_NAMED else "")
        raise InputError(
            f"there is no column {label!r}; the columns are {named}", where=where,
            cause="what people said stands under another name, or the file has no labels",
            fix="name the column that people filled in, no judge's: --map label=theirs",
        )  # fmt: skip
    if by is not None and by not in values:
        raise InputError(
            f"there is no column {by!r}; {nearest(by, values)}", where=where, cause="the name is misspelt",
            fix="name a column of the file with --by, as it is written there",
        )  # fmt: skip


def _word(cell: object) -> str:
    """Write a cell as a code book would: texts as they are, the rest as in JSON, null as nothing."""
    return cell if isinstance(cell, str) else "" if cell is None else json.dumps(cell, default=str)


def _code_book(meanings: Iterable[str], axis: Axis) -> dict[str, str]:
    """Read `theirs=ours`; ours never holds an equals sign, theirs may."""
    book: dict[str, str] = {}
    known = sorted(READABLE[axis] | {UNLABELLED})
    for item in meanings:
        theirs, equals, ours = item.rpartition("=")
        problem = None
        if not (equals and theirs):
            problem = "is not of the form THEIRS=OURS"
        elif ours not in known:
            problem = f"names no value of the axis {axis!r}; {nearest(ours, known)}"
        elif book.get(theirs, ours) != ours:
            problem = f"says otherwise than an earlier one: {theirs}={book[theirs]}"
        if problem:
            raise InputError(
                f"the meaning {_quoted(item)} {problem}", where="--meaning",
                cause="a label means exactly one value of the axis",
                fix=f"write --meaning THEIRS=OURS, where OURS is one of {', '.join(known)}",
            )  # fmt: skip
        book[theirs] = ours
    return book


def _meanings(rows: Sequence[_Labelled], book: Mapping[str, str], axis: Axis, source: Path) -> list[str]:
    """Say what each row's label means; nothing is guessed."""
    known = dict(book) or {value: value for value in READABLE[axis]}
    for row in rows:
        if row.label and row.label not in known:
            seen = Counter(one.label for one in rows if one.label)
            named = ", ".join(f"{_quoted(label)} ({number})" for label, number in seen.most_common(_MOST_NAMED))
            more = f" and {len(seen) - _MOST_NAMED} more" if len(seen) > _MOST_NAMED else ""
            raise InputError(
                f"the label {_quoted(row.label)} has no meaning; labels in the file: {named}{more}",
                where=f"{source}, row {row.number}",
                cause="a code book must hold every label" if book else "the labels are another code book's",
                fix=f"say --meaning THEIRS=OURS for each; OURS is one of {', '.join(sorted(READABLE[axis]))}, "
                f"or {UNLABELLED} to leave its rows out, counted",
            )
    return [known[row.label] if row.label else UNLABELLED for row in rows]


def _quoted(label: str) -> str:
    return shown(label) if len(label) <= _SHORT else f"(a text of {len(label)} characters)"


def _compared(row: _Labelled, meaning: str, judged: Mapping[str, Any], axis: Axis) -> Compared:
    state, verdict = judged["state"], judged["verdict"]
    if not (verdict in READABLE[axis] if state == "value" else verdict is None and state in MISSING):
        raise RunError(
            f"judge {judged['judge']!r} gave the state {_quoted(str(state))} with the value {_quoted(str(verdict))}",
            where=f"row {row.number}", cause=f"on the axis {axis!r} a value is one of {', '.join(READABLE[axis])}",
            fix="check it with safedose.testing, or take another judge",
        )  # fmt: skip
    return Compared(
        row=row.number, group=row.group, prompt=judged["prompt"], response=judged["response"],
        rival=judged.get("rival"), label=row.label, meaning=meaning, state=state, verdict=verdict,
        score=judged["score"], reason=judged["reason"],
    )  # fmt: skip


def _notes(judge: Judge, overall: Agreement, axis: Axis) -> Iterable[str]:
    if judge.id in TRAINED_ON:
        yield f"{judge.id} was trained on {TRAINED_ON[judge.id]}: on those answers it shows itself at its best"
    if overall.num_prompts < overall.num_rows:
        yield "some prompts stand in several rows, which are not independent: the intervals are too narrow"
    if overall.kappa.high is not None and overall.kappa.high < 0:
        yield "agreement is below chance: are the labels turned round, or of another axis? Look at the code book"
    if axis == "preference" and any(said["tie"] for said in overall.confusion.values()):
        yield "a tie counts as not preferred, but in kappa_exact and the confusion"
