"""The study folder: its plan, its places, its log, and how a study is found."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from safedose.codec import write_json
from safedose.errors import InputError, RunError
from safedose.findings import Summary
from safedose.naming import new_arm
from safedose.records import UNTUNED, Arm, Failure
from safedose.store import StudyFolder, find_study
from safedose.store.seal import Seal


def make_arm(**changes: Any) -> Arm:
    cell = {"base": "b", "run": "default", "ladder": "add", "strategy": "direct", "format": "question", "dose": 3}
    return new_arm(**(cell | {"draw_seed": 0, "train_seed": 0, "made_of": "test"} | changes))


def make_seal(*arms: Arm) -> Seal:
    return Seal(made_of={"seed": 1}, arms=arms, batches={("b", "s"): ((1, 0), (2,))})


def test_arms_are_read_back_in_order(tmp_path: Path) -> None:
    arms = (make_arm(dose=5), make_arm(), make_arm(run=UNTUNED, dose=0, strategy="none", format="none"))
    folder = StudyFolder(tmp_path)

    folder.seal(make_seal(*arms))

    assert folder.arms() == arms
    assert folder.tuned_arms() == arms[:2]


def test_study_without_a_plan_has_no_arms(tmp_path: Path) -> None:
    assert StudyFolder(tmp_path).arms() == ()


def test_two_judges_never_share_a_file(tmp_path: Path) -> None:
    folder = StudyFolder(tmp_path)

    assert folder.verdicts(make_arm(), "a:b", "s").path != folder.verdicts(make_arm(), "a-b", "s").path


def test_verdicts_stay_inside_the_study_whatever_the_judge_is_called(tmp_path: Path) -> None:
    for judge in ("..", "../..", "/etc", "a/b"):
        path = StudyFolder(tmp_path).verdicts(make_arm(), judge, "s").path

        assert path.resolve().is_relative_to(tmp_path.resolve() / "arms" / make_arm().id / "verdicts")


def test_log_line_that_a_kill_cut_short_is_left_out(tmp_path: Path) -> None:
    folder = StudyFolder(tmp_path)
    folder.log(event="run", seconds={"mix": 1.0})
    with (tmp_path / "log.jsonl").open("a") as stream:
        stream.write('{"event": "ru')

    assert folder.events() == [{"event": "run", "seconds": {"mix": 1.0}}]


def test_study_without_summary_says_what_to_run(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no summary that can be read(.|\n)*safedose estimate"):
        StudyFolder(tmp_path).summary()


def test_summary_is_read_back(tmp_path: Path) -> None:
    summary = Summary(name="tiny", arms=(make_arm(),), estimates=(), recommendations=())
    StudyFolder(tmp_path).write_summary(summary)

    assert StudyFolder(tmp_path).summary() == summary


def test_study_is_found_by_its_file_or_folder(tmp_path: Path) -> None:
    (tmp_path / "study.yaml").write_text("name: tiny\n")

    assert find_study(tmp_path).path == find_study(tmp_path / "study.yaml").path == tmp_path


def test_folder_that_is_no_study_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="is no study folder"):
        find_study(tmp_path)


def test_sealed_batches_are_read_back(tmp_path: Path) -> None:
    StudyFolder(tmp_path).seal(make_seal(make_arm()))

    assert StudyFolder(tmp_path).batches("b", "s") == ((1, 0), (2,))


def test_sealing_the_same_again_writes_nothing(tmp_path: Path) -> None:
    StudyFolder(tmp_path).seal(make_seal(make_arm()))
    before = (tmp_path / "plan.jsonl").stat().st_mtime_ns

    StudyFolder(tmp_path).seal(make_seal(make_arm()))

    assert (tmp_path / "plan.jsonl").stat().st_mtime_ns == before


def test_flipped_bit_of_the_plan_is_found(tmp_path: Path) -> None:
    StudyFolder(tmp_path).seal(make_seal(make_arm()))
    text = (tmp_path / "plan.jsonl").read_text()
    (tmp_path / "plan.jsonl").write_text(text.replace('"dose": 3', '"dose": 2'))

    with pytest.raises(RunError, match="the sealed plan cannot be read"):
        StudyFolder(tmp_path).arms()


def test_arm_whose_training_failed_is_not_asked(tmp_path: Path) -> None:
    good, bad = make_arm(), make_arm(dose=4)
    folder = StudyFolder(tmp_path)
    folder.seal(make_seal(good, bad))
    failure = Failure(arm=bad.id, step=3, reason="the loss is nan", kept_step=2)
    with folder.failure(bad, key="k").commit() as path:
        write_json(path, failure)

    assert folder.failures() == (failure,)
    assert folder.working_arms() == (good,)
    assert folder.tuned_arms() == (good, bad)


def test_line_after_one_that_a_kill_cut_short_is_read(tmp_path: Path) -> None:
    (tmp_path / "log.jsonl").write_text('{"event": "ru')
    folder = StudyFolder(tmp_path)

    folder.log(event="run")

    assert folder.events() == [{"event": "run"}]
