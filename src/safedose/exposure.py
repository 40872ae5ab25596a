"""What arms have seen before they are asked: test prompts among their training rows, safety rows among the plain ones.

A suite of which a share s was trained on can be off by s, and a zero dose with hidden safety rows is none. Both are
measured before any work, and both stand in the report.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from safedose.data.hidden import Hidden, find_hidden
from safedose.data.overlap import LEVELS, Level, Match, find_matches
from safedose.errors import InputError
from safedose.inputs import Inputs
from safedose.judging.phrases import Phrases
from safedose.mixture import members
from safedose.records import UNTUNED, Arm, Example, Role
from safedose.study import Study

NUM_SHOWN = 3
"""Rows that a message names; `plan --json` lists all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """How much of one suite stands in the rows that arms train on.

    Attributes:
        suite: Name of the suite.
        num_prompts: Its prompts.
        by_dose: Dose to the number of prompts seen, by ascending dose; the largest over draws, formats and strategies.
        levels: Level to the number of prompts whose strongest match it is, in the arm that has seen most.
        matches: The matches with rows of that arm, in the order of the prompts.
    """

    suite: str
    num_prompts: int
    by_dose: tuple[tuple[int, int], ...]
    levels: tuple[tuple[Level, int], ...]
    matches: tuple[Match, ...]

    @property
    def num_seen(self) -> int:
        """Prompts that the arm has seen which has seen most."""
        return max(num for _, num in self.by_dose)

    @property
    def share(self) -> float:
        """`num_seen` as a share of the suite."""
        return self.num_seen / self.num_prompts


@dataclass(frozen=True, slots=True, kw_only=True)
class Exposure:
    """What the arms of a study have seen.

    Attributes:
        seen: Per suite of which any arm has seen a prompt, in the study's order.
        matches: Every match of a suite with a row of any source, trained on or not.
        hidden: Safety-like rows per source of instruction data.
        known: Whether anybody here knows the training rows; nobody does those of imported adapters.
    """

    seen: tuple[Seen, ...]
    matches: tuple[Match, ...]
    hidden: tuple[Hidden, ...]
    known: bool = True


_Row = tuple[Role, str, int]


def measure_exposure(study: Study, inputs: Inputs, arms: Iterable[Arm]) -> Exposure:
    """Compare every training row of a study with every prompt, and say what each dose has seen."""
    pool = inputs.pool
    parts: tuple[tuple[Role, tuple[Example, ...]], ...] = (
        ("instruction", pool.instruction), ("safety", pool.safety), ("contrast", pool.contrast),
    )  # fmt: skip
    matches = find_matches(
        [(role, example) for role, part in parts for example in part],
        [prompt for prompts in inputs.suites.values() for prompt in prompts],
    )
    trained = _trained(study, inputs, arms, {_row(match) for match in matches}) if matches else []
    seen = [
        _seen(suite, len(prompts), [match for match in matches if match.suite == suite], trained)
        for suite, prompts in inputs.suites.items()
    ]
    phrases = Phrases()
    return Exposure(
        seen=tuple(one for one in seen if one),
        matches=matches,
        hidden=find_hidden(pool.instruction, pool.safety, refuses=lambda text: phrases.opening(text) is not None),
        known=study.mix is not None,
    )


def require_unseen(exposure: Exposure, *, limit: float) -> None:
    """Refuse a study that asks for what it has trained on.

    Args:
        exposure: What its arms have seen.
        limit: Largest share of a suite, in [0, 1].

    Raises:
        InputError: When an arm has seen more than that of a suite; it names the one of which most was seen.
    """
    over = sorted((one for one in exposure.seen if one.share > limit), key=lambda one: -one.share)
    if not over:
        return
    worst, others = over[0], [one.suite for one in over[1:]]
    also = f"; so do prompts of {', '.join(others)}" if others else ""
    enough = math.ceil(worst.share * 1000) / 1000
    raise InputError(
        f"{worst.num_seen} of {worst.num_prompts} prompts of {worst.suite} stand in the rows that arms train on "
        f"({_levels(worst)}), and data.max_overlap allows {limit:.1%}{also}",
        where=_places(worst.matches),
        cause="suite and training data come from the same collection, or one holds parts of the other",
        fix="drop those prompts or rows (`safedose plan STUDY.yaml --set data.max_overlap=1 --json` lists all), or "
        f"accept them with --set data.max_overlap={enough:g}",
    )


