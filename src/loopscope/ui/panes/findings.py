"""Findings: what holds now and what has ceased to, and the chosen one with its evidence and the lever to try."""

import textwrap

from loopscope.core.format import NONE, clock, number, plural
from loopscope.draw.ink import Ink, Row, fit, frame
from loopscope.model.snapshot import FindingView
from loopscope.ui.panes.frames import message
from loopscope.ui.view import View


def span(item: FindingView) -> str:
    """Since when, or from when to when."""
    return f"since {clock(item.since_s)}" if item.until_s is None else f"{clock(item.since_s)} – {clock(item.until_s)}"


def _sign(item: FindingView) -> tuple[str, str]:
    if item.until_s is not None:
        return "✓", "label"
    return ("○", "value bold") if item.severity == "note" else ("▲", "finding bold")


def first_shown(view: View, height: int) -> int:
    """Row of the list that stands on top when ``height`` of them fit, so that the chosen one can be seen."""
    items = view.findings()
    place = view.finding_place()
    page = max(1, height)
    return min(max(0, len(items) - page), place // page * page)


def finding_at(view: View, y: int, height: int) -> int | None:
    """Give the place in the list at row ``y`` of a pane of ``height`` rows (frame included); ``None`` beside it."""
    place = first_shown(view, height - 2) + y - 1
    return place if 1 <= y < height - 1 and place < len(view.findings()) else None


def listing(view: View, width: int, height: int) -> list[Row]:
    """One row each: what holds now, then what has ceased to, the latest first."""
    items, inner, high = view.findings(), width - 2, height - 2
    if not items:
        words = "nothing was found so far" if view.seen else "not enough data"
        return frame("findings", message(words, inner, high), width, height)
    chosen, first = view.finding_place(), first_shown(view, high)
    body = [_row(item, first + i == chosen, inner) for i, item in enumerate(items[first : first + max(0, high)])]
    holding = sum(item.until_s is None for item in items)
    said = f"{holding} now · {plural(len(items) - holding, 'earlier one')}"
    shown = f"{first + 1} to {first + len(body)} of {len(items)}" if len(body) < len(items) else ""
    return frame(
        "findings", body, width, height, right=[[(said, "label")]], bottom=[[(shown, "value")]] if shown else ()
    )


def _row(item: FindingView, chosen: bool, inner: int) -> Row:
    on = " on cursor" if chosen else ""
    sign, style = _sign(item)
    held = item.until_s is None
    ink = Ink().put("▸" if chosen else " ", "cursor-mark bold" + on).put(f"{sign} ", style + on)
    ink.put(fit(span(item), 18), "label" + on)
    ink.put(fit(item.name, 18), (style if held else "value") + on)
    return ink.put(fit(item.sentence, max(0, inner - ink.width)), ("value" if held else "label") + on).row(inner)


def closely(view: View, width: int, height: int) -> list[Row]:
    """Draw the chosen finding: its sentence, its evidence, the figures behind it, the lever to try."""
    items, inner, high = view.findings(), width - 2, height - 2
    if not items:
        return frame("the chosen one", message("", inner, high), width, height)
    item = items[view.finding_place()]
    sign, style = _sign(item)
    kind = "note" if item.severity == "note" else "warning"
    state = f"{span(item)}, holds now" if item.until_s is None else f"{span(item)}, has ceased to hold"
    body = [Ink().put(f" {sign} {item.name}  ", style).put(f"{kind} · {state}", "label").row(inner)]
    for name, text, look in (
        ("", item.sentence, "value bold"),
        ("evidence", item.evidence, "value"),
        ("try", item.lever or NONE, "key bold"),
    ):
        body += _paragraph(name, text, look, inner)
    body += _figures(item, inner)
    jump = f"enter: go to {clock(item.since_s)}, when it began" if view.abilities.playback else "no past to go to here"
    return frame("the chosen one", body, width, height, bottom=[[(jump, "label")]])


_LEAD = 11


def _paragraph(name: str, text: str, style: str, inner: int) -> list[Row]:
    room = max(10, inner - _LEAD - 1)
    lines = textwrap.wrap(text, room) or [""]
    return [
        Ink().put(f" {name if i == 0 else '':<{_LEAD - 1}}", "label").put(fit(line, room), style).row(inner)
        for i, line in enumerate(lines)
    ]


def _figures(item: FindingView, inner: int) -> list[Row]:
    """Put the numbers in columns, each with its name, which ends in its unit."""
    cells = 38
    across = max(1, (inner - _LEAD) // cells)
    pairs = list(item.figures.items())
    rows = []
    for start in range(0, len(pairs), across):
        ink = Ink().put(f" {'figures' if start == 0 else '':<{_LEAD - 1}}", "label")
        for name, value in pairs[start : start + across]:
            ink.put(fit(name, 24), "label").put(fit(number(value), cells - 24), "value")
        rows.append(ink.row(inner))
    return rows
