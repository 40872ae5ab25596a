"""Mixing: from a dose, a strategy and a format to exact training rows in an exact order.

Pure functions. Doses are nested: under one draw seed the safety rows of a smaller dose are a prefix of
those of a larger one, stratified by category, and the same items are drawn whatever the format. The
order of the rows is a function of the seeds alone.
"""

from __future__ import annotations

import heapq
import itertools
import operator
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from safedose.errors import InputError
from safedose.records import Arm, Example, Form, Format, Ladder, MixedRow, Mixture, Role
from safedose.seeding import derive, generator, rank


@dataclass(frozen=True, slots=True)
class Pool:
    """Everything a study may mix: its instruction rows, and all safety and contrast rows to draw from."""

    instruction: tuple[Example, ...]
    safety: tuple[Example, ...]
    contrast: tuple[Example, ...]


def count_dose(dose: int | str, *, num_instruction: int, ladder: Ladder) -> int:
    """Turn a dose as a study file states it into a number of safety rows.

    Args:
        dose: A number of rows, or a share of all rows such as "3%".
        num_instruction: Instruction rows at dose 0.
        ladder: On `replace` the total stays `num_instruction`; otherwise safety rows come on top.

    Returns:
        The number, rounded to the nearest row: share * n on `replace`, share * n / (1 - share) otherwise.

    Raises:
        InputError: For a share of 100 % or more on a ladder that adds rows.
    """
    if isinstance(dose, int):
        return dose
    share = float(re.sub(r"%$", "", dose)) / 100
    if share > 1 or (share == 1 and ladder != "replace"):
        raise InputError(
            f"a dose of {dose} is impossible", where="mix.doses",
            cause="safety rows would be all rows or more than all",
            fix="give a share below 100%, or a number of rows",
        )  # fmt: skip
    return round(share * num_instruction / (1 if ladder == "replace" else 1 - share))


def choose_rows(examples: Iterable[Example], *, rows: int | None, by_item: bool, seed: int) -> tuple[Example, ...]:
    """Choose the rows of a source that a study uses: a seeded sample in the source's own order.

    Each row or item has a place in a seeded order that depends on nothing else; the first ones are chosen.
    No more than those are held at any time, however long the source is.

    Args:
        examples: All rows of one source, each once.
        rows: How many to choose; None takes all.
        by_item: Count and choose items, with all their phrasings: for data that a dose is drawn from, so
            that every format has the same items.
        seed: Decides which.

    Raises:
        InputError: When more are asked for than there are.
    """
    if rows is None:
        return tuple(examples)
    chosen: dict[str, list[tuple[int, Example]]] = {}
    places: list[tuple[int, str]] = []  # a heap: the chosen unit with the last place is on top
    source = "the source"
    for number, example in enumerate(examples):
        unit = example.item if by_item else str(example.row)
        if unit not in chosen:
            place = -int.from_bytes(rank(seed, "choose", unit), "big")
            if len(places) < rows:
                heapq.heappush(places, (place, unit))
            elif place < places[0][0]:
                continue
            else:
                del chosen[heapq.heapreplace(places, (place, unit))[1]]
            chosen[unit], source = [], example.source
        chosen[unit].append((number, example))
    if rows > len(chosen):
        raise InputError(
            f"{rows} rows asked of {source}, which has {len(chosen)}", where="data.*.rows",
            cause="the number is larger than the source", fix="lower `rows`, or leave it out to use all",
        )  # fmt: skip
    return tuple(example for _, example in sorted(itertools.chain(*chosen.values()), key=operator.itemgetter(0)))


def nested_order(categories: Mapping[str, str], *, seed: int) -> list[str]:
    """Put items in an order whose every prefix is a stratified sample.

    Item k of n in its (shuffled) category is placed at (k + u) / n, with one random u per category,
    and items are taken by place: systematic sampling with a random start.

    Args:
        categories: Category per item.
        seed: Decides shuffles and starts.

    Returns:
        All items, each once; independent of the order of `categories`.
    """
    members: dict[str, list[str]] = defaultdict(list)
    for item, category in categories.items():
        members[category].append(item)
    placed: list[tuple[float, bytes, str]] = []
    for category, items in members.items():
        start = float(generator(seed, "stratum", category).random())
        shuffled = sorted(items, key=lambda item: rank(seed, "item", item))
        placed += [((k + start) / len(items), rank(seed, "tie", item), item) for k, item in enumerate(shuffled)]
    return [item for _, _, item in sorted(placed)]


