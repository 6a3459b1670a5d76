"""A trace as tables. The first columns of three of them are those of the published harness, by its names."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import accumulate
from typing import Any, Literal

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
    Phase,
    Power,
    Pulse,
    Request,
    Result,
    Stall,
    Truth,
)
from loopscope.trace.exports.scene import Scene

Kind = Literal["s", "ms", "int", "float", "text"]
"""What a cell holds: ``s`` and ``ms`` are integer nanoseconds here and become seconds or milliseconds in a file."""
Row = tuple[Any, ...]
_DAY_NS = 86_400 * NS_PER_S
_MIB = 1 << 20


@dataclass(frozen=True, slots=True)
class Column:
    """One column; an empty cell means "not known"."""

    name: str
    kind: Kind


def _columns(words: str) -> tuple[Column, ...]:
    kinds: dict[str, Kind] = {"s": "s", "ms": "ms", "i": "int", "f": "float", "t": "text"}
    pairs = (word.rpartition(":") for word in words.replace("\n", " ").split(","))
    return tuple(Column(name.strip(), kinds[kind.strip()]) for name, _, kind in pairs)


TABLES: dict[str, tuple[Column, ...]] = {
    "loop_lag": _columns(
        "timestamp:s, lag_ms:ms, t_s:s, unix_s:s, proc:t, loop:t, floor_ms:ms, above_floor_ms:ms, beat_ms:ms"
    ),
    "chunk_metrics": _columns(
        "timestamp:s, agent_id:t, chunk_index:i, bytes:i, gap_ms:ms, parse_ms:ms, t_s:s, unix_s:s, agent:i, server:t,"
        " model:t, proc:t, delay_ms:ms, server_gap_ms:ms"
    ),
    "gpu_metrics": _columns(
        "timestamp:t, power.draw [W]:f, utilization.gpu [%]:f, memory.used [MiB]:f, t_s:s, unix_s:s, source:t, name:t,"
        " utilisation:f, memory.total [MiB]:f, words:t"
    ),
    "requests": _columns(
        "timestamp:s, agent_id:t, request:i, outcome:t, status:i, t_s:s, unix_s:s, start_s:s, duration_ms:ms,"
        " connect_ms:ms, ttft_ms:ms, itl_ms:ms, chunks:i, reads:i, bytes:i, tokens:i, prompt_tokens:i,"
        " server_total_ms:ms, load_ms:ms, prompt_ms:ms, eval_ms:ms, handle_ms:ms, throttle_ms:ms, batch_ms:ms, agent:i,"
        " server:t, model:t, proc:t, words:t"
    ),
    "marks": _columns(
        "timestamp:s, kind:t, name:t, old:t, new:t, duration_ms:ms, words:t, evidence:t, try:t, by:t, t_s:s, unix_s:s"
    ),
    "loop_metrics": _columns(
        "timestamp:s, t_s:s, unix_s:s, proc:t, loop:t, dt_ms:ms, elu:f, loop_cpu:f, run_queue:f, gc:f, reads:i,"
        " streams:i, tasks:i, backlog_bytes:i, dropped:i, probe_cpu:f, process_cpu:f, connections:i"
    ),
}


@dataclass(slots=True)
class _Stream:
    """The last chunk of an agent's request under way."""

    index: int | None = None
    """Of the next chunk; ``None`` while the beginning of the request was not seen."""
    recv_ns: int | None = None
    sent_ns: int | None = None


