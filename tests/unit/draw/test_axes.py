"""Log axes and stacked bars."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loopscope.draw.axes import LogAxis, around
from loopscope.draw.charts import stacked


@pytest.mark.parametrize(
    ("cells", "said"),
    [(60, ["1", "2", "5", "10", "20", "50", "100"]), (20, ["1", "2", "5", "10", "20", "100"]), (8, ["1", "10"])],
)
def test_labels_are_1_2_5_as_far_as_there_is_room(cells: int, said: list[str]) -> None:
    """Powers of ten first; no two labels touch, and each stands at its value."""
    labels = LogAxis(1.0, 100.0, cells).labels(lambda value: f"{value:g}")
    assert [text for _, _, text in labels] == said
    assert all(b[1] > a[1] + len(a[2]) for a, b in pairwise(labels))


@given(st.lists(st.floats(1e-6, 1e9), min_size=1, max_size=9), st.integers(1, 200))
def test_every_value_has_a_cell(values: list[float], cells: int) -> None:
    """Inside of the axis, in their order, and not at its very ends where there is room."""
    axis = LogAxis(*around(values), cells)
    places = [axis.at(value) for value in sorted(values)]
    assert places == sorted(places) and places[0] >= 0 and places[-1] < cells
    assert axis.at(0.0) == 0


@given(st.lists(st.floats(0, 1), min_size=1, max_size=6), st.integers(0, 200))
def test_a_stacked_bar_is_full(shares: list[float], cells: int) -> None:
    """Its parts fill all cells, and none is further from its share than the others' least cells make it."""
    widths = stacked(shares, cells)
    assert all(n >= 0 for n in widths)
    assert sum(widths) == (cells if sum(shares) > 0 else 0)


def test_half_a_percent_is_seen() -> None:
    """What is not nothing has a cell."""
    assert stacked([0.006, 0.0, 0.994], 50) == [1, 0, 49]
