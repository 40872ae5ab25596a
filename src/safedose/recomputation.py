"""Making units of a study again, to see whether their bytes come out the same.

Works in a scratch study inside the study's folder, whose files are hard links to the units that are there: a unit is
written under a temporary name and renamed, so a link is replaced and its origin never touched.
"""

from __future__ import annotations

import math
import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import Any, final

from safedose import keys, work
from safedose.adopted import must_prove
from safedose.bases import Base
from safedose.engines import Engines
from safedose.errors import InputError, RunError
from safedose.inputs import Inputs, load_inputs, pool_digest
from safedose.interfaces import Advance
from safedose.judging.pairs import server_of
from safedose.outcome import find_bases, judging_work
from safedose.progress import Watch
from safedose.provenance import describe_machine
from safedose.records import UNTUNED, Adapter, Arm, Mixture, Prompt, Response
from safedose.seeding import rank
from safedose.store import StudyFolder, Unit, find_study
from safedose.store.durable import explaining, remove
from safedose.store.seal import Seal, grow
from safedose.store.unit import MANIFEST
from safedose.store.writer import read_holder, require_free
from safedose.study import Study

SCRATCH = ".verify-"
"""Beginning of the name of the folder of a scratch study."""


@dataclass(frozen=True, slots=True)
class Again:
    """One unit that was made again.

    Attributes:
        stage: The stage that makes it.
        path: Where, relative to the study.
        differing: Its files whose bytes came out otherwise; empty when all are the same.
    """

    stage: str
    path: str
    differing: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Job:
    """A unit, and how it is made from what the stage before left."""

    stage: str
    path: str
    unit: Unit
    make: Callable[[Advance], None]


def require_share(share: float) -> None:
    """Refuse a share of units that is none.

    Raises:
        InputError: When it is not in (0, 1].
    """
    if not 0 < share <= 1:
        raise InputError(
            f"{share:g} is no share of the units", where="--recompute", cause="it is not above 0 and at most 1",
            fix="give for example --recompute 0.01 for one in a hundred, or 1 for all",
        )  # fmt: skip


def recompute(
    folder: StudyFolder, study: Study, *, share: float, seed: int, watch: Watch, engines: Engines
) -> tuple[Again, ...]:
    """Make a random share of each stage's units again, each from what the study holds, and compare the bytes.

    Nothing of the study changes. Trainings that failed are left out: what they leave depends on the clock; and answers
    of a server: they cost money, and nobody knows what it makes them with.

    Args:
        folder: The study; its units are sound.
        study: Its settings.
        share: Of the units of each stage and base, in (0, 1]; rounded up.
        seed: Chooses them.
        watch: Shows how far it is.
        engines: Who tunes and who answers.

    Returns:
        One record per unit, last stage first.

    Raises:
        InputError: When data, base or settings are not those the study was made of.
        RunError: When somebody works on the study.
    """
    require_free(folder.path)
    inputs = load_inputs(study, root=folder.path)
    bases = find_bases(study, folder) if study.asks else ()
    if bases:
        now = Seal(made_of=keys.ingredients(study, inputs, bases), arms=folder.arms(), batches={})
        grow(folder.sealed(), now, folder=folder.path)
    with _scratch(folder) as scratch:
        # the last stage first, so that every unit is made from what the study holds, not from what was made here
        stages = [
            _judging(study, inputs, scratch),
            *(_generating(study, base, inputs, scratch, engines) for base in bases),
            *(_tuning(study, base, scratch, engines) for base in bases),
            _mixing(study, inputs, scratch),
        ]
        jobs = [job for stage in stages for job in _choose(list(stage), share, seed)]
        found = []
        with watch.stage("recompute", total=len(jobs), unit="units") as advance:
            while jobs:
                found.append(_make_again(jobs.pop(0), advance))  # what a stage loaded goes with its last job
    return tuple(found)


def differences(found: Sequence[Again], place: Path) -> RunError | None:
    """Say in four parts which units came out otherwise and what could be behind it; None when none did."""
    differing = [one for one in found if one.differing]
    if not differing:
        return None
    first = "; ".join(f"{one.path} ({', '.join(one.differing)})" for one in differing[:3])
    rest = f"; and {len(differing) - 3} more" if len(differing) > 3 else ""
    made, here = machines(place)
    changed = [f"{name}: {made.get(name)} -> {here[name]}" for name in here if made.get(name) != here[name]]
    return RunError(
        f"{len(differing)} of {len(found)} units came out otherwise: {first}{rest}", where=str(place),
        cause="they were made by other library builds, on another device or with another number of threads "
        f"({'; '.join(changed) or 'lock.json describes this machine'}), or what makes them is not deterministic",
        fix="recompute them on the machine that lock.json describes; the study is unchanged",
    )  # fmt: skip


def machines(place: Path) -> tuple[dict[str, str], dict[str, str]]:
    """Describe the machine that worked on a study last, as `lock.json` has it, and this one."""
    return dict(find_study(place).lock().get("machine", {})), dict(describe_machine())


