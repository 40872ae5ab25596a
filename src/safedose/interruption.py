"""Stopping: the first Ctrl-C or SIGTERM ends the step in hand and then the command, the second ends it at once.

Every instant is a consistent one, because what is committed is committed and the rest is not there. So the
only question is how much work in hand is kept: the first signal waits for the next point at which a stage
reports progress, for at most four seconds.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NoReturn, final

LINE = "interrupted: run the same command again to go on; finished work is kept"
GRACE_SECONDS = 4.0
"""How long a step may take to end by itself; schedulers kill some seconds after they ask."""

EXIT_CODE = 130


@final
class _State:
    """What the signals have asked of this process: there is one, as there is one set of signal handlers."""

    requested = False
    num_stages = 0
    line = LINE
    unwanted: Path | None = None


def install() -> None:
    """Answer Ctrl-C, SIGTERM and a lost terminal from now on."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _answer)


@contextmanager
def stage() -> Iterator[None]:
    """Mark work that calls `point` again and again, so that a first signal may wait for it."""
    _State.num_stages += 1
    try:
        yield
    finally:
        _State.num_stages -= 1


@contextmanager
def telling(line: str) -> Iterator[None]:
    """Say another line than `LINE` after a stop in the block: what is done there is not kept."""
    _State.line = line
    try:
        yield
    except KeyboardInterrupt:
        raise  # which is told about later
    except BaseException:
        _State.line = LINE
        raise
    _State.line = LINE


@contextmanager
def dropping(file: Path) -> Iterator[None]:
    """Remove a half-written file when a stop ends the block, at once or at a point: nothing goes on from it."""
    _State.unwanted = file
    try:
        yield
    except KeyboardInterrupt:
        _drop()
        raise
    finally:
        _State.unwanted = None


def _drop() -> None:
    if _State.unwanted is not None:
        with suppress(OSError):
            _State.unwanted.unlink(missing_ok=True)


def point() -> None:
    """End the command here if a signal has asked for it: the step in hand is whole.

    Raises:
        KeyboardInterrupt: Then.
    """
    if _State.requested:
        raise KeyboardInterrupt


def _answer(*_: object) -> None:
    if _State.requested:
        leave()
    _State.requested = True
    if not _State.num_stages:
        raise KeyboardInterrupt
    _say("stopping: the step in hand is finished or dropped within seconds; once more to leave at once")
    timer = threading.Timer(GRACE_SECONDS, leave)
    timer.daemon = True
    timer.start()


def tell() -> None:
    """Say in one line how to go on."""
    _say(_State.line)


def leave() -> NoReturn:
    """End the process here and now; whatever is half done is not there for a reader."""
    _drop()
    tell()
    os._exit(EXIT_CODE)


def _say(line: str) -> None:
    if sys.stderr.isatty():
        line = f"\x1b[?25h{line}"  # a progress bar hides the cursor
    os.write(2, f"{line}\n".encode())
