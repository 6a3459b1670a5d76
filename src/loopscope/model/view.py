"""From state to a snapshot. What slides is computed once a move of the window and kept until the next one."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cache

import numpy as np

from loopscope.core.clock import NS_PER_MS, NS_PER_S, Anchor
from loopscope.core.text import plain
from loopscope.model.agents import Agent
from loopscope.model.aggregate import PACED_ROWS, Aggregate, Hist, Row
from loopscope.model.bins import BINS_PER_S, STREAMED, Kind, Sum
from loopscope.model.ceiling import load_now
from loopscope.model.figure import figure, figures
from loopscope.model.loop_stack import loop_stack
from loopscope.model.loop_sums import LoopSums
from loopscope.model.metrics import METRICS, Metric, Ratio
from loopscope.model.pace import Pace, Told
from loopscope.model.quantiles import above, drawn, each_in_ms, gc_generations, in_ms, of_hist, ratio, share
from loopscope.model.recent import recent
from loopscope.model.rigs import Rig
from loopscope.model.snapshot import (
    AgentView,
    CeilingView,
    Figure,
    FindingView,
    Histogram,
    LeverView,
    LoopView,
    ObserverView,
    Quantiles,
    Recent,
    Series,
    Snapshot,
)
from loopscope.model.standing import Standing
from loopscope.model.state import State
from loopscope.model.window import SPARK_S, STEP_S, WINDOW_BINS, Window
from loopscope.settings.levers import LEVERS
from loopscope.stats.loghist import BUCKETS, MIDDLE_NS, Floats, LogHist
from loopscope.stats.timeline import RecentLine, WholeLine

_GONE_S = 10.0
"""An agent that has gone stays in sight for so long."""
_QUIET_S, _QUIET_GAPS = 1.0, 4
"""A stream that brings nothing for so long, and for that many of its mean gaps, has stopped."""
_SILENT_NS = NS_PER_S // 2
_WINDOW_S = WINDOW_BINS / BINS_PER_S
_NO_LAGS: Floats = np.empty(0)
_NO_SPARK: Floats = np.zeros(SPARK_S)


@dataclass(frozen=True, slots=True, eq=False)
class Slid:
    """Everything that only changes when the window moves. Lists are by slot."""

    totals: Aggregate
    figures: dict[str, Figure]
    """All metrics but those that rest on what requests have told: that changes with each of them."""
    agent_chunks_s: list[float | None]
    agent_gap_ms: list[float]
    """Mean gap of each; 0: none."""
    quantiles: dict[Kind, list[Quantiles]]
    delay_words: list[str]
    gap: Histogram
    delay: Histogram
    lag: Histogram
    sparks: Floats
    series: Series
    recent: Recent
    lags: dict[str, LogHist]
    """By rig, of loops that work side by side."""


class Viewer:
    """Builds snapshots and keeps what has not changed."""

    def __init__(self) -> None:
        self._key: tuple[int, tuple[str, ...], int] | None = None
        self._slid: Slid | None = None

    def snapshot(self, state: State, now_ns: int | None) -> Snapshot:
        """Give the snapshot of a state."""
        current = state.rigs.current
        floor_ns = current.floor_ns if current else None
        key = (state.window.version, state.rigs.procs, -1 if floor_ns is None else floor_ns)
        if self._slid is None or key != self._key:
            self._slid, self._key = slide(state, key[1], floor_ns), key
        slid = self._slid
        slid.totals.told = _told(state, slid)
        cols, pace = slid.totals.paced()
        rates = pace.rates(cols)
        loops = _loops(state, slid, now_ns)
        loop = loops[0] if loops else LoopView()
        agents = tuple(
            _agent(state, agent, slid, pace, rates, chunks)
            for agent, chunks in zip(state.agents.all, _padded(state), strict=True)
            if agent.gone_at is None or state.time.latest - agent.gone_at <= _GONE_S * NS_PER_S
        )
        observed = slid.totals
        return Snapshot(
            t_s=state.time.latest / NS_PER_S,
            wall_ns=_wall_ns(state),
            source=plain(state.header.source, 20) if state.header else "",
            source_words=source_words(state),
            source_reason=plain(state.header.words, 200) if state.header else "",
            embedded=state.power.embedded,
            window_s=_WINDOW_S,
            agents=agents,
            loop=loop,
            loops=loops,
            figures=_figures(slid),
            ceiling=_ceiling(state, slid, loop),
            lag=slid.lag,
            gap=slid.gap,
            delay=slid.delay,
            handled_ms=of_hist(observed.handled),
            series=slid.series,
            power=state.power.view(state.time.latest),
            levers=_levers(state, loop.draining),
            effects=tuple(state.ledger.effect(pull) for pull in state.ledger.pulls),
            best=state.ledger.best(),
            marks=tuple(state.marks),
            findings=ordered_findings(state.findings.values()),
            past_findings=tuple(state.past),
            phase=state.phase,
            results=tuple(state.results),
            recent=slid.recent,
            loads=state.agents.loads,
            solo_ttft_ms=state.agents.solo_ttft_ms(),
            stalls=tuple(state.stalls.latest),
            stall_places=state.stalls.views(),
            observer=ObserverView(
                rig_share=_figure(slid, METRICS["probe"]).value,
                screen_share=ratio(observed.observer_ns, observed.observer_dt),
                dropped=state.rigs.dropped,
                lost_lines=state.lost_lines,
                words=f"{state.ignored} records or rows ignored" if state.ignored else "",
                dropped_at_s=None if state.rigs.dropped_at is None else state.rigs.dropped_at / NS_PER_S,
            ),
            host_cpu=state.power.host_cpu,
            chunks=int(state.agents.chunks.sum()),
            tokens=sum(agent.tokens for agent in state.agents.all),
            requests=sum(agent.requests for agent in state.agents.all),
            errors=sum(agent.errors for agent in state.agents.all),
            taken=sum(agent.taken for agent in state.agents.all),
            ignored=state.ignored,
        )


def ordered_findings(held: Iterable[FindingView]) -> tuple[FindingView, ...]:
    """Return causes in the order in which they began, notes last, each followed by what is told under it."""
    by_time = sorted(held, key=lambda item: (item.severity == "note", item.since_s))
    names = {item.name for item in by_time}
    result: list[FindingView] = []
    for cause in by_time:
        if cause.under not in names:
            result += [cause, *(item for item in by_time if item.under == cause.name)]
    # Two that are told under each other, or under one that is itself under another, must not be lost.
    return (*result, *(item for item in by_time if item not in result))


def _figures(slid: Slid) -> dict[str, Figure]:
    """Return every figure of the window in the table's order: as kept, or (of tokens) as requests have told by now."""
    told = figures(slid.totals, [metric for metric in METRICS.values() if _of_tokens(metric)])
    return {name: slid.figures.get(name) or told[name] for name in METRICS}


