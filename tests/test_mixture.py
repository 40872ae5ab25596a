"""Mixing: exact counts, nested and stratified doses, and an order that only the seeds decide."""

from __future__ import annotations

import random
from collections import Counter
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mixture_pool import CATEGORIES, NUM_SAFETY, POOL, drawn, example, make_arm, mixed
from safedose.errors import InputError
from safedose.mixture import Pool, as_mixture, choose_rows, nested_order
from safedose.records import Format, Ladder, Mixture, Role, Strategy

DOSES = st.integers(0, NUM_SAFETY)
SEEDS = st.integers(0, 1000)
FORMATS: st.SearchStrategy[Format] = st.sampled_from(["instruction", "question", "opinion", "mixed"])
STRATEGIES: st.SearchStrategy[Strategy] = st.sampled_from(["direct", "balanced"])
LADDERS: st.SearchStrategy[Ladder] = st.sampled_from(["add", "replace", "fixed_steps"])


@given(DOSES, DOSES, FORMATS, STRATEGIES, LADDERS, SEEDS)
def test_rows_of_a_smaller_dose_are_a_prefix_of_a_larger_one(
    one: int, other: int, form: Format, strategy: Strategy, ladder: Ladder, seed: int
) -> None:
    small, large = (
        mixed(dose, format=form, strategy=strategy, ladder=ladder, seed=seed) for dose in sorted((one, other))
    )

    for role in ("safety", "contrast"):
        rows = list(drawn(small, role).values())
        assert list(drawn(large, role).values())[: len(rows)] == rows


@given(DOSES, DOSES, SEEDS)
def test_rows_that_leave_at_a_small_dose_are_gone_at_a_larger_one(one: int, other: int, seed: int) -> None:
    small, large = (drawn_instruction(mixed(dose, ladder="replace", seed=seed)) for dose in sorted((one, other)))

    assert large <= small


def drawn_instruction(mixture: Mixture) -> set[str]:
    return {row.example.item for row in mixture.rows if row.role == "instruction"}


@given(DOSES, FORMATS, SEEDS)
def test_add_puts_the_dose_on_top_of_all_instruction_rows(dose: int, form: Format, seed: int) -> None:
    mixture = mixed(dose, format=form, seed=seed)

    assert counts(mixture) == {"instruction": 100, "safety": dose, "contrast": 0}
    assert mixture.num_step_rows == 100 + dose


@given(DOSES, STRATEGIES, SEEDS)
def test_replace_keeps_the_number_of_rows(dose: int, strategy: Strategy, seed: int) -> None:
    mixture = mixed(dose, ladder="replace", strategy=strategy, seed=seed)

    assert (len(mixture.rows), counts(mixture)["safety"], mixture.num_step_rows) == (100, dose, 100)


@given(DOSES, STRATEGIES, SEEDS)
def test_fixed_steps_counts_the_steps_of_dose_zero(dose: int, strategy: Strategy, seed: int) -> None:
    mixture = mixed(dose, ladder="fixed_steps", strategy=strategy, seed=seed)

    assert (counts(mixture)["safety"], mixture.num_step_rows) == (dose, 100)


@given(st.integers(0, 20), st.floats(0.1, 2))
def test_balanced_adds_contrast_rows_by_the_ratio(dose: int, ratio: float) -> None:
    mixture = mixed(dose, strategy="balanced", ratio=ratio)

    assert counts(mixture) == {"instruction": 100, "safety": dose, "contrast": round(ratio * dose)}


def counts(mixture: Mixture) -> dict[str, int]:
    return {role: sum(row.role == role for row in mixture.rows) for role in get_args(Role)}


@given(DOSES, FORMATS, STRATEGIES, LADDERS, SEEDS)
def test_no_row_comes_twice(dose: int, form: Format, strategy: Strategy, ladder: Ladder, seed: int) -> None:
    mixture = mixed(dose, format=form, strategy=strategy, ladder=ladder, seed=seed)

    assert len({(row.example.source, row.example.row) for row in mixture.rows}) == len(mixture.rows)


@given(st.integers(1, NUM_SAFETY), SEEDS, st.sampled_from(["instruction", "question", "opinion"]))
def test_one_format_phrases_every_row(dose: int, seed: int, form: Format) -> None:
    assert {row.example.form for row in drawn(mixed(dose, format=form, seed=seed)).values()} == {form}


@given(DOSES, SEEDS)
def test_mixed_takes_turns_between_instructions_and_questions(dose: int, seed: int) -> None:
    forms = [row.example.form for row in drawn(mixed(dose, format="mixed", seed=seed)).values()]

    assert forms == [("instruction", "question")[k % 2] for k in range(dose)]


@given(DOSES, FORMATS, SEEDS)
def test_items_are_the_same_whatever_the_format(dose: int, form: Format, seed: int) -> None:
    assert list(drawn(mixed(dose, format=form, seed=seed))) == list(drawn(mixed(dose, seed=seed)))


@given(DOSES, SEEDS)
def test_refusals_are_the_same_whatever_the_strategy(dose: int, seed: int) -> None:
    assert drawn(mixed(dose, strategy="balanced", seed=seed)) == drawn(mixed(dose, seed=seed))


