"""Tables of text."""

import pytest

from loopscope.core.format import NONE
from loopscope.report.columns import Column, Table
from loopscope.report.grid import lines

COLUMNS: Table[list[str]] = (
    Column("name", lambda row: row[0], left=True),
    Column("first", lambda row: row[1], rank=2),
    Column("second", lambda row: row[2], rank=1),
    Column("kept", lambda row: row[3]),
)
ROWS = [["a long name", "1", "22", "333"], ["b", "4", "5", "6"]]


def test_columns_are_as_wide_as_their_cells() -> None:
    """Text to the left, numbers to the right, two cells between."""
    assert lines(COLUMNS, ROWS, 80) == [
        "name         first  second  kept",
        "a long name      1      22   333",
        "b                4       5     6",
    ]


def test_the_least_important_column_goes_first() -> None:
    """One cell less, and the column with the highest rank is gone; then the next; rank 0 stays."""
    assert lines(COLUMNS, ROWS, 31)[0].split() == ["name", "second", "kept"]
    assert lines(COLUMNS, ROWS, 20)[0].split() == ["name", "kept"]


@pytest.mark.parametrize("width", range(10, 40))
def test_no_line_is_wider_than_asked(width: int) -> None:
    """Whatever the width, every line fits; a name that does not is cut with a sign."""
    table = lines(COLUMNS, ROWS, width)
    assert max(map(len, table)) <= width
    assert width >= 17 or "…" in table[1]


def test_what_is_not_known_has_one_sign_and_a_column_without_a_cell_goes() -> None:
    """Units stand behind titles."""
    columns: Table[int] = (
        Column("delay", lambda row: None, "ms"),
        Column("gone", lambda row: None, rank=1),
        Column("n", str),
    )
    assert lines(columns, [1], 40) == ["delay ms  n", f"       {NONE}  1"]