def mix(arm: Arm, pool: Pool, *, contrast_ratio: float, seed: int) -> Mixture:
    """Compose the training rows of one arm.

    Args:
        arm: Says ladder, strategy, format, dose and the two seeds.
        pool: What to draw from.
        contrast_ratio: Contrast rows per safety row under `balanced`.
        seed: The study seed.

    Returns:
        The rows in training-file order. `direct` adds d safety rows; `balanced` adds d safety rows and
        round(contrast_ratio * d) contrast rows. On `replace` as many instruction rows leave.

    Raises:
        InputError: When the pool has too few rows for the dose, or none phrased in the format.
    """
    rows = members(arm, pool, contrast_ratio=contrast_ratio, seed=seed)
    order_seed = derive(seed, "order", arm.train_seed)
    rows.sort(key=lambda row: rank(order_seed, row.role, row.example.source, row.example.row))
    return as_mixture(arm, rows)


def members(arm: Arm, pool: Pool, *, contrast_ratio: float, seed: int) -> list[MixedRow]:
    """List the rows that `mix` puts in order: which they are depends on the draw seed, not on the training seed.

    Raises:
        InputError: As `mix` does.
    """
    draw_seed = derive(seed, "draw", arm.draw_seed)
    rows = _draw(pool.safety, "safety", arm=arm, num_rows=arm.dose, seed=draw_seed)
    if arm.strategy == "balanced":
        num_contrast = round(contrast_ratio * arm.dose)
        rows += _draw(pool.contrast, "contrast", arm=arm, num_rows=num_contrast, seed=draw_seed)
    kept = list(pool.instruction)
    if arm.ladder == "replace":
        if len(rows) > len(kept):
            raise InputError(
                f"dose {arm.dose} would replace {len(rows)} of {len(kept)} instruction rows",
                where="mix.doses", cause="the ladder `replace` keeps the total at the instruction rows",
                fix="lower the dose, use more instruction rows, or set mix.ladder: add",
            )  # fmt: skip
        kept = sorted(kept, key=lambda e: rank(seed, "replace", e.source, e.row))[: len(kept) - len(rows)]
    return rows + [MixedRow(example=e, role="instruction", reason="instruction data") for e in kept]


def as_mixture(arm: Arm, rows: Sequence[MixedRow]) -> Mixture:
    """Give rows, mixed here or read from a file, the number of steps their ladder grants them."""
    fixed = arm.ladder == "fixed_steps"
    num_step_rows = sum(row.role == "instruction" for row in rows) if fixed else len(rows)
    return Mixture(arm=arm.id, rows=tuple(rows), num_step_rows=num_step_rows)


def _draw(examples: Sequence[Example], role: Role, *, arm: Arm, num_rows: int, seed: int) -> list[MixedRow]:
    """Take the first rows of the nested order, each phrased as the format says."""
    if num_rows == 0:
        return []
    forms = _forms(arm.format)
    phrased: dict[tuple[str, Form], Example] = {(e.item, e.form): e for e in examples}
    if len(phrased) < len(examples):
        counts = Counter((e.item, e.form) for e in examples)
        twice = next(e for e in examples if counts[(e.item, e.form)] > 1)
        raise InputError(
            f"item {twice.item!r} is phrased as {twice.form} more than once", where=f"data.{role}, row {twice.row + 1}",
            cause="two rows share the same `item` and `form`", fix="give each request an `item` of its own",
        )  # fmt: skip
    categories = {e.item: e.category for e in examples if all((e.item, form) in phrased for form in forms)}
    if num_rows > len(categories):
        there = ", ".join(f"{count} {form}" for form, count in Counter(form for _, form in phrased).items())
        raise InputError(
            f"dose {arm.dose} needs {num_rows} {role} rows phrased as {arm.format}, the sources have {len(categories)}",
            where=f"mix.doses, data.{role}",
            cause=f"the dose is larger than the data, or they are phrased otherwise: there are {there or 'none'} (what "
            "ends in ? is a question unless a column `form` says otherwise)",
            fix="lower the dose, add a source, or choose another format",
        )  # fmt: skip
    rows: list[MixedRow] = []
    for k, item in enumerate(nested_order(categories, seed=derive(seed, role))[:num_rows]):
        example = phrased[(item, forms[k % len(forms)])]
        reason = f"{role} row {k + 1} of draw {arm.draw_seed}, as {example.form}"
        rows.append(MixedRow(example=example, role=role, reason=reason))
    return rows


def _forms(format_: Format) -> tuple[Form, ...]:
    """List the phrasings a format takes turns with; `mixed` is half instructions, half questions."""
    if format_ == "mixed":
        return ("instruction", "question")
    if format_ == "none":
        return ("instruction",)
    return (format_,)
