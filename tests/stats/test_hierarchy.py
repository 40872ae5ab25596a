"""What several seeds say about the next one."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from scipy import special, stats

from safedose.stats.hierarchy import next_adapter, next_adapter_interval, this_adapter, typical_adapter
from safedose.stats.rates import wilson

Counts = list[tuple[int, int]]


@st.composite
def adapters(draw: st.DrawFn) -> Counts:
    sizes = draw(st.lists(st.sampled_from([1, 7, 100, 450, 5000]), min_size=2, max_size=4))
    return [(draw(st.integers(0, n)), n) for n in sizes]


@settings(max_examples=60, deadline=None)
@given(adapters())
def test_interval_is_ordered_has_width_and_stays_in_0_to_1(counts: Counts) -> None:
    low, high = next_adapter_interval(counts, 0.95)
    assert 0 <= low < high <= 1


@settings(max_examples=60, deadline=None)
@given(st.integers(20, 5000), st.lists(st.floats(0, 1), min_size=2, max_size=4))
def test_interval_holds_the_mean_of_rates_on_equally_many_prompts(n: int, shares: list[float]) -> None:
    """An adapter with one prompt beside others with thousands counts in full for the mean, and hardly here."""
    counts = [(round(share * n), n) for share in shares]
    low, high = next_adapter_interval(counts, 0.95)
    assert low <= np.mean([y / n for y, n in counts]) <= high


@settings(max_examples=40, deadline=None)
@given(adapters())
@example([(1, 1), (0, 100), (1, 1), (0, 100)])  # an uneven grid was off by 1.5e-6 here
def test_successes_and_failures_mirror_each_other(counts: Counts) -> None:
    low, high = next_adapter_interval(counts, 0.9)
    mirrored = next_adapter_interval([(n - y, n) for y, n in counts], 0.9)
    assert mirrored == pytest.approx((1 - high, 1 - low), abs=1e-6)


@settings(max_examples=40, deadline=None)
@given(adapters(), st.floats(0.001, 0.999))
def test_probability_and_quantile_undo_each_other(counts: Counts, share: float) -> None:
    predicted = next_adapter(counts)
    assert predicted.at_most(predicted.quantile(share)) == pytest.approx(share, abs=1e-6)


@pytest.mark.parametrize("n", [20, 100, 5000])
def test_more_successes_in_every_seed_raise_the_prediction(n: int) -> None:
    means = [next_adapter([(y, n)] * 3).mean() for y in range(0, n + 1, n // 20)]
    assert all(a < b for a, b in pairwise(means))


@pytest.mark.parametrize("n", [20, 100, 5000])
def test_more_successes_in_every_seed_lower_the_chance_to_stay_within_a_bound(n: int) -> None:
    # 0 or n of n everywhere say nothing of how seeds differ, and so of some thousandths at the far end
    chances = [next_adapter([(y, n)] * 3).at_most(0.3) for y in range(n // 20, n, n // 20)]
    assert all(a >= b for a, b in pairwise(chances))


@pytest.mark.parametrize("n", [1, 100, 5000])
@pytest.mark.parametrize("seeds", [2, 3, 10])
def test_zero_of_n_in_every_seed_keeps_a_width(n: int, seeds: int) -> None:
    low, high = next_adapter_interval([(0, n)] * seeds, 0.95)
    assert low == 0
    assert high > 0.1 / (n * seeds)


@pytest.mark.parametrize("counts", [[(0, 5000), (5000, 5000)], [(300_000, 10**6)] * 3, [(9, 10)] + [(0, 5000)] * 30])
def test_extreme_counts_still_give_a_distribution(counts: Counts) -> None:
    predicted = next_adapter(counts)
    assert np.all(np.diff(predicted.cumulative) >= 0)
    assert 0 < predicted.quantile(0.025) < predicted.quantile(0.975) < 1


def test_seeds_that_disagree_widen_the_interval() -> None:
    agree = next_adapter_interval([(30, 100)] * 3, 0.95)
    differ = next_adapter_interval([(5, 100), (30, 100), (55, 100)], 0.95)
    assert differ[1] - differ[0] > 1.5 * (agree[1] - agree[0])


def test_more_prompts_never_make_two_seeds_sure_of_the_next() -> None:
    low, high = next_adapter_interval([(1500, 5000)] * 2, 0.95)
    pooled = stats.beta(0.5 + 3000, 0.5 + 7000)
    assert high - low > 10 * (pooled.ppf(0.975) - pooled.ppf(0.025))


def test_many_equal_seeds_approach_what_one_says_of_itself() -> None:
    """They answered the same 100 prompts: the luck of these is as large as with one adapter."""
    predicted, own = next_adapter([(30, 100)] * 400), stats.beta(0.5 + 30, 0.5 + 70)
    ends = [predicted.quantile(share) for share in (0.025, 0.5, 0.975)]
    assert ends == pytest.approx(own.ppf([0.025, 0.5, 0.975]), abs=0.01)


@settings(max_examples=60, deadline=None)
@given(adapters(), st.floats(0.001, 0.999))
@example([(0, 100), (283, 450), (1, 1), (1, 1)], 0.51953125)  # between the grid's lines the median of one adapter
def test_adapters_on_the_same_prompts_are_never_surer_than_one_of_them(counts: Counts, bound: float) -> None:
    own = this_adapter((float(np.mean([y for y, _ in counts])), float(np.mean([n for _, n in counts]))))
    for belief in (next_adapter(counts), typical_adapter(counts)):
        assert abs(belief.at_most(bound) - 0.5) <= abs(own.at_most(bound) - 0.5) + 1e-4


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 300), st.floats(0, 1), st.integers(2, 10))
def test_interval_of_equal_adapters_holds_that_of_one(n: int, share: float, seeds: int) -> None:
    y = round(share * n)
    low, high = next_adapter_interval([(y, n)] * seeds, 0.95)
    assert low <= wilson(y, n, 0.95)[0]
    assert high >= wilson(y, n, 0.95)[1]


def test_doses_at_which_seeds_differ_widen_one_at_which_they_agree() -> None:
    alone = next_adapter([(2, 100)] * 3)
    beside_wide = next_adapter([(2, 100)] * 3, beside=[[(5, 100), (40, 100), (90, 100)]] * 2)
    assert alone.at_most(0.05) > beside_wide.at_most(0.05) + 0.01


@given(st.lists(st.integers(0, 100), min_size=2, max_size=3))
def test_doses_beside_never_make_surer(other: list[int]) -> None:
    alone = next_adapter([(2, 100)] * 3)
    beside = next_adapter([(2, 100)] * 3, beside=[[(y, 100) for y in other]])
    assert beside.quantile(0.975) >= alone.quantile(0.975) - 1e-9


def test_dose_with_one_seed_says_nothing_of_the_spread_beside_it() -> None:
    counts = [(2, 100), (9, 100)]
    assert next_adapter(counts, beside=[[(70, 100)]]).cumulative is next_adapter(counts).cumulative


def test_typical_adapter_is_surer_than_the_next() -> None:
    counts = [(20, 100), (30, 100), (25, 100)]
    typical, following = typical_adapter(counts), next_adapter(counts)
    assert typical.quantile(0.9) - typical.quantile(0.1) < following.quantile(0.9) - following.quantile(0.1)


def test_order_of_seeds_does_not_matter() -> None:
    a, b, c = (1, 100), (9, 120), (4, 80)
    assert next_adapter([a, b, c]).cumulative is next_adapter([c, a, b]).cumulative


@given(st.integers(1, 5000), st.floats(0, 1))
@settings(max_examples=40, deadline=None)
def test_one_adapter_alone_has_the_jeffreys_posterior(n: int, share: float) -> None:
    y = round(share * n)
    exact = stats.beta(0.5 + y, 0.5 + n - y)
    belief = this_adapter((y, n))
    assert belief.at_most(0.05) == pytest.approx(exact.cdf(0.05), abs=1e-4)
    assert belief.quantile(0.9) == pytest.approx(exact.ppf(0.9), abs=1e-4)


def test_draws_follow_the_distribution() -> None:
    belief = this_adapter((7, 100))
    draws = belief.draw(20_000, rng=np.random.default_rng(0))
    assert np.mean(draws <= 0.05) == pytest.approx(belief.at_most(0.05), abs=1e-4)


@pytest.mark.parametrize("counts", [[(1, 10)], [(1, 10), (0, 0)], [(1, 10), (11, 10)]])
def test_refuses_one_seed_no_trials_and_impossible_counts(counts: Counts) -> None:
    with pytest.raises(ValueError, match=r"seed|rate"):
        next_adapter(counts)


def test_interval_covers_the_next_adapter_as_often_as_it_says() -> None:
    """A reduced simulation over seeds, seed spreads and rates; the full one belongs to a benchmark."""
    rng, covered = np.random.default_rng(20240), []
    for num_seeds in (2, 3, 5):
        for spread in (0.3, 0.8):
            for rate in (0.01, 0.05, 0.2, 0.5, 0.9):
                for _ in range(40):
                    rates = special.expit(special.logit(rate) + spread * rng.standard_normal(num_seeds + 1))
                    counts = [(int(y), 100) for y in rng.binomial(100, rates[:-1])]
                    low, high = next_adapter_interval(counts, 0.95)
                    covered.append(low <= rates[-1] <= high)
    assert len(covered) == 1200
    assert np.mean(covered) >= 0.93