class Tabler:
    """Turns records into rows of :data:`TABLES`."""

    def __init__(self, header: Header) -> None:
        self.scene = Scene(header)
        self._streams: dict[tuple[str, int], _Stream] = {}
        self._stall: Stall | None = None

    def feed(self, record: AnyRecord) -> Iterator[tuple[str, list[Row]]]:
        """Give the rows of a record, by table."""
        self.scene.feed(record)
        handler = _HANDLERS.get(type(record))
        if handler is not None:
            yield from handler(self, record)

    def finish(self) -> Iterator[tuple[str, list[Row]]]:
        """Give what was still open when the trace ended."""
        if self._stall is not None:
            yield "marks", [self._stalled(self._stall)]

    def _when(self, t_ns: int) -> tuple[int, int | None]:
        return self.scene.since_ns(t_ns), self.scene.unix_ns(t_ns)

    def _pulse(self, record: Pulse) -> Iterator[tuple[str, list[Row]]]:
        t_ns, dt = record.t_ns, record.dt_ns
        since, unix = self._when(t_ns)
        floor = self.scene.floors.get(record.proc)
        yield (
            "loop_lag",
            [
                (
                    t_ns,
                    lag,
                    since,
                    unix,
                    record.proc,
                    record.loop,
                    floor,
                    None if floor is None else max(0, lag - floor),
                    record.beat_ns or None,
                )
                for lag in record.lag_ns
            ],
        )
        if dt <= 0:
            return
        shares = (record.active_ns, record.cpu_ns, record.runq_ns, record.gc_ns)
        yield (
            "loop_metrics",
            [
                (
                    t_ns,
                    since,
                    unix,
                    record.proc,
                    record.loop,
                    dt,
                    *(None if ns is None else ns / dt for ns in shares),
                    record.reads,
                    record.streams,
                    record.tasks,
                    record.backlog_bytes,
                    record.dropped,
                    record.observer_ns / dt,
                    record.process_ns / dt,
                    record.connections,
                )
            ],
        )

    def _chunks(self, record: Chunks) -> Iterator[tuple[str, list[Row]]]:
        scene, rows = self.scene, []
        first, whole = set(record.first), set(record.whole)
        times = accumulate(record.recv, initial=record.base_ns)
        next(times)
        for row, (number, recv, delay, handled) in enumerate(
            zip(record.agent, times, record.delay, record.handled, strict=True)
        ):
            stream = self._streams.get((record.proc, number))
            if stream is None:
                stream = self._streams[record.proc, number] = _Stream()
            if row in first:
                stream.index, stream.recv_ns, stream.sent_ns = 0, None, None
            if delay is not None and (number in whole or not -_DAY_NS <= delay <= _DAY_NS):
                delay = None
            sent = None if delay is None else recv - delay
            gap = None if stream.recv_ns is None or recv < stream.recv_ns else recv - stream.recv_ns
            server_gap = None if gap is None or sent is None or stream.sent_ns is None else sent - stream.sent_ns
            agent = scene.agent(number)
            rows.append(
                (
                    recv,
                    agent.name,
                    stream.index,
                    None,
                    gap,
                    handled,
                    *self._when(recv),
                    number,
                    agent.server,
                    agent.model,
                    record.proc,
                    delay,
                    server_gap,
                )
            )
            stream.index = None if stream.index is None else stream.index + 1
            stream.recv_ns, stream.sent_ns = recv, sent
        yield "chunk_metrics", rows

    def _power(self, record: Power) -> Iterator[tuple[str, list[Row]]]:
        used, total = (None if n is None else n / _MIB for n in (record.memory_used, record.memory_total))
        gpu = record.share if record.source == "nvml" else None
        yield (
            "gpu_metrics",
            [
                (
                    self._date(record.t_ns),
                    record.watts,
                    None if gpu is None else gpu * 100.0,
                    used,
                    *self._when(record.t_ns),
                    record.source,
                    record.name,
                    record.share,
                    total,
                    record.words,
                )
            ],
        )

    def _truth(self, record: Truth) -> Iterator[tuple[str, list[Row]]]:
        if record.watts is not None:
            yield (
                "gpu_metrics",
                [
                    (
                        self._date(record.t_ns),
                        record.watts,
                        None,
                        None,
                        *self._when(record.t_ns),
                        "simulated",
                        record.proc,
                        None,
                        None,
                        "an emulated server's power model",
                    )
                ],
            )

    def _date(self, t_ns: int) -> str | None:
        unix = self.scene.unix_ns(t_ns)
        try:
            moment = None if unix is None else datetime.fromtimestamp(unix // NS_PER_S, UTC)
        except (OverflowError, OSError, ValueError):
            return None
        return None if moment is None else f"{moment:%Y/%m/%d %H:%M:%S}.{(unix or 0) // 1_000_000 % 1000:03d}"

    def _request(self, record: Request) -> Iterator[tuple[str, list[Row]]]:
        agent = self.scene.agent(record.agent)
        itl = None
        if record.tokens is not None and record.tokens > 1 and record.first_ns is not None:
            itl = None if record.last_ns is None else (record.last_ns - record.first_ns) / (record.tokens - 1)
        yield (
            "requests",
            [
                (
                    record.end_ns,
                    agent.name,
                    record.request,
                    record.outcome,
                    record.status,
                    *self._when(record.end_ns),
                    self.scene.since_ns(record.start_ns),
                    record.end_ns - record.start_ns,
                    record.connect_ns,
                    None if record.first_ns is None else record.first_ns - record.start_ns,
                    itl,
                    record.chunks,
                    record.reads,
                    record.bytes,
                    record.tokens,
                    record.prompt_tokens,
                    record.total_ns,
                    record.load_ns,
                    record.prompt_ns,
                    record.eval_ns,
                    record.handle_ns,
                    record.throttle_ns,
                    record.batch_ns,
                    record.agent,
                    agent.server,
                    agent.model,
                    record.proc,
                    record.words,
                )
            ],
        )

    def _mark(self, record: Mark) -> Iterator[tuple[str, list[Row]]]:
        yield "marks", [self._marked(record.t_ns, "mark", words=record.words)]

    def _lever(self, record: Lever) -> Iterator[tuple[str, list[Row]]]:
        yield (
            "marks",
            [
                self._marked(
                    record.t_ns, "lever", record.name, old=record.old, new=record.new, words=record.words, by=record.by
                )
            ],
        )

    def _finding(self, record: Finding) -> Iterator[tuple[str, list[Row]]]:
        new = "on" if record.on else "off"
        yield (
            "marks",
            [
                self._marked(
                    record.t_ns,
                    "finding",
                    record.name,
                    new=new,
                    words=record.sentence,
                    evidence=record.evidence,
                    lever=record.lever,
                )
            ],
        )

    def _loss(self, record: Loss) -> Iterator[tuple[str, list[Row]]]:
        if record.what in RECORDS_LOST:
            for stream in self._streams.values():
                stream.recv_ns = stream.sent_ns = None
        yield "marks", [self._marked(record.t_ns, "loss", record.what, new=str(record.count), words=record.words)]

    def _phase(self, record: Phase) -> Iterator[tuple[str, list[Row]]]:
        new = "on" if record.on else "off"
        settings = ", ".join(f"{name}={value}" for name, value in record.settings.items())
        yield "marks", [self._marked(record.t_ns, "phase", record.what, new=new, words=record.words, evidence=settings)]

    def _result(self, record: Result) -> Iterator[tuple[str, list[Row]]]:
        figures = ", ".join(f"{name} {value}" for name, value in record.figures.items() if value is not None)
        yield "marks", [self._marked(record.t_ns, "result", record.what, words=record.words, evidence=figures)]

    def _on_stall(self, record: Stall) -> Iterator[tuple[str, list[Row]]]:
        before = self._stall
        if before is not None and (before.proc, before.start_ns) != (record.proc, record.start_ns):
            yield "marks", [self._stalled(before)]
        self._stall = None if record.over else record
        if record.over:
            yield "marks", [self._stalled(record)]

    def _stalled(self, record: Stall) -> Row:
        return self._marked(
            record.start_ns,
            "stall",
            record.why,
            duration=record.dur_ns,
            words=place(record),
            evidence=" < ".join(record.stack),
            by=record.proc,
        )

    def _marked(
        self,
        t_ns: int,
        kind: str,
        name: str = "",
        *,
        old: str = "",
        new: str = "",
        duration: int | None = None,
        words: str = "",
        evidence: str = "",
        lever: str = "",
        by: str = "",
    ) -> Row:
        return (t_ns, kind, name, old, new, duration, words, evidence, lever, by, *self._when(t_ns))


def place(record: Stall) -> str:
    """Name the line of a stall, as far as one is named."""
    where = f"{record.file}:{record.line}" if record.line else record.file
    return " ".join(filter(None, (where, record.function)))


_HANDLERS: dict[type, Callable[[Tabler, Any], Iterator[tuple[str, list[Row]]]]] = {
    Pulse: Tabler._pulse,
    Chunks: Tabler._chunks,
    Power: Tabler._power,
    Truth: Tabler._truth,
    Request: Tabler._request,
    Mark: Tabler._mark,
    Lever: Tabler._lever,
    Finding: Tabler._finding,
    Loss: Tabler._loss,
    Phase: Tabler._phase,
    Result: Tabler._result,
    Stall: Tabler._on_stall,
}
