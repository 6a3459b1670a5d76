"""Charts as text, drawn by plotext: for the terminal, an issue, a chat.

plotext is imported when one is drawn: it takes 50 ms to load.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from loopscope.core.format import number, seconds, share
from loopscope.model.snapshot import MarkView
from loopscope.report import ticks
from loopscope.report.timeline import Chart, Timeline
from loopscope.stats.loghist import BUCKETS, MIDDLE_NS, LogHist, bars

_HEIGHT = 12
_FLOOR_MS = 0.1
"""Where a logarithmic axis of times begins: less than a tenth of a millisecond is the timer's doing."""
_INKS = ("cyan+", "orange+")


@dataclass(frozen=True, slots=True)
class Look:
    """How charts are drawn. ``unicode``: with braille dots; else, and where two curves have no colour, with letters."""

    width: int
    color: bool = False
    unicode: bool = True
    height: int = _HEIGHT

    def markers(self, curves: int) -> tuple[str, ...]:
        """Return a marker for each curve, so that they can be told apart."""
        if curves > 1 and not self.color:
            return ("braille", "•") if self.unicode else ("*", "o")
        return ("braille", "braille") if self.unicode else ("*", "o")


def over_time(lines: Timeline, chart: Chart, marks: Sequence[MarkView], look: Look) -> list[str]:
    """Draw one chart of a report over time, a vertical line at each lever; the levers are named below."""
    if not chart.known:
        return [f"{chart.title}: not enough data: {chart.words}"]
    plot = _fresh(look)
    log = chart.scale == "log"
    values = [np.maximum(curve.values, _FLOOR_MS) if log else curve.values for curve in chart.curves]
    known = np.concatenate([one[np.isfinite(one)] for one in values])
    markers = look.markers(len(chart.curves))
    for place in reversed(range(len(chart.curves))):
        there = np.isfinite(values[place])
        drawn = np.log10(values[place][there]) if log else values[place][there]
        if drawn.size:
            times = (lines.t_s[there] + lines.step_s / 2).tolist()
            plot.plot(times, drawn.tolist(), marker=markers[place], color=_INKS[place])
    if log:
        _log_axis(plot, "y", _FLOOR_MS, float(known.max()))
    else:
        _axis(plot, "y", 0.0, float(known.max(initial=0.0)), share if chart.scale == "share" else number)
    levers = [mark for mark in marks if mark.kind == "lever"]
    for mark in levers:
        plot.vline(mark.t_s, "gray")
    _axis(plot, "x", 0.0, max(lines.end_s, lines.step_s), number)
    named = ""
    if len(chart.curves) > 1:
        said = [f"{_key(markers[place])}{curve.label}" for place, curve in enumerate(chart.curves)]
        named = f": {', '.join(said)}" if not look.color else f": {', '.join(one.label for one in chart.curves)}"
    plot.title(f"{chart.title}, {chart.unit}{named}")
    plot.xlabel("s")
    drawn_lines = _built(plot, look)
    return drawn_lines + [f"  {seconds(mark.t_s):>7}  {mark.label}" for mark in levers[:24]]


def lag(hist: LogHist, look: Look) -> list[str]:
    """Draw event-loop lag on two logarithmic axes: one stall among ten thousand beats must be seen."""
    edges, counts = bars(hist.counts)
    if not counts.size:
        return ["event-loop lag: no heartbeat on record"]
    plot = _fresh(look)
    zeros = 1 if hist.counts[0] else 0
    middle = np.log10(np.sqrt(edges[:-1] * edges[1:]) / 1e6)
    # A count of one has to be a bar too.
    heights = np.where(counts > 0, np.log10(np.maximum(counts, 1.0)) + 0.3, 0.0)
    plot.bar(
        middle.tolist(),
        heights.tolist(),
        width=1.0,
        marker="sd" if look.color else "#",
        color=_INKS[0],
        minimum=0,
    )
    top = int(np.ceil(np.log10(counts.max() + 1.0)))
    plot.yticks([power + 0.3 for power in range(top + 1)], [number(10.0**power) for power in range(top + 1)])
    plot.ylim(0, top + 0.5)
    # The bar in front of the axis holds everything below 1 us: beats at the idle floor.
    low, begin, high = (float(np.log10(edges[place] / 1e6)) for place in (0, zeros, -1))
    values = [value for value in ticks.log(10.0**begin, 10.0**high) if np.log10(value) > begin + zeros * 1e-6]
    places = [float(np.log10(value)) for value in values]
    plot.xticks([float(middle[0])] * zeros + places, ["0"] * zeros + [number(value) for value in values])
    plot.xlim(low, high)
    plot.title("event-loop lag above the idle floor, ms: heartbeats")
    return _built(plot, look)


