"""Charts as characters: braille lines and areas, bars in eighths of a cell, sparklines. Pure numpy, no colours.

A chart is a matrix of code points (rows x columns, row 0 on top); :func:`cut` makes rows of runs of it, with a style a
cell. Whole matrices are decoded at once and runs are cut where the style changes: the same pictures drawn cell by cell
cost 8 to 30 times as much a frame.
"""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from loopscope.draw.ink import BODY, Row

Floats = NDArray[np.float64]
Codes = NDArray[np.uint32]
Styles = NDArray[np.uint8]

BLANK = 0x20
_BRAILLE = 0x2800
_EIGHTHS = np.array([ord(c) for c in " ▁▂▃▄▅▆▇█"], np.uint32)
_LEFT_EIGHTHS = " ▏▎▍▌▋▊▉█"


def _dot_table() -> NDArray[np.uint32]:
    """Bits of one braille column for dots ``a`` to ``b`` (counted from below, 0 to 4): table[side, a, b]."""
    bits = ((0x40, 0x04, 0x02, 0x01), (0x80, 0x20, 0x10, 0x08))
    table = np.zeros((2, 5, 5), np.uint32)
    for side in range(2):
        for a in range(5):
            for b in range(a, 5):
                table[side, a, b] = sum(bits[side][a:b])
    return table


_DOTS = _dot_table()


def braille(values: Floats, rows: int, top: float, fill: bool) -> Codes:
    """Draw values (two a cell, ``nan`` leaves a gap) as a connected line, or filled down to zero.

    ``top`` is the value at the upper edge, zero the lower one. Gives rows x (len(values) // 2) code points.
    """
    cells = len(values) // 2
    if not cells or rows < 1:
        return np.full((max(rows, 0), cells), BLANK, np.uint32)
    dots = rows * 4
    known = np.isfinite(values)
    level = np.where(known, np.clip(np.nan_to_num(values) / max(top, 1e-12), 0, 1), 0)
    high = np.rint(level * (dots - 1)).astype(np.int64)
    low = np.zeros_like(high) if fill else high.copy()
    if not fill:
        # A step between two neighbours is filled, half by each, so that the line is connected.
        joined = known[1:] & known[:-1]
        middle = (high[1:] + high[:-1]) // 2
        low[1:] = np.where(joined, np.minimum(low[1:], middle), low[1:])
        low[:-1] = np.where(joined, np.minimum(low[:-1], middle), low[:-1])
        high = high.copy()
        peak = high.copy()
        peak[1:] = np.where(joined, np.maximum(peak[1:], middle), peak[1:])
        peak[:-1] = np.where(joined, np.maximum(peak[:-1], middle), peak[:-1])
        high = peak
    high = np.where(known, high + 1, 0)
    low = np.where(known, low, 0)
    base = (np.arange(rows - 1, -1, -1) * 4)[:, None]
    a = np.clip(low[None, : cells * 2] - base, 0, 4)
    b = np.maximum(np.clip(high[None, : cells * 2] - base, 0, 4), a)
    mask = _DOTS[0, a[:, 0::2], b[:, 0::2]] | _DOTS[1, a[:, 1::2], b[:, 1::2]]
    return np.where(mask, mask + _BRAILLE, BLANK).astype(np.uint32)


def overlay(under: Codes, over: Codes) -> Codes:
    """Join two braille pictures: dots of both."""
    both = (under >= _BRAILLE) & (over >= _BRAILLE)
    return np.where(both, under | over, np.where(over != BLANK, over, under)).astype(np.uint32)


def bars(heights: Floats, rows: int) -> Codes:
    """Draw upright bars of ``heights`` in [0, 1], one a column; whatever is above zero shows at least one eighth."""
    levels = np.rint(np.clip(heights, 0, 1) * rows * 8)
    levels = np.where((heights > 0) & (levels < 1), 1, levels).astype(np.int64)
    base = (np.arange(rows - 1, -1, -1) * 8)[:, None]
    return _EIGHTHS[np.clip(levels[None, :] - base, 0, 8)]


