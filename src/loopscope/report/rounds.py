"""Rounds of a scenario as text and as data: a table of the rounds, and where the missing percent went."""

import textwrap
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from typing import Any

from loopscope.report.grid import Column, lines
from loopscope.report.words import NOTHING, plural, rate
from loopscope.report.words import ms as ms_words
from loopscope.session.procedures.round_results import Over, RoundResult, RoundSet, ScenarioResult
from loopscope.stats.attribution import CLIENT_PARTS

FORMULAS = {
    "measured": "what each agent's work took alone, over the round",
    "wall": "the agents' own wall times, over the round",
    "reported": "prompt and eval time as the servers report them in the same round, over the round",
}
LOSSES = {
    "imbalance": "idle: an agent had finished, or had not started",
    "cold_start": "loading beyond what it takes alone",
    "prompt": "prompts evaluated more slowly than alone",
    "decode": "decoding more slowly than alone",
    "queue": "waiting in the server beyond what it takes alone",
    "client": "connect, event loop, handling, throttle, batching, other",
    "unsplit": "server and client together: the servers report no durations",
}
_BAR = 30
_COLUMNS = (
    Column("round"), Column("measured"), Column("wall", rank=1), Column("reported", rank=2), Column("speed-up", rank=1),
    Column("seconds", rank=3), Column("Δ tok/s", rank=4), Column("Δ TTFT ms", rank=4), Column("contended", rank=5),
    Column("", left=True),
)  # fmt: skip


def points(value: float | None) -> str:
    """A fraction in percent, with one decimal."""
    return NOTHING if value is None else f"{100 * value:.1f} %"


def render(result: ScenarioResult, width: int) -> str:
    """Give the whole result as text."""
    blocks = [f"scenario {result.name}: {result.words}"]
    blocks += ["\n".join(_set(one, width)) for one in result.sets]
    if result.notes:
        blocks.append("\n".join(textwrap.fill(f"- {note}", width, subsequent_indent="  ") for note in result.notes))
    return "\n\n".join(blocks)


def _set(one: RoundSet, width: int) -> Iterator[str]:
    yield f"{plural(one.agents, 'agent')}, {one.counted} of {plural(len(one.rounds), 'round')} count"
    alone = [
        f"{told.name} {rate(told.tok_s)} tok/s, TTFT {ms_words(told.ttft_ms)} ms"
        for told in one.solo
        if told is not None
    ]
    if alone:
        yield from textwrap.wrap(f"alone: {'; '.join(dict.fromkeys(alone))}", width, subsequent_indent="  ")
    yield ""
    yield from lines(_COLUMNS, [_row(made) for made in one.rounds], width)
    if not one.figures:
        return
    yield ""
    for name, words in FORMULAS.items():
        yield f"{name:<10} {_over(one.figures.get(name)):<34} {words}"[:width].rstrip()
    if "measured" in one.figures:
        yield ""
        yield from waterfall({name: over.mean for name, over in one.figures.items()}, width)


def _row(made: RoundResult) -> list[str]:
    figures = made.figures()
    speedup = figures.get("speedup")
    return [
        str(made.number), points(figures.get("measured")), points(figures.get("wall")), points(figures.get("reported")),
        NOTHING if speedup is None else f"{speedup:.2f} x", f"{made.wall_s:.2f}",
        NOTHING if made.throughput_delta_tok_s is None else f"{made.throughput_delta_tok_s:+.1f}",
        NOTHING if made.ttft_delta_ms is None else f"{made.ttft_delta_ms:+.1f}",
        NOTHING if made.contention is None else "yes" if made.contention else "no",
        f"left out: {made.left_out}" if made.left_out else "",
    ]  # fmt: skip


def _over(over: Over | None) -> str:
    if over is None:
        return "not enough data"
    interval = over.interval
    told = f" ({100 * interval.low:.1f} to {100 * interval.high:.1f})" if interval is not None else ""
    cv = f", CV {over.cv:.1%}" if over.cv is not None else ""
    return f"{points(over.mean)}{told}{cv}"


def waterfall(figures: Mapping[str, float | None], width: int) -> Iterator[str]:
    """From 100 % down to ``measured``, a line for each part of the loss, the largest first; what is gained is last."""
    parts = {name: value for name in LOSSES if (value := figures.get(name)) is not None}
    most = max([abs(value) for value in parts.values()] + [1e-9])
    yield "where it went (points of 100):"
    for name, value in sorted(parts.items(), key=lambda part: -part[1]):
        bar = ("-" if value < 0 else "█") * round(_BAR * abs(value) / most)
        yield f"  {name:<11}{-100 * value:+7.1f}  {bar:<{_BAR}}  {LOSSES[name]}"[:width].rstrip()
        if name == "client":
            split = [(part, figures.get(f"client_{part}")) for part in CLIENT_PARTS]
            known = ", ".join(f"{part} {-100 * amount:+.1f}" for part, amount in split if amount is not None)
            yield f"             of which {known}"[:width].rstrip()
    measured = figures.get("measured")
    yield f"  {'measured':<11}{100 * (measured or 0.0):7.1f}"


def data(result: ScenarioResult) -> dict[str, Any]:
    """Give the whole result as a JSON object; ``efficiency``, ``loss`` and ``rounds`` are those of the last set."""
    sets = [_set_data(result, one) for one in result.sets]
    last = sets[-1]
    return {
        "scenario": result.name, "words": result.words, "warm_up": result.warm_up, "efficiency": last["efficiency"],
        "loss": last["loss"], "client": last["client"], "speedup": last["speedup"], "spread": last["spread"],
        "rounds": [row for one in sets for row in one["rounds"]], "sets": sets, "notes": list(result.notes),
    }  # fmt: skip


def _set_data(result: ScenarioResult, one: RoundSet) -> dict[str, Any]:
    means = {name: over.mean for name, over in one.figures.items()}
    return {
        "agents": one.agents,
        "counted": one.counted,
        "efficiency": {name: means.get(name) for name in FORMULAS},
        "speedup": means.get("speedup"),
        "loss": {name: means.get(name) for name in LOSSES},
        "client": {name: means.get(f"client_{name}") for name in CLIENT_PARTS},
        "spread": {name: asdict(over) for name, over in one.figures.items()},
        "solo": [None if told is None else asdict(told) for told in one.solo],
        "rounds": [_round_data(result, one, made) for made in one.rounds],
    }


def _round_data(result: ScenarioResult, one: RoundSet, made: RoundResult) -> dict[str, Any]:
    figures = made.figures()
    measured = figures.get("measured")
    return {
        "scenario": f"{result.name}, {plural(one.agents, 'agent')}",
        "round": made.number,
        "formula": "measured",
        "speedup": figures.get("speedup"),
        "efficiency": None if made.left_out else measured,
        "throughput_delta_tok_s": made.throughput_delta_tok_s,
        "ttft_delta_ms": made.ttft_delta_ms,
        "contention": made.contention,
        "wall_s": made.wall_s,
        "left_out": made.left_out,
        "tok_s": made.tok_s,
        "loop": asdict(made.loop),
        "figures": figures,
        "agents": [asdict(agent) for agent in made.agents],
    }
