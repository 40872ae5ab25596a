"""CSV with a header: rows of named cells."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from safedose.data.lines import Line, split_lines, too_long
from safedose.data.rows import MAX_ROW, Flaw, FlawError, Found, shown
from safedose.errors import InputError


def read_csv(path: Path, file: BinaryIO, start: int) -> Iterator[Found | InputError]:
    """Read rows one by one; blank lines are skipped, cells are kept to the byte.

    Args:
        path: For messages.
        file: The unpacked bytes behind the byte order mark.
        start: Byte offset at which they begin.

    Yields:
        A row, or what is wrong with it where the next one can still be found.

    Raises:
        InputError: For a header that names no columns, and for quotes after which nobody can say where
            the next row begins.
    """
    lines: list[Line] = []  # of the present row: the parser takes as many as its quotes ask for
    reader = csv.reader(_texts(split_lines(file, start), lines), strict=True)
    number = 0
    try:
        header = next(reader, [])
        if flaw := _header_flaw(header, lines):
            raise FlawError(flaw)
        lines.clear()
        for cells in reader:
            if cells:
                number += 1
                flaw = next((line.flaw for line in lines if line.flaw), None)
                if flaw is None and len(cells) != len(header):
                    flaw = _other_width(len(cells), len(header), lines[0].offset)
                if flaw is None:
                    yield Found(number, dict(zip(header, cells, strict=True)), lines[0].offset)
                else:
                    yield flaw.error(path, _part(number, lines))
            lines.clear()
    except (csv.Error, FlawError) as error:
        flaw = error.flaw if isinstance(error, FlawError) else _no_csv(error, lines[0].offset)
        raise flaw.error(path, _part(number + 1, lines)) from None


def _part(number: int, lines: list[Line]) -> str:
    return "the header" if lines[0].number == 1 else f"row {number}, line {lines[0].number}"


def _texts(lines: Iterator[Line], kept: list[Line]) -> Iterator[str]:
    for line in lines:
        kept.append(line)
        if not line.text and line.flaw:
            raise FlawError(line.flaw)
        if line.offset - kept[0].offset > MAX_ROW:
            raise FlawError(too_long(kept[0].offset))
        yield line.text


def _header_flaw(header: list[str], lines: list[Line]) -> Flaw | None:
    if not lines:
        return None  # an empty file: it has no rows, which is said elsewhere
    flaw = next((line.flaw for line in lines if line.flaw), None)
    offset = lines[0].offset
    if flaw is None and not header:
        flaw = Flaw("the first line is blank", offset, cause="there is no header", fix="name the columns in it")
    if flaw is None and (len(set(header)) < len(header) or "" in header):
        twice = sorted({shown(name) for name in header if header.count(name) > 1})
        flaw = Flaw(
            f"a column name stands twice or is empty: {', '.join(twice) or shown('')}",
            offset,
            cause="the first line is no header, or two columns were merged",
            fix="give every column a name of its own in the first line",
        )
    return flaw


def _other_width(num_cells: int, num_columns: int, offset: int) -> Flaw:
    return Flaw(
        f"the row has {num_cells} cells and the header {num_columns}",
        offset,
        cause="a comma, a quote or a line break inside a cell is not quoted, or the file was cut off",
        fix="quote such cells, or save the data as .jsonl",
    )


def _no_csv(error: csv.Error, offset: int) -> Flaw:
    what, cause = str(error), "a quote inside a quoted cell is not doubled, or a quote is not closed"
    if what.startswith("new-line"):
        what, cause = "a lone CR stands outside of quotes", "lines end in CR alone, as on very old computers"
    elif what.startswith("field larger"):
        what, cause = f"a cell is longer than {csv.field_size_limit()} characters", "a quote is not closed"
    elif what.startswith("unexpected end"):
        what, cause = "a quote is not closed", "the file was cut off, or the quote is part of the text"
    return Flaw(
        f"this is not CSV: {what}", offset, cause=cause, fix="quote cells as CSV asks, or save the data as .jsonl"
    )
