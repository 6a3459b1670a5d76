"""From words to colours."""

import pytest
from rich.color import ColorSystem
from textual.filter import Monochrome

from loopscope.draw.ink import Ink
from loopscope.ui.paint import Paint

VARIABLES = {
    "background": "#101010",
    "foreground": "#eeeeee",
    "text": "#dddddd",
    "stall": "#ff0000",
    "cursor": "#000080",
}


def test_words_become_a_style() -> None:
    """Colour, ground and weight are read from the words; the ground is the theme's unless named."""
    paint = Paint(VARIABLES)
    style = paint.style("stall on cursor bold")
    assert style.color is not None and style.color.name == "#ff0000"
    assert style.bgcolor is not None and style.bgcolor.name == "#000080"
    assert style.bold
    plain = paint.style("text")
    assert plain.bgcolor is not None and plain.bgcolor.name == "#101010" and not plain.bold


def test_an_unknown_name_is_the_foreground() -> None:
    """A theme of another program lacks our names; nothing breaks."""
    style = Paint(VARIABLES).style("no-such-name")
    assert style.color is not None and style.color.name == "#eeeeee"


def test_filters_reach_every_style() -> None:
    """NO_COLOR turns every colour into a grey."""
    style = Paint(VARIABLES, [Monochrome()]).style("stall")
    assert style.color is not None and style.color.triplet is not None
    assert len(set(style.color.triplet)) == 1


@pytest.mark.parametrize("value", ["ansi_bright_red", "auto 87%", "ansi_blue 50%", "not a colour"])
def test_values_that_textual_writes(value: str) -> None:
    """The terminal's own colours and blended ones can be looked up without a crash."""
    style = Paint({**VARIABLES, "stall": value}).style("stall")
    assert style.color is not None
    style.color.downgrade(ColorSystem.STANDARD)


def test_strips_are_ascii_where_needed() -> None:
    """The text of a strip is replaced, its width is not."""
    row = Ink().put("▲ 12 ms █▌", "stall").row(12)
    assert Paint(VARIABLES, ascii_only=True).strip(row, 12).text == "! 12 ms #=  "
    assert Paint(VARIABLES).strip(row, 12).text == "▲ 12 ms █▌  "
