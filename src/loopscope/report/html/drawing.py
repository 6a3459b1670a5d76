"""Charts as inline SVG: they stand without scripts; the page's script adds what shows when one points at them."""

from collections.abc import Callable, Sequence
from math import ceil, floor, isfinite, log10

import numpy as np

from loopscope.core.format import count, ms, number, plural, share
from loopscope.model.snapshot import FindingView, MarkView
from loopscope.report.html.axes import BOTTOM, LEFT, RIGHT, TOP, WIDTH, Axis, Span, tick
from loopscope.report.html.lanes import lanes
from loopscope.report.html.markup import Markup, defined, element
from loopscope.report.timeline import Chart, Timeline
from loopscope.stats.loghist import LogHist, bars

_LETTER = 6.3
"""Width of a letter of the small print, about."""


def over_time(lines: Timeline, marks: Sequence[MarkView], findings: Sequence[FindingView]) -> Markup:
    """Give the charts of a run, one under the other on one axis of time, levers and findings above them."""
    span = Span(lines)
    levers = [mark for mark in marks if mark.kind == "lever"]
    others = [mark for mark in marks if mark.kind in ("mark", "loss")]
    parts: list[Markup] = [lanes(span, levers, others, findings)]
    for chart in lines.charts:
        head = element(
            "figcaption",
            defined(chart.title, chart.means),
            element("small", f" {chart.unit}{_log_words(chart)}"),
            _legend(chart),
            class_="cap",
        )
        body = (
            _chart(span, chart, levers)
            if chart.known
            else element("p", f"not enough data: {chart.words}", class_="none")
        )
        parts.append(element("figure", head, body, class_="plot"))
    return element("div", *parts, class_="time")


def _log_words(chart: Chart) -> str:
    return ", logarithmic" if chart.scale == "log" else ""


def _legend(chart: Chart) -> Markup | None:
    if len(chart.curves) < 2:
        return None
    keys = [
        element("span", element("i", class_=f"key k{place}"), curve.label) for place, curve in enumerate(chart.curves)
    ]
    return element("span", *keys, class_="legend")


def _vertical(x: float, top: float, bottom: float, class_: str = "pull") -> Markup:
    return element("line", x1=x, x2=x, y1=top, y2=bottom, class_=class_)


def _chart(span: Span, chart: Chart, levers: Sequence[MarkView]) -> Markup:
    axis = Axis(chart)
    floor_y = TOP + axis.height
    parts: list[Markup] = []
    for value, text in axis.ticks():
        y = axis.y(value)
        parts.append(element("line", x1=LEFT, x2=WIDTH - RIGHT, y1=y, y2=y, class_="grid"))
        parts.append(element("text", text, x=LEFT - 8, y=y + 4, class_="tick end"))
    parts += [
        element("text", f"{number(t_s)} s", x=span.x(t_s), y=floor_y + 16, class_="tick middle") for t_s in span.ticks()
    ]
    parts += [_vertical(span.x(mark.t_s), TOP, floor_y) for mark in levers]
    for place, curve in reversed(list(enumerate(chart.curves))):
        parts.append(element("path", d=_path(span, axis, curve.values), class_=f"curve c{place}"))
    parts.append(_vertical(-99.0, TOP, floor_y, "cross"))
    height = floor_y + BOTTOM
    return element(
        "svg",
        *parts,
        viewBox=f"0 0 {WIDTH:g} {height:g}",
        class_="chart",
        role="img",
        tabindex="0",
        aria_label=f"{chart.title} over time, {chart.unit}",
    )


def _path(span: Span, axis: Axis, values: np.ndarray[tuple[int], np.dtype[np.float64]]) -> str:
    """Lines between neighbours; where nothing is known there is a gap, and a single value is a dot."""
    said: list[str] = []
    half, before = span.lines.step_s / 2, -1.0
    for t_s, value in zip(span.lines.t_s.tolist(), values.tolist(), strict=True):
        if not isfinite(value):
            before = -1.0
            continue
        joins = before >= 0 and t_s - before < 2.5 * span.lines.step_s
        said.append(f"{'L' if joins else 'M'}{span.x(t_s + half):.1f} {axis.y(value):.1f}{'' if joins else 'h.01'}")
        before = t_s
    return "".join(said)


