"""What a table is made of: columns, each with title, unit, meaning, and how a cell is taken and written.

A table is declared once, as a sequence of columns, and set by three renderers: :func:`loopscope.report.grid.lines`
(text), :func:`loopscope.report.markdown.table` and :func:`loopscope.report.html.tables.table`. An absent cell is
``None``; each renderer has one sign for it.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

Row = TypeVar("Row")
UNKNOWN = "not enough data"


@dataclass(frozen=True, slots=True)
class Column(Generic[Row]):
    """One column of a table whose rows are of type ``Row``."""

    title: str
    cell: Callable[[Row], str | None]
    """How a cell is taken and written; ``None``: not known."""
    unit: str = ""
    meaning: str = ""
    left: bool = False
    """It holds text, not numbers."""
    rank: int = 0
    """0 always stays; of the others the highest goes first where a table of text is too wide."""
    note: Callable[[Row], str] | None = None
    """What a page says in small print behind the cell; text and Markdown say it below the table."""
    tip: Callable[[Row], str] | None = None
    """What a page says where one points at the cell: an interval, or why it is not known."""
    look: Callable[[Row], str] | None = None
    """How a page shows it: ``good``, ``bad``, ``sure``, ``none``."""

    @property
    def head(self) -> str:
        """Title and unit, as they stand above a column of text."""
        return f"{self.title} {self.unit}".strip()


Table = Sequence[Column[Row]]


def figure(
    title: str,
    take: Callable[[Row], float | None],
    say: Callable[[float], str],
    unit_: str = "",
    meaning: str = "",
    *,
    rank: int = 0,
    tip: Callable[[Row], str] | None = None,
    look: Callable[[Row], str] | None = None,
) -> Column[Row]:
    """Declare a column of numbers."""

    def cell(row: Row) -> str | None:
        value = take(row)
        return None if value is None else say(value)

    return Column(title, cell, unit_, meaning, rank=rank, tip=tip, look=look)


def word(
    title: str,
    take: Callable[[Row], str],
    meaning: str = "",
    *,
    rank: int = 0,
    look: Callable[[Row], str] | None = None,
) -> Column[Row]:
    """Declare a column of text."""
    return Column(title, take, meaning=meaning, left=True, rank=rank, look=look)
