"""The whole run as one line to seek on: rate, lag and delay, what was pulled and found, and where we stand in it.

A session that runs shows it when its past is looked at; then the word PAST and large digits say so.
"""

import math
from functools import lru_cache

import numpy as np

from loopscope.core.format import clock, ms, rate
from loopscope.draw import digits
from loopscope.draw.charts import BLANK, Codes, Styles, braille, cut, nice_top
from loopscope.draw.ink import Ink, Row, Run, frame
from loopscope.model.snapshot import Floats, MarkView
from loopscope.session.source import Overview, Playback
from loopscope.ui.panes.frames import message
from loopscope.ui.panes.histogram import DELAY, LAG, Kind
from loopscope.ui.panes.timeline import letter
from loopscope.ui.view import View

LABEL = 16
"""Cells for a track's name and its highest value."""
_STEPS_S = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14_400, 43_200, 86_400)
_LOW, _HIGH = -1, 3
"""Powers of ten of ms between which a lag or a delay is drawn."""
_RANKS = {"lever": 0, "mark": 1, "loss": 2, "finding": 3, "stall": 4}
"""Which mark is shown where several fall into one cell."""
_MARK_STYLES = ("mark bold", "finding bold", "problem bold")
_EIGHTHS = np.array([ord(c) for c in " ▁▂▃▄▅▆▇█"], np.uint32)


def height(rows: int) -> int:
    """Rows that the line gets on a screen of so many; none where there is no room for it."""
    if rows >= 44:
        return 8
    return 7 if rows >= 30 else (5 if rows >= 21 else 0)


def end_s(view: View) -> float:
    """Where the axis ends: a trace's end; while a session runs, a round figure beyond now, or the axis never rests."""
    play = view.playback
    length = play.length_s if play is not None else 0.0
    if not view.running:
        return max(length, 1e-3)
    wanted = max(30.0, length * 1.02)
    step = next((step for step in _STEPS_S if wanted / step <= 12), _STEPS_S[-1])
    return math.ceil(wanted / step) * step


def _left(width: int, inner_rows: int) -> int:
    """Cells of the block with the large digits; where it is narrow, its words are in the frame."""
    if width < 72 or inner_rows < 3:
        return 0
    return 34 if inner_rows >= 6 and width >= 140 else 21


def chart_at(view: View, width: int, high: int) -> tuple[int, int]:
    """First cell of the tracks in a pane of that size, frame included, and how many there are."""
    start = 1 + _left(width, high - 2) + (LABEL if width >= 100 else 0)
    return start, max(1, width - start - 2)


def moment_at(view: View, x: int, width: int, high: int) -> float:
    """Seconds that stand at column ``x`` of the pane, clamped to what there is."""
    start, cells = chart_at(view, width, high)
    length = view.playback.length_s if view.playback is not None else 0.0
    return min(max(0.0, (x - start + 0.5) / cells * end_s(view)), length)


def draw(view: View, width: int, height: int) -> list[Row]:
    """Draw the pane at ``width`` x ``height`` cells, frame included."""
    inner, high, play = width - 2, height - 2, view.playback
    if play is None:
        return frame("the whole run", message("there is no past to look at", inner, high), width, height)
    style = "paused" if view.past else ("replay" if view.replay else "frame")
    left = _left(width, high)
    block = _block(view, play, left, high)
    labels = width >= 100
    start, cells = chart_at(view, width, height)
    tracks = _tracks(view, cells, high)
    body = []
    for y in range(high):
        ink = Ink()
        if left:
            ink.runs(block[y])
        name, runs = tracks[y] if y < len(tracks) else ("", [])
        if labels:
            ink.fitted(name, LABEL - 1, "label", right=True).gap(1)
        body.append(ink.to(start - 1).runs(runs).row(inner))
    return frame("the whole run", body, width, height, right=_state(view, play, left), bottom=_hints(view), style=style)


def _word(view: View, play: Playback) -> tuple[str, str]:
    if view.past:
        return " PAST ", "badge-text bold on paused"
    return (" NOW ", "badge-text bold on elu") if play.live else (" REPLAY ", "badge-text bold on replay")


def _pace(play: Playback) -> str:
    if play.live:
        return "live"
    again = ", again and again" if play.loop else ""
    return f"▶ {play.speed:g}x{again}" if play.playing else f"stopped{again}"


