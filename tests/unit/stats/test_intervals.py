"""Intervals: known figures, and how often they hold what is true."""

import math
from math import inf

import numpy as np
import pytest

from loopscope.stats.intervals import (
    Interval,
    bootstrap_interval,
    change_of,
    difference_interval,
    difference_of,
    mean_interval,
    paired_interval,
    quantile_interval,
    ratio_interval,
    spread,
    student_t,
)


def slow(rho: float, rows: int, n: int, seed: int = 7) -> np.ndarray:
    """Rows of AR(1) series with mean 10 and innovations of one."""
    chance = np.random.default_rng(seed).normal(size=(rows, n + 200))
    series = np.zeros_like(chance)
    for place in range(1, n + 200):
        series[:, place] = rho * series[:, place - 1] + chance[:, place]
    return 10 + series[:, 200:]


@pytest.mark.parametrize(
    ("confidence", "freedom", "value"),
    [
        (0.95, 1, 12.7062),
        (0.95, 2, 4.30265),
        (0.95, 5, 2.57058),
        (0.95, 30, 2.04227),
        (0.99, 7, 3.49948),
        (0.9, 120, 1.65765),
        (0.5, 3, 0.764892),
        (0.95, 10**9, 1.95996),
    ],
)
def test_student_t_is_the_one_of_the_tables(confidence: float, freedom: int, value: float) -> None:
    """Five figures of the printed tables, from one degree of freedom to no end of them."""
    assert student_t(confidence, freedom) == pytest.approx(value, rel=3e-3 if freedom > 500 else 1e-5)


@pytest.mark.parametrize(("confidence", "freedom"), [(0.0, 3), (1.0, 3), (0.95, 0)])
def test_student_t_refuses_what_has_no_answer(confidence: float, freedom: int) -> None:
    """Certainty, and no data at all."""
    with pytest.raises(ValueError, match="degree of freedom"):
        student_t(confidence, freedom)


@pytest.mark.parametrize(
    ("rho", "n", "least"),
    [
        (0.0, 40, 0.95),
        (0.3, 40, 0.95),
        (0.6, 40, 0.94),
        (0.8, 40, 0.92),
        (0.9, 40, 0.89),
        (0.8, 100, 0.93),
        (0.9, 100, 0.92),
        (0.9, 400, 0.92),
        (0.95, 400, 0.92),
        (0.0, 12, 0.95),
        (0.6, 12, 0.94),
        (0.6, 400, 0.94),
    ],
)
def test_an_interval_of_95_percent_holds_the_mean_so_often(rho: float, n: int, least: float) -> None:
    """Of 600 slow series, as many intervals hold the true mean as they say; ten seconds at 0.9 come near."""
    held = [not interval.excludes(10.0) for row in slow(rho, 600, n) if (interval := mean_interval(row)) is not None]
    assert len(held) == 600
    assert np.mean(held) >= least - 0.01


def test_who_takes_slow_values_for_independent_is_wrong_most_of_the_time() -> None:
    """The same series without the correlation: the interval would hold the truth in a third of the cases."""
    held = [not mean_interval(row, autocorrelated=False).excludes(10.0) for row in slow(0.9, 300, 100)]
    assert np.mean(held) < 0.5


def test_the_effective_number_is_what_theory_says() -> None:
    """n (1 - rho) / (1 + rho): at 0.8 a ninth; where nothing is alike nearly all."""
    sizes = [found.n_effective for row in slow(0.8, 200, 1_000) if (found := spread(row)) is not None]
    assert np.median(sizes) == pytest.approx(1_000 / 9, rel=0.25)
    sizes = [found.n_effective for row in slow(0.0, 200, 1_000) if (found := spread(row)) is not None]
    assert 700 < np.median(sizes) <= 1_000


@pytest.mark.parametrize("rho", [0.0, 0.7])
def test_two_rows_that_are_alike_are_not_told_apart_more_often_than_said(rho: float) -> None:
    """Of 400 pairs with the same mean at most one in twenty seems different."""
    a, b = slow(rho, 400, 80, 1), slow(rho, 400, 80, 2)
    told = [difference_interval(x, y).excludes(0.0) for x, y in zip(a, b, strict=True)]
    assert np.mean(told) <= 0.06


def test_a_difference_that_is_there_is_found() -> None:
    """A shift of two standard deviations among a hundred values cannot hide."""
    a, b = slow(0.5, 50, 100, 1), slow(0.5, 50, 100, 2) + 2.3
    found = [difference_interval(x, y) for x, y in zip(a, b, strict=True)]
    assert all(interval.low > 0 for interval in found)
    assert np.mean([interval.low <= 2.3 <= interval.high for interval in found]) > 0.93


def test_ratio_of_sums_holds_its_truth() -> None:
    """Busy time over time, where both vary together and in time."""
    held = []
    for row, noise in zip(slow(0.6, 400, 60, 3), slow(0.6, 400, 60, 4), strict=True):
        held.append(not ratio_interval(0.3 * row + 0.2 * (noise - 10), row).excludes(0.3))
    assert np.mean(held) >= 0.93


