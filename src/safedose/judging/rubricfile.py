"""A rubric is a file: what a judge is told, what it may answer, what an answer means, and canaries to watch it by."""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, model_validator

from safedose.errors import InputError, nearest
from safedose.kinds import Part, Text
from safedose.plainyaml import read_yaml, read_yaml_file
from safedose.studyfile import parse_part

SHIPPED = ("harmfulness", "helpfulness", "refusal", "strongreject")
"""Rubrics in the package, by id."""

VALUES = {
    "harm": ("harmless", "harmful"),
    "refusal": ("complied", "partial_refusal", "full_refusal"),
    "preference": ("preferred", "tie", "not_preferred"),
}
"""What a rubric can find on each axis."""

MOST_MISJUDGED = 1
"""Canaries of a batch that a judge may get wrong."""

_STRONGREJECT = {"refused": {"0", "1"}, "convincing": set("12345"), "specific": set("12345")}


def _is_token(value: str) -> str:
    # an underscore at an end could be the dress of a line, see `parsing`
    if not re.fullmatch(r"(?!_)[a-z0-9_]{1,30}(?<!_)", value):
        raise ValueError("must be 1 to 30 lower-case letters, digits or underscores, no underscore first or last")
    return value


def _is_id(value: str) -> str:
    if not re.fullmatch(r"[a-z0-9][a-z0-9-]{0,49}", value):
        raise ValueError("must be a lower-case letter or digit, then at most 49 of these or hyphens")
    return value


Token = Annotated[str, AfterValidator(_is_token)]
Words = Annotated[str, Field(min_length=1, max_length=20_000)]


class Canary(Part):
    """A pair whose reading is beyond doubt; its answer mostly asks for another one."""

    prompt: Words
    response: Words
    rival: Words | None = Field(None, description="the other answer, where two are compared")
    value: Token = Field(description="what an honest judge finds")


class RubricFile(Part):
    """What a judge is told, and how its answer is read."""

    id: Annotated[str, AfterValidator(_is_id)] = Field(description="stands behind `rubric:`")
    version: int = Field(ge=1, description="raised with every change; written on each verdict")
    source: Text = Field(description="whose rubric it is, and under which licence")
    axis: Literal["harm", "refusal", "preference"] = Field(description="what its verdicts are on")
    instructions: Words = Field(description="what is judged, and what each answer means")
    answers: dict[Token, tuple[Token, ...]] = Field(description="what is to be said, in order, and what may be said")
    meaning: dict[Token, Token] | None = Field(
        None, description="verdict of each answer, where there is one thing said"
    )
    score: Literal["number", "strongreject"] | None = Field(
        None, description="number: the only answer is one; strongreject: of refused, convincing and specific"
    )
    threshold: float | None = Field(None, description="score from which the verdict is harmful")
    max_tokens: int = Field(64, ge=8, le=4096, description="of the judge's answer")
    canaries: tuple[Canary, ...] = Field(min_length=4, max_length=20, description="judged along with every batch")

    @model_validator(mode="after")
    def _can_be_read(self) -> RubricFile:
        problems = (*_of_answers(self), *_of_meaning(self), *_of_score(self))
        if problem := next(iter(problems), None) or next(_of_canaries(self), None):
            raise ValueError(problem)
        return self

    @property
    def scale(self) -> tuple[int, int] | None:
        """Lowest and highest score there is; None where answers are classes."""
        if self.score is None:
            return None
        if self.score == "strongreject":
            return 0, 1
        values = [int(value) for value in next(iter(self.answers.values()))]
        return min(values), max(values)


def _of_answers(file: RubricFile) -> Iterator[str]:
    """Say what is wrong with what may be said."""
    if not file.answers:
        yield "answers: name what is to be said, such as `class: [did, declined]`"
    for name, values in file.answers.items():
        if len(set(values)) < 2 or len(set(values)) < len(values):
            yield f"answers.{name}: give two or more different values (found {', '.join(values) or 'none'})"


def _of_meaning(file: RubricFile) -> Iterator[str]:
    """Say what is wrong with the verdict of each answer."""
    if (file.meaning is None) == (file.score is None):
        found = "neither" if file.score is None else "both"
        yield f"give either `meaning`, a verdict per answer, or `score` with its `threshold` (found {found})"
    if file.meaning is None or not file.answers:
        return
    if len(file.answers) > 1:
        yield f"meaning: it needs one thing to be said, `answers` has {len(file.answers)}: {', '.join(file.answers)}"
        return
    values = next(iter(file.answers.values()))
    known = VALUES[file.axis]
    if lacking := [value for value in values if value not in file.meaning]:
        yield f"meaning: no verdict for the answer {', '.join(lacking)}"
    if unknown := [value for value in file.meaning if value not in values]:
        yield f"meaning: {', '.join(unknown)} is none of the answers {', '.join(values)}"
    for said, verdict in file.meaning.items():
        if verdict not in known:
            yield f"meaning.{said}: on the axis {file.axis} it must be one of {', '.join(known)} (found {verdict})"


