"""Overlap: which test prompts stand in the training rows, word for word or nearly so.

A model that was trained on a test prompt shows what it has by heart. Each pair of a prompt and a row is reported once,
at the strongest level it reaches:

    exact        the same text, sign for sign
    normalised   the same words: case, spacing and punctuation aside
    13-gram      a run of 13 words in common; a prompt of fewer words can only be found by the other levels
    near         spelt nearly the same: Jaccard similarity of 5-character shingles from 0.85

The first two and the last compare what users say; the first two also each paragraph of a row of at least five words,
since an instruction may have an input below it. A run of words also counts where a row answers with it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple, get_args

from safedose.data.likeness import near_pairs, normal, shared_runs
from safedose.records import Example, Prompt, Role, Turn

Level = Literal["exact", "normalised", "13-gram", "near"]
"""How a prompt and a row match."""

LEVELS: tuple[Level, ...] = get_args(Level)
"""The levels, strongest first."""

Place = Literal["prompt", "response"]
"""Where in a row: in what a user says, or in what the assistant answers."""

MIN_TURN = 5
"""Words from which one turn of a conversation is compared on its own: "go on" says nothing about a test."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Match:
    """One test prompt that stands in one training row; never their texts, so that it can be shown.

    Attributes:
        level: How they match.
        suite, prompt: Suite and id of the prompt.
        role: Why the row may be trained on.
        source, row: The row, as in `Example`; rows count from 0.
        place: Where in the row.
        similarity: In (0, 1]: 1 for the first two levels; the share of the prompt's 13-word runs that the row has;
            the Jaccard similarity of `near`.
    """

    level: Level
    suite: str
    prompt: str
    role: Role
    source: str
    row: int
    place: Place
    similarity: float


class _Said(NamedTuple):
    """Texts, each once in its normal form, and for each the positions of the prompts or rows that have it."""

    texts: list[str]
    owners: list[list[int]]


def find_matches(
    rows: Sequence[tuple[Role, Example]], prompts: Sequence[Prompt], *, answers: bool = True
) -> tuple[Match, ...]:
    """Find every pair of a test prompt and a training row that match.

    Of a conversation every user turn of at least five words counts, on both sides; of one that has none, the last.

    Args:
        rows: Training rows with their roles.
        prompts: Test prompts of any number of suites.
        answers: Also look for prompts in what the rows answer.

    Returns:
        A match per pair, in the order of the prompts, then of the rows.
    """
    asked = [(k, text) for k, prompt in enumerate(prompts) for text in _turns(prompt.text, prompt.before)]
    users = [(k, text) for k, (_, example) in enumerate(rows) for text in _turns(example.prompt, example.before)]
    found: dict[tuple[int, int], tuple[Level, Place, float]] = {}

    def note(pairs: Iterable[tuple[int, int, float]], mine: _Said, theirs: _Said, level: Level, place: Place) -> None:
        for one, other, similarity in pairs:
            for prompt in mine.owners[one]:
                for row in theirs.owners[other]:
                    found.setdefault((prompt, row), (level, place, similarity))

    parts = [*users, *((k, part) for k, text in users for part in _paragraphs(text))]
    prompts_as_they_are, rows_as_they_are = _gather(asked), _gather(parts)
    mine, theirs = _gather((k, normal(text)) for k, text in asked), _gather((k, normal(text)) for k, text in parts)
    note(_equal(prompts_as_they_are, rows_as_they_are), prompts_as_they_are, rows_as_they_are, "exact", "prompt")
    note(_equal(mine, theirs), mine, theirs, "normalised", "prompt")
    theirs = _gather((k, normal(text)) for k, text in users)
    note(shared_runs(mine.texts, theirs.texts), mine, theirs, "13-gram", "prompt")
    note(near_pairs(mine.texts, theirs.texts), mine, theirs, "near", "prompt")
    if answers:
        theirs = _gather((k, normal(text)) for k, (_, example) in enumerate(rows) for text in _answers(example))
        note(shared_runs(mine.texts, theirs.texts), mine, theirs, "13-gram", "response")
    return tuple(
        Match(
            level=level, suite=prompts[prompt].suite, prompt=prompts[prompt].id, role=rows[row][0],
            source=rows[row][1].source, row=rows[row][1].row, place=place, similarity=similarity,
        )
        for (prompt, row), (level, place, similarity) in sorted(found.items())
    )  # fmt: skip


def _turns(last: str, before: Sequence[Turn]) -> list[str]:
    """List what a user says in a row or prompt that is worth comparing."""
    if not before:
        return [last]
    said = [*(turn.text for turn in before if turn.speaker == "user"), last]
    return [text for text in said if len(text.split()) >= MIN_TURN] or [last]


def _paragraphs(text: str) -> list[str]:
    """List the parts of a turn between blank lines, where it has several: an instruction with its input, say."""
    parts = [part.strip() for part in re.split(r"\n\s*\n", text)]
    return [part for part in parts if len(part.split()) >= MIN_TURN] if len(parts) > 1 else []


def _answers(example: Example) -> list[str]:
    return [*(turn.text for turn in example.before if turn.speaker == "assistant"), example.response]


def _gather(texts: Iterable[tuple[int, str]]) -> _Said:
    owners: dict[str, list[int]] = {}
    for owner, text in texts:
        if text:
            owners.setdefault(text, []).append(owner)
    return _Said(list(owners), list(owners.values()))


def _equal(mine: _Said, theirs: _Said) -> Iterator[tuple[int, int, float]]:
    places = {text: place for place, text in enumerate(mine.texts)}
    for place, text in enumerate(theirs.texts):
        if text in places:
            yield places[text], place, 1.0
