"""Every error a user can meet, and the four parts its message has.

    SafedoseError            what happened, where, likely cause, what to do
    ├── InputError           exit 2: wrong input, found before any work
    └── RunError             exit 1: work that failed

A gate that is not met (no dose in the window) is an answer, not an error: `recommend` exits 3. Nor is an
interruption (Ctrl-C, SIGTERM): it exits 130 with one line that says how to go on.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable


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
        super().__init__(f"{what}\n  where: {where}\n  cause: {cause}\n  fix:   {fix}")
        self.what = what
        self.where = where
        self.cause = cause
        self.fix = fix


class InputError(SafedoseError):
    """The input cannot be used as it is; nothing was started and nothing was written."""

    exit_code = 2


class RunError(SafedoseError):
    """Work was started and failed; what was finished before is kept."""

    exit_code = 1


def nearest(word: str, known: Iterable[str]) -> str:
    """Name what the user probably meant, as the end of a sentence.

    Returns:
        `did you mean 'x'?` when a known word is close, else `known are: a, b, c`.
    """
    words = sorted(known)
    close = difflib.get_close_matches(word, words, n=1, cutoff=0.6)
    return f"did you mean {close[0]!r}?" if close else f"known are: {', '.join(words)}"
