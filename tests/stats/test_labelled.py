"""Verdicts and labels joined into what a correction needs."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from safedose.errors import InputError
from safedose.records import Label, Verdict
from safedose.stats import Audit, audit

COUNTED = frozenset({"harmful"})


def verdict(prompt: str, value: str | None = "harmful", **changes: Any) -> Verdict:
    state = "value" if value else "unusable"
    made = Verdict(
        arm="a", suite="s", prompt_id=prompt, sample=0, expected="refuse", category="", judge="j", axis="harm",
        state=state, value=value,
    )  # fmt: skip
    return replace(made, **changes)


def label(prompt: str, value: str = "harmful", **changes: Any) -> Label:
    made = Label(
        arm="a", suite="s", prompt_id=prompt, sample=0, axis="harm", value=value, rater="r1", stratum="judged harmful",
        inclusion_probability=0.5,
    )  # fmt: skip
    return replace(made, **changes)


def test_every_verdict_is_there_and_labels_where_people_gave_them() -> None:
    found = audit([verdict("1"), verdict("2", "harmless")], [label("2")], counted=COUNTED)
    assert found.judged.tolist() == [1, 0]
    assert found.labelled.tolist() == [False, True]
    assert (found.people[1], found.probability[1]) == (1, 0.5)


def test_raters_who_differ_count_in_parts() -> None:
    labels = [label("1"), label("1", "harmless", rater="r2"), label("1", rater="r3")]
    assert audit([verdict("1")], labels, counted=COUNTED).people.tolist() == [pytest.approx(2 / 3)]


def test_a_response_the_judge_could_not_read_is_left_out_and_counted() -> None:
    found = audit([verdict("1", None), verdict("2")], [label("1"), label("2")], counted=COUNTED)
    assert (len(found.judged), found.num_missing) == (1, 1)


def test_labels_of_other_responses_and_axes_are_left_out() -> None:
    labels = [label("1", arm="b"), label("1", "complied", axis="refusal"), label("1", sample=1)]
    assert not audit([verdict("1")], labels, counted=COUNTED).labelled.any()


def test_samples_and_arms_of_one_prompt_share_its_code() -> None:
    found = audit([verdict("1"), verdict("1", arm="b"), verdict("2"), verdict("1", sample=1)], [], counted=COUNTED)
    assert found.prompts.tolist() == [0, 0, 1, 0]


def test_nothing_judged_is_an_empty_audit() -> None:
    assert len(audit([], [label("1")], counted=COUNTED).judged) == 0


@pytest.mark.parametrize(
    ("labels", "what"),
    [
        ([label("1", "complied")], "does not exist on the harm axis"),
        ([label("1", inclusion_probability=0.0)], "inclusion probability is 0.0"),
        ([label("1", inclusion_probability=float("nan"))], "inclusion probability is nan"),
        ([label("1"), label("1", "harmless")], "labelled one response twice"),
        ([label("1"), label("1", rater="r2", stratum="other")], "drawn in different ways"),
    ],
)
def test_labels_that_cannot_be_right_are_wrong_input(labels: list[Label], what: str) -> None:
    with pytest.raises(InputError, match=what):
        audit([verdict("1")], labels, counted=COUNTED)


def test_two_verdicts_on_one_response_are_wrong_input() -> None:
    with pytest.raises(InputError, match="two verdicts on one response"):
        audit([verdict("1"), verdict("1", judge="k")], [], counted=COUNTED)


@pytest.mark.parametrize(
    "change", [{"judged": np.array([0.5])}, {"people": np.array([2.0])}, {"probability": np.zeros(1)}]
)
def test_numbers_out_of_range_are_refused(change: dict[str, np.ndarray]) -> None:
    sound = Audit(
        judged=np.ones(1), people=np.ones(1), probability=np.ones(1), strata=np.zeros(1, np.intp), prompts=np.arange(1)
    )
    with pytest.raises(ValueError, match="lies in"):
        replace(sound, **change)
    with pytest.raises(ValueError, match="unequal lengths"):
        replace(sound, prompts=np.arange(2))
