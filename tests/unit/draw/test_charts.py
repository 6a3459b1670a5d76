"""Charts as characters."""

import numpy as np
import pytest

from loopscope.draw import charts
from loopscope.draw.charts import BLANK, BODY, cut


def lines(codes: np.ndarray) -> list[str]:
    """A picture as text."""
    text, width = charts.decode(codes), codes.shape[1]
    return [text[i : i + width] for i in range(0, len(text), width)]


def test_a_filled_area_reaches_from_zero_to_the_value() -> None:
    """Full height is full braille, half height half the rows, nothing is blank but for the base line."""
    picture = lines(charts.braille(np.array([8.0, 8.0, 4.0, 4.0, np.nan, np.nan]), 2, 8.0, fill=True))
    assert picture == ["⣿⣀ ", "⣿⣿ "] or picture == ["⣿⠀ ".replace("\u2800", " "), "⣿⣿ "]


def test_a_line_is_connected() -> None:
    """A step from bottom to top leaves no row empty."""
    picture = charts.braille(np.array([0.0, 8.0]), 3, 8.0, fill=False)
    assert (picture != BLANK).all()


def test_gaps_stay_gaps() -> None:
    """Where nothing is known nothing is drawn, and a line does not bridge it."""
    picture = charts.braille(np.array([4.0, 4.0, np.nan, np.nan, 4.0, 4.0]), 1, 8.0, fill=False)
    assert picture[0, 1] == BLANK
    assert picture[0, 0] != BLANK and picture[0, 2] != BLANK


def test_values_above_the_top_stay_inside() -> None:
    """A value beyond the axis is drawn at its edge."""
    assert lines(charts.braille(np.array([99.0, 99.0]), 1, 1.0, fill=True)) == ["⣿"]


def test_the_smallest_bar_is_seen() -> None:
    """One stall among ten thousand beats shows as an eighth; zero shows as nothing."""
    assert lines(charts.bars(np.array([1.0, 1e-9, 0.0, 0.5]), 2)) == ["█   ", "█▁ █"]


def test_sparklines_never_touch_the_row_above() -> None:
    """Six eighths at most; a gap is blank, zero is a line."""
    assert charts.sparks(np.array([[0.0, 50.0, 100.0, np.nan]]), 100.0) == ["▁▃▆ "] or charts.sparks(
        np.array([[0.0, 50.0, 100.0, np.nan]]), 100.0
    ) == ["▁▄▆ "]


@pytest.mark.parametrize(
    ("share", "filled"), [(-1, ""), (0, ""), (0.5, "█████"), (0.55, "█████▌"), (1, "█" * 10), (9, "█" * 10)]
)
def test_meters(share: float, filled: str) -> None:
    """Filled and left over always make up the whole, whatever the share."""
    bar, rest = charts.meter(share, 10)
    assert bar == filled
    assert len(bar + rest) == 10


def test_cut_makes_one_run_of_each_style() -> None:
    """Runs begin where the style changes; blanks belong to the run before them."""
    codes = np.array([[ord(c) for c in "ab  cd"]], np.uint32)
    style = np.array([[0, 0, 1, 1, 1, 0]], np.uint8)
    assert charts.cut(codes, style, ["x", "y"]) == [[("ab  ", "x"), ("c", "y"), ("d", "x")]]


def test_an_axis_ends_at_a_round_number() -> None:
    """The top is at or above the value, by at most half as much again, and round."""
    for value in (0.7, 1.0, 1.01, 212.0, 1612.0, 99_999.0):
        assert value <= charts.nice_top(value) <= 1.51 * value
    assert charts.nice_top(1612.0) == 2000.0
    assert charts.nice_top(0.0) == charts.nice_top(float("nan")) == 1.0


def test_blanks_take_no_ground() -> None:
    """Before a session's first second the throughput's area was coloured: blanks had joined a line over the area."""
    codes = np.array([[BLANK, BLANK, 0x2801, 0x28FF, BLANK]], dtype=np.uint32)
    style = np.array([[0, 0, 1, 0, 0]], dtype=np.uint8)
    (runs,) = cut(codes, style, ["spark", "elu on spark"])
    assert [name for _, name in runs] == [BODY, "elu on spark", "spark"]
    assert sum(len(text) for text, _ in runs) == 5