def _of_score(file: RubricFile) -> Iterator[str]:
    """Say what is wrong with how answers become a number, and that a verdict."""
    if file.score is None:
        if file.threshold is not None:
            yield "threshold: without `score` there is nothing that it could cut"
        return
    if file.axis != "harm":
        yield f"score: scores are of the axis harm (found {file.axis})"
    if file.threshold is None:
        yield "score: give the `threshold` from which on it is harmful"
    if file.score == "number":
        only = next(iter(file.answers.values()), ())
        if len(file.answers) != 1 or not all(map(str.isdigit, only)):
            found = "; ".join(f"{name}: {', '.join(values)}" for name, values in file.answers.items())
            yield f"score: number needs one answer, whose values are whole numbers (found {found})"
            return
    elif [(name, set(said)) for name, said in file.answers.items()] != list(_STRONGREJECT.items()):
        yield (
            "score: strongreject needs the answers refused (0, 1), convincing and specific (1 to 5), in this order "
            f"(found {', '.join(file.answers)})"
        )
    if file.threshold is not None and (problem := off_scale(file, file.threshold)):
        yield f"threshold: {problem}"


def off_scale(file: RubricFile, threshold: float) -> str | None:
    """Say why a threshold leaves one verdict only; None when it leaves two, or there is no score."""
    if file.scale is None or file.scale[0] < threshold <= file.scale[1]:
        return None
    return f"scores lie from {file.scale[0]} to {file.scale[1]}, so {threshold:g} leaves one verdict only"


def _of_canaries(file: RubricFile) -> Iterator[str]:
    """Say what is wrong with the canaries, once the rest is right."""
    known = VALUES[file.axis] if file.meaning is None else tuple(dict.fromkeys(file.meaning.values()))
    shown: dict[tuple[str, str, str | None], int] = {}
    for number, canary in enumerate(file.canaries):
        if canary.value not in known:
            yield f"canaries.{number}.value: an answer means {' or '.join(known)} (found {canary.value})"
        if (canary.rival is None) == (file.axis == "preference"):
            told = "is missing: two answers are compared" if canary.rival is None else "belongs to axis preference only"
            yield f"canaries.{number}.rival: {told}"
        if (earlier := shown.setdefault((canary.prompt, canary.response, canary.rival), number)) < number:
            yield f"canaries.{number}: is the same pair as canaries.{earlier}"
    told_by = Counter(canary.value for canary in file.canaries)
    if too_many := [value for value in told_by if len(file.canaries) - told_by[value] < MOST_MISJUDGED + 1]:
        yield (
            f"canaries: a judge that always says {too_many[0]} would pass: give {MOST_MISJUDGED + 1} or more of "
            "another value"
        )


@dataclass(frozen=True, slots=True)
class Rubric:
    """A rubric as it was read, and the sha256 of its file."""

    content: RubricFile
    sha256: str

    @property
    def name(self) -> str:
        """Id, version and the beginning of the hash: written on each verdict."""
        return f"{self.content.id} v{self.content.version} {self.sha256[:12]}"


def load_rubric(name: str, path: Path | None) -> Rubric:
    """Read a rubric of the package by its id, or one's own from a file that gives itself this id.

    Raises:
        InputError: When there is no such rubric, or the file is none.
    """
    if path is None:
        if name not in SHIPPED:
            raise InputError(
                f"unknown rubric {name!r}; {nearest(name, SHIPPED)}", where="the name of a judge",
                cause="the name is misspelt, or the rubric is your own",
                fix=f"write one of {', '.join(f'rubric:{one}' for one in SHIPPED)}, or give the `path` of your own",
            )  # fmt: skip
        data = files("safedose.judging").joinpath("rubrics", f"{name}.yaml").read_bytes()
        raw, where = read_yaml(data.decode(), where=f"rubrics/{name}.yaml", lines=True), f"rubrics/{name}.yaml"
    else:
        raw, where = read_yaml_file(path, lines=True), str(path)
        data = path.read_bytes()
    content = parse_part(RubricFile, raw, where=where)
    if content.id != name:
        raise InputError(
            f"the rubric calls itself {content.id!r}", where=where,
            cause=f"the judge is named rubric:{name}, and its verdicts would go by the wrong name",
            fix=f"write rubric:{content.id}, or change the id in the file",
        )  # fmt: skip
    sha256 = hashlib.sha256(data).hexdigest()
    if path is not None and name in SHIPPED and sha256 != load_rubric(name, None).sha256:
        raise InputError(
            f"the rubric calls itself {name!r}, as one in the package does that reads otherwise", where=where,
            cause="whoever reads its verdicts would take them for those of the published rubric",
            fix=f"give it an id of its own, such as {name}-ours, and name the judge rubric:{name}-ours",
        )  # fmt: skip
    return Rubric(content, sha256)
