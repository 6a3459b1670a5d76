"""Lines, planes and correlations, against values that are known or that numpy gives by another way."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from loopscope.stats.regression import fit, pearson, spearman


def test_a_line_is_found_with_its_error() -> None:
    """Anscombe's first set: intercept 3.0, slope 0.5, R2 0.667, standard error of the slope 0.118."""
    x = [10, 8, 13, 9, 11, 14, 6, 4, 12, 7, 5]
    y = [8.04, 6.95, 7.58, 8.81, 8.33, 9.96, 7.24, 4.26, 10.84, 4.82, 5.68]
    line = fit(y, {"x": x})
    assert line is not None
    assert line.intercept == pytest.approx(3.0001, abs=1e-4)
    assert line.slopes["x"] == pytest.approx(0.5001, abs=1e-4)
    assert line.r2 == pytest.approx(0.6665, abs=1e-4)
    assert line.errors["x"] == pytest.approx(0.1179, abs=1e-4)
    assert line.errors["intercept"] == pytest.approx(1.1247, abs=1e-4)
    assert line.spread == pytest.approx(1.2366, abs=1e-4)
    assert line.at({"x": 10}) == pytest.approx(8.001, abs=1e-3)


def test_two_columns_are_told_apart_whatever_their_units() -> None:
    """y = 1 + 2 a - 3e-9 b, with b in the billions: both slopes come back."""
    random = np.random.default_rng(1)
    a, b = random.random(50), random.random(50) * 1e9
    plane = fit(1 + 2 * a - 3e-9 * b, {"a": a, "b": b})
    assert plane is not None
    assert plane.slopes["a"] == pytest.approx(2)
    assert plane.slopes["b"] == pytest.approx(-3e-9)
    assert plane.r2 == pytest.approx(1)


def test_what_cannot_be_told_apart_has_no_answer() -> None:
    """A column that does not vary, one that is another's double, and too few rows."""
    x = np.arange(10.0)
    assert fit(x, {"flat": np.ones(10)}) is None
    assert fit(x, {"x": x, "double": 2 * x}) is None
    assert fit(x, {"none": np.zeros(10)}) is None
    assert fit(x[:4], {"x": x[:4]}) is None


def test_rows_that_are_no_numbers_are_left_out() -> None:
    """A missing value costs its row, no more."""
    x, y = np.arange(12.0), np.arange(12.0) * 2
    y[3], x[5] = np.nan, np.inf
    line = fit(y, {"x": x})
    assert line is not None
    assert line.n == 10
    assert line.slopes["x"] == pytest.approx(2)


def test_ranks_see_what_is_not_straight() -> None:
    """x cubed rises with x: ranks say 1, the line less; ties share their rank."""
    x = np.arange(-5.0, 6.0)
    assert spearman(x, x**5) == pytest.approx(1)
    assert pearson(x, x**5) == pytest.approx(np.corrcoef(x, x**5)[0, 1])
    assert spearman([1, 2, 2, 3], [1, 2, 3, 4]) == pytest.approx(0.9486833)


def test_a_column_that_does_not_vary_correlates_with_nothing() -> None:
    """Not 0, which would say "unrelated": not known."""
    assert pearson([1, 1, 1], [1, 2, 3]) is None
    assert spearman([1, 2], [1, 2]) is None


@given(st.lists(st.tuples(st.floats(-1e6, 1e6), st.floats(-1e6, 1e6)), min_size=3, max_size=40))
def test_correlations_lie_between_minus_one_and_one(rows: list[tuple[float, float]]) -> None:
    """Whatever the numbers, and the same either way round."""
    x, y = zip(*rows, strict=True)
    for measure in (pearson, spearman):
        value = measure(x, y)
        assert value == measure(y, x) or value == pytest.approx(measure(y, x), abs=1e-6)
        assert value is None or -1 <= value <= 1
