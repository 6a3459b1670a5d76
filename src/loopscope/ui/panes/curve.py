"""The ceiling, closely: what is known of it and on what grounds, delay against rate, what a chunk costs, what runs.

Three standings are never mixed: a bound that holds now, what a calibration lets expect, what a ramp has measured.
"""

import math
import textwrap
from dataclasses import replace

import numpy as np

from loopscope.core.format import NONE, interval, number, plural, rate, share, time
from loopscope.draw.axes import LogAxis, around
from loopscope.draw.charts import BLANK, cut
from loopscope.draw.ink import Ink, Row, Run, fit, frame
from loopscope.model.snapshot import CeilingView
from loopscope.model.standing import Standing
from loopscope.settings.levers import LEVERS, told
from loopscope.ui.panes.frames import last, message
from loopscope.ui.panes.loops import streams
from loopscope.ui.view import View

LIMITS = {
    "client": "the client is the limit",
    "server": "the server was the limit first: the client's ceiling is higher",
    "core": "the cores were taken: on free cores it is higher",
    "instrument": "what sends was the limit first: it is higher",
    "range": "no more could be asked: it is higher",
}
"""What ended a ramp or a calibration, in words."""
_SAID = {
    "server": "the server is the limit",
    "core": "core",
    "instrument": "loopscope itself",
    "range": "no more could be",
}
"""What stands in a ramp's own sentence then."""
_WIDE = 1.15
"""Ends of an interval that lie further apart are drawn, not its middle: after a noisy ramp no point is near that."""
_NAME, _VALUE, _RANGE = 11, 10, 17


def standings(view: View, width: int, height: int) -> list[Row]:
    """What is known of the ceiling: now, at least, expected, measured, each with its interval and its grounds."""
    ceiling, inner, high = view.snapshot.ceiling, width - 2, height - 2
    full = ceiling.full
    if full is not None and ceiling.measured is not None and full.words == ceiling.measured.words:
        full = replace(full, words="of the same ramp: from here on the loop is full (ELU 0.95) and delay rises")
    window = f"over the {last(view.snapshot.window_s)}"
    entries: list[tuple[str, str, str, str, str, str]] = [
        ("now", _rate(ceiling.now_chunks_s), "", f"chunks/s {window}", "rate bold", "label"),
        (
            "at least",
            _rate(ceiling.at_least_chunks_s, "≥"),
            "",
            ceiling.words or f"a lower bound: rate / loop busy, {window}; a fuller loop costs less a chunk",
            "bound bold",
            "missing" if ceiling.words else "label",
        ),
        _entry("expected", ceiling.expected, ceiling.expected_words or "no calibration yet", "elu bold", "≈"),
        _entry("measured", ceiling.measured, "no ramp yet with these levers and so many streams", "value bold"),
        _entry("full point", full, "not known: from here on the loop is full (ELU 0.95) and delay rises", "finding"),
    ]
    if ceiling.headroom is not None:
        of = f"1 - now / {ceiling.headroom_of}"
        entries.append(("headroom", share(max(0.0, ceiling.headroom)), "", of, "value bold", "label"))
    room = inner - 1 - _NAME - _VALUE - _RANGE
    lines = [textwrap.wrap(words, max(20, room)) or [""] for *_, words, _, _ in entries]
    # Long grounds have more lines where there is room for them.
    told = ceiling.measured.words if ceiling.measured is not None else ""
    server_words = "" if told and told in ceiling.server_words else ceiling.server_words
    spare = high - len(entries) - bool(server_words)
    body: list[Row] = []
    for (name, value, between, _, style, look), words in zip(entries, lines, strict=True):
        more = min(len(words) - 1, max(0, spare))
        spare -= more
        ink = Ink().put(" ").fitted(name, _NAME, "label").fitted(value, _VALUE, style).fitted(between, _RANGE, "value")
        first = words[0] if more == len(words) - 1 else " ".join(words)
        body.append(ink.put(fit(first, max(0, room)), look).row(inner))
        left = inner - room
        body += [Ink().to(left).put(fit(line, max(0, room)), look).row(inner) for line in words[1 : 1 + more]]
    if server_words:
        body.append(Ink().put(fit(f" ○ {server_words}", inner), "finding").row(inner))
    return frame("the ceiling of this client, chunks/s", body, width, height, right=[[(_shape(view), "label")], []])


