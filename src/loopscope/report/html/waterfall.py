"""A waterfall as inline SVG: from what the work takes alone down to ``measured``, a step for each part of the loss."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from loopscope.core.format import share, tenths
from loopscope.report import ticks
from loopscope.report.evidence import LOSSES, evidence, minus, words_of
from loopscope.report.html.markup import Markup, element
from loopscope.report.procedure_results.build import RoundsFound
from loopscope.report.procedure_results.tables import FORMULAS

_WIDTH, _LEFT, _RIGHT = 1000.0, 120.0, 70.0
_LANE, _BAR = 30.0, 20.0
_TOP, _BOTTOM = 6.0, 24.0


@dataclass(frozen=True, slots=True)
class _Step:
    name: str
    low: float
    high: float
    told: str
    kind: str
    tip: str


def waterfall(one: RoundsFound) -> Markup:
    """Draw it; each bar tells its definition and what it rests on when one points at it."""
    steps = _steps(one)
    low = ticks.bounded(min(0.0, *(step.low for step in steps)))
    high = ticks.bounded(max(1.0, *(step.high for step in steps)))
    bottom = _TOP + _LANE * len(steps)

    def x(value: float) -> float:
        return _LEFT + (value - low) / (high - low) * (_WIDTH - _LEFT - _RIGHT)

    parts: list[Markup] = []
    for at in ticks.linear(low, high):
        if not low - 1e-9 <= at <= high + 1e-9:
            continue
        parts.append(element("line", x1=x(at), x2=x(at), y1=_TOP, y2=bottom, class_="grid"))
        parts.append(element("text", share(at), x=x(at), y=bottom + 16, class_="tick middle"))
    for place, step in enumerate(steps):
        parts += _bar(step, place, x)
        if place + 1 < len(steps):
            level = x(_level(step, steps[place + 1]))
            top = _TOP + _LANE * place + (_LANE + _BAR) / 2
            parts.append(element("line", x1=level, x2=level, y1=top, y2=top + _LANE - _BAR, class_="joint"))
    return element(
        "svg",
        *parts,
        viewBox=f"0 0 {_WIDTH:g} {bottom + _BOTTOM:g}",
        class_="fall",
        role="img",
        aria_label="; ".join(f"{step.name} {step.told}" for step in steps),
    )


def _steps(one: RoundsFound) -> Sequence[_Step]:
    means = one.means
    level = 1.0
    steps = [
        _Step("alone", 0.0, 1.0, "100 %", "whole", "what the agents' work takes alone, one after the other: all of it")
    ]
    for name, value in _parts(one):
        low, high = sorted((level, level - value))
        rests = evidence(name, one)
        interval = one.over[name].interval
        tip = f"{words_of(name)}: {LOSSES[name]}"
        if interval is not None:
            tip += f"\n{minus(value)} points, 95 %: {minus(interval.high)} to {minus(interval.low)}"
        tip += f"\n{rests}" if rests else ""
        steps.append(_Step(words_of(name), low, high, minus(value), "loss" if value >= 0 else "gain", tip))
        level -= value
    measured = means["measured"]
    steps.append(
        _Step(
            "measured",
            min(0.0, measured),
            max(0.0, measured),
            tenths(measured),
            "rest",
            f"measured: {FORMULAS['measured']}",
        )
    )
    return steps


def _parts(one: RoundsFound) -> list[tuple[str, float]]:
    """The largest first, what is gained last: the levels stay within the drawing."""
    means = one.means
    return sorted(((name, means[name]) for name in LOSSES if name in means), key=lambda part: -part[1])


def _level(step: _Step, following: _Step) -> float:
    """Where one bar ends and the next begins."""
    if step.kind in ("whole", "gain"):
        return step.high
    return step.low if following.kind != "rest" or step.kind == "loss" else step.high


def _bar(step: _Step, place: int, x: Callable[[float], float]) -> list[Markup]:
    y = _TOP + _LANE * place + (_LANE - _BAR) / 2
    begin, end = x(step.low), x(step.high)
    wide = max(end - begin, 1.5)
    # The whole lane answers to pointing: a part of 0.1 points is too narrow to be hit.
    lane = element("rect", x=0.0, y=_TOP + _LANE * place, width=_WIDTH, height=_LANE, class_="lane-hit")
    return [
        element(
            "g",
            lane,
            element("text", step.name, x=_LEFT - 10, y=y + 14, class_="step end"),
            element("rect", x=begin, y=y, width=wide, height=_BAR, rx=2, class_=step.kind),
            element("text", step.told, x=begin + wide + 7, y=y + 14, class_="step told"),
            class_="fallen",
            data_tip=step.tip,
            tabindex="0",
            aria_label=f"{step.name} {step.told}",
        )
    ]