def _figure(slid: Slid, metric: Metric) -> Figure:
    """Give a figure of the window, as it is kept or (of tokens) as requests have told by now."""
    return slid.figures.get(metric.name) or figure(metric, slid.totals)


def _told(state: State, slid: Slid) -> Told:
    """Give what requests have told by now, and whose stream has stopped: its rate does not go on."""
    told = state.told()
    return replace(
        told, silent=np.array([_is_silent(state, agent, slid) for agent in state.agents.all], dtype=np.bool_)
    )


def _is_silent(state: State, agent: Agent, slid: Slid) -> bool:
    if agent.state in ("retrying", "gone"):
        return True
    last, end = agent.slot < state.window.last_of_agent.size, state.window.end
    if agent.state != "streaming" or not last or end is None:
        return False
    quiet_s = (end - 1 - int(state.window.last_of_agent[agent.slot])) / BINS_PER_S
    gap_ms = slid.agent_gap_ms[agent.slot] if agent.slot < len(slid.agent_gap_ms) else 0.0
    return quiet_s > max(_QUIET_S, _QUIET_GAPS * gap_ms / 1e3)


def slide(state: State, procs: tuple[str, ...], floor_ns: int | None) -> Slid:
    """Compute what the window holds, for the loops of ``procs``."""
    window = state.window
    totals = window_aggregate(state, procs)
    agents = totals.sums.shape[1]
    quantiles = {kind: each_in_ms(window.counts[kind].counts[:agents], totals.most[kind]) for kind in STREAMED}
    sums = totals.sums.tolist()
    stamps = [totals.stamps(slot, estimated=_remote(state, slot)) for slot in range(agents)]
    for slot, judged in enumerate(stamps):
        if not judged.usable:
            quantiles[Kind.DELAY][slot] = Quantiles()
        if not judged.moving:
            quantiles[Kind.SERVER_GAP][slot] = Quantiles()
    span_s = min(len(window.bins) / BINS_PER_S, _WINDOW_S)
    gap, (delay, delay_most) = totals.hist(Hist.GAP), totals.hist(Hist.DELAY)
    if not totals.stamps().usable:
        delay = np.zeros(BUCKETS, dtype=np.int64)
    gap_ns = zip(sums[Sum.GAPS], sums[Sum.GAP_NS], strict=True)
    return Slid(
        totals=totals,
        figures=figures(totals, [metric for metric in METRICS.values() if not _of_tokens(metric)]),
        agent_chunks_s=_agent_rates(window, totals),
        agent_gap_ms=[ns / n / NS_PER_MS if n else 0.0 for n, ns in gap_ns],
        quantiles=quantiles,
        delay_words=[judged.words for judged in stamps],
        gap=drawn(gap[0], in_ms(*gap), span_s),
        delay=drawn(delay, in_ms(delay, delay_most), span_s),
        lag=drawn(totals.lag.counts, of_hist(totals.lag), span_s, None if floor_ns is None else floor_ns / NS_PER_MS),
        sparks=window.sparks(),
        series=series(window.recent, STEP_S),
        recent=recent(window, procs),
        lags=_lags(window, procs),
    )


