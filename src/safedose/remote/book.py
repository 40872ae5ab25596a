"""The book of requests: what was sent, what came back, what it cost; written before the money can be spent.

An SQLite file in the study's folder, a row per request sent. A row is on the disk before its request leaves, with the
most it can cost; when the reply is in, the row takes its real cost and the reply. So after any stop it is known what
was answered (and is never sent again), and what was on its way (and counts as spent in full).
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager, nullcontext, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal, NamedTuple, final

from safedose.errors import InputError, RunError
from safedose.store.durable import explain
from safedose.store.writer import Writer

NAME = "requests.sqlite"
"""The book of a study, in its folder."""

State = Literal["sent", "answered", "split", "failed", "faulty", "lost", "damaged"]
"""On its way; answered; answered for several keys at once, whose replies stand in rows of their own; failed for good;
brought nothing to keep, so it may be sent again; on its way when a process was killed; answered, but the bytes of the
reply are not what was written."""
Lack = Literal["failed", "unreadable", "withheld"]
"""There was no reply; a reply came, but by what cannot be read; a content filter stands before the model."""

_SCHEMA = """
CREATE TABLE IF NOT EXISTS requests (
    number INTEGER PRIMARY KEY, epoch INTEGER NOT NULL, time REAL NOT NULL, key TEXT NOT NULL, state TEXT NOT NULL,
    cost REAL NOT NULL, outcome TEXT NOT NULL, checksum TEXT NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS excesses (server TEXT PRIMARY KEY, cost REAL NOT NULL) STRICT;
CREATE INDEX IF NOT EXISTS finished ON requests (key) WHERE state IN ('answered', 'failed');
CREATE INDEX IF NOT EXISTS on_their_way ON requests (number) WHERE state = 'sent';
"""
_COLUMNS = {"number", "epoch", "time", "key", "state", "cost", "outcome", "checksum"}
_MAGIC = b"SQLite format 3\0"  # sqlite.org/fileformat.html, 1.3
_LOCK_SECONDS = 30.0
_ALONE_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a request.

    Attributes:
        reply: The server's reply, a JSON object; None when there is none.
        problem: Why there is none; else empty.
        lack: In what way, where there is none.
    """

    reply: dict[str, Any] | None
    problem: str = ""
    lack: Lack = "failed"


class Intent(NamedTuple):
    """A request about to be sent: its key, and the most it can cost."""

    key: str
    cost: float


class Change(NamedTuple):
    """What became of a row: its state; its cost and its outcome, or None where they stay as they are.

    `parts` are the outcomes of other keys, which came with it: each gets a row, which costs nothing.
    """

    number: int
    state: State
    cost: float | None = None
    outcome: Outcome | None = None
    parts: Sequence[tuple[str, Outcome]] = ()


@final
class Book:
    """The opened book of a study.

    Args:
        path: The SQLite file; made when it is not there.
        writer: The right to write to the study, held against each request; None: nobody else can write.
        alone: Whether to keep every other process out until it is closed: for a book outside a study.

    Raises:
        RunError: When it cannot be opened, is damaged, or another process keeps others out.
        InputError: When `alone`, and the file is something else than a book; it stays as it is.
    """

    def __init__(self, path: Path, *, writer: Writer | None = None, alone: bool = False) -> None:
        self._path, self._writer = path, writer
        if alone:
            _require_book(path)
        with self._explained():
            seconds = _ALONE_SECONDS if alone else _LOCK_SECONDS
            self._database = sqlite3.connect(path, timeout=seconds, isolation_level=None)
            if alone:
                self._keep_others_out()
            self._database.execute("PRAGMA synchronous = FULL")
            self._database.execute("PRAGMA journal_mode = PERSIST")  # as the ledger: works on network disks
            self._database.executescript(_SCHEMA)
            lost = self._database.execute("SELECT number FROM requests WHERE state = 'sent'").fetchall()
        self._seen, self._spent = -1, 0.0
        if lost:
            self.write((), [Change(number, "lost") for (number,) in lost])

    @property
    def spent(self) -> float:
        """What all requests cost so far; those on their way, and those lost in a kill, count at their most."""
        with self._explained():
            (version,) = self._database.execute("PRAGMA data_version").fetchone()
            if version != self._seen:  # another connection has written
                (self._spent,) = self._database.execute("SELECT total(cost) FROM requests").fetchone()
                self._seen = version
        return self._spent

    def count(self, state: State) -> int:
        """Count the requests in a state."""
        (number,) = self._database.execute("SELECT count(*) FROM requests WHERE state = ?", (state,)).fetchone()
        return int(number)

    def outcome(self, key: str) -> Outcome | None:
        """Give what became of a request for good; None when it was never sent, or brought nothing."""
        query = f"{_SELECT} WHERE key = ? AND state IN ('answered', 'failed') ORDER BY number LIMIT 1"
        with self._explained():
            row = self._database.execute(query, (key,)).fetchone()
        if row is None:
            return None
        if not _is_sound(row):
            self.write((), [Change(row[0], "damaged")])
            if self._writer:
                self._writer.notes.append(f"{NAME}: a reply was damaged and is asked for again")
            return self.outcome(key)
        return Outcome(**json.loads(row[4]))

    def write(self, intents: Sequence[Intent], changes: Sequence[Change] = ()) -> list[int]:
        """Write down what is about to be sent and what became of others; it is on the disk when this returns.

        Returns:
            The numbers of the rows of the intents.

        Raises:
            RunError: When another process has taken the study over; then nothing was written and nothing may be sent.
        """
        spent = self.spent + sum(intent.cost for intent in intents)
        with self._explained(), self._fence(), self._transaction():
            numbers = [self._add(intent.key, "sent", cost=intent.cost) for intent in intents]
            for change in changes:
                spent += self._change(change)
                for key, outcome in change.parts:
                    self._add(key, "answered", outcome=json.dumps(asdict(outcome)))
        self._spent = spent
        return numbers

    def excess(self, server: str) -> float:
        """Give the most by which a reply of a server ever cost more than was reckoned; 0 when none did."""
        with self._explained():
            row = self._database.execute("SELECT cost FROM excesses WHERE server = ?", (server,)).fetchone()
        return 0.0 if row is None else float(row[0])

    def note_excess(self, server: str, cost: float) -> None:
        """Write down by how much a reply of a server cost more than was reckoned; only the most is kept."""
        with self._explained(), self._fence(), self._transaction():
            self._database.execute(
                "INSERT INTO excesses VALUES (?, ?) ON CONFLICT DO UPDATE SET cost = max(cost, excluded.cost)",
                (server, cost),
            )

    def close(self) -> None:
        """Close the file."""
        self._database.close()

    def _keep_others_out(self) -> None:
        """Take the lock of the file for good: it goes with the process, however that ends."""
        self._database.execute("PRAGMA locking_mode = EXCLUSIVE")
        try:
            self._database.executescript("BEGIN EXCLUSIVE; COMMIT;")
        except sqlite3.OperationalError as error:
            if getattr(error, "sqlite_errorname", "") != "SQLITE_BUSY":
                raise
            raise RunError(
                "another process is asking by this book of requests", where=str(self._path),
                cause="the same command runs already; two would pay for the same requests",
                fix="wait for it, or give this one a book of its own",
            ) from None  # fmt: skip

    def _add(self, key: str, state: State, *, cost: float = 0.0, outcome: str = "") -> int:
        """Add a row; gives its number."""
        (last,) = self._database.execute("SELECT coalesce(max(number), 0) FROM requests").fetchone()
        row = (int(last) + 1, key, state, cost, outcome)
        epoch = self._writer.epoch if self._writer else 0
        self._database.execute(
            "INSERT INTO requests VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            (row[0], epoch, time.time(), *row[1:], _checksum(row)),
        )
        return row[0]

    def _change(self, change: Change) -> float:
        """Rewrite a row; gives by how much its cost has risen."""
        query = f"{_SELECT} WHERE number = ?"
        number, key, _, before, told, _ = self._database.execute(query, (change.number,)).fetchone()
        outcome = told if change.outcome is None else json.dumps(asdict(change.outcome))
        row = (number, key, change.state, before if change.cost is None else change.cost, outcome)
        self._database.execute(
            "UPDATE requests SET state = ?, cost = ?, outcome = ?, checksum = ? WHERE number = ?",
            (*row[2:], _checksum(row), number),
        )
        return float(row[3] - before)

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        self._database.execute("BEGIN IMMEDIATE")
        try:
            yield
            self._database.execute("COMMIT")
        except BaseException:
            with suppress(sqlite3.Error):
                self._database.execute("ROLLBACK")
            raise

    @contextmanager
    def _fence(self) -> Iterator[None]:
        with self._writer.alone() if self._writer else nullcontext():
            yield

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            raise explain(error, self._path) or damaged_book(self._path, str(error)) from error


_SELECT = "SELECT number, key, state, cost, outcome, checksum FROM requests"


def find_damage(path: Path) -> str:
    """Say what is wrong with a book, as the end of a sentence that begins with its name; empty when nothing is."""
    try:
        database = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, timeout=_LOCK_SECONDS)
        try:
            wrong = [row[0] for row in database.execute(_SELECT) if not _is_sound(row)]
        finally:
            database.close()
    except sqlite3.Error as error:
        # a kill fell into a commit, which the next writer will undo
        undone_later = getattr(error, "sqlite_errorname", "") == "SQLITE_READONLY_ROLLBACK"
        return "" if undone_later else f"cannot be read: {error}"
    return f"has {len(wrong)} rows that are not what was written, such as {wrong[0]}" if wrong else ""


