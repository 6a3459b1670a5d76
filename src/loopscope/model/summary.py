"""The summary object that ``--json`` prints: the whole run, each stretch between levers, what was lost.

Units stand in the names; ``null`` means not known. Every figure is over the whole run (or segment) from the first chunk
on, except where its name says otherwise.
"""

import copy
from math import isfinite

from msgspec import structs

from loopscope.core.clock import NS_PER_S
from loopscope.core.format import seconds
from loopscope.core.text import plain
from loopscope.model.agents import Agent
from loopscope.model.aggregate import Aggregate, Hist
from loopscope.model.bins import Kind, Sum
from loopscope.model.figure import figures, value
from loopscope.model.fold import Fold
from loopscope.model.ledger import Segment
from loopscope.model.loop_stack import loop_stack
from loopscope.model.measured import Measured, measured
from loopscope.model.metrics import METRICS
from loopscope.model.pace import Pace
from loopscope.model.quantiles import gc_generations, ratio
from loopscope.model.request_stack import NO_DURATIONS, PARTS
from loopscope.model.snapshot import FigureChange, FindingView, LeverEffect
from loopscope.model.standing import Standing
from loopscope.model.summary_types import (
    AgentSummary,
    Bound,
    Bounds,
    CeilingSummary,
    ChangeSummary,
    EffectSummary,
    FindingSummary,
    Lag,
    LoopSummary,
    MetricValue,
    Observer,
    PowerSummary,
    RequestTime,
    Server,
    Stalls,
    StandingSummary,
    Streams,
    Summary,
    Truth,
)
from loopscope.model.summary_types import Segment as SegmentSummary
from loopscope.model.view import source_words
from loopscope.stats.intervals import Interval
from loopscope.stats.loghist import Floats

_MOST_LISTED = 256


def summary(fold: Fold) -> Summary:
    """Sum a session up; the fold itself is not changed, and may go on."""
    ended = copy.deepcopy(fold)
    ended.finish()
    run = ended.ledger.run()
    held = _informed(ended, measured(run))
    counted = ended.ledger.counted()
    last = ended.snapshot()
    header = ended.header
    return Summary(
        loopscope=plain(header.loopscope, 20) if header else "",
        source=last.source,
        source_words=source_words(ended),
        source_reason=last.source_reason,
        scenario=plain(header.scenario, 80) if header else "",
        duration_s=last.t_s,
        measured_s=run.seconds,
        servers=_servers(ended),
        agents=_agents(ended, held, counted),
        request_times=[_request_time(ended, agent) for agent in ended.agents.all if agent.requests],
        loop=_loop(ended, held),
        ceiling=CeilingSummary(
            **structs.asdict(_bound(held)),
            peak_chunks_s=last.ceiling.peak_chunks_s,
            words=figures(held.totals)["at_least"].reason,
            expected=_standing(last.ceiling.expected),
            measured=_standing(last.ceiling.measured),
            full=_standing(last.ceiling.full),
        ),
        **structs.asdict(_streams(held, counted)),
        segments=[_segment(ended, segment) for segment in ended.ledger.segments],
        levers=[_effect(effect) for effect in last.effects],
        best=list(last.best),
        power=_power(ended, held, last.power.label),
        observer=Observer(
            dropped=last.observer.dropped,
            rig_share=value("probe", run),
            screen_share=ratio(run.observer_ns, run.observer_dt),
            lost_lines=last.observer.lost_lines,
            ignored=ended.ignored,
        ),
        truth=_truth(ended),
        findings=[_finding(finding) for finding in sorted([*ended.past, *last.findings], key=_when)],
        stalls=_stalls(ended),
        marks=list(last.marks),
        losses=list(ended.losses),
    )


def _servers(fold: Fold) -> list[Server]:
    servers = fold.header.servers if fold.header else []
    return [
        Server(
            url=plain(server.url),
            api=plain(server.api, 20),
            model=plain(server.model),
            version=plain(server.version, 40),
            embedded=server.embedded,
        )
        for server in servers[:_MOST_LISTED]
    ]


def _informed(fold: Fold, held: Measured) -> Measured:
    """Let a stretch know what requests had told by the end, and what could not be measured."""
    totals = held.totals
    totals.told, totals.words, totals.estimated = fold.told(), fold.rigs.words, bool(fold.remote)
    return held


def _metrics(totals: Aggregate) -> dict[str, MetricValue]:
    return {
        name: MetricValue(value=found.value, unit=METRICS[name].unit, words=found.reason)
        for name, found in figures(totals).items()
    }


