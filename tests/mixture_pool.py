"""A pool to mix from: instruction rows, and safety and contrast items in every form."""

from __future__ import annotations

from typing import Any, get_args

from safedose.mixture import Pool, mix
from safedose.naming import new_arm
from safedose.records import Arm, Example, Form, MixedRow, Mixture, Role

FORMS: tuple[Form, ...] = get_args(Form)
CATEGORIES = ("violence", "deceit", "hate")
NUM_SAFETY = 40


def example(source: str, row: int, *, item: str = "", category: str = "", form: Form = "instruction") -> Example:
    return Example(
        item=item or f"{source}-{row}",
        prompt=f"{source} {row}?",
        response=f"{source} {row}.",
        source=source,
        row=row,
        licence="Apache-2.0",
        category=category,
        form=form,
    )


def in_every_form(source: str, num_items: int) -> tuple[Example, ...]:
    return tuple(
        example(source, 3 * k + n, item=f"{source}-{k}", category=CATEGORIES[k * k % 7 % 3], form=form)
        for k in range(num_items)
        for n, form in enumerate(FORMS)
    )


POOL = Pool(
    instruction=tuple(example("instruction", k) for k in range(100)),
    safety=in_every_form("safety", NUM_SAFETY),
    contrast=in_every_form("contrast", NUM_SAFETY),
)


def make_arm(dose: int, **changes: Any) -> Arm:
    cell = {"ladder": "add", "strategy": "direct", "format": "instruction", "draw_seed": 0, "train_seed": 0}
    return new_arm(base="base", run="default", made_of="test", dose=dose, **(cell | changes))


def mixed(dose: int, *, pool: Pool = POOL, seed: int = 0, ratio: float = 1.0, **cell: Any) -> Mixture:
    return mix(make_arm(dose, **cell), pool, contrast_ratio=ratio, seed=seed)


def drawn(mixture: Mixture, role: Role = "safety") -> dict[str, MixedRow]:
    """The rows of a role by item, in the order in which they were drawn."""
    rows = [row for row in mixture.rows if row.role == role]
    return {row.example.item: row for row in sorted(rows, key=lambda row: int(row.reason.split()[2]))}
