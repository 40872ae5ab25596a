"""Bad rows can be left out, but never silently: they are counted, and the first few say what was wrong."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from made_rows import write
from safedose.data.readers import read_rows
from safedose.data.rows import BadRows
from safedose.errors import InputError

BAD_ROWS = {
    "broken JSON": ("a.jsonl", b'{"a": 1}\n{"a": }\n{"a": 3}\n'),
    "bad UTF-8": ("a.jsonl", b'{"a": 1}\n{"a": "\xff"}\n{"a": 3}\n'),
    "NUL": ("a.jsonl", b'{"a": 1}\n\0\n{"a": 3}\n'),
    "a key twice": ("a.jsonl", b'{"a": 1}\n{"a": 2, "a": 2}\n{"a": 3}\n'),
    "NaN": ("a.jsonl", b'{"a": 1}\n{"a": NaN}\n{"a": 3}\n'),
    "half a pair": ("a.jsonl", b'{"a": 1}\n{"a": "\\ud800"}\n{"a": 3}\n'),
    "nesting": ("a.jsonl", b'{"a": 1}\n' + b"[" * 100_000 + b'\n{"a": 3}\n'),
    "no object": ("a.jsonl", b'{"a": 1}\n[2]\n{"a": 3}\n'),
    "too large": ("a.jsonl", b'{"a": 1}\n"' + b"x" * (34 * 2**20) + b'"\n{"a": 3}\n'),
    "a key twice in JSON": ("a.json", b'[{"a": 1}, {"a": 2, "a": 2}, {"a": 3}]'),
    "NaN in JSON": ("a.json", b'[{"a": 1}, {"a": NaN}, {"a": 3}]'),
    "5,000 digits in JSON": ("a.json", b'[{"a": 1}, {"a": ' + b"7" * 5000 + b'}, {"a": 3}]'),
    "half a pair in JSON": ("a.json", b'[{"a": 1}, {"a": "\\ud800"}, {"a": 3}]'),
    "nesting in JSON": ("a.json", b'[{"a": 1}, ' + b"[" * 150 + b"]" * 150 + b', {"a": 3}]'),
    "no object in JSON": ("a.json", b'[{"a": 1}, 2, {"a": 3}]'),
    "a cell too many": ("a.csv", b"a\n1\n2,2\n3\n"),
    "bad UTF-8 in CSV": ("a.csv", b"a\n1\n\xff\n3\n"),
    "NUL in CSV": ("a.csv", b'a\n1\n"\n\0"\n3\n'),
}
"""Three rows each, the second of which is bad."""

BROKEN_FILES = {
    "another encoding": ("a.jsonl", '{"a": 1}\n'.encode("utf-16")),
    "broken JSON": ("a.json", b'[{"a": 1}, {"a": }]'),
    "cut JSON": ("a.json", b'[{"a": 1}, {"a": 2}'),
    "bad UTF-8 in JSON": ("a.json", b'[{"a": 1}, {"a": "\xff"}]'),
    "two lists": ("a.json", b'{"a": [{"a": 1}], "b": [{"a": 1}]}'),
    "an open quote": ("a.csv", b'a\n1\n"2\n'),
    "a column twice": ("a.csv", b"a,a\n1,2\n"),
    "packed and cut": ("a.jsonl.gz", b"\x1f\x8b\x08\0\0\0"),
    "no Parquet": ("a.parquet", b"PAR1"),
    "nothing": ("a.jsonl", b""),
}


def made(folder: Path, name: str, content: bytes) -> Path:
    path = folder / name
    path.write_bytes(content)
    return path


@pytest.mark.parametrize(("name", "content"), BAD_ROWS.values(), ids=BAD_ROWS)
def test_the_rows_around_a_bad_one_are_read_and_it_is_counted(tmp_path: Path, name: str, content: bytes) -> None:
    bad = BadRows(skip=True)
    rows = list(read_rows(made(tmp_path, name, content), bad=bad))

    assert ([int(str(row.values["a"])) for row in rows], bad.num_rows) == ([1, 3], 1)


@pytest.mark.parametrize(("name", "content"), BAD_ROWS.values(), ids=BAD_ROWS)
def test_rows_keep_their_numbers_when_one_is_left_out(tmp_path: Path, name: str, content: bytes) -> None:
    rows = read_rows(made(tmp_path, name, content), bad=BadRows(skip=True))

    assert [row.number for row in rows] == [1, 3]


@pytest.mark.parametrize(("name", "content"), BAD_ROWS.values(), ids=BAD_ROWS)
def test_the_reason_names_the_row_and_no_path(tmp_path: Path, name: str, content: bytes) -> None:
    bad = BadRows(skip=True)
    list(read_rows(made(tmp_path, name, content), bad=bad))

    assert bad.reasons[0].startswith("row 2")


@pytest.mark.parametrize(("name", "content"), BAD_ROWS.values(), ids=BAD_ROWS)
def test_the_error_tells_how_to_leave_bad_rows_out(tmp_path: Path, name: str, content: bytes) -> None:
    with pytest.raises(InputError) as caught:
        list(read_rows(made(tmp_path, name, content), bad=BadRows(skip=False, how="that setting")))

    assert caught.value.fix.endswith("; or leave bad rows out, counted, with that setting")


@pytest.mark.parametrize(("name", "content"), BROKEN_FILES.values(), ids=BROKEN_FILES)
def test_a_broken_file_is_an_error_all_the_same(tmp_path: Path, name: str, content: bytes) -> None:
    with pytest.raises(InputError):
        list(read_rows(made(tmp_path, name, content), bad=BadRows(skip=True)))


@pytest.mark.parametrize(("name", "content"), BROKEN_FILES.values(), ids=BROKEN_FILES)
def test_nobody_is_told_to_skip_what_cannot_be_skipped(tmp_path: Path, name: str, content: bytes) -> None:
    with pytest.raises(InputError) as caught:
        list(read_rows(made(tmp_path, name, content), bad=BadRows(skip=False)))

    assert "leave bad rows out" not in caught.value.fix


def test_a_caller_that_never_skips_does_not_speak_of_it(tmp_path: Path) -> None:
    with pytest.raises(InputError) as caught:
        list(read_rows(made(tmp_path, "a.jsonl", b"x\n")))

    assert "leave bad rows out" not in caught.value.fix


def test_all_rows_bad_is_an_error_that_names_the_first(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="all 2 rows are bad; the first: row 1, byte offset 0: this"):
        list(read_rows(made(tmp_path, "a.jsonl", b"x\ny\n"), bad=BadRows(skip=True)))


def test_only_the_first_few_reasons_are_kept(tmp_path: Path) -> None:
    bad = BadRows(skip=True)
    list(read_rows(made(tmp_path, "a.jsonl", b"x\n" * 9 + b"{}\n"), bad=bad))

    assert (bad.num_rows, [reason.split(", ")[0] for reason in bad.reasons]) == (9, ["row 1", "row 2", "row 3"])


def test_the_cut_end_of_a_file_counts_as_one_bad_row(tmp_path: Path) -> None:
    bad = BadRows(skip=True)
    rows = list(read_rows(made(tmp_path, "a.jsonl", b'{"a": 1}\n{"a": 2'), bad=bad))

    assert (len(rows), bad.num_rows) == (1, 1)


def test_bad_values_of_parquet_are_left_out_too(tmp_path: Path) -> None:
    bad, path = BadRows(skip=True), write(tmp_path / "a.parquet", [{"a": 1.0}, {"a": float("nan")}, {"a": 3.0}])

    assert ([row.number for row in read_rows(path, bad=bad)], bad.num_rows) == ([1, 3], 1)


def test_many_bad_rows_in_one_large_list_are_passed_one_by_one(tmp_path: Path) -> None:
    """Each is told apart from a row that the window cuts, without reading on to the limit."""
    rows = [{"a": "x" * 1000, "b": float("nan") if k % 2 else 0} for k in range(5000)]
    bad = BadRows(skip=True)

    found = list(read_rows(made(tmp_path, "a.json", json.dumps(rows).encode()), bad=bad))
    assert (len(found), bad.num_rows) == (2500, 2500)


@pytest.mark.parametrize("row", [{"prompt": "?"}, {"prompt": "?", "response": None}, {"prompt": 1, "response": ""}])
def test_a_row_without_a_text_that_is_needed_is_bad(tmp_path: Path, row: dict[str, object]) -> None:
    bad, good = BadRows(skip=True), {"prompt": "?", "response": ""}
    path = made(tmp_path, "a.json", json.dumps([good, row]).encode())

    rows = list(read_rows(path, texts=("prompt", "response"), bad=bad))
    assert ([row.values for row in rows], bad.num_rows) == ([good], 1)


def test_a_needed_text_that_is_missing_is_named_with_what_is_there(tmp_path: Path) -> None:
    with pytest.raises(InputError) as caught:
        list(read_rows(made(tmp_path, "a.jsonl", b'{"prompt": "?", "answer": 1}\n'), texts=("prompt", "response")))

    assert caught.value.what == "no text under 'response'; the row has: 'prompt' (a text), 'answer' (a number)"
