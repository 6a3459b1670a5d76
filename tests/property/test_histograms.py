"""What holds for histograms and windows whatever is put into them."""

from math import ceil

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from loopscope.stats.loghist import BUCKETS, LOWEST_NS, RELATIVE_ERROR, LogHist, bars
from loopscope.stats.rolling import RollingCounts
from loopscope.stats.timeline import RecentLine, WholeLine

durations = st.lists(st.floats(0, 1.3e11), min_size=1, max_size=300)
shares = st.floats(0.001, 1.0)
ticks = st.lists(
    st.lists(st.tuples(st.integers(0, 8), st.integers(0, BUCKETS - 1)), max_size=20), min_size=1, max_size=30
)


def hist_of(values: list[float]) -> LogHist:
    hist = LogHist()
    hist.add(np.array(values, dtype=np.float64))
    return hist


@given(durations, shares)
def test_a_quantile_is_within_the_stated_error(values: list[float], share: float) -> None:
    """Against the exact value at the same rank: 0.543 %, or 1 us where it is below the first bucket."""
    exact = sorted(values)[max(ceil(share * len(values)), 1) - 1]
    found = float(hist_of(values).quantiles((share,))[0])
    assert abs(found - exact) <= max(exact * RELATIVE_ERROR * (1 + 1e-9), LOWEST_NS)
    assert found <= max(values)


@given(durations)
def test_quantiles_rise_and_end_at_the_maximum(values: list[float]) -> None:
    """p50 <= p90 <= p99 <= max, and the maximum is exact."""
    hist = hist_of(values)
    found = hist.quantiles((0.5, 0.9, 0.99)).tolist()
    assert found == sorted(found)
    assert found[-1] <= hist.most_ns == max(values)


@given(durations, durations)
def test_merging_is_adding_all_values(one: list[float], other: list[float]) -> None:
    """Two histograms merged are the histogram of both lists."""
    merged = hist_of(one)
    merged.merge(hist_of(other))
    both = hist_of(one + other)
    assert (merged.counts == both.counts).all()
    assert merged.most_ns == both.most_ns
    assert merged.n == len(one) + len(other)


@given(durations)
def test_bars_keep_every_count(values: list[float]) -> None:
    """However they are re-binned for drawing, none is lost, and there are at most 61 bars."""
    edges, heights = bars(hist_of(values).counts)
    assert heights.sum() == len(values)
    assert len(edges) == len(heights) + 1 <= 62
    assert (np.diff(edges) > 0).all()


@given(ticks, st.integers(1, 12))
def test_sliding_equals_counting_anew(pushed: list[list[tuple[int, int]]], size: int) -> None:
    """After each push the window holds exactly what the last ticks brought."""
    rolling = RollingCounts(size)
    rows = 1
    for step, values in enumerate(pushed):
        rows = max([rows, *(row + 1 for row, _ in values)])
        rolling.push(np.array([row * BUCKETS + bucket for row, bucket in values], dtype=np.int32), rows)
        expected = np.zeros(rolling.counts.shape, dtype=np.int32)
        for held in pushed[max(0, step + 1 - size) : step + 1]:
            for place in held:
                expected[place] += 1
        assert (rolling.counts == expected).all()


@given(st.lists(st.tuples(st.integers(1, 5), st.floats(0, 1e6)), min_size=1, max_size=60), st.integers(1, 20))
def test_the_recent_line_is_the_tail_of_what_was_pushed(steps: list[tuple[int, float]], size: int) -> None:
    """Each value stands at its own index, holes are nan, and nothing older than the size is left."""
    line = RecentLine(size, ("a",))
    index, known = -1, {}
    for ahead, value in steps:
        index += ahead
        known[index] = value
        line.push(index, (value,))
    at, values = line.lines()
    assert at[-1] == index
    assert len(at) == min(size, index + 1 - min(known))
    for place, value in zip(at.tolist(), values["a"].tolist(), strict=True):
        assert value == known[place] if place in known else np.isnan(value)


@given(st.lists(st.floats(0, 1e6), min_size=1, max_size=200), st.integers(1, 8))
def test_the_whole_line_keeps_mean_and_peak(values: list[float], half: int) -> None:
    """However coarse it has become: the peak is the highest value, means weighted by their steps give the mean."""
    line = WholeLine(2 * half, ("mean", "peak"), frozenset({"peak"}))
    for step, value in enumerate(values):
        line.push(step, (value, value))
    at, held = line.lines()
    assert len(at) <= 2 * half
    assert held["peak"].max() == max(values)
    weights = [min(line.stride, len(values) - int(begin)) for begin in at]
    assert np.isclose(np.average(held["mean"], weights=weights), np.mean(values), atol=1e-6)
