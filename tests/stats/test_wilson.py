"""Wilson's interval for one adapter's rate."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from safedose.stats import wilson

LEVELS = st.sampled_from([0.5, 0.9, 0.95, 0.99])


@st.composite
def trials(draw: st.DrawFn) -> tuple[int, int]:
    n = draw(st.integers(1, 5000))
    return draw(st.integers(0, n)), n


@given(trials(), LEVELS)
def test_bounds_hold_the_rate_and_stay_in_0_to_1(count: tuple[int, int], level: float) -> None:
    y, n = count
    low, high = wilson(y, n, level)
    assert 0 <= low <= y / n <= high <= 1
    assert low < high


@given(trials(), LEVELS)
def test_successes_and_failures_mirror_each_other(count: tuple[int, int], level: float) -> None:
    y, n = count
    low, high = wilson(y, n, level)
    assert wilson(n - y, n, level) == pytest.approx((1 - high, 1 - low), abs=1e-12)


@given(trials(), LEVELS)
def test_one_success_more_moves_both_bounds_up(count: tuple[int, int], level: float) -> None:
    y, n = count
    low, high = wilson(y, n + 1, level)
    more_low, more_high = wilson(y + 1, n + 1, level)
    assert more_low > low
    assert more_high > high


@given(trials(), LEVELS)
def test_agrees_with_scipy(count: tuple[int, int], level: float) -> None:
    y, n = count
    theirs = stats.binomtest(y, n).proportion_ci(confidence_level=level, method="wilson")
    assert wilson(y, n, level) == pytest.approx((theirs.low, theirs.high), abs=1e-12)


@pytest.mark.parametrize(("y", "n", "level"), [(0, 0, 0.95), (3, 2, 0.95), (-1, 2, 0.95), (1, 2, 1.0)])
def test_refuses_what_is_no_rate(y: int, n: int, level: float) -> None:
    with pytest.raises(ValueError, match=r"rate"):
        wilson(y, n, level)
