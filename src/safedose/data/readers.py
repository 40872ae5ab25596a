"""Files of rows, read strictly: what comes back is what stands in the file, or an error naming the row.

A file is one of `.jsonl`/`.ndjson`, `.json`, `.csv` (all three also with `.gz`) and `.parquet`.
"""

from __future__ import annotations

import csv
import gzip
import json
import math
import re
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple, NoReturn

from safedose.errors import InputError

_BOM = b"\xef\xbb\xbf"
_TEXT_SUFFIXES = (".jsonl", ".ndjson", ".json", ".csv")
_ESCAPED_SURROGATE = re.compile(rb"\\u[dD][89a-fA-F]")


class Row(NamedTuple):
    """One row of a file, and where to find it.

    Attributes:
        number: From 1. The line in a `.jsonl` file; otherwise the position among the data rows, so
            that the row under a CSV header is row 1.
        values: Column to value, in the file's order. CSV values are always strings.
    """

    number: int
    values: dict[str, object]


def read_rows(path: Path) -> Iterator[Row]:
    """Read a file of rows one by one, in the file's order.

    `.jsonl`, `.csv` and `.parquet` are streamed; a `.json` file (a list of objects, or an object in
    which exactly one value is a list) is read whole. A UTF-8 byte order mark and blank lines of a
    `.jsonl` file are skipped. Offsets in messages count bytes of the unpacked text.

    Raises:
        InputError: At once when the path is missing, a folder or of an unknown kind; while iterating
            for whatever cannot be read without guessing: no rows, bad UTF-8, NUL bytes, half a
            surrogate pair, broken JSON or CSV, a row that is no object, a key that stands twice, NaN
            and Infinity, a file that ends in the middle of a row.
    """
    if not path.is_file():
        problem = "there is no file" if not path.exists() else "not a file but a folder or a device:"
        raise InputError(
            f"{problem} {path.name!r}",
            where=str(path.absolute()),
            cause="the path is misspelt or relative to another folder",
            fix="give the path of a file that exists",
        )
    suffixes = [suffix.lower() for suffix in path.suffixes[-2:]]
    packed = bool(suffixes) and suffixes[-1] == ".gz"
    kind = ["", *suffixes][-2 if packed else -1]
    if kind not in _TEXT_SUFFIXES and (packed or kind != ".parquet"):
        raise InputError(
            f"cannot tell what kind of file {path.name!r} is",
            where=str(path),
            cause="the kind is told by the ending of the name",
            fix=f"rename or convert it to {', '.join(_TEXT_SUFFIXES)} (each also with .gz) or .parquet",
        )
    return _rows(path, kind, packed=packed)


def _rows(path: Path, kind: str, *, packed: bool) -> Iterator[Row]:
    number = 0
    try:
        if kind == ".parquet":
            rows = _parquet(path)
            for number, values in enumerate(rows, start=1):
                yield Row(number, values)
        else:
            with gzip.open(path, "rb") if packed else path.open("rb") as file:
                for row in _text_rows(path, kind, file):  # type: ignore[arg-type]  # GzipFile reads like BinaryIO
                    number = row.number
                    yield row
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        _fail(
            path,
            f"after row {number}",
            f"the packed file cannot be read to its end: {error}",
            cause="a download or a copy stopped early, or it is not a gzip file",
            fix="fetch the file again",
        )
    except OSError as error:
        _fail(path, f"after row {number}", f"the file cannot be read: {error.strerror or error}")
    if number == 0:
        _fail(path, "the whole file", "the file holds no rows", cause="it is empty, or only a header")


def _text_rows(path: Path, kind: str, file: BinaryIO) -> Iterator[Row]:
    if kind == ".csv":
        return _csv(path, file)
    return _json(path, file) if kind == ".json" else _jsonl(path, file)


def _jsonl(path: Path, file: BinaryIO) -> Iterator[Row]:
    for number, (raw, text) in enumerate(_lines(path, file, word="row"), start=1):
        if not text.strip():
            continue
        where = f"row {number}"
        complete = raw.endswith(b"\n")
        values = _parse(path, where, raw, text, complete=complete)
        yield Row(number, _object(path, where, values))


def _json(path: Path, file: BinaryIO) -> Iterator[Row]:
    pieces = list(_lines(path, file, word="line"))
    text = "".join(text for _, text in pieces)
    if not text.strip():
        return
    raw = b"".join(raw for raw, _ in pieces)
    values = _parse(path, "the whole file", raw, text, complete=True)
    if isinstance(values, dict):
        lists = [key for key, value in values.items() if isinstance(value, list)]
        if len(lists) != 1:
            _fail(
                path,
                "the whole file",
                f"{len(lists)} values of the object are lists ({', '.join(lists) or 'none'})",
                cause="rows are a list of objects, or an object in which exactly one value is such a list",
                fix="keep one list, or write one object a line into a .jsonl file",
            )
        values = values[lists[0]]
    if not isinstance(values, list):
        _fail(path, "the whole file", f"the file holds a {type(values).__name__}, not a list of rows")
    for number, value in enumerate(values, start=1):
        yield Row(number, _object(path, f"row {number}", value))


