"""Time lines: chunks per second with how busy the loop is and where levers were pulled; power; one agent's rate."""

import re
from collections.abc import Iterable, Sequence

import numpy as np

from loopscope.core.format import clock, rate, share
from loopscope.draw.charts import BLANK, Codes, Styles, braille, cut, nice_top, overlay
from loopscope.draw.ink import Ink, Row, Run, frame
from loopscope.model.snapshot import AgentView, Floats, MarkView
from loopscope.settings.levers import LEVERS
from loopscope.ui.panes.frames import message
from loopscope.ui.view import View

SPAN_S = 60.0
"""Seconds across a chart."""
_AXIS = 6
"""Cells left of a chart, for the figures of its axis."""


def resample(t_s: Floats, values: Floats, end_s: float, dots: int, hold_s: float) -> Floats:
    """Read a series off at ``dots`` moments of the last minute; ``nan`` where no value is younger than ``hold_s``."""
    out = np.full(dots, np.nan)
    if not len(t_s) or not dots:
        return out
    moments = end_s - SPAN_S + (np.arange(dots) + 0.5) * (SPAN_S / dots)
    place = np.searchsorted(t_s, moments, side="right") - 1
    known = place >= 0
    place = np.maximum(place, 0)
    known &= moments - t_s[place] <= hold_s
    out[known] = values[place[known]]
    return out


def throughput(view: View, width: int, height: int) -> list[Row]:
    """Chunks per second (area) and the busy share of the loop (line, right-hand axis), with levers and marks."""
    snap = view.snapshot
    inner, high = width - 2, height - 2
    series = snap.series
    if not len(series.t_s):
        return frame("throughput", message("not enough data", inner, high), width, height)
    right_axis = 6 if inner >= 60 else 0
    cells, rows = max(1, inner - _AXIS - right_axis), max(1, high - 1)
    end = float(series.t_s[-1]) + series.step_s
    hold = series.step_s * 1.01
    chunks = resample(series.t_s, series.chunks_s, end, cells * 2, hold)
    top = nice_top(float(np.nanmax(series.chunks_s)) if np.isfinite(series.chunks_s).any() else 1.0)
    codes = braille(chunks, rows, top, fill=True)
    style = _crest(codes)
    names = ["spark", "series-1", "elu", "mark", "elu on spark", "elu on series-1"]
    busy = np.isfinite(series.elu).any() if len(series.elu) else False
    if busy:
        line = braille(resample(series.t_s, series.elu, end, cells * 2, hold), rows, 1.0, fill=False)
        codes, style = _line_over(codes, style, line)
    codes, style = _marks(_solid(codes), style, snap.marks, end, 3)
    pictures = cut(codes, style, names)
    body = [_side(pictures[y], y, rows, rate(top), "100 %" if busy and right_axis else "", inner) for y in range(rows)]
    stalled = _stalls(snap.marks, end, cells)
    if high > 1:
        body.append(_seconds(_AXIS, cells, inner, _end(view), stalled))
    legend: list[list[Run]] = [
        [
            ("■ ", "series-1"),
            ("chunks/s", "label"),
            *([("  ■ ", "elu"), ("loop busy", "label")] if busy else []),
            *([("  ╹ ", "stall bold"), ("stall", "label")] if stalled else []),
        ],
        [("■ ", "series-1"), ("chunks/s", "label")],
    ]
    return frame("throughput", body, width, height, right=legend, bottom=_last_marks(snap.marks, end))


_FULL_CELL, _BLOCK = 0x28FF, 0x2588


def _line_over(codes: Codes, style: Styles, line: Codes) -> tuple[Codes, Styles]:
    """Draw a line over an area without cutting into it: on full cells it lies on the area's colour as its ground."""
    drawn = line != BLANK
    ground = drawn & (codes == _FULL_CELL)
    style = np.where(ground, np.where(style == 1, 5, 4), np.where(drawn, 2, style)).astype(np.uint8)
    return np.where(ground, line, np.where(drawn, overlay(codes, line), codes)).astype(np.uint32), style


def _solid(codes: Codes) -> Codes:
    """Draw full cells of an area as blocks: fonts set eight dots apart, and a line's ground would stand out."""
    return np.where(codes == _FULL_CELL, _BLOCK, codes).astype(np.uint32)


def power(view: View, width: int, height: int) -> list[Row]:
    """Power, or what stands in for it; the title says which. Its absence is a sentence."""
    data = view.snapshot.power
    inner, high = width - 2, height - 2
    title = (data.label or "power").replace("SIMULATED", "simulated")
    # In the title, which is never left out, and in small letters: it is there all the time.
    if data.simulated and "simulated" not in title:
        title = f"simulated {title}"
    if not len(data.values):
        return frame(title, message(data.words or "not enough data", inner, high), width, height)
    shares = data.watts is None and data.share is not None
    now = share(data.share) if shares else f"{rate(data.watts)} W"
    figure: list[Run] = [(now, "power bold")]
    known = data.values[np.isfinite(data.values)]
    top = 1.0 if shares else nice_top(float(known.max()) if len(known) else 1.0)
    cells, rows = max(1, inner - _AXIS), max(1, high - 1)
    gaps = np.diff(data.t_s)
    hold = max(1.0, 2.5 * float(np.median(gaps))) if len(gaps) else SPAN_S
    values = resample(data.t_s, data.values, max(view.snapshot.t_s, float(data.t_s[-1])), cells * 2, hold)
    pictures = _area(braille(values, rows, top, fill=True), "power-dim", "power")
    body = [_side(pictures[y], y, rows, "100 %" if shares else rate(top), "", inner) for y in range(rows)]
    if high > 1:
        body.append(_seconds(_AXIS, cells, inner, _end(view)))
    # Why this machine has no meter is no matter where the servers' power is made up anyway.
    words = "" if data.simulated else data.words
    return frame(title, body, width, height, right=[figure], bottom=[[(words, "label")]] if words else ())


