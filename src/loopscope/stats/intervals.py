"""How sure a figure is: intervals for means, ratios, quantiles, differences, where neighbours in time are alike.

Figures of a running program come as a row of values in time (one every quarter of a second, or one a request), and
neighbours resemble each other: a hundred of them may say no more than ten independent ones. Every interval here counts
that in, and gives ``n_effective``, the number of independent values that would say as much.

Sources. The variance of a mean of correlated values is its long-run variance / n, estimated twice, and the larger one
counts: by equal-weighted cosines with t critical values (Lazarus, Lewis, Stock and Watson, *HAR Inference:
Recommendations for Practice*, JBES 36, 2018), and from a first-order autoregression with Kendall's correction of its
bias (*Biometrika* 41, 1954), since the first one alone falls short for slow series (simulated at a correlation of 0.9
and 100 values: 80 % instead of 95 %; both together 94 %). Values that alternate are not taken for more than they are:
the plain variance is the least. Ratios are linearised (Cochran, *Sampling Techniques*, chapter 6), quantiles inverted
from the interval of their share (Woodruff, *JASA* 47, 1952), two intervals joined by their distances from the middle
(Zou and Donner, *Statistics in Medicine* 27, 2008); for anything else there is the stationary bootstrap (Politis and
Romano, *JASA* 89, 1994).

``None`` means that there is not enough data to say anything.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from math import inf

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]

CONFIDENCE = 0.95
LEAST_IN_TIME = 8
"""Values in time below which their correlation cannot be told at all."""
LEAST_APART = 2
_MOST_RHO = 0.97
_NORMAL_FROM = 500
"""Degrees of freedom from which the t quantile is taken at this number: it differs by less than 0.05 %."""


@dataclass(frozen=True, slots=True)
class Interval:
    """``low`` <= ``mid`` <= ``high``; an end that the data do not bound is infinite."""

    low: float
    mid: float
    high: float
    n_effective: float

    def excludes(self, value: float) -> bool:
        """Say whether the value lies outside."""
        return value < self.low or value > self.high

    def times(self, factor: float) -> "Interval":
        """Give it in another unit: every figure times ``factor``, which is above zero."""
        return Interval(self.low * factor, self.mid * factor, self.high * factor, self.n_effective)


@dataclass(frozen=True, slots=True)
class Spread:
    """Standard error of a mean, with the degrees of freedom to judge it by."""

    error: float
    freedom: int
    n_effective: float

    def half(self, confidence: float) -> float:
        """Half the width of the interval."""
        return student_t(confidence, self.freedom) * self.error if self.error else 0.0


@lru_cache(maxsize=1024)
def student_t(confidence: float, freedom: int) -> float:
    """Give t such that ``confidence`` of Student's distribution lies within -t and t.

    Raises:
        ValueError: a confidence outside (0, 1), or less than one degree of freedom.
    """
    if not 0 < confidence < 1 or freedom < 1:
        raise ValueError("a confidence within 0 and 1, and at least one degree of freedom")
    freedom = min(int(freedom), _NORMAL_FROM)
    low, high = 0.0, 1.0
    while _within(high, freedom) < confidence:
        low, high = high, high * 2
    while high - low > 1e-12 * high:
        middle = (low + high) / 2
        if middle in (low, high):
            break
        low, high = (middle, high) if _within(middle, freedom) < confidence else (low, middle)
    return high


def _within(t: float, freedom: int) -> float:
    """Probability between -t and t (Abramowitz and Stegun 26.7.3 and 26.7.4: finite sums)."""
    angle = math.atan(t / math.sqrt(freedom))
    sine, cosine = math.sin(angle), math.cos(angle)
    odd = freedom % 2
    total, term = 0.0, cosine if odd else 1.0
    for k in range(1, (freedom - 1) // 2 + 1 if odd else freedom // 2 + 1):
        total += term
        term *= cosine * cosine * (2 * k / (2 * k + 1) if odd else (2 * k - 1) / (2 * k))
    return 2 / math.pi * (angle + sine * total) if odd else sine * total


def spread(values: ArrayLike, *, autocorrelated: bool = True) -> Spread | None:
    """Give the spread of the mean of values in the order of time; what is not finite is left out."""
    x = _finite(values)
    n = x.size
    if n < (LEAST_IN_TIME if autocorrelated else LEAST_APART):
        return None
    # Scaled, so that neither 1e300 nor 1e-300 leaves the range of a float when squared.
    scale = float(np.abs(x).max())
    x = x / scale if scale else x
    variance = float(x.var(ddof=1))
    if variance <= 1e-28 or not scale:
        # All the same, but for rounding: there is nothing to estimate a correlation from.
        return Spread(0.0, n - 1, float(n))
    if not autocorrelated:
        return Spread(scale * math.sqrt(variance / n), n - 1, float(n))
    cosines, terms = _cosines(x)
    long_run = max(cosines, _autoregression(x, variance), variance)
    n_effective = max(n * variance / long_run, 1.0)
    freedom = max(1, min(terms, int(n_effective) - 1))
    return Spread(scale * math.sqrt(long_run / n), freedom, n_effective)


def _cosines(x: Floats) -> tuple[float, int]:
    """Long-run variance from the slowest cosines, and how many there are."""
    n = x.size
    terms = max(2, round(0.4 * n ** (2 / 3)))
    place = (np.arange(n) + 0.5) / n
    shifted = x - x.mean()
    weights = [float(shifted @ np.cos(math.pi * k * place)) for k in range(1, terms + 1)]
    return 2 / n * float(np.square(weights).sum()) / terms, terms


def _autoregression(x: Floats, variance: float) -> float:
    """Long-run variance as if each value were a share of the one before, and chance."""
    n = x.size
    shifted = x - x.mean()
    rho = float(shifted[1:] @ shifted[:-1]) / float(shifted @ shifted)
    rho = min(max(rho + (1 + 3 * rho) / n, 0.0), _MOST_RHO)
    times = (1 + rho) / (1 - rho)
    # The variance around the sample's own mean is too small by about this share, where values are alike.
    return variance * times / min(max(1 - (times - 1) / (n - 1), 0.25), 1.0)


def mean_interval(values: ArrayLike, confidence: float = CONFIDENCE, *, autocorrelated: bool = True) -> Interval | None:
    """Give the mean of values in the order of time."""
    found = spread(values, autocorrelated=autocorrelated)
    return None if found is None else _around(_mean(_finite(values)), found, confidence)


def ratio_interval(
    part: ArrayLike, whole: ArrayLike, confidence: float = CONFIDENCE, *, autocorrelated: bool = True
) -> Interval | None:
    """Give sum(part) / sum(whole) of values in the order of time; those of which one is not known are left out."""
    above, below = np.asarray(part, dtype=np.float64), np.asarray(whole, dtype=np.float64)
    good = np.isfinite(above) & np.isfinite(below)
    above, below = above[good], below[good]
    total = float(below.sum())
    if total <= 0:
        return None
    ratio = float(above.sum()) / total
    found = spread((above - ratio * below) / (total / below.size), autocorrelated=autocorrelated)
    return None if found is None else _around(ratio, found, confidence)


def quantile_interval(
    counts: NDArray[np.integer] | Floats,
    values: Floats,
    share: float,
    confidence: float = CONFIDENCE,
    *,
    autocorrelated: bool = True,
) -> Interval | None:
    """Give the quantile of what histograms hold, one in each row, rows in the order of time.

    ``counts`` is (rows, buckets), ``values`` what each bucket stands for, ascending. Where the share that is surely
    reached lies beyond all values, that end is infinite (``high``) or zero (``low``).
    """
    table = np.asarray(counts, dtype=np.float64)
    rows = table.sum(axis=1)
    total = float(rows.sum())
    if total <= 0:
        return None
    running = np.cumsum(table.sum(axis=0))
    place = _rank(running, share)
    # Where many values share one bucket, the share up to it and the share below it are far apart: the less sure counts.
    sides = [_share_spread(table[:, :end].sum(axis=1), rows, autocorrelated) for end in (place, place + 1)]
    found = max((side for side in sides if side is not None), key=lambda side: side.half(confidence), default=None)
    if found is None:
        return None
    # Independent values alone scatter like that; rows that agree by chance do not make them surer.
    alone = student_t(confidence, _NORMAL_FROM) * math.sqrt(share * (1 - share) / total)
    half = max(found.half(confidence), alone)
    low = float(values[_rank(running, share - half)]) if share - half > 0 else 0.0
    high = float(values[_rank(running, share + half)]) if share + half < 1 else inf
    mid = float(values[place])
    return Interval(min(low, mid), mid, max(high, mid), min(found.n_effective, total))


def _share_spread(part: Floats, whole: Floats, autocorrelated: bool) -> Spread | None:
    total = float(whole.sum())
    share = float(part.sum()) / total
    return spread((part - share * whole) / (total / whole.size), autocorrelated=autocorrelated)


def _rank(running: Floats, share: float) -> int:
    """Bucket of the value at rank ceil(share * n), as everywhere in loopscope."""
    rank = max(math.ceil(share * float(running[-1]) - 1e-9), 1)
    return min(int(np.searchsorted(running, rank)), running.size - 1)


def difference_of(first: Interval, second: Interval) -> Interval:
    """Give second - first of two that know nothing of each other."""
    mid = second.mid - first.mid
    low = mid - math.hypot(second.mid - second.low, first.high - first.mid)
    high = mid + math.hypot(second.high - second.mid, first.mid - first.low)
    return Interval(low, mid, high, min(first.n_effective, second.n_effective))


def change_of(first: Interval, second: Interval) -> Interval | None:
    """Give second / first - 1, for figures that cannot be below zero; ``None`` where one of them is zero.

    Joined on a logarithmic scale: twice as much and half as much are equally far. -1 stands for "down to nothing".
    """
    if first.mid <= 0 or second.mid <= 0:
        return None
    mid = math.log(second.mid / first.mid)
    low = mid - math.hypot(_apart(second.low, second.mid), _apart(first.mid, first.high))
    high = mid + math.hypot(_apart(second.mid, second.high), _apart(first.low, first.mid))
    n = min(first.n_effective, second.n_effective)
    return Interval(math.expm1(low), math.expm1(mid), math.expm1(high) if high < 700 else inf, n)


def _apart(low: float, high: float) -> float:
    return inf if low <= 0 or high == inf else math.log(high / low)


def difference_interval(
    first: ArrayLike, second: ArrayLike, confidence: float = CONFIDENCE, *, autocorrelated: bool = True
) -> Interval | None:
    """Give mean(second) - mean(first) of two rows that know nothing of each other, each in the order of time."""
    a = mean_interval(first, confidence, autocorrelated=autocorrelated)
    b = mean_interval(second, confidence, autocorrelated=autocorrelated)
    return None if a is None or b is None else difference_of(a, b)


def paired_interval(differences: ArrayLike, confidence: float = CONFIDENCE) -> Interval | None:
    """Give the mean of differences within pairs; the pairs are independent of each other."""
    return mean_interval(differences, confidence, autocorrelated=False)


def bootstrap_interval(
    values: ArrayLike,
    statistic: Callable[[Floats], float],
    confidence: float = CONFIDENCE,
    *,
    autocorrelated: bool = True,
    replicates: int = 1_000,
    seed: int = 1,
) -> Interval | None:
    """Give any figure of rows (along the first axis) in the order of time, by drawing the rows again and again.

    Rows are drawn in blocks of random length as long as neighbours are alike by the first column; one by one where
    nothing is ``autocorrelated``. Percentiles of what is drawn are too narrow where blocks are few, so they are widened
    by as much as those of the first column's mean fall short of its interval, which is known. The seed is fixed: the
    same data give the same interval.
    """
    table = np.asarray(values, dtype=np.float64)
    n = table.shape[0]
    lead = table if table.ndim == 1 else table[:, 0]
    found = spread(lead, autocorrelated=autocorrelated)
    if found is None or n < LEAST_IN_TIME:
        return None
    draw = np.random.default_rng(seed)
    # Blocks twice as long as neighbours are alike: the share of pairs that is torn apart stays under a half.
    again = min(1.0, found.n_effective / (2 * n)) if autocorrelated and found.n_effective < n else 1.0
    drawn, means, places = np.empty(replicates), np.empty(replicates), np.arange(n)
    for number in range(replicates):
        begins: NDArray[np.bool_] = np.less(draw.random(n), again)
        begins[0] = True
        starts: NDArray[np.int64] = np.asarray(draw.integers(0, n, n), dtype=np.int64)
        block = np.cumsum(begins) - 1
        first = np.flatnonzero(begins)
        index: NDArray[np.intp] = np.mod(starts[first][block] + places - first[block], n)
        drawn[number], means[number] = statistic(table[index]), lead[index].mean()
    drawn = drawn[np.isfinite(drawn)]
    mid = float(statistic(table))
    if drawn.size < replicates * 0.9 or not math.isfinite(mid):
        return None
    ends = [(1 - confidence) / 2, (1 + confidence) / 2]
    reach = float(np.ptp(np.quantile(means, ends))) / 2
    wider = max(found.half(confidence) / reach, 1.0) if reach > 0 else 1.0
    low, high = (mid + wider * (float(end) - mid) for end in np.quantile(drawn, ends))
    return Interval(min(low, mid), mid, max(high, mid), found.n_effective)


def _around(mid: float, found: Spread, confidence: float) -> Interval:
    half = found.half(confidence)
    return Interval(mid - half, mid, mid + half, found.n_effective)


def _mean(x: Floats) -> float:
    scale = float(np.abs(x).max())
    return scale * float((x / scale).mean()) if scale else 0.0


def _finite(values: ArrayLike) -> Floats:
    x = np.asarray(values, dtype=np.float64).ravel()
    return x[np.isfinite(x)]