def sparks(values: Floats, top: float) -> list[str]:
    """Draw each row of a matrix as a sparkline of at most six eighths (rows must not touch); ``nan`` is a blank."""
    known = np.isfinite(values)
    level = np.rint(np.clip(np.nan_to_num(values) / max(top, 1e-12), 0, 1) * 5).astype(np.int64) + 1
    codes = _EIGHTHS[np.where(known, level, 0)]
    width = values.shape[1]
    text = decode(codes)
    return [text[i * width : (i + 1) * width] for i in range(values.shape[0])]


def meter(share: float, cells: int) -> tuple[str, str]:
    """Draw a lying bar: its filled part, in eighths of a cell, and what is left of ``cells`` as a trough."""
    eighths = round(min(1.0, max(0.0, share)) * cells * 8)
    whole, part = divmod(eighths, 8)
    filled = "█" * whole + (_LEFT_EIGHTHS[part] if part else "")
    return filled, "░" * (cells - len(filled))


def stacked(shares: Sequence[float], cells: int) -> list[int]:
    """Return the cells of each part of a stacked bar: all of them together, one at least for half a percent."""
    total = sum(shares)
    if not total > 0 or cells < 1:
        return [0] * len(shares)
    exact = [max(0.0, value) / total * cells for value in shares]
    whole = [max(int(value), 1 if value >= 0.005 * cells else 0) for value in exact]
    # What is left goes to those that lost most by rounding; what is too much comes from the largest.
    while sum(whole) < cells:
        place = max(range(len(exact)), key=lambda i: exact[i] - whole[i])
        whole[place] += 1
    while sum(whole) > cells:
        whole[whole.index(max(whole))] -= 1
    return whole


def decode(codes: Codes) -> str:
    """Make one string of code points, row after row."""
    return codes.astype("<u4").tobytes().decode("utf-32-le")


def cut(codes: Codes, style: Styles, names: Sequence[str]) -> list[list[tuple[str, str]]]:
    """Make runs of a picture: ``style`` is an index into ``names`` a cell. Blanks join what stands left of them.

    They do not join a style that has a ground ("elu on spark"): where nothing is drawn, nothing may be coloured.
    """
    rows, width = codes.shape
    if not rows or not width:
        return [[] for _ in range(rows)]
    text = decode(codes)
    grounds = np.array([" on " in name for name in names])
    out = []
    for y in range(rows):
        line = style[y]
        line = np.where(codes[y] == BLANK, 255, line)
        drawn = np.flatnonzero(line != 255)
        if not len(drawn):
            out.append([(text[y * width : (y + 1) * width], BODY)])
            continue
        # Carry the last style over blanks: position of the last drawn cell at or before each cell.
        last = np.maximum.accumulate(np.where(line != 255, np.arange(width), -1))
        line = line[np.where(last < 0, drawn[0], last)]
        line = np.where((codes[y] == BLANK) & grounds[line], 255, line)
        edges = [0, *(np.flatnonzero(np.diff(line)) + 1).tolist(), width]
        start = y * width
        out.append(
            [(text[start + a : start + b], BODY if line[a] == 255 else names[line[a]]) for a, b in pairwise(edges)]
        )
    return out


def rows_of(runs: list[list[tuple[str, str]]]) -> list[Row]:
    """Freeze runs into rows."""
    return [tuple(line) for line in runs]


def nice_top(value: float) -> float:
    """Round up to 1, 1.5, 2, 2.5, 3, 4, 5, 6 or 8 times a power of ten: an axis that does not twitch."""
    if not value > 0:
        return 1.0
    power = 10.0 ** np.floor(np.log10(value))
    for step in (1, 1.5, 2, 2.5, 3, 4, 5, 6, 8, 10):
        if value <= step * power * 1.0001:
            return float(step * power)
    return float(10 * power)
