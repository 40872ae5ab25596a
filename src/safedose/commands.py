"""What each verb of the command line does, without any printing: check first, then work, then say what came out."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

from safedose import pipeline
from safedose.accounts import announce_judging, tell_verdicts
from safedose.bases import Base
from safedose.codec import to_json
from safedose.criteria import check_judges, recommend_doses, require_criteria, spell_criteria
from safedose.engines import LOCAL, Engines
from safedose.errors import InputError, RunError
from safedose.exposure import describe_exposure
from safedose.findings import Recommendation, Summary
from safedose.hub import read_commits
from safedose.inputs import Inputs, load_inputs, load_judges
from safedose.order import require_before
from safedose.outcome import planned_units, read_expectations
from safedose.panel import fetch_models, load_panel
from safedose.pins import pinned
from safedose.planning import plan
from safedose.progress import Watch
from safedose.provenance import describe_machine
from safedose.room import require_room
from safedose.store import StudyFolder, find_study, write_text
from safedose.store.writer import LOCK, read_holder, require_free
from safedose.study import Study
from safedose.studyfile import read_study


def run(file: Path, overrides: Sequence[str], watch: Watch, engines: Engines = LOCAL) -> tuple[StudyFolder, Summary]:
    """Check a study, then do it; what an earlier run finished is kept."""
    folder = StudyFolder(file.parent)
    require_free(folder.path)
    planned = plan(file, overrides, engines, tell=watch.say)
    require_room(folder, planned.num_bytes)
    fetch_models(planned.study, root=folder.path)
    for one in planned.inputs.skipped:
        watch.say(f"{one.num_rows} bad rows of {one.source} are left out; the first: {one.reasons[0]}")
    for label, found in describe_exposure(planned.exposure):
        watch.say(f"{label}: {found}")
    with _working(folder, "run", overrides, watch, planned.inputs, planned.bases):
        folder.seal(planned.seal)
        summary = pipeline.run_study(planned.study, planned.inputs, folder, watch, engines)
    return folder, summary


@contextmanager
def _working(
    folder: StudyFolder, verb: str, overrides: Sequence[str], watch: Watch, inputs: Inputs, bases: Sequence[Base] = ()
) -> Iterator[None]:
    """Be the one writer of a study while a verb works; leave the settings, the times and a word on what was mended."""
    with folder.writing(f"safedose {verb}") as writer:
        _record(folder, overrides, inputs, bases)
        watch.writer = writer
        try:
            yield
        finally:
            watch.writer = None
            for note in writer.notes:
                watch.say(note)
            with suppress(OSError):  # a full disk has its own error already
                folder.log(event=verb, seconds={name: round(spent, 3) for name, spent in watch.seconds.items()})


Stage = Callable[[Study, Inputs, StudyFolder, Watch, Engines], object]
STAGES: dict[str, Stage] = {
    "mix": lambda study, inputs, folder, watch, _: pipeline.mix_doses(study, inputs, folder, watch),
    "tune": lambda study, _, folder, watch, engines: pipeline.tune_adapters(study, folder, watch, engines),
    "generate": pipeline.generate_responses,
    "judge": lambda study, inputs, folder, watch, _: pipeline.judge_responses(study, inputs, folder, watch),
    "estimate": lambda study, inputs, folder, watch, _: pipeline.estimate_endpoints(study, inputs, folder, watch),
    "report": lambda study, inputs, folder, watch, _: pipeline.write_report(study, inputs, folder, watch),
}


def run_stage(verb: str, place: Path, overrides: Sequence[str], watch: Watch, engines: Engines = LOCAL) -> StudyFolder:
    """Do one stage of a study on what the stage before left in its folder.

    Raises:
        InputError: For anything that could not work; stages that make what others build on are planned anew.
    """
    folder, study = open_study(place, overrides)
    require_free(folder.path)
    kept = _recorded(folder, overrides)
    planned = plan(folder.study_file, kept, engines, tell=watch.say) if verb in {"mix", "tune", "generate"} else None
    panel = (
        planned.panel if planned else load_panel(study, root=folder.path, look="must" if verb == "judge" else "never")
    )
    inputs = planned.inputs if planned else load_inputs(study, root=folder.path, panel=panel)
    check_judges(study, inputs)
    if verb != "mix" and not folder.arms() and not (study.adopts and planned):
        raise InputError(
            "this study has no arms yet", where=str(folder.path), cause="nothing was mixed or imported",
            fix=f"run `safedose mix {folder.path}` first",
        )  # fmt: skip
    require_before(verb, study, inputs, folder)
    if verb == "judge":
        fetch_models(study, root=folder.path)
    with _working(folder, verb, kept, watch, inputs, planned.bases if planned else ()):
        if planned:
            folder.seal(planned.seal)
        if verb == "judge":
            announce_judging(study, inputs, folder, watch.say)
        STAGES[verb](study, inputs, folder, watch, engines)
    if verb == "judge":
        for line in tell_verdicts(study, inputs, folder):
            watch.say(line)
    return folder


def open_study(place: Path, overrides: Sequence[str]) -> tuple[StudyFolder, Study]:
    """Open a study folder with its settings: the file, what `run --set` recorded, then the overrides given now."""
    folder = find_study(place)
    return folder, read_study(folder.study_file, overrides=_recorded(folder, overrides))


def _record(folder: StudyFolder, overrides: Sequence[str], inputs: Inputs, bases: Sequence[Base]) -> None:
    """Write down what ran: the settings that won over the file, so that later verbs use them too, and on what."""
    lock = {
        "overrides": list(overrides),
        "data": pinned(folder, inputs.pins),
        "commits": read_commits(folder.path) | {base.name: base.commit for base in bases if base.commit},
        "machine": dict(describe_machine()),
    }
    write_text(folder.path / "lock.json", json.dumps(lock, indent=1) + "\n")


def _recorded(folder: StudyFolder, overrides: Sequence[str]) -> list[str]:
    """List the settings that earlier verbs were given, then those given now; later ones win."""
    file = folder.path / "lock.json"
    kept = folder.lock().get("overrides") if file.exists() else []
    if not isinstance(kept, list) or not all(isinstance(one, str) for one in kept):
        raise InputError(
            "the settings that earlier verbs were given cannot be read", where=str(file),
            cause="the disk damaged the file, or somebody changed it by hand",
            fix="remove it, and give those settings again with --set",
        )  # fmt: skip
    given = [*kept, *overrides]
    return list(dict.fromkeys(reversed(given)))[::-1]  # each once, at its last place


def recommend_dose(place: Path, overrides: Sequence[str]) -> tuple[Recommendation, ...]:
    """Answer the question from an existing study, with whatever criteria are asked for now."""
    folder, study = open_study(place, overrides)
    require_criteria(study, str(folder.study_file))
    inputs = load_judges(study, root=folder.root)
    check_judges(study, inputs)
    summary, tuned = folder.summary(), folder.tuned_arms()
    asked = spell_criteria(study, inputs, tuned, summary.estimates, dict(read_expectations(study, folder)))
    return recommend_doses(study, asked, tuned, summary.estimates, summary.contrasts, folder.failures())


def status(place: Path) -> dict[str, Any]:
    """Say how far a study is and who works on it; reads only, also while another process writes.

    Returns:
        `name`; `arms`, how many; `stages`, the pair (done, in all) per stage that it has; `failures`, the trainings
        that broke off; `writer`, who works on it or did so last, None before the first; `next`, the command that goes
        on, None where nothing is left or somebody works on it.

    Raises:
        InputError: When it is no study.
        RunError: When what must be read is damaged.
    """
    for _ in range(4):  # what is being replaced at this moment is there at the next
        with suppress(RunError, OSError):
            return _status(place)
        time.sleep(0.05)
    return _status(place)


def _status(place: Path) -> dict[str, Any]:
    folder, study = open_study(place, ())
    units = planned_units(study, load_judges(study, root=folder.root), folder)
    stages = {stage: (sum(unit.exists() for unit in group), len(group)) for stage, group in units.items()}
    listed, failures = folder.outputs.listed() or {}, folder.failures()
    stages |= {"estimated": (int("summary.json" in listed), 1), "reported": (int("report.html" in listed), 1)}
    waiting = sum(total - done for done, total in stages.values()) - len(failures)
    writer = _writer(folder.path, finished=waiting <= 0)
    return {
        "name": study.name,
        "arms": len(folder.arms()),
        "stages": stages,
        "failures": [to_json(failure) for failure in failures],
        "writer": writer,
        "next": None if waiting <= 0 or (writer and writer["state"] == "working") else _next(study, folder, stages),
    }


def _next(study: Study, folder: StudyFolder, stages: Mapping[str, tuple[int, int]]) -> str:
    """Say how a study goes on: imported answers have no `run`, their stages are asked for one by one."""
    if study.asks:
        return f"safedose run {folder.study_file}"
    verbs = {"judged": "judge", "estimated": "estimate", "reported": "report"}
    stage = next(stage for stage, (done, total) in stages.items() if done < total)
    return f"safedose {verbs[stage]} {folder.path}"


def _writer(root: Path, *, finished: bool) -> dict[str, Any] | None:
    holder = read_holder(root)
    if not holder.alive and not holder.pid:
        return None
    silent = max(0.0, time.time() - (root / LOCK).stat().st_mtime)
    told = {name: value for name, value in asdict(holder).items() if name != "alive"}
    return {"state": "working" if holder.alive else "finished" if finished else "stopped", **told, "silent": silent}
