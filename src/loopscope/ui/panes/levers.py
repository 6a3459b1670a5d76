"""Levers: key, name, value, and what the last pull of each did, both sides of the trade."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from loopscope.core.format import NONE, ms, number, rate, seconds
from loopscope.core.format import change as by_how_much
from loopscope.draw.ink import Ink, Row, Run, fit, frame, width_of
from loopscope.model.snapshot import Figures, LeverEffect, LeverView
from loopscope.settings.levers import LEVERS
from loopscope.ui.panes.frames import message
from loopscope.ui.view import View

SAME = 0.05
"""A relative change below this is called the same: a quiet pair moves by that much from one stretch to the next."""


@dataclass(frozen=True, slots=True)
class Measure:
    """One figure that a lever may move. ``up``: more of it is better."""

    title: str
    short: str
    tight: str
    up: bool
    of: Callable[[Figures], float | None]
    say: Callable[[float | None], str]
    metric: str = ""
    """Which of the changes with an interval judges it."""


MEASURES = (
    Measure("CPU us/chunk", "CPU", "CPU", False, lambda f: f.cpu_us_per_chunk, number, "cpu_us"),
    Measure("delay p99 ms", "delay", "delay", False, lambda f: f.delay_p99_ms, ms, "delay.p99"),
    Measure("at least /s", "ceiling", "ceil", True, lambda f: f.at_least_chunks_s, rate, "at_least"),
    Measure("lag p99 ms", "lag", "lag", False, lambda f: f.lag_p99_ms, ms, "lag.p99"),
    Measure("tok/s an agent", "tok/s", "tok/s", True, lambda f: f.tok_s, rate, "tok_s"),
)
"""In the order in which they stay where there is less room; the cost of a chunk tells most, and is never a ratio of
two rates that both hang on the servers."""
HANDLED = Measure("handled p99 ms", "handled", "handl", False, lambda f: f.handled_p99_ms, ms, "handled.p99")
"""From received to handled: where chunks wait when they are decoded in batches, and no delivery delay shows it."""
_DELAY = MEASURES[1]
_WIDE, _CELL = 17, 15
"""``✓ 4 210 ↑ 12.9 k`` and a blank: both figures at their longest; without the blanks around the arrow."""
_RATIO, _TIGHT = 9, 7
"""Where not four of them fit, ratios stand instead."""
_FEWEST = 4


def waits(effect: LeverEffect, measure: Measure) -> tuple[Measure, str]:
    """Give the measure to show, and its sign: ``h`` when the wait before handling is longer than the delivery delay."""
    if measure is not _DELAY or effect.before is None or effect.after is None:
        return measure, ""
    both = (effect.before, effect.after)
    longest = max(HANDLED.of(figures) or 0.0 for figures in both)
    return (HANDLED, "h") if longest > max(_DELAY.of(figures) or 0.0 for figures in both) else (measure, "")


def verdict(measure: Measure, before: float | None, after: float | None) -> tuple[str, str]:
    """Glyph and style: better ``✓``, worse ``✗``, the same ``≈``, not known ``–``."""
    if before is None or after is None:
        return NONE, "label"
    if abs(after - before) <= SAME * max(abs(before), abs(after)):
        return "≈", "same"
    return ("✓", "better") if (after > before) == measure.up else ("✗", "worse")


def judged(measure: Measure, effect: LeverEffect) -> tuple[str, str]:
    """Glyph and style by the interval of the change where there is one, so that ``≈`` means: it cannot be told.

    Without intervals at all (a trace of an older format) a change within 5 % counts as none.
    """
    found = next((one for one in effect.changes if one.name == measure.metric), None)
    if not effect.changes or effect.before is None or effect.after is None:
        both = (effect.before, effect.after)
        a, b = (None if figures is None else measure.of(figures) for figures in both)
        return verdict(measure, a, b)
    if found is None or not found.surely:
        return "≈", "same"
    return ("✓", "better") if (found.surely > 0) == measure.up else ("✗", "worse")


def change(measure: Measure, effect: LeverEffect, wide: bool = True) -> Run:
    """Both figures of one measure: ``✓ 4 210 ↑ 4 980``. The glyph judges, the arrow tells the direction."""
    if effect.before is None or effect.after is None:
        return NONE, "label"
    a, b = measure.of(effect.before), measure.of(effect.after)
    glyph, style = judged(measure, effect)
    if a is None and b is None:
        return NONE, "label"
    arrow = "→" if a is None or b is None or glyph == "≈" else ("↑" if b > a else "↓")
    arrow = f" {arrow} " if wide else arrow
    if a is None:
        return f"{'':7}{arrow}{measure.say(b)}", "label"
    return f"{glyph}{measure.say(a):>6}{arrow}{measure.say(b)}", style


def relative(measure: Measure, effect: LeverEffect, tight: bool = False) -> Run:
    """The same in percent, where there is little room: ``✓ +18 %``, ``✗ x12``; tight: ``✓+18 %``."""
    if effect.before is None or effect.after is None:
        return NONE, "label"
    glyph, style = judged(measure, effect)
    words = by_how_much(measure.of(effect.before), measure.of(effect.after))
    if not words:
        return NONE, "label"
    if glyph == "≈":
        return glyph, style
    return f"{glyph}{'' if tight else ' '}{words}", style


def summary(effect: LeverEffect) -> str:
    """One sentence about a pull that has been judged, for a notification."""
    pulled = f"{effect.name} {effect.old} → {effect.new}"
    if effect.before is None or effect.after is None:
        return f"{pulled}: not enough data on both sides"
    parts = []
    for measure in (waits(effect, each)[0] for each in MEASURES):
        a, b = measure.of(effect.before), measure.of(effect.after)
        if a is not None and b is not None:
            glyph, _ = judged(measure, effect)
            parts.append(f"{glyph} {measure.title} {measure.say(a)} → {measure.say(b)}")
    return f"{pulled}: " + ", ".join(parts)


def draw(view: View, width: int, height: int) -> list[Row]:
    """Draw the pane at ``width`` x ``height`` cells, frame included."""
    inner, high = width - 2, height - 2
    levers, rest = _with_room(view.snapshot.levers, high)
    if not levers:
        return frame("levers", message("no levers yet", inner, high), width, height)
    table = _Table.over(inner)
    body: list[Row] = []
    if high > len(levers) + bool(rest):
        body.append(_titles(table, inner))
    body += [_row(view, lever, table, inner) for lever in levers]
    if rest:
        body.append(_in_short(view, rest, inner))
    if high - len(body) >= 3:
        body.append(Ink().row(inner))
    body += _story(view, inner, max(0, high - len(body)))
    return frame("levers", body, width, height, right=_legend(view, levers), bottom=_handled(levers))


def _legend(view: View, levers: Sequence[LeverView]) -> list[list[Run]]:
    if not view.abilities.levers:
        return [[("as recorded", "label")]]
    sure = any(lever.last is not None and lever.last.changes for lever in levers)
    short: list[Run] = [("✓", "better bold"), (" better  ", "label"), ("✗", "worse bold"), (" worse", "label")]
    return [[*short, ("  ", "label"), ("≈ cannot tell" if sure else "≈ same", "same")], short]


def _handled(levers: Sequence[LeverView]) -> list[list[Run]]:
    shown = any(lever.last is not None and waits(lever.last, _DELAY)[1] for lever in levers)
    return [[("h: p99 from received to handled", "label")]] if shown else []


_NAME_AT, _VALUE_AT = 4, 14
_SHORTEST, _LONGEST = 9, 12
"""Cells for a lever's value, with a blank: ``decode:50ms`` at its longest."""


