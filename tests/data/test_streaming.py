"""Large files are streamed: a row is given before the rest is read, and what is held does not grow with the file."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import pyarrow
import pyarrow.parquet
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from made_rows import ROWS
from safedose.data.csvrows import read_csv
from safedose.data.jsonlines import read_jsonlines
from safedose.data.jsonlist import read_json
from safedose.data.parquet import read_parquet
from safedose.data.readers import read_rows
from safedose.data.rows import Found
from safedose.data.sources import load_source
from safedose.errors import InputError

PATH = Path("rows")
SIZE = 16 * 2**20
ROW = b'{"prompt": "?", "response": "' + b"x" * 970 + b'"}'
FILES: dict[str, tuple[Callable[..., Iterator[Found | InputError]], bytes]] = {
    "jsonl": (read_jsonlines, (ROW + b"\n") * (SIZE // 1000)),
    "json": (read_json, b"[" + b",\n".join([ROW] * (SIZE // 1000)) + b"]"),
    "json in an object": (read_json, b'{"a": [' + b",".join([ROW] * (SIZE // 1000)) + b"]}"),
    "csv": (read_csv, b"prompt,response\n" + (b"?,x" + b"y" * 996 + b"\n") * (SIZE // 1000)),
}


class Counted(io.BytesIO):
    """A file in memory that knows how much of it was read, which is never all that is left."""

    num_read = 0

    def read(self, size: int | None = -1) -> bytes:
        assert size is not None
        assert size >= 0, "the file is asked for as a whole"
        data = super().read(size)
        self.num_read += len(data)
        return data


class Dripping(io.BytesIO):
    """A file that never gives more than a few bytes at a time."""

    step = 1

    def read(self, size: int | None = -1) -> bytes:
        return super().read(min(self.step, size or 0))


@pytest.mark.parametrize("name", FILES)
def test_the_first_row_comes_after_a_small_part_of_the_file(name: str) -> None:
    reader, content = FILES[name]
    file = Counted(content)

    assert isinstance(next(reader(PATH, file, 0)), Found)
    assert file.tell() <= SIZE // 8


@pytest.mark.parametrize("name", FILES)
def test_a_reader_is_never_far_ahead_of_its_rows(name: str) -> None:
    reader, content = FILES[name]
    file = Counted(content)
    ahead = [file.tell() - row.offset for row in reader(PATH, file, 0)]

    assert len(ahead) == SIZE // 1000
    assert max(ahead) <= SIZE // 8


def test_a_large_parquet_file_is_read_by_pieces() -> None:
    file, words = Counted(), [f"{k:01000}" for k in range(70_000)]
    pyarrow.parquet.write_table(pyarrow.table({"a": words}), file, compression="none", use_dictionary=False)
    rows = read_parquet(PATH, file)

    assert [row.values["a"] for row in islice(rows, 3) if isinstance(row, Found)] == words[:3]
    assert file.num_read <= SIZE // 4


@pytest.mark.parametrize("start", [b'{"a": 1}\n', b"a,b\n1,2\n", b'[{"a": 1},'])
def test_a_file_that_goes_on_for_ever_gives_its_first_row(start: bytes, tmp_path: Path) -> None:
    """Ten gigabytes of nothing behind it: whoever reads them first will not get far."""
    path = tmp_path / {b"{": "a.jsonl", b"a": "a.csv", b"[": "a.json"}[start[:1]]
    path.write_bytes(start)
    with path.open("r+b") as file:
        file.truncate(10 * 10**9)
    rows = read_rows(path)

    assert next(rows).number == 1
    with pytest.raises(InputError):
        next(rows)


@settings(deadline=None)  # each byte is looked at many times
@given(rows=ROWS, step=st.integers(1, 9), broken=st.sampled_from([b"", b"x", b"\xff", b'{"a": NaN}', b'"\\ud800"']))
def test_where_the_pieces_of_a_json_file_end_makes_no_difference(rows: list[Any], step: int, broken: bytes) -> None:
    content = json.dumps(rows, ensure_ascii=False).encode()[:-1] + (b", " + broken if broken else b"") + b"]"
    file = Dripping(content)
    file.step = step

    assert outcome(read_json(PATH, file, 0)) == outcome(read_json(PATH, io.BytesIO(content), 0))


def outcome(rows: Iterator[Found | InputError]) -> list[str]:
    """Give what a reader gave, errors as their messages."""
    found: list[str] = []
    try:
        found += map(str, rows)
    except InputError as error:
        found.append(f"{error}")
    return found


def test_an_object_of_endless_keys_is_refused_early() -> None:
    file = Counted(b'{"k0": {}' + b"".join(b', "k%d": {}' % k for k in range(1, SIZE // 14)))

    with pytest.raises(InputError, match="0 values of the object are lists"):
        next(read_json(PATH, file, 0))
    assert file.num_read <= SIZE // 8


def test_examples_come_while_the_file_is_read(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_bytes(ROW + b"\n" + b"broken\n")
    examples = iter(load_source("a.jsonl", root=tmp_path))

    assert next(examples).row == 0
    with pytest.raises(InputError):
        next(examples)