def window_aggregate(state: State, procs: tuple[str, ...]) -> Aggregate:
    """Add the window up: what came after the bin of the session's first chunk, which is not full, if there is any."""
    window = state.window
    totals = Aggregate(procs, streamed=False)
    first = -1 if window.first_chunk is None else window.first_chunk
    begun = [closed for closed in window.bins if closed.index > first]
    for closed in begun or window.bins:
        totals.add(closed)
    for kind in STREAMED:
        totals.put(kind, window.counts[kind].counts.sum(axis=0, dtype=np.int64))
    totals.words = state.rigs.words
    totals.estimated = bool(state.remote)
    if totals.chunks:
        totals.best_chunks_s = max(totals.best_chunks_s, state.ledger.carried_s())
    return totals


@cache
def _of_tokens(metric: Metric) -> bool:
    rows = (metric.take.part, metric.take.whole) if isinstance(metric.take, Ratio) else ()
    return any(row in PACED_ROWS or row is Row.JOULE_TOKENS for row in rows)


def _remote(state: State, slot: int) -> bool:
    return bool(state.remote) and state.agents.all[slot].server in state.remote


def series(line: RecentLine | WholeLine, step_s: float) -> Series:
    """Give a time line as a series; ``step_s`` is the length of one of its steps as pushed."""
    index, values = line.lines()
    stride = line.stride if isinstance(line, WholeLine) else 1
    return Series(t_s=index * step_s, step_s=step_s * stride, **values)


def _agent_rates(window: Window, totals: Aggregate) -> list[float | None]:
    agents = totals.sums.shape[1]
    if not agents or window.end is None:
        return [None] * agents
    first = window.first_of_agent[:agents]
    begin = np.maximum(first, window.end - len(window.bins))
    bins = np.maximum(window.end - begin, 0)
    missing = agents - bins.size
    counts = totals.sums[Sum.CHUNKS].tolist()
    return [
        ratio(chunks * BINS_PER_S, float(n)) for chunks, n in zip(counts, [*bins.tolist(), *[0] * missing], strict=True)
    ]


def _padded(state: State) -> list[int]:
    counts: list[int] = state.agents.chunks[: len(state.agents.all)].tolist()
    return counts + [0] * (len(state.agents.all) - len(counts))