@dataclass(frozen=True, slots=True)
class _Table:
    """Which figures there is room for, in how many cells each, and where they begin."""

    measures: tuple[Measure, ...]
    cell: int
    at: int

    @classmethod
    def over(cls, inner: int) -> "_Table":
        """Return the table of a pane with so many cells: both sides of each figure, or by how much it moved."""
        room = inner - _VALUE_AT - _SHORTEST
        for cell, least in ((_WIDE, len(MEASURES)), (_CELL, _FEWEST), (_RATIO, _FEWEST), (_TIGHT, 0)):
            n = min(len(MEASURES), max(0, room // cell))
            if n >= least:
                break
        value = min(_LONGEST, inner - _VALUE_AT - n * cell)
        return cls(MEASURES[:n], cell, _VALUE_AT + value)


_TITLE_AND_STORY = 3
_RARE = 8
"""From this rank on a lever gives its row to title and story."""


def _with_room(levers: Sequence[LeverView], high: int) -> tuple[list[LeverView], list[LeverView]]:
    """Return the levers that have a row each, and those that share one: what was never pulled, the sockets' first."""
    kept, rest = list(levers), list[LeverView]()
    if len(kept) + _TITLE_AND_STORY > high:
        rest = [lever for lever in kept if _is_rare(lever) and _untouched(lever)]
        kept = [lever for lever in kept if lever not in rest]
    for lever in reversed(levers):
        # The titles of the columns stay: figures without them say nothing.
        if len(kept) + bool(rest) + 1 > high and lever in kept and _untouched(lever):
            kept.remove(lever)
            rest.insert(0, lever)
    return kept, rest


def _is_rare(lever: LeverView) -> bool:
    return lever.name in LEVERS and LEVERS[lever.name].rank >= _RARE


def _untouched(lever: LeverView) -> bool:
    default = LEVERS[lever.name].default if lever.name in LEVERS else lever.value
    return lever.value == default and lever.last is None and not lever.busy


def _in_short(view: View, rest: Sequence[LeverView], inner: int) -> Row:
    """Draw levers that share a row: key, name, and value where it fits."""
    look = "key bold" if view.abilities.levers else "label"
    for with_value in (True, False):
        ink = Ink()
        for lever in rest:
            ink.put(f" {LEVERS[lever.name].key if lever.name in LEVERS else ''} ", look).put(lever.name, "value")
            ink.put(f" {lever.value} " if with_value else " ", "label")
        if ink.width <= inner:
            break
    return ink.row(inner)


def _titles(table: _Table, inner: int) -> Row:
    cell, ink = (
        table.cell,
        Ink().put("key", "label").to(_NAME_AT).put("lever", "label").to(_VALUE_AT).put("value", "label"),
    )
    for index, measure in enumerate(table.measures):
        title = measure.title if cell >= _CELL else measure.short if cell == _RATIO else measure.tight
        ink.to(table.at + index * cell).put(fit(title, cell - 1), "label")
    return ink.row(inner)


def _row(view: View, lever: LeverView, table: _Table, inner: int) -> Row:
    key = LEVERS[lever.name].key if lever.name in LEVERS else ""
    default = LEVERS[lever.name].default if lever.name in LEVERS else ""
    moved = lever.value != default
    ink = Ink().fitted(key, _NAME_AT - 1, "key bold" if view.abilities.levers else "label", right=True)
    ink.to(_NAME_AT).put(fit(lever.name, 9), "value").to(_VALUE_AT)
    style = "lever-moved bold" if moved else "value bold"
    if lever.last is None and not lever.busy:
        # Without an effect beside it a long value ("adaptive:delay=20ms") has the whole row.
        return ink.put(fit(lever.value, min(width_of(lever.value), inner - _VALUE_AT)), style).row(inner)
    ink.put(fit(lever.value, table.at - _VALUE_AT - 1), style).to(table.at)
    room = inner - ink.width
    effect = lever.last
    if lever.busy:
        return ink.put(fit(lever.busy, room), "busy").row(inner)
    assert effect is not None  # noqa: S101 - one without an effect has been drawn above
    if effect.after is None and not effect.cut_short:
        lead = "settling, " if room >= 15 else "wait "
        return ink.put(fit(f"{lead}{effect.wait_s:.1f} s", room), "busy").row(inner)
    if effect.before is None or effect.after is None:
        words = "cut short by the next pull" if effect.cut_short else "not enough data"
        return ink.put(fit(words, room), "label").row(inner)
    cell = table.cell
    for index, measure in enumerate(table.measures):
        said, sign = waits(effect, measure)
        if cell >= _CELL:
            text, style = change(said, effect, wide=cell == _WIDE)
        else:
            text, style = relative(said, effect, tight=cell == _TIGHT)
        ink.to(table.at + index * cell).put(fit(text + sign, cell - (0 if sign else 1)), style)
    return ink.row(inner)


def _story(view: View, inner: int, room: int) -> list[Row]:
    """Say in words what the last pull was, in so many rows at most."""
    effects = view.snapshot.effects
    if not room:
        return []
    if not effects:
        return [Ink().put(fit(" nothing pulled yet: press a key and watch the figures", inner), "label").row(inner)]
    last = effects[-1]
    ink = Ink().put(" last  ", "label").put(f"{last.name} {last.old} → {last.new}", "value bold")
    ago = f", {seconds(view.snapshot.t_s - last.t_s)} ago"
    ink.put(ago if ink.width + len(ago) <= inner else "", "label")
    if last.words and room == 1:
        return [ink.put(f": {last.words}", "label").row(inner)]
    rows = [ink.row(inner)]
    if last.words:
        rows.append(Ink().put(fit(f" {last.words}", inner), "label").row(inner))
    return rows
