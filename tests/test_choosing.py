"""Before anything is mixed: a source's rows are chosen, and doses stated as shares become counts."""

from __future__ import annotations

import dataclasses
import weakref
from collections.abc import Iterator
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mixture_pool import NUM_SAFETY, POOL, example
from safedose.errors import InputError
from safedose.inputs import told
from safedose.mixture import choose_rows, count_dose
from safedose.records import Example, Ladder
from safedose.seeding import rank

SEEDS = st.integers(0, 1000)
LADDERS: st.SearchStrategy[Ladder] = st.sampled_from(["add", "replace", "fixed_steps"])


@given(st.integers(1, 10**6), st.integers(0, 999), LADDERS)
def test_share_becomes_that_share_of_all_rows(num_instruction: int, permille: int, ladder: Ladder) -> None:
    count = count_dose(f"{permille / 10}%", num_instruction=num_instruction, ladder=ladder)

    total = num_instruction if ladder == "replace" else num_instruction + count
    assert abs(count - permille / 1000 * total) <= 0.5 + 1e-6 * total


def test_three_percent_of_the_papers_rows() -> None:
    assert [count_dose("3%", num_instruction=20_000, ladder=ladder) for ladder in get_args(Ladder)] == [619, 600, 619]


@pytest.mark.parametrize(("dose", "ladder"), [("100%", "add"), ("100%", "fixed_steps"), ("101%", "replace")])
def test_share_of_everything_is_impossible(dose: str, ladder: Ladder) -> None:
    with pytest.raises(InputError, match=rf"a dose of {dose} is impossible"):
        count_dose(dose, num_instruction=10, ladder=ladder)


@given(st.integers(1, 100), SEEDS)
def test_chosen_rows_keep_the_order_of_the_source(rows: int, seed: int) -> None:
    chosen = [e.row for e in choose_rows(POOL.instruction, rows=rows, by_item=False, seed=seed)]

    assert chosen == sorted(set(chosen))
    assert len(chosen) == rows


@given(st.lists(st.integers(1, 100), min_size=2, max_size=2).map(sorted), SEEDS)
def test_fewer_chosen_rows_are_among_more(sizes: list[int], seed: int) -> None:
    few, many = (set(choose_rows(POOL.instruction, rows=rows, by_item=False, seed=seed)) for rows in sizes)

    assert few <= many


def test_more_rows_than_the_source_has_are_refused() -> None:
    with pytest.raises(InputError, match=r"101 rows asked of instruction, which has 100"):
        choose_rows(POOL.instruction, rows=101, by_item=False, seed=0)


@given(st.integers(1, NUM_SAFETY), SEEDS)
def test_chosen_items_come_with_all_their_phrasings(rows: int, seed: int) -> None:
    chosen = choose_rows(POOL.safety, rows=rows, by_item=True, seed=seed)

    items = {e.item for e in chosen}
    assert len(items) == rows
    assert list(chosen) == [e for e in POOL.safety if e.item in items]


def test_more_items_than_the_source_has_are_refused() -> None:
    with pytest.raises(InputError, match=r"41 rows asked of safety, which has 40"):
        choose_rows(POOL.safety, rows=41, by_item=True, seed=0)


@pytest.mark.parametrize("by_item", [False, True])
def test_without_a_number_all_rows_are_used(by_item: bool) -> None:
    assert choose_rows(POOL.safety, rows=None, by_item=by_item, seed=0) == POOL.safety


@given(st.integers(1, NUM_SAFETY), st.booleans(), SEEDS)
def test_the_choice_is_the_first_units_of_a_seeded_order(rows: int, by_item: bool, seed: int) -> None:
    """What every earlier study chose: streaming must never choose otherwise."""
    units = list(dict.fromkeys(e.item if by_item else str(e.row) for e in POOL.safety))
    first = sorted(units, key=lambda unit: rank(seed, "choose", unit))[:rows]

    chosen = choose_rows(iter(POOL.safety), rows=rows, by_item=by_item, seed=seed)
    assert chosen == tuple(e for e in POOL.safety if (e.item if by_item else str(e.row)) in first)


def test_the_choice_of_one_seed_stays_as_it_is() -> None:
    chosen = choose_rows(POOL.instruction, rows=6, by_item=False, seed=1)

    assert [e.row for e in chosen] == [4, 24, 52, 63, 80, 82]


@given(st.permutations(POOL.safety), SEEDS)
def test_the_same_items_are_chosen_wherever_their_phrasings_stand(examples: list[Example], seed: int) -> None:
    chosen, before = (choose_rows(some, rows=9, by_item=True, seed=seed) for some in (examples, POOL.safety))

    assert set(chosen) == set(before)


class Watched(Example):
    """An example that can be watched until it is let go."""

    __slots__ = ("__weakref__",)


@pytest.mark.parametrize("by_item", [False, True])
def test_choosing_holds_no_more_than_it_chooses(by_item: bool) -> None:
    alive: weakref.WeakSet[Watched] = weakref.WeakSet()
    held = []

    def long() -> Iterator[Example]:
        for row in range(2000):
            one = Watched(**dataclasses.asdict(example("long", row, item=f"item-{row // 2}")))
            alive.add(one)
            held.append(len(alive))
            yield one

    assert len(choose_rows(long(), rows=5, by_item=by_item, seed=0)) == 5 * (1 + by_item)
    assert max(held) <= 5 * (1 + by_item) + 2  # the one in hand, and the one before it


def test_somebody_is_told_how_far_a_long_source_was_read() -> None:
    lines: list[str] = []

    assert tuple(told(POOL.instruction, "big.jsonl", lines.append, every=40)) == POOL.instruction
    assert lines == ["big.jsonl: 40 rows read", "big.jsonl: 80 rows read"]
