"""From sums and histograms to the figures that people read: one place for every formula."""

from collections.abc import Iterable
from math import isnan

import numpy as np
from numpy.typing import NDArray

from loopscope.core.clock import NS_PER_MS, NS_PER_S
from loopscope.core.format import share as in_percent
from loopscope.core.format import time
from loopscope.model.bins import ClosedBin, Kind, Sum
from loopscope.model.loop_sums import LoopSums
from loopscope.model.snapshot import Figures, Histogram, Quantiles
from loopscope.model.tally import Totals, ahead_of, counts_of, most_of
from loopscope.stats.loghist import Floats, LogHist, bars, buckets_of, quantiles

SHARES = (0.5, 0.9, 0.99)
ENOUGH_S = 3.0
"""Least data behind a ceiling or a lever's effect."""


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
    return Histogram(edges / NS_PER_MS, heights, held, floor_ms, window_s)


def at_least(totals: Totals) -> float | None:
    """The lower bound of the ceiling in chunks/s: rate / ELU, both of the same loop over the same time.

    Of loops side by side the fullest one bounds them all, and so do the cores that they share; where it is not known
    how many these are, they count as one.
    """
    loop, full = totals.loop, totals.fullest()
    elu = ratio(full.active, full.elu_dt)
    if not elu or loop.seconds < ENOUGH_S or not loop.chunks:
        return None
    if totals.count > 1:
        elu = max(elu, ratio(loop.active, full.elu_dt * max(totals.cores, 1)) or 0.0)
    return loop.chunks / loop.seconds / min(elu, 1.0)


def clocks_agree(totals: Totals) -> bool:
    """Say whether most stamps lie before their receipt: else a delivery delay would be an invention."""
    return totals.total(Sum.AHEAD) * 2 <= totals.total(Sum.STAMPED)


def delay_words(chunks: float, stamped: float, ahead: float, ahead_ns: float, same: float = 0.0) -> str:
    """Why there is no delivery delay, or what is odd about it; empty when all is well.

    ``same``: chunks with the stamp of the chunk before.
    """
    if not chunks:
        return ""
    if not stamped:
        return "no stamp"
    if ahead * 2 > stamped:
        return f"server clock ahead by at least {time(ahead_ns / NS_PER_MS)}"
    if ahead * 100 > stamped:
        return (
            f"{in_percent(ahead / stamped)} of the stamps are ahead of our clock, by up to {time(ahead_ns / NS_PER_MS)}"
        )
    if same * 2 > stamped:
        return f"stamps in bursts: {in_percent(same / stamped)} of the chunks have the stamp of the one before"
    return ""


def words_of(totals: Totals) -> str:
    """Give :func:`delay_words` for all agents together."""
    return delay_words(
        totals.total(Sum.CHUNKS),
        totals.total(Sum.STAMPED),
        totals.total(Sum.AHEAD),
        ahead_of(totals),
        totals.total(Sum.SAME_STAMP),
    )


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


def decode_rate(totals: Totals, tokens_per_chunk: float) -> float | None:
    """Tokens per second of one agent while it streams, mean over the agents (each weighs as long as it streamed)."""
    rate = ratio(totals.total(Sum.GAPS) * NS_PER_S, totals.total(Sum.GAP_NS))
    return None if rate is None else rate * tokens_per_chunk


def figures(totals: Totals, gap: NDArray[np.integer], delay: NDArray[np.integer], tokens_per_chunk: float) -> Figures:
    """Everything that a lever may move, from totals and the histograms of gap and delay."""
    loop, full = totals.loop, totals.fullest()
    gaps = in_ms(gap, most_of(totals, Kind.GAP))
    delays = in_ms(delay, most_of(totals, Kind.DELAY)) if clocks_agree(totals) else Quantiles()
    handled = of_hist(totals.handled)
    per_chunk = ratio(loop.cpu, loop.chunks) if loop.cpu_dt > 0 else None
    return Figures(
        seconds=totals.seconds,
        chunks_s=ratio(totals.chunks, totals.seconds),
        tok_s=decode_rate(totals, tokens_per_chunk),
        at_least_chunks_s=at_least(totals),
        elu=share(full.active, full.elu_dt),
        cpu_us_per_chunk=None if per_chunk is None else per_chunk / 1e3,
        delay_p50_ms=delays.p50,
        delay_p99_ms=delays.p99,
        lag_p99_ms=of_hist(totals.lag).p99,
        gap_p50_ms=gaps.p50,
        gap_p99_ms=gaps.p99,
        chunks_per_read=ratio(totals.total(Sum.CHUNKS), totals.total(Sum.READS)),
        backlog_bytes=ratio(loop.backlog, full.backlog_dt),
        watts=ratio(totals.watts, totals.watt_bins),
        handled_p50_ms=handled.p50,
        handled_p99_ms=handled.p99,
    )


def figures_of(bins: Iterable[ClosedBin], tokens_per_chunk: float) -> Figures:
    """Figures over some bins."""
    held = list(bins)
    totals = Totals()
    for closed in held:
        totals.add(closed)
    return figures(totals, counts_of(held, Kind.GAP), counts_of(held, Kind.DELAY), tokens_per_chunk)
