"""What each verb of the command line does, without any printing: check first, then work, then say what came out."""

from __future__ import annotations

import importlib.resources
import json
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import yaml

from safedose import pipeline
from safedose.codec import to_json, write_records
from safedose.criteria import check_judges, recommend_doses, require_criteria
from safedose.data.readers import read_rows
from safedose.errors import InputError, nearest
from safedose.generation.imported import read_imported
from safedose.inputs import Inputs, check_arms, load_inputs, load_judges, made_of
from safedose.judging.catalogue import load_judge
from safedose.judging.rows import judge_rows
from safedose.outcome import find_bases, judging_work, read_expectations
from safedose.progress import Watch
from safedose.provenance import describe_machine
from safedose.records import Arm, Axis, Recommendation, Response, Summary
from safedose.store import StudyFolder, digest, find_study, write_text
from safedose.study import Study
from safedose.studyfile import parse_study, read_study
from safedose.suites.catalogue import expected_of
from safedose.sweep.plan import grid
from safedose.tuning.sft import count_steps

RECIPES = ("smallworld", "smallworld-quick", "own-data")


@dataclass(frozen=True, slots=True)
class Planned:
    """A study that was checked and could be run.

    Attributes:
        study: Its settings.
        inputs: Everything it names, loaded.
        arms: What will be made.
        num_steps: Optimizer steps over all arms.
        num_prompts: Prompts each arm answers.
    """

    study: Study
    inputs: Inputs
    arms: tuple[Arm, ...]
    num_steps: int
    num_prompts: int


def recipe(name: str) -> str:
    """Give the text of a study file to start from.

    Raises:
        InputError: When there is no such recipe.
    """
    if name not in RECIPES:
        raise InputError(
            f"unknown recipe {name!r}", where="--recipe", cause="the name is misspelt", fix=nearest(name, RECIPES),
        )  # fmt: skip
    return importlib.resources.files("safedose").joinpath(f"recipes/{name}.yaml").read_text(encoding="utf-8")


def init(folder: Path, name: str) -> Path:
    """Make a study folder with a commented study file; never overwrites one.

    Raises:
        InputError: When the file exists, or the name cannot name a study.
    """
    folder = folder.resolve()
    text, file = recipe(name), folder / "study.yaml"
    if file.exists():
        raise InputError(
            f"{file} exists", where=str(file), cause="this study was made before",
            fix="choose another name, or edit the file that is there",
        )  # fmt: skip
    named = text.replace(f"name: {name}\n", f"name: {yaml.safe_dump(folder.name).splitlines()[0]}\n", 1)
    parse_study(yaml.safe_load(named), where=f"the name {folder.name!r}")
    write_text(file, named)
    return file


def start_demo(folder: Path, *, quick: bool) -> Path:
    """Put the demo's study file into a folder, which may hold an earlier run of it.

    Raises:
        InputError: When the folder holds something else.
    """
    file = folder / "study.yaml"
    ours = {recipe("smallworld"), recipe("smallworld-quick")}
    before = file.read_text(encoding="utf-8") if file.is_file() else None
    if before not in ours and folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise InputError(
            f"{folder} holds something else than a demo", where="--out", cause="it is used for another study or file",
            fix="give a new folder with --out; an edited study goes on with `safedose run`",
        )  # fmt: skip
    write_text(file, recipe("smallworld-quick" if quick else "smallworld"))
    return file


def plan(file: Path, overrides: Sequence[str]) -> Planned:
    """Check a study to the last row and say what it will do; writes nothing.

    Raises:
        InputError: For anything that could not work.
    """
    study = read_study(file, overrides=overrides)
    inputs = load_inputs(study, root=file.parent)
    check_judges(study, inputs)
    arms = grid(study, num_instruction=inputs.num_instruction, made_of=made_of(study, inputs))
    mixtures = check_arms(study, inputs, arms, root=file.parent)
    return Planned(
        study=study,
        inputs=inputs,
        arms=arms,
        num_steps=sum(count_steps(mixture, study.tune) for mixture in mixtures),
        num_prompts=sum(map(len, inputs.suites.values())),
    )


def run(file: Path, overrides: Sequence[str], watch: Watch) -> tuple[StudyFolder, Summary]:
    """Check a study, then do it; what an earlier run finished is kept."""
    planned = plan(file, overrides)
    folder = StudyFolder(file.parent)
    folder.seal(planned.arms)
    _record(folder, overrides)
    try:
        summary = pipeline.run_study(planned.study, planned.inputs, folder, watch)
    finally:
        folder.log(event="run", seconds={name: round(spent, 3) for name, spent in watch.seconds.items()})
    return folder, summary


STAGES: dict[str, Callable[[Study, Inputs, StudyFolder, Watch], object]] = {
    "mix": pipeline.mix_doses,
    "tune": lambda study, _, folder, watch: pipeline.tune_adapters(study, folder, watch),
    "generate": pipeline.generate_responses,
    "judge": pipeline.judge_responses,
    "estimate": pipeline.estimate_endpoints,
    "report": pipeline.write_report,
}


def run_stage(verb: str, place: Path, overrides: Sequence[str], watch: Watch) -> StudyFolder:
    """Do one stage of a study on what the stage before left in its folder."""
    folder, study = open_study(place, overrides)
    if verb in {"tune", "generate"}:
        find_bases(study, folder)  # an imported study has none: say so before anything is written
    if verb == "mix":
        folder.seal(plan(folder.study_file, _recorded(folder, overrides)).arms)
    inputs = load_inputs(study, root=folder.path)
    check_judges(study, inputs)
    if not folder.arms():
        raise InputError(
            "this study has no arms yet", where=str(folder.path), cause="nothing was mixed or imported",
            fix=f"run `safedose mix {folder.path}` first",
        )  # fmt: skip
    _record(folder, _recorded(folder, overrides))
    try:
        STAGES[verb](study, inputs, folder, watch)
    finally:
        folder.log(event=verb, seconds={name: round(spent, 3) for name, spent in watch.seconds.items()})
    return folder


