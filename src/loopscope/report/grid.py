"""Tables of text: columns as wide as their cells; what does not fit goes, the least important column first."""

from collections.abc import Sequence
from dataclasses import dataclass

_BETWEEN = 2


@dataclass(frozen=True, slots=True)
class Column:
    """One column. ``rank`` 0 always stays; of the others the highest rank goes first. ``left``: text, not numbers."""

    title: str
    rank: int = 0
    left: bool = False


def lines(columns: Sequence[Column], rows: Sequence[Sequence[str]], width: int) -> list[str]:
    """Set a table at most ``width`` cells wide; a text column that is still too wide is cut."""
    kept = list(range(len(columns)))
    sizes = [max([len(columns[n].title), *(len(row[n]) for row in rows)]) for n in kept]

    def total() -> int:
        return sum(sizes[n] for n in kept) + _BETWEEN * (len(kept) - 1)

    while total() > width:
        spare = max(kept, key=lambda n: columns[n].rank)
        if columns[spare].rank == 0:
            texts = [n for n in kept if columns[n].left]
            if not texts:
                break
            widest = max(texts, key=lambda n: sizes[n])
            sizes[widest] = max(sizes[widest] - (total() - width), 4)
            break
        kept.remove(spare)
    return [
        (" " * _BETWEEN).join(_cell(row[n], sizes[n], columns[n].left) for n in kept).rstrip()[:width]
        for row in [[column.title for column in columns], *rows]
    ]


def _cell(text: str, size: int, left: bool) -> str:
    if len(text) > size:
        text = text[: size - 1] + "…"
    return text.ljust(size) if left else text.rjust(size)
