"""What people see while a study runs: a bar with ETA per stage, plain lines when nobody watches live."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, final

from safedose import interruption
from safedose.errors import RunError, plain
from safedose.interfaces import Advance
from safedose.store.writer import Writer
from safedose.study import Budget


@final
class Watch:
    """Shows the progress of stages and remembers how long each took.

    On a terminal each stage is a bar with a remaining time; elsewhere one line at its end. Everything
    goes to stderr, so that stdout stays free for results.
    """

    def __init__(self, *, quiet: bool = False) -> None:
        self._live = not quiet and sys.stderr.isatty()
        self._quiet = quiet
        self._started = time.monotonic()
        self.writer: Writer | None = None
        self.seconds: dict[str, float] = {}

    @property
    def elapsed(self) -> float:
        """Seconds since the watch was made."""
        return time.monotonic() - self._started

    @contextmanager
    def stage(self, name: str, *, total: int, unit: str) -> Iterator[Advance]:
        """Time a stage and show its progress.

        Args:
            name: The stage's verb.
            total: How many units of work it has.
            unit: What is counted, in the plural.

        Yields:
            A function (done, what) that reports `done` more units and what is being worked on; it is
            called where a unit or step is whole, and ends the command there if a signal has asked for it.
        """
        started, num_done = time.monotonic(), 0
        with self._bar(name, total, unit) as show, interruption.stage():
            self._beat(now=True, stage=name, done=0, total=total, unit=unit, what="", eta=None)

            def advance(done: int, what: str) -> None:
                nonlocal num_done
                num_done += done
                show(done, what)
                spent = time.monotonic() - started
                eta = spent / num_done * (total - num_done) if num_done else None
                told: dict[str, Any] = {"what": what} if what else {}
                self._beat(done=num_done, eta=eta, **told)
                interruption.point()

            yield advance
        self.seconds[name] = self.seconds.get(name, 0.0) + time.monotonic() - started
        if not self._quiet and not self._live:
            self.say(f"{name}: {total} {unit} in {self.seconds[name]:.1f} s")

    def check(self, budget: Budget) -> None:
        """Stop before the next unit of work once the study's hours are used up.

        Raises:
            RunError: When more than `budget.max_hours` went by since this run began.
        """
        if budget.max_hours is not None and self.elapsed > budget.max_hours * 3600:
            raise RunError(
                f"the budget of {budget.max_hours} hours is used up", where="budget.max_hours",
                cause="the study takes longer than was planned",
                fix="what is finished is kept: raise budget.max_hours and run the same command again",
            )  # fmt: skip

    def _beat(self, *, now: bool = False, **progress: Any) -> None:
        if self.writer:
            self.writer.beat(now=now, **progress)

    def say(self, line: str) -> None:
        """Tell the person something, unless they asked for quiet."""
        if not self._quiet:
            # One write, where print makes two: a signal between them would leave the line open.
            sys.stderr.write(f"{line}\n")
            sys.stderr.flush()

    @contextmanager
    def waiting(self, line: str) -> Iterator[None]:
        """Show on a terminal that something is going on, for as long as it does."""
        if not self._live:
            yield
            return
        from rich.console import Console

        with Console(stderr=True).status(line):
            yield

    @contextmanager
    def _bar(self, name: str, total: int, unit: str) -> Iterator[Advance]:
        if not self._live or total == 0:
            yield lambda _done, _what: None
            return
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

        columns: list[Any] = [
            TextColumn("{task.description:>9}"), BarColumn(bar_width=30), MofNCompleteColumn(),
            TextColumn(unit), TimeRemainingColumn(elapsed_when_finished=True),
            TextColumn("{task.fields[what]}", markup=False),
        ]  # fmt: skip
        with Progress(*columns, console=Console(stderr=True)) as progress:
            task = progress.add_task(name, total=total, what="")

            def advance(done: int, what: str) -> None:
                progress.update(task, advance=done)
                if what:
                    progress.update(task, what=plain(what))

            yield advance
            progress.update(task, what="")
