"""The grid: which arms a study has, each once, in a fixed order."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from safedose.errors import InputError
from safedose.records import UNTUNED, Arm
from safedose.study import Study
from safedose.studyfile import parse_study
from safedose.sweep.plan import grid

SOURCES = {name: [{"source": name}] for name in ("instruction", "safety", "contrast")}


def make_study(mix: dict[str, Any] | None, **changes: Any) -> Study:
    raw = {"name": "tiny", "seed": 1, "base": "b", "suites": ["s"], "judges": ["phrases"]}
    if mix is not None:
        raw |= {"data": SOURCES, "mix": mix}
    return parse_study(raw | changes, where="test")


def arms(mix: dict[str, Any], *, made_of: str = "test", **changes: Any) -> tuple[Arm, ...]:
    return grid(make_study(mix, **changes), num_instruction=1000, made_of=made_of)


def cells(mix: dict[str, Any]) -> list[tuple[str, str, int]]:
    return [(arm.strategy, arm.format, arm.dose) for arm in arms(mix | {"seeds": 1})]


def test_grid_is_the_full_crossing() -> None:
    asked = {"doses": [10, 20], "formats": ["instruction", "question"], "strategies": ["direct", "balanced"]}

    assert cells(asked) == [
        (strategy, form, dose)
        for form in ("instruction", "question")
        for strategy in ("direct", "balanced")
        for dose in (10, 20)
    ]


def test_dose_zero_is_one_arm_whatever_it_is_crossed_with() -> None:
    asked = {"doses": [10, 0], "formats": ["instruction", "question"], "strategies": ["direct", "balanced"]}

    assert [cell for cell in cells(asked) if cell[2] == 0] == [("none", "none", 0)]


def test_dose_zero_comes_first() -> None:
    assert cells({"doses": [10, 0]})[0] == ("none", "none", 0)


def test_further_arms_stand_outside_the_grid() -> None:
    also = [{"doses": [20], "formats": ["question"]}]

    assert cells({"doses": [10, 20], "also": also}) == [
        ("direct", "instruction", 10), ("direct", "instruction", 20), ("direct", "question", 20),
    ]  # fmt: skip


def test_further_arm_of_the_grid_is_not_made_twice() -> None:
    assert cells({"doses": [10], "also": [{"doses": [10]}, {"doses": [10]}]}) == [("direct", "instruction", 10)]


@pytest.mark.parametrize("doses", [["50%", 1000], ["5%", "5.0%"], ["5%", "5.001%"], [0, "0%"]])
def test_two_doses_of_one_count_are_refused(doses: list[int | str]) -> None:
    with pytest.raises(InputError, match=f"the doses {doses[0]} and {doses[1]} are both"):
        arms({"doses": doses})


def test_share_of_less_than_half_a_row_is_refused() -> None:
    with pytest.raises(InputError, match=r"0.01% of 1000 instruction rows is less than half a row"):
        arms({"doses": ["0.01%"]})


def test_share_is_one_of_all_rows_on_every_ladder() -> None:
    doses = [arms({"doses": ["20%"], "ladder": ladder})[0].dose for ladder in ("add", "replace", "fixed_steps")]

    assert doses == [250, 200, 250]


def test_seeds_are_pairs() -> None:
    pairs = [(arm.draw_seed, arm.train_seed) for arm in arms({"doses": [10], "seeds": 3})]

    assert pairs == [(0, 0), (1, 1), (2, 2)]


def test_draws_and_trainings_are_crossed() -> None:
    pairs = [(arm.draw_seed, arm.train_seed) for arm in arms({"doses": [10], "draws": 2, "trainings": 2})]

    assert pairs == [(0, 0), (0, 1), (1, 0), (1, 1)]


@given(st.lists(st.integers(0, 50), min_size=1, max_size=6, unique=True), st.integers(1, 3))
def test_every_arm_has_its_own_name(doses: list[int], seeds: int) -> None:
    made = arms({"doses": doses, "seeds": seeds, "formats": ["instruction", "mixed"]}, base=["a", "b"])

    assert len({arm.id for arm in made}) == len(made)


def test_base_named_twice_gives_no_arm_twice() -> None:
    try:
        made = arms({"doses": [10]}, base=["a", "a"])
    except InputError:
        return  # refusing it is as good

    assert len({arm.id for arm in made}) == len(made)


@pytest.mark.parametrize("change", [{"made_of": "other"}, {"base": "c"}])
def test_arm_is_renamed_by_what_stands_behind_it(change: dict[str, str]) -> None:
    assert arms({"doses": [10]}, **change)[0].id != arms({"doses": [10]})[0].id


def test_untuned_base_is_an_arm_of_its_own() -> None:
    first, *rest = arms({"doses": [0, 10], "seeds": 1}, generate={"untuned": True})

    assert (first.run, first.dose, first.strategy) == (UNTUNED, 0, "none")
    assert tuple(rest) == arms({"doses": [0, 10], "seeds": 1})


def test_design_with_too_many_arms_is_refused() -> None:
    with pytest.raises(InputError, match=r"the design has 6 arms, budget.max_arms allows 5"):
        arms({"doses": [1, 2, 3]}, budget={"max_arms": 5})


def test_untuned_arms_count_in_the_budget() -> None:
    with pytest.raises(InputError, match=r"the design has 3 arms, budget.max_arms allows 2"):
        arms({"doses": [1]}, budget={"max_arms": 2}, generate={"untuned": True})


def test_imported_responses_have_no_grid() -> None:
    with pytest.raises(InputError, match="nothing to mix or tune"):
        grid(make_study(None), num_instruction=0, made_of="test")