def _require_book(path: Path) -> None:
    """Refuse a file that somebody named as a book and that is none, before anything could be written to it."""
    if path.is_dir() or not _may_be_book(path):
        raise InputError(
            f"{path.name} is {'a folder' if path.is_dir() else 'no book of requests'}", where=str(path),
            cause="it is something else, which is left as it is, or a book whose beginning was damaged",
            fix="name another file with --book; one that is not there is made",
        )  # fmt: skip


def _may_be_book(path: Path) -> bool:
    """Say whether a file is not there, empty, or a database with our table; what cannot be read now may be one."""
    if not path.is_file() or path.stat().st_size == 0:
        return True
    with path.open("rb") as file:
        if file.read(len(_MAGIC)) != _MAGIC:
            return False
    try:
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, timeout=0)) as database:
            named = [str(row[1]) for row in database.execute("PRAGMA table_info(requests)")]
            (number,) = database.execute("SELECT count(*) FROM sqlite_master").fetchone()
    except sqlite3.Error:  # somebody has it open, or a kill fell into a commit
        return True
    return number == 0 or set(named) == _COLUMNS


def _is_sound(row: Any) -> bool:
    return bool(_checksum(tuple(row[:5])) == row[5])


def _checksum(row: tuple[Any, ...]) -> str:
    return hashlib.sha256(repr(row).encode()).hexdigest()


def damaged_book(path: Path, problem: str) -> RunError:
    """Say in four parts that a book cannot be read."""
    return RunError(
        f"the book of requests is damaged: {problem}", where=str(path),
        cause="the disk damaged it, or somebody changed it by hand; what was spent cannot be read any more",
        fix="look up with the provider what was spent, lower budget.max_spend by it, move the file away, run again",
    )  # fmt: skip
