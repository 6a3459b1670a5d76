"""The ledger: every pull of a lever with both sides of its trade, one of them closely, and the best so far."""

from loopscope.core.format import NONE, clock, ms, number, plural, rate
from loopscope.draw.ink import Ink, Row, Run, fit, frame
from loopscope.model.snapshot import FigureChange, Figures, LeverEffect
from loopscope.ui.panes.frames import message
from loopscope.ui.panes.levers import MEASURES, Measure, change, relative, waits
from loopscope.ui.view import View


def _joule(figures: Figures) -> float | None:
    """Energy by chunk (power / rate): a chunk, not a token, is what is counted while it streams."""
    return figures.watts / figures.chunks_s if figures.watts is not None and figures.chunks_s else None


COLUMNS = (
    *MEASURES,
    Measure("gap p99 ms", "gap", "gap", False, lambda f: f.gap_p99_ms, ms, "gap.p99"),
    Measure("unread bytes", "unread", "unread", False, lambda f: f.backlog_bytes, rate, "backlog"),
    Measure("J/chunk", "J", "J", False, _joule, ms, "joules_token"),
)
"""Both sides of every trade: batching makes chunks cheap and late, a throttle in the client fills the socket."""
_LEAD, _BOTH, _RATIO = 37, 17, 9


def draw(view: View, width: int, height: int) -> list[Row]:
    """One row a pull, the newest on top; what does not fit in columns is left out from the right."""
    effects, inner, high = view.pulls(), width - 2, height - 2
    title = "what the levers did"
    if not effects:
        return frame(title, message("nothing was pulled yet", inner, high), width, height)
    room = inner - _LEAD
    cell = _BOTH if room >= 6 * _BOTH else _RATIO
    columns = COLUMNS[: max(0, room // cell)]
    head = Ink().put("   at    lever", "label").to(_LEAD)
    for place, column in enumerate(columns):
        head.to(_LEAD + place * cell).put(fit(column.title if cell == _BOTH else column.short, cell - 1), "label")
    body = [head.row(inner)]
    page = max(1, high - 1)
    chosen = view.pull_place()
    first = min(max(0, len(effects) - page), chosen // page * page)
    shown = effects[first : first + max(0, high - 1)]
    body += [_row(effect, columns, cell, inner, first + i == chosen) for i, effect in enumerate(shown)]
    said = plural(len(effects), "pull")
    if len(shown) < len(effects):
        said = f"{first + 1} to {first + len(shown)} of {said}"
    sure = any(effect.changes for effect in effects)
    legend: list[list[Run]] = [
        [
            ("✓", "better bold"),
            (" better  ", "label"),
            ("✗", "worse bold"),
            (" worse  ", "label"),
            ("≈ cannot tell" if sure else "≈ within 5 %", "same"),
            ("   h: until handled", "label"),
        ],
        [],
    ]
    return frame(title, body, width, height, right=legend, bottom=[[(said, "label")]])


def _row(effect: LeverEffect, columns: tuple[Measure, ...], cell: int, inner: int, chosen: bool) -> Row:
    ink = Ink().put("▸" if chosen else " ", "cursor-mark bold").fitted(clock(effect.t_s), 6, "label", right=True).gap(2)
    ink.put(fit(f"{effect.name} {effect.old} → {effect.new}", _LEAD - 10), "value").to(_LEAD)
    if effect.before is None or effect.after is None:
        words = _why_not(effect)
        look = "busy" if words.startswith("settling") else "label"
        return ink.put(fit(words, max(0, inner - ink.width)), look).row(inner)
    for place, column in enumerate(columns):
        said, sign = waits(effect, column)
        text, style = (change if cell == _BOTH else relative)(said, effect)
        ink.to(_LEAD + place * cell).put(fit(text + sign, cell - (0 if sign else 1)), style)
    return ink.row(inner)


def _why_not(effect: LeverEffect) -> str:
    if effect.cut_short:
        return "cut short by the next pull"
    if effect.after is None and effect.wait_s > 0:
        return f"settling, {effect.wait_s:.1f} s"
    return "not enough data on both sides"


def closely(view: View, width: int, height: int) -> list[Row]:
    """Draw the chosen pull: every figure before and after, and what can be said of the change."""
    effects, inner, high = view.pulls(), width - 2, height - 2
    if not effects:
        return frame("the chosen pull", message("", inner, high), width, height)
    effect = effects[view.pull_place()]
    title = f"{effect.name} {effect.old} → {effect.new} at {clock(effect.t_s)}"
    if not effect.changes:
        words = "no intervals in this trace" if effect.after is not None else _why_not(effect)
        return frame(title, message(words, inner, high), width, height)
    head = Ink().to(28)
    for name in ("before", "after"):
        head.fitted(name, 10, "label", right=True)
    head.put("  change, 95 %", "label")
    # What is sure stands on top.
    ordered = sorted(effect.changes, key=lambda one: not one.surely)
    body = [head.row(inner), *(_changed(one, inner) for one in ordered)]
    notes = [[(effect.words, "label")]] if effect.words else []
    return frame(title, body[: max(0, high)], width, height, bottom=notes)


def _changed(one: FigureChange, inner: int) -> Row:
    sign, style = "≈", "same"
    if one.surely and one.better:
        sign, style = ("✓", "better bold") if one.surely * one.better > 0 else ("✗", "worse bold")
    elif one.surely:
        sign, style = ("↑" if one.surely > 0 else "↓"), "value"
    look = "value" if one.surely else "label"
    ink = Ink().put(f" {sign} ", style).put(fit(one.title, 25), look)
    for side in (one.before, one.after):
        ink.fitted(NONE if side is None else number(side.mid), 10, look, right=True)
    return ink.put(fit(f"  {one.words}", max(0, inner - ink.width)), look).row(inner)


def summary(view: View, width: int, height: int) -> list[Row]:
    """The peak, and the best that was reached between two pulls."""
    snap, inner = view.snapshot, width - 2
    ink = Ink().put(" peak ", "label").put(f"{rate(snap.ceiling.peak_chunks_s)} chunks/s", "value bold")
    bound = snap.ceiling.at_least_chunks_s
    ink.put("   at least now ", "label")
    ink.put(f"≥{rate(bound)}" if bound is not None else f"{NONE}  {snap.ceiling.words}", "bound bold")
    second = Ink()
    for one in snap.best:
        second.put(f" ★ {one.title} ", "label").put(f"{number(one.value)} {one.unit}", "value bold")
        second.put(f" since {one.words}, {clock(one.t_s)}  ", "label")
    if not snap.best:
        second.put(" one look before and one after, settling left out: A (A-B-B-A) tells what is sure", "label")
    return frame("best so far", [ink.row(inner), second.row(inner)], width, height)
