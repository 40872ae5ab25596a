"""Parquet: what JSON can say comes back equal; anything else is an error that names row and column."""

from __future__ import annotations

import datetime
import decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet
import pytest

from made_rows import values
from safedose.data.readers import read_rows
from safedose.data.rows import BadRows
from safedose.errors import InputError

DAY = datetime.date(2024, 2, 29)
NOON = datetime.datetime(2024, 2, 29, 12, tzinfo=datetime.UTC)

ODD = {
    "date": pa.array([None, DAY]),
    "time": pa.array([None, datetime.time(12)]),
    "timestamp": pa.array([None, NOON]),
    "timestamp far away": pa.array([None, 2**62], pa.timestamp("us")),
    "duration": pa.array([None, datetime.timedelta(days=1)]),
    "bytes": pa.array([None, b"x"]),
    "bytes of one size": pa.array([None, b"xy"], pa.binary(2)),
    "large bytes": pa.array([None, b"x"], pa.large_binary()),
    "decimal": pa.array([None, decimal.Decimal("1.5")]),
    "map": pa.array([None, [("a", 1)]], pa.map_(pa.string(), pa.int64())),
    "list of dates": pa.array([None, [DAY]]),
    "object with bytes": pa.array([None, {"x": b"y"}]),
    "list of objects with times": pa.array([None, [{"x": NOON}]]),
    "NaN": pa.array([None, float("nan")]),
    "Infinity": pa.array([None, float("inf")]),
    "half float Infinity": pa.array([None, float("inf")], pa.float16()),
    "list of NaN": pa.array([None, [1.0, float("nan")]]),
    "object with NaN": pa.array([None, {"x": float("-inf")}]),
}
"""Columns of which the second value cannot be said in JSON."""

PLAIN: dict[str, tuple[pa.DataType, Any]] = {
    "text": (pa.string(), "é\0\u2028🙂"),
    "large text": (pa.large_string(), "x"),
    "text view": (pa.string_view(), "x"),
    "truth": (pa.bool_(), True),
    "int8": (pa.int8(), -128),
    "uint64": (pa.uint64(), 2**64 - 1),
    "float32": (pa.float32(), 0.5),
    "float16": (pa.float16(), 0.5),
    "float64": (pa.float64(), 5e-324),
    "list": (pa.list_(pa.string()), ["a", None]),
    "large list": (pa.large_list(pa.int64()), [1]),
    "list of one size": (pa.list_(pa.float64(), 2), [1.0, 2.0]),
    "object": (pa.struct({"a": pa.string(), "b": pa.list_(pa.float64())}), {"a": None, "b": [1.0]}),
    "messages": (pa.list_(pa.struct({"role": pa.string()})), [{"role": "user"}]),
}


def made(folder: Path, **columns: Any) -> Path:
    pa.parquet.write_table(pa.table(columns), folder / "a.parquet")
    return folder / "a.parquet"


def error_of(path: Path) -> InputError:
    with pytest.raises(InputError) as caught:
        values(path)
    return caught.value


@pytest.mark.parametrize(("kind", "value"), PLAIN.values(), ids=PLAIN)
def test_what_json_can_say_comes_back_equal(tmp_path: Path, kind: pa.DataType, value: Any) -> None:
    assert values(made(tmp_path, a=pa.array([value, None], kind))) == [{"a": value}, {"a": None}]


def test_repeated_texts_come_back_as_texts(tmp_path: Path) -> None:
    assert values(made(tmp_path, a=pa.array(["x", "y", "x"]).dictionary_encode())) == [{"a": v} for v in "xyx"]


@pytest.mark.parametrize("column", ODD.values(), ids=ODD)
def test_what_json_cannot_say_is_an_error_that_names_the_row(tmp_path: Path, column: pa.Array) -> None:
    assert error_of(made(tmp_path, a=column)).where == f"{tmp_path / 'a.parquet'}, row 2"


@pytest.mark.parametrize("column", ODD.values(), ids=ODD)
def test_what_json_cannot_say_is_an_error_that_names_the_column(tmp_path: Path, column: pa.Array) -> None:
    assert "column 'when?' holds a" in error_of(made(tmp_path, **{"x": pa.array([1, 2]), "when?": column})).what


@pytest.mark.parametrize("column", ODD.values(), ids=ODD)
def test_what_json_cannot_say_can_be_left_out(tmp_path: Path, column: pa.Array) -> None:
    bad = BadRows(skip=True)

    assert ([row.values for row in read_rows(made(tmp_path, a=column), bad=bad)], bad.num_rows) == ([{"a": None}], 1)


def test_text_that_is_not_utf8_is_an_error_that_names_row_and_column(tmp_path: Path) -> None:
    column = pa.array([b"x", b"\xff"]).view(pa.string())
    error = error_of(made(tmp_path, a=column))

    assert (error.what, error.where[-5:]) == ("column 'a' holds text that is not UTF-8", "row 2")


@pytest.mark.parametrize(
    ("table", "what"),
    [
        (pa.Table.from_arrays([[1], [2]], names=["a", "a"]), "a column name stands twice: 'a'"),
        (pa.table({"s": pa.array([{}], pa.struct([("x", pa.int8()), ("x", pa.int8())]))}), "stands twice: 's'"),
        (pa.table({"a": pa.array([], pa.string())}), "the file holds no rows"),
    ],
    ids=["columns", "fields", "no rows"],
)
def test_a_table_that_gives_no_rows_to_name_is_refused(tmp_path: Path, table: pa.Table, what: str) -> None:
    pa.parquet.write_table(table, tmp_path / "a.parquet")

    assert what in error_of(tmp_path / "a.parquet").what


def test_rows_are_numbered_through_all_row_groups(tmp_path: Path) -> None:
    pa.parquet.write_table(pa.table({"a": range(5000)}), tmp_path / "a.parquet", row_group_size=7)

    assert [row.number for row in read_rows(tmp_path / "a.parquet")] == list(range(1, 5001))


def test_a_damaged_page_with_a_checksum_is_found(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    plain: dict[str, Any] = {"compression": "none", "use_dictionary": False, "write_statistics": False}
    pa.parquet.write_table(pa.table({"a": ["abcdefgh"]}), path, write_page_checksum=True, **plain)
    path.write_bytes(path.read_bytes().replace(b"abcdefgh", b"abcdefgi"))

    assert "no readable Parquet" in error_of(path).what