def open_study(place: Path, overrides: Sequence[str]) -> tuple[StudyFolder, Study]:
    """Open a study folder with its settings: the file, what `run --set` recorded, then the overrides given now."""
    folder = find_study(place)
    return folder, read_study(folder.study_file, overrides=_recorded(folder, overrides))


def _record(folder: StudyFolder, overrides: Sequence[str]) -> None:
    """Write down what ran: the settings that won over the file, so that later verbs use them too, and on what."""
    lock = {"overrides": list(overrides), "machine": dict(describe_machine())}
    write_text(folder.path / "lock.json", json.dumps(lock, indent=1) + "\n")


def _recorded(folder: StudyFolder, overrides: Sequence[str]) -> list[str]:
    """List the settings that earlier verbs were given, then those given now; later ones win."""
    given = [*folder.lock().get("overrides", []), *overrides]
    return list(dict.fromkeys(reversed(given)))[::-1]  # each once, at its last place


def recommend_dose(place: Path, overrides: Sequence[str]) -> tuple[Recommendation, ...]:
    """Answer the question from an existing study, with whatever criteria are asked for now."""
    folder, study = open_study(place, overrides)
    require_criteria(study, str(folder.study_file))
    inputs = load_judges(study)
    check_judges(study, inputs)
    estimates, expected = folder.summary().estimates, dict(read_expectations(study, folder))
    return recommend_doses(study, inputs, folder.tuned_arms(), estimates, expected)


def judge_file(source: Path, judge: str, out: Path, axis: str | None) -> int:
    """Judge a file of rows with `prompt` and `response`; returns how many rows were written.

    Raises:
        InputError: When a row cannot be judged, or `out` is a folder.
    """
    if out.is_dir():
        raise InputError(
            f"{out} is a folder", where="--out", cause="the judged rows need a file", fix="name a .jsonl file in it",
        )  # fmt: skip
    rows = judge_rows(
        ((row.number, row.values) for row in read_rows(source)), load_judge(judge), axis=cast(Axis | None, axis)
    )
    write_text(out, "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows))
    return len(rows)


def import_responses(source: Path, out: Path, mapping: Sequence[str]) -> StudyFolder:
    """Turn a file of responses made elsewhere into a study folder that can be judged.

    Raises:
        InputError: When a row cannot be understood, or the folder holds something already.
    """
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise InputError(
            f"{out} is not empty", where="--out", cause="something was written there before",
            fix="give a new folder",
        )  # fmt: skip
    arms, responses = read_imported(read_rows(source), mapping=_pairs(mapping), expected_of=expected_of)
    text = _imported_study(out.resolve().name, arms, {response.prompt.suite for response in responses})
    parse_study(yaml.safe_load(text), where=str(source))
    folder = StudyFolder(out)
    folder.seal(arms)
    by_unit: dict[tuple[str, str], list[Response]] = {}
    for response in responses:
        by_unit.setdefault((response.arm, response.prompt.suite), []).append(response)
    for arm in arms:
        for (arm_id, suite), said in by_unit.items():
            if arm_id == arm.id:
                unit = folder.responses(arm, suite, key=digest([to_json(one) for one in said]))
                with unit.commit() as path:
                    write_records(path, said, Response)
    write_text(folder.study_file, text)
    return folder


def _pairs(mapping: Sequence[str]) -> dict[str, str]:
    pairs: dict[str, str] = {}
    for item in mapping:
        ours, equals, theirs = item.partition("=")
        if not (ours and equals and theirs):
            raise InputError(
                f"cannot read the mapping {item!r}", where="--map", cause="it is not of the form ours=theirs",
                fix="write for example --map response=completion",
            )  # fmt: skip
        pairs[ours] = theirs
    return pairs


def _imported_study(name: str, arms: Iterable[Arm], suites: set[str]) -> str:
    """Write the study file of imported responses: nothing to train, one judge to begin with."""
    bases = sorted({arm.base for arm in arms})
    body = {
        "name": re.sub(r"[^A-Za-z0-9._-]+", "-", name).strip("-._")[:64] or "imported",
        "seed": 0,
        "base": bases[0] if len(bases) == 1 else bases,
        "suites": [{"name": suite} for suite in sorted(suites)],
        "judges": ["phrases"],
    }
    return "# Imported responses: nothing is trained here. Add judges and criteria, then judge, estimate, report.\n" + (
        yaml.safe_dump(body, sort_keys=False)
    )


def status(place: Path) -> dict[str, Any]:
    """Count what a study has finished, stage by stage: (done, in all) per stage that it has."""
    folder, study = open_study(place, ())
    arms, tuned = folder.arms(), folder.tuned_arms()
    work = judging_work(study, load_judges(study), folder)
    stages: dict[str, tuple[int, int]] = {}
    if study.mix:
        stages["mixed"] = (sum(folder.mixture(arm).exists() for arm in tuned), len(tuned))
        stages["tuned"] = (sum(folder.adapter(arm).exists() for arm in tuned), len(tuned))
        answered = sum(folder.responses(arm, choice.name).exists() for arm in arms for choice in study.suites)
        stages["answered"] = (answered, len(arms) * len(study.suites))
    stages["judged"] = (sum(folder.verdicts(arm, judge.id, suite).exists() for judge, arm, suite in work), len(work))
    stages["estimated"] = (int((folder.path / "summary.json").is_file()), 1)
    stages["reported"] = (int((folder.path / "report.html").is_file()), 1)
    return {"name": study.name, "arms": len(arms), "stages": stages}
