"""Rows of runs: what a pane draws before any terminal is known.

A run is (text, style); a style is words: a colour name of the theme, then optionally ``on NAME`` and ``bold``,
``reverse``, ``underline``, e.g. ``"value bold"`` or ``"badge-text on embedded"``. :mod:`loopscope.ui.paint` turns the
words into colours. Text is only ever text here: nothing is read as markup.
"""

from collections.abc import Iterable, Sequence

from rich.cells import cell_len, set_cell_size

Run = tuple[str, str]
Row = tuple[Run, ...]

BODY = "text"
"""Style of plain text and of blanks."""


def width_of(text: str) -> int:
    """Cells that a text takes; wide characters take two."""
    return len(text) if text.isascii() else cell_len(text)


def fit(text: str, width: int, right: bool = False) -> str:
    """Cut (with an ellipsis) or pad a text to exactly ``width`` cells."""
    if width <= 0:
        return ""
    length = width_of(text)
    if length > width:
        return set_cell_size(text, width - 1) + "…"
    return " " * (width - length) + text if right else text + " " * (width - length)


class Ink:
    """One row in the making."""

    __slots__ = ("_runs", "width")

    def __init__(self) -> None:
        self._runs: list[Run] = []
        self.width = 0

    def put(self, text: str, style: str = BODY) -> "Ink":
        """Append a run."""
        if text:
            self._runs.append((text, style))
            self.width += width_of(text)
        return self

    def fitted(self, text: str, width: int, style: str = BODY, right: bool = False) -> "Ink":
        """Append a run of exactly ``width`` cells."""
        return self.put(fit(text, width, right), style)

    def runs(self, runs: Iterable[Run]) -> "Ink":
        """Append many."""
        for text, style in runs:
            self.put(text, style)
        return self

    def gap(self, cells: int) -> "Ink":
        """Append blanks."""
        return self.put(" " * cells)

    def to(self, column: int) -> "Ink":
        """Append blanks up to a column."""
        return self.gap(max(0, column - self.width))

    def row(self, width: int) -> Row:
        """Give the row, cut or padded to exactly ``width`` cells."""
        return tidy(self._runs, width, self.width)


def tidy(runs: Sequence[Run], width: int, length: int | None = None) -> Row:
    """Cut or pad runs to ``width`` cells and join what looks the same: fewer segments, fewer bytes a frame.

    Blanks without a background of their own take the style of the run before them; that cannot be seen.
    """
    if length is None:
        length = sum(width_of(text) for text, _ in runs)
    joined: list[Run] = []
    for text, style in runs:
        if joined:
            last_text, last_style = joined[-1]
            if style == last_style or (style == BODY and text.isspace() and _plain_blank(last_style)):
                joined[-1] = (last_text + text, last_style)
                continue
        joined.append((text, style))
    if length < width:
        pad = " " * (width - length)
        if joined and _plain_blank(joined[-1][1]):
            joined[-1] = (joined[-1][0] + pad, joined[-1][1])
        else:
            joined.append((pad, BODY))
    elif length > width:
        joined = _cut(joined, width)
    return tuple(joined)


def _plain_blank(style: str) -> bool:
    return " on " not in style and "reverse" not in style and "underline" not in style


def _cut(runs: Sequence[Run], width: int) -> list[Run]:
    """Cut to ``width`` cells; where more than blanks are lost an ellipsis says so."""
    kept: list[Run] = []
    left = width
    for place, (text, style) in enumerate(runs):
        length = width_of(text)
        if length <= left:
            kept.append((text, style))
            left -= length
            continue
        lost = width_of(text.rstrip()) > left or any(not later.isspace() for later, _ in runs[place + 1 :])
        if left:
            kept.append((set_cell_size(text, left), style))
        if lost and kept:
            last, look = kept[-1]
            kept[-1] = (set_cell_size(last, width_of(last) - 1) + "…", look)
        break
    return kept


def choose(variants: Sequence[Sequence[Run]], width: int) -> Sequence[Run]:
    """Give the first variant (longest first) that fits into ``width`` cells; nothing when none does."""
    for runs in variants:
        if sum(width_of(text) for text, _ in runs) <= width:
            return runs
    return ()


def text_of(rows: Iterable[Row]) -> str:
    """Rows as bare text, one line a row."""
    return "\n".join("".join(text for text, _ in row) for row in rows)


def frame(
    title: str,
    body: Sequence[Row],
    width: int,
    height: int,
    right: Sequence[Sequence[Run]] = (),
    bottom: Sequence[Sequence[Run]] = (),
    style: str = "frame",
) -> list[Row]:
    """Put rows of ``width - 2`` cells into a frame of ``width`` by ``height`` cells.

    ``right`` and ``bottom`` are variants, longest first, of what stands in the upper and the lower edge at the right.
    """
    inner = width - 2
    rows = [_edge("╭", "╮", title, right, inner, style)]
    blank: Row = ((" " * inner, BODY),)
    side: Run = ("│", style)
    lines = [*body[: height - 2], *[blank] * (height - 2 - len(body))]
    rows += [(side, *line, side) for line in lines]
    rows.append(_edge("╰", "╯", "", bottom, inner, style))
    return rows


def _edge(left: str, end: str, title: str, variants: Sequence[Sequence[Run]], inner: int, style: str) -> Row:
    ink = Ink().put(left + "─" if title else left, style)
    if title:
        ink.put(" ", style).put(fit(title, min(width_of(title), max(0, inner - 4))), "title bold").put(" ", style)
    # Two cells of line stay on each side of the words, so that the corner still reads as a frame.
    words = choose(variants, inner - ink.width - 3) if variants else ()
    if words:
        length = sum(width_of(text) for text, _ in words)
        ink.put("─" * (inner + 1 - ink.width - length - 3), style).put(" ", style).runs(words).put(" ─", style)
    else:
        ink.put("─" * (inner + 1 - ink.width), style)
    return ink.put(end, style).row(inner + 2)
