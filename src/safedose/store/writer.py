"""One writer per study: an operating-system lock, and an epoch that fences off a writer who was replaced."""

from __future__ import annotations

import fcntl
import json
import os
import platform
import sqlite3
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, final

from safedose.errors import InputError, RunError, SafedoseError
from safedose.store.durable import explain, parse_json, set_aside
from safedose.store.ledger import DamagedLedgerError, Ledger

LEDGER = "ledger.sqlite"
LOCK = "writer.lock"
_BEAT_SECONDS = 1.0
_TRIES, _TRY_SECONDS = 5, 0.02


@dataclass(frozen=True, slots=True)
class Holder:
    """Who is writing to a study, or wrote last, and how far it is.

    Attributes:
        alive: Whether that process holds the lock now.
        host: Machine it runs on.
        pid: Its process number there.
        epoch: Which writer of the study it is, from 1.
        command: What it was asked to do.
        started: When, in seconds since 1970.
        stage: The stage it is in; empty between stages.
        done: Units of work done in the stage.
        total: Units of work the stage has.
        unit: What is counted, in the plural.
        what: What it is working on.
        eta: Seconds the stage will still take; None when nobody can tell.
    """

    alive: bool
    host: str = ""
    pid: int = 0
    epoch: int = 0
    command: str = ""
    started: float = 0.0
    stage: str = ""
    done: int = 0
    total: int = 0
    unit: str = ""
    what: str = ""
    eta: float | None = None


