"""Tests and intervals by resampling: what they show, and when they refuse."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from safedose.stats.resampling import cluster_bootstrap, mcnemar, permuted_adapters, seeds_needed, sign_flips

RATES = st.lists(st.sampled_from([0.0, 0.1, 1 / 3, 0.5, 1.0]), min_size=2, max_size=6)


def rng() -> np.random.Generator:
    return np.random.default_rng(0)


def test_two_seeds_against_two_can_show_nothing_however_far_apart() -> None:
    found = permuted_adapters([1.0, 1.0], [0.0, 0.0], alpha=0.05, rng=rng())
    assert (found.p_value, found.p_smallest) == (None, pytest.approx(1 / 3))
    assert "at least 4 a side are needed" in str(found.undefined_reason)


def test_four_seeds_against_four_can() -> None:
    found = permuted_adapters([1.0, 0.9, 1.0, 1.0], [0.0, 0.1, 0.0, 0.0], alpha=0.05, rng=rng())
    assert found.p_value == found.p_smallest == pytest.approx(2 / 70)


def test_equal_adapters_differ_in_nothing() -> None:
    assert permuted_adapters([0.5] * 4, [0.5] * 4, alpha=0.05, rng=rng()).p_value == 1.0


def test_many_seeds_are_relabelled_at_random_and_never_give_zero() -> None:
    found = permuted_adapters(np.linspace(0.8, 0.9, 12), np.linspace(0.1, 0.2, 12), alpha=0.05, rng=rng())
    assert found.p_value == found.p_smallest == pytest.approx(2e-4)
    assert "random" in found.method


@pytest.mark.parametrize(("alpha", "needed"), [(0.34, 2), (0.1, 3), (0.05, 4), (0.01, 5)])
def test_a_smaller_alpha_needs_more_seeds(alpha: float, needed: int) -> None:
    assert seeds_needed(alpha) == needed


@pytest.mark.parametrize("count", [1, 5])
def test_a_handful_of_prompts_cannot_show_anything(count: int) -> None:
    found = mcnemar([0] * count, [1] * count, alpha=0.05)
    assert found.p_value is None
    assert "at least 6 are needed" in str(found.undefined_reason)


def test_six_prompts_can() -> None:
    assert mcnemar([0] * 6, [1] * 6, alpha=0.05).p_value == pytest.approx(2**-5)


def test_prompts_of_one_category_count_as_one_when_their_signs_move_together() -> None:
    alone = sign_flips([1.0] * 40, unit="prompts", alpha=0.05, rng=rng())
    grouped = sign_flips([4.0] * 10, unit="categories", alpha=0.05, rng=rng())
    assert (alone.p_value, grouped.p_value) == (pytest.approx(2**-39), pytest.approx(2**-9))


@given(st.lists(st.floats(-1, 1), min_size=1, max_size=25))
def test_sign_flips_never_fail(values: list[float]) -> None:
    found = sign_flips(values, unit="prompts", alpha=0.05, rng=rng())
    assert (found.p_value is None) == (found.undefined_reason is not None)
    assert found.p_value is None or found.p_smallest - 1e-9 <= found.p_value <= 1


@given(RATES, RATES)
def test_relabelling_never_fails(dosed: list[float], start: list[float]) -> None:
    found = permuted_adapters(dosed, start, alpha=0.05, rng=rng())
    assert (found.p_value is None) == (found.undefined_reason is not None)
    assert found.p_value is None or found.p_smallest - 1e-9 <= found.p_value <= 1


def test_relabelling_adapters_of_one_kind_shows_something_no_more_often_than_alpha() -> None:
    noise, draws = rng(), rng()
    shown = 0
    for _ in range(400):
        rates = noise.binomial(50, 1 / (1 + np.exp(-noise.normal(-1, 1, 8)))) / 50
        found = permuted_adapters(rates[:4], rates[4:], alpha=0.05, rng=draws)
        shown += found.p_value is not None and found.p_value <= 0.05
    assert shown <= 0.05 * 400 + 3 * math.sqrt(400 * 0.05 * 0.95)


def test_the_bootstrap_refuses_fewer_than_ten_clusters() -> None:
    found = cluster_bootstrap(np.arange(9.0), np.arange(9), level=0.95, rng=rng())
    assert (found.low, found.high) == (None, None)
    assert "at least 10" in str(found.undefined_reason)


def test_the_bootstrap_refuses_clusters_that_are_all_alike() -> None:
    found = cluster_bootstrap(np.tile([1.0, 3.0], 20), np.repeat(np.arange(20), 2), level=0.95, rng=rng())
    assert found.low is None
    assert "same mean" in str(found.undefined_reason)


def test_the_bootstrap_refuses_scores_that_are_not_numbers() -> None:
    assert cluster_bootstrap([math.nan] * 20, np.arange(20), level=0.95, rng=rng()).low is None


def test_resampling_whole_clusters_is_wider_than_resampling_prompts() -> None:
    effect = np.repeat(rng().normal(0, 1, 20), 10)
    scores = effect + rng().normal(0, 0.1, 200)
    grouped = cluster_bootstrap(scores, np.repeat(np.arange(20), 10), level=0.95, rng=rng())
    alone = cluster_bootstrap(scores, np.arange(200), level=0.95, rng=rng())
    assert None not in (grouped.low, grouped.high, alone.low, alone.high)
    assert grouped.high - grouped.low > 2 * (alone.high - alone.low)  # type: ignore[operator]


def test_the_bootstrap_finds_the_standard_error_of_a_mean() -> None:
    scores = rng().normal(5, 2, 400)
    found = cluster_bootstrap(scores, np.arange(400), level=0.95, rng=rng())
    half = 1.96 * scores.std() / 20
    assert (found.low, found.high) == pytest.approx((scores.mean() - half, scores.mean() + half), abs=0.03)


@given(st.lists(st.tuples(st.sampled_from([0.0, 1.0, 2.5]), st.integers(0, 14)), min_size=1, max_size=60))
def test_the_bootstrap_gives_an_interval_or_a_reason(rows: list[tuple[float, int]]) -> None:
    scores, clusters = zip(*rows, strict=True)
    found = cluster_bootstrap(scores, clusters, level=0.9, rng=rng(), num_resamples=199)
    assert (found.low is None) == (found.high is None) == (found.undefined_reason is not None)
    if found.low is not None and found.high is not None:
        assert found.low <= found.high
