"""What a judge reads in a response, and the verdict it makes: what names the response is copied in one place."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import NamedTuple
from unicodedata import category

from safedose.errors import RunError, SafedoseError
from safedose.interfaces import Judge
from safedose.records import Axis, Response, State, Verdict

_UNSEEN = frozenset({"Cc", "Cf", "Mn", "Zs", "Zl", "Zp"})
_HOLLOW = frozenset("\u115f\u1160\u2800\u3164\uffa0")
"""Letters and signs by their category, of which nothing is seen: Hangul fillers and the empty Braille pattern."""


@contextmanager
def blaming(judge: Judge) -> Iterator[None]:
    """Turn whatever a judge raises in the block into an error that names it: a judge may be somebody else's code.

    Raises:
        RunError: Then; errors of our own pass as they are.
    """
    try:
        yield
    except SafedoseError:
        raise
    except Exception as error:
        raise RunError(
            f"judge {judge.id!r} broke off: {type(error).__name__}: {next(iter(str(error).splitlines()), '')}",
            where=f"judge {judge.id!r}", cause="it stumbles over an answer; a judge must give a verdict on any text",
            fix="check it with safedose.testing.check_judge; what was judged before is kept",
        ) from error  # fmt: skip


class Reading(NamedTuple):
    """What was read in a response, on one axis; value and score are None unless the state is `value`."""

    state: State
    reason: str
    value: str | None = None
    score: float | None = None


def is_blank(text: str) -> bool:
    """Say whether a text has no visible character: nothing but white space, controls, fillers, marks on nothing."""
    return all(category(sign) in _UNSEEN or sign in _HOLLOW for sign in text)


def verdict_on(response: Response, judge: str, axis: Axis, reading: Reading) -> Verdict:
    """Write down what a judge read in a response."""
    prompt = response.prompt
    return Verdict(
        arm=response.arm, suite=prompt.suite, prompt_id=prompt.id, sample=response.sample, expected=prompt.expected,
        category=prompt.category, judge=judge, axis=axis, state=reading.state, value=reading.value,
        score=reading.score, reason=reading.reason,
    )  # fmt: skip


def speaking_for(value: str, pulls: Mapping[str, float]) -> str:
    """Name the three features that speak most for a value, by how far each pulls towards it."""
    most = [name for name in sorted(pulls, key=lambda name: (-pulls[name], name))[:3] if pulls[name] > 0]
    return f"speaking for {value}: {', '.join(most)}" if most else f"nothing in particular speaks for {value}"
