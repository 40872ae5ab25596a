"""From the rows of a file to training examples: which column says what."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import cast, get_args

from safedose.data.readers import find_rows, unreadable
from safedose.data.rows import BadRows, Flaw, FlawError, Found, columns_of, kind_of, refuse, require_rows, shown
from safedose.errors import InputError, nearest
from safedose.records import Example, Form

_PROMPT_COLUMNS = ("prompt", "instruction")
_RESPONSE_COLUMNS = ("response", "completion", "output")
_FORMS = get_args(Form)


def read_examples(path: Path, *, bad: BadRows | None = None) -> Iterator[Example]:
    """Read training examples one by one, in the file's order, never holding more than a part of the file.

    Args:
        path: A file of rows with a prompt (`prompt`, or Alpaca's `instruction` and `input`) and a response
            (`response`, `completion` or `output`) per row; optional columns: `item`, `category`, `form`,
            `licence`.
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
            example = _example(row, source)
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


def _example(row: Found, source: str) -> Example:
    prompt = _text(row, _PROMPT_COLUMNS)
    extra = _label(row, "input")
    if extra.strip():
        prompt = f"{prompt}\n\n{extra}"
    form = _label(row, "form") or ("question" if prompt.rstrip().endswith("?") else "instruction")
    if form not in _FORMS:
        raise _unusable(row, f"unknown form {shown(form)}", fix=nearest(form, _FORMS))
    return Example(
        item=f"{source}#{_label(row, 'item') or row.number}",
        prompt=prompt,
        response=_text(row, _RESPONSE_COLUMNS),
        source=source,
        row=row.number - 1,
        licence=_label(row, "licence") or "not stated",
        category=_label(row, "category"),
        form=cast(Form, form),
    )


def _text(row: Found, columns: tuple[str, ...]) -> str:
    """Give the first text of a few columns that is not blank."""
    for column in columns:
        value = row.values.get(column)
        if isinstance(value, str) and value.strip():
            return value
    what = f"no text under {' or '.join(columns)}; the row has: {columns_of(row.values)}"
    raise _unusable(row, what)


def _label(row: Found, column: str) -> str:
    """Give a short value as text, empty where there is none."""
    value = row.values.get(column)
    if value is None or isinstance(value, str):
        return value or ""
    if isinstance(value, list | dict):
        raise _unusable(row, f"the column {column!r} holds {kind_of(value)}, not a text")
    return str(value)


def _unusable(row: Found, what: str, *, fix: str = "rename the column, or drop the row") -> FlawError:
    cause = "the columns have other names or meanings, or the text is empty"
    return FlawError(Flaw(what, row.offset, cause=cause, fix=fix))