@given(DOSES, FORMATS, STRATEGIES, LADDERS, SEEDS, st.randoms(use_true_random=False))
def test_order_of_the_pool_changes_nothing(
    dose: int, form: Format, strategy: Strategy, ladder: Ladder, seed: int, rng: random.Random
) -> None:
    shuffled = Pool(*(tuple(rng.sample(part, len(part))) for part in (POOL.instruction, POOL.safety, POOL.contrast)))
    cell = {"format": form, "strategy": strategy, "ladder": ladder, "seed": seed}

    assert mixed(dose, pool=shuffled, **cell) == mixed(dose, **cell)


@given(st.integers(1, NUM_SAFETY - 1), SEEDS)
def test_another_train_seed_gives_another_order_of_the_same_rows(dose: int, seed: int) -> None:
    one, other = (mixed(dose, train_seed=training, seed=seed).rows for training in (0, 1))

    assert one != other
    assert Counter(row.example for row in one) == Counter(row.example for row in other)


def test_another_draw_seed_gives_other_rows() -> None:
    one, other = (set(drawn(mixed(20, draw_seed=draw))) for draw in (0, 1))

    assert one != other


def test_another_study_seed_gives_other_rows() -> None:
    assert set(drawn(mixed(20, seed=0))) != set(drawn(mixed(20, seed=1)))


@given(SEEDS, LADDERS, st.integers(0, 3), st.integers(0, 3))
def test_dose_zero_is_the_same_for_every_strategy_and_format(
    seed: int, ladder: Ladder, draw: int, training: int
) -> None:
    seeds = {"seed": seed, "ladder": ladder, "draw_seed": draw, "train_seed": training}
    cells = [("none", "none"), ("direct", "question"), ("balanced", "mixed")]

    rows = {mixed(0, strategy=strategy, format=form, **seeds).rows for strategy, form in cells}

    assert len(rows) == 1


@given(st.dictionaries(st.text(max_size=4), st.sampled_from(CATEGORIES), max_size=40), SEEDS)
def test_every_prefix_holds_its_share_of_each_category(categories: dict[str, str], seed: int) -> None:
    """Systematic sampling: a category never strays further than its neighbours' starts allow."""
    order, sizes = nested_order(categories, seed=seed), Counter(categories.values())

    assert sorted(order) == sorted(categories)
    for n in range(len(order) + 1):
        taken = Counter(categories[item] for item in order[:n])
        assert all(abs(taken[c] - n * sizes[c] / len(order)) < len(sizes) for c in sizes)


@given(st.dictionaries(st.text(max_size=4), st.sampled_from(CATEGORIES), max_size=40), SEEDS, st.randoms())
def test_nested_order_ignores_the_order_it_is_given(categories: dict[str, str], seed: int, rng: random.Random) -> None:
    shuffled = dict(rng.sample(sorted(categories.items()), len(categories)))

    assert nested_order(shuffled, seed=seed) == nested_order(categories, seed=seed)


@given(DOSES, FORMATS, STRATEGIES, LADDERS)
def test_rows_read_back_make_the_same_mixture(dose: int, form: Format, strategy: Strategy, ladder: Ladder) -> None:
    mixture = mixed(dose, format=form, strategy=strategy, ladder=ladder)

    assert as_mixture(make_arm(dose, format=form, strategy=strategy, ladder=ladder), mixture.rows) == mixture


def test_every_row_says_why_it_is_there() -> None:
    reasons = {row.reason for row in mixed(2, strategy="balanced", draw_seed=3, format="question").rows}

    assert reasons == {
        "instruction data",
        *(f"{role} row {k} of draw 3, as question" for role in ("safety", "contrast") for k in (1, 2)),
    }


def test_dose_larger_than_the_data_is_refused() -> None:
    with pytest.raises(InputError, match=r"dose 41 needs 41 safety rows phrased as question, the sources have 40"):
        mixed(41, format="question")


def test_format_that_the_data_lack_is_refused() -> None:
    bare = Pool(POOL.instruction, tuple(e for e in POOL.safety if e.form != "question"), ())

    with pytest.raises(InputError, match=r"needs 1 safety rows phrased as question, the sources have 0"):
        mixed(1, pool=bare, format="question")


def test_replacing_more_than_there_is_is_refused() -> None:
    small = Pool(POOL.instruction[:10], POOL.safety, ())

    with pytest.raises(InputError, match=r"dose 11 would replace 11 of 10 instruction rows"):
        mixed(11, pool=small, ladder="replace")


@pytest.mark.parametrize("other", ["a", "b"])
def test_item_phrased_twice_in_one_form_is_refused(other: str) -> None:
    """Which of the two is meant nobody can say; also when one source is listed twice."""
    twice = (example("a", 0, item="same"), example(other, 0, item="same"))

    with pytest.raises(InputError, match="item 'same' is phrased as instruction more than once"):
        mixed(1, pool=Pool((), twice, ()))


def test_choosing_some_items_keeps_them_the_same_whatever_the_format() -> None:
    some = Pool(POOL.instruction, choose_rows(POOL.safety, rows=20, by_item=True, seed=0), ())

    one, other = (set(drawn(mixed(10, pool=some, format=form))) for form in ("instruction", "question"))

    assert one == other
