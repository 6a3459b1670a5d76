"""A metric taken from an aggregate: its value, or the one reason why there is none. Every face takes it from here."""

from collections.abc import Iterable
from functools import cache
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from loopscope.core.clock import NS_PER_MS
from loopscope.core.format import number
from loopscope.model.aggregate import ENOUGH_S, Hist, Row
from loopscope.model.metrics import METRICS, SHARE, Metric, Most, Need, Quantile, Ratio
from loopscope.model.snapshot import Figure, Figures
from loopscope.model.stamps import Stamps
from loopscope.stats.loghist import quantiles


class Source(Protocol):
    """What figures are taken from: an aggregate, or a stretch of kept bins."""

    best_chunks_s: float
    words: dict[str, str]

    def row(self, row: Row) -> float:
        """Give one of the sums that ratios are made of."""

    def hist(self, hist: Hist) -> tuple[NDArray[np.int64], float]:
        """Give the counts of a histogram and its exact maximum (ns)."""

    def stamps(self) -> Stamps:
        """Say how stamps were judged."""


class Remembering:
    """A source that is asked for each sum, histogram and judgement once: fifty metrics rest on a dozen of them."""

    def __init__(self, source: Source) -> None:
        self.best_chunks_s = source.best_chunks_s
        self.words = source.words
        self.row = cache(source.row)
        self.hist = cache(source.hist)
        self.stamps = cache(source.stamps)
        self.quantiles_ns = cache(self._quantiles_ns)

    def _quantiles_ns(self, hist: Hist) -> dict[float, float]:
        """Return every quantile (ns) that a metric takes of a histogram; empty where nothing is in it."""
        counts, most_ns = self.hist(hist)
        if not counts.any():
            return {}
        shares = sorted(
            {m.take.share for m in METRICS.values() if isinstance(m.take, Quantile) and m.take.hist is hist}
        )
        row = quantiles(counts[None, :], shares, np.array([most_ns]))[0].tolist()
        return dict(zip(shares, row, strict=True))


def figures(source: Source, metrics: Iterable[Metric] | None = None) -> dict[str, Figure]:
    """Take every metric, or those."""
    remembering = Remembering(source)
    return {metric.name: figure(metric, remembering) for metric in (METRICS.values() if metrics is None else metrics)}


def value(name: str, source: Source) -> float | None:
    """Take one metric by its name."""
    return figure(METRICS[name], source).value


def figure(metric: Metric, source: Source) -> Figure:
    """Take one metric."""
    found = _value(metric, source)
    if found is not None:
        return Figure(found)
    return Figure(None, reason(metric, source))


def _value(metric: Metric, source: Source) -> float | None:
    if metric.needs is Need.STAMP and not source.stamps().usable:
        return None
    if metric.needs is Need.STAMPS and not source.stamps().moving:
        return None
    take = metric.take
    if isinstance(take, Ratio):
        return _ratio(metric, take, source)
    if isinstance(take, Quantile) and isinstance(source, Remembering):
        found = source.quantiles_ns(take.hist).get(take.share)
        return None if found is None else found / NS_PER_MS
    counts, most_ns = source.hist(take.hist)
    if not counts.any():
        return None
    if isinstance(take, Most):
        return most_ns / NS_PER_MS
    return float(quantiles(counts[None, :], (take.share,), np.array([most_ns]))[0, 0]) / NS_PER_MS


def _ratio(metric: Metric, take: Ratio, source: Source) -> float | None:
    whole = source.row(take.whole)
    if whole <= 0 or (take.bound and source.row(Row.LOOP_SECONDS) < ENOUGH_S):
        return None
    found = take.factor * source.row(take.part) / whole
    if take.bound:
        # What was carried over a second is carried surely: no bound is below it.
        return max(found, source.best_chunks_s) if found > 0 else None
    return min(max(found, 0.0), 1.0) if metric.unit == SHARE else found


def reason(metric: Metric, source: Source) -> str:
    """Say why a metric cannot be had from an aggregate, the same on every face."""
    if metric.needs in (Need.STAMP, Need.STAMPS):
        return source.stamps().reason or "no chunks"
    if metric.needs in _SIGNALS:
        return _loop_reason(metric, source)
    if metric.needs is Need.POWER:
        return "no power is measured" if not source.row(Row.WATT_BINS) else "no tokens"
    if metric.needs is Need.REQUESTS:
        return _request_reason(metric, source)
    if not source.row(Row.CHUNKS):
        return "no chunks"
    if metric.needs is Need.PACE:
        return "whole answers in one read have no rate of their own, and no server says how long it generated"
    return "not enough data"


_SIGNALS = {Need.LOOP: "elu", Need.HEARTBEAT: "lag", Need.CPU: "loop_cpu", Need.KERNEL: "runq", Need.SOCKETS: "backlog"}
"""By which name the loop's process says that it cannot measure something."""
_UNKNOWN = {
    Need.LOOP: "loop utilisation is not known",
    Need.HEARTBEAT: "no heartbeat on record",
    Need.CPU: "CPU of the loop's thread is not known",
    Need.KERNEL: "waiting for a core is not known here",
    Need.SOCKETS: "bytes that wait unread are not known",
}


def _loop_reason(metric: Metric, source: Source) -> str:
    bound = isinstance(metric.take, Ratio) and metric.take.bound
    if bound and not source.row(Row.CHUNKS):
        return "no chunks"
    if not source.row(Row.LOOP_SECONDS) and not source.row(Row.DT):
        return "no loop was measured"
    words = source.words.get(_SIGNALS[metric.needs], "")
    if bound and source.row(Row.ELU_DT):
        seconds = source.row(Row.LOOP_SECONDS)
        short = f"not enough data: {number(seconds)} of {number(ENOUGH_S)} s"
        return short if seconds < ENOUGH_S else "the loop was never busy"
    if metric.needs is Need.CPU and source.row(Row.CPU_DT):
        return "no chunks"
    return f"{_UNKNOWN[metric.needs]}: {words}" if words else _UNKNOWN[metric.needs]


def _request_reason(metric: Metric, source: Source) -> str:
    if not source.row(Row.REQUESTS):
        return "no request has ended"
    if metric.name.startswith("queue"):
        return "no server tells its durations"
    return "no request has two tokens and says how many" if metric.name.startswith("itl") else "no request had a chunk"


MEMBERS = {
    "chunks_s": "chunks_s",
    "tok_s_total": "tok_s.total",
    "tok_s": "tok_s.decode",
    "at_least_chunks_s": "at_least",
    "elu": "elu",
    "cpu_us_per_chunk": "cpu_us",
    "delay_p50_ms": "delay.p50",
    "delay_p99_ms": "delay.p99",
    "lag_p99_ms": "lag.p99",
    "gap_p50_ms": "gap.p50",
    "gap_p99_ms": "gap.p99",
    "chunks_per_read": "chunks_read",
    "backlog_bytes": "backlog",
    "watts": "watts",
    "handled_p50_ms": "handled.p50",
    "handled_p99_ms": "handled.p99",
}
"""Which metric each member of :class:`~loopscope.model.snapshot.Figures` is."""


def members(source: Source) -> Figures:
    """Take what a lever may move."""
    return Figures(source.row(Row.SECONDS), **{member: value(name, source) for member, name in MEMBERS.items()})
