"""Answers that somebody else's models gave, as arms and responses of a study."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple, cast, get_args

from safedose.generation.armrows import ARM_COLUMNS, Cells, check_mapping, check_seen, fail, read_arm
from safedose.kinds import check_name
from safedose.records import Arm, Expected, Prompt, Response

COLUMNS = (
    *("dose", "suite", "prompt", "response"),
    *ARM_COLUMNS[1:],
    *("expected", "prompt_id", "sample", "category", "reference"),
)
"""The columns understood, the four that every row must have first."""


class _Origin(NamedTuple):
    """Where a response stood in the file, and what a row of dose 0 says about safety data it has none of."""

    row: int
    called: str


def read_imported(
    rows: Iterable[tuple[int, Mapping[str, object]]],
    *,
    mapping: Mapping[str, str],
    expected_of: Callable[[str], Expected],
) -> tuple[tuple[Arm, ...], tuple[Response, ...]]:
    """Turn rows of other people's answers into arms and responses.

    A row needs `dose`, `suite`, `prompt` and `response`; its arm is read by `read_arm`. Where the others are absent or
    empty: `expected` is what `expected_of` says; without `prompt_id` a prompt is named by a hash of its text; without
    `sample`, the same prompt asked again of the same arm is the next sample.

    Args:
        rows: Row number and values, as `safedose.data.readers.read_rows` gives them.
        mapping: Our column name to the file's, for columns of other names.
        expected_of: Tells the expected behaviour of a suite by its name.

    Returns:
        The arms in order of first appearance, and the responses in the order of the rows.

    Raises:
        InputError: Naming the row, for whatever cannot be read in exactly one way.
    """
    check_mapping(mapping, COLUMNS, apart=("prompt", "response", "reference"), needed=("prompt", "response"))
    arms: dict[str, Arm] = {}
    prompts: dict[tuple[str, str], tuple[Prompt, int]] = {}
    taken: dict[tuple[str, str, str], dict[int, _Origin]] = {}
    unseen = set(mapping.values())
    responses: list[Response] = []
    for number, values in rows:
        cells = Cells(f"row {number}", values, mapping)
        arm, called = read_arm(cells)
        origin = _Origin(number, called)
        prompt = _same_prompt(prompts, _prompt(cells, expected_of), cells, number)
        asked = taken.setdefault((arm.id, prompt.suite, prompt.id), {})
        sample = _sample(asked, origin, prompt, cells)
        arms.setdefault(arm.id, arm)
        unseen.difference_update(values)
        text = cells.text("response", empty=True)
        responses.append(Response(arm=arm.id, prompt=prompt, sample=sample, text=text, finish="imported"))
    if not responses:
        fail("there are no responses", where="the imported rows", fix="give a file with one answer a row")
    check_seen(unseen)
    return tuple(arms.values()), tuple(responses)


def _prompt(cells: Cells, expected_of: Callable[[str], Expected]) -> Prompt:
    suite = cells.text("suite")
    try:
        check_name(suite)
    except ValueError as error:
        fail(
            f"the suite name {suite[:100]!r} cannot be the name of a file: {error}",
            where=cells.where,
            cause="every suite becomes a file of its own in the study folder",
            fix="give the suite another name",
        )
    text = cells.text("prompt")
    digest = hashlib.sha256(text.encode()).hexdigest()
    return Prompt(
        id=cells.text("prompt_id", default=f"p{digest[:12]}"),
        suite=suite,
        text=text,
        expected=cast(Expected, cells.word("expected", get_args(Expected)) or expected_of(suite)),
        category=cells.text("category", default=""),
        reference=cells.text("reference", default="") or None,
    )


def _same_prompt(
    prompts: dict[tuple[str, str], tuple[Prompt, int]], prompt: Prompt, cells: Cells, number: int
) -> Prompt:
    """Hold every arm to the same prompt behind an id: comparisons between arms pair by it."""
    first, row = prompts.setdefault((prompt.suite, prompt.id), (prompt, number))
    if first != prompt:
        names = ("text", "expected", "category", "reference")
        differing = [name for name in names if getattr(first, name) != getattr(prompt, name)]
        fail(
            f"prompt {prompt.id!r} of {prompt.suite!r} differs from row {row} in {', '.join(differing)}",
            where=cells.where,
            cause="two prompts share an id, or one prompt is described in two ways",
            fix="give different prompts different ids, and describe each prompt in one way",
        )
    return first


def _sample(taken: dict[int, _Origin], origin: _Origin, prompt: Prompt, cells: Cells) -> int:
    given = cells.count("sample")
    sample = len(taken) if given is None else given
    first = next(iter(taken.values()), origin)
    if first.called != origin.called:
        fail(
            f"dose 0 is called {origin.called!r} here and {first.called!r} in row {first.row}, on one prompt",
            where=cells.where,
            cause="dose 0 has no safety rows, so it is one arm, which the file holds once per curve",
            fix="keep its answers once, or give different trainings a different `run` or seed",
        )
    if sample in taken:
        fail(
            f"sample {sample} of prompt {prompt.id!r} stands in row {taken[sample].row} already",
            where=cells.where,
            cause="the row was written twice, or what tells the arms apart is in no known column",
            fix="drop the row, or tell the arms apart by `run`, `base` or a seed",
        )
    taken[sample] = origin
    return sample