def agent(view: View, chosen: AgentView, width: int, height: int) -> list[Row]:
    """One agent's chunks in each of the last 60 seconds."""
    inner, high = width - 2, height - 2
    values = chosen.spark_chunks_s
    title = "chunks/s, last 60 s"
    if not len(values) or not np.isfinite(values).any():
        return frame(title, message("not enough data", inner, high), width, height)
    cells, rows = max(1, inner - _AXIS), max(1, high - 1)
    top = nice_top(float(np.nanmax(values)))
    seconds = np.arange(len(values), dtype=np.float64) - len(values)
    picture = braille(resample(seconds, values, 0.0, cells * 2, 1.01), rows, top, fill=True)
    pictures = _area(picture, "spark", "series-1")
    body = [_side(pictures[y], y, rows, rate(top), "", inner) for y in range(rows)]
    if high > 1:
        body.append(_seconds(_AXIS, cells, inner, _end(view)))
    return frame(title, body, width, height)


def _area(codes: Codes, body: str, edge: str) -> list[list[Run]]:
    return cut(_solid(codes), _crest(codes), [body, edge])


def _crest(codes: Codes) -> Styles:
    """Style 1 for the topmost drawn cell of each column, 0 below it: an area whose edge carries the eye."""
    drawn = codes != BLANK
    first = np.argmax(drawn, axis=0)
    crest: Styles = (np.arange(codes.shape[0])[:, None] == first[None, :]).astype(np.uint8)
    return crest


def letter(mark: MarkView) -> str:
    """One character for a mark: the key of the lever that was pulled, else what kind it is."""
    lever = LEVERS.get(re.split(r"[ =]", mark.label, maxsplit=1)[0])
    if mark.kind == "lever" and lever is not None:
        return lever.sign
    return {"mark": "m", "finding": "▲", "loss": "✗", "stall": "!"}.get(mark.kind, "·")


def _marks(codes: Codes, style: Styles, marks: Sequence[MarkView], end: float, index: int) -> tuple[Codes, Styles]:
    cells = codes.shape[1]
    codes, style = codes.copy(), style.copy()
    for mark in marks:
        x = int((mark.t_s - end + SPAN_S) / SPAN_S * cells)
        if 0 <= x < cells and mark.kind != "stall":
            codes[1:, x] = ord("┊")
            codes[0, x] = ord(letter(mark))
            style[:, x] = index
    return codes, style


def _last_marks(marks: Sequence[MarkView], end: float) -> list[list[Run]]:
    seen = [mark for mark in marks if mark.t_s > end - SPAN_S and mark.kind != "stall"]
    variants: list[list[Run]] = []
    for kept in (3, 2, 1):
        runs: list[Run] = []
        for mark in seen[-kept:]:
            runs += [(f"{'  ' if runs else ''}{letter(mark)} ", "mark bold"), (mark.label, "label")]
        variants.append(runs)
    return variants


def _side(picture: list[Run], y: int, rows: int, top: str, right: str, inner: int) -> Row:
    """Put the figures of the axes beside one row of a picture."""
    left = top if y == 0 else ("0" if y == rows - 1 and rows > 1 else "")
    ink = Ink().put(f"{left:>{_AXIS - 1}} ", "label").runs(picture)
    if right:
        words = right if y == 0 else ("0 %" if y == rows - 1 and rows > 1 else "")
        ink.put(f" {words}", "elu")
    return ink.row(inner)


def _end(view: View) -> str:
    """What stands at the right end: what is past has no "now"."""
    return clock(view.snapshot.t_s) if view.past or view.replay else "now"


def _stalls(marks: Sequence[MarkView], end: float, cells: int) -> set[int]:
    """Return the columns in which stalls began: there may be many, so they are ticks on the axis."""
    places = (int((mark.t_s - end + SPAN_S) / SPAN_S * cells) for mark in marks if mark.kind == "stall")
    return {x for x in places if 0 <= x < cells}


def _seconds(left: int, cells: int, inner: int, end: str, ticks: Iterable[int] = ()) -> Row:
    """Draw the axis: seconds, and ticks over what stands there, for a tick is no larger than a cell."""
    texts = [(f"-{SPAN_S:.0f} s", 0)]
    if cells >= 40:
        texts += [(f"-{SPAN_S * (1 - part):.0f}", round(cells * part) - 1) for part in (0.25, 0.5, 0.75)]
    texts.append((end, cells - len(end)))
    line = [(" ", "label")] * cells
    for text, x in texts:
        for place, sign in enumerate(text):
            if 0 <= x + place < cells:
                line[x + place] = (sign, "label")
    for x in ticks:
        line[x] = ("╹", "stall bold")
    return Ink().gap(left).runs(line).row(inner)
