"""The operator's view."""

from dataclasses import replace

from loopscope.model.snapshot import Quantiles
from loopscope.ui.view import View
from ui.fakes import FakeSource


def view(agents: int = 5) -> View:
    """A view of some agents."""
    return View(snapshot=FakeSource(agents, failing=(2,)).snapshot())


def test_the_choice_stops_at_the_ends() -> None:
    """Up at the top stays, far down ends at the last; it follows the order of the table."""
    v = view()
    assert v.chosen() is v.snapshot.agents[0]
    v.choose(-1)
    assert v.selected == 0
    v.choose(100)
    assert v.selected == 4


def test_a_chosen_agent_that_has_gone() -> None:
    """The first one stands in."""
    v = view()
    v.selected = 99
    assert v.chosen() is v.snapshot.agents[0]
    assert View().chosen() is None


def test_orders() -> None:
    """By errors the failing one is first; by delay the latest."""
    v = view()
    v.order = "errors"
    assert v.agents()[0].agent == 2
    slow = replace(v.snapshot.agents[3], delay_ms=Quantiles(1, 900.0, 900.0, 900.0, 900.0))
    v.snapshot = replace(v.snapshot, agents=(*v.snapshot.agents[:3], slow, v.snapshot.agents[4]), t_s=9.0)
    v.order = "delay"
    assert v.agents()[0].agent == 3


def test_rows_swap_once_a_second_at_most() -> None:
    """Within one second the order stays, though the figures change."""
    v = view()
    v.order = "tok/s"
    before = [a.agent for a in v.agents()]
    turned = tuple(replace(a, tok_s=1000.0 - 100 * before.index(a.agent) * -1) for a in v.snapshot.agents)
    v.snapshot = replace(v.snapshot, agents=turned, t_s=v.snapshot.t_s + 0.01)
    assert [a.agent for a in v.agents()] == before
    v.snapshot = replace(v.snapshot, t_s=v.snapshot.t_s + 1.0)
    assert [a.agent for a in v.agents()] == before[::-1]
