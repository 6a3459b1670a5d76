"""A figure with its interval, from the kept bins of a stretch of time."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import inf

import numpy as np

from loopscope.core.clock import NS_PER_MS
from loopscope.model.bin_history import Hist, KeptBin, Row, steps, together
from loopscope.model.metrics import LEAST_VALUES, SHARE, Metric, Most, Quantile, Ratio
from loopscope.stats.intervals import CONFIDENCE, Interval, quantile_interval, ratio_interval
from loopscope.stats.loghist import MIDDLE_NS, RELATIVE_ERROR, Floats

_MOST_ROWS = 1_024
"""A table of histograms has no more rows than that: with all 1 730 buckets used it is 14 MB."""


@dataclass(frozen=True, slots=True, eq=False)
class Stretch:
    """Bins of one stretch of time, which figures are made of."""

    bins: Sequence[KeptBin]
    tokens_per_chunk: float = 1.0

    @property
    def seconds(self) -> float:
        """How long it is (s)."""
        return float(sum(kept.sums[Row.SECONDS] for kept in self.bins))

    @property
    def delay_known(self) -> bool:
        """Whether most stamps lie before their receipt: else a delivery delay would be an invention."""
        ahead, stamped = self._sum(Row.AHEAD), self._sum(Row.STAMPED)
        return ahead * 2 <= stamped

    def interval(self, metric: Metric, confidence: float = CONFIDENCE) -> Interval | None:
        """Give a figure with its interval; ``None`` when there is not enough data, or when it cannot be had."""
        found = self._found(metric, confidence)
        if found is None:
            return None
        # None of them can be below zero, and no share of time above one.
        most = max(1.0, found.mid) if metric.unit == SHARE else inf
        return Interval(max(found.low, 0.0), found.mid, min(found.high, most), found.n_effective)

    def _found(self, metric: Metric, confidence: float) -> Interval | None:
        take = metric.take
        if isinstance(take, Quantile):
            return self._quantile(take.hist, take.share, confidence)
        if isinstance(take, Most):
            return self._largest(take.hist)
        return self._ratio(take, confidence)

    def _ratio(self, take: Ratio, confidence: float) -> Interval | None:
        if self._sum(take.whole) <= 0:
            return None
        found = ratio_interval(self._column(take.part), self._column(take.whole), confidence)
        if found is None:
            return None
        return found.times(take.factor * self.tokens_per_chunk**take.per_token)

    def _largest(self, hist: Hist) -> Interval | None:
        if hist is Hist.DELAY and not self.delay_known:
            return None
        counts = sum(int(kept.hists[hist][1].sum()) for kept in self.bins)
        if not counts:
            return None
        most = self._most(hist) / NS_PER_MS
        # The largest of a stretch says nothing about how much larger the next one may be.
        return Interval(most, most, inf, float(counts))

    def _quantile(self, hist: Hist, share: float, confidence: float) -> Interval | None:
        if hist is Hist.DELAY and not self.delay_known:
            return None
        parts = [kept.hists[hist] for kept in steps(self.bins, _MOST_ROWS)]
        buckets, counts = together(parts)
        if counts.sum() < LEAST_VALUES:
            return None
        table = np.zeros((len(parts), buckets.size))
        for row, (held, numbers) in enumerate(parts):
            table[row, np.searchsorted(buckets, held)] = numbers
        values = np.minimum(MIDDLE_NS[buckets], self._most(hist)) / NS_PER_MS
        found = quantile_interval(table, values, share, confidence)
        if found is None:
            return None
        # A bucket is that wide: nothing is known to be surer.
        return Interval(
            found.low * (1 - RELATIVE_ERROR), found.mid, found.high * (1 + RELATIVE_ERROR), found.n_effective
        )

    def _most(self, hist: Hist) -> float:
        return float(np.nanmax([kept.most[hist] for kept in self.bins]))

    def _column(self, row: Row) -> Floats:
        return np.array([kept.sums[row] for kept in self.bins])

    def _sum(self, row: Row) -> float:
        return float(self._column(row).sum()) if self.bins else 0.0