def histogram(hist: LogHist, what: str) -> Markup:
    """Counts over size, both logarithmic: one stall among ten thousand beats must be seen."""
    edges, counts = bars(hist.counts)
    total = float(counts.sum())
    if not total:
        return element("p", "not enough data", class_="none")
    width, height, left, bottom = 360.0, 170.0, 44.0, 30.0
    edges = edges / 1e6
    low, high = log10(edges[0]), log10(edges[-1])
    top = log10(float(counts.max()) + 1) or 1.0

    def x(value: float) -> float:
        return left + (log10(value) - low) / (high - low) * (width - left - 8)

    def y(n: float) -> float:
        return height - bottom - log10(n + 1) / top * (height - bottom - 26)

    parts: list[Markup] = []
    step = max(1, ceil(top / 4))
    for power in range(0, ceil(top), step):
        place = y(10.0**power)
        parts.append(element("line", x1=left, x2=width - 8, y1=place, y2=place, class_="grid"))
        parts.append(element("text", tick(10.0**power), x=left - 6, y=place + 4, class_="tick end"))
    lowest = bool(hist.counts[0])
    for place, n in enumerate(counts.tolist()):
        if n:
            a, b = x(float(edges[place])), x(float(edges[place + 1]))
            first = lowest and place == 0
            size = "below 0.001 ms" if first else f"{number(edges[place])} to {number(edges[place + 1])} ms"
            parts.append(
                element(
                    "rect",
                    x=a + 0.5,
                    width=max(b - a - 1, 1.0),
                    y=y(n),
                    height=height - bottom - y(n),
                    class_="bar",
                    data_tip=f"{size}: {plural(int(n), what)}, {_part(n / total)} of all",
                )
            )
    decades = [10.0**power for power in range(ceil(low - 1e-9), floor(high + 1e-9) + 1)]
    parts += [
        element("text", number(size), x=x(size), y=height - bottom + 15, class_="tick middle")
        for size in decades
        if x(size) > left + 14 or not lowest
    ]
    if lowest:
        parts.append(element("text", "0", x=x(float(edges[0])) + 4, y=height - bottom + 15, class_="tick middle"))
    parts.append(element("text", "ms", x=width - 8, y=height - 3, class_="tick end"))
    parts += _quantile_marks(hist, x, height - bottom, (left, width - 8))
    return element(
        "svg",
        *parts,
        viewBox=f"0 0 {width:g} {height:g}",
        class_="hist",
        role="img",
        aria_label=f"histogram of {count(total)} {what}s",
    )


def _quantile_marks(
    hist: LogHist, x: Callable[[float], float], bottom: float, ends: tuple[float, float]
) -> list[Markup]:
    p50, p99 = (float(value) / 1e6 for value in hist.quantiles((0.5, 0.99)))
    result: list[Markup] = []
    last = -99.0
    for name, value in (("p50", p50), ("p99", p99), ("max", hist.most_ns / 1e6)):
        place = min(max(x(value) if value > 0 else ends[0], ends[0]), ends[1])
        result.append(_vertical(place, 16.0, bottom, "quantile"))
        wide = len(name) * _LETTER
        at = min(max(place - wide / 2, ends[0]), ends[1] - wide)
        if at > last + 5:  # where there is no room for its name, its number stands in the title all the same
            result.append(element("text", name, x=at, y=12, class_="tick strong"))
            last = at + wide
    return result


def quantile_words(hist: LogHist) -> str:
    """Say a histogram's quantiles in ms."""
    if not hist.n:
        return "ms"
    p50, p99 = (float(value) / 1e6 for value in hist.quantiles((0.5, 0.99)))
    return f"p50 {ms(p50)}, p99 {ms(p99)}, max {ms(hist.most_ns / 1e6)} ms"


def _part(value: float) -> str:
    return share(value) if value >= 0.001 else "under 0.1 %"