def _agent(state: State, agent: Agent, slid: Slid, pace: Pace, rates: list[float | None], chunks: int) -> AgentView:
    slot = agent.slot
    seen = slot < slid.totals.sums.shape[1]
    none = Quantiles()
    return AgentView(
        agent=agent.agent,
        name=agent.name,
        server=agent.server,
        endpoint=state.endpoint(agent.server),
        model=agent.model,
        state=agent.state,
        words=agent.words,
        chunks_s=slid.agent_chunks_s[slot] if seen else None,
        tok_s=rates[slot] if seen else None,
        tok_s_by_word=bool(pace.by_word[slot]) if seen else False,
        spark_chunks_s=slid.sparks[slot] if slot < slid.sparks.shape[0] else _NO_SPARK,
        ttft_ms=agent.ttft_ms,
        itl_ms=agent.itl_ms,
        gap_ms=slid.quantiles[Kind.GAP][slot] if seen else none,
        server_gap_ms=slid.quantiles[Kind.SERVER_GAP][slot] if seen else none,
        delay_ms=slid.quantiles[Kind.DELAY][slot] if seen else none,
        delay_words=slid.delay_words[slot] if seen else "",
        requests=agent.requests,
        errors=agent.errors,
        chunks=chunks,
        tokens=agent.tokens,
        recent=agent.recent,
        least_delay_ms=_least_ms(state.window, slot),
    )


def _least_ms(window: Window, slot: int) -> float | None:
    if slot >= window.least_delay.size or (bucket := int(window.least_delay[slot])) >= BUCKETS:
        return None
    return float(MIDDLE_NS[min(bucket, BUCKETS - 2)]) / NS_PER_MS  # the last bucket has no middle


def _lags(window: Window, procs: tuple[str, ...]) -> dict[str, LogHist]:
    """Lag of each of several loops; one alone has all of them."""
    lags: dict[str, LogHist] = {}
    for closed in window.bins if len(procs) > 1 else ():
        for proc in procs:
            if proc in closed.lags:
                lags.setdefault(proc, LogHist()).add(closed.lags[proc])
    return lags


def _loops(state: State, slid: Slid, now_ns: int | None) -> tuple[LoopView, ...]:
    """Each loop that serves, the fullest first."""
    group = state.rigs.group
    older = [rig for rig in state.rigs.older(state.time.latest) if rig.streams]
    if len(group) < 2:
        alone = tuple(_loop(state, slid, now_ns, rig, slid.totals.loops.all, slid.totals.lag, 1) for rig in group)
        return _with_draining(state, now_ns, slid, alone, older)
    views = [
        _loop(
            state,
            slid,
            now_ns,
            rig,
            slid.totals.loops.each.get(rig.proc, LoopSums()),
            slid.lags.get(rig.proc, LogHist()),
            len(group),
        )
        for rig in group
    ]
    fullest_first = sorted(views, key=lambda view: -1.0 if view.elu is None else view.elu, reverse=True)
    return _with_draining(state, now_ns, slid, tuple(fullest_first), older)


def _with_draining(
    state: State, now_ns: int | None, slid: Slid, serving: tuple[LoopView, ...], older: list[Rig]
) -> tuple[LoopView, ...]:
    """After a takeover most streams still flow through the old rig for a while: then it is the loop to look at.

    It comes first while it is fuller than those that serve, last otherwise.
    """
    if not older or not serving:
        return serving
    drained = []
    for rig in older:
        sums, lag = LoopSums(), LogHist()
        for closed in state.window.bins:
            for part in (closed.loops.get(rig.proc), closed.older.get(rig.proc)):
                if part is not None:
                    sums.add(part)
            lag.add(closed.lags.get(rig.proc, _NO_LAGS))
        drained.append(_loop(state, slid, now_ns, rig, sums, lag, serving[0].count))
    fullest = max(drained, key=lambda view: view.elu or 0.0)
    if (fullest.elu or 0.0) <= (serving[0].elu or 0.0):
        return (*serving, *drained)
    return (fullest, *serving, *(view for view in drained if view is not fullest))


def _loop(state: State, slid: Slid, now_ns: int | None, rig: Rig, sums: LoopSums, lag: LogHist, count: int) -> LoopView:
    silent = 0
    heard_at = state.rig_at if count == 1 else rig.last_at
    if heard_at is not None and not rig.ended:
        now = state.time.latest
        if now_ns is not None and state.time.zero is not None:
            now = max(now, now_ns - state.time.zero)
        silent = max(now - heard_at, 0)
    return LoopView(
        name=rig.name,
        proc=rig.proc,
        elu=share(sums.active, sums.elu_dt),
        cpu=ratio(sums.cpu, sums.cpu_dt),
        runq=ratio(sums.runq, sums.runq_dt),
        gc=ratio(sums.gc, sums.dt),
        stack=loop_stack(sums),
        known_s=sums.dt / NS_PER_S,
        lag_ms=of_hist(lag),
        lag_floor_ms=None if rig.floor_ns is None else rig.floor_ns / NS_PER_MS,
        waited_10ms=above(lag, 10.0),
        waited_50ms=above(lag, 50.0),
        switches_s=ratio(sums.switches, sums.switch_s),
        preempted_s=ratio(sums.preempted, sums.switch_s),
        gc_generations=gc_generations(sums),
        connections=rig.connections,
        queued=rig.queued,
        connect_ms=state.agents.connect_ms(),
        chunks_per_read=ratio(slid.totals.total(Sum.CHUNKS), slid.totals.total(Sum.READS)),
        streams=rig.streams,
        tasks=rig.tasks,
        backlog_bytes=rig.backlog_bytes,
        draining=state.rigs.draining(state.time.latest),
        silent_s=silent / NS_PER_S if silent > _SILENT_NS else 0.0,
        words=rig.words,
        client=rig.client,
        count=count,
    )


