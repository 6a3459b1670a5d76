"""Histograms on a log axis: how late the event loop wakes, how far apart chunks are, how late they reach our hands."""

import math
from dataclasses import dataclass

import numpy as np

from loopscope.core.format import count, ms
from loopscope.draw.charts import bars, cut
from loopscope.draw.ink import Ink, Row, Run, frame
from loopscope.model.snapshot import Histogram
from loopscope.ui.panes.frames import message
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
    known = len(data.counts) > 0 and data.quantiles.n > 0
    title = next((t for t in kind.titles if len(t) + 7 + _STATS - len(" ms") <= inner), kind.titles[-1])
    if not known:
        body = message(absent or "not enough data", inner, high)
        return frame(title, body, width, height)
    low, top = kind.low, _top(kind, data)
    per_column = rebin(data, low, top, inner)
    rows = max(1, high - 2)
    # Root of the share: one stall among ten thousand beats must be seen beside them.
    peak = float(per_column.max()) or 1.0
    codes = bars(np.sqrt(per_column / peak), rows)
    centres = 10 ** (low + (np.arange(inner) + 0.5) / inner * (top - low))
    style = np.broadcast_to(np.searchsorted(kind.steps_ms, centres).astype(np.uint8), codes.shape)
    names = list(kind.styles)
    if data.floor_ms is not None and 10**low <= data.floor_ms < 10**top:
        codes, style = _mark_floor(codes, style, _column(data.floor_ms, low, top, inner), len(names))
        names.append("floor")
    body = [tuple(runs) for runs in cut(codes, style, names)]
    if high >= 3:
        body += [_axis(data, low, top, inner), _labels(low, top, inner, below=_below(data, low))]
    stats, window = _stats(data), _window(data)
    if len(title) + 7 + _STATS - len(" ms") > inner:
        # In a narrow pane the quantiles need an edge of their own.
        stats, window = [window[-1]], stats
    return frame(title, body, width, height, right=stats, bottom=window)


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
    seconds = f"last {data.window_s:.0f} s" if data.window_s else ""
    floor = f"idle floor {ms(data.floor_ms)} ms" if data.floor_ms is not None else ""
    tail = " · ".join(part for part in (f"n {count(data.quantiles.n)}", seconds) if part)
    both: list[Run] = [("┊ ", "floor"), (floor, "label"), (" · ", "label"), (tail, "label")]
    return [both, [(tail, "label")]] if floor else [[(tail, "label")]]


def _top(kind: Kind, data: Histogram) -> int:
    """Give the usual last power of ten, or a later one when something lies beyond: an axis moves only when it must."""
    seen = np.flatnonzero(data.counts)
    most = float(data.edges_ms[seen[-1] + 1]) if len(seen) else 0.0
    return min(7, max(kind.high, math.ceil(math.log10(most) - 1e-9))) if most > 0 else kind.high


def rebin(data: Histogram, low: int, top: int, columns: int) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """Share the buckets out over ``columns`` equal parts of the log axis; what lies outside goes to its end."""
    with np.errstate(divide="ignore"):
        place = (np.log10(data.edges_ms) - low) / (top - low) * columns
    place = np.clip(place, 0, columns)
    # The cumulated counts, read off at each column's edge: a wide bucket is spread evenly over the columns it covers.
    total = np.concatenate(([0.0], np.cumsum(data.counts)))
    at_edges = np.interp(np.arange(columns + 1), place, total)
    at_edges[0], at_edges[-1] = 0.0, total[-1]
    shares: np.ndarray[tuple[int], np.dtype[np.float64]] = np.maximum(np.diff(at_edges), 0.0)
    return shares


def _column(value_ms: float, low: int, top: int, columns: int) -> int:
    place = (math.log10(max(value_ms, 1e-9)) - low) / (top - low) * columns
    return min(columns - 1, max(0, int(place)))


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


def _axis(data: Histogram, low: int, top: int, inner: int) -> Row:
    """Draw the axis: a line with a tick at each power of ten, and the quantiles standing on it."""
    line = ["─"] * inner
    for power in range(low, top + 1):
        line[_column(10.0**power, low, top, inner)] = "┬" if low < power < top else "─"
    marks: dict[int, tuple[str, str]] = {}
    for value, sign in ((data.quantiles.max, "×"), (data.quantiles.p99, "▲"), (data.quantiles.p50, "△")):
        if value is not None and value > 0:
            marks[_column(value, low, top, inner)] = (sign, "value bold")
    ink, start = Ink(), 0
    for x in sorted(marks):
        ink.put("".join(line[start:x]), "axis").put(*marks[x])
        start = x + 1
    return ink.put("".join(line[start:]), "axis").row(inner)


def _below(data: Histogram, low: int) -> bool:
    """Whether something lies below the axis; it is drawn in the first column."""
    seen = np.flatnonzero(data.counts)
    return bool(len(seen)) and float(data.edges_ms[seen[0]]) < 10.0**low * 0.999


def _labels(low: int, top: int, inner: int, below: bool) -> Row:
    ink = Ink()
    for power in range(low, top + 1):
        text = f"{10.0**power:g}" if power < 3 else f"{10 ** (power - 3)} s"
        text = ("<" if below and power == low else "") + ("1 ms" if power == 0 else text)
        x = round((power - low) / (top - low) * inner) - len(text) // 2
        x = min(inner - len(text), max(0, x))
        if x >= ink.width + (1 if ink.width else 0):
            ink.to(x).put(text, "label")
    return ink.row(inner)