def _shape(view: View) -> str:
    """What a ceiling belongs to; it is never told without it."""
    loop = view.snapshot.loop
    words = [view.lever("client") or loop.client, view.lever("loop") or loop.name]
    words += told({name: view.lever(name) for name in LEVERS}, but=("client", "loop"))
    return " · ".join(word for word in (*words, plural(streams(view), "stream")) if word)


def _rate(value: float | None, sign: str = "") -> str:
    return NONE if value is None else f"{sign}{rate(value)}"


def _entry(
    name: str, found: Standing | None, absent: str, style: str, sign: str = ""
) -> tuple[str, str, str, str, str, str]:
    if found is None:
        return name, NONE, "", absent, "label", "missing"
    between = NONE if found.low is None else _between(found.low, found.high)
    said = found.limited_by == "client" or _SAID.get(found.limited_by, "") in found.words
    words = [found.words, "" if said else LIMITS.get(found.limited_by, "")]
    if found.stale:
        words.insert(0, f"may be out of date: {found.stale}")
    return (
        name,
        _rate(found.mid, sign),
        between,
        "; ".join(w for w in words if w),
        style,
        "busy" if found.stale else "label",
    )


_AXIS = 9
"""Cells left of the chart, for the delays of its axis."""
_Mark = tuple[float, str, str, str]
"""A value on the axis of rates: its sign, its style, its name."""


def curve(view: View, width: int, height: int) -> list[Row]:
    """Delivery delay (p99) against rate, both on log axes, with now, the full point and the hard ceiling on it."""
    ceiling, inner, high = view.snapshot.ceiling, width - 2, height - 2
    title = "delay p99 against rate, chunks/s"
    points = [p for p in ceiling.curve if p.delay_p99_ms is not None and p.delay_p99_ms > 0 and p.chunks_s > 0]
    if len(points) < 2:
        words = "not enough data: K calibrates, R ramps" if view.abilities.procedures else "not enough data"
        return frame(title, message(words, inner, high), width, height)
    band = _band(ceiling.measured or ceiling.expected)
    marks = _marks(ceiling, band)
    cells, rows = max(2, inner - _AXIS), max(1, high - 2)
    ends = [value for value in band or () if value is not None]
    across = LogAxis(*around([p.chunks_s for p in points] + [mark[0] for mark in marks] + ends, 1.15), cells)
    upright = LogAxis(*around([p.delay_p99_ms for p in points if p.delay_p99_ms is not None]), rows)
    codes = np.full((rows, cells), BLANK, np.uint32)
    style = np.zeros(codes.shape, np.uint8)
    names = ["delay", "stall bold", "delay bold", "trough"]
    signs = [(value, sign, look) for value, sign, look, _ in marks if sign]
    if band is not None:
        first, last = (cells - 1 if end is None else across.at(end) for end in band)
        codes[:, first : last + 1], style[:, first : last + 1] = ord("░"), 3
        signs += [(end, "│", "stall bold") for end in ends]
    for value, sign, look in signs:
        codes[:, across.at(value)], style[:, across.at(value)] = ord(sign), len(names)
        names.append(look)
    for point in points:
        at = rows - 1 - upright.at(point.delay_p99_ms or 0.0), across.at(point.chunks_s)
        codes[at], style[at] = ord("×" if point.fell else "●"), 1 if point.fell else 2
    pictures = cut(codes, style, names)
    beside = {rows - 1 - upright.at(value): time(value) for value in reversed(upright.ticks())}
    body = [Ink().put(f"{beside.get(y, ''):>{_AXIS - 1}} ", "label").runs(pictures[y]).row(inner) for y in range(rows)]
    body += [_named(marks, across, inner), _rates(across, inner)]
    bottom: list[list[Run]] = [[(ceiling.curve_words, "label")]] if ceiling.curve_words else []
    legend: list[list[Run]] = [
        [("● ", "delay bold"), ("kept up  ", "label"), ("× ", "stall bold"), ("fell behind", "label")],
    ]
    return frame(title, body, width, height, right=legend, bottom=bottom)


