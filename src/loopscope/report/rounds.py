"""Rounds of a scenario as text and as data: a table of the rounds, and where the missing percent went."""

import textwrap
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from typing import Any

from loopscope.core.format import plural, points
from loopscope.experiments.round_results import RoundResult, RoundSet, ScenarioResult
from loopscope.report.evidence import LOSSES, NOTEWORTHY, alone, evidence, minus, words_of
from loopscope.report.grid import lines
from loopscope.report.procedure_results.build import RoundsFound, rounds_of
from loopscope.report.procedure_results.tables import FORMULAS, ROUNDS, over_words
from loopscope.stats.attribution import CLIENT_PARTS

_BAR = 30


def render(result: ScenarioResult, width: int) -> str:
    """Give the whole result as text."""
    blocks = [f"scenario {result.name}: {result.words}"]
    blocks += ["\n".join(set_lines(one, width)) for one in rounds_of(result)]
    if result.notes:
        blocks.append("\n".join(textwrap.fill(f"- {note}", width, subsequent_indent="  ") for note in result.notes))
    return "\n\n".join(blocks)


def title(one: RoundsFound) -> str:
    """Say how many agents, and how many rounds count."""
    agents = plural(one.agents, "agent") if one.agents is not None else "agents"
    told = f"{agents}, {one.counted} of {plural(len(one.rounds), 'round')} count"
    if one.missing:
        told += f" ({plural(one.missing, 'earlier one')} no longer kept)"
    return told if one.finished else f"{told}; ended early"


def set_lines(one: RoundsFound, width: int) -> Iterator[str]:
    """Give rounds with the same agents: each round, each formula, where it went, and the evidence for it."""
    yield title(one)
    if told := alone(one):
        yield from textwrap.wrap(f"alone: {told}", width, subsequent_indent="  ")
    yield ""
    yield from lines(ROUNDS, one.rounds, width)
    yield ""
    if not one.over:
        yield "not enough data: no round counts"
        return
    for name, words in FORMULAS.items():
        yield from textwrap.wrap(
            f"{name:<10} {over_words(one.over.get(name)):<34} {words}", width, subsequent_indent=" " * 11
        )
    if "measured" in one.over:
        yield ""
        yield from waterfall({name: held.mean for name, held in one.over.items()}, width)
        parts = {name: held.mean for name, held in one.over.items() if name in LOSSES}
        for name in sorted(parts, key=lambda part: -abs(parts[part])):
            # Of the client's part the lines above have told already.
            if name != "client" and abs(parts[name]) >= NOTEWORTHY and (told := evidence(name, one)):
                yield from textwrap.wrap(f"  {words_of(name)}: {told}", width, subsequent_indent="    ")


def waterfall(figures: Mapping[str, float | None], width: int) -> Iterator[str]:
    """From 100 % down to ``measured``, a line for each part of the loss, the largest first; what is gained is last."""
    parts = {name: value for name in LOSSES if (value := figures.get(name)) is not None}
    most = max([abs(value) for value in parts.values()] + [1e-9])
    yield "where it went (points of 100):"
    for name, value in sorted(parts.items(), key=lambda part: -part[1]):
        bar = ("-" if value < 0 else "█") * round(_BAR * abs(value) / most)
        yield f"  {words_of(name):<11}{minus(value):>7}  {bar:<{_BAR}}  {LOSSES[name]}"[:width].rstrip()
        if name == "client":
            split = [(part, figures.get(f"client_{part}")) for part in CLIENT_PARTS]
            known = ", ".join(f"{part} {minus(amount)}" for part, amount in split if amount is not None)
            yield f"             of which {known}"[:width].rstrip()
    measured = figures.get("measured")
    yield f"  {'measured':<11}{points(measured or 0.0):>7}"


def data(result: ScenarioResult) -> dict[str, Any]:
    """Give the whole result as a JSON object; ``efficiency``, ``loss`` and ``rounds`` are those of the last set."""
    sets = [_set_data(result, one) for one in result.sets]
    last = sets[-1]
    return {
        "scenario": result.name,
        "words": result.words,
        "warm_up": result.warm_up,
        "efficiency": last["efficiency"],
        "loss": last["loss"],
        "client": last["client"],
        "speedup": last["speedup"],
        "spread": last["spread"],
        "rounds": [row for one in sets for row in one["rounds"]],
        "sets": sets,
        "notes": list(result.notes),
    }


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
        "loop": made.loop(),
        "metrics": {name: {"value": found.value, "words": found.reason} for name, found in made.metrics.items()},
        "figures": figures,
        "agents": [asdict(agent) for agent in made.agents],
    }
