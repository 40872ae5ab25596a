"""Files that survive a kill and say when they are damaged: the ground that the study folder stands on.

A file is written under a temporary name, flushed to the disk, renamed, and its folder flushed; a reader sees the
old content or the new, never a part. What the disk or the system refuses becomes an error in four parts.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import re
import shutil
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from pathlib import Path
from typing import Any

from safedose.errors import InputError, RunError, SafedoseError

Fence = AbstractContextManager[None]
"""Keeps others out while its block lasts."""

PARTIAL = ".partial"
"""Ending of what is being written; a reader never looks at it, the next writer sweeps it."""

CORRUPT = ".corrupt"
"""Ending of what was found damaged; nothing reads it again, a person may."""

_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_WRONG_PATH = (errno.ENOENT, errno.EEXIST, errno.ENOTDIR, errno.EISDIR, errno.ENAMETOOLONG, errno.ELOOP)
_SQLITE = (
    ("disk is full", errno.ENOSPC), ("readonly database", errno.EROFS), ("disk I/O error", errno.EIO),
    ("unable to open database", errno.EACCES),
)  # fmt: skip


def digest(value: Any) -> str:
    """Hash anything that JSON can say, in its canonical form; the same on every machine."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()


def write_text(path: Path, text: str, *, fence: Fence | None = None) -> None:
    """Write a text file so that a reader sees the old content or the new, never a part; see `replacing`."""
    with replacing(path, fence=fence) as temporary:
        temporary.write_text(text, encoding="utf-8")


def partial_of(path: Path) -> Path:
    """Give the temporary path under which a file or folder is written."""
    return path.with_name(path.name + PARTIAL)


@contextmanager
def replacing(path: Path, *, fence: Fence | None = None) -> Iterator[Path]:
    """Give a temporary path to write a file or folder to; put it in place when the block ends without an error.

    Args:
        path: Where it is put.
        fence: Held while it is put there; raises when this process may not. None lets every process.

    Raises:
        RunError: When nothing was written, or for what the system refuses, naming path and bytes.
    """
    with staging(path) as temporary:
        yield temporary
    with explaining(temporary), fence or nullcontext():
        place(temporary, path)


@contextmanager
def staging(path: Path) -> Iterator[Path]:
    """Give a temporary path beside a path; when the block ends, what was written there is on the disk, not in place."""
    temporary = partial_of(path)
    try:
        with explaining(temporary):
            path.parent.mkdir(parents=True, exist_ok=True)
            remove(temporary)
            yield temporary
            if not temporary.exists():
                raise RunError(
                    f"nothing was written for {path.name}", where=str(path),
                    cause="the stage ended without its artefact", fix="run the same command again",
                )  # fmt: skip
            for written in _tree(temporary):
                flush(written)
    except SafedoseError:
        with suppress(OSError):  # a full disk should have its space back; what stays, the next writer sweeps
            remove(temporary)
        raise


def place(temporary: Path, path: Path) -> None:
    """Rename what was staged to its name, over whatever was there."""
    if path.is_dir():
        remove(path)  # a folder cannot be renamed over another
    temporary.replace(path)
    flush(path.parent)


@contextmanager
def explaining(path: Path) -> Iterator[None]:
    """Turn what the system refuses while a path is written into an error in four parts.

    Libraries in other languages raise their own kinds of errors; they are known by the number in their text.
    """
    try:
        yield
    except SafedoseError:
        raise
    except Exception as error:
        refused = explain(error, path)
        if refused is None:
            raise
        raise refused from error


