"""OpenMetrics text with timestamps, one point a second: what Prometheus back-fills from.

``promtool tsdb create-blocks-from openmetrics FILE`` reads it. All points of a metric must stand together there, so
they are kept until the end: by the second, never by the chunk.
"""

from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import accumulate
from typing import Any, BinaryIO, Generic, TypeVar

from loopscope.core.clock import NS_PER_S
from loopscope.core.records import (
    RECORDS_LOST,
    AnyRecord,
    Chunks,
    Finding,
    Header,
    Lever,
    Loss,
    Mark,
    Power,
    Pulse,
    Request,
    Stall,
    Truth,
)
from loopscope.core.text import plain
from loopscope.trace.exports.export import Export
from loopscope.trace.exports.scene import Scene

_STEP = 1.04
"""From one edge to the next: histogram_quantile() is then at most 4 % off, where 1-2.5-5 was off by 41 to 80 %."""
_EDGES = 400
EDGES_S = tuple(float(f"{1e-5 * _STEP**place:.4g}") for place in range(_EDGES))
"""Upper edges of the histograms' buckets, 10 us to 62 s; one more is open. Only those in use are written."""
_DAY_NS = 86_400 * NS_PER_S
_LONGEST_LABEL = 120
Labels = tuple[tuple[str, str], ...]
T = TypeVar("T")


@dataclass(slots=True)
class _Sum:
    """Added up over each second; told as a running total."""

    seconds: dict[int, float] = field(default_factory=dict)

    def add(self, second: int, value: float = 1) -> None:
        self.seconds[second] = self.seconds.get(second, 0) + value

    def points(self) -> Iterator[tuple[int, float]]:
        yield from _running(sorted(self.seconds.items()))


@dataclass(slots=True)
class _Mean:
    """Weighted mean of each second."""

    seconds: dict[int, tuple[float, float]] = field(default_factory=dict)

    def add(self, second: int, value: float, weight: float = 1.0) -> None:
        had, weights = self.seconds.get(second, (0.0, 0.0))
        self.seconds[second] = had + value * weight, weights + weight

    def points(self) -> Iterator[tuple[int, float]]:
        for second in sorted(self.seconds):
            value, weight = self.seconds[second]
            yield second, value / weight


@dataclass(slots=True)
class _Most:
    """Largest of each second."""

    seconds: dict[int, float] = field(default_factory=dict)

    def add(self, second: int, value: float) -> None:
        self.seconds[second] = max(self.seconds.get(second, value), value)

    def points(self) -> Iterator[tuple[int, float]]:
        yield from sorted(self.seconds.items())


@dataclass(slots=True)
class _Histogram:
    """Counts by bucket of each second, and the sum of the values (s)."""

    seconds: dict[int, dict[int, int]] = field(default_factory=dict)
    """Of each second the counts of the buckets in use."""
    sums: dict[int, float] = field(default_factory=dict)

    def add(self, second: int, value_s: float) -> None:
        counts = self.seconds.setdefault(second, {})
        place = bisect_left(EDGES_S, value_s)
        counts[place] = counts.get(place, 0) + 1
        self.sums[second] = self.sums.get(second, 0.0) + value_s

    def places(self) -> list[int]:
        """Return the buckets to write: each in use, the one below it, so that it has a lower edge, and the open one."""
        used = {place for counts in self.seconds.values() for place in counts}
        return sorted({*used, *(place - 1 for place in used if place), len(EDGES_S)})


@dataclass(slots=True)
class _Family(Generic[T]):
    kind: str
    help: str
    new: Callable[[], T]
    unit: str = ""
    series: dict[Labels, T] = field(default_factory=dict)

    def of(self, **labels: str) -> T:
        key = tuple(labels.items())
        found = self.series.get(key)
        if found is None:
            found = self.series[key] = self.new()
        return found


