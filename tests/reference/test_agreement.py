"""Agreement against slow ones written straight from their definitions."""

from itertools import permutations

import numpy as np
import pytest
from statsmodels.stats.inter_rater import cohens_kappa

from safedose.stats import cohen_kappa, krippendorff_alpha

RNG = np.random.default_rng(0)


def kappa_by_definition(first: list[str], second: list[str]) -> float:
    """Cohen (1960): agreement, and agreement of the two habits, by counting."""
    n = len(first)
    agreed = sum(a == b for a, b in zip(first, second, strict=True)) / n
    expected = sum(first.count(label) * second.count(label) for label in set(first + second)) / n**2
    return (agreed - expected) / (1 - expected)


def alpha_by_coincidences(raters: list[list[str | None]]) -> float:
    """Krippendorff (2019): every ordered pair of labels of an item, worth 1 / (labels of the item - 1)."""
    coincidences: dict[tuple[str, str], float] = {}
    for said in zip(*raters, strict=True):
        labels = [label for label in said if label is not None]
        for pair in permutations(labels, 2):
            coincidences[pair] = coincidences.get(pair, 0.0) + 1 / (len(labels) - 1)
    values = sorted({label for pair in coincidences for label in pair})
    margin = {one: sum(coincidences.get((one, other), 0.0) for other in values) for one in values}
    n = sum(margin.values())
    observed = sum(count for (a, b), count in coincidences.items() if a != b) / n
    by_chance = sum(margin[a] * margin[b] for a, b in permutations(values, 2)) / (n * (n - 1))
    return 1 - observed / by_chance


def made_up(num_raters: int, num_items: int, seed: int, missing: float) -> list[list[str | None]]:
    rng = np.random.default_rng(seed)
    truth = rng.choice(list("abc"), num_items, p=[0.6, 0.3, 0.1])
    noise = rng.choice(list("abc"), (num_raters, num_items))
    said = np.where(rng.random(noise.shape) < 0.3, noise, truth)
    return np.where(rng.random(noise.shape) < missing, None, said.astype(object)).tolist()


@pytest.mark.parametrize("seed", range(5))
def test_kappa_is_its_definition(seed: int) -> None:
    first, second = made_up(2, 40, seed, missing=0.0)
    assert cohen_kappa(first, second, level=0.95).value == pytest.approx(kappa_by_definition(first, second))


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("num_raters", [2, 3, 6])
def test_alpha_is_one_minus_what_the_coincidence_matrix_says(num_raters: int, seed: int) -> None:
    raters = made_up(num_raters, 30, seed, missing=0.3)
    found = krippendorff_alpha(raters, level=0.95, rng=RNG)
    assert found.value == pytest.approx(alpha_by_coincidences(raters))


def test_alpha_of_krippendorffs_own_example() -> None:
    """Four observers, 12 units: Krippendorff (2011), Computing Krippendorff's Alpha-Reliability, section C: 0.743."""
    rows = ("1 2 3 3 2 1 4 1 2 . . .", "1 2 3 3 2 2 4 1 2 5 . 3", ". 3 3 3 2 3 4 2 2 5 1 .", "1 2 3 3 2 4 4 1 2 5 1 .")
    raters = [[None if label == "." else label for label in row.split()] for row in rows]
    assert krippendorff_alpha(raters, level=0.95, rng=RNG).value == pytest.approx(0.743, abs=5e-4)


def test_far_from_the_edges_the_interval_is_the_large_sample_one() -> None:
    rng = np.random.default_rng(3)
    first = rng.integers(0, 2, 20_000)
    second = np.where(rng.random(20_000) < 0.2, 1 - first, first)
    found = cohen_kappa(first.tolist(), second.tolist(), level=0.95)
    theirs = cohens_kappa(np.histogram2d(first, second, bins=2)[0])
    assert (found.low, found.high) == pytest.approx((theirs.kappa_low, theirs.kappa_upp), abs=2e-4)
