"""From state to a snapshot. What slides is computed once a move of the window and kept until the next one."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from loopscope.core.clock import NS_PER_MS, NS_PER_S, Anchor
from loopscope.core.format import number
from loopscope.core.text import plain
from loopscope.model.agents import Agent
from loopscope.model.bins import AHEAD_MOST, BINS_PER_S, STREAMED, Kind, Sum
from loopscope.model.ceiling import load_now
from loopscope.model.estimate import WORDS as ESTIMATED
from loopscope.model.figures import (
    ENOUGH_S,
    above,
    at_least,
    clocks_agree,
    delay_words,
    drawn,
    each_in_ms,
    gc_generations,
    in_ms,
    of_hist,
    ratio,
    share,
)
from loopscope.model.loop_stack import loop_stack
from loopscope.model.loop_sums import LoopSums
from loopscope.model.recent import recent
from loopscope.model.rigs import Rig
from loopscope.model.snapshot import (
    AgentView,
    CeilingView,
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
from loopscope.model.tally import Totals, most_of
from loopscope.model.window import SPARK_S, STEP_S, WINDOW_BINS, Window
from loopscope.settings.levers import LEVERS
from loopscope.stats.loghist import BUCKETS, MIDDLE_NS, Floats, LogHist
from loopscope.stats.timeline import RecentLine, WholeLine

_GONE_S = 10.0
"""An agent that has gone stays in sight for so long."""
_SILENT_NS = NS_PER_S // 2
_WINDOW_S = WINDOW_BINS / BINS_PER_S
_NO_LAGS: Floats = np.empty(0)
_NO_SPARK: Floats = np.zeros(SPARK_S)


@dataclass(frozen=True, slots=True, eq=False)
class Slid:
    """Everything that only changes when the window moves. Lists are by slot."""

    totals: Totals
    chunks_s: float | None
    agent_chunks_s: list[float | None]
    agent_gap_s: list[float | None]
    """Gaps per second of gaps."""
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
            self._slid, self._key = slide(state.window, key[1], floor_ns), key
        slid = self._slid
        loops = _loops(state, slid, now_ns)
        loop = loops[0] if loops else LoopView()
        agents = tuple(
            _agent(state, agent, slid, chunks)
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
                rig_share=ratio(observed.loop.observer, observed.fullest().dt),
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


def slide(window: Window, procs: tuple[str, ...], floor_ns: int | None) -> Slid:
    """Compute what the window holds, for the loops of ``procs``."""
    totals = Totals(procs)
    for closed in window.bins:
        totals.add(closed)
    agents = totals.sums.shape[1]
    seconds, chunks = _rate_base(window)
    quantiles = {kind: each_in_ms(window.counts[kind].counts[:agents], totals.most[kind]) for kind in STREAMED}
    sums = totals.sums.tolist()
    ahead_ns = totals.most[AHEAD_MOST].tolist()
    words = [
        delay_words(
            sums[Sum.CHUNKS][slot],
            sums[Sum.STAMPED][slot],
            sums[Sum.AHEAD][slot],
            ahead_ns[slot],
            sums[Sum.SAME_STAMP][slot],
        )
        for slot in range(agents)
    ]
    for slot in range(agents):
        if sums[Sum.AHEAD][slot] * 2 > sums[Sum.STAMPED][slot]:
            quantiles[Kind.DELAY][slot] = Quantiles()
    span_s = min(len(window.bins) / BINS_PER_S, _WINDOW_S)
    hist = {kind: window.counts[kind].counts.sum(axis=0, dtype=np.int64) for kind in (Kind.GAP, Kind.DELAY)}
    agree = clocks_agree(totals)
    delay = hist[Kind.DELAY] if agree else np.zeros(BUCKETS, dtype=np.int64)
    return Slid(
        totals=totals,
        chunks_s=chunks / seconds if seconds else None,
        agent_chunks_s=_agent_rates(window, totals),
        agent_gap_s=[ratio(n * NS_PER_S, ns) for n, ns in zip(sums[Sum.GAPS], sums[Sum.GAP_NS], strict=True)],
        quantiles=quantiles,
        delay_words=words,
        gap=drawn(hist[Kind.GAP], in_ms(hist[Kind.GAP], most_of(totals, Kind.GAP)), span_s),
        delay=drawn(delay, in_ms(delay, most_of(totals, Kind.DELAY)), span_s),
        lag=drawn(totals.lag.counts, of_hist(totals.lag), span_s, None if floor_ns is None else floor_ns / NS_PER_MS),
        sparks=window.sparks(),
        series=series(window.recent, STEP_S),
        recent=recent(window, procs),
        lags=_lags(window, procs),
    )


def series(line: RecentLine | WholeLine, step_s: float) -> Series:
    """Give a time line as a series; ``step_s`` is the length of one of its steps as pushed."""
    index, values = line.lines()
    stride = line.stride if isinstance(line, WholeLine) else 1
    return Series(t_s=index * step_s, step_s=step_s * stride, **values)


def _rate_base(window: Window) -> tuple[float, int]:
    """Seconds and chunks over which a rate is taken: from the bin after the session's first chunk on."""
    if window.first_chunk is None:
        return 0.0, 0
    bins = [closed for closed in window.bins if closed.index > window.first_chunk]
    return sum(closed.seconds for closed in bins), sum(closed.chunks for closed in bins)


