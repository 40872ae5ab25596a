"""Damage of any kind ends in rows or in an input error, never in another exception, and loses no row silently."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from made_rows import SOME, write
from safedose.data.readers import read_rows
from safedose.data.rows import BadRows
from safedose.errors import InputError

NAMES = ["a.jsonl", "a.json", "a.csv", "a.jsonl.gz", "a.json.gz", "a.csv.gz", "a.parquet"]
ENDED = [name for name in NAMES if name != "a.csv"]  # formats whose end can be told from a cut


def read(path: Path, bad: BadRows | None = None) -> tuple[list[dict[str, object]], InputError | None]:
    """Give the rows up to an error, and the error if there is one."""
    rows: list[dict[str, object]] = []
    try:
        rows += (row.values for row in read_rows(path, bad=bad))
    except InputError as error:
        return rows, error
    return rows, None


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the same rows in every format."""
    folder = tmp_path_factory.mktemp("rows")
    for name in NAMES:
        write(folder / name)
    return folder


@pytest.mark.parametrize("name", ENDED)
def test_a_file_cut_at_any_byte_is_an_error_or_ends_with_a_row(name: str, folder: Path, tmp_path: Path) -> None:
    whole = (folder / name).read_bytes()
    for size in range(len(whole)):
        (tmp_path / name).write_bytes(whole[:size])
        rows, error = read(tmp_path / name)
        assert rows == SOME[: len(rows)], f"cut after {size} bytes"
        assert error or name == "a.jsonl", f"cut after {size} bytes"


def test_a_csv_cut_at_any_byte_loses_at_most_the_end_of_its_last_cell(folder: Path, tmp_path: Path) -> None:
    """CSV has no end mark, and published files lack the last line break: a cut there cannot be told from an end."""
    whole = (folder / "a.csv").read_bytes()
    for size in range(len(whole)):
        (tmp_path / "a.csv").write_bytes(whole[:size])
        rows, error = read(tmp_path / "a.csv")
        *before, last = rows or [{"response": ""}]
        assert before == SOME[: len(before)], f"cut after {size} bytes"
        assert error or SOME[len(before)]["response"].startswith(last["response"]), f"cut after {size} bytes"


@pytest.mark.parametrize("name", NAMES)
@settings(deadline=None)
@given(content=st.binary(max_size=200))
def test_random_bytes_are_rows_or_an_error(name: str, content: bytes, folder: Path) -> None:
    path = folder / f"random-{name}"
    path.write_bytes(content)

    rows, error = read(path)
    assert rows or error


DAMAGES = st.sampled_from(["flip", "delete", "insert", "repeat", "zero"])


def damaged(content: bytes, kind: str, at: int, size: int, noise: bytes) -> bytes:
    """Do one kind of damage to a few bytes."""
    at %= len(content)
    hit = content[at : at + size]
    put = {
        "flip": bytes(byte ^ 1 << size % 8 for byte in hit),
        "delete": b"",
        "insert": noise + hit,
        "repeat": hit + hit,
    }
    return content[:at] + put.get(kind, bytes(len(hit))) + content[at + size :]


@pytest.mark.parametrize("name", NAMES)
@settings(deadline=None)
@given(kind=DAMAGES, at=st.integers(0, 10**6), size=st.integers(1, 40), noise=st.binary(min_size=1), skip=st.booleans())
def test_a_damaged_file_is_rows_or_an_error(
    name: str, kind: str, at: int, size: int, noise: bytes, skip: bool, folder: Path
) -> None:
    path = folder / f"damaged-{name}"
    path.write_bytes(damaged((folder / name).read_bytes(), kind, at, size, noise))

    rows, error = read(path, BadRows(skip=skip))
    assert rows or error


@settings(deadline=None)
@given(kind=DAMAGES, at=st.integers(0, 10**6), size=st.integers(1, 40), noise=st.binary(min_size=1))
def test_every_line_is_a_row_or_counted(kind: str, at: int, size: int, noise: bytes, folder: Path) -> None:
    path, bad = folder / "counted.jsonl", BadRows(skip=True)
    path.write_bytes(damaged((folder / "a.jsonl").read_bytes(), kind, at, size, noise))

    rows, error = read(path, bad)
    lines = path.read_bytes().split(b"\n")
    assert error or len(rows) + bad.num_rows == sum(bool(line.strip(b" \t\r")) for line in lines)


@settings(deadline=None)
@given(kind=DAMAGES, at=st.integers(0, 10**6), size=st.integers(1, 40), noise=st.binary(min_size=1))
def test_undamaged_lines_are_kept(kind: str, at: int, size: int, noise: bytes, folder: Path) -> None:
    path, whole = folder / "kept.jsonl", (folder / "a.jsonl").read_bytes()
    path.write_bytes(damaged(whole, kind, at, size, noise))

    rows, error = read(path, BadRows(skip=True))
    kept = [row for line, row in zip(whole.split(b"\n"), SOME, strict=False) if line in path.read_bytes().split(b"\n")]
    assert error or all(row in rows for row in kept)
