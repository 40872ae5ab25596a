"""Stops at random instants, again and again in the same folder, until a run of the study finishes by itself."""

from __future__ import annotations

import json
import random
import shutil
import signal
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from faults.nursery import Child, Nursery
from faults.study_digest import digest_study
from faults.toy_study import CHECKPOINT_STEPS, PACE, WORK_LOG, make_toy
from safedose import interruption
from safedose.store import StudyFolder

STAGES = ("plan", "mix", "tune", "generate", "judge", "estimate", "report")
"""What a run does, in order; `plan` is all that comes before it holds the study's lock."""

REPEATED_AT_MOST = {"step": CHECKPOINT_STEPS, "batch": 1, "chunk": 1}
"""Parts of each kind of work that one stop may make a run do again."""

SIGNAL_SECONDS = interruption.GRACE_SECONDS + 4.0
"""How long a process may take to end after a first signal, on a machine that is busy with others."""


PACE_SECONDS = 0.004
"""What a step, a batch and a chunk take, so that a stop can fall into one."""

GO_ON = ""
"""Drawn instead of a stage: this attempt is not stopped."""


@dataclass(frozen=True, slots=True)
class Undisturbed:
    """A study that nothing happened to: what it is made of, its digest, what each stage takes, and who runs it."""

    parts: dict[str, Any]
    digest: dict[str, str]
    seconds: dict[str, float]
    job: str


@dataclass(slots=True)
class Tally:
    """What a loop of stops did: stops per stage they hit, and the most parts of each kind that one of them repeated."""

    stops: Counter[str] = field(default_factory=Counter)
    repeated: dict[str, int] = field(default_factory=lambda: dict.fromkeys(REPEATED_AT_MOST, 0))

    def add(self, other: Tally) -> None:
        """Take in another loop's tally."""
        self.stops += other.stops
        self.repeated = {kind: max(most, other.repeated[kind]) for kind, most in self.repeated.items()}


def run_undisturbed(nursery: Nursery, folder: Path, parts: dict[str, Any], *, job: str = "run") -> Undisturbed:
    """Run a study once, without any fault."""
    make_toy(nursery.inputs, folder, parts)
    began = time.monotonic()
    ended = nursery.run(job, str(folder), environment={PACE: str(PACE_SECONDS)})
    spent = time.monotonic() - began
    assert ended.code == 0, ended.said
    seconds = StudyFolder(folder).events()[-1]["seconds"]
    return Undisturbed(parts, digest_study(folder), {"plan": spent - sum(seconds.values()), **seconds}, job)


def stop_until_done(
    nursery: Nursery, folder: Path, whole: Undisturbed, *, rng: random.Random, number: int = signal.SIGKILL
) -> Tally:
    """Run a study, stopping each attempt at a random instant of a random stage, until one finishes by itself.

    Args:
        nursery: Where processes come from.
        folder: Does not exist yet; removed again.
        whole: The same study undisturbed: the digest at the end must be its.
        rng: Draws stages and instants.
        number: Which signal stops.
    """
    make_toy(nursery.inputs, folder, whole.parts)
    log, tally = folder.with_name(f"{folder.name}.log"), Tally()
    while True:
        child = nursery.start(whole.job, str(folder), environment={WORK_LOG: str(log), PACE: str(PACE_SECONDS)})
        stage = _stop(child, folder, whole, rng=rng, number=number)
        stopped = time.monotonic()
        ended = child.wait()
        if ended.code == 0:
            break
        if number == signal.SIGKILL:
            assert ended.code == -signal.SIGKILL, ended.said
        else:
            assert time.monotonic() - stopped < SIGNAL_SECONDS
            assert (ended.code, ended.said.splitlines()[-1]) == (interruption.EXIT_CODE, interruption.LINE), ended.said
        tally.stops[stage] += 1
    assert digest_study(folder) == whole.digest
    tally.repeated = count_repeats(log)
    for kind, most in REPEATED_AT_MOST.items():
        assert tally.repeated[kind] <= most, f"one stop repeated {tally.repeated[kind]} of {kind}"
    shutil.rmtree(folder)
    log.unlink(missing_ok=True)
    return tally


def _stop(child: Child, folder: Path, whole: Undisturbed, *, rng: random.Random, number: int) -> str:
    """Stop a child at a random instant, or let it be; gives the stage that the signal found it in."""
    target = rng.choice((*STAGES, GO_ON))
    if target == GO_ON:
        return target
    wait_for_stage(child, folder, target)
    time.sleep(rng.uniform(0, whole.seconds[target]))
    stage = stage_of(child, folder)
    child.signal(number)
    return stage


def wait_for_stage(child: Child, folder: Path, stage: str) -> None:
    """Wait until a child answers signals and has come to a stage, or has ended."""
    while child.running() and (not answers_signals(child) or _place(child, folder) < STAGES.index(stage)):
        time.sleep(0.001)


def answers_signals(child: Child) -> bool:
    """Say whether the child has installed its handlers: before that, a signal ends any process."""
    status = Path(f"/proc/{child.pid}/status").read_text(encoding="utf-8")
    caught = int(next(line for line in status.splitlines() if line.startswith("SigCgt")).split()[1], 16)
    return bool(caught >> (signal.SIGTERM - 1) & 1)


def stage_of(child: Child, folder: Path) -> str:
    """Say which stage a child is in, by what it writes into the lock; `plan` before it holds that."""
    return STAGES[_place(child, folder)]


def _place(child: Child, folder: Path) -> int:
    try:
        holder = json.loads((folder / "writer.lock").read_bytes())
    except (FileNotFoundError, ValueError):  # not there yet, or being written
        return 0
    if holder["pid"] != child.pid:
        return 0
    stage = holder.get("stage") or "plan"
    return STAGES.index(stage)


def count_repeats(log: Path) -> dict[str, int]:
    """Count what was done again, per kind of work: the most that any one process repeated of earlier ones' work."""
    seen: set[tuple[str, ...]] = set()
    again: Counter[tuple[str, str]] = Counter()
    for line in log.read_text(encoding="utf-8").splitlines() if log.is_file() else ():
        pid, *part = line.split()
        again[pid, part[0]] += tuple(part) in seen
        seen.add(tuple(part))
    return {kind: max((n for (_, k), n in again.items() if k == kind), default=0) for kind in REPEATED_AT_MOST}
