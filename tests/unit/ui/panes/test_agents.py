"""The agents' table."""

from dataclasses import replace

import numpy as np

from loopscope.draw.ink import text_of
from loopscope.model.snapshot import Figure
from loopscope.ui.panes import agents
from loopscope.ui.view import View
from ui.fakes import FakeSource


def view(n: int = 3, **more: object) -> View:
    """A view of n agents, the second of which fails."""
    return View(snapshot=FakeSource(n, failing=(1,)).snapshot(), seen=True, **more)  # type: ignore[arg-type]


def lines(v: View, width: int = 160, height: int = 10) -> list[str]:
    """The table's rows."""
    return text_of(agents.draw(v, width, height)).splitlines()


def test_every_column_at_full_width() -> None:
    """Titles and figures of one agent; the figures stand under their titles."""
    head, row = lines(view())[1:3]
    for title in (
        "agent",
        "state",
        "endpoint",
        "tok/s",
        "TTFT",
        "ITL",
        "gap p50",
        "p99",
        "delay p50",
        "requests",
        "errors",
    ):
        assert title in head
    assert "127.0.0.1:41231" in row
    assert "streaming" in row
    for title, figure in (("TTFT", "212"), ("requests", "21")):
        assert row[: head.index(title) + len(title)].endswith(figure)


def test_narrow_keeps_what_matters() -> None:
    """Name, rate and delay stay at 60 cells; the endpoint goes first."""
    head = lines(view(), 60)[1]
    assert "agent" in head and "tok/s" in head and "delay p50" in head
    assert "endpoint" not in head and "ITL" not in head


def test_a_failing_agent_says_why() -> None:
    """In its row, in words, at every width, with its errors where there is room for them."""
    for width in (160, 120, 80):
        row = next(line for line in lines(view(), width) if "agent-2" in line)
        assert "connection refused, next try in 2.0 s" in row
        assert row.lstrip("│▸ ").startswith("▲")
    assert lines(view(), 160)[3].rstrip(" │").endswith("4")


def test_states_differ_by_glyph() -> None:
    """No two states that mean something else look alike without colour."""
    glyphs = [glyph for glyph, _ in agents.STATES.values()]
    assert len(set(glyphs)) == len(glyphs)


def test_no_delay_without_a_stamp() -> None:
    """A dash, not zero."""
    v = view(1)
    v.snapshot = replace(v.snapshot, agents=(replace(v.snapshot.agents[0], delay_words="no stamp", state="streaming"),))
    head, row = lines(v)[1:3]
    end = head.index("delay p50") + len("delay p50")
    assert row[:end].endswith("    –")


def test_sums_stand_in_the_frame() -> None:
    """Agents, rate, requests, errors, and what takeovers cut."""
    assert "3 agents · 200 tok/s · 66 requests · 4 errors · 2 cut by takeover" in lines(view())[0]


def test_the_chosen_one_is_marked_and_in_sight() -> None:
    """With more agents than rows the page with the chosen one is shown."""
    v = view(64, selected=40)
    table = lines(v, 120, 13)
    assert any(line.startswith("│▸") and " agent-41 " in line for line in table)
    assert "to 50 of 64" in table[-1]


def test_a_click_finds_its_agent() -> None:
    """Row by row; beside the rows there is none."""
    v = view(64, selected=40)
    table = lines(v, 120, 13)
    for y, line in enumerate(table):
        number = agents.agent_at(v, y, 13)
        if "agent-" in line:
            assert f" agent-{number + 1} " in line if number is not None else False
        else:
            assert number is None


def test_no_total_is_no_zero() -> None:
    """Before the first chunks the total is not known; later it is what the servers handed out, not a sum of rates."""
    v = view(2)
    v.snapshot = replace(v.snapshot, figures={"tok_s.total": Figure(None, "no chunks")})
    assert "– tok/s" in lines(v)[0]
    v.snapshot = replace(v.snapshot, figures={"tok_s.total": Figure(40.0)})
    assert "40.0 tok/s" in lines(v)[0]


def test_before_the_session_there_was_no_rate() -> None:
    """Four seconds in, a line of the last half minute has four steps: the rest is blank, not zero."""
    v = view(1)
    one = replace(v.snapshot.agents[0], spark_chunks_s=np.array([0.0] * 56 + [0.0, 20.0, 20.0, 20.0]))
    v.snapshot = replace(v.snapshot, t_s=4.7, agents=(one,))
    assert sum(lines(v)[2].count(step) for step in "▁▂▃▄▅▆▇█") == 4
    v.snapshot = replace(v.snapshot, t_s=0.3)
    assert not any(step in lines(v)[2] for step in "▁▂▃▄▅▆▇█")


def test_long_names_get_room() -> None:
    """Up to sixteen cells where the table is wide."""
    v = view(1)
    v.snapshot = replace(v.snapshot, agents=(replace(v.snapshot.agents[0], name="collector-12"),))
    assert "collector-12 " in lines(v)[2]
    assert "collector-12 " in lines(v, 80)[2]