def _marks(ceiling: CeilingView, band: tuple[float, float | None] | None) -> list[_Mark]:
    """Return what stands on the axis of rates: now, the full point, the hard ceiling or its band."""
    marks: list[_Mark] = []
    if ceiling.now_chunks_s:
        marks.append((ceiling.now_chunks_s, "┊", "rate bold", f"now {rate(ceiling.now_chunks_s)}"))
    if ceiling.full:
        marks.append((ceiling.full.mid, "┆", "finding bold", f"full {rate(ceiling.full.mid)}"))
    hard = ceiling.measured or ceiling.expected
    if hard is not None:
        name, middle = "measured" if ceiling.measured else "expected", hard.mid
        if band is not None:
            middle = math.sqrt(band[0] * band[1]) if band[1] is not None else band[0]
        said = rate(hard.mid) if band is None else _between(*band)
        marks.append((middle, "│" if band is None else "", "stall bold", f"{name} {said}"))
    return [mark for mark in marks if mark[0] > 0]


def _band(hard: Standing | None) -> tuple[float, float | None] | None:
    """Return both ends of a ceiling that is known no better; the upper one may be open."""
    if hard is None or hard.low is None or hard.low <= 0 or (hard.high is not None and hard.high <= hard.low * _WIDE):
        return None
    return hard.low, hard.high


def _between(low: float, high: float | None) -> str:
    return f"{rate(low)} or more" if high is None else interval(low, high, rate)


def _named(marks: list[_Mark], across: LogAxis, inner: int) -> Row:
    """Write the names of the marks below them; those that would touch move apart, those that find no room are left."""
    names = [(across.at(value) - len(text) // 2, text, style) for value, _, style, text in sorted(marks)]
    placed: list[tuple[int, str, str]] = []
    end = across.cells
    for x, text, style in reversed(names):
        start = min(max(0, x), end - len(text))
        if start >= 0:
            placed.append((start, text, style))
            end = start - 2
    ink = Ink().to(_AXIS)
    for start, text, style in reversed(placed):
        ink.to(_AXIS + start).put(text, style)
    return ink.row(inner)


def _rates(across: LogAxis, inner: int) -> Row:
    ink = Ink().to(_AXIS)
    for _, start, text in across.labels(rate):
        ink.to(_AXIS + start).put(text, "label")
    return ink.row(inner)


def costs(view: View, width: int, height: int) -> list[Row]:
    """What a wake-up, a read and a chunk cost, what that was fitted on, and what the next lever is expected to give."""
    ceiling, inner, high = view.snapshot.ceiling, width - 2, height - 2
    body: list[Row] = []
    told = ceiling.costs
    if told is None:
        body.append(Ink().put(fit(" what a chunk costs: not calibrated yet", inner), "missing").row(inner))
    else:
        ink = Ink()
        for name, value in (("wake-up", told.wakeup_us), ("read", told.read_us), ("chunk", told.chunk_us)):
            ink.put(f" {name} ", "label").put(f"{number(value)} us", "value bold").gap(2)
        body.append(ink.row(inner))
        body += [Ink().put(f" {line}", "label").row(inner) for line in textwrap.wrap(told.words, max(20, inner - 2))]
        if told.today is not None:
            body.append(Ink().put(fit(f" a chunk costs {told.today:.2f}x as much now", inner), "value").row(inner))
    body.append(Ink().row(inner))
    body.append(Ink().put(fit(" what one lever more is expected to give", inner), "title bold").row(inner))
    for one in ceiling.next_levers:
        found = one.expected
        between = f"{rate(found.low)} to {rate(found.high)}"
        ink = (
            Ink()
            .put(f" {one.lever}=", "label")
            .put(f"{one.value}  ", "key bold")
            .put(f"≈{rate(found.mid)}", "elu bold")
        )
        body.append(ink.put(f"  {between}", "label").row(inner))
    if not ceiling.next_levers:
        words = " not known: calibrate with another loop or client, too"
        body.append(Ink().put(fit(words, inner), "missing").row(inner))
    return frame("what it is made of", body[:high], width, height)
