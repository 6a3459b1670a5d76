"""Loops side by side: what is said of one, and what of all."""

from dataclasses import replace

from loopscope.model.snapshot import CeilingView, LoopView, Snapshot
from loopscope.ui.panes import loop, loops
from loopscope.ui.view import View


def four() -> Snapshot:
    """Four loops that take half, a quarter, and twice an eighth of a core for 1000 chunks/s."""
    views = tuple(
        LoopView(name="uvloop", proc=f"rig-{number}", elu=cpu, cpu=cpu, streams=2, count=4)
        for number, cpu in ((10, 0.5), (2, 0.25), (3, 0.125), (4, 0.125))
    )
    return Snapshot(loop=views[0], loops=views, ceiling=CeilingView(now_chunks_s=1000.0))


def text(rows: object) -> str:
    """What can be read."""
    return "\n".join("".join(run[0] for run in row) for row in rows)  # type: ignore[attr-defined]


def test_what_a_chunk_costs_is_the_work_of_all_loops() -> None:
    """The rate is that of all of them: the CPU of the fullest alone would say half of it."""
    assert "1 000 us at 1 000 chunks/s" in text(loop.costs(View(snapshot=four()), 80, 12))


def test_cpu_that_one_of_them_does_not_know_is_not_known() -> None:
    """A sum with a hole is no sum."""
    snap = four()
    snap = replace(snap, loops=(*snap.loops[:3], replace(snap.loops[3], cpu=None)))
    assert "us at" not in text(loop.costs(View(snapshot=snap), 80, 12))


def test_each_has_a_row_in_the_order_of_its_number() -> None:
    """rig-2 before rig-10; the fullest is marked; where there is no room the fullest stay."""
    view = View(snapshot=four())
    rows = text(loops.draw(view, 110, 8)).splitlines()
    assert "rig-2" in rows[2]
    assert "rig-10" in rows[5]
    assert "▸" in rows[5]
    few = text(loops.draw(view, 110, 5))
    assert "2 fullest of 4" in few
    assert "rig-10" in few
    assert "rig-3" not in few
    assert loops.streams(view) == 8
    assert loops.which(four().loop) == "fullest of 4 uvloop loops"
