"""The bins of a whole trace, kept for reports: what a fold forgets after ten seconds.

A report draws lines over the whole run, and a comparison needs the scatter within a stretch, not only its sums. Bins
are boiled down to some sums and sparse histograms, about 2 kB each; when there are too many, neighbours are joined and
a bin is twice as long, so that a trace of days takes no more memory than one of half an hour.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from loopscope.core.clock import NS_PER_S
from loopscope.model.bins import BIN_NS, STREAMED, ClosedBin, Sum
from loopscope.model.tally import Totals
from loopscope.stats.loghist import BUCKETS, Floats, buckets_of

if TYPE_CHECKING:  # the fold's ledger has its intervals from here
    from loopscope.model.fold import Fold

MOST_BINS = 8_192
"""34 minutes of quarters of a second."""


class Row(IntEnum):
    """What is summed up; durations in ns, ``X_DT`` is the time for which ``X`` is known."""

    SECONDS = 0
    CHUNKS = 1
    READS = 2
    GAPS = 3
    GAP_NS = 4
    STAMPED = 5
    AHEAD = 6
    LOOP_CHUNKS = 7
    """Of the loops whose pulses these are, together; times and shares below are those of the fullest one."""
    LOOP_SECONDS = 8
    DT = 9
    ELU_DT = 10
    ACTIVE = 11
    CPU_DT = 12
    CPU = 13
    CPU_CHUNKS = 14
    """Chunks of loops whose CPU is known."""
    RUNQ_DT = 15
    RUNQ = 16
    GC = 17
    OBSERVER = 18
    BACKLOG_DT = 19
    BACKLOG = 20
    JOULES = 21
    JOULE_S = 22
    """Seconds for which power is known."""
    JOULE_CHUNKS = 23
    """Chunks in these seconds."""
    POWER = 24
    """Sum of the readings of whatever stands for power, ..."""
    POWER_N = 25
    """... and how many these are."""
    BUSY_S = 26
    """Seconds for which the loop was busy, where that is known: ELU times the seconds of the bin."""
    WATTS = 27
    WATT_BINS = 28
    CPU_FULL = 29
    """CPU of the fullest loop, of CPU_DT: what a share is of. CPU is of all loops: what a chunk costs."""


class Hist(IntEnum):
    """Which values are counted by size."""

    GAP = 0
    SERVER_GAP = 1
    DELAY = 2
    TTFT = 3
    ITL = 4
    LAG = 5
    HANDLED = 6


Sparse = tuple[NDArray[np.int32], NDArray[np.int64]]
"""Buckets that hold something, ascending, and how much."""
_NONE: Sparse = (np.empty(0, dtype=np.int32), np.empty(0, dtype=np.int64))


@dataclass(slots=True, eq=False)
class KeptBin:
    """One bin or several joined ones. ``segment`` is the place in the ledger, ``None`` in start-up and settling."""

    t_s: float
    segment: int | None
    sums: Floats = field(default_factory=lambda: np.zeros(len(Row)))
    hists: list[Sparse] = field(default_factory=lambda: [_NONE] * len(Hist))
    most: Floats = field(default_factory=lambda: np.full(len(Hist), np.nan))
    """Exact maxima in ns."""


class Kept:
    """Listens to the fold's ledger, see :meth:`loopscope.model.ledger.Ledger.add`."""

    def __init__(self, fold: "Fold", most: int = MOST_BINS) -> None:
        self.bins: list[KeptBin] = []
        self._power = fold.power
        self._room = most

    def hear(self, segment: int | None, closed: ClosedBin) -> None:
        """Take the next bin in."""
        kept = boiled(closed, segment)
        meter = self._power.shown()
        reading = None if meter is None else meter.now(closed.index * BIN_NS)
        if reading is not None:
            kept.sums[Row.POWER], kept.sums[Row.POWER_N] = reading, 1.0
        self.bins.append(kept)
        if len(self.bins) >= self._room:
            self.bins = joined(self.bins)
            # A run of very many levers may have nothing to join: rather more memory than no end of joining.
            self._room = max(self._room, 2 * len(self.bins))

    def of(self, segments: Iterable[int]) -> list[KeptBin]:
        """Give the bins of some segments, in the order of time."""
        wanted = set(segments)
        return [kept for kept in self.bins if kept.segment in wanted]


