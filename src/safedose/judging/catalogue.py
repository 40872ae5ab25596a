"""Every judge safedose knows by id, and the way to one's own."""

from __future__ import annotations

from typing import get_args

from safedose.errors import InputError, nearest
from safedose.interfaces import Judge, load
from safedose.records import Axis

JUDGES: dict[str, str] = {
    "oracle": "safedose.smallworld.oracle:Oracle",
    "phrases": "safedose.judging.phrases:Phrases",
    "refusal": "safedose.judging.refusal:Refusal",
    "exact": "safedose.judging.exact:Exact",
}
"""Judge id to the dotted path of its class, imported only when asked for."""


def load_judge(name: str) -> Judge:
    """Make the judge of an id, or one's own from `package.module:name`.

    What a dotted path names is a class or a function; it is called without arguments.

    Raises:
        InputError: When the id is unknown, the path cannot be imported, or what it names makes no judge.
    """
    if name not in JUDGES and ":" not in name:
        raise InputError(
            f"unknown judge {name!r}; {nearest(name, JUDGES)}",
            where="the name of a judge",
            cause="the name is misspelt, or the judge is your own",
            fix=f"write one of {', '.join(JUDGES)}, or package.module:name for your own",
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
