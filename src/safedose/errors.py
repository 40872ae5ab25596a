"""Every error a user can meet, and the four parts its message has.

    SafedoseError            what happened, where, likely cause, what to do
    ├── InputError           exit 2: wrong input, found before any work
    │   └── Unfetched        something published is not on this machine yet
    ├── GateError            exit 3: a gate the study sets would not be met (the money is spent); work stopped before
    └── RunError             exit 1: work that failed
        └── TrainingFailed   one arm gave numbers that are not finite; the others go on

That no dose is in the window is an answer, not an error: `recommend` exits 3 for it. Nor is an
interruption (Ctrl-C, SIGTERM): it exits 130 with one line that says how to go on.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable

_CONTROL = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")
"""Control characters but the end of a line, and those that turn the direction of writing."""


class SafedoseError(Exception):
    """Something a user can act on; printed as four short parts, never as a traceback.

    Args:
        what: What is wrong, naming the offending value.
        where: File, row, key or unit it was found in.
        cause: The likely reason, in one sentence.
        fix: What to do now, in one sentence.
    """

    exit_code = 1

    def __init__(self, what: str, *, where: str, cause: str, fix: str) -> None:
        # what a file or a library says may have lines of its own: each part stays on one
        self.what, self.where, self.cause, self.fix = (" ".join(part.split("\n")) for part in (what, where, cause, fix))
        super().__init__(f"{self.what}\n  where: {self.where}\n  cause: {self.cause}\n  fix:   {self.fix}")


class InputError(SafedoseError):
    """The input cannot be used as it is; nothing was started and nothing was written."""

    exit_code = 2


class Unfetched(InputError):  # noqa: N818 - a state, not a fault: `plan` goes on and names it
    """Something that is published is not on this machine, and was not, or could not be, fetched.

    Attributes:
        source: Its id in the catalogue of data; empty for what is not in it.
    """

    def __init__(self, what: str, *, where: str, cause: str, fix: str, source: str = "") -> None:
        super().__init__(what, where=where, cause=cause, fix=fix)
        self.source = source


class GateError(SafedoseError):
    """A gate the study sets would not be met, so the work stopped before it; what was finished is kept."""

    exit_code = 3


class RunError(SafedoseError):
    """Work was started and failed; what was finished before is kept."""

    exit_code = 1


class TrainingFailed(RunError):  # noqa: N818 - the arm's state in the study has this name
    """The training of one arm ran into numbers that are not finite; it stopped there, and other arms can go on.

    Args:
        arm: Id of the arm.
        found: What was not finite, such as `a loss of nan`.
        step: Optimizer step at which it was seen, from 1.
        loss: Training loss of that step; None when that is what was not finite.
        kept_step: Step of the newest good checkpoint, which is kept; None when there is none.
    """

    def __init__(self, arm: str, found: str, *, step: int, loss: float | None, kept_step: int | None) -> None:
        super().__init__(
            f"the training of {arm} gave {found} at step {step}", where=f"arms/{arm}",
            cause="the learning rate is too high for this base, or the data hold broken rows",
            fix="lower tune.learning_rate and run again; finished arms are kept",
        )  # fmt: skip
        self.step = step
        self.loss = loss
        self.kept_step = kept_step


def nearest(word: str, known: Iterable[str]) -> str:
    """Name what the user probably meant, as the end of a sentence.

    Returns:
        `did you mean 'x'?` when a known word is close, else `known are: a, b, c`.
    """
    words = sorted(known)
    close = difflib.get_close_matches(word, words, n=1, cutoff=0.6)
    return f"did you mean {close[0]!r}?" if close else f"known are: {', '.join(words)}"


def plain(text: str) -> str:
    """Replace what a terminal would obey: text that a file, a person or a model wrote may hold anything."""
    return _CONTROL.sub("\ufffd", text)