def _agents(fold: Fold, held: Measured, counted: Floats) -> list[AgentSummary]:
    cols = held.totals.cols()
    pace = Pace.of(cols, held.totals.told)
    rates = [*zip(pace.rates(cols), pace.by_word.tolist(), strict=True)]
    none = (None, False)
    return [
        _agent(fold, held, counted, rates[agent.slot] if agent.slot < len(rates) else none, agent)
        for agent in fold.agents.all
    ]


def _agent(fold: Fold, held: Measured, counted: Floats, rate: tuple[float | None, bool], agent: Agent) -> AgentSummary:
    slot = agent.slot
    sums = counted[:, slot].tolist() if slot < counted.shape[1] else [0.0] * len(Sum)
    stamps = held.totals.stamps(slot, estimated=agent.server in fold.remote)
    return AgentSummary(
        agent=agent.agent,
        name=agent.name,
        server=agent.server,
        endpoint=fold.endpoint(agent.server),
        model=agent.model,
        state=agent.state,
        words=agent.words,
        requests=int(sums[Sum.REQUESTS]),
        errors=int(sums[Sum.ERRORS]),
        taken=int(sums[Sum.TAKEN]),
        chunks=int(sums[Sum.CHUNKS]),
        tokens=int(sums[Sum.TOKENS]),
        tok_s=rate[0],
        tok_s_by_word=rate[1],
        ttft_ms=held.agent(Kind.TTFT, slot),
        itl_ms=held.agent(Kind.ITL, slot),
        gap_ms=held.agent(Kind.GAP, slot),
        server_gap_ms=held.agent(Kind.SERVER_GAP, slot),
        delay_ms=held.agent(Kind.DELAY, slot),
        delay_words=stamps.words,
    )


def _request_time(fold: Fold, agent: Agent) -> RequestTime:
    mean = agent.stacks.mean()
    parts = dict.fromkeys(PARTS) if mean is None else dict(mean.parts())
    return RequestTime(
        agent=agent.name,
        endpoint=fold.endpoint(agent.server),
        n=agent.stacks.count,
        **{f"{name}_ms": value for name, value in parts.items()},
        wall_ms=None if mean is None else mean.wall_ms,
        words=NO_DURATIONS if mean is None else "",
    )


def _loop(fold: Fold, held: Measured) -> LoopSummary:
    rig = fold.rigs.current
    totals = held.totals
    both, sums = totals.loops.all, totals.loops.fullest()
    lag = held.all(Hist.LAG)
    floor_ms = None if rig is None or rig.floor_ns is None else rig.floor_ns / 1e6
    return LoopSummary(
        name=rig.name if rig else "",
        client=rig.client if rig else "",
        count=totals.loops.count,
        cpu_all=ratio(both.cpu, sums.cpu_dt),
        elu=value("elu", totals),
        elu_all=value("elu.all", totals),
        cpu=value("cpu", totals),
        runq=value("runq", totals),
        gc=value("gc", totals),
        stack=loop_stack(sums),
        known_s=sums.dt / NS_PER_S,
        known_words=_known(sums.dt / NS_PER_S, held.totals.seconds),
        lag_ms=Lag(n=lag.n, p50=lag.p50, p90=lag.p90, p99=lag.p99, max=lag.max, floor=floor_ms),
        waited_10ms=held.waited_10ms,
        waited_50ms=held.waited_50ms,
        switches_s=ratio(sums.switches, sums.switch_s),
        preempted_s=ratio(sums.preempted, sums.switch_s),
        gc_generations=gc_generations(sums),
        connections=rig.connections if rig else None,
        connect_ms=fold.agents.connect_ms(),
        cpu_us_per_chunk=value("cpu_us", totals),
        chunks_per_read=value("chunks_read", totals),
        backlog_bytes=value("backlog", totals),
        words=dict(rig.words) if rig else {},
    )


def _known(known_s: float, of_s: float) -> str:
    """Return for how much of the time the loop is known; empty where it is nearly all of it."""
    if known_s >= 0.95 * of_s - 0.5:
        return ""
    return f"the loop is known for {seconds(known_s)} of {seconds(of_s)}"


def _bound(held: Measured) -> Bound:
    now, bound = value("chunks_s", held.totals), value("at_least", held.totals)
    return Bound(
        now_chunks_s=now,
        at_least_chunks_s=bound,
        headroom=None if now is None or bound is None else 1.0 - now / bound,
        elu=value("elu", held.totals),
    )


def _standing(found: Standing | None) -> StandingSummary | None:
    """What was known at the end, with the levers of the end."""
    if found is None:
        return None
    return StandingSummary(
        chunks_s=found.mid,
        lo=found.low,
        hi=found.high,
        words=found.words,
        date=found.date,
        limited_by=found.limited_by,
        stale=found.stale,
    )


