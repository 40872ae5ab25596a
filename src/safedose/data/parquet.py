"""Parquet: the rows whose values JSON could say too."""

from __future__ import annotations

import io
import math
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from safedose.data.rows import Flaw, Found, shown
from safedose.errors import InputError

if TYPE_CHECKING:
    import pyarrow

_BATCH = 1024  # rows held as Python values at a time
_LARGE = 2**26  # bytes of a file whose row groups may be too large to hold
_BUFFER = 2**20  # bytes of each column that are held of such a file


def read_parquet(path: Path, file: BinaryIO) -> Iterator[Found | InputError]:
    """Read rows batch by batch.

    Args:
        path: For messages.
        file: The bytes.

    Yields:
        A row, or which of its values cannot be used: NaN and Infinity, text that is not UTF-8, and any
        date, time, decimal, bytes or map, which JSON cannot say.

    Raises:
        InputError: For a file that is damaged, or has two columns of one name.
    """
    import pyarrow
    import pyarrow.parquet

    number = 0
    try:
        with _open(file) as parquet:
            names = parquet.schema_arrow.names
            _check_names(path, parquet.schema_arrow)
            for batch in parquet.iter_batches(batch_size=_BATCH, use_threads=False):
                flaws: dict[int, str] = {}
                columns = [_values(name, column, flaws) for name, column in zip(names, batch.columns, strict=True)]
                for at, cells in enumerate(zip(*columns, strict=True)):
                    number += 1
                    if at in flaws:
                        yield _flaw(flaws[at]).error(path, f"row {number}")
                    else:
                        yield Found(number, dict(zip(names, cells, strict=True)), None)
            if number != parquet.metadata.num_rows:
                raise ValueError(f"{number} rows were read of {parquet.metadata.num_rows}")
    except (pyarrow.ArrowException, OSError, OverflowError, ValueError) as error:  # pyarrow's, all seen on damage
        if isinstance(error, OSError) and error.errno is not None:
            raise
        raise Flaw(
            f"this is no readable Parquet: {(str(error).splitlines() or ['unknown'])[0]}",
            None,
            cause="the file was cut off or damaged, or only bears the ending .parquet",
            fix="fetch or write the file again",
        ).error(path, f"after row {number}" if number else "the whole file") from None


def _open(file: BinaryIO) -> Any:
    """Open a file so that a large one is read by pieces, and no other.

    Read by pieces, a damaged length makes pyarrow ask for gigabytes (seen in 26.0); read by whole row groups, it
    asks for no more than the file holds.
    """
    import pyarrow.parquet

    return pyarrow.parquet.ParquetFile(
        file,
        buffer_size=_BUFFER if file.seek(0, io.SEEK_END) > _LARGE else 0,
        pre_buffer=False,
        page_checksum_verification=True,
    )


def _check_names(path: Path, schema: pyarrow.Schema) -> None:
    names = schema.names
    twice = [shown(name) for name in names if names.count(name) > 1]
    twice += [shown(field.name) for field in schema if _has_twice(field.type)]
    if twice or not names:
        what = f"a column name stands twice: {twice[0]}" if twice else "there are no columns"
        raise Flaw(what, None, fix="give every column a name of its own").error(path, "the schema")


def _has_twice(kind: Any) -> bool:
    """Tell whether a nested column has two fields of one name."""
    inner = _fields(kind)
    names = [field.name for field in inner] if _is(kind, "struct") else []
    return len(set(names)) < len(names) or any(_has_twice(field.type) for field in inner)


def _values(name: str, column: pyarrow.Array, flaws: dict[int, str]) -> list[object]:
    """Turn a column into Python values, noting the rows in which that cannot be done."""
    if not _can_be_said(column.type):
        valid = column.is_valid().to_pylist()
        flaws |= {at: f"column {shown(name)} holds a {column.type}" for at, is_there in enumerate(valid) if is_there}
        return [None] * len(column)
    try:
        values: list[object] = column.to_pylist()
    except UnicodeDecodeError:
        values = [_text(name, cell, at, flaws) for at, cell in enumerate(column)]
    if _holds(column.type, "floating"):
        wrong = [at for at, value in enumerate(values) if not _is_finite(value)]
        flaws |= {at: f"column {shown(name)} holds a number that is not finite" for at in wrong}
    return values


def _text(name: str, cell: pyarrow.Scalar, at: int, flaws: dict[int, str]) -> object:
    try:
        return cell.as_py()
    except UnicodeDecodeError:
        flaws[at] = f"column {shown(name)} holds text that is not UTF-8"
        return None


def _flaw(what: str) -> Flaw:
    return Flaw(
        what,
        None,
        cause="files of rows hold what JSON can say: texts, finite numbers, true, false, null, lists and objects",
        fix="drop the column, or write its values as text",
    )


def _is_finite(value: object) -> bool:
    if isinstance(value, float):
        return math.isfinite(value)
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return all(map(_is_finite, inner))


def _can_be_said(kind: Any) -> bool:
    plain = ("null", "boolean", "integer", "floating", "string", "large_string", "string_view")
    if any(_is(kind, name) for name in plain):
        return True
    if _is(kind, "dictionary"):
        return _can_be_said(kind.value_type)
    return bool(_fields(kind)) and all(_can_be_said(field.type) for field in _fields(kind))


def _holds(kind: Any, name: str) -> bool:
    """Tell whether a type is, or has inside it, a kind of value."""
    if _is(kind, "dictionary"):
        return _holds(kind.value_type, name)
    return _is(kind, name) or any(_holds(field.type, name) for field in _fields(kind))


def _fields(kind: Any) -> list[Any]:
    if _is(kind, "struct"):
        return list(kind)
    if any(_is(kind, name) for name in ("list", "large_list", "fixed_size_list")):
        return [kind.value_field]
    return []


def _is(kind: Any, name: str) -> bool:
    import pyarrow

    return bool(getattr(pyarrow.types, f"is_{name}")(kind))
