"""The columns of a table that say which arm a row is about, read in one way for responses and adapters alike."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NoReturn, cast, final, get_args

from safedose.errors import InputError, nearest
from safedose.naming import new_arm
from safedose.records import Arm, Format, Ladder, Strategy

ARM_COLUMNS = ("dose", "run", "format", "strategy", "base", "ladder", "seed", "draw_seed", "train_seed")
"""What tells arms apart; every row must have the first. `safety_format` also means `format`."""

_LONGEST_LABEL = 200
_COUNT = re.compile(r"([0-9]{1,9})(?:\.0+)?")


def read_arm(cells: Cells, *, base: str = "unknown", made_of: str = "imported") -> tuple[Arm, str]:
    """Read the arm of a row.

    Where cells are absent or empty: `run` is `default`, `format` `instruction`, `strategy` `direct`, `ladder` `add`,
    the seeds 0. `seed` stands for both seeds. Dose 0 is one arm, strategy and format `none`, whatever its row says.

    Args:
        cells: The row.
        base: The base model of a row that names none.
        made_of: Stands for what the arm's weights are, as in `new_arm`.

    Returns:
        The arm, and what the row calls the safety data of a dose 0, which has none; else empty.

    Raises:
        InputError: Naming the row and the column.
    """
    dose = cells.count("dose")
    if dose is None:
        cells.missing("dose")
    said = "format" if "format" in cells.mapping or "format" in cells.values else "safety_format"
    format_ = cells.word(said, get_args(Format))
    strategy = cells.word("strategy", get_args(Strategy))
    for name, word in ((said, format_), ("strategy", strategy)):
        if dose > 0 and word == "none":
            fail(
                f"column {cells.column(name)!r} holds 'none' at dose {dose}",
                where=cells.where,
                cause="'none' belongs to dose 0 alone",
                fix="name what the safety rows were like, or correct the dose",
            )
    seed = cells.count("seed") or 0
    draw_seed, train_seed = cells.count("draw_seed"), cells.count("train_seed")
    arm = new_arm(
        base=cells.label("base", default=base),
        run=cells.label("run", default="default"),
        ladder=cast(Ladder, cells.word("ladder", get_args(Ladder)) or "add"),
        strategy=cast(Strategy, (strategy or "direct") if dose else "none"),
        format=cast(Format, (format_ or "instruction") if dose else "none"),
        dose=dose,
        draw_seed=seed if draw_seed is None else draw_seed,
        train_seed=seed if train_seed is None else train_seed,
        made_of=made_of,
    )
    return arm, "" if dose else " ".join(word for word in (strategy, format_) if word and word != "none")


def check_mapping(
    mapping: Mapping[str, str], columns: Sequence[str], *, apart: Sequence[str] = (), needed: Sequence[str] = ()
) -> None:
    """Refuse a mapping of columns that are not understood, or that makes one column of two.

    Args:
        mapping: Ours to theirs.
        columns: Ours.
        apart: Those of ours that cannot be read from one column of theirs.
        needed: Those of `apart` that are read by their own name where they are not mapped.

    Raises:
        InputError: Naming the first.
    """
    for name in mapping:
        if name not in columns:
            fail(
                f"there is no column {name!r} to map; {nearest(name, columns)}",
                where="the mapping of columns",
                fix=f"map one of: {', '.join(columns)}",
            )
    read: dict[str, str] = {}
    for name in (one for one in apart if one in mapping or one in needed):
        theirs = mapping.get(name, name)
        if theirs in read:
            fail(
                f"{read[theirs]} and {name} would both be read from the column {theirs!r}",
                where="the mapping of columns",
                cause="a name is mistyped, or only one of the two was mapped",
                fix=f"map each to a column of its own: --map {read[theirs]}=... --map {name}=...",
            )
        read[theirs] = name


def check_seen(unseen: set[str]) -> None:
    """Refuse mapped columns that no row had.

    Raises:
        InputError: Naming the first.
    """
    if unseen:
        fail(
            f"no row has the mapped column {min(unseen)!r}",
            where="the mapping of columns",
            cause="the name is misspelt, or belongs to another file",
            fix="map to a column of the file, written as there",
        )


@final
@dataclass(frozen=True, slots=True)
class Cells:
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
        fail(
            f"column {self.column(name)!r} holds a value of type {type(cell).__name__}, not a text",
            where=self.where,
            cause="the column means something else, or the file nests its values",
            fix=f"write the {name} as a plain text, or map {name} to another column",
        )

    def label(self, name: str, *, default: str) -> str:
        """Give a short text that can stand in a table and in a study file."""
        label = self.text(name, default=default)
        if not label.isprintable() or not label.strip() or len(label) > _LONGEST_LABEL:
            fail(
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
            fail(
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
            fail(
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
        fail(
            f"column {column!r} is {'empty' if there else 'missing'}{hint}",
            where=self.where,
            cause="the column has another name in this file" if not there else "the value was never written",
            fix=f"map {name} to the column that holds it" if not there else "fill the cell or drop the row",
        )


def fail(what: str, *, where: str, cause: str = "the input is of another kind", fix: str) -> NoReturn:
    """Raise an error of input; the cause may be left to a default."""
    raise InputError(what, where=where, cause=cause, fix=fix)
