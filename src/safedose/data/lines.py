"""Lines of a text file with their places in bytes, and what their bytes say about the file's encoding."""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO, NamedTuple

from safedose.data.rows import MAX_ROW, Flaw

MARK = b"\xef\xbb\xbf"
"""UTF-8's byte order mark, which is skipped at the start of a file."""

_CHUNK = 2**20
_MARKS = {
    b"\xff\xfe\0\0": "UTF-32",
    b"\0\0\xfe\xff": "UTF-32",
    b"\xff\xfe": "UTF-16",
    b"\xfe\xff": "UTF-16",
}  # longer ones first: UTF-32's begins with UTF-16's
_CONTENTS = {
    b"\x1f\x8b": "a file packed by gzip, whose name should end in .gz",
    b"\x28\xb5\x2f\xfd": "a file packed by zstd",
    b"PK\3\4": "a zip archive or an Excel sheet",
    b"PAR1": "a Parquet file",
    b"%PDF-": "a PDF file",
    b"<!DOCTYPE": "a web page",
    b"<html": "a web page",
    b"version https://git-lfs": "a pointer of Git LFS in place of the data",
}
_ZEROS = {
    b"\1\0\0\0": "UTF-32",
    b"\0\0\0\1": "UTF-32",
    b"\1\0\1\0": "UTF-16",
    b"\0\1\0\1": "UTF-16",
}  # where an ASCII text in that encoding has its NUL bytes; files of rows begin in ASCII


class Line(NamedTuple):
    """One line of a text.

    Attributes:
        number: From 1.
        offset: Byte at which it begins.
        text: With its line break; bytes that are not UTF-8 as lone surrogates. Empty only when the line
            is too long.
        flaw: What is wrong with it, if anything.
    """

    number: int
    offset: int
    text: str
    flaw: Flaw | None


def split_lines(file: BinaryIO, start: int) -> Iterator[Line]:
    r"""Split what is left of a file at \n alone, never holding more than one line of at most `MAX_ROW` bytes.

    U+0085 and U+2028, at which Python's `splitlines` would split too, may stand inside a text.

    Args:
        file: UTF-8, supposedly.
        start: Byte offset of what is read first.
    """
    number, offset = 0, start
    while raw := file.readline(MAX_ROW + 1):
        number += 1
        is_long = len(raw) > MAX_ROW
        yield Line(number, offset, "", too_long(offset)) if is_long else _line(raw, number, offset)
        offset += len(raw)
        while is_long and not raw.endswith(b"\n") and (raw := file.readline(_CHUNK)):
            offset += len(raw)


def _line(raw: bytes, number: int, offset: int) -> Line:
    try:
        text = raw.decode()
    except UnicodeDecodeError as error:
        return Line(number, offset, raw.decode(errors="surrogateescape"), not_utf8(error, offset))
    nul = text.find("\0")
    return Line(number, offset, text, None if nul < 0 else nul_byte(offset + len(text[:nul].encode())))


def too_long(offset: int) -> Flaw:
    """Say that a row is larger than anything can be trained on."""
    return Flaw(
        f"a row is larger than {MAX_ROW >> 20} MiB",
        offset,
        cause="its line break is missing or a quote is not closed, or a whole document stands in one row",
        fix="split it into rows of reasonable size",
    )


def nul_byte(offset: int) -> Flaw:
    """Say that a byte is 0."""
    return Flaw(
        "there is a NUL byte",
        offset,
        cause="the file is binary, UTF-16, or was damaged by a crash while it was written",
        fix="write the file again, as UTF-8 text",
    )


def not_utf8(error: UnicodeDecodeError, offset: int) -> Flaw:
    """Say which byte is not UTF-8, and what that likely means.

    Args:
        error: What decoding said.
        offset: Byte of the file at which the decoded piece begins.
    """
    raw, at = error.object, error.start
    cause, fix = "the file is in another encoding, or is no text", "save it as UTF-8"
    if error.reason == "unexpected end of data":
        cause, fix = "the file was cut off in the middle of a character", "fetch or write the file again"
    elif raw[at] == 0xED and raw[at + 1 : at + 2] >= b"\xa0":
        cause = "half of a surrogate pair was written as if it were a character, as some Java programs do"
    elif raw[at + 1 : at + 2] < b"\x80":  # other encodings of non-Latin scripts have such bytes in pairs
        cause = "the file is Latin-1 or Windows-1252, not UTF-8"
    return Flaw(f"byte 0x{raw[at]:02x} is not UTF-8", offset + at, cause=cause, fix=fix)


def other_content(head: bytes) -> Flaw | None:
    """Tell by its first bytes that a file is no UTF-8 text of rows, whatever its name says.

    Args:
        head: The first 32 bytes of the file, or as many as it has.

    Returns:
        What to say about it; None when it may be one.
    """
    for start, name in _CONTENTS.items():
        if head.startswith(start):
            cause = "its name ends in the wrong way, or it was downloaded from the wrong address"
            return Flaw(f"this is {name}, not a text", 0, cause=cause, fix="download the data themselves, or rename it")
    marked = next((name for mark, name in _MARKS.items() if head.startswith(mark)), None)
    encoding = marked or _ZEROS.get(bytes(byte != 0 for byte in head[:4]))
    if encoding is None:
        return None
    at = next(k for k, byte in enumerate(head) if byte == 0 or byte > 0xF7)
    what = "there is a NUL byte" if head[at] == 0 else f"byte 0x{head[at]:02x} is not UTF-8"
    return Flaw(what, at, cause=f"the file is {encoding}, not UTF-8", fix="save it as UTF-8")