@contextmanager
def _scratch(folder: StudyFolder) -> Iterator[StudyFolder]:
    """Give a copy of a study's plan and units, by hard links where the disk knows them; removed at the end."""
    for old in folder.path.glob(f"{SCRATCH}*"):
        if not read_holder(old).alive:
            remove(old)
    path = folder.path / f"{SCRATCH}{os.getpid()}"
    scratch = StudyFolder(path, root=folder.root)
    try:
        with explaining(path):
            path.mkdir()
            for manifest in [folder.path / f"plan.jsonl{MANIFEST}", *(folder.path / "arms").rglob(f"*{MANIFEST}")]:
                _link_unit(manifest, path / manifest.relative_to(folder.path))
        with scratch.writing("safedose verify --recompute"):
            yield scratch
    finally:
        remove(path)


def _link_unit(manifest: Path, there: Path) -> None:
    if "checkpoints" in manifest.parts or not manifest.is_file():
        return
    there.parent.mkdir(parents=True, exist_ok=True)
    made = manifest.with_name(manifest.name.removesuffix(MANIFEST))
    target = there.with_name(made.name)
    if made.is_dir():
        shutil.copytree(made, target, copy_function=_link)
    else:
        _link(made, target)
    _link(manifest, there)


def _link(source: str | Path, target: str | Path) -> None:
    try:
        os.link(source, target)
    except OSError:  # not every disk knows hard links
        shutil.copy2(source, target)


def _choose(jobs: Sequence[_Job], share: float, seed: int) -> list[_Job]:
    """Choose a share of the units that are there as their keys say, at least one, in the order of work."""
    there = [job for job in jobs if job.unit.manifest().get("key") == job.unit.key]
    ranked = sorted(there, key=lambda job: rank(seed, job.path))
    chosen = {job.path for job in ranked[: math.ceil(share * len(there))]}
    return [job for job in there if job.path in chosen]


def _make_again(job: _Job, advance: Advance) -> Again:
    before = job.unit.manifest()["files"]
    remove(job.unit.manifest_path)
    job.make(lambda _done, _what: advance(0, job.path))
    after = job.unit.manifest().get("files", {})
    advance(1, job.path)
    differing = [name for name in sorted(before.keys() | after.keys()) if before.get(name) != after.get(name)]
    return Again(job.stage, job.path, tuple(differing))


def _job(stage: str, scratch: StudyFolder, unit: Unit, make: Callable[[Advance], None]) -> _Job:
    return _Job(stage, unit.path.relative_to(scratch.path).as_posix(), unit, make)


def _judging(study: Study, inputs: Inputs, scratch: StudyFolder) -> Iterator[_Job]:
    for judge, arm, suite in judging_work(study, inputs, scratch, lenient=True):
        if server_of(judge) is not None:  # asked, and paid, once
            continue
        unit = keys.verdicts_unit(scratch, judge, arm, suite)
        yield _job("judge", scratch, unit, partial(work.judge_suite, unit, judge, scratch, arm, suite))


def _generating(study: Study, base: Base, inputs: Inputs, scratch: StudyFolder, engines: Engines) -> Iterator[_Job]:
    if study.generate.endpoint is not None:  # a server is asked, and paid, once
        return
    generator = _Late(lambda: engines.generator(base, study, scratch))
    for arm in scratch.working_arms():
        if arm.base == base.name and (arm.run == UNTUNED or scratch.adapter(arm).exists()):
            if must_prove(study) and arm.run != UNTUNED:
                unit = keys.proof_unit(study, base, scratch, arm)
                yield _job("prove", scratch, unit, partial(work.prove_adapter, unit, generator, arm, scratch))
            for suite, prompts in inputs.suites.items():
                batches = scratch.batches(base.name, suite)
                unit = keys.responses_unit(study, base, scratch, arm, prompts, batches)
                make = partial(work.answer_suite, unit, generator, prompts, batches, arm, scratch)
                yield _job("generate", scratch, unit, make)


def _tuning(study: Study, base: Base, scratch: StudyFolder, engines: Engines) -> Iterator[_Job]:
    tuner = _Late(lambda: engines.tuner(base, study))
    for arm in scratch.tuned_arms():
        if arm.base == base.name and scratch.mixture(arm).exists():
            unit = keys.adapter_unit(study, base, scratch, arm)
            yield _job("tune", scratch, unit, partial(work.tune_arm, study, scratch, arm, unit, tuner))


def _mixing(study: Study, inputs: Inputs, scratch: StudyFolder) -> Iterator[_Job]:
    pool = pool_digest(inputs.pool)

    def mix(arm: Arm, unit: Unit, _advance: Advance) -> None:
        work.mix_arm(study, inputs, arm, unit)

    for arm in scratch.tuned_arms():
        unit = keys.mixture_unit(study, pool, scratch, arm)
        yield _job("mix", scratch, unit, partial(mix, arm, unit))


@final
class _Late:
    """A tuner or generator that is loaded when it is first asked."""

    def __init__(self, load: Callable[[], Any]) -> None:
        self._load = cache(load)

    def tune(self, mixture: Mixture, **rest: Any) -> Adapter:
        adapter: Adapter = self._load().tune(mixture, **rest)
        return adapter

    def generate(self, prompts: Sequence[Prompt], **rest: Any) -> list[Response]:
        responses: list[Response] = self._load().generate(prompts, **rest)
        return responses

    def difference(self, adapter: Path) -> float:
        difference: float = self._load().difference(adapter)
        return difference