def _block(view: View, play: Playback, left: int, high: int) -> list[Row]:
    """Draw the digits of the position, and below them the state, in ``left`` cells."""
    if not left:
        return []
    text = clock(play.position_s)
    figure = (digits.large if left > 30 else digits.small)(text)
    if len(figure[0]) > left - 3:
        figure = digits.small(text)
    colour = "paused" if view.past else ("elu" if play.live else "replay")
    rows = [Ink().gap(1).fitted(line, left - 1, f"{colour} bold").row(left) for line in figure]
    word, style = _word(view, play)
    rows.append(Ink().gap(1).put(word, style).put(f" {_pace(play)}", "value bold").row(left))
    rows.append(Ink().gap(1).put(_of(view, play), "label").row(left))
    return [*rows, *[Ink().row(left)] * high][:high]


def _of(view: View, play: Playback) -> str:
    return f"now is {clock(play.length_s)}" if view.past else f"of {clock(play.length_s)}"


def _state(view: View, play: Playback, left: int) -> list[list[Run]]:
    """Say in the frame's edge what the block has no room for."""
    word, style = _word(view, play)
    short: list[Run] = [(word, style), (f" {clock(play.position_s)} / {clock(play.length_s)} ", "value bold")]
    marked = _nearest(view)
    if left > 30 or view.hover_s is not None:
        return [[(marked, "label")]] if marked else []
    return [[*short, (_pace(play), "label")], short]


def _nearest(view: View) -> str:
    """What stands at the position, or under the mouse."""
    over = view.overview
    at = view.hover_s if view.hover_s is not None else (view.playback.position_s if view.playback else 0.0)
    near = end_s(view) / 60
    found = [mark for mark in over.marks if abs(mark.t_s - at) <= near] if over is not None else []
    words = ""
    if found:
        mark = min(found, key=lambda mark: (abs(mark.t_s - at), _RANKS.get(mark.kind, 9)))
        words = f"{letter(mark)} {mark.label} at {clock(mark.t_s)}"
    return f"{clock(at)}  {words}".rstrip() if view.hover_s is not None else words


def _hints(view: View) -> list[list[Run]]:
    now: list[Run] = [("End", "key bold"), (" now  " if view.running else " end  ", "label")]
    keys = (
        ("space", "play"),
        ("← →", "10 s"),
        (", .", "1 s"),
        ("[ ]", "speed"),
        ("n N", "marks"),
        ("g", "go to"),
        ("L", "again and again"),
    )
    variants: list[list[Run]] = []
    for kept in (7, 6, 5, 3, 2):
        runs: list[Run] = []
        for key, word in keys[:kept]:
            runs += [(key, "key bold"), (f" {word}  ", "label")]
        variants.append([*runs, *now])
    return variants


@lru_cache(maxsize=8)
def _sampled(over: Overview, name: str, cells: int, end: float, largest: bool) -> Floats:
    """One value a cell: the largest, or the mean, of what falls into it; a step longer than a cell fills its own."""
    values = getattr(over, name)
    out = np.full(cells, np.nan)
    if not len(over.t_s):
        return out
    first = np.floor(over.t_s / end * cells).astype(np.int64)
    last = np.ceil((over.t_s + over.step_s) / end * cells).astype(np.int64)
    known = np.isfinite(values) & (first < cells) & (last > 0)
    index, upto, values = np.clip(first[known], 0, cells - 1), last[known], values[known]
    if largest:
        filled = np.full(cells, -np.inf)
        np.maximum.at(filled, index, values)
        out = np.where(np.isfinite(filled), filled, np.nan)
    else:
        n = np.bincount(index, minlength=cells)
        total = np.bincount(index, weights=values, minlength=cells)
        with np.errstate(invalid="ignore"):
            out = np.where(n > 0, total / np.maximum(n, 1), np.nan)
    # A step that spans several cells is carried over those that no other step begins in.
    reach = np.zeros(cells, np.int64)
    np.maximum.at(reach, index, upto)
    place = np.where(np.isfinite(out), np.arange(cells), -1)
    place = np.maximum.accumulate(place)
    carried = (place >= 0) & (np.arange(cells) < reach[np.maximum(place, 0)])
    return np.where(carried, out[np.maximum(place, 0)], np.nan)