def _streams(held: Measured, counted: Floats) -> Streams:
    totals = held.totals
    sums = counted.sum(axis=1).tolist() if counted.size else [0.0] * len(Sum)
    return Streams(
        chunks=int(sums[Sum.CHUNKS]),
        tokens=int(sums[Sum.TOKENS]),
        requests=int(sums[Sum.REQUESTS]),
        errors=int(sums[Sum.ERRORS]),
        taken=int(sums[Sum.TAKEN]),
        chunks_s=value("chunks_s", totals),
        tok_s_total=value("tok_s.total", totals),
        tok_s_agent=value("tok_s.agent", totals),
        tok_s=value("tok_s.decode", totals),
        ttft_ms=held.all(Hist.TTFT),
        itl_ms=held.all(Hist.ITL),
        gap_ms=held.all(Hist.GAP),
        server_gap_ms=held.all(Hist.SERVER_GAP),
        delay_ms=held.all(Hist.DELAY),
        delay_words=totals.stamps().words,
        handled_ms=held.all(Hist.HANDLED),
        metrics=_metrics(totals),
    )


def _segment(fold: Fold, segment: Segment) -> SegmentSummary:
    held = None if segment.held is None else _informed(fold, segment.held)
    pull = segment.opened_by
    result = SegmentSummary(
        t0_s=segment.t0_s,
        t1_s=segment.t1_s,
        settle_s=segment.settle_s,
        levers=dict(segment.levers),
        opened_by=f"{pull.name}={pull.new}" if pull else None,
        words=segment.words,
    )
    if held is None:
        return result
    loop = _loop(fold, held)
    return structs.replace(
        result,
        measured_s=held.totals.seconds,
        agents=_agents(fold, held, held.totals.sums),
        loop=structs.replace(
            loop,
            name=segment.levers.get("loop", loop.name),
            client=segment.levers.get("client", loop.client),
        ),
        ceiling=_bound(held),
        **structs.asdict(_streams(held, held.totals.sums)),
        watts=value("watts", held.totals),
    )


def _effect(effect: LeverEffect) -> EffectSummary:
    return EffectSummary(
        name=effect.name,
        old=effect.old,
        new=effect.new,
        t_s=effect.t_s,
        words=effect.words,
        before=effect.before,
        after=effect.after,
        cut_short=effect.cut_short,
        changes=[_change(change) for change in effect.changes],
    )


def _change(change: FigureChange) -> ChangeSummary:
    return ChangeSummary(
        name=change.name,
        title=change.title,
        unit=change.unit,
        better=change.better,
        before=_bounds(change.before),
        after=_bounds(change.after),
        difference=_bounds(change.difference),
        change=_bounds(change.change),
        words=change.words,
        surely=change.surely,
    )


def _bounds(found: Interval | None) -> Bounds | None:
    if found is None:
        return None
    low, high = (end if isfinite(end) else None for end in (found.low, found.high))
    return Bounds(low=low, mid=found.mid, high=high, n_effective=found.n_effective)


def _stalls(fold: Fold) -> Stalls:
    """How often and how long a turn of the loop lasted over 25 ms, and where; not over segments, but all of it."""
    return Stalls(
        count=fold.stalls.count,
        total_ms=fold.stalls.total_ns / 1e6,
        places=list(fold.stalls.views()[:_MOST_LISTED]),
        latest=list(fold.stalls.latest),
    )


def _when(finding: FindingView) -> tuple[float, str]:
    return finding.since_s, finding.name


def _finding(finding: FindingView) -> FindingSummary:
    return FindingSummary(
        name=finding.name,
        severity=finding.severity,
        sentence=finding.sentence,
        evidence=finding.evidence,
        figures={name: value if isfinite(value) else None for name, value in finding.figures.items()},
        lever=finding.lever,
        under=finding.under,
        since_s=finding.since_s,
        until_s=finding.until_s,
        active=finding.until_s is None,
    )


def _power(fold: Fold, held: Measured, label: str) -> PowerSummary | None:
    meter = fold.power.shown()
    if meter is None:
        return None
    return PowerSummary(
        source=fold.power.source(),
        label=label,
        simulated=fold.power.source() == "simulated",
        watts=value("watts", held.totals),
        share=None if meter.watts else meter.mean(),
    )


def _truth(fold: Fold) -> Truth | None:
    """What the emulators counted themselves, to hold the agents' figures against; null where there are none."""
    if not fold.truths:
        return None
    told = fold.truths.values()
    return Truth(
        servers=len(fold.truths),
        requests=sum(_count(truth.requests) for truth in told),
        chunks=sum(_count(truth.chunks) for truth in told),
        tokens=sum(_count(truth.tokens) for truth in told),
    )


def _count(value: int) -> int:
    return value if 0 <= value < 1 << 53 else 0
