"""Tests of differences against slow ones written straight from their definitions."""

import math
from itertools import combinations, product

import numpy as np
import pytest
from scipy import stats

from safedose.stats.contrasts import paired_interval
from safedose.stats.power import ALPHA, SEED_SD, prompts_power, seeds_power
from safedose.stats.rates import wilson
from safedose.stats.resampling import mcnemar, permuted_adapters, seeds_needed, sign_flips


def rng() -> np.random.Generator:
    return np.random.default_rng(0)


def binomial_sum(gained: int, lost: int) -> float:
    """P(a fair coin gives a split at least as uneven), term by term."""
    count, most = gained + lost, max(gained, lost)
    tail = sum(math.comb(count, k) for k in range(most, count + 1)) / 2**count
    return min(1.0, 2 * tail)


@pytest.mark.parametrize(("gained", "lost"), [(0, 0), (1, 0), (3, 3), (9, 0), (10, 2), (44, 0), (30, 41)])
def test_mcnemar_is_a_binomial_sum_over_prompts_answered_differently(gained: int, lost: int) -> None:
    before = [0] * gained + [1] * lost + [0] * 40 + [1] * 30
    after = [1] * gained + [0] * lost + [0] * 40 + [1] * 30
    assert mcnemar(before, after, alpha=0.05).p_value == pytest.approx(binomial_sum(gained, lost), rel=1e-12)


def all_flips(values: list[float]) -> float:
    """Share of all sign patterns whose absolute sum is at least the observed one."""
    sums = [
        abs(sum(s * v for s, v in zip(signs, values, strict=True))) for signs in product((-1, 1), repeat=len(values))
    ]
    return float(np.mean(np.array(sums) >= abs(sum(values)) - 1e-9))


@pytest.mark.parametrize(
    "values",
    [
        [1, 1, 1, 0, 0, -1, 1, 1],
        [0.5, 0.5, -0.5, 1, 1, 0, 0.5, 1],
        [1 / 3, 2 / 3, 1, -1 / 6, 0.5, 0.5, 1 / 3],
        [2.5, 3.0, -0.5, 4.0, 1.5, 2.0],
        [0.123456, 0.9, -0.31, 0.77, 0.55, 0.41, 0.2],
    ],
)
def test_sign_flips_count_all_patterns(values: list[float]) -> None:
    assert sign_flips(values, unit="prompts", alpha=0.05, rng=rng()).p_value == pytest.approx(all_flips(values))


def test_sign_flips_of_whole_answers_are_mcnemar() -> None:
    differences = [1] * 12 + [-1] * 3 + [0] * 35
    flipped = sign_flips(differences, unit="prompts", alpha=0.05, rng=rng())
    assert flipped.p_value == pytest.approx(binomial_sum(12, 3), rel=1e-12)


def test_random_flips_come_close_to_exact_ones() -> None:
    values = np.linspace(-0.4, 1.1, 30) * math.pi
    exact = sign_flips(np.round(values, 2), unit="prompts", alpha=0.05, rng=rng()).p_value
    assert sign_flips(values, unit="prompts", alpha=0.05, rng=rng()).p_value == pytest.approx(exact, abs=0.01)


def all_labellings(first: list[float], second: list[float]) -> float:
    """Twice the smaller share of labellings that give as large, or as small, a difference of means."""
    pooled, size = [*first, *second], len(first)
    means = []
    for chosen in combinations(range(len(pooled)), size):
        inside = [pooled[i] for i in chosen]
        outside = [pooled[i] for i in range(len(pooled)) if i not in chosen]
        means.append(np.mean(inside) - np.mean(outside))
    observed = np.mean(first) - np.mean(second)
    tails = np.mean(np.array(means) >= observed - 1e-12), np.mean(np.array(means) <= observed + 1e-12)
    return min(1.0, 2 * float(min(tails)))


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ([0.9, 0.8, 0.7, 0.95], [0.1, 0.2, 0.0, 0.3]),
        ([0.5, 0.1, 0.4, 0.2], [0.3, 0.15, 0.45, 0.1]),
        ([0.5, 0.6, 0.7], [0.1, 0.2, 0.3, 0.3, 0.4, 0.65]),
    ],
)
def test_whole_adapters_are_relabelled_in_every_way(first: list[float], second: list[float]) -> None:
    found = permuted_adapters(first, second, alpha=0.05, rng=rng())
    assert found.p_value == pytest.approx(all_labellings(first, second))


