"""Intervals, whatever the numbers."""

import math

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from loopscope.stats.intervals import change_of, difference_of, mean_interval, quantile_interval, ratio_interval

values = st.lists(st.floats(-1e12, 1e12) | st.sampled_from([math.nan, math.inf, -math.inf]), max_size=60)
positive = st.lists(st.floats(0, 1e12), min_size=8, max_size=60)


@given(values, st.booleans(), st.sampled_from([0.5, 0.9, 0.95, 0.99]))
def test_a_mean_lies_in_its_interval(x: list[float], autocorrelated: bool, confidence: float) -> None:
    """Low, middle, high in order, the middle is the mean of what is finite, nothing is nan."""
    interval = mean_interval(x, confidence, autocorrelated=autocorrelated)
    known = [value for value in x if math.isfinite(value)]
    if interval is None:
        assert len(known) < 8
        return
    assert interval.low <= interval.mid <= interval.high
    assert math.isclose(interval.mid, math.fsum(known) / len(known), rel_tol=1e-6, abs_tol=1e-3)
    assert 0 < interval.n_effective <= len(known)


@given(positive, st.floats(1e-3, 1e3))
def test_the_unit_does_not_matter(x: list[float], factor: float) -> None:
    """Milliseconds or seconds: the same interval."""
    first, second = mean_interval(x), mean_interval([value * factor for value in x])
    assert first is not None
    assert second is not None
    size = max(x) * factor + 1e-300
    for one, other in ((first.low, second.low), (first.mid, second.mid), (first.high, second.high)):
        assert math.isclose(one * factor / size, other / size, rel_tol=1e-6, abs_tol=1e-6)


@given(positive)
def test_time_may_run_backwards(x: list[float]) -> None:
    """A row and its reverse are as sure."""
    first, second = mean_interval(x), mean_interval(x[::-1])
    assert first is not None
    assert second is not None
    assert math.isclose(first.high - first.low, second.high - second.low, rel_tol=1e-6, abs_tol=1e-3)


@given(positive, positive)
def test_differences_turn_round(x: list[float], y: list[float]) -> None:
    """b - a is -(a - b), with the ends changed over; a change and its reverse multiply to one."""
    a, b = mean_interval(x), mean_interval(y)
    assert a is not None
    assert b is not None
    there, back = difference_of(a, b), difference_of(b, a)
    assert (there.low, there.mid, there.high) == (-back.high, -back.mid, -back.low)
    up, down = change_of(a, b), change_of(b, a)
    if up is not None and down is not None and a.mid > 1e-6 and b.mid > 1e-6:
        assert math.isclose((1 + up.mid) * (1 + down.mid), 1.0, rel_tol=1e-6)
        assert up.low <= up.mid <= up.high


@given(st.lists(st.lists(st.integers(0, 50), min_size=5, max_size=5), min_size=8, max_size=30), st.floats(0.01, 0.99))
def test_a_quantile_is_one_of_the_values(rows: list[list[int]], share: float) -> None:
    """The middle is at its rank, and inside."""
    table, marks = np.array(rows), np.array([1.0, 2.0, 4.0, 8.0, 16.0])
    interval = quantile_interval(table, marks, share)
    if interval is None:
        assert not table.sum()
        return
    flat = np.repeat(marks, table.sum(axis=0))
    assert interval.mid == flat[max(math.ceil(share * flat.size - 1e-9), 1) - 1]
    assert interval.low <= interval.mid <= interval.high


@given(positive, positive)
def test_a_ratio_is_that_of_the_sums(x: list[float], y: list[float]) -> None:
    """Sum over sum, in its interval."""
    n = min(len(x), len(y))
    interval = ratio_interval(x[:n], y[:n])
    if interval is None:
        assert sum(y[:n]) == 0
        return
    assert interval.low <= interval.mid <= interval.high