@final
class Writer:
    """The right to write to a study; made by `writing` only.

    Attributes:
        root: The study's folder.
        epoch: Which writer of the study this is, from 1.
        notes: What a person should hear at the end, such as damage that was mended.
    """

    def __init__(self, root: Path, lock: int, ledger: Ledger, holder: dict[str, Any]) -> None:
        self.root, self.epoch = root, int(holder["epoch"])
        self.notes: list[str] = []
        self._lock, self._ledger, self._holder = lock, ledger, holder
        self._next_beat = 0.0

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Let the block put something in place, unless this writer was replaced; nobody can replace it meanwhile.

        Raises:
            RunError: When another process has taken the study over; then nothing may be put in place.
        """
        with self._ledger.alone():
            self.require_place()
            yield

    def require_place(self) -> None:
        """Raise RunError when another process has taken the study over."""
        if self._ledger.epoch != self.epoch:
            raise RunError(
                f"another process took this study over (epoch {self._ledger.epoch}, this one is {self.epoch})",
                where=str(self.root), cause="this process was paused, or its lock was removed or is not honoured",
                fix="let the other one finish; `safedose status` says who it is",
            )  # fmt: skip

    @contextmanager
    def commit(self, event: str, path: Path, **detail: Any) -> Iterator[None]:
        """Let the block put something in place and record it; see `alone`."""
        with self.alone():
            yield
            self._ledger.append(event, path.relative_to(self.root).as_posix(), epoch=self.epoch, **detail)

    def record(self, event: str, path: Path, **detail: Any) -> None:
        """Record something that happened to an artefact."""
        with self.commit(event, path, **detail):
            pass

    def quarantine(self, path: Path) -> None:
        """Set a damaged artefact aside, record it, and remember to tell the person."""
        with self.commit("corrupt", path):
            aside = set_aside(path)
        if aside is not None:
            self.notes.append(f"{path.relative_to(self.root)} was damaged: set aside as {aside.name} and made again")

    def beat(self, *, now: bool = False, **progress: Any) -> None:
        """Say how far the work is, for `status`; written about once a second, and never worth an error."""
        self._holder |= progress
        if now or time.monotonic() >= self._next_beat:
            self._next_beat = time.monotonic() + _BEAT_SECONDS
            _tell(self._lock, self._holder)


@contextmanager
def writing(root: Path, command: str) -> Iterator[Writer]:
    """Become the one writer of a study until the block ends.

    Args:
        root: The study's folder; it must exist.
        command: What is being done, for `status` and for whoever comes second.

    Raises:
        InputError: When the folder cannot be written to.
        RunError: When another process is writing to the study.
    """
    lock = _take_lock(root)
    try:
        before = _read_lock(lock)
        holder = {
            "host": platform.node(), "pid": os.getpid(), "epoch": int(before.get("epoch", 0)), "command": command,
            "started": time.time(),
        }  # fmt: skip
        _tell(lock, holder)  # before anything else: whoever comes second reads it
        ledger, damaged = _open_ledger(root / LEDGER)
        with ledger.alone():  # where locks fail, two who begin at once must still get two epochs
            epoch = max(ledger.epoch, int(before.get("epoch", 0))) + 1
            holder["epoch"] = epoch
            ledger.append("opened", epoch=epoch, host=holder["host"], pid=holder["pid"], command=command)
        writer = Writer(root, lock, ledger, holder)
        writer.beat(now=True)
        if damaged:
            writer.notes.append(f"{LEDGER} was damaged: set aside as {damaged.name}; a new one was begun")
        try:
            yield writer
        except (SafedoseError, OSError):
            with suppress(sqlite3.Error):  # of files that another process took away, the reason is that it did
                writer.require_place()
            raise
        finally:
            writer.beat(now=True, stage="", what="")
            ledger.close()
    finally:
        os.close(lock)


def read_holder(root: Path) -> Holder:
    """Say who writes to a study now, or did so last; without a study that was ever written to, nobody."""
    path = root / LOCK
    try:
        lock = os.open(path, os.O_RDONLY)
    except OSError:
        return Holder(alive=False)
    try:
        known = _known(lock)
        try:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return Holder(alive=True, **(known or _awaited(lock)))
        except OSError:  # a disk that knows no locks: nobody can tell
            pass
        return Holder(alive=False, **known)
    finally:
        os.close(lock)


def _known(lock: int) -> dict[str, Any]:
    return {name: value for name, value in _read_lock(lock).items() if name in Holder.__slots__}


def _awaited(lock: int) -> dict[str, Any]:
    """Wait for a writer that has the lock and has not said yet who it is; empty when it does not in a second."""
    for _ in range(50):
        time.sleep(_TRY_SECONDS)
        if known := _known(lock):
            return known
    return {}


def require_free(root: Path) -> None:
    """Find out before any work, and without writing, whether another process is writing to the study.

    Raises:
        RunError: When one is, naming it.
    """
    holder = read_holder(root)
    if holder.alive:
        raise _held(root, holder)


def _held(root: Path, holder: Holder) -> RunError:
    if not holder.pid:
        return RunError(
            "another process is working on this study", where=str(root), cause="it has not said yet who it is",
            fix=f"wait for it (`safedose status {root}`)",
        )  # fmt: skip
    return RunError(
        f"process {holder.pid} on {holder.host} is working on this study", where=str(root),
        cause=f"`{holder.command}` began {_ago(holder.started)}",
        fix=f"wait for it (`safedose status {root}`), or stop it there with `kill {holder.pid}`",
    )  # fmt: skip


def _take_lock(root: Path) -> int:
    path = root / LOCK
    try:
        lock = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    except OSError as error:
        refused = explain(error, path)
        raise InputError(
            f"the study folder cannot be written to: {error.strerror}", where=str(root),
            cause="the folder or disk is read-only, full, or belongs to somebody else",
            fix="mend permissions or disk, or copy the study to a place you may write to",
        ) from refused  # fmt: skip
    try:
        _lock_alone(lock)
    except BlockingIOError:
        os.close(lock)
        raise _held(root, read_holder(root)) from None
    except OSError as error:  # some network disks know no locks; the epoch still fences
        print(f"this disk knows no locks ({error.strerror}): start one command at a time", file=sys.stderr)  # noqa: T201
    return lock


def _lock_alone(lock: int) -> None:
    """Lock the file, or raise BlockingIOError; somebody who only looks (`read_holder`) holds it for an instant."""
    for _ in range(_TRIES - 1):
        with suppress(BlockingIOError):
            return fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        time.sleep(_TRY_SECONDS)
    return fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)


def _tell(lock: int, holder: dict[str, Any]) -> None:
    text = json.dumps(holder).encode()
    with suppress(OSError):
        os.pwrite(lock, text, 0)
        os.ftruncate(lock, len(text))


def _read_lock(lock: int) -> dict[str, Any]:
    """Read what the writer says of itself; it is written in place, so a half-written word is asked for again."""
    told: dict[str, Any] = {}
    for _ in range(_TRIES):
        text = os.pread(lock, 1 << 16, 0)
        told = parse_json(text)
        if told or not text:
            break
        time.sleep(_TRY_SECONDS)
    return told


def _open_ledger(path: Path) -> tuple[Ledger, Path | None]:
    try:
        return Ledger(path), None
    except DamagedLedgerError:
        aside = set_aside(path)
        set_aside(path.with_name(path.name + "-journal"))
        return Ledger(path), aside


def _ago(moment: float) -> str:
    minutes = max(0, round((time.time() - moment) / 60))
    return f"{minutes} min ago" if minutes < 120 else f"{minutes // 60} h ago"
