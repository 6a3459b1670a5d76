"""Charts of a report, drawn by plotext. Only imported when a chart is asked for: it takes 50 ms to load."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from loopscope.model.snapshot import MarkView, Series
from loopscope.report.timeline import Chart, Timeline
from loopscope.stats.loghist import LogHist, bars

_HEIGHT = 12
_FLOOR = -1
"""Power of ten (ms) at which logarithmic axes begin."""
_DECADES_MS = [10.0**power for power in range(-3, 6)]


def throughput(line: Series, marks: Sequence[MarkView], *, width: int, color: bool, braille: bool) -> list[str]:
    """Chunks per second over time, a vertical line at each lever; the levers are named below."""
    known = ~np.isnan(line.chunks_s)
    if np.count_nonzero(known) < 2:
        return ["throughput: not enough data for a chart"]
    plot = _fresh(width, color)
    t, values = line.t_s[known] + line.step_s / 2, line.chunks_s[known]
    plot.plot(t.tolist(), values.tolist(), marker="braille" if braille else "*", color="cyan+")
    plot.ylim(0, max(float(values.max()) * 1.1, 1.0))
    levers = [mark for mark in marks if mark.kind == "lever"]
    for mark in levers:
        plot.vline(mark.t_s, "orange+")
    plot.title("throughput, chunks/s")
    plot.xlabel("s")
    drawn = _built(plot, color)
    return drawn + [f"  {mark.t_s:7.1f} s  {mark.label}" for mark in levers]


def over_time(
    lines: Timeline, chart: Chart, marks: Sequence[MarkView], *, width: int, color: bool, braille: bool
) -> list[str]:
    """One chart of a report over time; what is logarithmic there is here, too."""
    if not chart.known:
        return [f"{chart.title}: not enough data: {chart.words}"]
    plot = _fresh(width, color)
    log = chart.scale == "log"
    tops = [1e-3]
    for curve, ink in reversed(list(zip(chart.curves, ("cyan+", "orange+"), strict=False))):
        # What is zero has no place on a logarithmic axis: it stands at the bottom of it.
        known = ~np.isnan(curve.values)
        values = np.log10(np.maximum(curve.values[known], 10.0**_FLOOR)) if log else curve.values[known]
        if values.size:
            plot.plot(
                (lines.t_s[known] + lines.step_s / 2).tolist(),
                values.tolist(),
                marker="braille" if braille else "*",
                color=ink,
            )
            tops.append(float(values.max()))
    if log:
        top = int(np.ceil(max(tops[1:])))
        decades = list(range(_FLOOR, max(top, _FLOOR + 1) + 1))
        plot.ylim(_FLOOR, decades[-1])
        plot.yticks([float(power) for power in decades], [f"{10.0**power:g}" for power in decades])
    else:
        plot.ylim(0, max(tops) * 1.1)
    for mark in marks:
        if mark.kind == "lever":
            plot.vline(mark.t_s, "orange+")
    named = f": {', '.join(curve.label for curve in chart.curves)}" if len(chart.curves) > 1 else ""
    plot.title(f"{chart.title}, {chart.unit}{named}")
    plot.xlabel("s")
    return _built(plot, color)


def lag(hist: LogHist, *, width: int, color: bool) -> list[str]:
    """Event-loop lag on two logarithmic axes: one stall among ten thousand beats must be seen."""
    edges, counts = bars(hist.counts)
    if not counts.size:
        return ["event-loop lag: no heartbeat on record"]
    plot = _fresh(width, color)
    middle = np.log10(np.sqrt(edges[:-1] * edges[1:]) / 1e6)
    # A count of one has to be a bar too.
    heights = np.where(counts > 0, np.log10(np.maximum(counts, 1.0)) + 0.3, 0.0)
    plot.bar(middle.tolist(), heights.tolist(), width=1.0, marker="sd" if color else "#", color="cyan+", minimum=0)
    top = int(np.ceil(np.log10(counts.max() + 1.0)))
    plot.yticks([power + 0.3 for power in range(top + 1)], [_thousands(10**power) for power in range(top + 1)])
    plot.ylim(0, top + 0.5)
    # The bar in front of the axis holds everything below 1 us: beats at the idle floor.
    zeros = 1 if hist.counts[0] else 0
    low, begin, high = (float(np.log10(edges[place] / 1e6)) for place in (0, zeros, -1))
    ticks = [value for value in _DECADES_MS if begin + zeros * 1e-6 < np.log10(value) <= high]
    places = [float(np.log10(value)) for value in ticks]
    plot.xticks([float(middle[0])] * zeros + places, ["0"] * zeros + [f"{value:g}" for value in ticks])
    plot.xlim(low, high)
    plot.title("event-loop lag above the idle floor, ms: heartbeats")
    return _built(plot, color)


def _thousands(value: int) -> str:
    return f"{value // 1000}k" if value >= 1000 else str(value)


def _fresh(width: int, color: bool) -> Any:
    import plotext

    plotext.clear_figure()
    plotext.theme("clear")
    plotext.limit_size(False, False)
    plotext.plot_size(width, _HEIGHT)
    return plotext


def _built(plot: Any, color: bool) -> list[str]:
    text: str = plot.build()
    plot.clear_figure()  # its one figure is global: leave nothing behind for the next chart
    if not color:
        text = plot.uncolorize(text)
    return [line.rstrip() for line in text.rstrip("\n").split("\n")]
