"""Histograms on a log axis: how late the event loop wakes, how far apart chunks are, how late they reach our hands."""

import math
from dataclasses import dataclass

import numpy as np

from loopscope.core.format import count, ms
from loopscope.draw.axes import LogAxis
from loopscope.draw.charts import bars, cut
from loopscope.draw.ink import Ink, Row, Run, frame
from loopscope.model.snapshot import Histogram
from loopscope.ui.panes.frames import last, message
from loopscope.ui.view import View


@dataclass(frozen=True, slots=True)
class Kind:
    """One histogram: its titles, its decades (powers of ten of ms) and where its colours change (ms)."""

    titles: tuple[str, ...]
    low: int
    high: int
    steps_ms: tuple[float, ...]
    styles: tuple[str, ...]


LAG = Kind(("event-loop lag", "loop lag"), -2, 3, (2.0, 20.0), ("lag", "lag-slow", "stall"))
GAP = Kind(("chunk gap", "gap"), -1, 4, (50.0, 500.0), ("gap-ok", "gap-slow", "stall"))
DELAY = Kind(("delivery delay", "delay"), -2, 3, (5.0, 50.0), ("delay", "delay-slow", "stall"))


def lag(view: View, width: int, height: int) -> list[Row]:
    """Lateness of the loop's heartbeat, weighted by time; its idle floor is marked."""
    words = view.snapshot.loop.words.get("lag", "")
    return _draw(LAG, view.snapshot.lag, width, height, words)


def gap(view: View, width: int, height: int) -> list[Row]:
    """Time between neighbouring chunks of a request, as they reached us."""
    return _draw(GAP, view.snapshot.gap, width, height, "")


def delay(view: View, width: int, height: int) -> list[Row]:
    """Time from the server's stamp to our hands."""
    words = sorted({agent.delay_words for agent in view.snapshot.agents if agent.delay_words})
    return _draw(DELAY, view.snapshot.delay, width, height, ", ".join(words))


def _draw(kind: Kind, data: Histogram, width: int, height: int, absent: str) -> list[Row]:
    inner, high = width - 2, height - 2
    known = (len(data.counts) > 0 or data.below > 0) and data.quantiles.n > 0
    title = next((t for t in kind.titles if len(t) + 7 + _STATS - len(" ms") <= inner), kind.titles[-1])
    if not known:
        body = message(absent or "not enough data", inner, high)
        return frame(title, body, width, height)
    low, top = 10.0**kind.low, 10.0 ** _top(kind, data)
    below = _below(data, low)
    lead = _LEAD if below > 0 and inner >= 4 * _LEAD else 0
    axis = LogAxis(low, top, inner - lead)
    per_column = rebin(data, axis)
    if not lead:
        per_column[0] += below
    # What is under the axis is one bar on its left: no value of it lies in any column of the axis.
    heights = np.concatenate((np.repeat([below, 0.0], (lead - _GAP, _GAP)) if lead else np.empty(0), per_column))
    rows = max(1, high - 2)
    # Root of the share: one stall among ten thousand beats must be seen beside them.
    codes = bars(np.sqrt(heights / (float(heights.max()) or 1.0)), rows)
    centres = low * (top / low) ** ((np.arange(axis.cells) + 0.5) / axis.cells)
    colours = np.concatenate((np.zeros(lead), np.searchsorted(kind.steps_ms, centres))).astype(np.uint8)
    style = np.broadcast_to(colours, codes.shape)
    names = list(kind.styles)
    if data.floor_ms is not None and low <= data.floor_ms < top:
        codes, style = _mark_floor(codes, style, lead + axis.at(data.floor_ms), len(names))
        names.append("floor")
    body = [tuple(runs) for runs in cut(codes, style, names)]
    if high >= 3:
        body += [_axis(data, axis, lead, inner), _labels(axis, lead, inner, below > 0 and not lead)]
    stats, window = _stats(data), _window(data)
    if len(title) + 7 + _STATS - len(" ms") > inner:
        # In a narrow pane the quantiles need an edge of their own.
        stats, window = [window[-1]], stats
    return frame(title, body, width, height, right=stats, bottom=window)


_LEAD, _GAP = 7, 2
"""Cells left of the axis for what lies under it, and of them those that keep it apart."""
_STATS = 31
"""Cells of ``p50 0.11  p99 2.59  max 5.10 ms`` at its longest."""


