"""The same pictures in ASCII."""

from hypothesis import given
from hypothesis import strategies as st

from loopscope.draw.ink import text_of, width_of
from loopscope.draw.plain_ascii import to_ascii
from loopscope.ui.panes import agents, ceiling, histogram, levers, timeline
from loopscope.ui.view import View
from ui.fakes import FakeSource


@given(st.text(st.characters(categories=["L", "N", "P", "S"]), max_size=30))
def test_ascii_of_the_same_width(text: str) -> None:
    """Whatever the text, the result is ASCII and takes as many cells."""
    assert to_ascii(text).isascii()
    assert len(to_ascii(text)) == width_of(text)


def test_our_own_signs_all_have_a_stand_in() -> None:
    """No pane shows a question mark where the operator should see a line, a bar or a state."""
    view = View(FakeSource(6, failing=(1,)).snapshot(), seen=True)
    panes = (agents.draw, ceiling.draw, levers.draw, histogram.lag, timeline.throughput, timeline.power)
    for draw in panes:
        assert "?" not in to_ascii(text_of(draw(view, 160, 12)))


def test_different_states_stay_different() -> None:
    """Better, worse and same are three signs in ASCII too."""
    assert len({to_ascii(sign) for sign in "✓✗≈"}) == 3
    assert to_ascii("⣿⠉⣀") == ":'."
