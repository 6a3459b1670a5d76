"""Tables of text."""

import pytest

from loopscope.report.grid import Column, lines

COLUMNS = (Column("name", left=True), Column("first", 2), Column("second", 1), Column("kept"))
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
