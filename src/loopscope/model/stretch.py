"""A stretch of kept bins: figures as of any aggregate, and the interval of each from the scatter of its bins."""

from collections.abc import Sequence
from itertools import groupby
from math import inf

import numpy as np
from numpy.typing import NDArray

from loopscope.core.clock import NS_PER_MS
from loopscope.model.aggregate import (
    LOOP_ROWS,
    PACED_ROWS,
    Hist,
    Row,
    loop_row,
    paced,
    stamps_of,
)
from loopscope.model.bin_history import KeptBin, steps, table, together
from loopscope.model.figure import figure
from loopscope.model.loop_sums import LoopSums
from loopscope.model.loop_totals import LoopTotals
from loopscope.model.metrics import LEAST_VALUES, SHARE, Metric, Most, Quantile, Ratio
from loopscope.model.pace import Pace, Told
from loopscope.model.snapshot import Figure
from loopscope.model.stamps import Stamps
from loopscope.stats.intervals import CONFIDENCE, Interval, quantile_interval, ratio_interval
from loopscope.stats.loghist import BUCKETS, MIDDLE_NS, RELATIVE_ERROR, Floats

_MOST_ROWS = 1_024
"""A table of histograms has no more rows than that: with all 1 730 buckets used it is 14 MB."""


class Stretch:
    """Bins of one stretch of time, which figures are made of."""

    def __init__(self, bins: Sequence[KeptBin], told: Told | None = None, words: dict[str, str] | None = None) -> None:
        self.bins = bins
        self.words: dict[str, str] = words or {}
        self.best_chunks_s = max((kept.carried_s for kept in bins), default=0.0)
        self.estimated = False
        self._loops = LoopTotals()
        for kept in bins:
            self._loops.add(kept.loops, kept.serving, kept.cores)
        self._full = self._loops.fullest()
        self._table = table(bins)
        self._cols: Floats = self._table.sum(axis=0)
        self._pace = Pace.of(self._cols, told or Told())

    @property
    def seconds(self) -> float:
        """How long it is (s)."""
        return float(sum(kept.sums[Row.SECONDS] for kept in self.bins))

    # What figures are taken from

    def row(self, row: Row) -> float:
        """Give one of the sums that ratios are made of."""
        if row in LOOP_ROWS:
            return loop_row(row, self._loops, self._full)
        if row in PACED_ROWS:
            return paced(row, self._cols, self._pace, self.seconds)
        if row is Row.JOULE_TOKENS:
            chunks = self._cols[0].sum()
            return self.row(Row.JOULE_CHUNKS) * self.row(Row.TOKENS) / chunks if chunks else 0.0
        return float(self._column(row).sum()) if self.bins else 0.0

    def hist(self, hist: Hist) -> tuple[NDArray[np.int64], float]:
        """Give the counts of a histogram and its exact maximum (ns)."""
        counts = np.zeros(BUCKETS, dtype=np.int64)
        buckets, held = together(kept.hists[hist] for kept in self.bins)
        counts[buckets] = held
        return counts, self._most(hist)

    def stamps(self) -> Stamps:
        """Say how stamps were judged."""
        if not self.bins:
            return Stamps()
        sums = np.sum([kept.stamps for kept in self.bins], axis=0).tolist()
        return stamps_of(sums, max(kept.ahead_ns for kept in self.bins), estimated=self.estimated)

    def figure(self, metric: Metric) -> Figure:
        """Give a figure, or the reason why there is none."""
        return figure(metric, self)

    # Intervals

    def interval(self, metric: Metric, confidence: float = CONFIDENCE) -> Interval | None:
        """Give a figure with its interval, whose ends are open where there is not enough data for it.

        ``None``: there is no such figure, see :meth:`figure`.
        """
        value = self.figure(metric).value
        if value is None:
            return None
        found = self._found(metric, confidence)
        if found is None:
            return Interval(0.0, value, inf, 1.0)
        found = _around(found, value)
        # None of them can be below zero, and no share of time above one.
        most = max(1.0, found.mid) if metric.unit == SHARE else inf
        return Interval(max(found.low, 0.0), found.mid, min(found.high, most), found.n_effective)

    def _found(self, metric: Metric, confidence: float) -> Interval | None:
        take = metric.take
        if isinstance(take, Quantile):
            return self._quantile(take.hist, take.share, confidence)
        if isinstance(take, Most):
            # The largest of a stretch says nothing about how much larger the next one may be.
            most = self._most(take.hist) / NS_PER_MS
            return Interval(most, most, inf, float(self.hist(take.hist)[0].sum()))
        return self._ratio(take, confidence)

    def _ratio(self, take: Ratio, confidence: float) -> Interval | None:
        part, whole = self._columns(take.part), self._columns(take.whole)
        found = ratio_interval(part, whole, confidence)
        return None if found is None else found.times(take.factor)

    def _quantile(self, hist: Hist, share: float, confidence: float) -> Interval | None:
        parts = [kept.hists[hist] for kept in steps(self.bins, _MOST_ROWS)]
        buckets, counts = together(parts)
        if counts.sum() < LEAST_VALUES:
            return None
        rows = np.zeros((len(parts), buckets.size))
        for row, (held, numbers) in enumerate(parts):
            rows[row, np.searchsorted(buckets, held)] = numbers
        values = np.minimum(MIDDLE_NS[buckets], self._most(hist)) / NS_PER_MS
        found = quantile_interval(rows, values, share, confidence)
        if found is None:
            return None
        # A bucket is that wide: nothing is known to be surer.
        return Interval(
            found.low * (1 - RELATIVE_ERROR), found.mid, found.high * (1 + RELATIVE_ERROR), found.n_effective
        )

    def _most(self, hist: Hist) -> float:
        known = [kept.most[hist] for kept in self.bins if not np.isnan(kept.most[hist])]
        return float(max(known, default=0.0))

    def _columns(self, row: Row) -> Floats:
        """Give one of the sums bin by bin."""
        if row in LOOP_ROWS and self._loops.count > 1:
            return self._loop_column(row)
        if row is Row.TOKENS:
            return np.asarray(self._pace.tokens(self._table).sum(axis=1))
        if row in (Row.DECODED, Row.DECODE_NS):
            part, whole = self._pace.decoded(self._table)
            return np.asarray((whole if row is Row.DECODE_NS else part).sum(axis=1))
        if row is Row.AGENT_SECONDS:
            agents = self.row(row) / self.seconds
            return self._column(Row.SECONDS) * agents
        if row is Row.JOULE_TOKENS:
            chunks = self._column(Row.JOULE_CHUNKS)
            return chunks * (self.row(row) / float(chunks.sum()))
        return self._column(row)

    def _loop_column(self, row: Row) -> Floats:
        """Loops side by side: which one is the fullest is told over the stretch, as in :class:`LoopTotals`."""
        found: list[float] = []
        for serving, group in groupby(self.bins, key=lambda kept: kept.serving if len(kept.serving) > 1 else ()):
            bins = list(group)
            whole = LoopTotals()
            for kept in bins:
                whole.add(kept.loops, kept.serving, kept.cores)
            full = whole.fullest_now()
            name = next((proc for proc in serving if whole.each.get(proc) is full), None)
            for kept in bins:
                one = LoopTotals()
                one.add(kept.loops, kept.serving, kept.cores)
                sums = one.fullest() if name is None else kept.loops.get(name, LoopSums())
                found.append(loop_row(row, one, sums))
        return np.array(found)

    def _column(self, row: Row) -> Floats:
        return np.array([kept.sums[row] for kept in self.bins])


def _around(found: Interval, value: float) -> Interval:
    """Put an interval around the very figure that is shown: a bound that was carried, a share of unequal bins."""
    if found.mid == value or found.mid <= 0:
        return Interval(min(found.low, value), value, max(found.high, value), found.n_effective)
    times = value / found.mid
    low = found.low * times
    return Interval(low, value, found.high * times, found.n_effective)
