"""From the rows of a file to training examples."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import cast, get_args

from safedose.data.readers import find_rows, unreadable
from safedose.data.rows import BadRows, FlawError, refuse, require_rows, shown
from safedose.data.shapes import Cells, read_conversation
from safedose.errors import InputError, nearest
from safedose.kinds import TrainingField
from safedose.records import Example, Form

UNSTATED = "not stated"
"""Licence of a row that states none."""

_FORMS = get_args(Form)


def read_examples(
    path: Path, *, columns: Mapping[TrainingField, str] = MappingProxyType({}), bad: BadRows | None = None
) -> Iterator[Example]:
    """Read training examples one by one, in the file's order, never holding more than a part of the file.

    Args:
        path: A file of rows, each a conversation in one of the shapes of `read_conversation`; optional columns:
            `item`, `category`, `form`, `licence`.
        columns: Columns that have other names, by field: a key of `FIELDS` to the file's name.
        bad: What to do with rows that cannot be used; None: the first is an error.

    Raises:
        InputError: While iterating: when a row lacks prompt or response, when no row is left, when the file
            changes meanwhile, and as `read_rows` does.
    """
    rows = find_rows(path, bad=bad)
    before = _state(path)
    # the name travels with the study; the hash tells two files of one name apart
    source = f"{path.name}@{_digest(path)[:8]}"
    num_rows = 0
    for row in rows:
        try:
            example = _example(Cells(row, columns), source)
        except FlawError as error:
            refuse(error.flaw.error(path, f"row {row.number}"), path, bad)
        else:
            num_rows += 1
            yield example
    if _state(path) != before:
        raise InputError(
            "the file changed while it was read", where=str(path), cause="something else writes to it",
            fix="wait until it is finished, then start again",
        )  # fmt: skip
    require_rows(path, num_rows, bad)


def _state(path: Path) -> tuple[int, int]:
    """Give size and time of the last change: what another writer cannot leave as it was."""
    try:
        status = path.stat()
    except OSError as error:
        raise unreadable(path, error) from None
    return status.st_size, status.st_mtime_ns


def _digest(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise unreadable(path, error) from None


def _example(cells: Cells, source: str) -> Example:
    said, number = read_conversation(cells), cells.row.number
    form = cells.label("form") or ("question" if said.prompt.rstrip().endswith("?") else "instruction")
    if form not in _FORMS:
        raise cells.unusable(f"unknown form {shown(form)}", fix=nearest(form, _FORMS))
    return Example(
        item=f"{source}#{cells.label('item') or number}",
        prompt=said.prompt,
        response=said.response,
        source=source,
        row=number - 1,
        licence=cells.label("licence") or UNSTATED,
        category=cells.label("category"),
        form=cast(Form, form),
        before=said.before,
    )
