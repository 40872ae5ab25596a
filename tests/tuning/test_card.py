"""The model card: licences of the rows, and a licence of its own only where one is known."""

from __future__ import annotations

import dataclasses

import pytest
import yaml

from safedose.naming import new_arm
from safedose.records import Adapter, Arm, Mixture
from safedose.tuning.card import model_card
from tiny_model import make_mixture

ADAPTER = Adapter(
    arm="a", num_rows=8, num_cut=0, num_steps=2, micro_batch_size=4, kept_step=2, train_loss=1.0,
    validation_loss=None, logit_difference=0.5,
)  # fmt: skip


def arm(base: str) -> Arm:
    return new_arm(
        base=base, run="default", ladder="add", strategy="none", format="none", dose=0, draw_seed=0, train_seed=0,
        made_of="",
    )  # fmt: skip


def mixture(*licences: str) -> Mixture:
    """A mixture whose first rows have these licences."""
    made = make_mixture()
    rows = [
        dataclasses.replace(row, example=dataclasses.replace(row.example, licence=licence))
        for row, licence in zip(made.rows, licences, strict=False)
    ]
    return dataclasses.replace(made, rows=tuple(rows))


@pytest.mark.parametrize(
    ("base", "licences", "expected"),
    [
        ("smallworld", ("Apache-2.0", "Apache-2.0"), "apache-2.0"),
        ("smallworld", ("Apache-2.0", "CC BY 4.0"), "other"),
        ("somebody/model", ("Apache-2.0", "Apache-2.0"), "other"),
    ],
)
def test_a_licence_is_named_only_where_it_is_known(base: str, licences: tuple[str, ...], expected: str) -> None:
    head = yaml.safe_load(model_card(arm(base), mixture(*licences), ADAPTER, []).split("---")[1])

    assert head["license"] == expected


def test_every_licence_of_a_row_is_in_the_table() -> None:
    card = model_card(arm("b"), mixture("MIT", "CC BY-NC 4.0"), ADAPTER, [])

    assert "| 1 | MIT |" in card
    assert "| 1 | CC BY-NC 4.0 |" in card
    assert "1 of the 2 rows are not for commercial use." in card


def test_nothing_is_said_of_commerce_where_nothing_forbids_it() -> None:
    assert "commercial" not in model_card(arm("b"), mixture("MIT", "not stated"), ADAPTER, [])
