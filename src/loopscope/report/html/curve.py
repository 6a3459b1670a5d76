"""The curve of a ceiling as inline SVG: delivery delay against the rate, both logarithmic, and the two named points."""

from collections.abc import Callable
from math import ceil, floor, isfinite, log10

from loopscope.core.format import ms, number, rate, share
from loopscope.model.standing import CurvePoint, Standing
from loopscope.report.html.axes import tick
from loopscope.report.html.markup import Markup, element
from loopscope.report.procedure_results.build import CeilingFound
from loopscope.report.procedure_results.tables import ends

_WIDTH, _HEIGHT, _LEFT, _RIGHT, _TOP, _BOTTOM = 1000.0, 270.0, 64.0, 24.0, 22.0, 38.0
Place = Callable[[float], float]


def curve(one: CeilingFound) -> Markup | None:
    """Draw it; nothing where fewer than two loads have a delay."""
    known = [point for point in one.curve if point.delay_p99_ms is not None and point.delay_p99_ms > 0 < point.chunks_s]
    if len(known) < 2:
        return None
    rates = [point.chunks_s for point in known] + [mid for mid in _named(one) if mid]
    delays = [value for point in known for value in (point.delay_p50_ms, point.delay_p99_ms) if value and value > 0]
    x = _axis(rates, _LEFT, _WIDTH - _RIGHT, 0.04)
    y = _axis(delays, _HEIGHT - _BOTTOM, _TOP, 0.08)
    parts = [*_grid(rates, delays, x, y), *_band(one.hard, x), *_lines(one, x)]
    for name, get in (("c1", _p50), ("c0", _p99)):
        held = [point for point in known if (get(point) or 0) > 0 and not point.fell]
        path = "".join(
            f"{'L' if n else 'M'}{x(point.chunks_s):.1f} {y(get(point) or 1):.1f}" for n, point in enumerate(held)
        )
        parts.append(element("path", d=path or "M0 0", class_=f"curve {name}"))
    parts += [_dot(point, x, y) for point in known]
    return element(
        "svg",
        *parts,
        viewBox=f"0 0 {_WIDTH:g} {_HEIGHT:g}",
        class_="ramp",
        role="img",
        aria_label="delivery delay against the rate",
    )


def _p50(point: CurvePoint) -> float | None:
    return point.delay_p50_ms


def _p99(point: CurvePoint) -> float | None:
    return point.delay_p99_ms


def _named(one: CeilingFound) -> list[float]:
    held = [standing for standing in (one.hard, one.full) if standing is not None]
    values = [value for standing in held for value in (standing.low, standing.mid, standing.high)]
    return [value for value in values if value is not None and isfinite(value)]


def _axis(values: list[float], begin: float, end: float, room: float) -> Place:
    low, high = log10(max(min(values), 1e-6)), log10(max(*values, 1e-6))
    wide = max(high - low, 0.3)
    low -= room * wide
    wide *= 1 + 2 * room

    def place(value: float) -> float:
        return begin + (log10(max(value, 1e-6)) - low) / wide * (end - begin)

    return place


def _ticks(values: list[float]) -> list[float]:
    low, high = min(values), max(values)
    powers = range(floor(log10(max(low, 1e-6))), ceil(log10(max(high, 1e-6))) + 1)
    fine = (1, 2, 5) if len(powers) <= 4 else (1,)
    return [step * 10.0**power for power in powers for step in fine if low * 0.9 <= step * 10.0**power <= high * 1.1]


def _grid(rates: list[float], delays: list[float], x: Place, y: Place) -> list[Markup]:
    parts: list[Markup] = []
    for value in _ticks(delays):
        parts.append(element("line", x1=_LEFT, x2=_WIDTH - _RIGHT, y1=y(value), y2=y(value), class_="grid"))
        parts.append(element("text", number(value), x=_LEFT - 8, y=y(value) + 4, class_="tick end"))
    for value in _ticks(rates):
        parts.append(element("line", x1=x(value), x2=x(value), y1=_TOP, y2=_HEIGHT - _BOTTOM, class_="grid"))
        parts.append(element("text", tick(value), x=x(value), y=_HEIGHT - _BOTTOM + 16, class_="tick middle"))
    parts.append(element("text", "delivered, chunks/s", x=_WIDTH - _RIGHT, y=_HEIGHT - 6, class_="tick end"))
    parts.append(element("text", "delay, ms", x=6, y=12, class_="tick"))
    return parts


def _band(hard: Standing | None, x: Place) -> list[Markup]:
    if hard is None:
        return []
    low = x(hard.low if hard.low is not None else hard.mid)
    high = x(hard.high) if hard.high is not None else _WIDTH - _RIGHT
    tip = f"hard ceiling {rate(hard.mid)} chunks/s, 95 %: {ends(hard)}"
    return [
        element(
            "rect",
            x=low,
            y=_TOP,
            width=max(high - low, 2.0),
            height=_HEIGHT - _BOTTOM - _TOP,
            class_="band",
            data_tip=tip,
        )
    ]


def _lines(one: CeilingFound, x: Place) -> list[Markup]:
    parts: list[Markup] = []
    taken = -99.0
    for name, standing in (("full from here", one.full), ("hard ceiling", one.hard)):
        if standing is None:
            continue
        at = x(standing.mid)
        parts.append(element("line", x1=at, x2=at, y1=_TOP, y2=_HEIGHT - _BOTTOM, class_="pull"))
        after = at < taken + 90 or at < _LEFT + 90
        parts.append(
            element(
                "text", name, x=at + (5 if after else -5), y=_TOP - 8, class_=f"tick strong{'' if after else ' end'}"
            )
        )
        taken = at
    return parts


def _dot(point: CurvePoint, x: Place, y: Place) -> Markup:
    tip = f"{rate(point.chunks_s)} of {rate(point.offered_chunks_s)} chunks/s delivered"
    tip += f"\ndelay p50 {ms(point.delay_p50_ms)}, p99 {ms(point.delay_p99_ms)} ms\nELU {share(point.elu)}"
    tip += "\nthe client fell behind" if point.fell else ""
    return element(
        "circle",
        cx=x(point.chunks_s),
        cy=y(point.delay_p99_ms or 1e-6),
        r=5.0,
        class_=f"dot{' fell' if point.fell else ''}",
        data_tip=tip,
        tabindex="0",
    )
