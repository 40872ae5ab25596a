"""Checkpoints of one training: where they lie, when one is due, and which may be gone on from.

Each is a unit of its own (`step-00000040`), committed like every other: hashed, flushed, with a manifest that
names the key of the arm's adapter. What a checkpoint holds is the tuner's affair. The two newest are kept, so
that one damaged by the disk costs the steps between them and no more.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import final

from safedose.store import Unit
from safedose.store.durable import PARTIAL, remove, set_aside
from safedose.store.unit import MANIFEST
from safedose.store.writer import Writer

SECONDS_BETWEEN_KILLS = 2 * 3600.0
"""How long a machine is taken to run before it is taken away: an assumption, of the order of spot machines'.

The interval goes with its root, and its cost is flat around the best: four times more or less doubles or halves
the interval, and costs a quarter more of what is next to nothing.
"""

_KEPT = 2
_STEP = "step-" + "[0-9]" * 8


@final
class Checkpoints:
    """The checkpoints of one arm in training.

    Args:
        folder: Where they lie; it need not exist.
        key: Key of the adapter that the training is to become; checkpoints of another key are not gone on from.
        writer: The right to write to the study, which fences off a process that was replaced; None outside any.
        every_steps: Steps from one to the next; None: as seldom as pays off (`due`).
        clock: Seconds that only go forward.
    """

    def __init__(
        self, folder: Path, *, key: str, writer: Writer | None = None, every_steps: int | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:  # fmt: skip
        self.folder = folder
        self._key, self._writer, self._every_steps, self._clock = key, writer, every_steps, clock
        self._written: float | None = None
        self._write_seconds = 0.0

    def latest(self) -> tuple[int, Path] | None:
        """Give step and folder of the newest good checkpoint, every byte of it compared with its manifest.

        A newer one that is damaged or of another key is set aside as `*.corrupt`; what a kill left of one that
        was being written is swept.
        """
        for partial in self.folder.glob(f"step-*{PARTIAL}"):
            remove(partial)
        for path in sorted(self.folder.glob(_STEP), reverse=True):
            unit = self._unit(path)
            if unit.is_committed():
                return int(path.name.removeprefix("step-")), path
            if unit.exists():  # otherwise it never was, or a writer has set it aside and recorded it
                remove(path.with_name(path.name + MANIFEST))  # first, as in `write`
                set_aside(path)
            remove(path)
        return None

    def due(self, step: int) -> bool:
        """Say whether to write a checkpoint after this step.

        The first is due at once, to measure how long one takes. The next follow at Young's interval,
        sqrt(2 x write time x mean time between kills), which makes writing plus repeated work least (Young 1974,
        doi 10.1145/361147.361115; Daly 2006, doi 10.1016/j.future.2004.11.016): 10 ms give 12 s, 2 s give 170 s.
        """
        if self._every_steps is not None:
            return step % self._every_steps == 0
        if self._written is None:
            return True
        return self._clock() - self._written >= math.sqrt(2 * self._write_seconds * SECONDS_BETWEEN_KILLS)

    @contextmanager
    def write(self, step: int) -> Iterator[Path]:
        """Give an empty folder to write the checkpoint of a step to; it is committed when the block ends."""
        began = self._clock()
        with self._unit(self.folder / f"step-{step:08}").commit() as path:
            path.mkdir()
            yield path
        for old in sorted(self.folder.glob(_STEP))[:-_KEPT]:
            remove(old.with_name(old.name + MANIFEST))  # first, so that a kill leaves nothing that looks damaged
            remove(old)
        self._written = self._clock()
        self._write_seconds = self._written - began

    def discard(self) -> None:
        """Remove all of them, set-aside ones included: the adapter is committed."""
        for manifest in self.folder.glob(f"*{MANIFEST}"):
            remove(manifest)  # first, as in `write`
        remove(self.folder)

    def _unit(self, path: Path) -> Unit:
        return Unit(path, self._key, self._writer)
