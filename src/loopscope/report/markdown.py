"""Markdown in which nothing that came from a file is markup."""

import re
from collections.abc import Sequence

from loopscope.core.format import NONE
from loopscope.report.columns import Row, Table

_MARKUP = re.compile(r"([\\`*_\[\]<>|~&$#])")


def escape(text: str) -> str:
    """Make a text stand as it is, behind other text on a line or in a cell; nobody is mentioned by it."""
    return _MARKUP.sub(r"\\\1", text).replace("\n", " ").replace("@", "&#64;")


def table(columns: Table[Row], rows: Sequence[Row]) -> str:
    """Return a table; a column that may go and has no cell is left out."""
    cells = [[NONE if (cell := column.cell(row)) is None else escape(cell) for column in columns] for row in rows]
    kept = [n for n, column in enumerate(columns) if not column.rank or any(row[n] not in ("", NONE) for row in cells)]
    marks = [":--" if columns[n].left else "--:" for n in kept]
    heads = [escape(columns[n].head) for n in kept]
    return "\n".join(f"| {' | '.join(row)} |" for row in (heads, marks, *([row[n] for n in kept] for row in cells)))


def fenced(lines: Sequence[str]) -> str:
    """Return drawn lines in a block whose columns stand under each other; no line of them can end it."""
    body = "\n".join(lines)
    fence = "`" * max(3, 1 + max((len(run) for run in re.findall("`+", body)), default=0))
    return f"{fence}\n{body}\n{fence}"
