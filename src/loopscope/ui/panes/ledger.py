"""The ledger: every pull of a lever with both sides of its trade, and the best that was reached."""

from loopscope.model.snapshot import Figures, LeverEffect
from loopscope.ui.draw.ink import Ink, Row, fit, frame
from loopscope.ui.draw.words import clock, ms, plural, rate
from loopscope.ui.panes.frames import message
from loopscope.ui.panes.levers import MEASURES, Measure, change, relative, waits
from loopscope.ui.view import View


def _joule(figures: Figures) -> float | None:
    """Energy by chunk (power / rate): a chunk, not a token, is what is counted while it streams."""
    return figures.watts / figures.chunks_s if figures.watts is not None and figures.chunks_s else None


COLUMNS = (
    *MEASURES,
    Measure("gap p99 ms", "gap", "gap", False, lambda f: f.gap_p99_ms, ms),
    Measure("CPU µs/chunk", "CPU", "CPU", False, lambda f: f.cpu_us_per_chunk, ms),
    Measure("unread bytes", "unread", "unread", False, lambda f: f.backlog_bytes, rate),
    Measure("J/chunk", "J", "J", False, _joule, ms),
)
"""Both sides of every trade: batching makes chunks cheap and late, a throttle in the client fills the socket."""
_LEAD, _BOTH, _RATIO = 37, 15, 9


def draw(view: View, width: int, height: int) -> list[Row]:
    """One row a pull, the newest on top; what does not fit in columns is left out from the right."""
    effects, inner, high = view.snapshot.effects, width - 2, height - 2
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
    best = _best(effects)
    shown = list(reversed(effects))[: max(0, high - 1)]
    body += [_row(effect, columns, cell, inner, effect is best) for effect in shown]
    said = plural(len(effects), "pull")
    if len(shown) < len(effects):
        said = f"the latest {len(shown)} of {said}"
    legend = [[("★", "rate bold"), (" highest bound so far   ", "label"), ("✓", "better bold"), (" better  ", "label"),
               ("✗", "worse bold"), (" worse  ", "label"), ("≈ within 5 %", "same")], []]  # fmt: skip
    return frame(title, body, width, height, right=legend, bottom=[[(said, "label")]])


def _best(effects: tuple[LeverEffect, ...]) -> LeverEffect | None:
    """The pull after which the bound was highest."""
    known = [(e.after.at_least_chunks_s, i) for i, e in enumerate(effects) if e.after and e.after.at_least_chunks_s]
    return effects[max(known)[1]] if known else None


def _row(effect: LeverEffect, columns: tuple[Measure, ...], cell: int, inner: int, best: bool) -> Row:
    ink = Ink().put("★" if best else " ", "rate bold").fitted(clock(effect.t_s), 6, "label", right=True).gap(2)
    ink.put(fit(f"{effect.name} {effect.old} → {effect.new}", _LEAD - 10), "value").to(_LEAD)
    if effect.before is None or effect.after is None:
        words = "not enough data on both sides"
        if effect.cut_short:
            words = "cut short by the next pull"
        elif effect.after is None and effect.wait_s > 0:
            words = f"settling, {effect.wait_s:.1f} s"
        look = "busy" if effect.wait_s > 0 and not effect.cut_short else "label"
        return ink.put(fit(words, max(0, inner - ink.width)), look).row(inner)
    for place, column in enumerate(columns):
        said, sign = waits(effect, column)
        text, style = (change if cell == _BOTH else relative)(said, effect.before, effect.after)
        ink.to(_LEAD + place * cell).put(fit(text + sign, cell - (0 if sign else 1)), style)
    return ink.row(inner)


def summary(view: View, width: int, height: int) -> list[Row]:
    """The peak, the best so far and where the session stands now."""
    snap, inner = view.snapshot, width - 2
    best = _best(snap.effects)
    ink = Ink().put(" peak ", "label").put(f"{rate(snap.ceiling.peak_chunks_s)} chunks/s", "value bold")
    ink.put("   at least now ", "label").put(f"≥{rate(snap.ceiling.at_least_chunks_s)}", "bound bold")
    if best is not None and best.after is not None:
        ink.put("   highest so far ", "label").put(f"≥{rate(best.after.at_least_chunks_s)}", "bound bold")
        ink.put(f" after {best.name} {best.old} → {best.new} at {clock(best.t_s)}", "label")
    words = " one look before and one after, settling left out: A (A-B-B-A) tells what is sure;  h: until handled"
    second = Ink().put(fit(words, inner), "label")
    return frame("best so far", [ink.row(inner), second.row(inner)], width, height)
