"""The judges of a study, and the models that they read with on this machine."""

from __future__ import annotations

from pathlib import Path
from typing import Literal, NamedTuple

from safedose.bases import Base
from safedose.errors import InputError, Unfetched, nearest
from safedose.interfaces import Judge
from safedose.judgechoice import JudgeChoice
from safedose.judging.catalogue import load_judge
from safedose.judging.localmodel import describe_model, find_model, model_of
from safedose.judging.rubricfile import load_rubric
from safedose.study import Study

Look = Literal["must", "may", "never"]
"""Whether to find out about models of judges, without fetching weights. `must`: one that cannot be known is an error;
`may`: one on the Hub, where that cannot be reached, is noted; `never`: nobody is asked."""


class Panel(NamedTuple):
    """Who judges a study.

    Attributes:
        judges: In the order of the study file.
        models: What they read with on this machine, in their order, those of the Hub perhaps without weights; empty
            where nobody looked.
        unknown: Models on the Hub that were not fetched before, where it cannot be reached.
    """

    judges: tuple[Judge, ...]
    models: tuple[Base, ...]
    unknown: tuple[Unfetched, ...]


def load_panel(study: Study, *, root: Path, look: Look) -> Panel:
    """Load the judges of a study; no weights are fetched or loaded.

    Args:
        study: Its settings.
        root: Its folder, from which relative paths start.
        look: Whether to find out about the models that judges read with.

    Raises:
        InputError: When there is no such judge or model, or then: a criterion names a judge that the study has not.
    """
    judges: list[Judge] = []
    models: list[Base] = []
    unknown: list[Unfetched] = []
    for choice in study.judges:
        try:
            judges.append(load_judge(choice, root=root, look=look != "never"))
            if look != "never" and model_of(choice) is not None:
                models.append(describe_model(choice, root))
        except Unfetched as absent:
            if look != "may":
                raise
            unknown.append(absent)
            judges.append(load_judge(choice, root=root, look=False))
    _require_named(study)
    return Panel(tuple(judges), tuple(models), tuple(unknown))


def fetch_models(study: Study, *, root: Path) -> None:
    """Fetch the weights of all models that judges read with on this machine, where they are not here.

    Raises:
        InputError: When one cannot be had.
    """
    for choice in study.judges:
        if model_of(choice) is not None:
            find_model(choice, root)


def describe_reading(choice: JudgeChoice, root: Path) -> str:
    """Say what a judge reads with: its model and where that is, its rubric with version and hash, its threshold.

    Empty for a judge that reads with no model.
    """
    model = model_of(choice)
    if choice.endpoint is None and model is None:
        return ""
    told = [f"model {choice.endpoint.model} by {choice.endpoint.host}" if choice.endpoint else f"model {model}, here"]
    if choice.judge.startswith("rubric:"):
        path = None if choice.path is None else root / choice.path
        told.append(f"rubric {load_rubric(choice.judge.partition(':')[2], path).name}")
    if choice.threshold is not None:
        told.append(f"threshold {choice.threshold:g}")
    return ", ".join(told)


def _require_named(study: Study) -> None:
    """Require of every criterion that the study has the judge it names.

    That is looked at when all judges are known to be: else a judge misspelt in `judges` would be told as a mistake of
    the criterion that names it well.
    """
    known = [choice.id for choice in study.judges]
    for name, limit in study.criteria.limits.items():
        if limit.judge is not None and limit.judge not in known:
            raise InputError(
                f"criteria name judge {limit.judge!r}, which judges lacks; {nearest(limit.judge, known)}",
                where=f"criteria.{name}.judge", cause="the name is misspelt, or the judge was dropped",
                fix="write the name of a judge as `judges` has it, or drop the setting",
            )  # fmt: skip
