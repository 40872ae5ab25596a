"""Which arms a study has: a pure function from the study file to arms."""

from __future__ import annotations

from collections.abc import Iterator

from safedose.errors import InputError
from safedose.kinds import Dose, is_zero
from safedose.mixture import count_dose
from safedose.naming import new_arm
from safedose.records import UNTUNED, Arm, Format, Ladder, Strategy
from safedose.store import digest
from safedose.study import Also, Mix, Study


def grid(study: Study, *, num_instruction: int, made_of: str) -> tuple[Arm, ...]:
    """List every arm of a full grid: doses x formats x strategies x seed pairs, and the arms of `also`.

    Args:
        study: The study; it must have a `mix`.
        num_instruction: Instruction rows at dose 0, which turn shares into counts.
        made_of: Stands for the data, settings and base behind the arms; enters their names.

    Returns:
        The arms, each once: per base and seed pair first dose 0, then by format, strategy and dose.

    Raises:
        InputError: When the design has more arms than `budget.max_arms`, or two doses are the same.
    """
    mix = _mix(study)
    cells, untuned = _cells(mix, num_instruction), untuned_arms(study)
    num_arms = len(untuned) + len(study.bases) * len(mix.seed_pairs) * len(cells)
    if num_arms > study.budget.max_arms:
        raise InputError(
            f"the design has {num_arms} arms, budget.max_arms allows {study.budget.max_arms}", where="mix",
            cause="doses, formats, strategies and seeds multiply",
            fix="drop some of them, move rare ones to mix.also, or raise budget.max_arms",
        )  # fmt: skip
    arms = tuple(
        new_arm(
            base=base, run="default", ladder=mix.ladder, strategy=strategy, format=format_, dose=dose,
            draw_seed=draw, train_seed=training, made_of=digest([made_of, base]),
        )
        for base in study.bases
        for draw, training in mix.seed_pairs
        for strategy, format_, dose in cells
    )  # fmt: skip
    return (*untuned, *arms)


def untuned_arms(study: Study) -> tuple[Arm, ...]:
    """List the arms that ask a base without any adapter: one per base, none unless `generate.untuned` is set."""
    if not study.generate.untuned:
        return ()
    ladder = study.mix.ladder if study.mix else "add"
    return tuple(
        new_arm(
            base=base, run=UNTUNED, ladder=ladder, strategy="none", format="none", dose=0,
            draw_seed=0, train_seed=0, made_of=base,
        )
        for base in study.bases
    )  # fmt: skip


def _mix(study: Study) -> Mix:
    if study.mix is None:
        raise InputError(
            "this study has no `mix`, so it has nothing to mix or tune", where="study.yaml",
            cause="it was made from imported responses",
            fix="go on with judge, estimate and report, or add `data` and `mix` to study.yaml",
        )  # fmt: skip
    return study.mix


def _cells(mix: Mix, num_instruction: int) -> list[tuple[Strategy, Format, int]]:
    cells: dict[tuple[Strategy, Format, int], None] = {}
    for dose, strategy, format_ in sorted(_asked(mix, num_instruction), key=lambda cell: cell[0] > 0):
        cells[(strategy, format_, dose) if dose else ("none", "none", 0)] = None
    return list(cells)


def _asked(mix: Mix, num_instruction: int) -> Iterator[tuple[int, Strategy, Format]]:
    for block in mix.blocks:
        counts = _counts(block, num_instruction, mix.ladder)
        for format_ in block.formats:
            for strategy in block.strategies:
                for count in counts:
                    yield count, strategy, format_


def _counts(block: Mix | Also, num_instruction: int, ladder: Ladder) -> tuple[int, ...]:
    """Turn the doses of a block into counts, each of which must be what somebody asked for, once."""
    found: dict[int, Dose] = {}
    for dose in block.doses:
        count = count_dose(dose, num_instruction=num_instruction, ladder=ladder)
        if count == 0 and not is_zero(dose):
            raise InputError(
                f"a dose of {dose} of {num_instruction} instruction rows is less than half a row", where="mix.doses",
                cause="the share is small for so few rows", fix="give a larger share, a number of rows, or 0",
            )  # fmt: skip
        if count in found:
            raise InputError(
                f"the doses {found[count]} and {dose} are both {count} safety rows", where="mix.doses",
                cause="a share of so many rows comes to the same count", fix="drop one of the two",
            )  # fmt: skip
        found[count] = dose
    return tuple(found)
