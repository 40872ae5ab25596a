"""Reading files of rows: everything back as written, or an error that names the place."""

from __future__ import annotations

import csv
import gzip
import io
import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from made_rows import ROWS, SOME, TEXT, values, write
from safedose.data.readers import Row, read_rows
from safedose.errors import InputError


def file(tmp_path: Path, name: str, content: bytes) -> Path:
    path = tmp_path / name
    path.write_bytes(gzip.compress(content) if name.endswith(".gz") else content)
    return path


@settings(deadline=None)
@given(rows=ROWS, ascii_only=st.booleans())
def test_rows_written_as_jsonl_come_back_equal(
    rows: list[dict[str, object]], ascii_only: bool, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.mktemp("jsonl") / "rows.jsonl"
    lines = (json.dumps(row, ensure_ascii=ascii_only) + "\n" for row in rows)
    path.write_text("".join(lines), encoding="utf-8", newline="")

    assert values(path) == rows


@settings(deadline=None)
@given(rows=ROWS, indent=st.none() | st.integers(0, 2), inside=st.booleans())
def test_rows_written_as_json_come_back_equal(
    rows: list[dict[str, object]], indent: int | None, inside: bool, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.mktemp("json") / "rows.json"
    path.write_text(
        json.dumps({"version": {"list": [1]}, "data": rows, "note": "]"} if inside else rows, indent=indent)
    )

    assert values(path) == rows


@settings(deadline=None)
@given(rows=st.lists(st.tuples(TEXT, TEXT), min_size=1, max_size=5))
def test_cells_written_as_csv_come_back_equal(
    rows: list[tuple[str, str]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    rows = [(a.replace("\0", ""), b.replace("\0", "")) for a, b in rows]
    text = io.StringIO(newline="")
    csv.writer(text, quoting=csv.QUOTE_ALL).writerows([("a", "b"), *rows])
    path = tmp_path_factory.mktemp("csv") / "rows.csv"
    path.write_bytes(text.getvalue().encode())

    assert values(path) == [{"a": a, "b": b} for a, b in rows]


@settings(deadline=None)
@given(cells=st.lists(st.tuples(TEXT | st.none(), st.integers(-(2**63), 2**63 - 1)), min_size=1, max_size=5))
def test_columns_written_as_parquet_come_back_equal(
    cells: list[tuple[str | None, int]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    rows = [{"text": text, "number": number, "inner": {"list": [text, text]}} for text, number in cells]

    assert values(write(tmp_path_factory.mktemp("parquet") / "rows.parquet", rows)) == rows


@pytest.mark.parametrize("name", ["a.jsonl", "a.json", "a.csv", "a.jsonl.gz", "a.json.gz", "a.csv.gz", "a.parquet"])
def test_what_could_be_mistaken_for_the_end_of_a_row_is_kept(tmp_path: Path, name: str) -> None:
    assert values(write(tmp_path / name)) == SOME


@pytest.mark.parametrize("name", ["a.jsonl", "a.NDJSON", "a.jsonl.gz"])
def test_json_lines_are_numbered_by_line(tmp_path: Path, name: str) -> None:
    path = file(tmp_path, name, b'\xef\xbb\xbf{"a": 1}\r\n\n{"a": 2}')

    assert list(read_rows(path)) == [Row(1, {"a": 1}), Row(3, {"a": 2})]


@pytest.mark.parametrize("content", [b'[{"a": 1}]', b'{"data": [{"a": 1}], "version": 2}'])
@pytest.mark.parametrize("name", ["a.json", "a.json.gz"])
def test_json_is_a_list_or_an_object_with_one_list(tmp_path: Path, name: str, content: bytes) -> None:
    assert list(read_rows(file(tmp_path, name, content))) == [Row(1, {"a": 1})]


@pytest.mark.parametrize("name", ["a.csv", "a.csv.gz"])
def test_csv_cells_hold_commas_quotes_and_line_breaks(tmp_path: Path, name: str) -> None:
    path = file(tmp_path, name, b'\xef\xbb\xbfa,b\r\n1,"x, ""y""\r\nz"\r\n')

    assert list(read_rows(path)) == [Row(1, {"a": "1", "b": 'x, "y"\r\nz'})]


def test_parquet_comes_back_equal(tmp_path: Path) -> None:
    import pyarrow
    import pyarrow.parquet

    rows = [{"a": 1, "b": "x"}, {"a": None, "b": "y"}]
    pyarrow.parquet.write_table(pyarrow.Table.from_pylist(rows), tmp_path / "a.parquet")

    assert list(read_rows(tmp_path / "a.parquet")) == [Row(1, rows[0]), Row(2, rows[1])]


BAD = {
    "no rows": ("a.jsonl", b"", "holds no rows"),
    "only a byte order mark": ("a.jsonl", b"\xef\xbb\xbf", "holds no rows"),
    "only blank lines": ("a.json", b" \n", "holds no rows"),
    "only a header": ("a.csv", b"a,b\n", "holds no rows"),
    "an empty packed file": ("a.csv.gz", b"", "holds no rows"),
    "bad UTF-8": ("a.jsonl", b'{"a": 1}\n{"a": "\xff"}\n', r"0xff is not UTF-8\n.*row 2, byte offset 16"),
    "bad UTF-8 after a mark": ("a.jsonl", b"\xef\xbb\xbf\xff", "byte offset 3"),
    "bad UTF-8 in CSV": ("a.csv", b"a\nx\n\xe9\n", "line 3, byte offset 4"),
    "UTF-16": ("a.csv", "a,b\n".encode("utf-16"), "0xff is not UTF-8"),
    "NUL bytes": ("a.jsonl", b'{"a": 1}\n\0\0\n', r"NUL byte\n.*row 2, byte offset 9"),
    "NUL bytes in CSV": ("a.csv", b"a\n\0\n", "NUL byte"),
    "broken JSON": ("a.jsonl", b'{"a": 1}\n{"a": }\n', r"not JSON.*\n.*row 2"),
    "a row cut off": ("a.jsonl", b'{"a": 1}\n{"a": "x', r"the last row is cut off.*\n.*row 2"),
    "a row that is a list": ("a.jsonl", b"[1]\n", "the row is a list"),
    "a JSON item that is a text": ("a.json", b'[{"a": 1}, "b"]', r"the row is a text.*\n.*row 2"),
    "a key that stands twice": ("a.jsonl", b'{"a": 1, "a": 2}\n', "the key 'a' stands twice"),
    "an inner key that stands twice": ("a.jsonl", b'{"x": {"a": 1, "a": 2}}\n', "the key 'a' stands twice"),
    "NaN": ("a.jsonl", b'{"a": NaN}\n', "NaN is not a JSON number"),
    "Infinity": ("a.jsonl", b'{"a": -Infinity}\n', "-Infinity is not a JSON number"),
    "a number that overflows": ("a.jsonl", b'{"a": 1e999}\n', "1e999 is too large"),
    "an endless whole number": ("a.jsonl", b'{"a": ' + b"9" * 5000 + b"}\n", "not JSON as it should be"),
    "nesting without end": ("a.jsonl", b'{"a": ' + b"[" * 200_000 + b"\n", "row 1"),
    "half a surrogate pair": ("a.jsonl", b'{"a": "\\ud83d"}\n', "half of a surrogate pair"),
    "two lists": ("a.json", b'{"a": [{"x": 1}], "b": [2]}', r"2 values of the object are lists \('a', 'b'\)"),
    "no list": ("a.json", b'{"a": 1}', "0 values of the object are lists"),
    "a single number": ("a.json", b"3", "holds a number, not a list"),
    "a header with a name twice": ("a.csv", b"a,a\n1,2\n", "column name stands twice"),
    "a header with an empty name": ("a.csv", b"a,\n1,2\n", "column name stands twice or is empty"),
    "too many cells": ("a.csv", b"a,b\n1,2\n1,2,3\n", r"3 cells and the header 2\n.*row 2, line 3"),
    "too few cells": ("a.csv", b"a,b\n1\n", "1 cells and the header 2"),
    "an open quote": ("a.csv", b'a,b\n1,"2\n', "this is not CSV"),
    "no Parquet": ("a.parquet", b"PAR1 and nothing else", "no readable Parquet|cannot be read"),
}


@pytest.mark.parametrize(("name", "content", "message"), BAD.values(), ids=BAD)
def test_what_cannot_be_read_is_an_input_error(tmp_path: Path, name: str, content: bytes, message: str) -> None:
    with pytest.raises(InputError, match=message) as caught:
        values(file(tmp_path, name, content))

    assert name in caught.value.where


@pytest.mark.parametrize("name", ["a.txt", "a", "a.gz", "a.parquet.gz"])
def test_an_unknown_ending_names_the_known_ones(tmp_path: Path, name: str) -> None:
    with pytest.raises(InputError, match="cannot tell what kind of file") as caught:
        read_rows(file(tmp_path, name, b"{}"))

    assert ".parquet" in caught.value.fix


def test_a_missing_file_is_named_at_once(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"there is no file 'a\.jsonl'"):
        read_rows(tmp_path / "a.jsonl")


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").mkdir()

    with pytest.raises(InputError, match="not a file but a folder"):
        read_rows(tmp_path / "a.jsonl")


def test_a_packed_file_cut_off_names_the_last_good_row(tmp_path: Path) -> None:
    lines = b"".join(b'{"a": "%064d"}\n' % (n * 7919**9) for n in range(3000))
    path = tmp_path / "a.jsonl.gz"
    path.write_bytes(gzip.compress(lines)[:-2000])

    with pytest.raises(InputError, match=r"cannot be read to its end.*\n.*after row \d+"):
        values(path)


def test_a_file_that_is_not_packed_is_told_so(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl.gz"
    path.write_bytes(b'{"a": 1}\n')

    with pytest.raises(InputError, match="cannot be read to its end"):
        values(path)


def test_rows_before_a_broken_one_are_given(tmp_path: Path) -> None:
    rows = read_rows(file(tmp_path, "a.jsonl", b'{"a": 1}\nbroken\n'))

    assert next(rows) == Row(1, {"a": 1})
