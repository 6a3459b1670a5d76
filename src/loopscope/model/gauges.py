"""The figures of a report and of a comparison: their names, units, meanings, and how each comes out of kept bins.

One list for the terminal, Markdown, HTML and for gates, so that a word means the same everywhere.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import inf

import numpy as np

from loopscope.core.clock import NS_PER_MS, NS_PER_S
from loopscope.model.bin_history import Hist, KeptBin, Row, steps, together
from loopscope.stats.intervals import CONFIDENCE, Interval, quantile_interval, ratio_interval
from loopscope.stats.loghist import MIDDLE_NS, RELATIVE_ERROR, Floats


@dataclass(frozen=True, slots=True)
class Gauge:
    """One figure. ``better``: 1 more is better, -1 less is better, 0 neither."""

    name: str
    title: str
    unit: str
    better: int
    means: str
    part: Row | None = None
    whole: Row | None = None
    factor: float = 1.0
    """From sum(part) / sum(whole) to the unit."""
    per_token: int = 0
    """1: times the tokens a chunk; -1: divided by them."""
    hist: Hist | None = None
    share: float = 0.0


_SHARE = "share of time"
GAUGES = (
    Gauge(
        "chunks_s",
        "throughput",
        "chunks/s",
        1,
        "chunks received a second, all agents together",
        Row.CHUNKS,
        Row.SECONDS,
    ),
    Gauge(
        "tok_s",
        "decode rate",
        "tok/s",
        1,
        "tokens a second of one agent while it streams: gaps / sum of gaps, times tokens a chunk",
        Row.GAPS,
        Row.GAP_NS,
        NS_PER_S,
        per_token=1,
    ),
    Gauge(
        "at_least",
        "ceiling, at least",
        "chunks/s",
        1,
        "rate / ELU of the same loop: a lower bound of what it could carry with this shape of load",
        Row.LOOP_CHUNKS,
        Row.BUSY_S,
    ),
    Gauge(
        "delay.p50",
        "delivery delay p50",
        "ms",
        -1,
        "received - the server's own stamp: how late a chunk is by the time the program has it; median",
        hist=Hist.DELAY,
        share=0.5,
    ),
    Gauge(
        "delay.p99",
        "delivery delay p99",
        "ms",
        -1,
        "received - the server's own stamp: 99 % of the chunks are in hand within that",
        hist=Hist.DELAY,
        share=0.99,
    ),
    Gauge(
        "ttft.p50",
        "TTFT p50",
        "ms",
        -1,
        "from the start of a request, before connecting, to its first chunk with content; median",
        hist=Hist.TTFT,
        share=0.5,
    ),
    Gauge(
        "itl.p50",
        "ITL p50",
        "ms",
        -1,
        "(last chunk - first chunk) / (tokens - 1), one number a request; median",
        hist=Hist.ITL,
        share=0.5,
    ),
    Gauge(
        "gap.p50",
        "client gap p50",
        "ms",
        0,
        "between neighbouring received stamps of a request; median",
        hist=Hist.GAP,
        share=0.5,
    ),
    Gauge(
        "gap.p99",
        "client gap p99",
        "ms",
        -1,
        "between neighbouring received stamps of a request; 99 % are shorter",
        hist=Hist.GAP,
        share=0.99,
    ),
    Gauge(
        "server_gap.p50",
        "server gap p50",
        "ms",
        0,
        "between neighbouring stamps of the server: the pace that it set; median",
        hist=Hist.SERVER_GAP,
        share=0.5,
    ),
    Gauge(
        "handled.p99",
        "received to handled p99",
        "ms",
        -1,
        "from receipt to decoded and consumed: what decoding in batches costs",
        hist=Hist.HANDLED,
        share=0.99,
    ),
    Gauge(
        "elu",
        "ELU",
        _SHARE,
        0,
        "event loop utilisation: 1 - time spent waiting in the selector / time",
        Row.ACTIVE,
        Row.ELU_DT,
    ),
    Gauge("cpu", "loop CPU", _SHARE, -1, "CPU time of the loop's thread / time", Row.CPU_FULL, Row.CPU_DT),
    Gauge(
        "cpu_us",
        "loop CPU a chunk",
        "us",
        -1,
        "CPU time of the loop's thread / chunks that came through it",
        Row.CPU,
        Row.CPU_CHUNKS,
        1e-3,
    ),
    Gauge(
        "lag.p99",
        "loop lag p99",
        "ms",
        -1,
        "how late a heartbeat of the loop beats, above the idle floor",
        hist=Hist.LAG,
        share=0.99,
    ),
    Gauge(
        "runq",
        "waiting for a core",
        _SHARE,
        -1,
        "the loop's thread could have run but had no core",
        Row.RUNQ,
        Row.RUNQ_DT,
    ),
    Gauge("gc", "garbage collector", _SHARE, -1, "time in Python's garbage collector, on the loop", Row.GC, Row.DT),
    Gauge(
        "chunks_read",
        "chunks a read",
        "chunks",
        0,
        "more than one: chunks clump before the program reads them",
        Row.CHUNKS,
        Row.READS,
    ),
    Gauge(
        "backlog",
        "backlog",
        "bytes",
        -1,
        "bytes that wait unread in all sockets, mean over time",
        Row.BACKLOG,
        Row.BACKLOG_DT,
    ),
    Gauge("watts", "power", "W", -1, "mean power, of whatever the label of its chart says", Row.WATTS, Row.WATT_BINS),
    Gauge(
        "joules_token",
        "energy a token",
        "J",
        -1,
        "power times time / tokens (chunks times tokens a chunk)",
        Row.JOULES,
        Row.JOULE_CHUNKS,
        per_token=-1,
    ),
    Gauge(
        "probe",
        "loopscope's probes",
        "share of a core",
        -1,
        "CPU of the probes' thread in the measured process: what measuring costs there",
        Row.OBSERVER,
        Row.DT,
    ),
)
BY_NAME = {gauge.name: gauge for gauge in GAUGES}
_MOST_ROWS = 1_024
"""A table of histograms has no more rows than that: with all 1 730 buckets used it is 14 MB."""
LEAST_VALUES = 10
"""Values below which a quantile is an anecdote."""


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

    def interval(self, gauge: Gauge, confidence: float = CONFIDENCE) -> Interval | None:
        """Give a figure with its interval; ``None`` when there is not enough data, or when it cannot be had."""
        found = self._found(gauge, confidence)
        if found is None:
            return None
        # None of them can be below zero, and no share of time above one.
        most = max(1.0, found.mid) if gauge.unit == _SHARE else inf
        return Interval(max(found.low, 0.0), found.mid, min(found.high, most), found.n_effective)

    def _found(self, gauge: Gauge, confidence: float) -> Interval | None:
        if gauge.hist is not None:
            return self._quantile(gauge.hist, gauge.share, confidence)
        if gauge.part is None or gauge.whole is None or self._sum(gauge.whole) <= 0:
            return None
        found = ratio_interval(self._column(gauge.part), self._column(gauge.whole), confidence)
        if found is None:
            return None
        factor = gauge.factor * self.tokens_per_chunk**gauge.per_token
        return found.times(factor)

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
