"""Seeds: every random choice is a function of (study seed, name), the same on every machine."""

from __future__ import annotations

import random

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from safedose.seeding import derive, generator, rank

SEEDS = st.integers(0, 2**63)
NAMES = st.lists(st.text(st.characters(codec="utf-8", exclude_characters="\x1f")) | st.integers(0), max_size=4)


def test_derived_seeds_are_golden() -> None:
    """These numbers decide every study ever made: they must never change."""
    assert [derive(0), derive(7, "train", 0), derive(7, "train", 1), derive(8, "train", 0)] == [
        1609362278, 1721132079, 2192742853, 1597256660,
    ]  # fmt: skip


@given(SEEDS, NAMES)
def test_derived_seed_fits_every_library(seed: int, names: list[str | int]) -> None:
    assert 0 <= derive(seed, *names) < 2**32


@given(SEEDS, NAMES, NAMES)
def test_another_name_gives_another_rank(seed: int, one: list[str | int], other: list[str | int]) -> None:
    assert (rank(seed, *one) == rank(seed, *other)) == (list(map(str, one)) == list(map(str, other)))


def test_seed_and_name_are_not_run_together() -> None:
    assert derive(1, 23) != derive(12, 3)


def test_generator_starts_afresh_for_the_same_name() -> None:
    assert generator(1, "draw").random() == generator(1, "draw").random() != generator(1, "other").random()


def test_global_generators_are_left_alone() -> None:
    before = random.getstate(), np.random.get_state()[1].tolist()  # noqa: NPY002 - looked at, not used

    generator(1, "draw").random()

    assert (random.getstate(), np.random.get_state()[1].tolist()) == before  # noqa: NPY002


@given(st.sets(st.text(max_size=3), min_size=2), st.data())
def test_relative_order_does_not_depend_on_who_is_there(items: set[str], data: st.DataObject) -> None:
    some = data.draw(st.sets(st.sampled_from(sorted(items))))

    everyone = sorted(items, key=lambda item: rank(1, "order", item))

    assert sorted(some, key=lambda item: rank(1, "order", item)) == [item for item in everyone if item in some]