def _csv(path: Path, file: BinaryIO) -> Iterator[Row]:
    reader = csv.reader((text for _, text in _lines(path, file, word="line")), strict=True)
    where = "the header"
    number = 0
    try:
        header = next(reader, [])
        if len(set(header)) < len(header) or (header and "" in header):
            _fail(
                path,
                where,
                "a column name stands twice or is empty",
                cause="the first line is no header, or two columns were merged",
                fix="give every column a name of its own in the first line",
            )
        for cells in reader:
            if not cells:
                continue
            number += 1
            where = f"row {number}, line {reader.line_num}"
            if len(cells) != len(header):
                _fail(
                    path,
                    where,
                    f"the row has {len(cells)} cells and the header {len(header)}",
                    cause="a comma, a quote or a line break inside a cell is not quoted",
                    fix="quote such cells, or save the data as .jsonl",
                )
            yield Row(number, dict(zip(header, cells, strict=True)))
    except csv.Error as error:
        _fail(
            path,
            f"row {number + 1}, line {reader.line_num}",
            f"this is not CSV: {error}",
            cause="a quote is not closed, the file was cut off, or a cell is larger than 128 KiB",
            fix="quote cells as CSV asks, or save the data as .jsonl",
        )


def _parquet(path: Path) -> Iterator[dict[str, object]]:
    import pyarrow
    import pyarrow.parquet

    try:
        with pyarrow.parquet.ParquetFile(path) as file:
            names = file.schema_arrow.names
            if len(set(names)) < len(names):
                _fail(path, "the schema", "a column name stands twice", fix="rename one of the columns")
            for batch in file.iter_batches():
                yield from batch.to_pylist()
    except (pyarrow.ArrowException, UnicodeDecodeError) as error:
        _fail(
            path,
            "the whole file",
            f"this is no readable Parquet: {str(error).splitlines()[0]}",
            cause="the file was cut off or only bears the ending .parquet",
            fix="fetch or write the file again",
        )


def _lines(path: Path, file: BinaryIO, *, word: str) -> Iterator[tuple[bytes, str]]:
    """Yield each line as bytes and as text, the byte order mark taken off."""
    offset = 0
    for number, raw in enumerate(file, start=1):
        skipped = len(_BOM) if number == 1 and raw.startswith(_BOM) else 0
        line = raw[skipped:]
        nul = line.find(b"\0")
        try:
            text = line.decode()
        except UnicodeDecodeError as error:
            at = offset + skipped + error.start
            _fail(
                path,
                f"{word} {number}, byte offset {at}",
                f"byte 0x{line[error.start]:02x} is not UTF-8",
                cause="the file is in another encoding, such as UTF-16 or Latin-1, or is no text",
                fix="save it as UTF-8",
            )
        if nul >= 0:
            _fail(
                path,
                f"{word} {number}, byte offset {offset + skipped + nul}",
                "there is a NUL byte",
                cause="the file is binary, UTF-16, or was damaged by a crash while it was written",
                fix="write the file again, as UTF-8 text",
            )
        yield line, text
        offset += len(raw)


def _parse(path: Path, where: str, raw: bytes, text: str, *, complete: bool) -> Any:
    """Parse JSON that means one thing only."""
    try:
        value = json.loads(text, object_pairs_hook=_unique, parse_constant=_no_number, parse_float=_finite)
    except (ValueError, RecursionError) as error:
        cut = not complete and isinstance(error, json.JSONDecodeError)
        _fail(
            path,
            where,
            f"the last row is cut off: {error}" if cut else f"this is not JSON as it should be: {error}",
            cause="writing or downloading it stopped early" if cut else "it was written by hand or merged",
            fix="fetch or write the file again" if cut else "write every row with a JSON library",
        )
    if _ESCAPED_SURROGATE.search(raw):
        try:
            json.dumps(value, ensure_ascii=False).encode()
        except UnicodeEncodeError:
            _fail(
                path,
                where,
                "a string holds half of a surrogate pair",
                cause="a text was cut in the middle of a character before it was written",
                fix="remove the half character; no UTF-8 file can hold it",
            )
    return value


def _object(path: Path, where: str, value: object) -> dict[str, object]:
    if not isinstance(value, dict):
        _fail(path, where, f"the row is a {type(value).__name__}, not an object with named columns")
    return value


def _unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
    values = dict(pairs)
    if len(values) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"the key {twice!r} stands twice")
    return values


def _no_number(word: str) -> NoReturn:
    raise ValueError(f"{word} is not a JSON number")


def _finite(word: str) -> float:
    number = float(word)
    if not math.isfinite(number):
        raise ValueError(f"{word} is too large for a number")
    return number


def _fail(
    path: Path,
    where: str,
    what: str,
    *,
    cause: str = "the file is not what its ending says, or was written for another program",
    fix: str = "write it as one JSON object a line (.jsonl)",
) -> NoReturn:
    raise InputError(what, where=f"{path}, {where}", cause=cause, fix=fix)
