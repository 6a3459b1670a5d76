"""Messages to the operator, above the footer; in a low terminal on the header's second row while they last."""

import textwrap

from loopscope.draw.ink import Ink, Row, fit
from loopscope.ui.messages import Message, Severity
from loopscope.ui.view import View

_LOWEST = 24
"""Rows of a terminal from which on messages have a row of their own."""
_MOST = 3
_STYLES: dict[Severity, tuple[str, str]] = {
    "information": ("○", "value"),
    "warning": ("▲", "finding bold"),
    "error": ("✗", "problem bold"),
}


def height(view: View, width: int, rows: int) -> int:
    """Return the rows that messages have in a terminal: one always, more while a long one is to be read."""
    if rows < _LOWEST:
        return 0
    return max(1, min(_MOST if rows >= 30 else 2, len(_lines(view.messages, width))))


def draw(view: View, width: int, height: int) -> list[Row]:
    """Draw the newest messages, the newest on top."""
    rows = [Ink().put(fit(text, width), style).row(width) for text, style in _lines(view.messages, width)[:height]]
    return [*rows, *[Ink().row(width)] * (height - len(rows))]


def _lines(messages: tuple[Message, ...], width: int) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    for one in reversed(messages):
        sign, style = _STYLES[one.severity]
        text = f"{sign} {one.title}: {one.text}" if one.title else f"{sign} {one.text}"
        wrapped = textwrap.wrap(text, max(20, width - 2), subsequent_indent="  ")
        found.extend((f" {line}", style) for line in wrapped)
    return found
