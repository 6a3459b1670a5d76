"""Rows of runs."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loopscope.draw.ink import Ink, choose, fit, frame, text_of, tidy, width_of


@given(st.text(st.characters(categories=["L", "N", "P", "S", "Zs"]), max_size=30), st.integers(0, 40), st.booleans())
def test_fit_gives_exactly_the_asked_cells(text: str, width: int, right: bool) -> None:
    """Cut or padded, wide characters included."""
    assert width_of(fit(text, width, right)) == width


def test_a_cut_is_seen() -> None:
    """What was cut ends in an ellipsis; padding goes to the asked side."""
    assert fit("collector", 6) == "colle…"
    assert (fit("ab", 4), fit("ab", 4, right=True)) == ("ab  ", "  ab")


def test_rows_are_padded_and_cut() -> None:
    """A row has the width that was asked for."""
    row = Ink().put("ab", "value").put("cd", "label").row(6)
    assert text_of([row]) == "abcd  "
    assert text_of([Ink().put("abcdef", "value").row(3)]) == "ab…"
    assert text_of([Ink().put("abc", "value").put("def", "label").row(3)]) == "ab…"
    assert text_of([Ink().put("abc", "value").put("  ", "label").row(3)]) == "abc"
    assert text_of([Ink().put("a日本", "value").row(4)]) == "a日…"


def test_equal_styles_and_blanks_join() -> None:
    """Neighbours of one style are one run; a blank takes the style before it unless that could be seen."""
    assert tidy([("a", "x"), ("b", "x"), ("  ", "text"), ("c", "x")], 5) == (("ab  c", "x"),)
    assert tidy([("a", "x on y"), ("  ", "text")], 3) == (("a", "x on y"), ("  ", "text"))


def test_choose_takes_the_first_that_fits() -> None:
    """Variants are given longest first."""
    long, short = [("abcdef", "x")], [("ab", "x")]
    assert choose([long, short], 6) == long
    assert choose([long, short], 5) == short
    assert choose([long, short], 1) == ()


@pytest.mark.parametrize("width", range(6, 40))
def test_frames_close(width: int) -> None:
    """Corners meet at every width; words that do not fit give way."""
    rows = frame("title", [], width, 4, right=[[("some words", "label")]], bottom=[[("below", "label")]])
    lines = text_of(rows).splitlines()
    assert [width_of(line) for line in lines] == [width] * 4
    assert lines[0][0] + lines[0][-1] + lines[-1][0] + lines[-1][-1] == "╭╮╰╯"
    assert ("some words" in lines[0]) == (width >= 5 + 2 + 10 + 7)
