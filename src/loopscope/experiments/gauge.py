"""Reads one stretch of a running session exactly: from raw records, not from the window that the screen shows."""

import threading
from collections import deque
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from loopscope.core.clock import NS_PER_MS, NS_PER_S
from loopscope.core.records import AgentState, AnyRecord, Bye, Chunks, Hello, Pulse
from loopscope.stats.ceiling import Trend, trend

Floats = NDArray[np.float64]
_KEEP_NS = 30 * NS_PER_S
_LEAST_NS = NS_PER_S // 10


@dataclass(frozen=True, slots=True)
class Stretch:
    """What rigs did between two moments. Shares in [0, 1]; ``None``: not known, or there was nothing."""

    seconds: float
    chunks: int
    elu: float | None
    """Of the fullest loop: where several stand side by side, it is the first to fall behind."""
    cpu: float | None
    """CPU of the loops' threads, as a share of one core each."""
    runq: float | None
    process: float | None
    """CPU of the whole processes, the probes' own thread included, as a share of one core each."""
    turns: int | None
    reads: int
    rigs: int
    dropped: int
    delay_p50_ms: float | None
    delay_p99_ms: float | None
    delay_max_ms: float | None
    trend: Trend | None
    """Of the delay, over the whole stretch ..."""
    late_trend: Trend | None
    """... and over its second half, where what was only a change of rate is over."""
    slices: tuple[float, ...] = ()
    """Chunks/s in each quarter of a second."""


class Gauge:
    """Give :meth:`heard` to :meth:`Host.listen`; every other method may be called from another thread."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._rows: deque[tuple[NDArray[np.int64], Floats]] = deque()
        self._pulses: deque[Pulse] = deque()
        self._last_ns: dict[str, int] = {}
        """When each rig was last heard of."""
        self.rig: dict[str, str] = {}
        """What the latest rig said of itself."""
        self.problem = ""
        """What an agent last failed of."""

    def heard(self, record: AnyRecord) -> None:
        """Take a record in."""
        if isinstance(record, Chunks) and record.recv:
            recv = np.cumsum(np.array(record.recv, dtype=np.int64)) + record.base_ns
            delay = np.array([np.nan if d is None else d for d in record.delay], dtype=np.float64)
            with self._changed:
                self._rows.append((recv, delay))
        elif isinstance(record, Pulse):
            with self._changed:
                self._pulses.append(record)
                self._last_ns[record.proc] = record.t_ns
                self._forget(record.t_ns - _KEEP_NS)
                self._changed.notify_all()
        elif isinstance(record, Bye):
            with self._changed:
                self._last_ns.pop(record.proc, None)
                self._changed.notify_all()
        elif isinstance(record, Hello) and record.role == "rig":
            self.rig = record.info
        elif isinstance(record, AgentState) and record.state == "retrying":
            self.problem = record.words

    def _forget(self, before_ns: int) -> None:
        while self._rows and int(self._rows[0][0][-1]) < before_ns:
            self._rows.popleft()
        while self._pulses and self._pulses[0].t_ns < before_ns:
            self._pulses.popleft()

    def told(self, until_ns: int, timeout_s: float) -> bool:
        """Wait until everything up to a moment has been heard; ``False`` when it was not in time."""
        with self._changed:
            return self._changed.wait_for(
                lambda: bool(self._last_ns) and min(self._last_ns.values()) >= until_ns, timeout_s
            )

    def delay_ms(self, since_ns: int) -> float | None:
        """Median delay of the chunks received since a moment."""
        delay = self._between(since_ns, 1 << 62)[1]
        delay = delay[~np.isnan(delay)]
        return float(np.median(delay)) / NS_PER_MS if delay.size else None

    def streams(self) -> int:
        """Streams under way at each rig's last pulse."""
        with self._changed:
            last = {pulse.proc: pulse.streams for pulse in self._pulses if pulse.proc in self._last_ns}
        return sum(last.values())

    def _between(self, from_ns: int, until_ns: int) -> tuple[NDArray[np.int64], Floats]:
        with self._changed:
            rows = [row for row in self._rows if int(row[0].max()) >= from_ns]
        if not rows:
            return np.empty(0, dtype=np.int64), np.empty(0)
        recv = np.concatenate([row[0] for row in rows])
        delay = np.concatenate([row[1] for row in rows])
        inside = (recv >= from_ns) & (recv < until_ns)
        return recv[inside], delay[inside]

    def read(self, from_ns: int, until_ns: int) -> Stretch:
        """Give what happened between two moments; pulses count as far as they lie within."""
        recv, delay = self._between(from_ns, until_ns)
        with self._changed:
            pulses = list(self._pulses)
        sums = dict.fromkeys(("dt", "cpu_dt", "cpu", "runq_dt", "runq", "process"), 0.0)
        turns, turns_known, reads = 0.0, True, 0.0
        dropped: dict[str, tuple[int, int]] = {}
        seen: dict[str, float] = {}
        busy: dict[str, list[float]] = {}
        """Active and known time of each loop."""
        for pulse in pulses:
            begin_ns = pulse.t_ns - pulse.dt_ns
            share = (min(pulse.t_ns, until_ns) - max(begin_ns, from_ns)) / max(pulse.dt_ns, 1)
            if share <= 0:
                continue
            dt = pulse.dt_ns * share
            seen[pulse.proc] = seen.get(pulse.proc, 0.0) + dt
            sums["dt"] += dt
            sums["process"] += pulse.process_ns * share
            reads += pulse.reads * share
            turns_known = turns_known and pulse.turns is not None
            turns += (pulse.turns or 0) * share
            if pulse.active_ns is not None:
                own = busy.setdefault(pulse.proc, [0.0, 0.0])
                own[0] += pulse.active_ns * share
                own[1] += dt
            for name, base, value in (("cpu", "cpu_dt", pulse.cpu_ns), ("runq", "runq_dt", pulse.runq_ns)):
                if value is not None:
                    sums[base] += dt
                    sums[name] += value * share
            first = dropped.get(pulse.proc, (pulse.dropped, 0))[0]
            dropped[pulse.proc] = (first, pulse.dropped)
        told = ~np.isnan(delay)
        ms = delay[told] / NS_PER_MS
        at_s = (recv[told] - from_ns) / NS_PER_S
        half_s = (until_ns - from_ns) / NS_PER_S / 2
        p50, p99 = np.quantile(ms, (0.5, 0.99)).tolist() if ms.size else (None, None)
        return Stretch(
            seconds=(until_ns - from_ns) / NS_PER_S,
            chunks=int(recv.size),
            elu=max((active / known for active, known in busy.values() if known >= _LEAST_NS), default=None),
            cpu=_share(sums["cpu"], sums["cpu_dt"]),
            runq=_share(sums["runq"], sums["runq_dt"]),
            process=_share(sums["process"], sums["dt"]),
            turns=round(turns) if turns_known and pulses else None,
            reads=round(reads),
            rigs=sum(dt >= _LEAST_NS for dt in seen.values()),
            dropped=sum(last - first for first, last in dropped.values()),
            delay_p50_ms=p50,
            delay_p99_ms=p99,
            delay_max_ms=float(ms.max()) if ms.size else None,
            trend=trend(at_s, ms),
            late_trend=trend(at_s[at_s > half_s], ms[at_s > half_s]),
            slices=tuple((np.bincount(((recv - from_ns) // (NS_PER_S // 4)).astype(np.int64)) * 4.0).tolist()[:-1]),
        )


def _share(part: float, whole: float) -> float | None:
    return part / whole if whole > 0 else None
