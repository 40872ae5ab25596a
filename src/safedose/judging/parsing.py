"""Reading a verdict out of what a judge wrote: one line in an agreed form, or it is no verdict.

Grammar, and nothing else: the last line with a visible character is `verdict MARK: name=value ...`, every name once in
the agreed order, every value one of the agreed ones; upper and lower case are alike, spaces may be more, and the line
may stand in backticks, asterisks or underscores, with which no agreed value begins or ends. The mark is that of the
request. Any other line that holds the mark must say the same. What the judge writes before is not read. No text means a
verdict unless this grammar says so.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import NamedTuple

_DRESS = "`*_ \t"
_MOST_SHOWN = 200


class Read(NamedTuple):
    """What was said, by name; None, with what is wrong, where nothing can be read."""

    said: dict[str, str] | None
    problem: str = ""


def read_verdict(text: str, *, mark: str, answers: Mapping[str, Sequence[str]]) -> Read:
    """Read a judge's answer by the grammar above; total: any text gives a verdict or a problem.

    Args:
        text: What the judge wrote.
        mark: The mark of the request.
        answers: What is to be said, in order, and the values it may have, in lower case.
    """
    lines = [line.strip(_DRESS) for line in text.splitlines() if line.strip(_DRESS)]
    marked = [line for line in lines if mark in line.lower()]
    if not marked:
        return Read(None, "no verdict with the mark of the request")
    form = re.compile(
        rf"verdict\s+{re.escape(mark)}\s*:\s*"
        + r"\s+".join(rf"{re.escape(name)}\s*=\s*([a-z0-9_]+)" for name in answers),
        re.ASCII,
    )
    found = [form.fullmatch(line.lower()) for line in marked]
    if not all(found) or lines[-1] != marked[-1]:
        return Read(None, "the verdict does not stand alone in the last line, in the form that was asked for")
    said = {match.groups() for match in found if match}
    if len(said) > 1:
        return Read(None, f"{len(said)} different verdicts")
    values = dict(zip(answers, said.pop(), strict=True))
    wrong = [f"{name}={value}" for name, value in values.items() if value not in answers[name]]
    return Read(None, f"not an answer that was asked for: {', '.join(wrong)}") if wrong else Read(values)


def quoted(text: str) -> str:
    """Shorten what a judge wrote to one line, for a reason."""
    line = " ".join(text.encode(errors="replace").decode().split())
    return repr(line if len(line) <= _MOST_SHOWN else f"{line[:_MOST_SHOWN]}...")
