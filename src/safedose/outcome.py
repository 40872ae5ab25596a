"""What a study leaves behind besides its units: summary, estimates, model cards and the facts of a report."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence

from safedose.bases import find_base
from safedose.codec import from_json, read_records, write_records
from safedose.inputs import Inputs
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
from safedose.store import StudyFolder, write_text
from safedose.study import Study
from safedose.tuning.card import model_card

SMALL_WORLD_NOTE = (
    "This study ran in the small world, where harm is known by construction. It is a test bench for "
    "safedose, not evidence about large models."
)


def read_mixture(folder: StudyFolder, arm: Arm) -> Mixture:
    """Read back the committed rows of an arm."""
    return as_mixture(arm, read_records(folder.mixture(arm).committed(), MixedRow))


def read_verdicts(study: Study, folder: StudyFolder) -> Iterator[Verdict]:
    """Walk all committed verdicts of the study's judges, arm by arm."""
    for arm in folder.arms():
        for suite in folder.suites(arm):
            for judge in study.judges:
                unit = folder.verdicts(arm, judge, suite)
                if unit.exists():
                    yield from read_records(unit.committed(), Verdict)


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
            write_text(folder.adapter(arm).path / "README.md", card)


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
    tuned = [find_base(base) for base in study.bases] if study.mix else []
    provenance = (
        ("seed", str(study.seed)),
        *((f"base: {base.name}", f"sha256 {base.fingerprint}") for base in tuned),
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