def _stats(data: Histogram) -> list[list[Run]]:
    q = data.quantiles
    parts = [("p50", q.p50), ("p99", q.p99), ("max", q.max)]
    variants: list[list[Run]] = []
    choice = ((parts, " ms", 5), (parts, " ms", 4), (parts, "", 5), (parts[1:], " ms", 5), (parts[1:], "", 5))
    for chosen, unit, cells in choice:
        runs: list[Run] = []
        for name, value in chosen:
            runs += [(f"{name} ", "label"), (f"{ms(value):<{cells}}" if name != "max" else ms(value), "value bold")]
            runs += [(" ", "label")] if name != chosen[-1][0] else [(unit, "label")]
        variants.append(runs)
    return variants


def _window(data: Histogram) -> list[list[Run]]:
    window = last(data.window_s) if data.window_s else ""
    floor = f"idle floor {ms(data.floor_ms)} ms" if data.floor_ms is not None else ""
    tail = " · ".join(part for part in (f"n {count(data.quantiles.n)}", window) if part)
    both: list[Run] = [("┊ ", "floor"), (floor, "label"), (" · ", "label"), (tail, "label")]
    return [both, [(tail, "label")]] if floor else [[(tail, "label")]]


def _top(kind: Kind, data: Histogram) -> int:
    """Give the usual last power of ten, or a later one when something lies beyond: an axis moves only when it must."""
    seen = np.flatnonzero(data.counts)
    most = float(data.edges_ms[seen[-1] + 1]) if len(seen) else 0.0
    return min(7, max(kind.high, math.ceil(math.log10(most) - 1e-9))) if most > 0 else kind.high


def _below(data: Histogram, low: float) -> float:
    """Return how many values lie under the axis."""
    under = data.edges_ms[1:] <= low * 1.001 if len(data.edges_ms) else np.empty(0, bool)
    return data.below + float(data.counts[under].sum())


def rebin(data: Histogram, axis: LogAxis) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """Share the buckets on the axis out over its columns; what lies beyond its upper end goes to the last one."""
    inside = data.edges_ms[1:] > axis.low * 1.001
    counts = np.where(inside, data.counts, 0.0)
    place = np.log(data.edges_ms / axis.low) / math.log(axis.high / axis.low) * axis.cells
    place = np.clip(place, 0, axis.cells)
    # The cumulated counts, read off at each column's edge: a wide bucket is spread evenly over the columns it covers.
    total = np.concatenate(([0.0], np.cumsum(counts)))
    at_edges = np.interp(np.arange(axis.cells + 1), place, total) if len(place) else np.zeros(axis.cells + 1)
    at_edges[0], at_edges[-1] = 0.0, total[-1]
    shares: np.ndarray[tuple[int], np.dtype[np.float64]] = np.maximum(np.diff(at_edges), 0.0)
    return shares


def _mark_floor(
    codes: np.ndarray[tuple[int, int], np.dtype[np.uint32]],
    style: np.ndarray[tuple[int, int], np.dtype[np.uint8]],
    column: int,
    index: int,
) -> tuple[np.ndarray[tuple[int, int], np.dtype[np.uint32]], np.ndarray[tuple[int, int], np.dtype[np.uint8]]]:
    codes, style = codes.copy(), style.copy()
    free = codes[:, column] == 0x20
    codes[free, column] = ord("┊")
    style[free, column] = index
    return codes, style


def _axis(data: Histogram, axis: LogAxis, lead: int, inner: int) -> Row:
    """Draw the axis: a line with a tick at each label, and the quantiles standing on it."""
    line = ["─"] * inner
    for at, _, _ in axis.labels(_say):
        line[lead + at] = "┬"
    line[max(0, lead - _GAP) : lead] = [" "] * min(lead, _GAP)
    marks: dict[int, tuple[str, str]] = {}
    for value, sign in ((data.quantiles.max, "×"), (data.quantiles.p99, "▲"), (data.quantiles.p50, "△")):
        if value is not None:
            under = lead > 0 and value < axis.low
            marks[(lead - _GAP) // 2 if under else lead + axis.at(value)] = (sign, "value bold")
    ink, start = Ink(), 0
    for x in sorted(marks):
        ink.put("".join(line[start:x]), "axis").put(*marks[x])
        start = x + 1
    return ink.put("".join(line[start:]), "axis").row(inner)


def _say(value_ms: float) -> str:
    if value_ms >= 999:
        return f"{round(value_ms / 1000):d} s"
    return "1 ms" if abs(value_ms - 1) < 1e-6 else f"{value_ms:g}"


def _labels(axis: LogAxis, lead: int, inner: int, under: bool) -> Row:
    ink = Ink()
    if lead:
        ink.put(f"<{axis.low:g}", "label")
    for place, (_, start, text) in enumerate(axis.labels(_say)):
        ink.to(lead + start).put(f"<{text}" if under and not place and start == 0 else text, "label")
    return ink.row(inner)