def _agent_rates(window: Window, totals: Totals) -> list[float | None]:
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


def _agent(state: State, agent: Agent, slid: Slid, chunks: int) -> AgentView:
    slot = agent.slot
    seen = slot < slid.totals.sums.shape[1]
    gap_s = slid.agent_gap_s[slot] if seen else None
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
        tok_s=None if gap_s is None else gap_s * agent.tokens_per_chunk,
        spark_chunks_s=slid.sparks[slot] if slot < slid.sparks.shape[0] else _NO_SPARK,
        ttft_ms=agent.ttft_ms,
        itl_ms=agent.itl_ms,
        gap_ms=slid.quantiles[Kind.GAP][slot] if seen else none,
        server_gap_ms=slid.quantiles[Kind.SERVER_GAP][slot] if seen else none,
        delay_ms=slid.quantiles[Kind.DELAY][slot] if seen else none,
        delay_words=stamp_words(agent, slid.delay_words[slot]) if seen else "",
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


def stamp_words(agent: Agent, words: str) -> str:
    """Add to :func:`delay_words` what is known of an agent's stamps beyond their counts."""
    if agent.whole and words == "no stamp":
        return "whole seconds: the server's stamps have no fraction"
    return words or (ESTIMATED if agent.remote else "")


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
        alone = tuple(_loop(state, slid, now_ns, rig, slid.totals.loop, slid.totals.lag, 1) for rig in group)
        return _with_draining(state, now_ns, slid, alone, older)
    views = [
        _loop(
            state,
            slid,
            now_ns,
            rig,
            slid.totals.each.get(rig.proc, LoopSums()),
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
    bound = at_least(slid.totals)
    now = slid.chunks_s
    levers = state.ledger.values
    # Between two requests of an agent a stream is missing; the shape of the load is how many there shall be.
    agents = levers.get("agents", "")
    streams = int(agents) if agents.isascii() and agents.isdigit() and len(agents) < 6 else loop.streams
    load = load_now(slid.totals.loop, streams)
    known = state.ceilings.look(levers, streams, () if load is None else (load,))
    against, of = bound, "at least"
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
        at_least_chunks_s=bound,
        headroom=headroom,
        elu=loop.elu,
        delay_ms=slid.delay.quantiles,
        peak_chunks_s=state.window.peak_chunks_s,
        words="" if bound is not None else _no_ceiling(slid, loop),
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


def _no_ceiling(slid: Slid, loop: LoopView) -> str:
    sums = slid.totals.loop
    if not slid.totals.chunks:
        return "no chunks yet" if slid.chunks_s is None else f"no chunks in the last {_WINDOW_S:g} s"
    if sums.dt > 0 and not sums.elu_dt:
        return f"loop utilisation is not known: {loop.words.get('elu', 'no signal')}"
    if sums.seconds < ENOUGH_S:
        return f"not enough data: {number(sums.seconds)} of {number(ENOUGH_S)} s"
    return "the loop was never busy"


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
