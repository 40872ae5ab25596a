"""Rows as they are read: where each one stood, what is wrong with one, and what becomes of bad ones."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple, final

from safedose.errors import InputError

MAX_ROW = 32 * 2**20
"""Largest row in bytes, in a `.json` file in characters: what bounds the memory of a reader."""

NUM_REASONS = 3
NUM_COLUMNS = 12  # that a message lists
SHOWN = 60  # characters of a name or number that a message quotes


class Row(NamedTuple):
    """One row of a file, and where to find it.

    Attributes:
        number: From 1. The line in a `.jsonl` file; otherwise the position among the data rows, so
            that the row under a CSV header is row 1. Rows that were left out keep their numbers.
        values: Column to value, in the file's order. CSV values are always strings.
    """

    number: int
    values: dict[str, object]


class Found(NamedTuple):
    """A row with its place in bytes.

    Attributes:
        number, values: As in `Row`.
        offset: Byte of the unpacked text at which the row begins; None in Parquet, which has no text.
    """

    number: int
    values: dict[str, object]
    offset: int | None


class Flaw(NamedTuple):
    """What is wrong with a part of a file, before it is known which row that is.

    Attributes:
        what, cause, fix: As in `SafedoseError`.
        offset: Byte of the unpacked text: of the fault itself where that is one place, otherwise of the
            row's beginning; None where there is none.
    """

    what: str
    offset: int | None
    cause: str = "the file is not what its ending says, or was written for another program"
    fix: str = "write it as one JSON object a line (.jsonl)"

    def error(self, path: Path, part: str) -> InputError:
        """Make the message, naming the part of the file, such as `row 3`."""
        where = f"{path}, {part}" if self.offset is None else f"{path}, {part}, byte offset {self.offset}"
        return InputError(self.what, where=where, cause=self.cause, fix=self.fix)


@final
class FlawError(Exception):
    """A file cannot be read on, whatever becomes of bad rows; the reader that raises it adds file and row."""

    def __init__(self, flaw: Flaw) -> None:
        super().__init__(flaw.what)
        self.flaw = flaw


class Skipped(NamedTuple):
    """The rows of one source that were left out.

    Attributes:
        source: As the study file names it.
        num_rows: How many.
        reasons: Where the first few stood and what was wrong, without the path, so that a report may
            show them; at least one.
    """

    source: str
    num_rows: int
    reasons: tuple[str, ...]


@final
class BadRows:
    """What becomes of the bad rows of one file: the first is an error, or all are left out and counted.

    Only a single row can be bad. A file that is missing, cut in its packing, in another encoding or
    broken so that nobody knows where its next row begins is an error either way.

    Attributes:
        num_rows: Left out so far.
        reasons: Where the first few stood in the file, and what was wrong.
    """

    def __init__(self, *, skip: bool, how: str = "--skip-bad") -> None:
        self._skip = skip
        self._how = how
        self.num_rows = 0
        self.reasons: list[str] = []

    def meet(self, error: InputError, path: Path) -> None:
        """Count one bad row of a file.

        Raises:
            InputError: The given one, with word of how to leave rows out, unless they are left out.
        """
        if not self._skip:
            fix = f"{error.fix}; or leave bad rows out, counted, with {self._how}"
            raise InputError(error.what, where=error.where, cause=error.cause, fix=fix)
        self.num_rows += 1
        if len(self.reasons) < NUM_REASONS:
            self.reasons.append(f"{error.where.removeprefix(f'{path}, ')}: {error.what}")


def refuse(error: InputError, path: Path, bad: BadRows | None) -> None:
    """Meet a bad row by the caller's rule; without one it is an error.

    Raises:
        InputError: Unless bad rows are left out.
    """
    if bad is None:
        raise error
    bad.meet(error, path)


def require_rows(path: Path, num_rows: int, bad: BadRows | None) -> None:
    """Refuse a file that was read to its end and gave nothing.

    Raises:
        InputError: When `num_rows` is 0.
    """
    if num_rows:
        return
    if bad and bad.num_rows:
        raise InputError(
            f"all {bad.num_rows} rows are bad; the first: {bad.reasons[0]}",
            where=str(path),
            cause="the file is of another kind, or its columns have other names",
            fix="mend the file: leaving out every row leaves nothing",
        )
    raise InputError(
        "the file holds no rows",
        where=f"{path}, the whole file",
        cause="it is empty, or only a header",
        fix="give a file with rows",
    )


def shown(name: object) -> str:
    """Quote a name or value in a message: escaped, and short however long it is."""
    text = repr(name)
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}..."


def kind_of(value: object) -> str:
    """Name what a value is, as JSON sees it."""
    if value is None:
        return "null"
    names = {bool: "true or false", int: "a number", float: "a number", str: "a text", list: "a list"}
    return names.get(type(value), "an object")


def columns_of(values: Mapping[str, object]) -> str:
    """List the first columns of a row and what they hold, for a message."""
    there = [f"{shown(name)} ({kind_of(values[name])})" for name in list(values)[:NUM_COLUMNS]]
    return ", ".join(there) or "nothing"
