"""What runs by itself: how far it is, how the last one ended; and what A-B-B-A has found."""

import textwrap

from loopscope.core.format import NONE, number, plural, share
from loopscope.draw.charts import meter
from loopscope.draw.ink import Ink, Row, Run, fit, frame
from loopscope.model.metrics import named
from loopscope.model.snapshot import ResultView
from loopscope.session.source import Progress
from loopscope.ui.panes.frames import message
from loopscope.ui.view import View

KEYS = {
    "ceiling": (("K", "calibrate"), ("R", "ramp")),
    "effects": (("A", "A-B-B-A on the last pull"),),
    "efficiency": (("S", "rounds of the scenario"),),
    "findings": (("V", "flip the lever of the chosen one and see"),),
}
"""What each screen starts."""


def draw(view: View, width: int, height: int) -> list[Row]:
    """Draw the pane at ``width`` x ``height`` cells, frame included."""
    told, inner, high = view.procedure, width - 2, height - 2
    if not view.abilities.procedures:
        words = "nothing can be run in what is recorded" if view.replay else "nothing can be run in this session"
        return frame("runs by itself", message(words, inner, high), width, height)
    keys: list[Run] = []
    for key, word in KEYS.get(view.board, ()):
        keys += [(key, "key bold"), (f" {word}  ", "label")]
    bottom = [keys] if keys else []
    if told is None:
        return frame("runs by itself", message("nothing has been run yet", inner, high), width, height, bottom=bottom)
    if not told.running:
        text = outcome(told)
        look = "finding" if told.problem else "value"
        rows = [Ink().put(fit(f" {line}", inner), look).row(inner) for line in textwrap.wrap(text, max(20, inner - 2))]
        title = f"{told.title}: {'ended' if told.problem else 'done'}"
        return frame(title, rows[:high], width, height, bottom=bottom)
    usual = f"of about {told.about_s:.0f} s" if told.seconds <= told.about_s else f"(usually {told.about_s:.0f} s)"
    pace = f" {share(told.done)}  {told.seconds:.0f} s {usual} "
    filled, rest = meter(told.done, max(4, inner - len(pace) - 2))
    body = [Ink().gap(1).put(filled, "elu").put(rest, "trough").put(pace, "value bold").row(inner)]
    body.append(Ink().put(fit(f" {told.words}", inner), "busy").row(inner))
    return frame(told.title, body, width, height, bottom=[[("X", "key bold"), (" cancels it", "label")]])


def outcome(told: Progress) -> str:
    """Say how it ended: why it did not, or what it found in a sentence; a ramp of two shapes has two."""
    found = told.result if isinstance(told.result, tuple) else (told.result,)
    said = "; ".join(words for one in found if (words := getattr(one, "words", "")))
    return told.problem or said or f"done in {told.seconds:.0f} s"


def _found(results: tuple[ResultView, ...]) -> tuple[ResultView | None, list[ResultView]]:
    """Give what the latest A-B-B-A said in the end (``None`` while it is being told), and its figures.

    Each of its figures is a result; the last one, which names none, closes it.
    """
    last: ResultView | None = None
    rows: list[ResultView] = []
    for one in results:
        if one.what != "ab":
            continue
        if "figure" not in one.settings:
            last = one
        else:
            rows, last = ([one] if last is not None else [*rows, one]), None
    return last, rows


_COLUMNS = (("A", 11), ("B", 11), ("B less A", 12), ("95 % interval", 24))
_FEW = _COLUMNS[2:]
"""Where there is less room, both sides go before the difference does."""


def ab(view: View, width: int, height: int) -> list[Row]:
    """What A-B-B-A has found: each figure under A and B, their difference with its interval, or that none is sure."""
    inner, high = width - 2, height - 2
    last, rows = _found(view.snapshot.results)
    if last is None and not rows:
        words = "none yet: A flips the lever that was pulled last" if view.abilities.procedures else "none in it"
        return frame("A-B-B-A", message(words, inner, high), width, height)
    of = (last or rows[-1]).settings
    title = f"A-B-B-A: {of.get('lever', '')} A {of.get('a', '')}, B {of.get('b', '')}"
    head = Ink().fitted("", 27)
    for name, cells in _COLUMNS if inner >= 100 else _FEW:
        head.fitted(name, cells, "label", right=True)
    body = [head.row(inner)]
    # What is sure stands on top: the rest only says that nothing can be said.
    ordered = sorted(rows, key=lambda one: not one.figures.get("surely"))
    body += [_figure(one, inner) for one in ordered[: max(0, high - 1)]]
    said = plural(int(of["pairs"]), "pair") if of.get("pairs", "").isdigit() else ""
    shown = f" · {high - 1} of {len(rows)} figures" if len(rows) > high - 1 else ""
    return frame(title, body, width, height, bottom=[[(said + shown, "label")]])


def _figure(one: ResultView, inner: int) -> Row:
    metric = named(one.settings.get("figure", ""))
    surely = one.figures.get("surely") or 0.0
    better = metric.better if metric is not None else 0
    sign, style = "≈", "same"
    if surely and better:
        sign, style = ("✓", "better bold") if surely * better > 0 else ("✗", "worse bold")
    elif surely:
        sign, style = ("↑" if surely > 0 else "↓"), "value"
    name = metric.title if metric is not None else one.settings.get("figure", "")
    unit = one.settings.get("unit", "")
    ink = Ink().put(f" {sign} ", style).put(fit(name, 24), "value" if surely else "label")
    low, high = one.figures.get("low"), one.figures.get("high")
    middle = one.figures.get("difference")
    if surely and low is not None and high is not None and low <= 0 <= high:
        # What grows under A has no steady difference: what is sure of it is how many times as much B is.
        middle, low, high, unit = (*(one.figures.get(name) for name in ("ratio", "ratio_low", "ratio_high")), "times A")
    between = f"{number(low)} to {number(high)}" if low is not None or high is not None else NONE
    texts = (number(one.figures.get("a")), number(one.figures.get("b")), number(middle), between)
    columns = _COLUMNS if inner >= 100 else _FEW
    for text, (_, cells) in zip(texts[-len(columns) :], columns, strict=True):
        ink.fitted(text, cells, "value" if surely else "label", right=True)
    tail = f" {unit}" if surely else f" {unit}, cannot tell"
    return ink.put(fit(tail, max(0, inner - ink.width)), "label").row(inner)