class OpenMetricsExport:
    """Writes one file, all of it in ``finish``."""

    def __init__(self, files: list[BinaryIO], header: Header) -> None:
        self._file = files[0]
        self._scene = Scene(header)
        self._stall: tuple[str, int] | None = None
        chunks = _Family("counter", "Messages with content that were handled.", _Sum)
        tokens = _Family("counter", "Tokens as servers reported them, of finished requests.", _Sum)
        requests = _Family("counter", "Requests that have ended, by outcome.", _Sum)
        events = _Family("counter", "Levers, marks, findings, losses and stalls.", _Sum)
        delay = _Family("histogram", "Received less sent, of servers on this host that stamp.", _Histogram, "seconds")
        handled = _Family("histogram", "Handled less received.", _Histogram, "seconds")
        gap = _Family("histogram", "Between two chunks of a request, as received.", _Histogram, "seconds")
        lag = _Family("histogram", "Lateness of the heartbeat above the idle floor.", _Histogram, "seconds")
        elu = _Family("gauge", "Share of time in which the loop did not wait for input.", _Mean, "ratio")
        cpu = _Family("gauge", "CPU of the loop's thread, share of one core.", _Mean, "ratio")
        runq = _Family("gauge", "Share of time in which the loop's thread waited for a core.", _Mean, "ratio")
        backlog = _Family("gauge", "Most that waited unread in all sockets.", _Most, "bytes")
        streams = _Family("gauge", "Most requests under way.", _Most)
        watts = _Family("gauge", "Power; label source says of what.", _Mean, "watts")
        share = _Family("gauge", "Utilisation of the GPU or the CPU.", _Mean, "ratio")
        self._chunks_by, self._tokens, self._requests, self._events = chunks, tokens, requests, events
        self._delay, self._handled, self._gap, self._lag = delay, handled, gap, lag
        self._elu, self._cpu, self._runq, self._backlog, self._streams = elu, cpu, runq, backlog, streams
        self._watts, self._share = watts, share
        self._families: dict[str, _Family[Any]] = {
            "chunks": chunks,
            "tokens": tokens,
            "requests": requests,
            "events": events,
            "delivery_delay_seconds": delay,
            "handled_seconds": handled,
            "chunk_gap_seconds": gap,
            "loop_lag_seconds": lag,
            "loop_utilisation_ratio": elu,
            "loop_cpu_ratio": cpu,
            "loop_run_queue_ratio": runq,
            "backlog_bytes": backlog,
            "streams": streams,
            "power_watts": watts,
            "device_utilisation_ratio": share,
        }
        self._last: dict[tuple[str, int], int] = {}

    def feed(self, record: AnyRecord) -> None:
        """Take a record."""
        self._scene.feed(record)
        handler = _HANDLERS.get(type(record))
        if handler is not None:
            handler(self, record)

    def finish(self) -> None:
        """Write everything; the file stays open."""
        header = self._scene.header
        labels = {
            "release": header.loopscope,
            "format": str(header.format),
            "source": header.source,
            "scenario": header.scenario,
            "loop": header.levers.get("loop", ""),
        }
        self._line("# TYPE loopscope_trace info")
        self._line("# HELP loopscope_trace What was recorded.")
        self._line(f"loopscope_trace_info{_labels(tuple(labels.items()))} 1 {self._stamp(-1)}")
        for name, family in self._families.items():
            if family.kind == "histogram":
                self._histograms(name, family)
            elif family.series:
                self._head(name, family.kind, family.help, family.unit)
                suffix = "_total" if family.kind == "counter" else ""
                for key, series in family.series.items():
                    self._points(f"loopscope_{name}{suffix}{_labels(key)}", series.points())
        self._line("# EOF")

    def _histograms(self, name: str, family: _Family[_Histogram]) -> None:
        """Write buckets, counts and sums as three families, series by series.

        Not as one family of type histogram: readers may want the buckets of one moment together there, and the Python
        one loses all but the first moment of such a metric. Prometheus goes by the names and the label ``le``.
        """
        whole = {key: series for key, series in family.series.items() if series.seconds}
        if not whole:
            return
        self._head(f"{name}_bucket", "unknown", f"{family.help} Buckets, for histogram_quantile().")
        for key, series in whole.items():
            for place in series.places():
                edge = str(EDGES_S[place]) if place < len(EDGES_S) else "+Inf"
                counts = (
                    (second, sum(n for at, n in series.seconds[second].items() if at <= place))
                    for second in sorted(series.seconds)
                )
                head = f"loopscope_{name}_bucket{_labels((*key, ('le', edge)))}"
                self._points(head, _running(counts))
        self._head(f"{name}_count", "unknown", f"{family.help} How many.")
        for key, series in whole.items():
            counts = ((second, sum(series.seconds[second].values())) for second in sorted(series.seconds))
            self._points(f"loopscope_{name}_count{_labels(key)}", _running(counts))
        self._head(f"{name}_sum", "unknown", f"{family.help} Sum, s.")
        for key, series in whole.items():
            self._points(f"loopscope_{name}_sum{_labels(key)}", _running(sorted(series.sums.items())))

    def _head(self, name: str, kind: str, words: str, unit: str = "") -> None:
        self._line(f"# TYPE loopscope_{name} {kind}")
        if unit:
            self._line(f"# UNIT loopscope_{name} {unit}")
        self._line(f"# HELP loopscope_{name} {words}")

    def _points(self, head: str, points: Iterable[tuple[int, float]]) -> None:
        for second, value in points:
            self._line(f"{head} {value:.10g} {self._stamp(second)}")

    def _line(self, text: str) -> None:
        self._file.write(text.encode() + b"\n")

    def _second(self, t_ns: int) -> int:
        return self._scene.since_ns(t_ns) // NS_PER_S

    def _stamp(self, second: int) -> str:
        """Unix time of the end of a second; seconds since the beginning where the wall clock is not known."""
        since = (second + 1) * NS_PER_S
        unix = self._scene.unix_ns(self._scene.header.t_ns + since)
        ns = since if unix is None else unix
        return f"{ns / 1e9:.3f}" if ns >= 0 else "0"

    def _chunks(self, record: Chunks) -> None:
        scene, first = self._scene, set(record.first)
        agents = set(record.agent)
        strange = {*record.whole, *(number for number in agents if scene.elsewhere(number))}
        counters = {number: self._chunks_by.of(**self._who(number)) for number in agents}
        delays, handleds, gaps = self._delay.of(), self._handled.of(), self._gap.of()
        times = accumulate(record.recv, initial=record.base_ns)
        next(times)
        columns = zip(record.agent, times, record.delay, record.handled, strict=True)
        for row, (number, recv, delay, handled) in enumerate(columns):
            key = (record.proc, number)
            if row in first:
                self._last.pop(key, None)
            second = self._second(recv)
            counters[number].add(second)
            handleds.add(second, max(0, handled) / 1e9)
            if delay is not None and 0 <= delay <= _DAY_NS and number not in strange:
                delays.add(second, delay / 1e9)
            before = self._last.get(key)
            if before is not None and recv >= before:
                gaps.add(second, (recv - before) / 1e9)
            self._last[key] = recv

    def _who(self, number: int) -> dict[str, str]:
        agent = self._scene.agent(number)
        return {"agent": agent.name, "number": str(number), "server": agent.server, "model": agent.model}

    def _request(self, record: Request) -> None:
        second = self._second(record.end_ns)
        self._requests.of(**self._who(record.agent), outcome=record.outcome).add(second)
        if record.tokens is not None:
            self._tokens.of(**self._who(record.agent)).add(second, record.tokens)

    def _pulse(self, record: Pulse) -> None:
        dt, second = record.dt_ns, self._second(record.t_ns - 1)
        if dt <= 0:
            return
        who = {"proc": record.proc, "loop": record.loop}
        shares = ((self._elu, record.active_ns), (self._cpu, record.cpu_ns), (self._runq, record.runq_ns))
        for family, ns in shares:
            if ns is not None:
                family.of(**who).add(second, ns / dt, dt)
        floor, lag = self._scene.floors.get(record.proc) or 0, self._lag.of(**who) if record.lag_ns else None
        for late in record.lag_ns:
            if lag is not None:
                lag.add(second, max(0, late - floor) / 1e9)
        if record.backlog_bytes is not None:
            self._backlog.of(**who).add(second, record.backlog_bytes)
        self._streams.of(**who).add(second, record.streams)

    def _power(self, record: Power) -> None:
        second, who = self._second(record.t_ns), {"source": record.source, "name": record.name}
        if record.watts is not None:
            self._watts.of(**who).add(second, record.watts)
        if record.share is not None:
            self._share.of(**who).add(second, record.share)

    def _truth(self, record: Truth) -> None:
        if record.watts is not None:
            self._watts.of(source="simulated", name=record.proc).add(self._second(record.t_ns), record.watts)

    def _event(self, record: Lever | Mark | Loss) -> None:
        if isinstance(record, Loss) and record.what in RECORDS_LOST:
            self._last.clear()
        self._events.of(kind=type(record).__name__.lower()).add(self._second(record.t_ns))

    def _finding(self, record: Finding) -> None:
        if record.on:
            self._events.of(kind="finding").add(self._second(record.t_ns))

    def _on_stall(self, record: Stall) -> None:
        key = (record.proc, record.start_ns)
        if key != self._stall:  # one that lasts is told each second
            self._stall = key
            self._events.of(kind="stall").add(self._second(record.t_ns))


def _running(points: Iterable[tuple[int, float]]) -> Iterator[tuple[int, float]]:
    total = 0.0
    for second, value in points:
        total += value
        yield second, total


def _labels(pairs: Labels) -> str:
    if not pairs:
        return ""
    return "{" + ",".join(f'{name}="{_escaped(value)}"' for name, value in pairs) + "}"


def _escaped(value: str) -> str:
    return plain(value, _LONGEST_LABEL).replace("\\", "\\\\").replace('"', '\\"')


_HANDLERS: dict[type, Callable[[OpenMetricsExport, Any], None]] = {
    Chunks: OpenMetricsExport._chunks,
    Request: OpenMetricsExport._request,
    Pulse: OpenMetricsExport._pulse,
    Power: OpenMetricsExport._power,
    Truth: OpenMetricsExport._truth,
    Lever: OpenMetricsExport._event,
    Mark: OpenMetricsExport._event,
    Loss: OpenMetricsExport._event,
    Finding: OpenMetricsExport._finding,
    Stall: OpenMetricsExport._on_stall,
}


EXPORT = Export(
    "openmetrics",
    40,
    "for promtool tsdb create-blocks-from openmetrics",
    OpenMetricsExport,
    ending=".openmetrics.txt",
)
