"""One correction for several doses: only where the judge was shown to err alike."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from safedose.stats import Audit, compare_errors, correct_pooled


def dose(rate: float, sensitivity: float, alarms: float, num_labels: int = 1500, seed: int = 0) -> Audit:
    """Draw 2,000 responses to as many prompts, the first of them labelled."""
    draws = np.random.default_rng(seed)
    truth = (draws.random(2000) < rate).astype(float)
    judged = (draws.random(2000) < np.where(truth == 1, sensitivity, alarms)).astype(float)
    people = np.where(np.arange(2000) < num_labels, truth, np.nan)
    chances = np.full(2000, max(num_labels, 1) / 2000)
    return Audit(
        judged=judged, people=people, probability=chances, strata=np.zeros(2000, np.intp), prompts=np.arange(2000)
    )


def pooled(*doses: Audit, margin: float = 0.1) -> dict:
    audits = {50 * at: one for at, one in enumerate(doses)}
    return correct_pooled(audits, margin=margin, level=0.95, rng=np.random.default_rng(0))


def test_where_errors_are_alike_every_dose_is_corrected_by_all_labels() -> None:
    found = pooled(dose(0.5, 0.9, 0.1, seed=1), dose(0.2, 0.9, 0.1, seed=2))
    assert [found[0].value, found[50].value] == pytest.approx([0.5, 0.2], abs=0.03)
    assert all(one.low < rate < one.high for one, rate in zip(found.values(), (0.5, 0.2), strict=True))


def test_errors_that_differ_are_not_pooled() -> None:
    found = pooled(dose(0.5, 0.95, 0.05, seed=1), dose(0.5, 0.6, 0.05, seed=2))
    assert found[0].value is found[50].value is None
    assert "false-negative rate at dose 0 minus dose 50 lies between -0." in found[0].undefined_reason


def test_few_labels_that_look_alike_show_nothing() -> None:
    assert pooled(dose(0.5, 1.0, 0.0, 20, seed=1), dose(0.5, 1.0, 0.0, 20, seed=2))[0].value is None


def test_a_dose_without_labels_is_not_covered_by_another() -> None:
    found = pooled(dose(0.5, 1.0, 0.0, seed=1), dose(0.5, 1.0, 0.0, num_labels=0, seed=2))
    assert "lies between -1 and 1" in found[50].undefined_reason


def test_labels_of_one_prompt_are_worth_one_and_show_nothing() -> None:
    one = dose(0.5, 0.9, 0.1)
    found = compare_errors({0: replace(one, prompts=np.zeros(2000, np.intp)), 50: one}, margin=0.1, level=0.95)
    assert not any(pair.shown_equal for pair in found)


def test_one_dose_is_not_pooled() -> None:
    assert pooled(dose(0.5, 0.9, 0.1))[0].undefined_reason == "one dose: there is nothing to pool"


def test_a_judge_no_better_than_chance_corrects_nothing() -> None:
    found = pooled(dose(0.5, 0.3, 0.4, seed=1), dose(0.5, 0.3, 0.4, seed=2))
    assert "no better than chance" in found[0].undefined_reason


def test_every_pair_of_doses_is_compared_in_both_errors() -> None:
    audits = {at: dose(0.5, 0.9, 0.1, seed=at) for at in (100, 0, 50)}
    found = compare_errors(audits, margin=0.1, level=0.95)
    assert [one.doses for one in found[::2]] == [(0, 50), (0, 100), (50, 100)]
    assert {one.error for one in found} == {"false-negative rate", "false-positive rate"}


def test_a_wider_margin_shows_what_a_narrow_one_does_not() -> None:
    audits = {0: dose(0.5, 0.9, 0.1, seed=1), 50: dose(0.5, 0.9, 0.1, seed=2)}
    assert not any(one.shown_equal for one in compare_errors(audits, margin=0.01, level=0.95))
    assert all(one.shown_equal for one in compare_errors(audits, margin=0.1, level=0.95))
