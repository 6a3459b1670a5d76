"""Windows over a running session, cut where a step asks for it; what they hold is an aggregate like any other."""

import threading
from collections import deque
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from loopscope.core.clock import NS_PER_MS, NS_PER_S
from loopscope.core.records import AgentState, AnyRecord, Bye, Chunks, Hello, Pulse
from loopscope.model.figure import value
from loopscope.model.intake import Intake
from loopscope.model.quantiles import ratio
from loopscope.model.rows import Rows
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
        self._intake = Intake()
        self._rows: deque[tuple[Rows, str]] = deque()
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
            with self._changed:
                if (rows := self._intake.rows(record)) is not None:
                    self._rows.append((rows, record.proc))
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
            with self._changed:
                self._intake.hello(record)
        elif isinstance(record, AgentState):
            with self._changed:
                self._intake.feed(record)
            if record.state == "retrying":
                self.problem = record.words

    def _forget(self, before_ns: int) -> None:
        zero = self._intake.zero(before_ns)
        while self._rows and int(self._rows[0][0].recv.max()) < before_ns - zero:
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
            zero = self._intake.zero(from_ns)
            rows = [row for row, _ in self._rows if int(row.recv.max()) >= from_ns - zero]
        if not rows:
            return np.empty(0, dtype=np.int64), np.empty(0)
        recv = np.concatenate([row.recv for row in rows]) + zero
        delay = np.concatenate([np.where(row.delay < 0, np.nan, row.delay) for row in rows])
        inside = (recv >= from_ns) & (recv < until_ns)
        return recv[inside], delay[inside]

    def read(self, from_ns: int, until_ns: int) -> Stretch:
        """Give what happened between two moments; pulses count as far as they lie within."""
        with self._changed:
            pulses, rows = list(self._pulses), list(self._rows)
            zero = self._intake.zero(from_ns)
            self._intake.begin()
            for each, proc in rows:
                inside = (each.recv >= from_ns - zero) & (each.recv < until_ns - zero)
                if inside.any():
                    self._intake.take(each.part(inside), proc)
            seen = [self._pulse(pulse, from_ns, until_ns) for pulse in pulses]
            held = self._intake.aggregate((until_ns - from_ns) / NS_PER_S)
        recv, delay = self._between(from_ns, until_ns)
        told = ~np.isnan(delay)
        ms = delay[told] / NS_PER_MS
        at_s = (recv[told] - from_ns) / NS_PER_S
        half_s = (until_ns - from_ns) / NS_PER_S / 2
        lasted: dict[str, float] = {}
        for pulse, dt in zip(pulses, seen, strict=True):
            lasted[pulse.proc] = lasted.get(pulse.proc, 0.0) + dt
        loop, within = held.loops.all, [pulse for pulse, dt in zip(pulses, seen, strict=True) if dt > 0]
        return Stretch(
            seconds=(until_ns - from_ns) / NS_PER_S,
            chunks=held.chunks,
            elu=value("elu", held),
            cpu=ratio(loop.cpu, loop.cpu_dt),
            runq=ratio(loop.runq, loop.runq_dt),
            process=ratio(loop.process, loop.dt),
            turns=round(loop.turns) if within and all(pulse.turns is not None for pulse in within) else None,
            reads=round(loop.reads),
            rigs=sum(dt >= _LEAST_NS for dt in lasted.values()),
            dropped=_dropped(within),
            delay_p50_ms=value("delay.p50", held),
            delay_p99_ms=value("delay.p99", held),
            delay_max_ms=value("delay.max", held),
            trend=trend(at_s, ms),
            late_trend=trend(at_s[at_s > half_s], ms[at_s > half_s]),
            slices=tuple((np.bincount(((recv - from_ns) // (NS_PER_S // 4)).astype(np.int64)) * 4.0).tolist()[:-1]),
        )

    def _pulse(self, pulse: Pulse, from_ns: int, until_ns: int) -> float:
        """Take a pulse as far as it lies within, and give how long that is (ns)."""
        begin_ns = pulse.t_ns - pulse.dt_ns
        share = (min(pulse.t_ns, until_ns) - max(begin_ns, from_ns)) / max(pulse.dt_ns, 1)
        if share <= 0:
            return 0.0
        self._intake.pulse(pulse, share)
        return pulse.dt_ns * share


def _dropped(pulses: list[Pulse]) -> int:
    """Samples that were dropped meanwhile, of all rigs."""
    first: dict[str, int] = {}
    last: dict[str, int] = {}
    for pulse in pulses:
        first.setdefault(pulse.proc, pulse.dropped)
        last[pulse.proc] = pulse.dropped
    return sum(last[proc] - first[proc] for proc in last)
