"""The summary object that ``--json`` prints: the whole run, each stretch between levers, what was lost.

Units stand in the names; ``null`` means not known. Every figure is over the whole run (or segment) from the first chunk
on, except where its name says otherwise.
"""

import copy
from dataclasses import asdict
from math import isfinite
from typing import Any

from loopscope.core.clock import NS_PER_S
from loopscope.core.format import seconds
from loopscope.core.text import plain
from loopscope.model.agents import Agent
from loopscope.model.bins import AHEAD_MOST, Kind, Sum
from loopscope.model.figures import delay_words, gc_generations, ratio, share, words_of
from loopscope.model.fold import Fold
from loopscope.model.ledger import Segment
from loopscope.model.loop_stack import loop_stack
from loopscope.model.loop_sums import LoopSums
from loopscope.model.measured import Measured, measured
from loopscope.model.snapshot import Figures, FindingView, LeverEffect, Quantiles
from loopscope.model.standing import Standing
from loopscope.model.view import source_words, stamp_words

_MOST_LISTED = 256


def summary(fold: Fold) -> dict[str, Any]:
    """Sum a session up; the fold itself is not changed, and may go on."""
    ended = copy.deepcopy(fold)
    ended.finish()
    run = ended.ledger.run()
    held = measured(run)
    last = ended.snapshot()
    header = ended.header
    result = {
        "loopscope": plain(header.loopscope, 20) if header else "",
        "source": last.source,
        "source_words": source_words(ended),
        "source_reason": last.source_reason,
        "scenario": plain(header.scenario, 80) if header else "",
        "duration_s": last.t_s,
        "measured_s": run.seconds,
        "servers": _servers(ended),
        "agents": _agents(ended, held),
        "loop": _loop(ended, held),
        "ceiling": {
            **_ceiling(held),
            "peak_chunks_s": last.ceiling.peak_chunks_s,
            "words": _no_ceiling(held),
            "expected": _standing(last.ceiling.expected),
            "measured": _standing(last.ceiling.measured),
            "full": _standing(last.ceiling.full),
        },
        **_streams(ended, held),
        "segments": [_segment(ended, segment) for segment in ended.ledger.segments],
        "levers": [_effect(effect) for effect in last.effects],
        "best": [asdict(best) for best in last.best],
        "power": _power(ended, held, last.power.label),
        "observer": {
            "dropped": last.observer.dropped,
            "rig_share": ratio(run.loop.observer, run.loop.dt),
            "screen_share": ratio(run.observer_ns, run.observer_dt),
            "lost_lines": last.observer.lost_lines,
            "ignored": ended.ignored,
        },
        "truth": _truth(ended),
        "findings": [_finding(finding) for finding in sorted([*ended.past, *last.findings], key=_when)],
        "stalls": _stalls(ended),
        "marks": [asdict(mark) for mark in last.marks],
        "losses": [asdict(lost) for lost in ended.losses],
    }
    clean: dict[str, Any] = _clean(result)
    return clean


