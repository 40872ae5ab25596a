"""A long campaign of faults: kills at random instants, then every durable call in every way it can go wrong.

`make faults MINUTES=15` runs it and writes the counts to docs/faults.md. The first difference ends it with an error.
"""

from __future__ import annotations

import argparse
import errno
import random
import signal
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from faults.injector import Fault, Mode, compile_shim, faults_at, survive, telling, trace_calls
from faults.kill_loop import STAGES, Tally, Undisturbed, run_undisturbed, stop_until_done
from faults.nursery import Nursery, share_out
from faults.toy_study import SMALL, WHOLE, make_toy

PAGE = Path(__file__).parents[2] / "docs" / "faults.md"
WAYS = (
    (Mode.KILL, 0), (Mode.TORN, 0), (Mode.SHORT, 0), (Mode.FAIL, errno.ENOSPC), (Mode.FAIL_ON, errno.ENOSPC),
    (Mode.FAIL, errno.EIO), (Mode.FAIL, errno.EMFILE),
)  # fmt: skip
STUDIES = {"whole": WHOLE, "small": SMALL}
SAID = {
    (Mode.KILL, 0): "killed before the call",
    (Mode.TORN, 0): "killed after half of a write",
    (Mode.SHORT, 0): "a write that takes half",
    (Mode.FAIL, errno.ENOSPC): "disk full, once",
    (Mode.FAIL_ON, errno.ENOSPC): "disk full, from there on",
    (Mode.FAIL, errno.EIO): "input/output error, once",
    (Mode.FAIL, errno.EMFILE): "too many open files, once",
}


def stops(nurseries: list[Nursery], room: Path, *, seed: int, until: float, number: int) -> Tally:
    """Stop studies at random instants with a signal until a moment of the monotonic clock."""
    studies = [run_undisturbed(nurseries[0], room / f"{name}-{number}", parts) for name, parts in STUDIES.items()]
    tally = Tally()

    def loops() -> Iterator[int]:
        loop = 0
        while time.monotonic() < until:
            yield loop
            loop += 1

    def one(nursery: Nursery, loop: int) -> None:
        rng = random.Random(f"{seed} {number} {loop}")
        study: Undisturbed = studies[loop % len(studies)]
        tally.add(stop_until_done(nursery, room / f"stops-{number}-{loop}", study, rng=rng, number=number))

    share_out(loops(), nurseries, one)
    return tally


def durable_calls(nurseries: list[Nursery], room: Path) -> tuple[int, Counter[tuple[Mode, int]]]:
    """Let every durable call of the small study go wrong, way by way; gives the number of calls, and of faults."""
    whole = run_undisturbed(nurseries[0], room / "whole-calls", SMALL)
    traced = make_toy(nurseries[0].inputs, room / "traced", SMALL)
    calls = telling(trace_calls(nurseries[0], traced, room / "calls"))
    survived: Counter[tuple[Mode, int]] = Counter()
    todo = [fault for mode, error in WAYS for fault in faults_at(calls, mode, error)]

    def one(nursery: Nursery, fault: Fault) -> None:
        survive(nursery, make_toy(nursery.inputs, room / str(fault), SMALL), fault, whole.digest)
        survived[fault.mode, fault.error] += 1

    share_out(todo, nurseries, one)
    return len(calls), survived


def page(minutes: float, seed: int, kills: Tally, asked: Tally, calls: int, faults: Counter[tuple[Mode, int]]) -> str:
    """Write the counts as a page of the docs."""
    stages = "".join(f"| {stage} | {kills.stops[stage]:,} | {asked.stops[stage]:,} |\n" for stage in STAGES)
    ways = "".join(f"| {SAID[way]} | {number:,} |\n" for way, number in faults.items())
    return f"""# Faults survived

How often a study was stopped or hindered, and ended in the same bytes all the same. `make faults MINUTES={minutes:g}`
(seed {seed}) made this page; the first difference would have ended it. `make test` runs a part of it on every change.

The study is a toy with all six stages, whose engines follow a script: it is the folder that is tested, and what the
stages leave in it. Training on a real model is stopped and resumed at every step in `tests/tuning`. After each loop
every file, and the set of files, must be what an undisturbed run leaves; of the report all but times and machine.

## Stopped at random instants

Each study was stopped again and again in the same folder until a run came to its end.

| stage it was in | SIGKILL | SIGTERM |
|---|--:|--:|
{stages}| all | {kills.stops.total():,} | {asked.stops.total():,} |

The most that one kill made a run do again: {kills.repeated["step"]} training steps (with a checkpoint every second
step), {kills.repeated["batch"]} batch of prompts, {kills.repeated["chunk"]} chunk of answers to judge. SIGTERM always
led to exit code 130, within the grace, with one line on how to go on.

## Every durable call

A library put between Python and the system lets the N-th call that changes the disk go wrong (open for writing, write,
flush, rename, unlink, truncate, make or remove a folder: SQLite's included), for N = 1, 2, 3 ... A small study makes
{calls:,} such calls that a reader could tell apart. After each fault the same command was run again without.

| what went wrong | times |
|---|--:|
{ways}| all | {faults.total():,} |

A command that was not killed either did its work or ended with an error in four parts that names the path, and
`safedose verify` found no damage.
"""


def main() -> None:
    """Run the campaign and write the page."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--minutes", type=float, default=15.0, help="of random stops; the durable calls come on top")
    options.add_argument("--seed", type=int, default=1)
    given = options.parse_args()
    memory = Path("/dev/shm")  # noqa: S108 - a disk, not a name somebody could guess
    with tempfile.TemporaryDirectory(dir=memory if memory.is_dir() else None) as name:
        room = Path(name)
        shim = compile_shim(room / "shim")
        made = [Nursery(room / f"nursery-{number}", shim=shim) for number in range(2)]
        nurseries = [nursery.wait_until_ready() for nursery in made]
        began = time.monotonic()
        seconds = given.minutes * 60
        kills = stops(nurseries, room, seed=given.seed, until=began + 0.75 * seconds, number=signal.SIGKILL)
        asked = stops(nurseries, room, seed=given.seed, until=began + seconds, number=signal.SIGTERM)
        calls, faults = durable_calls(nurseries, room)
        for nursery in nurseries:
            nursery.close()
    PAGE.write_text(page(given.minutes, given.seed, kills, asked, calls, faults), encoding="utf-8")
    print(f"{kills.stops.total():,} kills, {asked.stops.total():,} stops, {faults.total():,} faults: no byte differs")


if __name__ == "__main__":
    main()
