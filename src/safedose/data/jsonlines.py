"""JSON Lines: one object a line, split at line feeds alone."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from safedose.data.lines import Line, split_lines
from safedose.data.rows import Flaw, Found, kind_of
from safedose.data.strictjson import SPACE, JsonError, decode
from safedose.errors import InputError


def read_jsonlines(path: Path, file: BinaryIO, start: int) -> Iterator[Found | InputError]:
    """Read rows one by one; blank lines are skipped.

    Args:
        path: For messages.
        file: The unpacked bytes behind the byte order mark.
        start: Byte offset at which they begin.

    Yields:
        A row per line that is not blank, or what is wrong with it.
    """
    for line in split_lines(file, start):
        text, flaw = line.text, line.flaw
        if flaw is None:
            begin = SPACE.match(text).end()  # type: ignore[union-attr]  # matches always
            if begin == len(text):
                continue
            try:
                value, end = decode(text, begin)
                end = SPACE.match(text, end).end()  # type: ignore[union-attr]
                if end < len(text):
                    raise JsonError("the line goes on behind its object", at=end, end=len(text))
            except JsonError as error:
                flaw = _flaw(line, error)
            else:
                if isinstance(value, dict):
                    yield Found(line.number, value, line.offset)
                    continue
                flaw = no_object(value, line.offset)
        yield flaw.error(path, f"row {line.number}")


def no_object(value: object, offset: int) -> Flaw:
    """Say that a row has no columns."""
    return Flaw(
        f"the row is {kind_of(value)}, not an object with named columns",
        offset,
        cause='rows are objects such as {"prompt": "...", "response": "..."}, one a line or all in one list',
        fix="write every row as an object",
    )


def _flaw(line: Line, error: JsonError) -> Flaw:
    text, offset = line.text, line.offset + len(line.text[: error.at].encode())
    if error.end is None and not text.endswith("\n"):
        cause, fix = "writing or downloading it stopped early", "fetch or write the file again"
        return Flaw(f"the last row is cut off: {error.what}", offset, cause=cause, fix=fix)
    cause = error.cause
    if line.number == 1 and text.startswith("["):
        cause = "the file is one JSON list, whose name should end in .json"
    elif text.startswith("\ufeff"):
        cause = "two files were joined, the second of which began with a byte order mark"
    elif text.startswith("{'"):
        cause = "it was written as Python prints it, not as JSON"
    elif "\r" in text.rstrip("\r\n"):
        cause = "lines end in CR alone, or there is a raw line break inside a string"
    return Flaw(f"this is not JSON as it should be: {error.what}", offset, cause=cause, fix=error.fix)