def _clean(value: Any) -> Any:
    """Replace what JSON cannot hold: nan and infinity become null."""
    if isinstance(value, float):
        return value if isfinite(value) else None
    if isinstance(value, dict):
        return {key: _clean(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_clean(item) for item in value]
    return value


def _quantiles(held: Quantiles) -> dict[str, Any]:
    return {"n": held.n, "p50": held.p50, "p90": held.p90, "p99": held.p99, "max": held.max}


def _servers(fold: Fold) -> list[dict[str, Any]]:
    servers = fold.header.servers if fold.header else []
    return [
        {
            "url": plain(server.url),
            "api": plain(server.api, 20),
            "model": plain(server.model),
            "version": plain(server.version, 40),
            "embedded": server.embedded,
        }
        for server in servers[:_MOST_LISTED]
    ]


def _agents(fold: Fold, held: Measured) -> list[dict[str, Any]]:
    return [_agent(fold, held, agent) for agent in fold.agents.all]


def _agent(fold: Fold, held: Measured, agent: Agent) -> dict[str, Any]:
    sums = [0.0] * len(Sum)
    ahead_ns = 0.0
    if agent.slot < held.totals.sums.shape[1]:
        sums = held.totals.sums[:, agent.slot].tolist()
        ahead_ns = float(held.totals.most[AHEAD_MOST, agent.slot])
    rate = ratio(sums[Sum.GAPS] * NS_PER_S, sums[Sum.GAP_NS])
    agree = sums[Sum.AHEAD] * 2 <= sums[Sum.STAMPED]
    return {
        "agent": agent.agent,
        "name": agent.name,
        "server": agent.server,
        "endpoint": fold.endpoint(agent.server),
        "model": agent.model,
        "state": agent.state,
        "words": agent.words,
        "requests": int(sums[Sum.REQUESTS]),
        "errors": int(sums[Sum.ERRORS]),
        "taken": int(sums[Sum.TAKEN]),
        "chunks": int(sums[Sum.CHUNKS]),
        "tokens": int(sums[Sum.TOKENS]),
        "tok_s": None if rate is None else rate * agent.tokens_per_chunk,
        "ttft_ms": _quantiles(held.agent(Kind.TTFT, agent.slot)),
        "itl_ms": _quantiles(held.agent(Kind.ITL, agent.slot)),
        "gap_ms": _quantiles(held.agent(Kind.GAP, agent.slot)),
        "server_gap_ms": _quantiles(held.agent(Kind.SERVER_GAP, agent.slot)),
        "delay_ms": _quantiles(held.agent(Kind.DELAY, agent.slot) if agree else Quantiles()),
        "delay_words": stamp_words(
            agent,
            delay_words(sums[Sum.CHUNKS], sums[Sum.STAMPED], sums[Sum.AHEAD], ahead_ns, sums[Sum.SAME_STAMP]),
        ),
    }


def _loop(fold: Fold, held: Measured) -> dict[str, Any]:
    rig = fold.rigs.current
    both, sums = held.totals.loop, held.totals.fullest()
    floor_ms = None if rig is None or rig.floor_ns is None else rig.floor_ns / 1e6
    return {
        "name": rig.name if rig else "",
        "client": rig.client if rig else "",
        "count": held.totals.count,
        "cpu_all": ratio(both.cpu, sums.cpu_dt),
        "elu": share(sums.active, sums.elu_dt),
        "cpu": ratio(sums.cpu, sums.cpu_dt),
        "runq": ratio(sums.runq, sums.runq_dt),
        "gc": ratio(sums.gc, sums.dt),
        "stack": _stack(sums),
        "known_s": sums.dt / NS_PER_S,
        "known_words": _known(sums.dt / NS_PER_S, held.totals.seconds),
        "lag_ms": {**_quantiles(held.lag), "floor": floor_ms},
        "waited_10ms": held.waited_10ms,
        "waited_50ms": held.waited_50ms,
        "switches_s": ratio(sums.switches, sums.switch_s),
        "preempted_s": ratio(sums.preempted, sums.switch_s),
        "gc_generations": list(gc_generations(sums)),
        "connections": rig.connections if rig else None,
        "connect_ms": _quantiles(fold.agents.connect_ms()),
        "cpu_us_per_chunk": held.figures.cpu_us_per_chunk,
        "chunks_per_read": held.figures.chunks_per_read,
        "backlog_bytes": held.figures.backlog_bytes,
        "words": dict(rig.words) if rig else {},
    }


def _stack(sums: LoopSums) -> dict[str, float] | None:
    stack = loop_stack(sums)
    return None if stack is None else asdict(stack)


def _known(known_s: float, of_s: float) -> str:
    """Return for how much of the time the loop is known; empty where it is nearly all of it."""
    if known_s >= 0.95 * of_s - 0.5:
        return ""
    return f"the loop is known for {seconds(known_s)} of {seconds(of_s)}"


def _ceiling(held: Measured) -> dict[str, Any]:
    now, bound = held.figures.chunks_s, held.figures.at_least_chunks_s
    return {
        "now_chunks_s": now,
        "at_least_chunks_s": bound,
        "headroom": None if now is None or bound is None else 1.0 - now / bound,
        "elu": held.figures.elu,
    }


def _standing(found: Standing | None) -> dict[str, Any] | None:
    """What was known at the end, with the levers of the end."""
    if found is None:
        return None
    return {
        "chunks_s": found.mid,
        "lo": found.low,
        "hi": found.high,
        "words": found.words,
        "date": found.date,
        "limited_by": found.limited_by,
        "stale": found.stale,
    }


def _no_ceiling(held: Measured) -> str:
    if held.figures.at_least_chunks_s is not None:
        return ""
    if not held.totals.chunks:
        return "no chunks"
    return "loop utilisation is not known" if held.figures.elu is None else "not enough data: under 3 s"


def _streams(fold: Fold, held: Measured) -> dict[str, Any]:
    totals = held.totals
    delay = held.all[Kind.DELAY] if held.delay_known else Quantiles()
    return {
        "chunks": int(totals.total(Sum.CHUNKS)),
        "tokens": int(totals.total(Sum.TOKENS)),
        "requests": int(totals.total(Sum.REQUESTS)),
        "errors": int(totals.total(Sum.ERRORS)),
        "taken": int(totals.total(Sum.TAKEN)),
        "chunks_s": held.figures.chunks_s,
        "tok_s": _scaled(held.figures.tok_s, fold.tokens_per_chunk),
        "ttft_ms": _quantiles(held.all[Kind.TTFT]),
        "itl_ms": _quantiles(held.all[Kind.ITL]),
        "gap_ms": _quantiles(held.all[Kind.GAP]),
        "server_gap_ms": _quantiles(held.all[Kind.SERVER_GAP]),
        "delay_ms": _quantiles(delay),
        "delay_words": words_of(totals),
        "handled_ms": _quantiles(held.handled),
    }


def _scaled(value: float | None, factor: float) -> float | None:
    return None if value is None else value * factor


def _segment(fold: Fold, segment: Segment) -> dict[str, Any]:
    held = segment.held
    pull = segment.opened_by
    result: dict[str, Any] = {
        "t0_s": segment.t0_s,
        "t1_s": segment.t1_s,
        "settle_s": segment.settle_s,
        "levers": dict(segment.levers),
        "opened_by": f"{pull.name}={pull.new}" if pull else None,
        "words": segment.words,
    }
    if held is None:
        return result | dict.fromkeys(_SEGMENT_FIGURES)
    loop = _loop(fold, held)
    loop["name"] = segment.levers.get("loop", loop["name"])
    loop["client"] = segment.levers.get("client", loop["client"])
    return result | {
        "measured_s": held.totals.seconds,
        "agents": _agents(fold, held),
        "loop": loop,
        "ceiling": _ceiling(held),
        **_streams(fold, held),
        "watts": held.figures.watts,
    }


_SEGMENT_FIGURES = (
    "measured_s",
    "agents",
    "loop",
    "ceiling",
    "chunks",
    "tokens",
    "requests",
    "errors",
    "taken",
    "chunks_s",
    "tok_s",
    "ttft_ms",
    "itl_ms",
    "gap_ms",
    "server_gap_ms",
    "delay_ms",
    "delay_words",
    "handled_ms",
    "watts",
)
"""What a segment that is too short has ``null`` for."""


def _effect(effect: LeverEffect) -> dict[str, Any]:
    return {
        "name": effect.name,
        "old": effect.old,
        "new": effect.new,
        "t_s": effect.t_s,
        "words": effect.words,
        "before": _figures(effect.before),
        "after": _figures(effect.after),
        "cut_short": effect.cut_short,
        "changes": [asdict(change) for change in effect.changes],
    }


def _stalls(fold: Fold) -> dict[str, Any]:
    """How often and how long a turn of the loop lasted over 25 ms, and where; not over segments, but all of it."""
    return {
        "count": fold.stalls.count,
        "total_ms": fold.stalls.total_ns / 1e6,
        "places": [asdict(place) | {"stack": list(place.stack)} for place in fold.stalls.views()[:_MOST_LISTED]],
        "latest": [asdict(view) | {"stack": list(view.stack)} for view in fold.stalls.latest],
    }


def _when(finding: FindingView) -> tuple[float, str]:
    return finding.since_s, finding.name


def _finding(finding: FindingView) -> dict[str, Any]:
    return {
        "name": finding.name,
        "severity": finding.severity,
        "sentence": finding.sentence,
        "evidence": finding.evidence,
        "figures": dict(finding.figures),
        "lever": finding.lever,
        "under": finding.under,
        "since_s": finding.since_s,
        "until_s": finding.until_s,
        "active": finding.until_s is None,
    }


def _figures(figures: Figures | None) -> dict[str, Any] | None:
    return None if figures is None else asdict(figures)


def _power(fold: Fold, held: Measured, label: str) -> dict[str, Any] | None:
    meter = fold.power.shown()
    if meter is None:
        return None
    return {
        "source": fold.power.source(),
        "label": label,
        "simulated": fold.power.source() == "simulated",
        "watts": held.figures.watts,
        "share": None if meter.watts else meter.mean(),
    }


def _truth(fold: Fold) -> dict[str, Any] | None:
    """What the emulators counted themselves, to hold the agents' figures against; null where there are none."""
    if not fold.truths:
        return None
    told = fold.truths.values()
    return {
        "servers": len(fold.truths),
        "requests": sum(_count(truth.requests) for truth in told),
        "chunks": sum(_count(truth.chunks) for truth in told),
        "tokens": sum(_count(truth.tokens) for truth in told),
    }


def _count(value: int) -> int:
    return value if 0 <= value < 1 << 53 else 0