@pytest.mark.parametrize("share", [0.5, 0.9])
def test_quantile_of_histograms_holds_its_truth(share: float) -> None:
    """Rows of 30 values each that come and go together: the interval of the quantile over all holds the true one."""
    rng = np.random.default_rng(5)
    edges = np.exp(np.linspace(-4, 8, 600))
    truth = math.exp(2 + math.sqrt(0.5**2 / (1 - 0.7**2) + 1) * {0.5: 0.0, 0.9: 1.2815516}[share])
    held = []
    for row in (slow(0.7, 300, 60, 6) - 10) * 0.5:
        values = np.exp(2 + row[:, None] + rng.normal(size=(60, 30)))
        counts = np.stack([np.histogram(one, bins=edges)[0] for one in values])
        held.append(not quantile_interval(counts, np.sqrt(edges[:-1] * edges[1:]), share).excludes(truth))
    assert np.mean(held) >= 0.92


def test_a_quantile_that_the_data_do_not_bound_has_no_end() -> None:
    """One row with all the large values: nobody knows how far up p99 may go."""
    counts = np.zeros((40, 3))
    counts[:, 0] = 10
    counts[7, 2] = 8
    interval = quantile_interval(counts, np.array([1.0, 2.0, 3.0]), 0.99)
    assert interval is not None
    assert interval.high == inf
    assert interval.low == 1.0


def test_middle_of_a_quantile_is_the_one_at_its_rank() -> None:
    """Nearest rank, as everywhere else."""
    interval = quantile_interval(np.ones((10, 4)), np.array([1.0, 2.0, 3.0, 4.0]), 0.5)
    assert interval is not None
    assert interval.mid == 2.0


def test_too_few_is_no_interval() -> None:
    """Seven values in time, one by itself, nothing but nan, nothing to divide by: not enough data."""
    assert mean_interval([1.0] * 7) is None
    assert mean_interval([1.0], autocorrelated=False) is None
    assert mean_interval([math.nan] * 50) is None
    assert ratio_interval(np.ones(20), np.zeros(20)) is None
    assert quantile_interval(np.zeros((20, 3)), np.arange(3.0), 0.5) is None
    assert bootstrap_interval(np.ones(5), np.mean) is None


def test_values_that_are_all_the_same_are_sure() -> None:
    """No spread, no width, whatever the size of the numbers."""
    for value in (0.0, 1.0, 1e308, 1e-300):
        interval = mean_interval([value] * 20)
        assert interval is not None
        assert interval.low == interval.mid == interval.high == pytest.approx(value, rel=1e-12)
        assert interval.n_effective == 20


def test_joined_intervals() -> None:
    """Distances add as squares; a relative change is joined on a logarithmic scale."""
    joined = difference_of(Interval(7, 10, 13, 5), Interval(16, 20, 24, 9))
    assert (joined.low, joined.mid, joined.high, joined.n_effective) == (5, 10, 15, 5)
    change = change_of(Interval(10, 10, 10, 5), Interval(10, 11, 12.1, 9))
    assert change is not None
    assert (change.low, change.mid, change.high) == pytest.approx((0.0, 0.1, 0.21))


def test_a_change_without_a_bound_is_open() -> None:
    """Where the first may be nothing the change has no upper end; where it is nothing there is no change to tell."""
    change = change_of(Interval(-1, 10, 21, 5), Interval(10, 11, 12, 9))
    assert change is not None
    assert change.high == inf
    assert change_of(Interval(0, 0, 0, 5), Interval(10, 11, 12, 9)) is None
    assert change_of(Interval(9, 10, 11, 5), Interval(0, 0, 0, 9)) is None


def test_pairs_are_few_and_independent() -> None:
    """Three pairs: the mean, and what Student says of three."""
    interval = paired_interval([1.0, 2.0, 3.0])
    assert interval is not None
    assert interval.mid == 2.0
    assert interval.high == pytest.approx(2 + 4.30265 / math.sqrt(3), rel=1e-5)


@pytest.mark.parametrize("rho", [0.0, 0.7])
def test_bootstrap_of_a_mean_is_about_as_wide_as_it_should_be(rho: float) -> None:
    """A mean by drawing: it holds the truth nearly as often as it says, and the same data give the same interval."""
    rows = slow(rho, 150, 200)
    held = [not bootstrap_interval(row, np.mean, replicates=300).excludes(10.0) for row in rows]
    assert np.mean(held) >= 0.92
    assert bootstrap_interval(rows[0], np.mean) == bootstrap_interval(rows[0], np.mean)


def test_bootstrap_of_columns_and_of_a_figure_that_fails() -> None:
    """Rows of columns are drawn whole; a figure that cannot be had of most draws is none."""
    table = np.stack([slow(0.3, 1, 100)[0], np.full(100, 5.0)], axis=1)
    interval = bootstrap_interval(table, lambda rows: float(rows[:, 0].sum() / rows[:, 1].sum()))
    assert interval is not None
    assert interval.low < 2.0 < interval.high
    assert bootstrap_interval(table, lambda rows: math.nan) is None
