"""Pictures of the screen. Data is frozen and nothing moves, so each picture is the same on every machine.

After a change that is meant: look at them, then ``pytest tests/ui/test_snapshots.py --snapshot-update``.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import textual
from textual.pilot import Pilot

from loopscope.experiments import ramp
from loopscope.model.snapshot import FindingView, Snapshot
from loopscope.ui.app import LoopscopeApp
from ui.conftest import until
from ui.fakes import KNOWN, FakeSource, by_agent, flipped, round_of

pytestmark = pytest.mark.skipif(
    textual.__version__ != "8.2.8", reason="the pictures are of Textual 8.2.8; it is pinned and changed alone"
)
Compare = Callable[..., bool]


def shown(source: FakeSource, theme: str = "dark", keys: tuple[str, ...] = ()) -> dict[str, Any]:
    """Arguments of a comparison: the app, and waiting until it shows its data."""
    app = LoopscopeApp(source, theme=theme)

    async def before(pilot: Pilot[None]) -> None:
        await until(pilot, lambda: app.view.seen)
        await pilot.press(*keys)
        # What a key has changed in the source comes with the next answer.
        app._tick()
        await pilot.pause()
        # Charts are drawn at their own ticks; this draws them all.
        app.show()
        await pilot.pause()

    return {"app": app, "run_before": before}


@pytest.mark.parametrize(("size", "agents"), [((160, 48), 4), ((120, 36), 2), ((80, 24), 3)], ids=["160", "120", "80"])
def test_sizes(snap_compare: Compare, size: tuple[int, int], agents: int) -> None:
    """The live screen at the three sizes, one agent failing, while recording."""
    source = FakeSource(agents, frozen=True, failing=(1,), recording="/tmp/calm-pair.jsonl")
    assert snap_compare(terminal_size=size, **shown(source))


@pytest.mark.parametrize("theme", ["light", "high-contrast", "stage", "terminal"])
def test_themes(snap_compare: Compare, theme: str) -> None:
    """Each shipped theme, small."""
    assert snap_compare(terminal_size=(100, 30), **shown(FakeSource(3, frozen=True, failing=(2,)), theme))


def test_detail(snap_compare: Compare) -> None:
    """One agent, closely."""
    assert snap_compare(terminal_size=(120, 36), **shown(FakeSource(2, frozen=True), keys=("enter",)))


def test_help(snap_compare: Compare) -> None:
    """Every key."""
    assert snap_compare(terminal_size=(100, 40), **shown(FakeSource(2, frozen=True), keys=("question_mark",)))


def test_a_replay(snap_compare: Compare) -> None:
    """The same screen over a recording, which has no power."""
    source = FakeSource(2, frozen=True, playback=True, levers=False, embedded=False, power="none")
    assert snap_compare(terminal_size=(120, 36), **shown(source))


@pytest.mark.parametrize("size", [(160, 48), (80, 24)], ids=["160", "80"])
def test_the_past(snap_compare: Compare, size: tuple[int, int]) -> None:
    """A session that goes on, half a minute ago."""
    source = FakeSource(2, frozen=True, past=True, recording="/tmp/calm-pair.jsonl")
    assert snap_compare(terminal_size=size, **shown(source, keys=("left", "left", "left", "comma")))


def known(snapshot: Snapshot) -> Snapshot:
    """After a calibration, a ramp, and some rounds."""
    rounds = (round_of(1, 20.0), round_of(2, 34.0, "left out: agent-2 failed: HTTP 500"), round_of(3, 48.0))
    results = (*rounds, *by_agent(49.0), *flipped())
    return replace(snapshot, ceiling=replace(snapshot.ceiling, **KNOWN), results=results)


@pytest.mark.parametrize("size", [(160, 48), (80, 24)], ids=["160", "80"])
@pytest.mark.parametrize("key", ["C", "E", "e"], ids=["ceiling", "effects", "efficiency"])
def test_closely(snap_compare: Compare, key: str, size: tuple[int, int]) -> None:
    """The ceiling with its standings, the ledger, and the efficiency of rounds."""
    source = FakeSource(2, frozen=True, procedures=True, edit=known)
    source.run(ramp.PROCEDURE)
    assert snap_compare(terminal_size=size, **shown(source, keys=(key,)))


@pytest.mark.parametrize("size", [(160, 48), (80, 24)], ids=["160", "80"])
def test_a_part_of_the_loss(snap_compare: Compare, size: tuple[int, int]) -> None:
    """The client's part: below half a point, and still split."""
    source = FakeSource(2, frozen=True, procedures=True, edit=known)
    assert snap_compare(terminal_size=size, **shown(source, keys=("e", "down", "down")))


def test_trouble(snap_compare: Compare) -> None:
    """Not enough data, samples dropped, and a problem."""

    def edit(snapshot: Snapshot) -> Snapshot:
        empty = Snapshot()
        return replace(
            snapshot,
            ceiling=replace(empty.ceiling, words="not enough data: 1.2 of 3 s"),
            lag=empty.lag,
            series=empty.series,
            observer=replace(snapshot.observer, dropped=12),
            problem="the disk is full",
        )

    assert snap_compare(terminal_size=(120, 36), **shown(FakeSource(2, frozen=True, edit=edit)))


@pytest.mark.parametrize("size", [(160, 48), (80, 24)], ids=["160", "80"])
def test_the_event_loop(snap_compare: Compare, size: tuple[int, int]) -> None:
    """The event loop, closely."""
    assert snap_compare(terminal_size=size, **shown(FakeSource(2, frozen=True), keys=("l",)))


def side_by_side(snapshot: Snapshot) -> Snapshot:
    """Four loops in four processes."""
    one = snapshot.loop
    loops = tuple(
        replace(one, proc=f"rig-{place + 3}", elu=elu, cpu=elu * 0.9, streams=4, tasks=8, count=4)
        for place, elu in ((2, 0.71), (0, 0.42), (1, 0.4), (3, 0.31))
    )
    return replace(snapshot, loop=loops[0], loops=loops)


@pytest.mark.parametrize("size", [(160, 48), (80, 24)], ids=["160", "80"])
@pytest.mark.parametrize("keys", [(), ("l",)], ids=["live", "loop"])
def test_loops_side_by_side(snap_compare: Compare, keys: tuple[str, ...], size: tuple[int, int]) -> None:
    """The fullest of four is said to be that; the loop's screen lists all."""
    assert snap_compare(terminal_size=size, **shown(FakeSource(16, frozen=True, edit=side_by_side), keys=keys))


def test_findings(snap_compare: Compare) -> None:
    """What holds, what has ceased, and the chosen one closely."""

    def edit(snapshot: Snapshot) -> Snapshot:
        figures = {"worst_stall_ms": 42.3, "stall_share": 0.021, "elu": 0.41}
        past = FindingView(
            "blocking-call",
            "my_agents.py:41 in summarise held the loop for 42 ms",
            "2 stalls, 81 ms in all",
            "await asyncio.to_thread(...)",
            31.0,
            figures=figures,
            until_s=66.0,
        )
        return replace(snapshot, past_findings=(past,))

    assert snap_compare(terminal_size=(120, 36), **shown(FakeSource(2, frozen=True, edit=edit), keys=("f", "down")))
