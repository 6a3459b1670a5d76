"""Bodies that several panes share: a message in the middle, and the pane that asks for a larger terminal."""

from loopscope.core.format import number
from loopscope.draw.ink import BODY, Ink, Row, fit, width_of
from loopscope.ui.view import View

MIN_WIDTH, MIN_HEIGHT = 60, 16
"""Below this nothing sensible can be shown."""


def last(window_s: float) -> str:
    """Name a window that ends now: ``last 10 s``."""
    return f"last {number(round(window_s, 1))} s"


def message(text: str, width: int, height: int, style: str = "missing") -> list[Row]:
    """Rows with one line of text in the middle."""
    blank = Ink().row(width)
    rows = [blank] * height
    if height > 0:
        words = fit(text, min(width, width_of(text)))
        rows[(height - 1) // 2] = Ink().gap(max(0, (width - width_of(words)) // 2)).put(words, style).row(width)
    return rows


def too_small(view: View, width: int, height: int) -> list[Row]:
    """The whole screen, when it is smaller than 60 x 16."""
    rows = [Ink().row(width)] * height
    lines = (
        ("loopscope", "title bold"),
        (f"needs {MIN_WIDTH} x {MIN_HEIGHT}", BODY),
        (f"this is {width} x {height}", BODY),
        ("enlarge the terminal", "label"),
    )
    first = max(0, (height - len(lines)) // 2)
    for index, (text, style) in enumerate(lines):
        if first + index < height:
            pad = max(0, (width - len(text)) // 2)
            rows[first + index] = Ink().gap(pad).put(fit(text, min(len(text), width)), style).row(width)
    return rows
