"""The ceiling: a lower bound looks like one."""

from dataclasses import replace

import pytest

from loopscope.draw import digits
from loopscope.draw.ink import Row, text_of
from loopscope.model.loop_stack import LoopStack
from loopscope.model.snapshot import AgentView, CeilingView, Quantiles, Snapshot
from loopscope.ui.panes import ceiling
from loopscope.ui.view import View
from ui.fakes import FakeSource

BASE = FakeSource(2).snapshot()


def rows(snapshot: Snapshot, width: int = 72, height: int = 12) -> list[Row]:
    """The pane."""
    return ceiling.draw(View(snapshot=snapshot, seen=True), width, height)


@pytest.mark.parametrize(("width", "height"), [(72, 12), (54, 9), (40, 9), (40, 8), (30, 5), (160, 40)])
def test_at_least_stands_at_every_size(width: int, height: int) -> None:
    """With the words and the sign, never as a bare number."""
    shown = text_of(rows(BASE, width, height))
    assert "at least" in shown
    assert "loop busy" in shown
    assert "≥" in shown or digits.small("≥")[0] in shown or digits.large("≥")[0] in shown


def test_figures_are_large_where_there_is_room() -> None:
    """Five rows at 160x48, three at 120x36, a line of text where neither fits."""
    snap = replace(BASE, ceiling=replace(BASE.ceiling, now_chunks_s=1612.0, at_least_chunks_s=12_900.0))
    for size, font in (((72, 13), digits.large), ((54, 10), digits.small)):
        shown = text_of(rows(snap, *size))
        assert all(line in shown for line in font("1 612"))
        assert all(line in shown for line in font("≥12.9 k"))
    assert "now 1 612/s  at least ≥12.9 k/s" in text_of(rows(snap, 40, 5))


def test_the_loop_s_time_is_one_bar() -> None:
    """Its parts fill it, each with a character of its own, and are named with their shares; without it a plain bar."""
    stack = LoopStack(0.22, 0.01, 0.03, 0.11, 0.63)
    snap = replace(BASE, loop=replace(BASE.loop, stack=stack))
    lines = text_of(rows(snap, 72, 13)).splitlines()
    bar = next(line for line in lines if "▓▚" in line)
    assert [bar.count(sign) for sign in "█▓▚▒░"] == [15, 1, 2, 7, 43]
    legend = lines[lines.index(bar) + 1]
    for words in ("█ CPU 22 %", "▓ GC 1.0 %", "▚ blocked 3.0 %", "▒ no core 11 %", "░ waits 63 %"):
        assert words in legend
    assert "█ CPU 22 %" in text_of(rows(snap, 40, 9))
    assert "▒" not in text_of(rows(BASE, 72, 13))


def test_nearly_full_is_said_before_full() -> None:
    """In words and in colour, from three quarters on and from 0.95 on."""
    for elu, word, style in (
        (0.74, "headroom", "value bold"),
        (0.76, "nearly full", "busy bold"),
        (0.96, "full", "stall bold"),
    ):
        drawn = rows(replace(BASE, ceiling=replace(BASE.ceiling, elu=elu)), 72, 13)
        row = next(row for row in drawn if any("loop busy" in text for text, _ in row))
        assert word in text_of([row]) and any(found == style for _, found in row)
        assert ("full" in text_of([row])) == (elu > 0.75)


def test_the_scale_is_open() -> None:
    """The bar ends at a full loop, and beyond it an arrow says that there may be more."""
    for elu, filled in ((0.0, 0), (0.5, 30), (1.0, 61)):
        snap = replace(BASE, ceiling=replace(BASE.ceiling, elu=elu))
        line = next(x for x in text_of(rows(snap)).splitlines() if "┄▸" in x)
        assert abs(line.count("█") - filled) <= 1
        assert "│┄┄┄┄▸" in line


def test_a_full_loop_is_said() -> None:
    """In words, not by colour alone."""
    assert "full" in text_of(rows(replace(BASE, ceiling=replace(BASE.ceiling, elu=0.96))))
    assert "full" not in text_of(rows(BASE))


def test_not_enough_data() -> None:
    """Dashes and the reason, in full, and no headroom."""
    snap = replace(BASE, ceiling=CeilingView(words="not enough data: 1.2 of 3 s"))
    for size in ((72, 12), (54, 9), (40, 9)):
        shown = text_of(rows(snap, *size))
        assert "not enough data: 1.2 of 3 s" in shown
        assert "headroom" not in shown and "room ≥" not in shown


def test_no_stamp_is_said_instead_of_a_delay() -> None:
    """A server that stamps nothing leaves no delivery delay; the agents know why."""
    agents: tuple[AgentView, ...] = tuple(replace(a, delay_words="no stamp") for a in BASE.agents)
    snap = replace(BASE, agents=agents, ceiling=replace(BASE.ceiling, delay_ms=Quantiles()))
    assert "delivery delay no stamp" in text_of(rows(snap))


def test_a_wait_before_handling_is_not_hidden() -> None:
    """When chunks wait longer for their decoding than for their delivery, that stands beside the delay."""
    snap = replace(BASE, handled_ms=Quantiles(900, 25.0, 50.0, 50.0, 51.0), ceiling=replace(BASE.ceiling))
    for width in (40, 54, 72):
        assert "handled p99 50.0 ms" in text_of(rows(snap, width, 9))
    assert "handled" not in text_of(rows(replace(BASE, handled_ms=Quantiles(900, 0.01, 0.02, 0.03, 0.1))))


def test_a_takeover_is_seen() -> None:
    """While an older loop drains, its name stands at the pane's edge."""
    snap = replace(BASE, loop=replace(BASE.loop, draining=("asyncio",)))
    assert "draining: asyncio" in text_of(rows(snap))
