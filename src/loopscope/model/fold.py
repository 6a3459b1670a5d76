"""The fold: records in, state. It knows no clock but the records' own, so a recording folds to what was seen live.

Nothing that a record holds makes it raise or grow without bound: what cannot be true is left out and counted.
"""

from collections import deque
from collections.abc import Callable
from dataclasses import replace
from math import isfinite
from typing import Any

import numpy as np

from loopscope.core.clock import NS_PER_S
from loopscope.core.hosts import elsewhere
from loopscope.core.records import (
    RECORDS_LOST,
    AgentState,
    AnyRecord,
    Bye,
    Checkpoint,
    Chunks,
    Finding,
    Header,
    Hello,
    HostLoad,
    Lever,
    Loss,
    Mark,
    Observer,
    Phase,
    Power,
    Pulse,
    Request,
    Result,
    Second,
    Seconds,
    Stall,
    Truth,
)
from loopscope.core.text import plain
from loopscope.model.bins import BIN_NS, BINS_PER_S, Grid, OpenBin, close
from loopscope.model.rows import Carry, Rows, rows_of
from loopscope.model.seconds import SecondBook
from loopscope.model.snapshot import FindingView, MarkView, PhaseView, ResultView, Snapshot
from loopscope.model.state import Lost, State
from loopscope.model.view import Viewer

_GRACE_NS = 150_000_000
"""How long after its end a bin stays open by the rig's own time: a tick (100 ms) and its way through the pipe."""
_RIG_SILENT_NS = NS_PER_S
"""After that the rig's silence counts as time in which nothing came."""
_MOST_PULSE_NS = 3_600 * NS_PER_S
_MOST_FINDINGS = 64
_MOST_FIGURES = 32
_MOST_SERVERS = 256
_MOST_STEPS = 1_000_000
_MOST_COUNT = 1 << 50
_LONGEST_NAME = 64


