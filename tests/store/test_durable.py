"""The ground: old or new and never a part, and what the system refuses becomes four parts."""

from __future__ import annotations

import errno
import sqlite3
from contextlib import suppress
from pathlib import Path

import pytest

from safedose.errors import InputError, RunError
from safedose.store.durable import explain, explaining, hash_files, replacing, set_aside


def test_block_that_fails_leaves_the_old_file(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("old")
    with suppress(ZeroDivisionError), replacing(tmp_path / "file") as path:
        path.write_text("half")
        raise ZeroDivisionError

    assert (tmp_path / "file").read_text() == "old"


def test_folder_replaces_a_folder(tmp_path: Path) -> None:
    for content in ("old", "new"):
        with replacing(tmp_path / "folder") as path:
            path.mkdir()
            (path / content).write_text(content)

    assert [file.name for file in (tmp_path / "folder").iterdir()] == ["new"]


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (OSError(errno.ENOSPC, "x"), "the disk is full: 4 bytes of file.partial were written"),
        (OSError(errno.EDQUOT, "x"), "the disk is full"),
        (OSError(errno.EFBIG, "x"), "the disk is full"),
        (OSError(errno.EMFILE, "x"), "too many open files"),
        (OSError(errno.EROFS, "x"), "may not be written or read"),
        (PermissionError(errno.EACCES, "x"), "may not be written or read"),
        (OSError(errno.EIO, "x"), "may not be written or read"),
        (ValueError("I/O error: No space left on device (os error 28)"), "the disk is full"),
        (RuntimeError("[Errno 28] Error writing bytes to file"), "the disk is full"),
        (sqlite3.OperationalError("database or disk is full"), "the disk is full"),
    ],
)
def test_what_the_system_refuses_is_said_in_four_parts(error: Exception, words: str, tmp_path: Path) -> None:
    with pytest.raises(RunError, match=words) as caught:
        write_half(tmp_path / "file", error)

    assert str(tmp_path / "file.partial") in caught.value.where


def write_half(file: Path, error: Exception) -> None:
    with replacing(file) as path:
        path.write_text("half")
        raise error


def test_full_disk_has_its_space_back(tmp_path: Path) -> None:
    with suppress(RunError):
        write_half(tmp_path / "file", OSError(errno.ENOSPC, "x"))

    assert not list(tmp_path.iterdir())


def test_other_errors_pass(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), explaining(tmp_path / "file"):
        raise ZeroDivisionError


def test_path_that_cannot_work_is_wrong_input(tmp_path: Path) -> None:
    assert isinstance(explain(NotADirectoryError(errno.ENOTDIR, "x"), tmp_path), InputError)


def test_file_where_a_folder_is_needed_is_wrong_input(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")

    with pytest.raises(InputError), replacing(tmp_path / "file" / "inner") as path:
        path.write_text("never")


def test_hashes_name_files_sizes_and_bytes(tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "file").write_bytes(b"weights")

    assert hash_files(tmp_path) == {
        "deep/file": {"sha256": "9a129038d9a00aed0cf6a7ea059ca50a813449061ab87848cf1a13eafdf33b2c", "size": 7}
    }


def test_nothing_is_set_aside_where_nothing_is(tmp_path: Path) -> None:
    assert set_aside(tmp_path / "file") is None
