"""Answers that somebody else's models gave, as arms and responses of a study."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import NamedTuple, NoReturn, cast, final, get_args

from safedose.errors import InputError, nearest
from safedose.kinds import check_name
from safedose.records import Arm, Expected, Format, Ladder, Prompt, Response, Strategy, new_arm

COLUMNS = (
    "dose",
    "suite",
    "prompt",
    "response",
    "run",
    "format",
    "strategy",
    "base",
    "ladder",
    "seed",
    "draw_seed",
    "train_seed",
    "expected",
    "prompt_id",
    "sample",
    "category",
    "reference",
)
"""The columns understood, the four that every row must have first. `safety_format` also means `format`."""

_LONGEST_LABEL = 200
_COUNT = re.compile(r"([0-9]{1,9})(?:\.0+)?")


class _Origin(NamedTuple):
    """Where a response stood in the file, and what a row of dose 0 says about safety data it has none of."""

    row: int
    called: str


def read_imported(
    rows: Iterable[tuple[int, Mapping[str, object]]],
    *,
    mapping: Mapping[str, str],
    expected_of: Callable[[str], Expected],
) -> tuple[tuple[Arm, ...], tuple[Response, ...]]:
    """Turn rows of other people's answers into arms and responses.

    A row needs `dose`, `suite`, `prompt` and `response`. Where the others are absent or empty: `run` is
    `default`, `format` `instruction`, `strategy` `direct`, `base` `unknown`, `ladder` `add`, the seeds
    0, `expected` what `expected_of` says. `seed` stands for both seeds. Dose 0 is one arm, strategy and
    format `none`, whatever its rows call them. Without `prompt_id` a prompt is named by a hash of its
    text; without `sample`, the same prompt asked again of the same arm is the next sample.

    Args:
        rows: Row number and values, as `safedose.data.readers.read_rows` gives them.
        mapping: Our column name to the file's, for columns of other names.
        expected_of: Tells the expected behaviour of a suite by its name.

    Returns:
        The arms in order of first appearance, and the responses in the order of the rows.

    Raises:
        InputError: Naming the row, for whatever cannot be read in exactly one way.
    """
    for name in mapping:
        if name not in COLUMNS:
            _fail(
                f"there is no column {name!r} to map; {nearest(name, COLUMNS)}",
                where="the mapping of columns",
                fix=f"map one of: {', '.join(COLUMNS)}",
            )
    arms: dict[str, Arm] = {}
    prompts: dict[tuple[str, str], tuple[Prompt, int]] = {}
    taken: dict[tuple[str, str, str], dict[int, _Origin]] = {}
    unseen = set(mapping.values())
    responses: list[Response] = []
    for number, values in rows:
        cells = _Cells(f"row {number}", values, mapping)
        arm, origin = _arm(cells, number)
        prompt = _same_prompt(prompts, _prompt(cells, expected_of), cells, number)
        asked = taken.setdefault((arm.id, prompt.suite, prompt.id), {})
        sample = _sample(asked, origin, prompt, cells)
        arms.setdefault(arm.id, arm)
        unseen.difference_update(values)
        text = cells.text("response", empty=True)
        responses.append(Response(arm=arm.id, prompt=prompt, sample=sample, text=text, finish="imported"))
    if not responses:
        _fail("there are no responses", where="the imported rows", fix="give a file with one answer a row")
    if unseen:
        _fail(
            f"no row has the mapped column {min(unseen)!r}",
            where="the mapping of columns",
            cause="the name is misspelt, or belongs to another file",
            fix="map to a column of the file, written as there",
        )
    return tuple(arms.values()), tuple(responses)


def _arm(cells: _Cells, number: int) -> tuple[Arm, _Origin]:
    dose = cells.count("dose")
    if dose is None:
        cells.missing("dose")
    said = "format" if "format" in cells.mapping or "format" in cells.values else "safety_format"
    format_ = cells.word(said, get_args(Format))
    strategy = cells.word("strategy", get_args(Strategy))
    for name, word in ((said, format_), ("strategy", strategy)):
        if dose > 0 and word == "none":
            _fail(
                f"column {cells.column(name)!r} holds 'none' at dose {dose}",
                where=cells.where,
                cause="'none' belongs to dose 0 alone",
                fix="name what the safety rows were like, or correct the dose",
            )
    seed = cells.count("seed") or 0
    draw_seed, train_seed = cells.count("draw_seed"), cells.count("train_seed")
    arm = new_arm(
        base=cells.label("base", default="unknown"),
        run=cells.label("run", default="default"),
        ladder=cast(Ladder, cells.word("ladder", get_args(Ladder)) or "add"),
        strategy=cast(Strategy, (strategy or "direct") if dose else "none"),
        format=cast(Format, (format_ or "instruction") if dose else "none"),
        dose=dose,
        draw_seed=seed if draw_seed is None else draw_seed,
        train_seed=seed if train_seed is None else train_seed,
        made_of="imported",
    )
    called = "" if dose else " ".join(word for word in (strategy, format_) if word and word != "none")
    return arm, _Origin(number, called)


def _prompt(cells: _Cells, expected_of: Callable[[str], Expected]) -> Prompt:
    suite = cells.text("suite")
    try:
        check_name(suite)
    except ValueError as error:
        _fail(
            f"the suite name {suite[:100]!r} cannot be the name of a file: {error}",
            where=cells.where,
            cause="every suite becomes a file of its own in the study folder",
            fix="give the suite another name",
        )
    text = cells.text("prompt")
    digest = hashlib.sha256(text.encode()).hexdigest()
    return Prompt(
        id=cells.text("prompt_id", default=f"p{digest[:12]}"),
        suite=suite,
        text=text,
        expected=cast(Expected, cells.word("expected", get_args(Expected)) or expected_of(suite)),
        category=cells.text("category", default=""),
        reference=cells.text("reference", default="") or None,
    )


def _same_prompt(
    prompts: dict[tuple[str, str], tuple[Prompt, int]], prompt: Prompt, cells: _Cells, number: int
) -> Prompt:
    """Hold every arm to the same prompt behind an id: comparisons between arms pair by it."""
    first, row = prompts.setdefault((prompt.suite, prompt.id), (prompt, number))
    if first != prompt:
        names = ("text", "expected", "category", "reference")
        differing = [name for name in names if getattr(first, name) != getattr(prompt, name)]
        _fail(
            f"prompt {prompt.id!r} of {prompt.suite!r} differs from row {row} in {', '.join(differing)}",
            where=cells.where,
            cause="two prompts share an id, or one prompt is described in two ways",
            fix="give different prompts different ids, and describe each prompt in one way",
        )
    return first


def _sample(taken: dict[int, _Origin], origin: _Origin, prompt: Prompt, cells: _Cells) -> int:
    given = cells.count("sample")
    sample = len(taken) if given is None else given
    first = next(iter(taken.values()), origin)
    if first.called != origin.called:
        _fail(
            f"dose 0 is called {origin.called!r} here and {first.called!r} in row {first.row}, on one prompt",
            where=cells.where,
            cause="dose 0 has no safety rows, so it is one arm, which the file holds once per curve",
            fix="keep its answers once, or give different trainings a different `run` or seed",
        )
    if sample in taken:
        _fail(
            f"sample {sample} of prompt {prompt.id!r} stands in row {taken[sample].row} already",
            where=cells.where,
            cause="the row was written twice, or what tells the arms apart is in no known column",
            fix="drop the row, or tell the arms apart by `run`, `base` or a seed",
        )
    taken[sample] = origin
    return sample


@final
@dataclass(frozen=True, slots=True)
class _Cells:
    """The cells of one row under our names; empty and absent cells are the same."""

    where: str
    values: Mapping[str, object]
    mapping: Mapping[str, str]

    def column(self, name: str) -> str:
        """Give the file's name for one of our columns."""
        return self.mapping.get(name, name)

    def text(self, name: str, *, default: str | None = None, empty: bool = False) -> str:
        """Give a text; without a default it must be there."""
        cell = self.values.get(self.column(name))
        if cell is None or (cell == "" and not empty):
            return self.missing(name) if default is None else default
        if isinstance(cell, str):
            return cell
        if isinstance(cell, int) and not isinstance(cell, bool) and default is not None:
            return str(cell)
        _fail(
            f"column {self.column(name)!r} holds a value of type {type(cell).__name__}, not a text",
            where=self.where,
            cause="the column means something else, or the file nests its values",
            fix=f"write the {name} as a plain text, or map {name} to another column",
        )

    def label(self, name: str, *, default: str) -> str:
        """Give a short text that can stand in a table and in a study file."""
        label = self.text(name, default=default)
        if not label.isprintable() or not label.strip() or len(label) > _LONGEST_LABEL:
            _fail(
                f"column {self.column(name)!r} holds {label[:40]!r}, which cannot be a {name}",
                where=self.where,
                cause="it is blank, long, or has control characters such as a line break",
                fix=f"write a {name} of at most {_LONGEST_LABEL} visible characters, or map {name} to another column",
            )
        return label

    def word(self, name: str, known: tuple[str, ...]) -> str | None:
        """Give one of a few words, None where the cell is empty."""
        word = self.text(name, default="")
        if word and word not in known:
            _fail(
                f"column {self.column(name)!r} holds {word[:40]!r}; {nearest(word, known)}",
                where=self.where,
                cause="the value is misspelt, or the column means something else",
                fix=f"write one of {', '.join(known)}, or map {name} to another column",
            )
        return word or None

    def count(self, name: str) -> int | None:
        """Give a whole number from 0, None where the cell is empty; spreadsheets write 500 as 500.0."""
        cell = self.values.get(self.column(name))
        if cell is None or cell == "":
            return None
        found = None if isinstance(cell, bool) else _COUNT.fullmatch(str(cell).strip())
        if found is None:
            _fail(
                f"column {self.column(name)!r} holds {str(cell)[:40]!r}, not a whole number from 0",
                where=self.where,
                cause="a dose counts safety rows, and seeds and samples count from 0",
                fix=f"write the {name} as a whole number such as 500",
            )
        return int(found[1])

    def missing(self, name: str) -> NoReturn:
        """Refuse the row for what it lacks."""
        column = self.column(name)
        columns = [str(key) for key in self.values]
        there = column in self.values
        hint = f"; {nearest(column, columns)}" if columns and not there else ""
        _fail(
            f"column {column!r} is {'empty' if there else 'missing'}{hint}",
            where=self.where,
            cause="the column has another name in this file" if not there else "the value was never written",
            fix=f"map {name} to the column that holds it" if not there else "fill the cell or drop the row",
        )


def _fail(what: str, *, where: str, cause: str = "the input is of another kind", fix: str) -> NoReturn:
    raise InputError(what, where=where, cause=cause, fix=fix)
