"""What a study leaves behind besides its units: summary, estimates, model cards and the facts of a report."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence

from safedose.bases import Base, find_base
from safedose.codec import from_json, read_records, write_records
from safedose.errors import InputError, RunError
from safedose.inputs import Inputs
from safedose.interfaces import Judge
from safedose.mixture import as_mixture
from safedose.progress import Watch
from safedose.provenance import describe_data, describe_machine
from safedose.records import (
    Adapter,
    Arm,
    Estimate,
    Expected,
    MixedRow,
    Mixture,
    ReportFacts,
    Response,
    Summary,
    Verdict,
)
from safedose.store import StudyFolder, Unit, stage_key, write_text
from safedose.study import Study
from safedose.tuning.card import model_card

SMALL_WORLD_NOTE = (
    "This study ran in the small world, where harm is known by construction. It is a test bench for "
    "safedose, not evidence about large models."
)


def find_bases(study: Study, folder: StudyFolder) -> tuple[Base, ...]:
    """Locate the bases of a study.

    Raises:
        InputError: When the study was imported: then nobody knows where its base is.
    """
    if study.mix is None:
        raise InputError(
            "this study has no `mix`: nothing of it can be tuned or asked here", where=str(folder.study_file),
            cause="it was made from imported responses", fix="go on with judge, estimate and report",
        )  # fmt: skip
    return tuple(find_base(base, root=folder.path) for base in study.bases)


def read_mixture(folder: StudyFolder, arm: Arm) -> Mixture:
    """Read back the committed rows of an arm."""
    return as_mixture(arm, read_records(folder.mixture(arm).committed(), MixedRow))


def judging_work(study: Study, inputs: Inputs, folder: StudyFolder) -> list[tuple[Judge, Arm, str]]:
    """List what there is to judge: every judge with every arm and every suite of the study it has answered."""
    asked = {choice.name for choice in study.suites}
    return [
        (judge, arm, suite)
        for judge in inputs.judges
        for arm in folder.arms()
        for suite in folder.suites(arm)
        if suite in asked and _can_speak(judge, folder, arm, suite)
    ]


def _can_speak(judge: Judge, folder: StudyFolder, arm: Arm, suite: str) -> bool:
    """A judge of correctness has nothing to say where no prompt has a right answer."""
    if judge.axes != ("correctness",):
        return True
    return any(one.prompt.reference for one in read_records(folder.responses(arm, suite).committed(), Response))


def verdicts_unit(folder: StudyFolder, judge: Judge, arm: Arm, suite: str) -> Unit:
    """Name the verdicts of a judge on an arm's present answers to a suite."""
    responses = folder.responses(arm, suite).content()
    key = stage_key("judge", responses=responses, judge=judge.id, fingerprint=judge.fingerprint)
    return folder.verdicts(arm, judge.id, suite, key=key)


def read_verdicts(study: Study, inputs: Inputs, folder: StudyFolder) -> Iterator[Verdict]:
    """Walk all committed verdicts of the study's judges, arm by arm.

    Raises:
        RunError: When verdicts are missing, of other responses than those that are there now, or damaged.
    """
    for judge, arm, suite in judging_work(study, inputs, folder):
        unit = verdicts_unit(folder, judge, arm, suite)
        if not unit.is_committed():
            raise RunError(
                f"{judge.id} has not judged the present responses of {arm.id} to {suite}", where=str(unit.path),
                cause="judging has not run or was stopped, or responses were made again or damaged since",
                fix=f"run `safedose judge {folder.path}`, then estimate again",
            )  # fmt: skip
        yield from read_records(unit.path, Verdict)


def read_adapters(folder: StudyFolder) -> tuple[Adapter, ...]:
    """Read what tuning recorded about each arm; empty for imported responses."""
    units = [folder.adapter(arm) for arm in folder.tuned_arms()]
    records = [unit.committed() / "tuning.json" for unit in units if unit.exists()]
    return tuple(from_json(json.loads(record.read_text(encoding="utf-8")), Adapter) for record in records)


def write_summary(folder: StudyFolder, summary: Summary) -> None:
    """Write `estimates.parquet` and `summary.json`."""
    temporary = folder.path / "estimates.parquet.partial"
    write_records(temporary, summary.estimates, Estimate)
    temporary.replace(folder.path / "estimates.parquet")
    folder.write_summary(summary)


def write_cards(folder: StudyFolder, arms: Iterable[Arm], estimates: Sequence[Estimate]) -> None:
    """Write the model card of each tuned arm, with whatever was measured on it."""
    adapters = {adapter.arm: adapter for adapter in read_adapters(folder)}
    for arm in arms:
        if arm.id in adapters:
            measured = [one for one in estimates if one.arm == arm.id and one.value is not None]
            card = model_card(arm, read_mixture(folder, arm), adapters[arm.id], measured)
            file = folder.adapter(arm).path / "README.md"
            if not file.is_file() or file.read_text(encoding="utf-8") != card:
                write_text(file, card)


def read_expectations(study: Study, folder: StudyFolder) -> tuple[tuple[str, Expected], ...]:
    """Say per answered suite what a good model does, in the study's order; `either` where its prompts differ."""
    found: dict[str, Expected] = {}
    for arm in folder.arms():
        for suite in folder.suites(arm):
            if suite not in found:
                responses = read_records(folder.responses(arm, suite).committed(), Response)
                kinds = {response.prompt.expected for response in responses}
                found[suite] = kinds.pop() if len(kinds) == 1 else "either"
    return tuple((choice.name, found[choice.name]) for choice in study.suites if choice.name in found)


def read_facts(study: Study, inputs: Inputs, folder: StudyFolder, watch: Watch) -> ReportFacts:
    """Gather what a report shows besides the numbers; timings are those of all runs of the study so far."""
    pool = inputs.pool
    bases = find_bases(study, folder) if study.mix else ()
    provenance = (
        ("seed", str(study.seed)),
        *((f"base: {base.name}", f"sha256 {base.fingerprint}") for base in bases),
        *describe_data((*pool.instruction, *pool.safety, *pool.contrast)),
        *describe_machine(),
    )
    seconds: dict[str, float] = {}
    for event in folder.events():
        for stage, spent in event.get("seconds", {}).items():
            seconds[stage] = seconds.get(stage, 0.0) + spent
    return ReportFacts(
        provenance=provenance,
        timings=tuple((seconds | {k: seconds.get(k, 0.0) + v for k, v in watch.seconds.items()}).items()),
        adapters=read_adapters(folder),
        suites=read_expectations(study, folder),
        note=SMALL_WORLD_NOTE if "smallworld" in study.bases else None,
    )
