"""What a study leaves behind besides its units: summary, estimates, model cards and the facts of a report."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence

from safedose.adopted import must_prove, read_imported
from safedose.bases import Base, find_base
from safedose.codec import from_json, read_column, read_records
from safedose.errors import InputError, RunError
from safedose.exposure import describe_exposure, measure_exposure
from safedose.findings import Estimate, ReportFacts
from safedose.inputs import Inputs
from safedose.interfaces import Comparer, Judge
from safedose.judging.catalogue import CAUTIONS
from safedose.keys import read_twice, rival_answers, rival_of, verdicts_unit
from safedose.mixture import as_mixture
from safedose.panel import describe_reading
from safedose.progress import Watch
from safedose.provenance import describe_data, describe_machine
from safedose.records import Adapter, Arm, Expected, MixedRow, Mixture, Response, Verdict
from safedose.store import StudyFolder, Unit
from safedose.study import Study
from safedose.tuning.card import model_card

SMALL_WORLD_NOTE = (
    "This study ran in the small world, where harm is known by construction. It is a test bench for "
    "safedose, not evidence about large models."
)


def find_bases(study: Study, folder: StudyFolder, *, weights: bool = True) -> tuple[Base, ...]:
    """Locate the bases of a study; without `weights` those of the Hub are not fetched whole.

    Raises:
        InputError: When its responses were imported: then nobody knows where its base is.
    """
    if not study.asks:
        raise InputError(
            "this study has no `mix`: nothing of it can be tuned or asked here", where=str(folder.study_file),
            cause="it was made from imported responses", fix="go on with judge, estimate and report",
        )  # fmt: skip
    return tuple(find_base(base, root=folder.root, weights=weights) for base in study.bases)


def read_mixture(folder: StudyFolder, arm: Arm) -> Mixture:
    """Read back the committed rows of an arm."""
    return as_mixture(arm, read_records(folder.mixture(arm).committed(), MixedRow))


def judging_work(
    study: Study, inputs: Inputs, folder: StudyFolder, *, lenient: bool = False
) -> list[tuple[Judge, Arm, str]]:
    """List what there is to judge: every judge with every arm and every suite of the study it has answered.

    Args:
        study: Whose suites are asked.
        inputs: The judges.
        folder: Where the answers are.
        lenient: Leave out answers that are damaged or being written just now, instead of raising.
    """
    asked = {choice.name for choice in study.suites}
    return [
        (judge, arm, suite)
        for judge in inputs.judges
        for arm in folder.arms()
        for suite in folder.suites(arm)
        if suite in asked and _can_speak(judge, folder, arm, suite, lenient=lenient)
    ]


def _can_speak(judge: Judge, folder: StudyFolder, arm: Arm, suite: str, *, lenient: bool) -> bool:
    """Say whether a judge has anything to say: of correctness or helpfulness it is not everywhere.

    Correctness needs prompts with a right answer; a comparison needs an answer of dose 0, and prompts that a good
    model does not refuse.
    """
    responses, compares = folder.responses(arm, suite), isinstance(judge, Comparer)
    if compares and (rival_of(folder, arm) is None or not rival_answers(folder, arm, suite).exists()):
        return False
    if not compares and judge.axes != ("correctness",):
        return responses.exists() or not lenient
    try:
        if compares:
            return set(read_column(responses.committed(), "prompt.expected")) != {"refuse"}
        return any(read_column(responses.committed(), "prompt.reference"))
    except (RunError, OSError):
        if not lenient:
            raise
        return False


def planned_units(study: Study, inputs: Inputs, folder: StudyFolder) -> dict[str, list[Unit]]:
    """List the units that the sealed plan asks for, made or not, in the order of work.

    Returns:
        Units of `mixed`, `tuned`, `answered` and `judged`. Imported adapters have `imported` and `proved` in place of
        the first two, imported responses the last only. Arms whose training failed are not asked. Verdicts are those
        on the answers that are there.
    """
    tuned, failed = folder.tuned_arms(), {arm.id for arm in folder.tuned_arms() if folder.failure(arm).exists()}
    asked = [arm for arm in folder.arms() if arm.id not in failed]
    units: dict[str, list[Unit]] = {}
    if study.mix:
        units["mixed"] = [folder.mixture(arm) for arm in tuned]
        units["tuned"] = [folder.adapter(arm) for arm in tuned]
    if study.adopts:
        units["imported"] = [folder.adapter(arm) for arm in tuned]
    if must_prove(study):
        units["proved"] = [folder.proof(arm) for arm in tuned]
    if study.asks:
        units["answered"] = [folder.responses(arm, choice.name) for arm in asked for choice in study.suites]
    todo = judging_work(study, inputs, folder, lenient=True)
    units["judged"] = judged_units(folder, todo)
    return units


def judged_units(folder: StudyFolder, todo: Sequence[tuple[Judge, Arm, str]]) -> list[Unit]:
    """List what judging leaves: verdicts, and the second readings of judges that ask a server."""
    verdicts = [folder.verdicts(arm, judge.id, suite) for judge, arm, suite in todo]
    return [*verdicts, *(folder.rereadings(judge.id) for judge, _ in read_twice(todo))]


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
    """Read what tuning recorded about each arm; empty for whatever was imported."""
    return tuple(_read_adapter(folder, arm) for arm in folder.tuned_arms() if folder.adapter(arm).exists())


def _read_adapter(folder: StudyFolder, arm: Arm) -> Adapter:
    record = folder.adapter(arm).committed() / "tuning.json"
    return from_json(json.loads(record.read_text(encoding="utf-8")), Adapter)


def write_cards(folder: StudyFolder, arms: Iterable[Arm], estimates: Sequence[Estimate]) -> None:
    """Write the model card of each arm tuned here, with whatever was measured on it."""
    cards: dict[str, str] = {}
    for arm in arms:
        if folder.mixture(arm).exists() and folder.adapter(arm).exists():
            measured = [one for one in estimates if one.arm == arm.id and one.value is not None]
            cards[folder.card(arm)] = model_card(arm, read_mixture(folder, arm), _read_adapter(folder, arm), measured)
    folder.outputs.put(cards)


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


def _identity(base: Base) -> Iterator[str]:
    if base.commit:
        yield f"commit {base.commit},"
    yield f"sha256 {base.fingerprint}"


def read_facts(study: Study, inputs: Inputs, folder: StudyFolder, watch: Watch) -> ReportFacts:
    """Gather what a report shows besides the numbers; timings are those of all runs of the study so far."""
    pool = inputs.pool
    bases = find_bases(study, folder) if study.asks else ()
    exposure = describe_exposure(measure_exposure(study, inputs, folder.tuned_arms())) if study.asks else ()
    provenance = (
        ("seed", str(study.seed)),
        *((f"base: {base.name}", " ".join(_identity(base))) for base in bases),
        *describe_data((*pool.instruction, *pool.safety, *pool.contrast)),
        *((f"left out: {one.source}", f"{one.num_rows} bad rows") for one in inputs.skipped),
        *exposure,
        *((f"judge: {choice.id}", said) for choice in study.judges if (said := describe_reading(choice, folder.root))),
        *((f"judge: {choice.id}", CAUTIONS[choice.judge]) for choice in study.judges if choice.judge in CAUTIONS),
        *describe_machine(),
    )
    seconds: dict[str, float] = {}
    for event in folder.events():
        for stage, spent in event.get("seconds", {}).items():
            seconds[stage] = seconds.get(stage, 0.0) + spent
    return ReportFacts(
        provenance=provenance,
        timings=tuple((seconds | {k: seconds.get(k, 0.0) + v for k, v in watch.seconds.items()}).items()),
        adapters=() if study.adopts else read_adapters(folder),
        imported=read_imported(folder) if study.adopts else (),
        suites=read_expectations(study, folder),
        note=SMALL_WORLD_NOTE if "smallworld" in study.bases else None,
    )