def boiled(closed: ClosedBin, segment: int | None = None) -> KeptBin:
    """Boil one bin down; what stands for power without being power is not in it."""
    kept = KeptBin(closed.index * BIN_NS / NS_PER_S, segment)
    _sum(closed, kept.sums)
    for kind, flat in zip(STREAMED, closed.flat, strict=True):
        kept.hists[kind] = _sparse(flat % BUCKETS)
        if flat.size:
            kept.most[kind] = closed.most[kind].max()
    for place, values in (
        (Hist.LAG, [value for lags in closed.lags.values() for value in lags.tolist()]),
        (Hist.HANDLED, closed.handled.tolist()),
        (Hist.TTFT, [float(one.ttft_ns) for one in closed.ended if one.ttft_ns is not None]),
        (Hist.ITL, [float(one.itl_ns) for one in closed.ended if one.itl_ns is not None]),
    ):
        if values:
            kept.hists[place] = _sparse(buckets_of(np.array(values)))
            kept.most[place] = max(values)
    return kept


def _sum(closed: ClosedBin, sums: Floats) -> None:
    sums[Row.SECONDS], sums[Row.CHUNKS] = closed.seconds, closed.chunks
    for row, name in (
        (Row.READS, Sum.READS),
        (Row.GAPS, Sum.GAPS),
        (Row.GAP_NS, Sum.GAP_NS),
        (Row.STAMPED, Sum.STAMPED),
        (Row.AHEAD, Sum.AHEAD),
    ):
        sums[row] = closed.sums[name].sum()
    held = Totals()
    held.add(closed)
    loop, full = held.loop, held.fullest()
    elu = full.active / full.elu_dt if full.elu_dt > 0 else 0.0
    if held.count > 1 and full.elu_dt > 0:
        # Loops side by side share the cores: see loopscope.model.figures.at_least.
        elu = max(elu, loop.active / (full.elu_dt * max(held.cores, 1)))
    for row, value in (
        (Row.LOOP_CHUNKS, loop.chunks),
        (Row.LOOP_SECONDS, loop.seconds),
        (Row.CPU_CHUNKS, loop.chunks if loop.cpu_dt > 0 else 0.0),
        (Row.BUSY_S, elu * loop.seconds),
        (Row.DT, full.dt),
        (Row.ELU_DT, full.elu_dt),
        (Row.ACTIVE, full.active),
        (Row.CPU_DT, full.cpu_dt),
        (Row.CPU, loop.cpu),
        (Row.RUNQ_DT, full.runq_dt),
        (Row.RUNQ, full.runq),
        (Row.GC, full.gc),
        (Row.CPU_FULL, full.cpu),
        (Row.OBSERVER, loop.observer),
        (Row.BACKLOG_DT, full.backlog_dt),
        (Row.BACKLOG, loop.backlog),
    ):
        sums[row] = value
    if closed.watts is not None:
        sums[Row.JOULES], sums[Row.JOULE_S] = closed.watts * closed.seconds, closed.seconds
        sums[Row.JOULE_CHUNKS] = closed.chunks
        sums[Row.WATTS], sums[Row.WATT_BINS] = closed.watts, 1.0


def joined(bins: Sequence[KeptBin], number: int = 2) -> list[KeptBin]:
    """Join each ``number`` neighbours into one, where they are of one segment."""
    result: list[KeptBin] = []
    group: list[KeptBin] = []
    for kept in bins:
        if group and (len(group) == number or kept.segment != group[0].segment):
            result.append(_one(group))
            group = []
        group.append(kept)
    return [*result, _one(group)] if group else result


def steps(bins: Sequence[KeptBin], most: int) -> list[KeptBin]:
    """Join neighbours, whatever their segments, until there are at most ``most``."""
    number = -(-len(bins) // most) if bins else 1
    return [_one(bins[place : place + number]) for place in range(0, len(bins), number)]


def _one(group: Sequence[KeptBin]) -> KeptBin:
    if len(group) == 1:
        return group[0]
    known = np.stack([kept.most for kept in group])
    most = np.where(np.isnan(known), -np.inf, known).max(axis=0)
    return KeptBin(
        group[0].t_s,
        group[0].segment,
        np.sum([kept.sums for kept in group], axis=0),
        [together(kept.hists[place] for kept in group) for place in Hist],
        np.where(np.isinf(most), np.nan, most),
    )


def together(parts: Iterable[Sparse]) -> Sparse:
    """Add sparse histograms."""
    held = [part for part in parts if part[0].size]
    if len(held) < 2:
        return held[0] if held else _NONE
    buckets, where = np.unique(np.concatenate([part[0] for part in held]), return_inverse=True)
    counts = np.bincount(where, weights=np.concatenate([part[1] for part in held]).astype(np.float64))
    return buckets, np.rint(counts).astype(np.int64)


def _sparse(buckets: NDArray[np.int32]) -> Sparse:
    if not buckets.size:
        return _NONE
    found, counts = np.unique(buckets, return_counts=True)
    return found.astype(np.int32), counts.astype(np.int64)
