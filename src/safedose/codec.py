"""Records as files and back: Parquet for many, JSON for few. The only place that knows both sides."""

from __future__ import annotations

import dataclasses
import functools
import json
import types
import typing
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, TypeVar

Record = TypeVar("Record")

_hints = functools.cache(typing.get_type_hints)
"""Types of a record's fields; asked for once per kind, not once per record: it is most of the time of reading."""


def write_records(path: Path, records: Iterable[Any], kind: type) -> None:
    """Write records as Parquet; nested ones become columns such as `prompt.text`, tuples of them lists."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    rows = [_flatten(record) for record in records]
    schema = pa.schema([(name, _arrow_type(hint)) for name, hint in _columns(kind)])
    pq.write_table(pa.Table.from_pylist(rows, schema=schema), path, compression="zstd")


def read_records(path: Path, kind: Callable[..., Record]) -> list[Record]:
    """Read back what `write_records` wrote, in the same order."""
    import pyarrow.parquet as pq

    table = pq.ParquetFile(path).read()
    return _assemble({name: table.column(name).to_pylist() for name in table.column_names}, kind)


def read_column(path: Path, name: str) -> list[Any]:
    """Read one column of what `write_records` wrote, in the same order."""
    import pyarrow.parquet as pq

    values: list[Any] = pq.ParquetFile(path).read(columns=[name]).column(name).to_pylist()
    return values


def write_json(path: Path, record: Any) -> None:
    """Write one record as an indented JSON file."""
    path.write_text(json.dumps(to_json(record), indent=1, allow_nan=False) + "\n", encoding="utf-8")


def to_json(record: Any) -> Any:
    """Turn a record into plain JSON values."""
    return dataclasses.asdict(record)


def from_json(value: Any, kind: Callable[..., Record]) -> Record:
    """Build a record from plain JSON values, nested records and tuples included."""
    hints = _hints(kind)
    return kind(**{name: _revive(value[name], hint) for name, hint in hints.items() if name in value})


def _revive(value: Any, hint: Any) -> Any:
    if typing.get_origin(hint) in (typing.Union, types.UnionType) and value is not None:
        hint = next(one for one in typing.get_args(hint) if one is not types.NoneType)
    arguments = typing.get_args(hint)
    if dataclasses.is_dataclass(hint) and isinstance(value, dict):
        return from_json(value, typing.cast(Any, hint))
    if typing.get_origin(hint) is tuple:
        if len(arguments) == 2 and arguments[1] is Ellipsis:
            return tuple(_revive(item, arguments[0]) for item in value)
        return tuple(_revive(item, part) for item, part in zip(value, arguments, strict=True))
    return value


def _columns(kind: Any, prefix: str = "") -> list[tuple[str, Any]]:
    columns: list[tuple[str, Any]] = []
    for name, hint in _hints(kind).items():
        if dataclasses.is_dataclass(hint):
            columns += _columns(hint, f"{prefix}{name}.")
        else:
            columns.append((prefix + name, hint))
    return columns


def _arrow_type(hint: Any) -> Any:
    import pyarrow as pa

    arguments = [a for a in typing.get_args(hint) if a is not types.NoneType]
    if typing.get_origin(hint) in (typing.Union, types.UnionType):
        hint = arguments[0]
    if typing.get_origin(hint) is tuple:
        return pa.list_(pa.struct([(name, _arrow_type(inner)) for name, inner in _columns(arguments[0])]))
    return {int: pa.int64(), float: pa.float64()}.get(hint, pa.string())


def _flatten(record: Any, prefix: str = "") -> dict[str, Any]:
    row: dict[str, Any] = {}
    for field in dataclasses.fields(record):
        value = getattr(record, field.name)
        if dataclasses.is_dataclass(value):
            row |= _flatten(value, f"{prefix}{field.name}.")
        else:
            row[prefix + field.name] = [_flatten(one) for one in value] if isinstance(value, tuple) else value
    return row


def _assemble(columns: dict[str, list[Any]], kind: Callable[..., Record], prefix: str = "") -> list[Record]:
    """Build records column by column: asking each value of each row what it is takes ten times as long."""
    hints = _hints(kind)
    parts = [
        _assemble(columns, typing.cast(Any, hint), f"{prefix}{name}.")
        if dataclasses.is_dataclass(hint)
        else [_revive(value, hint) for value in columns[prefix + name]]
        if typing.get_origin(hint) is tuple
        else columns[prefix + name]
        for name, hint in hints.items()
    ]
    return [kind(**dict(zip(hints, values, strict=True))) for values in zip(*parts, strict=True)]
