"""Coverage and honest recommendations where the truth is known: reduced runs of `benchmarks/coverage.py`."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "coverage.py"


@pytest.fixture(scope="module")
def coverage() -> Any:
    spec = importlib.util.spec_from_file_location("coverage_benchmark", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("n", [50, 100, 250, 500])
def test_interval_of_one_adapter_covers_as_often_as_it_says(coverage: Any, n: int) -> None:
    found = coverage.arm_coverage(n, np.linspace(0.02, 0.98, 97).tolist())
    assert 0.93 <= found.mean() <= 0.97
    assert found.min() >= 0.90


@pytest.mark.parametrize("num_seeds", [2, 3])
def test_interval_of_the_next_adapter_covers_where_seeds_differ_as_they_do(coverage: Any, num_seeds: int) -> None:
    rng = np.random.default_rng(num_seeds)
    spreads = [(0.0, 0.0), (0.5, 0.5), (1.0, 1.0), (0.8, 0.3)]  # at the dose, and beside it
    held = [coverage.next_coverage(num_seeds, one, repeat=25, beside=other, rng=rng)[0] for one, other in spreads]
    assert np.mean(held) >= 0.93


@pytest.mark.parametrize("family", ["from_prior", "between_rungs", "peaking_noise", "not_monotone"])
def test_recommended_dose_is_acceptable_at_least_as_often_as_promised(coverage: Any, family: str) -> None:
    rng = np.random.default_rng(7)
    found = [coverage.acceptable(getattr(coverage, family)(rng), 3, rng=rng) for _ in range(40)]
    known = [one for one in found if one is not None]
    assert len(known) >= 5
    assert np.mean(known) >= coverage.LEVEL


def test_noise_beyond_the_model_leads_to_abstaining(coverage: Any) -> None:
    rng = np.random.default_rng(8)
    found = [coverage.acceptable(coverage.heavy_noise(rng), 3, rng=rng) for _ in range(40)]
    assert sum(one is None for one in found) >= 34
