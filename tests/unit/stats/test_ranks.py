"""Exact quantiles."""

from loopscope.stats.ranks import exact_quantiles


def test_nearest_rank() -> None:
    """The value at rank ceil(share * n): p50 of four is the second, p99 the last."""
    assert exact_quantiles([40.0, 10.0, 30.0, 20.0], (0.5, 0.75, 0.99, 1.0)) == [20.0, 30.0, 40.0, 40.0]


def test_nothing_has_no_quantiles() -> None:
    """No value, no quantile."""
    assert exact_quantiles([], (0.5,)) == []
