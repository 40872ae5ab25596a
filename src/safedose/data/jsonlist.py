"""A JSON file that is a list of rows, read through a window that slides over it."""

from __future__ import annotations

import codecs
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, final

from safedose.data.jsonlines import no_object
from safedose.data.lines import not_utf8, nul_byte, too_long
from safedose.data.rows import MAX_ROW, Flaw, FlawError, Found, kind_of, shown
from safedose.data.strictjson import SPACE, JsonError, decode
from safedose.errors import InputError

_CHUNK = 2**20
_LARGEST_CHUNK = 2**23
_MOST_KEYS = 1000  # beside the list of rows; a large object of objects is no list, and its keys would fill memory
_SHAPE = "rows are one list of objects, alone or as the only list in an object; a list per column is no rows"


def read_json(path: Path, file: BinaryIO, start: int) -> Iterator[Found | InputError]:
    """Read the rows of a list of objects, or of an object in which exactly one value is a list.

    Args:
        path: For messages.
        file: The unpacked bytes behind the byte order mark.
        start: Byte offset at which they begin.

    Yields:
        A row, or what is wrong with it where the next one can still be found.

    Raises:
        InputError: For a file that is no such list, as soon as that shows.
    """
    window = _Window(file, start)
    try:
        sign = window.peek()
        if sign == "[":
            yield from _list(path, window)
        elif sign == "{":
            yield from _object(path, window)
        elif sign:
            offset, kind = window.offset(), kind_of(window.value())
            raise FlawError(Flaw(f"the file holds {kind}, not a list of rows", offset, cause=_SHAPE))
        if window.peek():
            raise JsonError(
                "the file goes on behind its end",
                at=window.at,
                end=None,
                cause="it holds one object a line, or two files were joined",
                fix="name a file with one object a line .jsonl",
            )
    except (FlawError, JsonError) as error:
        flaw = error.flaw if isinstance(error, FlawError) else window.explain(error)
        raise flaw.error(path, window.part) from None


def _list(path: Path, window: _Window) -> Iterator[Found | InputError]:
    """Read the rows of a list, from its bracket to the one that closes it."""
    window.take("[")
    number = 0
    sign = "," if window.peek() != "]" else window.take("]")
    while sign == ",":
        number += 1
        window.part = f"row {number}"
        window.peek()
        offset = window.offset()
        try:
            value = window.value()
        except JsonError as error:
            if error.end is None:
                raise
            flaw, window.at = window.explain(error), error.end
        else:
            if isinstance(value, dict):
                yield Found(number, value, offset)
                sign = window.take(",]")
                continue
            flaw = no_object(value, offset)._replace(cause=_SHAPE)
        yield flaw.error(path, window.part)
        sign = window.take(",]")
    window.part = "the whole file"


def _object(path: Path, window: _Window) -> Iterator[Found | InputError]:
    """Read the rows of the one list in an object; its other values are left aside."""
    names: dict[object, bool] = {}  # and whether each is a list
    window.take("{")
    sign = "," if window.peek() != "}" else window.take("}")
    while sign == ",":
        if window.peek() != '"':
            raise JsonError("Expecting a key", at=window.at, end=None)
        offset, name = window.offset(), window.value()
        if name in names:
            raise FlawError(Flaw(f"the key {shown(name)} stands twice", offset, cause="two files were merged"))
        window.take(":")
        names[name] = window.peek() == "["
        if sum(names.values()) > 1 or len(names) > _MOST_KEYS:
            break
        if names[name]:
            yield from _list(path, window)
        else:
            window.value()
        sign = window.take(",}")
    lists = [shown(name) for name, is_list in names.items() if is_list]
    if len(lists) > 1 or len(names) > _MOST_KEYS or (not lists and not window.peek()):
        what = f"{len(lists)} values of the object are lists ({', '.join(lists) or 'none'})"
        fix = "keep one list, or write one object a line (.jsonl)"
        raise FlawError(Flaw(what, window.offset(), cause=_SHAPE, fix=fix))


@final
class _Window:
    """The part of a text that is being looked at, and how far one has come.

    Attributes:
        text: What is held of the text.
        at: Place in it of what comes next.
        part: The part of the file that is being read, for messages.
    """

    def __init__(self, file: BinaryIO, start: int) -> None:
        self._file = file
        self._known = (0, start)  # a place in the text that was passed, and its byte offset
        self._decoder = codecs.getincrementaldecoder("utf-8")()
        self._flaw: Flaw | None = None
        self._ended = False
        self.text = ""
        self.at = 0
        self.part = "the whole file"

    def offset(self, at: int | None = None) -> int:
        """Give the byte offset of a place in the text from `at` on, by default of what comes next."""
        place, start = self._known
        here = start + len(self.text[place : self.at].encode())
        self._known = (self.at, here)
        return here if at is None else here + len(self.text[self.at : at].encode())

    def peek(self) -> str:
        """Go to the next sign that is not white space and give it; empty at the end of the file."""
        while True:
            self.at = SPACE.match(self.text, self.at).end()  # type: ignore[union-attr]  # matches always
            if self.at < len(self.text):
                return self.text[self.at]
            if not self._more():
                return ""

    def take(self, signs: str) -> str:
        """Go past the next sign, which must be one of a few."""
        sign = self.peek()
        if not sign or sign not in signs:
            raise JsonError(f"Expecting {' or '.join(map(repr, signs))}", at=self.at, end=None)
        self.at += 1
        return sign

    def value(self) -> object:
        """Decode the value that begins here and go past it.

        Raises:
            JsonError: When that cannot be done, even with all of the file that a row may take.
        """
        while True:
            try:
                value, end = decode(self.text, self.at)
            except JsonError as error:
                # what goes to the very end of the window may go on behind it
                if (error.end is None or error.end == len(self.text)) and self._more():
                    continue
                raise
            if end < len(self.text) or not self._more():
                if end - self.at > MAX_ROW:
                    raise FlawError(too_long(self.offset()))
                self.at = end
                return value

    def explain(self, error: JsonError) -> Flaw:
        """Say what is wrong at a place of the text, and why it likely is."""
        offset = self.offset(error.at)
        if error.at >= len(self.text) or (error.end is None and error.what.startswith("Unterminated string")):
            cause, fix = "writing or downloading it stopped early", "fetch or write the file again"
            return Flaw(f"the file is cut off: {error.what}", offset, cause=cause, fix=fix)
        if self.text[error.at] == "\0":
            return nul_byte(offset)
        return Flaw(f"this is not JSON as it should be: {error.what}", offset, cause=error.cause, fix=error.fix)

    def _more(self) -> bool:
        """Let go of what was passed and read as much again as is held; tells whether there was more."""
        if self._flaw:
            raise FlawError(self._flaw)
        if self._ended:
            return False
        if len(self.text) - self.at > MAX_ROW:
            raise FlawError(too_long(self.offset()))
        self._known = (0, self.offset())
        self.text = self.text[self.at :]
        self.at = 0
        raw = self._file.read(max(_CHUNK, min(len(self.text), _LARGEST_CHUNK)))
        self._ended = not raw
        try:
            self.text += self._decoder.decode(raw, final=self._ended)
        except UnicodeDecodeError as error:
            # first everything before it, so that the message can name the row
            self._flaw = not_utf8(error, self.offset(len(self.text)))
            self.text += error.object[: error.start].decode()
        return True