def _tracks(view: View, cells: int, high: int) -> list[tuple[str, list[Run]]]:
    """Rows of the tracks from above: rate, lag, delay, marks, seconds; as many as there is room for."""
    over, end = view.overview, end_s(view)
    play = view.playback
    cursor = min(cells - 1, int((play.position_s if play else 0.0) / end * cells))
    rows: list[tuple[str, list[Run]]] = []
    lines = max(1, high - 4) if high >= 5 else max(0, high - 2)
    if over is None:
        blank = [(" " * cells, "text")]
        rows += [("chunks/s", blank)] * lines
        rows += [("lag ms", blank), ("delay ms", blank)] if high >= 5 else []
    else:
        rows += _area(over, cells, lines, end)
        if high >= 5:
            rows.append(_levels("lag ms", _sampled(over, "lag_ms", cells, end, True), LAG))
            rows.append(_levels("delay ms", _sampled(over, "delay_ms", cells, end, True), DELAY))
    rows.append(("marks", _marks(over.marks if over is not None else (), cells, end)))
    style = "paused bold" if view.past else "replay bold"
    rows = [(name, _pinned(runs, cursor, "┃", style)) for name, runs in rows]
    if len(rows) < high:
        rows.append(("", _axis(cells, end, cursor, play.position_s if play else 0.0, style)))
    return rows[-high:] if high > 0 else []


def _area(over: Overview, cells: int, lines: int, end: float) -> list[tuple[str, list[Run]]]:
    if lines <= 0:
        return []
    values = _sampled(over, "chunks_s", cells, end, False)
    known = values[np.isfinite(values)]
    top = nice_top(float(known.max()) if len(known) else 1.0)
    codes = braille(np.repeat(values, 2), lines, top, fill=True)
    style = np.zeros(codes.shape, np.uint8)
    pictures = cut(codes, style, ["series-1"])
    return [(f"chunks/s {rate(top)}" if y == 0 else "", runs) for y, runs in enumerate(pictures)]


def _levels(name: str, values: Floats, kind: Kind) -> tuple[str, list[Run]]:
    """One row of bars on a log scale; their colours are those of the histogram of the same thing."""
    known = np.isfinite(values)
    size = np.where(known, np.maximum(values, 1e-9), 1.0)
    level = np.clip(np.ceil((np.log10(size) - _LOW) / (_HIGH - _LOW) * 8), 1, 8).astype(np.int64)
    codes: Codes = np.where(known, _EIGHTHS[level], BLANK).astype(np.uint32)[None, :]
    style: Styles = np.searchsorted(kind.steps_ms, size).astype(np.uint8)[None, :]
    top = float(values[known].max()) if known.any() else None
    return f"{name} {ms(top)}", cut(codes, style, list(kind.styles))[0]


def _marks(marks: tuple[MarkView, ...], cells: int, end: float) -> list[Run]:
    best: dict[int, MarkView] = {}
    for mark in marks:
        if not 0 <= mark.t_s <= end:
            continue
        x = int(mark.t_s / end * cells)
        if x < cells and (x not in best or _RANKS.get(mark.kind, 9) < _RANKS.get(best[x].kind, 9)):
            best[x] = mark
    ink = Ink()
    for x in sorted(best):
        kind = best[x].kind
        look = _MARK_STYLES[2] if kind in {"loss", "stall"} else _MARK_STYLES[kind == "finding"]
        ink.to(x).put(letter(best[x]), look)
    return list(ink.row(cells))


def _axis(cells: int, end: float, cursor: int, position_s: float, style: str) -> list[Run]:
    """Draw seconds below the tracks, and the position's own below its line."""
    step = next((step for step in _STEPS_S if step / end * cells >= 9), _STEPS_S[-1])
    own = clock(position_s)
    at = min(max(0, cursor - len(own) // 2), max(0, cells - len(own)))
    texts = {at: (own, style)}
    for number in range(int(end / step) + 1):
        text = clock(number * step)
        x = min(round(number * step / end * cells), cells - len(text))
        if x >= 0 and (x + len(text) < at or x > at + len(own)):
            texts.setdefault(x, (text, "label"))
    ink = Ink()
    for x in sorted(texts):
        if x >= ink.width:
            ink.to(x).put(*texts[x])
    return list(ink.row(cells))


def _pinned(runs: list[Run], x: int, sign: str, style: str) -> list[Run]:
    """Put one sign over what stands in a cell; every character of a track is one cell wide."""
    out: list[Run] = []
    start = 0
    for text, look in runs:
        end = start + len(text)
        if start <= x < end:
            out += [(text[: x - start], look), (sign, style), (text[x - start + 1 :], look)]
        else:
            out.append((text, look))
        start = end
    return [(text, look) for text, look in out if text]


def stops(view: View) -> list[MarkView]:
    """Marks to go to, oldest first: those of the whole run, or those known so far."""
    marks = view.overview.marks if view.overview is not None else view.snapshot.marks
    return sorted((mark for mark in marks if math.isfinite(mark.t_s)), key=lambda mark: mark.t_s)
