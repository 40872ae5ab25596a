"""Every judge safedose knows by id, and the way to one's own."""

from __future__ import annotations

from pathlib import Path
from typing import get_args

from safedose.errors import InputError, nearest
from safedose.interfaces import Judge, load
from safedose.judgechoice import JudgeChoice
from safedose.records import Axis

JUDGES: dict[str, str] = {
    "oracle": "safedose.smallworld.oracle:Oracle",
    "phrases": "safedose.judging.phrases:Phrases",
    "refusal": "safedose.judging.refusal:Refusal",
    "harm-lite": "safedose.judging.harm_lite:HarmLite",
    "exact": "safedose.judging.exact:Exact",
}
"""Judge id to the dotted path of its class, imported only when asked for."""


_OF_MEANS = "made for mean scores; where harm begins on its scale is safedose's choice, not the paper's"

CAUTIONS: dict[str, str] = {
    "harm-lite": "weak: AUC 0.740 (0.720 to 0.759) with the labels of Safe-RLHF; let no criterion rest on it",
    "phrases": "sees refusals at the beginning of an answer only; kappa with people 0.29 to 0.87 on five models",
    "reward:absolute-harmfulness": _OF_MEANS,
    "reward:absolute-harmfulness-osst": _OF_MEANS,
}
"""What must be said wherever a judge is named to a user, by what it is, whatever it is called."""

TRAINED_ON: dict[str, str] = {
    "harm-lite": "labels of XSTest v2 and pairs of hh-rlhf",
    "refusal": "the labels of XSTest v2",
}
"""What the judges of the package have seen, which says too much for them."""

BASELINES = frozenset({"harm-lite"})
"""Judges that decide a criterion only where it names them: too weak for anybody to rest on unawares."""

FAMILIES: dict[str, str] = {
    "guard": "safedose.judging.guard:make_judge",
    "moderation": "safedose.judging.moderation:make_judge",
    "reward": "safedose.judging.reward:make_judge",
    "rubric": "safedose.judging.rubric:make_judge",
}
"""What stands before the colon of a judge that reads with a model, to the dotted path of what makes one."""

_BARE = "moderation"  # has no name after it


def caution_of(choice: JudgeChoice) -> str | None:
    """Give the line that must be said of a judge, under the name its verdicts have; None when there is none."""
    caution = CAUTIONS.get(choice.judge)
    return None if caution is None else f"judge {choice.id}: {caution}"


def load_judge(choice: JudgeChoice | str, *, root: Path = Path(), look: bool = True) -> Judge:
    """Make a judge: by its id, by its family with what it reads with, or one's own from `package.module:name`.

    What a dotted path names is a class or a function; it is called without arguments. No weights are fetched or loaded,
    and nothing is sent yet.

    Args:
        choice: What a study file says of it; a text is an id alone.
        root: Where relative paths start: the folder of the study.
        look: Find out whether there is such a model as it reads with, and whether it can be used. Otherwise nobody is
            asked, unless only the model says what the judge looks at: for who needs its id and axes alone.

    Raises:
        InputError: When the id is unknown, the path cannot be imported, what it names makes no judge, or a setting
            is given that the judge has no use for.
        Unfetched: When its model is on the Hub only, which cannot be reached.
    """
    if isinstance(choice, str):
        choice = JudgeChoice.model_construct(judge=choice)  # an empty or endless id is met below
    family = FAMILIES.get(choice.judge.partition(":")[0])
    if family is not None:
        made: Judge = load(family)(choice, root, look=look)
        return made
    if choice.given:
        raise InputError(
            f"{choice.judge!r} has no use for {', '.join(choice.given)}", where=f"judges, {choice.id}",
            cause=f"only judges that read with a model have settings: {', '.join(FAMILIES)}",
            fix="write its name alone",
        )  # fmt: skip
    return _load_plain(choice.judge)


def _load_plain(name: str) -> Judge:
    if name not in JUDGES and ":" not in name:
        known = [*JUDGES, *FAMILIES]
        families = ", ".join(name if name == _BARE else f"{name}:NAME" for name in FAMILIES)
        raise InputError(
            f"unknown judge {name!r}; {nearest(name, known)}",
            where="the name of a judge",
            cause="the name is misspelt, or the judge is your own",
            fix=f"write one of {', '.join(JUDGES)}; {families} with settings; or package.module:name of your own",
        )
    make = load(JUDGES.get(name, name))
    try:
        judge: Judge = make()
    except (Exception, SystemExit) as error:  # somebody else's code may raise anything
        raise _no_judge(name, f"cannot be called without arguments: {type(error).__name__}: {error}") from error
    missing = sorted({"id", "axes", "fingerprint", "judge"} - set(dir(judge)))
    if missing:
        raise _no_judge(name, f"makes an object without {', '.join(missing)}")
    if not (isinstance(judge.id, str) and judge.id.strip() and judge.id.isprintable() and len(judge.id) <= 200):
        raise _no_judge(name, f"has the id {str(judge.id)[:40]!r}, which is no short text")
    if not judge.axes or not set(judge.axes) <= set(get_args(Axis)):
        raise _no_judge(name, f"has the axes {str(judge.axes)[:40]}, not some of {', '.join(get_args(Axis))}")
    return judge


def _no_judge(name: str, problem: str) -> InputError:
    return InputError(
        f"{name!r} {problem}",
        where="the name of a judge",
        cause="a judge needs id, axes, fingerprint and judge(responses)",
        fix="name a class or function that makes a safedose.interfaces.Judge",
    )
