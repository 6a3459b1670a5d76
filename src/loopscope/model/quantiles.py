"""Quantiles of histograms in the units of people, and shares: small arithmetic that has no name of its own."""

from math import isnan

import numpy as np
from numpy.typing import NDArray

from loopscope.core.clock import NS_PER_MS
from loopscope.model.loop_sums import LoopSums
from loopscope.model.snapshot import Histogram, Quantiles
from loopscope.stats.loghist import Floats, LogHist, bars, buckets_of, quantiles

SHARES = (0.5, 0.9, 0.99)


def known(value: float) -> float | None:
    """Give ``None`` for nan."""
    return None if isnan(value) else value


def ratio(part: float, whole: float) -> float | None:
    """Give part / whole, ``None`` when there is nothing to divide by."""
    return part / whole if whole > 0 else None


def share(part: float, whole: float) -> float | None:
    """Give part / whole within [0, 1]."""
    value = ratio(part, whole)
    return None if value is None else min(max(value, 0.0), 1.0)


def in_ms(counts: NDArray[np.integer], most_ns: float) -> Quantiles:
    """Quantiles of one histogram."""
    row = quantiles(counts[None, :], SHARES, np.array([most_ns]))[0] / NS_PER_MS
    n = int(counts.sum())
    if not n:
        return Quantiles()
    return Quantiles(n, float(row[0]), float(row[1]), float(row[2]), most_ns / NS_PER_MS)


def each_in_ms(counts: NDArray[np.integer], most_ns: Floats) -> list[Quantiles]:
    """Quantiles of many histograms, (rows, BUCKETS)."""
    table = (quantiles(counts, SHARES, most_ns) / NS_PER_MS).tolist()
    numbers = counts.sum(axis=1, dtype=np.int64).tolist()
    highest = (most_ns / NS_PER_MS).tolist()
    none = Quantiles()
    return [
        Quantiles(n, row[0], row[1], row[2], most) if n else none
        for n, row, most in zip(numbers, table, highest, strict=True)
    ]


def of_hist(hist: LogHist) -> Quantiles:
    """Quantiles of a histogram that keeps its own maximum."""
    return in_ms(hist.counts, hist.most_ns)


def drawn(counts: NDArray[np.integer], held: Quantiles, window_s: float, floor_ms: float | None = None) -> Histogram:
    """Re-bin for drawing."""
    edges, heights = bars(counts)
    below = float(counts[0])
    if below:
        # They stand in front of the first octave in use, which is no place for a zero.
        edges, heights = edges[1:], heights[1:]
    return Histogram(edges / NS_PER_MS, heights, held, floor_ms, window_s, below)


def gc_generations(loop: LoopSums) -> tuple[float, float, float]:
    """Share of the time in the collector by generation, the youngest first."""
    dt = loop.dt or 1.0
    return loop.gc_young / dt, loop.gc_middle / dt, loop.gc_old / dt


def above(hist: LogHist, limit_ms: float) -> float | None:
    """Share of the values of a histogram that are above a limit, as its buckets know it."""
    total = int(hist.counts.sum())
    if not total:
        return None
    bucket = int(buckets_of(np.array([limit_ms * NS_PER_MS]))[0])
    return float(hist.counts[bucket + 1 :].sum()) / total