def newcombe(a: int, b: int, c: int, d: int) -> tuple[float, float]:
    """Method 10 of Newcombe (1998) for (a + b) / n - (a + c) / n, as the article writes it."""
    n = a + b + c + d
    p1, p2 = (a + b) / n, (a + c) / n
    (l1, u1), (l2, u2) = wilson(a + b, n, 0.95), wilson(a + c, n, 0.95)
    margins = (a + b) * (c + d) * (a + c) * (b + d)
    crossed = a * d - b * c
    corrected = max(crossed - n / 2, 0) if crossed > 0 else crossed
    phi = corrected / math.sqrt(margins) if margins else 0.0
    down = math.sqrt((p1 - l1) ** 2 - 2 * phi * (p1 - l1) * (u2 - p2) + (u2 - p2) ** 2)
    up = math.sqrt((u1 - p1) ** 2 - 2 * phi * (u1 - p1) * (p2 - l2) + (p2 - l2) ** 2)
    return p1 - p2 - down, p1 - p2 + up


@pytest.mark.parametrize("table", [(36, 12, 2, 0), (20, 12, 2, 16), (0, 44, 0, 6), (1, 3, 30, 16), (0, 0, 0, 50)])
def test_the_paired_interval_is_newcombes_for_one_seed(table: tuple[int, int, int, int]) -> None:
    a, b, c, d = table
    dosed = np.repeat([1.0, 1.0, 0.0, 0.0], [a, b, c, d])
    start = np.repeat([1.0, 0.0, 1.0, 0.0], [a, b, c, d])
    assert paired_interval(dosed, start, None, level=0.95) == pytest.approx(newcombe(a, b, c, d), abs=1e-12)


def test_power_between_adapters_is_a_sum_over_all_tables() -> None:
    n, p0, p1 = 30, 0.1, 0.4
    gained, lost = p1 * (1 - p0), p0 * (1 - p1)
    total = sum(
        math.comb(n, g) * math.comb(n - g, m) * gained**g * lost**m * (1 - gained - lost) ** (n - g - m)
        for g in range(n + 1)
        for m in range(n + 1 - g)
        if binomial_sum(g, m) <= ALPHA
    )
    assert prompts_power(n, p0, p1 - p0) == pytest.approx(total, rel=1e-9)


def test_power_for_the_next_adapter_is_that_of_the_t_test_of_statsmodels() -> None:
    from statsmodels.stats.power import TTestIndPower

    noise = [SEED_SD**2 + 1 / (250 * p * (1 - p)) for p in (0.1, 0.3)]
    effect = (stats.logistic.ppf(0.3) - stats.logistic.ppf(0.1)) / math.sqrt(np.mean(noise))
    expected = TTestIndPower().power(effect, nobs1=12, alpha=0.05)
    assert seeds_power(12, 250, 0.1, 0.2) == pytest.approx(expected, rel=1e-6)


def test_seeds_needed_is_the_first_number_whose_labellings_suffice() -> None:
    smallest = {k: 1 / (math.factorial(2 * k) / math.factorial(k) ** 2 / 2) for k in range(1, 12)}
    for alpha in (0.2, 0.05, 0.01, 0.001):
        assert seeds_needed(alpha) == min(k for k, floor in smallest.items() if floor <= alpha)


def test_holm_multiplies_by_how_many_are_left() -> None:
    from safedose.stats.contrasts import correct_all

    p_values = [0.01, 0.04, 0.03, 0.005, 0.5]
    expected, worst = {}, 0.0
    for place, p in enumerate(sorted(p_values)):
        worst = max(worst, min(1.0, p * (len(p_values) - place)))
        expected[p] = worst
    assert correct_all(p_values) == pytest.approx([expected[p] for p in p_values])