@dataclass(frozen=True, slots=True, eq=False)
class Distribution:
    """Sizes of one kind: how many in each bucket, and the largest."""

    label: str
    counts: NDArray[np.int64]
    most_ns: float


def cumulative(title: str, found: Sequence[Distribution], look: Look) -> list[str]:
    """Draw which share of the values is at most so large, on a logarithmic axis; up to two over each other."""
    known = [one for one in found if one.counts.sum() > 0]
    if not known:
        return [f"{title}: not enough data"]
    plot = _fresh(look)
    sizes = np.maximum(MIDDLE_NS[:BUCKETS] / 1e6, 1e-3)
    markers = look.markers(len(known))
    if len(known) > 1 and not look.color:
        markers = ("1", "2")
    low, high = np.inf, 1e-3
    for place, one in enumerate(known[:2]):
        there = np.flatnonzero(one.counts)
        shares = np.cumsum(one.counts[there]) / one.counts.sum()
        at = np.minimum(sizes[there], max(one.most_ns / 1e6, 1e-3))
        low, high = min(low, float(at[0])), max(high, float(at[-1]))
        begins = [float(np.log10(at[0])), *np.log10(at).tolist()]
        plot.plot(begins, [0.0, *shares.tolist()], marker=markers[place], color=_INKS[place])
    _log_axis(plot, "x", max(low, 1e-3), high)
    _axis(plot, "y", 0.0, 1.0, share)
    named = "" if len(known) < 2 else ": " + ", ".join(f"{_key(markers[n])}{one.label}" for n, one in enumerate(known))
    plot.title(f"{title}, share at most so late{named}")
    plot.xlabel("ms")
    return _built(plot, look)


@dataclass(frozen=True, slots=True)
class Point:
    """One load: what was delivered (chunks/s), how late (ms), and whether the client fell behind."""

    rate: float
    delay_ms: float
    fell: bool


def against_rate(title: str, points: Sequence[Point], look: Look) -> list[str]:
    """Draw delivery delay against the rate as points on two logarithmic axes; what fell behind is an ``x``."""
    known = [one for one in points if one.rate > 0 and one.delay_ms > 0]
    if len(known) < 2:
        return []
    plot = _fresh(look)
    for fell, marker, ink in ((False, "●" if look.unicode else "o", _INKS[0]), (True, "x", _INKS[1])):
        of = [one for one in known if one.fell is fell]
        if of:
            x = [float(np.log10(one.rate)) for one in of]
            y = [float(np.log10(one.delay_ms)) for one in of]
            plot.scatter(x, y, marker=marker, color=ink)
    rates, delays = [one.rate for one in known], [one.delay_ms for one in known]
    _log_axis(plot, "x", min(rates), max(rates))
    _log_axis(plot, "y", min(delays), max(delays))
    plot.title(f"{title}: delay p99 (ms) against the rate delivered; x fell behind")
    plot.xlabel("chunks/s")
    return _built(plot, look)


def _key(marker: str) -> str:
    return {"braille": "⠒ ", "sd": ""}.get(marker, f"{marker} ")


def _axis(plot: Any, which: str, low: float, high: float, say: Any) -> None:
    marks = ticks.linear(low, high)
    getattr(plot, f"{which}lim")(marks[0], marks[-1] if which == "y" else ticks.bounded(high))
    shown = [mark for mark in marks if which == "y" or mark <= high]
    getattr(plot, f"{which}ticks")(shown, [say(mark) if mark or say is not share else "0" for mark in shown])


def _log_axis(plot: Any, which: str, low: float, high: float) -> None:
    """Set an axis of values that are drawn as their logarithms."""
    low, high = max(low, 1e-9), min(max(high, low * 2, 1e-9), 1e15)
    if which == "y":  # whole decades, so that its ticks stand at its ends
        low, high = 10.0 ** np.floor(np.log10(low) + 1e-9), 10.0 ** np.ceil(np.log10(high) - 1e-9)
    marks = ticks.log(low, high)
    getattr(plot, f"{which}lim")(float(np.log10(low)), float(np.log10(high)))
    getattr(plot, f"{which}ticks")([float(np.log10(mark)) for mark in marks], [number(mark) for mark in marks])


def _fresh(look: Look) -> Any:
    import plotext

    plotext.clear_figure()
    plotext.theme("clear")
    plotext.limit_size(False, False)
    plotext.plot_size(look.width, look.height)
    return plotext


def _built(plot: Any, look: Look) -> list[str]:
    text: str = plot.build()
    plot.clear_figure()  # its one figure is global: leave nothing behind for the next chart
    if not look.color:
        text = plot.uncolorize(text)
    return [line.rstrip() for line in text.rstrip("\n").split("\n")]
