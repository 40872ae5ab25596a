"""Where the files of the catalogue lie on this machine, and whether they are the right bytes; asks no network."""

from __future__ import annotations

import functools
import hashlib
import json
import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from safedose.data.readers import unreadable
from safedose.data.releases import File, Source
from safedose.errors import InputError, Unfetched
from safedose.store.durable import digest, read_json, write_text

RECORD = ".fetched.json"
"""Ending of the note beside a fetched file whose hash the catalogue does not know: which bytes came first."""

State = Literal["absent", "ok", "recorded", "unverified", "differs"]
"""Of a file: not here; the bytes of the catalogue; those fetched first; bytes that nobody can check; other bytes."""


@dataclass(frozen=True, slots=True)
class Found:
    """One file of a source on this machine.

    Attributes:
        path: Where it is, or where it would be.
        sha256: Of its bytes; None where it is absent.
        expected: What it should be, by the catalogue or by the note beside it; None where nobody knows.
        state: What that makes of it.
    """

    path: Path
    sha256: str | None
    expected: str | None
    state: State


@dataclass(frozen=True, slots=True)
class Pin:
    """Which bytes of a source a study used.

    Attributes:
        id: Of the source; of a data set of the Hub its name and, after a space, `files`.
        revision: As in the catalogue; of a data set of the Hub the commit.
        sha256: Of its file; of several files, the hash of the list of their hashes.
        verified: Whether the catalogue knows these bytes.
    """

    id: str
    revision: str | None
    sha256: str
    verified: bool


def cache_dir() -> Path:
    """Give the folder that fetched files go to: `safedose` in the user's cache."""
    given = os.environ.get("XDG_CACHE_HOME")
    return (Path(given) if given else Path.home() / ".cache") / "safedose"


def data_dirs(data_dir: Path | None = None) -> tuple[Path, ...]:
    """List the folders in which files are looked for, first found first.

    Args:
        data_dir: Looked at before all others; None: the environment's SAFEDOSE_DATA, if it is set.
    """
    given = data_dir or (Path(os.environ["SAFEDOSE_DATA"]) if os.environ.get("SAFEDOSE_DATA") else None)
    return (*([given] if given else []), cache_dir())


def locate(source: Source, *, data_dir: Path | None = None) -> tuple[Found, ...]:
    """Find and hash the files of a source, in its order; nothing is raised for what is absent or differs."""
    dirs = data_dirs(data_dir)
    return tuple(look_for(file, dirs) for file in source.files)


def require(source: Source, *, data_dir: Path | None = None) -> tuple[Found, ...]:
    """Find the files of a source, each with the bytes it should have.

    Raises:
        Unfetched: When one is absent.
        InputError: When one holds other bytes.
    """
    found = locate(source, data_dir=data_dir)
    if any(one.state == "absent" for one in found):
        raise Unfetched(
            f"the files of {source.id!r} are not on this machine", where=", ".join(map(str, data_dirs(data_dir))),
            cause="they were not fetched yet: a study downloads no data by itself",
            fix=f"`safedose data fetch {source.id}`; without a network, copy them into a folder and name it in "
            "SAFEDOSE_DATA",
            source=source.id,
        )  # fmt: skip
    for one in found:
        if one.state == "differs":
            raise differing(source, one)
    return found


def pin(source: Source, *, data_dir: Path | None = None) -> Pin:
    """Say which bytes of a source are here, for a study's record; raises as `require` does."""
    found = require(source, data_dir=data_dir)
    return Pin(source.id, source.revision, joined(found), all(one.state == "ok" for one in found))


def joined(found: Iterable[Found]) -> str:
    """Give one hash for the files of a source: that of its one file, or of the list of several."""
    hashes = [one.sha256 for one in found if one.sha256]
    return hashes[0] if len(hashes) == 1 else digest(hashes)


def differing(source: Source, found: Found) -> InputError:
    """Say that a file is not what it should be."""
    noted = recorded(found.path) == found.expected
    known = f"noted in {found.path.name}{RECORD} since it was fetched first" if noted else "in the catalogue"
    return InputError(
        f"a file of {source.id!r} holds other bytes than it should: sha256 {str(found.sha256)[:12]}..., "
        f"{str(found.expected)[:12]}... is {known}",
        where=str(found.path), cause="it was changed or damaged, or is another version",
        fix=f"move it away, then `safedose data fetch {source.id}`; to use other rows, name their file in the study",
    )  # fmt: skip


def record(file: File, fetched: Path, path: Path, sha256: str) -> None:
    """Note beside the place of a fetched file which bytes came, so that a later change is seen."""
    note = {"address": file.address, "sha256": sha256, "size": fetched.stat().st_size}
    write_text(path.with_name(path.name + RECORD), json.dumps(note, indent=1) + "\n")


def recorded(path: Path) -> str | None:
    """Read which bytes came when a file was fetched first; None where nothing is noted."""
    noted = read_json(path.with_name(path.name + RECORD)).get("sha256")
    return noted if isinstance(noted, str) else None


def look_for(file: File, dirs: tuple[Path, ...]) -> Found:
    """Find and hash one file, in the first folder that has it; where none has, it would lie in the first."""
    kinds = [file, file.repacked] if file.repacked else [file]
    for folder in dirs:
        for kind in kinds:
            if (folder / kind.path).is_file():
                return _look(kind, folder / kind.path)
    return Found(dirs[0] / file.path, None, file.sha256, "absent")


def _look(file: File, path: Path) -> Found:
    sha256, expected = hash_of(path), file.sha256 or recorded(path)
    state: State = "unverified" if expected is None else "differs"
    if sha256 == expected:
        state = "ok" if file.sha256 else "recorded"
    return Found(path, sha256, expected, state)


def hash_of(path: Path) -> str:
    """Hash a file; one that has not changed since is not read again in this process.

    Raises:
        InputError: When it cannot be read.
    """
    try:
        status = path.stat()
        return _hash(path, status.st_size, status.st_mtime_ns)
    except OSError as error:
        raise unreadable(path, error) from None


@functools.cache
def _hash(path: Path, _size: int, _changed: int) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
