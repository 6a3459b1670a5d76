"""Log-bucketed histograms."""

import numpy as np
import pytest

from loopscope.stats.loghist import BUCKETS, EDGES_NS, RELATIVE_ERROR, LogHist, bars, buckets_of, quantiles


def test_the_first_and_last_bucket_take_what_lies_outside() -> None:
    """Zero, negative and sub-microsecond values fall below, 134 s and more above, everything else between."""
    found = buckets_of(np.array([-5.0, 0.0, 999.0, 1_000.5, 133e9, 135e9, 1e18]))
    assert found.tolist()[:3] == [0, 0, 0]
    assert found.tolist()[3] == 1
    assert 0 < found[4] < BUCKETS - 1
    assert found.tolist()[5:] == [BUCKETS - 1, BUCKETS - 1]


def test_a_value_lies_between_the_edges_of_its_bucket() -> None:
    """Bucket b holds what lies between EDGES_NS[b - 1] and EDGES_NS[b]."""
    values = np.geomspace(1_001, 1e11, 5_000)
    at = buckets_of(values)
    assert (values >= EDGES_NS[at - 1] * (1 - 1e-12)).all()
    assert (values <= EDGES_NS[at] * (1 + 1e-12)).all()


def test_quantiles_of_many_rows_at_once() -> None:
    """Each row has its own quantiles; an empty one has none; none exceeds the row's maximum."""
    first, second = LogHist(), LogHist()
    first.add(np.full(100, 10e6))
    second.add(np.array([1e6] * 99 + [40e6]))
    counts = np.stack([first.counts, np.zeros(BUCKETS, dtype=np.int64), second.counts])
    table = quantiles(counts, (0.5, 0.99, 1.0), np.array([first.most_ns, 0.0, second.most_ns]))
    assert table[0] == pytest.approx([10e6] * 3, rel=RELATIVE_ERROR)
    assert np.isnan(table[1]).all()
    assert table[2] == pytest.approx([1e6, 1e6, 40e6], rel=RELATIVE_ERROR)
    assert table[0].max() <= 10e6


def test_quantiles_of_nothing() -> None:
    """No row holds anything: everything is unknown."""
    assert np.isnan(quantiles(np.zeros((2, BUCKETS), dtype=np.int64), (0.5,), np.zeros(2))).all()
    assert np.isnan(LogHist().quantiles((0.5, 0.99))).all()


def test_what_lies_above_is_known_by_the_maximum() -> None:
    """A stall of 200 s is reported as 200 s, not as the last edge."""
    hist = LogHist()
    hist.add(np.array([200e9]))
    assert hist.quantiles((0.99,))[0] == 200e9


def test_adding_nothing_changes_nothing() -> None:
    """An empty batch leaves a histogram empty."""
    hist = LogHist()
    hist.add(np.empty(0))
    assert hist.n == 0


def test_bars_keep_every_count() -> None:
    """Re-binning for the screen loses nothing, zeros and giants included, in at most 61 bars on rising edges."""
    hist = LogHist()
    hist.add(np.array([0.0] * 7 + [2e3, 5e5, 6e5, 7e8, 300e9]))
    edges, heights = bars(hist.counts)
    assert heights.sum() == 12
    assert heights[0] == 7
    assert heights[-1] == 1
    assert len(edges) == len(heights) + 1 <= 62
    assert (np.diff(edges) > 0).all()


@pytest.mark.parametrize("values", [[0.0], [1e3], [134e9], [5e5] * 3, [2e3, 1e6, 1e9]])
def test_bars_of_few_values(values: list[float]) -> None:
    """However little there is, there is an axis, and every value stands on it."""
    hist = LogHist()
    hist.add(np.array(values))
    edges, heights = bars(hist.counts)
    assert heights.sum() == len(values)
    assert len(heights) >= 16
    assert np.isfinite(edges).all()


def test_bars_hold_a_value_between_their_edges() -> None:
    """The bar that is not empty is the one around the value."""
    hist = LogHist()
    hist.add(np.array([3.3e6]))
    edges, heights = bars(hist.counts)
    at = int(np.flatnonzero(heights)[0])
    assert edges[at] <= 3.3e6 <= edges[at + 1]


def test_no_bars_without_values() -> None:
    """An empty histogram has no axis."""
    edges, heights = bars(LogHist().counts)
    assert edges.size == heights.size == 0