class Fold(State):
    """Takes records in and gives snapshots out."""

    def __init__(self) -> None:
        super().__init__()
        self._grid = Grid()
        self._carry = Carry()
        self.seconds = SecondBook()
        self._viewer = Viewer()
        self._last_second: deque[tuple[int, float]] = deque(maxlen=BINS_PER_S)
        """The last bins' places, and the chunks of the loops that serve."""
        self._begun = 1
        """Of which start of rigs the window's loop figures are."""

    def feed(self, record: AnyRecord) -> None:
        """Take one record in. Never raises; what cannot be true is counted in ``ignored``."""
        if type(record) in _DERIVED:
            return
        t = self.time.accept(record.t_ns, header=isinstance(record, Header))
        if t is None or len(record.proc) > _LONGEST_NAME:
            self.ignored += 1
            return
        self._close_bins()
        handler = _HANDLERS.get(type(record))
        if handler is not None:
            handler(self, record, t)

    def snapshot(self, now_ns: int | None = None) -> Snapshot:
        """Give everything at this moment. ``now_ns`` (monotonic) is used for the rig's silence only."""
        return self._viewer.snapshot(self, now_ns)

    def finish(self) -> None:
        """Close what is still open: the session has ended. Only a copy of a live fold may be finished."""
        end = max(self.rig_at if self.rig_at is not None else self.time.latest, self.ledger.until)
        for opened in self._grid.rest():
            self._close(opened, min(max((end - opened.index * BIN_NS) / NS_PER_S, 0.0), 1 / BINS_PER_S))
        self.ledger.finish(end, self.told)

    def _close_bins(self) -> None:
        current = self.rigs.current
        horizon = self.time.latest - _GRACE_NS
        if self.rig_at is not None:
            ended = current is not None and all(rig.ended for rig in self.rigs.group)
            horizon = self.rig_at - _GRACE_NS if ended else max(self.rig_at - _GRACE_NS, horizon - _RIG_SILENT_NS)
        for opened in self._grid.take_until(horizon, self.ledger.cuts):
            self._close(opened, opened.width / BINS_PER_S)

    def _close(self, opened: OpenBin, seconds: float) -> None:
        watts = self.power.watts(opened.index * BIN_NS)
        carried_s = self._carried_s(opened, seconds)
        closed = close(opened, len(self.agents.all), seconds, watts, self.rigs.procs, self.cores, carried_s)
        self.window.push(closed)
        self.seconds.add(closed, self.time.zero or 0)
        self.ledger.simulated = self.power.source() == "simulated"
        self.ledger.add(closed, self.rigs, self.time.latest, self.told)

    def _carried_s(self, opened: OpenBin, seconds: float) -> float:
        """Give the chunks of the loops that serve over the second that ends with a bin; 0 where it is not whole."""
        chunks = sum(loop.chunks for proc, loop in opened.loops.items() if proc in self.rigs.procs)
        if not self._last_second or self._last_second[-1][0] != opened.index - 1:
            self._last_second.clear()
        self._last_second.append((opened.index, chunks))
        whole = len(self._last_second) == BINS_PER_S and seconds * BINS_PER_S == 1
        return sum(chunks for _, chunks in self._last_second) if whole else 0.0

    def _on_header(self, record: Header, t: int) -> None:
        if self.header is not None:
            self.ignored += 1
            return
        self.header = record
        self.endpoints = [plain(server.url, 80) for server in record.servers[:_MOST_SERVERS]]
        self.power.embedded = record.source == "embedded" or any(s.embedded for s in record.servers[:_MOST_SERVERS])
        self._locate()
        self.ledger.start(record.levers)
        for spec in record.agents:
            if not self.agents.plan(spec):
                self.ignored += 1

    def _locate(self) -> None:
        """Note which servers are on other hosts."""
        urls = () if self.power.embedded else self.endpoints
        self.remote = {number for number, url in enumerate(urls) if elsewhere(url)}

    def _on_hello(self, record: Hello, t: int) -> None:
        if record.role != "rig":
            return
        self.rigs.hello(record, t)
        self.rig_at = max(t, self.rig_at or 0)
        self._look_whether_alone(t)

    def _on_bye(self, record: Bye, t: int) -> None:
        self.rigs.bye(record.proc)
        self._look_whether_alone(t)

    def _look_whether_alone(self, t: int) -> None:
        """Let the loop's window begin anew once a takeover is over: nothing in it is of the loop before."""
        if self.rigs.draining(t):
            return
        self.ledger.alone(t)
        self.rigs.alone()
        if self.rigs.started > 1 and self.rigs.started != self._begun:
            self._begun = self.rigs.started
            self.window.begin(t // BIN_NS)

    def _on_agent(self, record: AgentState, t: int) -> None:
        if record.url and 0 <= record.server < _MOST_SERVERS:
            self.endpoints += [""] * (record.server + 1 - len(self.endpoints))
            self.endpoints[record.server] = plain(record.url, 80)
            self._locate()
        current = self.rigs.current
        serving = record.proc in self.rigs.procs
        if not self.agents.state(record, t, record.proc if serving else current.proc if current else ""):
            self.ignored += 1

    def _on_request(self, record: Request, t: int) -> None:
        ended = self.agents.request(record, self.time.zero or 0)
        if ended is None:
            self.ignored += 1
            return
        self._grid.at(t).ended.append(ended)

    def _on_chunks(self, record: Chunks, t: int) -> None:
        rows, refused = rows_of(record, t, self.time.zero or 0, self.agents, self._carry)
        self.ignored += refused
        rig = self.rigs.of(record.proc, t)
        self.rig_at = max(t, self.rig_at or 0)
        if rows is not None:
            rig.serves = True
            if self.remote:
                self._estimate(rows)
            self.agents.count(rows.slot)
            self._grid.rows(rows, t, record.proc if rig in self.rigs.group else None)

    def _estimate(self, rows: Rows) -> None:
        """Take the least delay so far off those of servers on other hosts."""
        seen = np.unique(rows.slot).tolist()
        self.estimate.apply(rows, [slot for slot in seen if self.agents.all[slot].server in self.remote])

    def _on_pulse(self, record: Pulse, t: int) -> None:
        if not 0 < record.dt_ns <= _MOST_PULSE_NS:
            self.ignored += 1
            return
        rig = self.rigs.of(record.proc, t)
        self.rigs.pulse(rig, record)
        self.rig_at = max(t, self.rig_at or 0)
        if rig in self.rigs.group and rig.serves:
            self._grid.pulse(record, t, rig.floor_ns)
        elif rig in self.rigs.group or rig.streams:
            self._grid.older(record, t, rig.floor_ns)

    def _on_lever(self, record: Lever, t: int) -> None:
        before = self.ledger.last
        if not self.ledger.pull(record, t):
            self.ignored += 1
            return
        pull = self.ledger.last
        if pull is not None and pull is not before:
            self._mark(t, f"{pull.name}={pull.new}", "lever")

    def _on_mark(self, record: Mark, t: int) -> None:
        self._mark(t, plain(record.words, 80), "mark")

    def _on_power(self, record: Power, t: int) -> None:
        self.power.power(record, t)

    def _on_host(self, record: HostLoad, t: int) -> None:
        self.power.host(record, t)

    def _on_truth(self, record: Truth, t: int) -> None:
        if record.proc in self.truths or len(self.truths) < _MOST_SERVERS:
            self.truths[record.proc] = record
        self.power.truth(record, t)

    def _on_observer(self, record: Observer, t: int) -> None:
        if not 0 < record.dt_ns <= _MOST_PULSE_NS or not 0 <= record.cpu_ns <= 1024 * record.dt_ns:
            self.ignored += 1
            return
        self.lost_lines_told = max(self.lost_lines_told, _count(record.lost_lines))
        opened = self._grid.at(t - 1)
        opened.observer_ns += record.cpu_ns
        opened.observer_dt += record.dt_ns

    def _on_loss(self, record: Loss, t: int) -> None:
        lost = Lost(t / NS_PER_S, plain(record.what, 20), _count(record.count), plain(record.words))
        self.losses.append(lost)
        if lost.what == "lines":
            self.lost_lines_counted += lost.count
        if lost.what in RECORDS_LOST:
            self._carry.forget()
        self._mark(t, f"{lost.count} {lost.what} lost", "loss")

    def _on_finding(self, record: Finding, t: int) -> None:
        name = plain(record.name, 40)
        if not record.on:
            if (ended := self.findings.pop(name, None)) is not None:
                self.past.append(replace(ended, until_s=t / NS_PER_S))
            return
        earlier = self.findings.get(name)
        if earlier is None:
            if len(self.findings) >= _MOST_FINDINGS:
                self.ignored += 1
                return
            if record.severity != "note":
                self._mark(t, name, "finding")
        since_s = earlier.since_s if earlier else t / NS_PER_S
        self.findings[name] = FindingView(
            name,
            plain(record.sentence, 400),
            plain(record.evidence, 400),
            plain(record.lever, 160),
            since_s,
            "note" if record.severity == "note" else "warn",
            _figures(record.figures),
            under=plain(record.under, 40),
        )

    def _on_phase(self, record: Phase, t: int) -> None:
        what = plain(record.what, 40)
        if not record.on:
            if self.phase is not None and self.phase.what == what:
                self.phase = None
            return
        number, of = min(_count(record.number), _MOST_STEPS), min(_count(record.of), _MOST_STEPS)
        self.phase = PhaseView(what, plain(record.words), t / NS_PER_S, number, of, _settings(record.settings))
        step = f" {number}/{of}" if of else f" {number}" if number else ""
        self._mark(t, what + step, "phase")

    def _on_result(self, record: Result, t: int) -> None:
        figures = {
            plain(name, 40): value if value is not None and isfinite(value) else None
            for name, value in list(record.figures.items())[:_MOST_FIGURES]
        }
        what, words, settings = plain(record.what, 40), plain(record.words, 400), _settings(record.settings)
        told = ResultView(t / NS_PER_S, what, words, settings, figures)
        if what == "round" and (measured := figures.get("measured")) is not None:
            self.ledger.round(measured)
        if what == "throttle" and self.results and self.results[-1].what == what:
            self.results.pop()  # one of them is enough to see: they come twice a second
        if not self.ceilings.take(told):
            self.results.append(told)

    def _on_stall(self, record: Stall, t: int) -> None:
        words = self.stalls.take(record, self.time.zero or 0, t)
        if words is None:
            self.ignored += 1
        elif words:
            self._mark(max(0, record.start_ns - (self.time.zero or 0)), words, "stall")

    def _mark(self, t: int, label: str, kind: str) -> None:
        view = MarkView(t / NS_PER_S, label, kind)
        self.marks.append(view)
        self.seconds.mark(view)


def _count(value: int) -> int:
    return value if 0 <= value <= _MOST_COUNT else 0


def _settings(told: dict[str, str]) -> dict[str, str]:
    return {plain(name, 40): plain(value, 80) for name, value in list(told.items())[:_MOST_FIGURES]}


def _figures(told: dict[str, float]) -> dict[str, float]:
    return {plain(name, 40): value for name, value in list(told.items())[:_MOST_FIGURES] if isfinite(value)}


_DERIVED = frozenset({Second, Seconds, Checkpoint})
"""What is made of the other records: the fold makes it itself."""

_HANDLERS: dict[type, Callable[[Fold, Any, int], None]] = {
    Header: Fold._on_header,
    Hello: Fold._on_hello,
    Bye: Fold._on_bye,
    AgentState: Fold._on_agent,
    Request: Fold._on_request,
    Chunks: Fold._on_chunks,
    Pulse: Fold._on_pulse,
    Lever: Fold._on_lever,
    Mark: Fold._on_mark,
    Power: Fold._on_power,
    HostLoad: Fold._on_host,
    Truth: Fold._on_truth,
    Observer: Fold._on_observer,
    Loss: Fold._on_loss,
    Finding: Fold._on_finding,
    Stall: Fold._on_stall,
    Phase: Fold._on_phase,
    Result: Fold._on_result,
}