def explain(error: BaseException, path: Path | str) -> SafedoseError | None:
    """Say in four parts what the system refused; None when the error is none of its."""
    number = _number(error)
    if number is None:
        return None
    place = Path(path)
    told = os.strerror(number)
    if number in _FULL:
        return RunError(
            f"the disk is full: {_size(place):,} bytes of {place.name} were written, then there was no room",
            where=str(place), cause=f"{told}: {free_bytes(place):,} bytes are free there, or a quota or limit is met",
            fix=f"free more than {_size(place):,} bytes (`safedose plan` says what a study needs), then run the same "
            "command again; finished work is kept",
        )  # fmt: skip
    if number in (errno.EMFILE, errno.ENFILE):
        return RunError(
            f"too many open files at {place.name}", where=str(place), cause=f"{told}: the system's limit is low",
            fix="raise it with `ulimit -n 4096`, then run the same command again; finished work is kept",
        )  # fmt: skip
    if number in _WRONG_PATH:
        return InputError(
            f"{told}: {place}", where=str(place),
            cause="the path is a file where a folder is needed, or the reverse, or it is not there",
            fix="give another path",
        )  # fmt: skip
    return RunError(
        f"{place.name} may not be written or read: {told}", where=str(place),
        cause="the folder or disk is read-only, belongs to somebody else, or fails",
        fix="mend permissions or disk, then run the same command again; finished work is kept",
    )  # fmt: skip


def _number(error: BaseException) -> int | None:
    """Find the system's error number, in whatever language the error was raised."""
    if isinstance(error, OSError) and error.errno:
        return error.errno
    if isinstance(error, sqlite3.Error):
        return next((number for words, number in _SQLITE if words in str(error)), None)
    found = re.search(r"\b(?:os error|errno) (\d+)", str(error), re.IGNORECASE)
    return int(found[1]) if found else None


def free_bytes(path: Path) -> int:
    """Say how many bytes are free where a path lies or would lie; 0 when nobody can tell."""
    while not path.exists() and path != path.parent:
        path = path.parent
    try:
        return shutil.disk_usage(path).free
    except OSError:
        return 0


def _size(path: Path) -> int:
    try:
        return sum(file.stat().st_size for file in _tree(path) if file.is_file())
    except OSError:
        return 0


def _tree(path: Path) -> Sequence[Path]:
    """List a file, or a folder with all that is in it, deepest first."""
    if not path.is_dir():
        return [path] if path.exists() else []
    return [*sorted(path.rglob("*"), reverse=True), path]


def hash_files(path: Path, *, without: Sequence[str] = ()) -> dict[str, dict[str, Any]]:
    """Hash a file, or every file in a folder.

    Returns:
        Per file name, relative to the folder: its `sha256` and its `size` in bytes; empty when nothing is there.
    """
    files = [path] if path.is_file() else _files(path)
    found: dict[str, dict[str, Any]] = {}
    for file in files:
        name = file.name if file == path else file.relative_to(path).as_posix()
        if name not in without:
            with file.open("rb") as stream:
                sha256 = hashlib.file_digest(stream, "sha256").hexdigest()
                found[name] = {"sha256": sha256, "size": os.fstat(stream.fileno()).st_size}
    return found


def _files(folder: Path) -> list[Path]:
    """List all files in a folder, sorted; one that may not be listed is an error, not empty, which would be damage."""

    def refuse(error: OSError) -> None:
        if not isinstance(error, FileNotFoundError):
            raise error

    found = (Path(place, name) for place, _, names in os.walk(folder, onerror=refuse) for name in names)
    return sorted(file for file in found if file.is_file())


def flush(path: Path) -> None:
    """Wait until a file's content, or a folder's names, are on the disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def remove(path: Path) -> None:
    """Remove a file or folder if it is there."""
    try:
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)
    except OSError as error:  # what is inside a folder is named without its place
        raise OSError(error.errno, error.strerror, str(path)) from error


def set_aside(path: Path) -> Path | None:
    """Rename something damaged to `*.corrupt`, so that it is made again and a person can look; None if not there."""
    if not path.exists():
        return None
    number, aside = 1, path.with_name(path.name + CORRUPT)
    while aside.exists():
        number += 1
        aside = path.with_name(f"{path.name}{CORRUPT}-{number}")
    path.rename(aside)
    return aside


def read_json(path: Path) -> dict[str, Any]:
    """Read a file that holds one JSON object; what is not there or cannot be read is empty."""
    return parse_json(path.read_bytes()) if path.is_file() else {}


def parse_json(text: str | bytes) -> dict[str, Any]:
    """Read one JSON object; anything else counts as not there, so that it is made again."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}
