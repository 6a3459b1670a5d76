"""The bins of a whole trace, kept for reports: what a fold forgets after ten seconds.

A report draws lines over the whole run, and a comparison needs the scatter within a stretch, not only its sums. Bins
are boiled down to some sums and sparse histograms, about 2 kB each; when there are too many, neighbours are joined and
a bin is twice as long, so that a trace of days takes no more memory than one of half an hour.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from loopscope.core.clock import NS_PER_S
from loopscope.model.aggregate import LOOP_ROWS, SUM_ROWS, Hist, Row, cols_of, loop_row
from loopscope.model.bins import AHEAD_MOST, BIN_NS, STREAMED, ClosedBin, Sum
from loopscope.model.loop_sums import LoopSums
from loopscope.model.loop_totals import LoopTotals
from loopscope.model.power import PowerBook
from loopscope.stats.arrays import grown
from loopscope.stats.loghist import BUCKETS, Floats, buckets_of

MOST_BINS = 8_192
"""34 minutes of quarters of a second."""
_MOST_CELLS = 1 << 20
"""Bins times agents: 40 MB of what rates of tokens are made of."""
_STAMPS = (Sum.CHUNKS, Sum.STAMPED, Sum.AHEAD, Sum.SAME_STAMP, Sum.WHOLE, Sum.STILL, Sum.SET)

Sparse = tuple[NDArray[np.int32], NDArray[np.int64]]
"""Buckets that hold something, ascending, and how much."""
_NONE: Sparse = (np.empty(0, dtype=np.int32), np.empty(0, dtype=np.int64))


@dataclass(slots=True, eq=False)
class KeptBin:
    """One bin or several joined ones. ``segment`` is the place in the ledger, ``None`` in start-up and settling."""

    t_s: float
    segment: int | None
    sums: Floats = field(default_factory=lambda: np.zeros(len(Row)))
    """By :class:`Row`; those of tokens are not in it, they follow from ``cols`` and what requests have told."""
    hists: list[Sparse] = field(default_factory=lambda: [_NONE] * len(Hist))
    most: Floats = field(default_factory=lambda: np.full(len(Hist), np.nan))
    """Exact maxima in ns."""
    cols: Floats = field(default_factory=lambda: cols_of(np.zeros((len(Sum), 0))))
    """What rates of tokens are made of, agent by agent."""
    stamps: Floats = field(default_factory=lambda: np.zeros(len(Sum)))
    """How stamps were judged, by :class:`Sum`; other rows are zero."""
    ahead_ns: float = 0.0
    loops: dict[str, LoopSums] = field(default_factory=dict)
    serving: tuple[str, ...] = ()
    cores: int = 0
    carried_s: float = 0.0


class Kept:
    """Listens to the fold's ledger, see :meth:`loopscope.model.ledger.Ledger.add`."""

    def __init__(self, power: PowerBook, most: int = MOST_BINS) -> None:
        self.bins: list[KeptBin] = []
        self._power = power
        self._room = most

    def hear(self, segment: int | None, closed: ClosedBin) -> None:
        """Take the next bin in."""
        kept = boiled(closed, segment)
        meter = self._power.shown()
        reading = None if meter is None else meter.now(closed.index * BIN_NS)
        if reading is not None:
            kept.sums[Row.POWER], kept.sums[Row.POWER_N] = reading, 1.0
        self.bins.append(kept)
        if len(self.bins) >= min(self._room, max(_MOST_CELLS // max(kept.cols.shape[1], 1), 64)):
            self.bins = joined(self.bins)
            # A run of very many levers may have nothing to join: rather more memory than no end of joining.
            self._room = max(self._room, 2 * len(self.bins))

    def of(self, segments: Iterable[int]) -> list[KeptBin]:
        """Give the bins of some segments, in the order of time."""
        wanted = set(segments)
        return [kept for kept in self.bins if kept.segment in wanted]

    def settled(self) -> list[KeptBin]:
        """Give the bins of all segments; all there are where no chunk came but in the start-up."""
        found = [kept for kept in self.bins if kept.segment is not None]
        return found if any(kept.sums[Row.CHUNKS] for kept in found) else self.bins


def boiled(closed: ClosedBin, segment: int | None = None) -> KeptBin:
    """Boil one bin down; what stands for power without being power is not in it."""
    kept = KeptBin(
        closed.first * BIN_NS / NS_PER_S,
        segment,
        loops=closed.loops,
        serving=closed.procs,
        cores=closed.cores,
        carried_s=closed.carried_s,
    )
    _sum(closed, kept)
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
            if place is Hist.LAG:
                kept.sums[Row.LAGS], kept.sums[Row.LAG_NS] = len(values), sum(values)
    kept.sums[Row.TTFTS] = kept.hists[Hist.TTFT][1].sum()
    kept.sums[Row.ITLS] = kept.hists[Hist.ITL][1].sum()
    return kept


def _sum(closed: ClosedBin, kept: KeptBin) -> None:
    sums = kept.sums
    sums[Row.SECONDS], sums[Row.CHUNKS] = closed.seconds, closed.chunks
    if closed.sums.shape[1]:
        each = closed.sums.sum(axis=1)
        for row, name in SUM_ROWS.items():
            sums[row] = each[name]
        for name in _STAMPS:
            kept.stamps[name] = each[name]
        sums[Row.DELAYS] = each[Sum.STAMPED] - each[Sum.AHEAD]
        kept.ahead_ns = float(closed.most[AHEAD_MOST].max())
        kept.cols = cols_of(closed.sums)
    loops = LoopTotals()
    loops.add(closed.loops, closed.procs, closed.cores)
    full = loops.fullest()
    for row in LOOP_ROWS:
        sums[row] = loop_row(row, loops, full)
    if closed.watts is not None:
        sums[Row.JOULES], sums[Row.JOULE_CHUNKS] = closed.watts * closed.seconds, closed.chunks
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
        table(group).sum(axis=0),
        np.sum([kept.stamps for kept in group], axis=0),
        max(kept.ahead_ns for kept in group),
        _loops(group),
        group[-1].serving,
        max(kept.cores for kept in group),
        max(kept.carried_s for kept in group),
    )


def _loops(group: Sequence[KeptBin]) -> dict[str, LoopSums]:
    found: dict[str, LoopSums] = {}
    for kept in group:
        for proc, sums in kept.loops.items():
            found.setdefault(proc, LoopSums()).add(sums)
    return found


def table(bins: Sequence[KeptBin]) -> Floats:
    """Give what rates of tokens are made of: (bins, len(Col), agents)."""
    agents = max((kept.cols.shape[1] for kept in bins), default=0)
    return np.stack([grown(kept.cols, agents) for kept in bins]) if bins else np.zeros((0, len(Sum), 0))


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
