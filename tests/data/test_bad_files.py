"""What cannot be read is an error in four parts that names the file, the row and the byte, never a traceback."""

from __future__ import annotations

import gzip
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from bad_files import ENCODINGS, FILES, OTHER_CONTENTS, TEXTS
from made_rows import values, write
from safedose.data.readers import read_rows
from safedose.data.rows import MAX_ROW
from safedose.errors import InputError


def refused(path: Path, content: bytes) -> InputError:
    """Write a file and give the error that reading it ends in."""
    path.write_bytes(gzip.compress(content) if path.suffix == ".gz" else content)
    with pytest.raises(InputError) as caught:
        values(path)
    return caught.value


@pytest.mark.parametrize(("name", "content", "place", "what"), FILES.values(), ids=FILES)
def test_the_message_says_what_is_wrong(tmp_path: Path, name: str, content: bytes, place: str, what: str) -> None:
    assert what in refused(tmp_path / name, content).what


@pytest.mark.parametrize(("name", "content", "place", "what"), FILES.values(), ids=FILES)
def test_the_message_says_where(tmp_path: Path, name: str, content: bytes, place: str, what: str) -> None:
    where = refused(tmp_path / name, content).where

    assert where == f"{tmp_path / name}, {place.replace(' @', ', byte offset ')}"


@pytest.mark.parametrize(("name", "content", "place", "what"), FILES.values(), ids=FILES)
def test_the_message_stays_short(tmp_path: Path, name: str, content: bytes, place: str, what: str) -> None:
    assert len(refused(tmp_path / name, content).what) < 200


@pytest.mark.parametrize(("codec", "mark", "called"), ENCODINGS.values(), ids=ENCODINGS)
@pytest.mark.parametrize("name", TEXTS)
def test_another_encoding_is_named_as_the_likely_cause(
    tmp_path: Path, name: str, codec: str, mark: bytes, called: str
) -> None:
    assert f"the file is {called}" in refused(tmp_path / name, mark + TEXTS[name].encode(codec)).cause


@pytest.mark.parametrize(
    ("content", "cause"),
    [
        ("日本".encode("shift-jis"), "in another encoding"),
        (b'{"a": "\xed\xa0\xbd"}\n', "half of a surrogate pair"),
        (b'{"a": "\xe2\x82', "cut off in the middle of a character"),
        (b'{"a": 1}\n\xef\xbb\xbf{"a": 2}\n', "two files were joined"),
        (b'{"a": 1}\r{"a": 2}\r', "lines end in CR alone"),
        (b"{'a': 1}\n", "as Python prints it"),
        (b'[\n{"a": 1}]\n', "should end in .json"),
        (b'{"a": 1}\n{"a": "x', "stopped early"),
        (b'{"a": "\\ud83d"}\n', "cut in the middle of a character"),
    ],
)
def test_the_likely_cause_is_named(tmp_path: Path, content: bytes, cause: str) -> None:
    assert cause in refused(tmp_path / "a.jsonl", content).cause


@pytest.mark.parametrize("called", OTHER_CONTENTS)
@pytest.mark.parametrize("name", ["a.jsonl", "a.json", "a.csv"])
def test_a_file_of_another_kind_is_called_by_its_name(tmp_path: Path, name: str, called: str) -> None:
    assert called in refused(tmp_path / name, OTHER_CONTENTS[called] + b"x\n" * 20).what


@pytest.mark.parametrize(
    ("name", "before", "after", "place"),
    [
        ("a.jsonl", b'{"a": 1}\n{"a": "', b'"}\n', "row 2, byte offset 9"),
        ("a.json", b'[{"a": 1}, {"a": "', b'"}]', "row 2, byte offset 11"),
        ("a.csv", b"a,b\n1,2\n", b",3\n", "row 2, line 3, byte offset 8"),
        ("a.csv.gz", b"a,b\n1,2\n", b",3\n", "row 2, line 3, byte offset 8"),
    ],
)
def test_a_row_has_a_largest_size(tmp_path: Path, name: str, before: bytes, after: bytes, place: str) -> None:
    error = refused(tmp_path / name, before + b"x" * (MAX_ROW + 1) + after)

    assert (error.what, error.where) == ("a row is larger than 32 MiB", f"{tmp_path / name}, {place}")


def test_a_csv_row_of_endless_short_lines_has_a_largest_size_too(tmp_path: Path) -> None:
    error = refused(tmp_path / "a.csv", b"a,b\n" + b'"' + (b"x" * 1000 + b'\n","') * (MAX_ROW // 1000))

    assert error.what == "a row is larger than 32 MiB"


@pytest.mark.parametrize("name", ["a.txt", "a", "a.gz", "a.parquet.gz", "a.xlsx", ".jsonl", "a.jsonl.zip", "a.tsv"])
def test_an_unknown_ending_names_the_known_ones(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(b"{}")
    with pytest.raises(InputError, match="cannot tell what kind of file") as caught:
        read_rows(tmp_path / name)

    assert ".parquet" in caught.value.fix


def missing(folder: Path) -> Iterator[Path]:
    """Make paths that lead to no file."""
    (folder / "folder.jsonl").mkdir()
    (folder / "nowhere.jsonl").symlink_to(folder / "gone.jsonl")
    (folder / "loop.jsonl").symlink_to(folder / "loop.jsonl")
    (folder / "file.jsonl").write_bytes(b'{"a": 1}\n')
    os.mkfifo(folder / "pipe.jsonl")
    for name in ("gone", "folder", "nowhere", "loop", "pipe", "file.jsonl/inner", "x" * 300, "nul\0", "half\ud800"):
        yield folder / f"{name}.jsonl"
    yield Path("/dev/null")
    yield Path()


def test_a_path_that_leads_to_no_file_is_an_input_error_at_once(tmp_path: Path) -> None:
    for path in missing(tmp_path):
        with pytest.raises(InputError):
            read_rows(path)


@pytest.fixture
def locked(tmp_path: Path) -> Iterator[Path]:
    """A file that may not be read; the root user may read everything, so it becomes nobody for a while."""
    path = write(tmp_path / "a.jsonl")
    path.chmod(0)
    user = os.geteuid()
    if user == 0:
        os.seteuid(65534)
    yield path
    os.seteuid(user)


def test_a_file_without_permission_is_an_input_error(locked: Path) -> None:
    with pytest.raises(InputError, match=r"cannot be (read|reached): Permission denied"):
        values(locked)