def describe_exposure(exposure: Exposure) -> tuple[tuple[str, str], ...]:
    """Say what arms have seen in (label, value) pairs: per suite, then per source of instruction data."""
    if not exposure.known:
        return (("overlap", "nobody here knows the rows that the adapters were trained on"),)
    suites = [
        (f"overlap: {one.suite}", f"{_by_dose(one)}; {_levels(one)}; {_places(one.matches)}") for one in exposure.seen
    ]
    return (
        *(suites or [("overlap", "no prompt of any suite stands in the training rows")]),
        *((f"safety-like rows: {one.source}", _hidden(one)) for one in exposure.hidden),
    )


def _row(match: Match) -> _Row:
    return match.role, match.source, match.row


def _trained(study: Study, inputs: Inputs, arms: Iterable[Arm], asked: set[_Row]) -> list[tuple[int, set[_Row]]]:
    """List which of the rows asked for each kind of arm trains on, with its dose; training seeds change no rows."""
    ratio = study.mix.contrast_ratio if study.mix else 1.0
    kinds = {(arm.ladder, arm.strategy, arm.format, arm.dose, arm.draw_seed): arm for arm in arms if arm.run != UNTUNED}
    found: list[tuple[int, set[_Row]]] = []
    for arm in kinds.values():
        rows = members(arm, inputs.pool, contrast_ratio=ratio, seed=study.seed)
        found.append((arm.dose, asked & {(row.role, row.example.source, row.example.row) for row in rows}))
    return found


def _seen(suite: str, num_prompts: int, matches: Sequence[Match], trained: list[tuple[int, set[_Row]]]) -> Seen | None:
    """Count the prompts of a suite that each dose has seen; None when none has seen any."""
    by_dose: dict[int, int] = {}
    most: dict[str, Match] = {}
    kept: list[Match] = []
    for dose, rows in sorted(trained, key=lambda one: one[0]):
        here = [match for match in matches if _row(match) in rows]
        strongest = {
            match.prompt: match for match in sorted(here, key=lambda one: LEVELS.index(one.level), reverse=True)
        }
        by_dose[dose] = max(by_dose.get(dose, 0), len(strongest))
        if len(strongest) > len(most):
            most, kept = strongest, here
    if not most:
        return None
    counts = Counter(match.level for match in most.values())
    return Seen(
        suite=suite, num_prompts=num_prompts, by_dose=tuple(by_dose.items()),
        levels=tuple((level, counts[level]) for level in LEVELS if counts[level]), matches=tuple(kept),
    )  # fmt: skip


def _levels(seen: Seen) -> str:
    return ", ".join(f"{num} {level}" for level, num in seen.levels)


def _by_dose(seen: Seen) -> str:
    nums = {num for _, num in seen.by_dose}
    what = f"{seen.num_seen} of {seen.num_prompts} prompts ({seen.share:.1%}) stand in training rows"
    doses = ", ".join(f"{num} at dose {dose}" for dose, num in seen.by_dose)
    return f"{what} at every dose" if len(nums) == 1 else f"{what}: {doses}"


def _places(matches: Sequence[Match]) -> str:
    """Name the first few rows, numbered from 1 as in all messages."""
    rows = list(dict.fromkeys((match.source, match.row + 1) for match in matches))
    named = [f"{source} row {number}" for source, number in rows[:NUM_SHOWN]]
    return ", ".join([*named, f"and {len(rows) - NUM_SHOWN} more"] if len(rows) > NUM_SHOWN else named)


def _hidden(hidden: Hidden) -> str:
    signs = (
        (hidden.refuses, "answers are refusals"),
        (hidden.asked, "ask what a safety row asks"),
        (hidden.worded, "answers use words of safety answers"),
    )
    told = [f"{len(rows):,} {what} (first: row {rows[0] + 1})" for rows, what in signs if rows]
    return f"of {hidden.num_rows:,} rows {', '.join(told)}" if told else f"none among {hidden.num_rows:,} rows"
