"""The sealed plan: a study may grow and be read anew, but what made finished work may not change."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from safedose.errors import InputError
from safedose.naming import new_arm
from safedose.store.seal import Seal, from_lines, grow, to_lines

ARM = new_arm(
    base="b", run="default", ladder="add", strategy="direct", format="question", dose=3, draw_seed=0, train_seed=0,
    made_of="test",
)  # fmt: skip
FOLDER = Path("study")


def make_seal(**changes: Any) -> Seal:
    cell: dict[str, Any] = {"made_of": {"seed": 1, "tune.epochs": 2.0}, "arms": (), "batches": {("b", "s"): ((0,),)}}
    return Seal(**(cell | changes))


def test_first_seal_stands_as_it_is() -> None:
    assert grow(None, make_seal(), folder=FOLDER) == make_seal()


def test_same_again_changes_nothing() -> None:
    assert grow(make_seal(), make_seal(), folder=FOLDER) == make_seal()


def test_changed_setting_is_refused_with_old_and_new() -> None:
    now = make_seal(made_of={"seed": 1, "tune.epochs": 3.0})

    with pytest.raises(InputError, match=r"tune\.epochs: 2\.0 -> 3\.0(.|\n)*safedose fork study NEW_FOLDER"):
        grow(make_seal(), now, folder=FOLDER)


def test_every_change_is_named() -> None:
    now = make_seal(made_of={"seed": 2, "tune.epochs": 3.0})

    with pytest.raises(InputError, match=r"seed: 1 -> 2; tune\.epochs: 2\.0 -> 3\.0"):
        grow(make_seal(), now, folder=FOLDER)


def test_study_may_grow() -> None:
    made_of = {"seed": 1, "tune.epochs": 2.0, "prompts.new": "ab"}
    now = make_seal(made_of=made_of, arms=(ARM,), batches={("b", "s"): ((0,),), ("b", "new"): ((0, 1),)})

    assert grow(make_seal(), now, folder=FOLDER) == now


def test_sealed_batches_win_over_those_planned_now() -> None:
    now = make_seal(batches={("b", "s"): ((9,),)})

    assert grow(make_seal(), now, folder=FOLDER).batches == {("b", "s"): ((0,),)}


def test_suite_that_left_may_not_come_back_changed() -> None:
    before = make_seal(made_of={"seed": 1, "prompts.s": "old"})
    without = grow(before, make_seal(made_of={"seed": 1}), folder=FOLDER)

    with pytest.raises(InputError, match=r"prompts\.s"):
        grow(without, make_seal(made_of={"seed": 1, "prompts.s": "new"}), folder=FOLDER)


@given(st.dictionaries(st.text(), st.none() | st.integers() | st.text() | st.lists(st.text())), st.text())
def test_plan_is_read_back(made_of: dict[str, Any], suite: str) -> None:
    seal = Seal(made_of=made_of, arms=(ARM,), batches={("b", suite): ((2, 0), (1,))})

    assert from_lines(to_lines(seal)) == seal
