"""Large figures."""

import pytest

from loopscope.core.format import rate
from loopscope.draw import digits


@pytest.mark.parametrize("font", [digits.large, digits.small])
@pytest.mark.parametrize("text", ["0123456789", "12.9k", "≥1.3M", "–", rate(None), rate(12_900)])
def test_every_row_has_one_width(font: object, text: str) -> None:
    """Rows line up for every character that a rate can have."""
    rows = font(text)  # type: ignore[operator]
    assert len({len(row) for row in rows}) == 1
    assert rows[0]


@pytest.mark.parametrize("font", [digits.large, digits.small])
def test_no_two_digits_look_the_same(font: object) -> None:
    """A figure read from afar is read once."""
    assert len({tuple(font(c)) for c in "0123456789.kM≥–"}) == 15  # type: ignore[operator]
