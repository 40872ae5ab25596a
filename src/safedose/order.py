"""Which stage must have left its files before another can begin, found out before anything is written."""

from __future__ import annotations

from safedose.errors import InputError
from safedose.inputs import Inputs
from safedose.outcome import judged_units, judging_work
from safedose.records import UNTUNED
from safedose.store import StudyFolder
from safedose.study import Study


def require_before(verb: str, study: Study, inputs: Inputs, folder: StudyFolder) -> None:
    """Refuse a stage that would find nothing, or not enough, to work on.

    Args:
        verb: The stage that is asked for.
        study: Its settings.
        inputs: Its judges.
        folder: What earlier stages left; it has arms.

    Raises:
        InputError: Naming the stage to run first.
    """
    if study.adopts and verb in {"mix", "tune"}:
        raise InputError(
            f"there is nothing to {verb} in this study", where="tune.method: imported",
            cause="its adapters were trained elsewhere", fix=f"go on with `safedose generate {folder.path}`",
        )  # fmt: skip
    if verb == "tune" and not all(folder.mixture(arm).exists() for arm in folder.tuned_arms()):
        raise _too_early(folder, "mix", "some arms have no mixture")
    tuned = [arm for arm in folder.working_arms() if arm.run != UNTUNED]
    if verb == "generate" and not all(folder.adapter(arm).exists() for arm in tuned):
        raise _too_early(folder, "tune", "some arms have no adapter")
    if verb in {"judge", "estimate"}:
        work = judging_work(study, inputs, folder)
        if not work:
            raise _too_early(folder, "generate", "no arm has answered a suite of the study")
        if verb == "estimate" and not all(unit.exists() for unit in judged_units(folder, work)):
            raise _too_early(folder, "judge", "some answers are not judged")
    if verb == "report":
        folder.summary()  # says itself what to run


def _too_early(folder: StudyFolder, before: str, problem: str) -> InputError:
    return InputError(
        problem, where=str(folder.path), cause=f"the stage `{before}` has not run, or was stopped",
        fix=f"run `safedose {before} {folder.path}` first, or `safedose run` on the study file",
    )  # fmt: skip
