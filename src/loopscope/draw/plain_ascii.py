"""The same pictures for a terminal without such characters: one table, used when runs become segments.

Drawing always speaks Unicode; where the terminal cannot (``LOOPSCOPE_ASCII=1``, a locale that is not UTF-8, the Linux
console, whose font has no braille), every character is replaced by one that it has. Same width, so no layout changes.
"""

from rich.cells import cell_len

_SIGNS = {
    "─": "-",
    "│": "|",
    "╭": "+",
    "╮": "+",
    "╰": "+",
    "╯": "+",
    "├": "+",
    "┤": "+",
    "┬": "+",
    "┴": "+",
    "┼": "+",
    "┊": ":",
    "┄": ".",
    "┆": ":",
    "━": "=",
    "└": "+",
    "╌": "-",
    "█": "#",
    "▉": "#",
    "▊": "#",
    "▋": "=",
    "▌": "=",
    "▍": "=",
    "▎": "-",
    "▏": "-",
    "░": ".",
    "▒": "o",
    "▓": "g",
    "▚": "x",
    "╹": "'",
    "▀": '"',
    "▁": "_",
    "▂": ".",
    "▃": "-",
    "▄": "=",
    "▅": "+",
    "▆": "*",
    "▇": "%",
    "●": "*",
    "○": "o",
    "◌": "o",
    "◐": "o",
    "◦": ".",
    "▲": "!",
    "△": "^",
    "▼": "v",
    "↓": "v",
    "↑": "^",
    "→": ">",
    "×": "x",
    "▸": ">",
    "▶": ">",
    "✓": "+",
    "✗": "!",
    "≈": "~",
    "≥": ">",
    "–": "-",
    "—": "-",
    "…": "~",
    "·": ".",
    "■": "#",
    "µ": "u",
    "±": "~",
    "←": "<",
    "⏎": "<",
    "┃": "|",
    "⇧": "^",
}


def _table() -> dict[int, str]:
    table = {ord(sign): plain for sign, plain in _SIGNS.items()}
    upper, lower = 0x01 | 0x02 | 0x08 | 0x10, 0x04 | 0x40 | 0x20 | 0x80
    for bits in range(256):
        table[0x2800 + bits] = " '.:"[bool(bits & upper) + 2 * bool(bits & lower)]
    return table


TABLE = _table()


def to_ascii(text: str) -> str:
    """Replace every character that is not ASCII; those without a stand-in become ``?``, one for each cell."""
    if text.isascii():
        return text
    text = text.translate(TABLE)
    return text if text.isascii() else "".join(c if c.isascii() else "?" * cell_len(c) for c in text)
