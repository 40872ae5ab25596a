"""JSON that means one thing only: one value decoded from a text, or what is wrong with it and where."""

from __future__ import annotations

import json
import math
import re
from collections import Counter
from typing import NoReturn, final

from safedose.data.rows import shown

MAX_DEPTH = 100
"""Deepest nesting; far above real data, far below what Python's own functions can walk."""

SPACE = re.compile(r"[ \t\n\r]*")
"""What may stand between values; `str.strip` would also take separators that JSON does not know."""

_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")
_ESCAPES = re.compile(r"\\(?:u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|(u[dD][89a-fA-F])|.)", re.DOTALL)


@final
class JsonError(Exception):
    """A text is no JSON, or JSON that can be read in two ways.

    Args:
        what, cause, fix: As in `SafedoseError`.
        at: Place in the text.
        end: Where the value ends, so that reading can go on behind it; None when that cannot be told.
    """

    def __init__(
        self,
        what: str,
        *,
        at: int,
        end: int | None,
        cause: str = "it was written by hand or merged",
        fix: str = "write it with a JSON library",
    ) -> None:
        super().__init__(what)
        self.what = what
        self.at = at
        self.end = end
        self.cause = cause
        self.fix = fix


def decode(text: str, start: int) -> tuple[object, int]:
    """Decode the value that begins at a place of a text.

    Args:
        text: Without half surrogate pairs, as decoded from UTF-8.
        start: Where the value begins; no white space is skipped.

    Returns:
        The value, and the place behind it.

    Raises:
        JsonError: For broken or cut JSON, a key that stands twice in an object, NaN and Infinity, a number
            too large for Python, half a surrogate pair, nesting beyond `MAX_DEPTH`.
    """
    try:
        value, end = _STRICT.raw_decode(text, start)
    except json.JSONDecodeError as error:
        raise JsonError(error.msg.removesuffix(" at"), at=error.pos, end=None) from None
    except RecursionError:
        raise _too_deep(start, None) from None
    except ValueError as error:  # from a hook below, or int()
        what = str(error)
        if what.startswith("Exceeds the limit"):
            what = "a whole number has thousands of digits"
        cause, fix = "it was written by a program that does not keep to JSON", "correct the value, or drop the row"
        raise JsonError(what, at=start, end=_end(text, start), cause=cause, fix=fix) from None
    # at most so deep as there are brackets, also those inside strings: counting is cheap, walking is not
    if text.count("[", start, end) + text.count("{", start, end) > MAX_DEPTH and _is_deep(value):
        raise _too_deep(start, end)
    if _SURROGATE.search(text, start, end):
        for escape in _ESCAPES.finditer(text, start, end):
            if escape[1]:
                raise _half_pair(escape.start(), end)
    return value, end


def _too_deep(at: int, end: int | None) -> JsonError:
    what, cause = f"it is nested deeper than {MAX_DEPTH} levels", "it is no row of data, or brackets are not closed"
    return JsonError(what, at=at, end=end, cause=cause, fix="drop the row, or write the inner part as text")


def _half_pair(at: int, end: int) -> JsonError:
    cause = "a text was cut in the middle of a character before it was written"
    fix = "remove the half character; no UTF-8 file can hold it"
    return JsonError("a string holds half of a surrogate pair", at=at, end=end, cause=cause, fix=fix)


def _end(text: str, start: int) -> int | None:
    """Find where a value ends whose parts cannot be used."""
    try:
        end: int = _LENIENT.raw_decode(text, start)[1]
    except (ValueError, RecursionError):
        return None
    return end


def _is_deep(value: object) -> bool:
    level = [value]
    for _ in range(MAX_DEPTH):
        inner: list[object] = []
        for one in level:
            if isinstance(one, dict):
                inner += one.values()
            elif isinstance(one, list):
                inner += one
        level = inner
    return any(isinstance(one, dict | list) for one in level)


def _unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
    values = dict(pairs)
    if len(values) < len(pairs):
        counts = Counter(name for name, _ in pairs)
        twice = next(name for name in counts if counts[name] > 1)
        raise ValueError(f"the key {shown(twice)} stands twice")
    return values


def _no_number(word: str) -> NoReturn:
    raise ValueError(f"{word} is not a JSON number")


def _finite(word: str) -> float:
    number = float(word)
    if not math.isfinite(number):
        raise ValueError(f"{shown(word)[1:-1]} is too large for a number")
    return number


_STRICT = json.JSONDecoder(object_pairs_hook=_unique, parse_constant=_no_number, parse_float=_finite)
_LENIENT = json.JSONDecoder(parse_constant=str, parse_float=str, parse_int=str)
