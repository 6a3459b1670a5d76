"""Tables of text: columns as wide as their cells; what does not fit goes, the least important column first."""

from collections.abc import Sequence

from loopscope.core.format import NONE
from loopscope.report.columns import Row, Table

_BETWEEN = 2


def lines(table: Table[Row], rows: Sequence[Row], width: int) -> list[str]:
    """Set a table at most ``width`` cells wide; a column without a cell goes, a text that is still too wide is cut."""
    cells = [[NONE if (cell := column.cell(row)) is None else cell for column in table] for row in rows]
    kept = [n for n, column in enumerate(table) if not column.rank or any(row[n] not in ("", NONE) for row in cells)]
    sizes = [max([len(column.head), *(len(row[n]) for row in cells)]) for n, column in enumerate(table)]

    def total() -> int:
        return sum(sizes[n] for n in kept) + _BETWEEN * (len(kept) - 1)

    while total() > width:
        spare = max(kept, key=lambda n: table[n].rank)
        if table[spare].rank == 0:
            texts = [n for n in kept if table[n].left]
            if not texts:
                break
            widest = max(texts, key=lambda n: sizes[n])
            sizes[widest] = max(sizes[widest] - (total() - width), 4)
            break
        kept.remove(spare)
    return [
        (" " * _BETWEEN).join(_fitted(row[n], sizes[n], table[n].left) for n in kept).rstrip()[:width]
        for row in [[column.head for column in table], *cells]
    ]


def _fitted(text: str, size: int, left: bool) -> str:
    if len(text) > size:
        text = text[: size - 1] + "…"
    return text.ljust(size) if left else text.rjust(size)
