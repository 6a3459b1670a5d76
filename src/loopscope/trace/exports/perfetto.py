"""A Perfetto trace (its own protobuf format, track events): agents, their requests and chunks, counters, instants.

Not the older JSON: its times are floats of microseconds, and what overlaps on one track is dropped there without a
word. Here each track holds slices that nest, and chunks that overlap lie on several tracks of one name, which Perfetto
draws as one.
"""

import heapq
from collections.abc import Callable, Iterator
from itertools import accumulate
from typing import Any, BinaryIO

from loopscope.core.clock import NS_PER_MS, NS_PER_S
from loopscope.core.records import (
    AnyRecord,
    Chunks,
    Finding,
    Header,
    Hello,
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
from loopscope.core.text import plain
from loopscope.trace.exports.export import Export
from loopscope.trace.exports.scene import Scene
from loopscope.trace.exports.tables import place
from loopscope.trace.exports.tracks import DELIVERY, HANDLING, Tracks
from loopscope.trace.vet import BEFORE_NS

LONGEST_DELAY_NS = 60 * NS_PER_S
"""What claims to have been sent longer ago has another clock: it is drawn from its receipt on."""
MOST_LANES = 512
"""Chunks of one agent that are drawn side by side."""


class _Lanes:
    """Tracks of one name, each with slices that do not overlap."""

    def __init__(self, new: Callable[[], int]) -> None:
        self._new = new
        self._ends: list[tuple[int, int]] = []

    def take(self, start_ns: int, end_ns: int, most: int = MOST_LANES) -> int | None:
        """Give a track that is free from then to then; ``None`` when there are too many already."""
        if self._ends and self._ends[0][0] <= start_ns:
            _, track = heapq.heapreplace(self._ends, (end_ns, self._ends[0][1]))
            return track
        if len(self._ends) >= most:
            return None
        track = self._new()
        heapq.heappush(self._ends, (end_ns, track))
        return track


class PerfettoExport:
    """Writes one file. ``finish`` must come last."""

    def __init__(self, files: list[BinaryIO], header: Header) -> None:
        self.left_out = 0
        """Chunks that are not drawn, since too many of one agent overlapped; the counter has them."""
        self._scene = Scene(header)
        # Perfetto's times are unsigned.
        self._shift_ns = max(0, BEFORE_NS + LONGEST_DELAY_NS - header.t_ns)
        self._tracks = Tracks(files[0], f"loopscope: {plain(header.source, 40) or 'trace'}")
        wall = self._scene.unix_ns(header.t_ns)
        if wall is not None:
            self._tracks.clocks(self._at(header.t_ns), wall)
        self._chunk_lanes: dict[int, _Lanes] = {}
        self._request_lanes: dict[int, _Lanes] = {}
        self._stall_ends: dict[str, int] = {}
        self._stall: Stall | None = None
        self._seconds: dict[int, int] = {}

    def feed(self, record: AnyRecord) -> None:
        """Take a record."""
        self._scene.feed(record)
        handler = _HANDLERS.get(type(record))
        if handler is not None:
            handler(self, record)

    def finish(self) -> None:
        """Write what is known only at the end; the file stays open."""
        if self._stall is not None:
            self._draw_stall(self._stall)
        origin = self._scene.header.t_ns
        track = self._tracks.counter(None, "chunks/s")
        for second, count in sorted(self._seconds.items()):
            self._tracks.count(track, self._at(origin + second * NS_PER_S), count)
            if second + 1 not in self._seconds:
                self._tracks.count(track, self._at(origin + (second + 1) * NS_PER_S), 0)

    def _at(self, t_ns: int) -> int:
        return max(0, t_ns + self._shift_ns)

    # Agents

    def _agent(self, number: int) -> int:
        agent = self._scene.agent(number)
        words = " at ".join(filter(None, (agent.model, agent.server)))
        return self._tracks.track(
            ("agent", number), "agents", f"{agent.name} ({words})" if words else agent.name, number
        )

    def _chunks(self, record: Chunks) -> None:
        origin = self._scene.header.t_ns
        strange = {*record.whole, *(number for number in set(record.agent) if self._scene.elsewhere(number))}
        times = accumulate(record.recv, initial=record.base_ns)
        next(times)
        columns = zip(record.agent, times, record.delay, record.handled, strict=True)
        for number, recv, delay, handled in columns:
            second = (recv - origin) // NS_PER_S
            self._seconds[second] = self._seconds.get(second, 0) + 1
            known = delay is not None and 0 <= delay <= LONGEST_DELAY_NS and number not in strange
            start, end = recv - (delay or 0 if known else 0), recv + max(0, handled)
            lanes = self._chunk_lanes.get(number)
            if lanes is None:
                lanes = self._chunk_lanes[number] = _Lanes(self._new_lane(self._agent(number), "chunks"))
            track = lanes.take(start, end)
            if track is None:
                self.left_out += 1
                continue
            if known:
                self._tracks.quick(track, self._at(start), self._at(recv), DELIVERY)
            self._tracks.quick(track, self._at(recv), self._at(end), HANDLING)

    def _new_lane(self, parent: int, name: str) -> Callable[[], int]:
        return lambda: self._tracks.lane(parent, name)

    def _request(self, record: Request) -> None:
        parent = self._agent(record.agent)
        start, end = record.start_ns, max(record.start_ns, record.end_ns)
        lanes = self._request_lanes.get(record.agent)
        if lanes is None:
            firsts: Iterator[int] = iter((parent,))
            more = self._new_lane(parent, "requests")
            lanes = self._request_lanes[record.agent] = _Lanes(lambda: next(firsts, 0) or more())
        track = lanes.take(start, end)
        if track is None:
            self.left_out += 1
            return
        told = {
            "outcome": record.outcome,
            "words": record.words,
            "chunks": record.chunks,
            "reads": record.reads,
            "bytes": record.bytes,
            "tokens": record.tokens,
            "prompt_tokens": record.prompt_tokens,
            "connect_ms": _ms(record.connect_ns),
            "server_total_ms": _ms(record.total_ns),
            "load_ms": _ms(record.load_ns),
            "prompt_ms": _ms(record.prompt_ns),
            "eval_ms": _ms(record.eval_ns),
            "handle_ms": _ms(record.handle_ns),
            "throttle_ms": _ms(record.throttle_ns),
            "batch_ms": _ms(record.batch_ns),
            "proc": record.proc,
        }
        self._tracks.begin(track, self._at(start), f"request {record.request} {plain(record.outcome, 20)}", told)
        first, last = record.first_ns, record.last_ns
        if first is not None and start <= first <= end:
            self._tracks.slice(track, self._at(start), self._at(first), "to the first chunk")
            if last is not None and first <= last <= end:
                self._tracks.slice(track, self._at(first), self._at(last), "streaming")
        self._tracks.end(track, self._at(end))

    # Loops

    def _hello(self, record: Hello) -> None:
        if record.role == "rig":
            loop = plain(record.info.get("loop", ""), 20)
            self._tracks.group(f"loop of {record.proc}", f"{plain(record.proc, 40)} ({loop})" if loop else "")

    def _pulse(self, record: Pulse) -> None:
        if record.dt_ns <= 0:
            return
        floor = self._scene.floors.get(record.proc) or 0
        shares = (("ELU", record.active_ns), ("loop CPU", record.cpu_ns), ("run-queue wait", record.runq_ns))
        values: dict[str, float | None] = {name: None if ns is None else ns / record.dt_ns for name, ns in shares}
        values["lag, ms above the floor"] = max(0, max(record.lag_ns) - floor) / NS_PER_MS if record.lag_ns else None
        values["backlog, bytes"] = record.backlog_bytes
        values["streams"] = record.streams
        for name, value in values.items():
            if value is not None:
                track = self._tracks.counter(f"loop of {record.proc}", name)
                self._tracks.count(track, self._at(record.t_ns), value)

    def _on_stall(self, record: Stall) -> None:
        before = self._stall
        if before is not None and (before.proc, before.start_ns) != (record.proc, record.start_ns):
            self._draw_stall(before)
        self._stall = None if record.over else record
        if record.over:
            self._draw_stall(record)

    def _draw_stall(self, record: Stall) -> None:
        track = self._tracks.track(("stalls", record.proc), f"loop of {record.proc}", "stalls", 0)
        start, end = self._at(record.start_ns), self._at(record.start_ns + max(0, record.dur_ns))
        name = " ".join(filter(None, (record.why, place(record))))
        told = {
            "why": record.why,
            "stack": " < ".join(record.stack),
            "cpu_ms": _ms(record.cpu_ns),
            "run_queue_ms": _ms(record.runq_ns),
            "gc_ms": _ms(record.gc_ns),
        }
        if start < self._stall_ends.get(record.proc, 0):  # told twice, or not to be believed
            self._tracks.instant(track, start, name, told)
            return
        self._stall_ends[record.proc] = end
        self._tracks.slice(track, start, end, name, told)

    # What happened

    def _instant(self, kind: str, t_ns: int, name: str, told: dict[str, Any]) -> None:
        track = self._tracks.track(("what", kind), "what happened", kind, 0)
        self._tracks.instant(track, self._at(t_ns), name or kind, told)

    def _lever(self, record: Lever) -> None:
        told = {"old": record.old, "new": record.new, "by": record.by, "words": record.words}
        self._instant("levers", record.t_ns, f"{record.name}={record.new}", told)

    def _mark(self, record: Mark) -> None:
        self._instant("marks", record.t_ns, record.words, {})

    def _finding(self, record: Finding) -> None:
        told = {"sentence": record.sentence, "evidence": record.evidence, "try": record.lever, **record.figures}
        self._instant("findings", record.t_ns, record.name if record.on else f"{record.name} has ceased", told)

    def _loss(self, record: Loss) -> None:
        self._instant("losses", record.t_ns, f"{record.count} {record.what} lost", {"words": record.words})

    def _phase(self, record: Phase) -> None:
        state = "begins" if record.on else "ends"
        self._instant("procedures", record.t_ns, f"{record.what} {state}", {"words": record.words, **record.settings})

    def _result(self, record: Result) -> None:
        self._instant("procedures", record.t_ns, f"{record.what}: {record.words}", dict(record.figures))

    # Power

    def _power(self, record: Power) -> None:
        who = plain(record.name, 40) or record.source
        if record.watts is not None:
            self._watts(record.t_ns, f"{who} ({record.source})", record.watts)
        if record.share is not None:
            track = self._tracks.counter(None, f"{who}, utilisation")
            self._tracks.count(track, self._at(record.t_ns), record.share)

    def _truth(self, record: Truth) -> None:
        if record.watts is not None:
            self._watts(record.t_ns, f"{record.proc} (SIMULATED)", record.watts)

    def _watts(self, t_ns: int, who: str, watts: float) -> None:
        self._tracks.count(self._tracks.counter(None, f"power, W: {who}"), self._at(t_ns), watts)


def _ms(ns: int | None) -> float | None:
    return None if ns is None else ns / NS_PER_MS


_HANDLERS: dict[type, Callable[[PerfettoExport, Any], None]] = {
    Chunks: PerfettoExport._chunks,
    Request: PerfettoExport._request,
    Hello: PerfettoExport._hello,
    Pulse: PerfettoExport._pulse,
    Stall: PerfettoExport._on_stall,
    Lever: PerfettoExport._lever,
    Mark: PerfettoExport._mark,
    Finding: PerfettoExport._finding,
    Loss: PerfettoExport._loss,
    Phase: PerfettoExport._phase,
    Result: PerfettoExport._result,
    Power: PerfettoExport._power,
    Truth: PerfettoExport._truth,
}


EXPORT = Export(
    "perfetto", 30, "for https://ui.perfetto.dev (it stays in your browser)", PerfettoExport, ending=".pftrace"
)
