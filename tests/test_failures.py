"""A training that breaks off: the arm is marked, the others go on, the report says it, its dose is not recommended."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from safedose import commands
from safedose.engines import Engines
from safedose.errors import RunError, TrainingFailed
from safedose.findings import Summary
from safedose.interfaces import Tuner
from safedose.progress import Watch
from safedose.records import Adapter, Mixture
from safedose.store import StudyFolder
from safedose.testing import ScriptedGenerator, ScriptedTuner
from tiny_study import write_study


class Breaking:
    """A scripted tuner whose trainings break off where `breaks` says so."""

    def __init__(self, breaks: Any) -> None:
        self._breaks, self.tuned = breaks, list[str]()

    def tune(self, mixture: Mixture, **rest: Any) -> Adapter:
        self.tuned.append(mixture.arm)
        if self._breaks(mixture.arm):
            raise TrainingFailed(mixture.arm, "a loss of nan", step=7, loss=None, kept_step=6)
        return ScriptedTuner().tune(mixture, **rest)


def run(file: Path, tuner: Tuner) -> tuple[StudyFolder, Summary]:
    engines = Engines(
        tuner=lambda *_: tuner,
        generator=lambda *_: ScriptedGenerator(str.upper),
        count_tokens=lambda _base, _study, prompts: [len(prompt.text) for prompt in prompts],
    )
    return commands.run(file, [], Watch(quiet=True), engines)


@pytest.fixture
def finished(tmp_path: Path) -> tuple[StudyFolder, Summary]:
    """A study in which one of two trainings at dose 4 broke off."""
    return run(write_study(tmp_path), Breaking(lambda arm: arm.startswith("direct-instruction-4-s1.1")))


def test_failed_arm_is_marked_and_the_others_go_on(finished: tuple[StudyFolder, Summary]) -> None:
    folder, summary = finished

    (failure,) = summary.failures
    assert (failure.step, failure.kept_step) == (7, 6)
    assert json.loads((folder.path / "arms" / failure.arm / "failed.json").read_text())["step"] == 7
    assert len(folder.working_arms()) == len(folder.arms()) - 1


def test_failed_arm_is_not_asked(finished: tuple[StudyFolder, Summary]) -> None:
    folder, summary = finished
    arm = folder.path / "arms" / summary.failures[0].arm

    assert sorted(file.name for file in arm.iterdir()) == [
        "failed.json", "failed.json.manifest.json", "mixture.parquet", "mixture.parquet.manifest.json",
    ]  # fmt: skip


def test_failed_arm_is_not_tried_again(finished: tuple[StudyFolder, Summary]) -> None:
    tuner = Breaking(lambda _: False)

    _, summary = run(finished[0].study_file, tuner)

    assert tuner.tuned == []
    assert summary == finished[1]


def test_dose_at_which_a_training_failed_is_not_recommended(finished: tuple[StudyFolder, Summary]) -> None:
    (recommendation,) = finished[1].recommendations

    assert recommendation.dose != 4
    assert " Dose 4: a training at this dose broke off" in recommendation.advice


def test_report_shows_the_failure(finished: tuple[StudyFolder, Summary]) -> None:
    page = (finished[0].path / "report.html").read_text()

    assert "1 of 4 trainings failed" in page
    assert "gave a loss of nan at step 7" in page


def test_study_in_which_all_trainings_fail_stops(tmp_path: Path) -> None:
    with pytest.raises(RunError, match=r"all 4 trainings failed: the training of \S+ gave a loss of nan"):
        run(write_study(tmp_path), Breaking(lambda _: True))
