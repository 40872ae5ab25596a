"""The study's ledger: what happened to it, in order, one row after another; nothing is ever changed or removed.

An SQLite file. Each row holds the hash of the row before it, so a changed, lost or added row is found when the
ledger is opened. Manifests decide what is committed; the ledger says who wrote when, and which epoch it is: a
writer whose epoch is not the newest has been replaced and may not write (a fence for disks whose locks fail).
"""

from __future__ import annotations

import hashlib
import json
import shutil
import sqlite3
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, final

from safedose.errors import RunError, SafedoseError
from safedose.store.durable import explain

_SCHEMA = """
CREATE TABLE IF NOT EXISTS entries (
    seq INTEGER PRIMARY KEY, epoch INTEGER NOT NULL, time REAL NOT NULL,
    event TEXT NOT NULL, unit TEXT NOT NULL, detail TEXT NOT NULL, chain TEXT NOT NULL
) STRICT;
CREATE TRIGGER IF NOT EXISTS never_changed BEFORE UPDATE ON entries BEGIN SELECT RAISE(ABORT, 'append only'); END;
CREATE TRIGGER IF NOT EXISTS never_removed BEFORE DELETE ON entries BEGIN SELECT RAISE(ABORT, 'append only'); END;
"""
_START = "0" * 64
_REFUSED = (sqlite3.Error, UnicodeDecodeError)
"""What reading a ledger may raise; the second comes from a damaged schema, which SQLite quotes in its message."""

_LOCK_SECONDS = 30.0
"""How long to wait for another process that reads or writes the ledger at this moment."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing that happened to a study.

    Attributes:
        seq: Place in the ledger, from 1.
        epoch: Which writer it was, from 1; one more for each process that opened the study for writing.
        time: When, in seconds since 1970 by the clock of that machine; for people, never for order.
        event: `opened`, `sealed`, `committed`, `corrupt`, `failed`, `memory` ...
        unit: What it happened to: a path relative to the study, or empty.
        detail: Anything else, as JSON values.
    """

    seq: int
    epoch: int
    time: float
    event: str
    unit: str
    detail: dict[str, Any]


@final
class Ledger:
    """The opened ledger of a study.

    Args:
        path: `ledger.sqlite`; made when it is not there.

    Raises:
        RunError: When it cannot be opened, or is damaged (`DamagedLedgerError`).
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        with self._explained():
            self._database = sqlite3.connect(path, timeout=_LOCK_SECONDS, isolation_level=None)
            self._database.execute("PRAGMA synchronous = FULL")
            # a rollback journal needs no shared memory, so the ledger also works on a network disk
            self._database.execute("PRAGMA journal_mode = PERSIST")
            self._database.executescript(_SCHEMA)
            self.num_entries, self._chain = _check(self._database, path)

    @property
    def epoch(self) -> int:
        """The newest epoch; 0 before the first."""
        row = self._database.execute("SELECT epoch FROM entries ORDER BY seq DESC LIMIT 1").fetchone()
        return int(row[0]) if row else 0

    def entries(self, *, after: int = 0) -> Iterator[Entry]:
        """Walk the rows in order, those after a place only."""
        yield from map(_entry, self._database.execute(f"{_SELECT} WHERE seq > ? ORDER BY seq", (after,)))

    def append(self, event: str, unit: str = "", /, *, epoch: int, **detail: Any) -> None:
        """Add one row; inside `alone` it is on the disk when that block ends, else at once."""
        row = (self.num_entries + 1, epoch, time.time(), event, unit, json.dumps(detail, sort_keys=True))
        chain = _link(self._chain, row)
        with self._explained():
            self._database.execute("INSERT INTO entries VALUES (?, ?, ?, ?, ?, ?, ?)", (*row, chain))
        self.num_entries, self._chain = row[0], chain

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Keep every other process from writing to the ledger until the block ends; an error undoes its rows."""
        with self._explained():
            self._database.execute("BEGIN IMMEDIATE")
            self.num_entries, self._chain = _last(self._database)  # another process may have written
        before = self.num_entries, self._chain
        try:
            yield
            with self._explained():
                self._database.execute("COMMIT")
        except BaseException:
            self.num_entries, self._chain = before
            with suppress(sqlite3.Error):
                self._database.execute("ROLLBACK")
            raise

    def close(self) -> None:
        """Close the file."""
        self._database.close()

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except _REFUSED as error:
            raise _explain(error, self._path) from error


_SELECT = "SELECT seq, epoch, time, event, unit, detail, chain FROM entries"


@final
class DamagedLedgerError(RunError):
    """The ledger's bytes are not what was written."""

    def __init__(self, path: Path, problem: str) -> None:
        super().__init__(
            f"the ledger is damaged: {problem}", where=str(path),
            cause="the disk damaged it, or somebody changed it by hand",
            fix="run `safedose run` on the study file: it sets the ledger aside and keeps all finished work",
        )  # fmt: skip
        self.problem = problem


def read_ledger(path: Path) -> tuple[Entry, ...]:
    """Read a ledger without writing to it; empty when there is none.

    Raises:
        RunError: When it is damaged.
    """
    if not path.is_file():
        return ()
    try:
        try:
            return _read(f"{path.absolute().as_uri()}?mode=ro", path)
        except sqlite3.OperationalError as error:
            if getattr(error, "sqlite_errorname", "") != "SQLITE_READONLY_ROLLBACK":
                raise
        # a kill fell into a commit, which the next writer will undo: it is undone in a copy
        with tempfile.TemporaryDirectory() as folder:
            copy = Path(folder) / path.name
            shutil.copy(path, copy)
            shutil.copy(_journal(path), _journal(copy))
            return _read(copy.as_uri(), path)
    except _REFUSED as error:
        raise _explain(error, path) from error


def _journal(path: Path) -> Path:
    return path.with_name(path.name + "-journal")


def _read(uri: str, path: Path) -> tuple[Entry, ...]:
    database = sqlite3.connect(uri, uri=True, timeout=_LOCK_SECONDS)
    try:
        if not database.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]:
            return ()  # its first writer was killed before its first row
        _check(database, path)
        return tuple(map(_entry, database.execute(f"{_SELECT} ORDER BY seq")))
    finally:
        database.close()


def _explain(error: Exception, path: Path) -> SafedoseError:
    if (refused := explain(error, path)) is not None:
        return refused
    if "locked" in str(error):
        return RunError(
            "the ledger is in use", where=str(path), cause="another process holds it open for writing",
            fix="wait until it is done, or end it, then run the same command again",
        )  # fmt: skip
    return DamagedLedgerError(path, str(error))


def _check(database: sqlite3.Connection, path: Path) -> tuple[int, str]:
    """Follow the chain from the first row to the last; gives the number of rows and the last link."""
    number, chain = 0, _START
    for *row, link in database.execute(f"{_SELECT} ORDER BY seq"):
        number += 1
        chain = _link(chain, row)
        if row[0] != number or link != chain:
            raise DamagedLedgerError(path, f"row {number} is not what was written")
    return number, chain


def _last(database: sqlite3.Connection) -> tuple[int, str]:
    row = database.execute("SELECT seq, chain FROM entries ORDER BY seq DESC LIMIT 1").fetchone()
    return (int(row[0]), str(row[1])) if row else (0, _START)


def _link(chain: str, row: Any) -> str:
    return hashlib.sha256(f"{chain}{tuple(row)!r}".encode()).hexdigest()


def _entry(row: Any) -> Entry:
    seq, epoch, moment, event, unit, detail, _ = row
    return Entry(seq, epoch, moment, event, unit, json.loads(detail))