def _ceiling(state: State, slid: Slid, loop: LoopView) -> CeilingView:
    bound, now = _figure(slid, METRICS["at_least"]), _figure(slid, METRICS["chunks_s"]).value
    levers = state.ledger.values
    # Between two requests of an agent a stream is missing; the shape of the load is how many there shall be.
    agents = levers.get("agents", "")
    streams = int(agents) if agents.isascii() and agents.isdigit() and len(agents) < 6 else loop.streams
    load = load_now(slid.totals.loops.all, streams)
    known = state.ceilings.look(levers, streams, () if load is None else (load,))
    against, of = bound.value, "at least"
    if known.expected is not None and _worth_it(known.expected):
        against, of = known.expected.mid, "expected"
    headroom = None if against is None or now is None else 1.0 - now / against
    server = state.findings.get("server-bound")
    return CeilingView(
        headroom_of=of,
        expected=known.expected,
        expected_words=known.words,
        measured=known.measured,
        full=known.full,
        curve=known.curve,
        curve_words=known.curve_words,
        costs=known.costs,
        next_levers=known.next_levers,
        server_words=_server_limit(known.measured, "" if server is None else server.sentence),
        now_chunks_s=now,
        at_least_chunks_s=bound.value,
        headroom=headroom,
        elu=loop.elu,
        delay_ms=slid.delay.quantiles,
        peak_chunks_s=state.window.peak_chunks_s,
        words=bound.reason,
    )


def _worth_it(expected: Standing) -> bool:
    """Whether headroom may rest on it: of today's versions, not of a core that others had, and known within a factor
    of two (a calibration beside others gave 14 to 71 k chunks/s, and "headroom 99 %" of its middle says nothing).
    """
    low, high = expected.low, expected.high
    if expected.stale or expected.limited_by == "core":
        return False
    return low is not None and high is not None and low > 0 and high <= 2 * low


def _server_limit(measured: Standing | None, finding: str) -> str:
    if measured is not None and measured.limited_by == "server":
        return f"the server is the limit: {measured.words}"
    return finding


def _levers(state: State, draining: tuple[str, ...]) -> tuple[LeverView, ...]:
    ledger = state.ledger
    last = {pull.name: pull for pull in ledger.pulls}
    names = [name for name in LEVERS if name in ledger.values]
    names += [name for name in ledger.values if name not in LEVERS]
    return tuple(
        LeverView(
            name,
            ledger.values[name],
            ledger.effect(last[name]) if name in last else None,
            ledger.busy(name, draining),
        )
        for name in names
    )


def source_words(state: State) -> str:
    """Say in a few words where the streams come from."""
    if state.header is None:
        return ""
    servers = state.header.servers
    if state.header.source == "program" and not servers:
        return plain(state.header.words, 80)
    models = sorted({plain(server.model, 40) for server in servers[:16] if server.model})
    count = f"{len(servers)} server{'' if len(servers) == 1 else 's'}"
    tail = f", {', '.join(models[:3])}" if models else ""
    if state.power.embedded:
        return f"EMBEDDED: {count.replace(' ', ' emulated ')}{tail}"
    return count + tail


def _wall_ns(state: State) -> int:
    header = state.header
    if header is None or not header.anchor_wall_ns:
        return 0
    anchor = Anchor(header.anchor_perf_ns, header.anchor_wall_ns)
    wall = anchor.wall_of((state.time.zero or 0) + state.time.latest)
    return wall if 0 <= wall < 1 << 62 else 0
