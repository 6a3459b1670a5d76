"""The levers' panel: both sides of a trade."""

from dataclasses import replace

import pytest

from loopscope.draw.ink import text_of
from loopscope.model.snapshot import FigureChange, Figures, LeverEffect, LeverView
from loopscope.session.source import Abilities
from loopscope.ui.panes import levers
from loopscope.ui.panes.levers import MEASURES
from loopscope.ui.view import View
from ui.fakes import FakeSource

BASE = FakeSource(2, history=False).snapshot()
BEFORE = Figures(
    seconds=6.0,
    chunks_s=200.0,
    tok_s=100.0,
    at_least_chunks_s=4210.0,
    cpu_us_per_chunk=413.0,
    delay_p99_ms=1.0,
    lag_p99_ms=0.9,
    handled_p99_ms=0.1,
)
AFTER = Figures(
    seconds=6.0,
    chunks_s=200.0,
    tok_s=101.0,
    at_least_chunks_s=12_980.0,
    cpu_us_per_chunk=337.0,
    delay_p99_ms=48.6,
    lag_p99_ms=0.2,
    handled_p99_ms=0.1,
)
LIVE = Abilities(levers=True)


def shown(effect: LeverEffect | None, width: int = 88, busy: str = "", height: int = 12) -> list[str]:
    """The panel with one effect on batch."""
    views = tuple(
        LeverView("batch", "read:50ms", effect, busy) if lever.name == "batch" else lever for lever in BASE.levers
    )
    snap = replace(BASE, levers=views, effects=(effect,) if effect else (), t_s=60.0)
    return text_of(levers.draw(View(snap, abilities=LIVE), width, height)).splitlines()


def pulled(**more: object) -> LeverEffect:
    """One pull of batch."""
    return replace(LeverEffect("batch", "off", "read:50ms", 50.0, "", BEFORE, AFTER), **more)  # type: ignore[arg-type]


def row(lines: list[str]) -> str:
    """The row of batch."""
    return next(line for line in lines if " batch " in line and "last" not in line)


def test_before_and_after_of_each_measure() -> None:
    """Cost down is better, delay up is worse, ceiling up is better, one per cent is the same, lag down is better."""
    line = row(shown(pulled(), 112))
    for words in ("✓   413 ↓ 337", "✗  1.00 ↑ 48.6", "✓ 4 210 ↑ 13.0 k", "≈   100 → 101", "✓  0.90 ↓ 0.20"):
        assert words in line
    head = shown(pulled(), 112)[1]
    for measure in MEASURES:
        assert measure.title in head


def test_no_verdict_without_an_interval() -> None:
    """A side with too few seconds for an interval has a figure, but what it means cannot be told: neither ✓ nor ✗."""
    few = FigureChange(
        "at_least", "ceiling, at least", "chunks/s", 1, None, None, None, None, "not enough data before", 0
    )
    line = row(shown(pulled(changes=(few,))))
    assert "≈ 4 210→13.0 k" in line and "✓" not in line and "✗" not in line


def test_ratios_where_there_is_less_room() -> None:
    """Four of them at 120 columns, cost and delay at 80."""
    line = row(shown(pulled(), 66))
    for words in ("✓ -18 %", "✗ x49", "✓ -78 %", "✓ +208 %"):
        assert words in line
    line = row(shown(pulled(), 40))
    assert "✓-18 %" in line and "✗x49" in line
    assert "read:50ms" in line
    after = replace(AFTER, delay_p99_ms=1.0, handled_p99_ms=125.0)
    assert "✗x1 25" in row(shown(pulled(after=after), 40))


def test_a_wait_before_handling_is_shown_in_place_of_a_shorter_delay() -> None:
    """Decoding in batches moves the wait behind the delivery; it is marked and explained."""
    after = replace(AFTER, delay_p99_ms=1.0, handled_p99_ms=50.0)
    lines = shown(pulled(after=after))
    assert "✗  0.10↑50.0h" in row(lines)
    assert "h: p99 from received to handled" in lines[-1]
    assert "✗ handled p99 ms 0.10 → 50.0" in levers.summary(pulled(after=after))
    assert "handled" not in "".join(shown(pulled()))


def test_waiting_is_told() -> None:
    """Until the effect is known: being applied, settling with the seconds left, cut short."""
    assert "starting a rig on uvloop" in row(shown(None, busy="starting a rig on uvloop"))
    assert "settling, 2.1 s" in row(shown(pulled(after=None, wait_s=2.1)))
    assert "wait 2.1 s" in row(shown(pulled(after=None, wait_s=2.1), 40))
    assert "cut short by the next pull" in row(shown(pulled(after=None, cut_short=True)))
    assert "not enough data" in row(shown(pulled(before=None)))


def test_figures_that_are_missing_on_one_side() -> None:
    """No verdict then, and no invented zero."""
    line = row(shown(pulled(before=replace(BEFORE, at_least_chunks_s=None))))
    assert "→13.0 k" in line and "✓ " in line and "0.00" not in line
    assert "–" in row(shown(pulled(before=replace(BEFORE, at_least_chunks_s=None)), 66))


def test_the_last_pull_in_words() -> None:
    """What was pulled, how long ago, and what the session says of it."""
    lines = "\n".join(shown(pulled(words="2 requests were cut")))
    assert "last  batch off → read:50ms, 10.0 s ago" in lines
    assert "2 requests were cut" in lines
    assert "nothing pulled yet" in "\n".join(shown(None))


def test_levers_of_the_sockets_have_a_row_where_there_is_room_or_once_they_are_pulled() -> None:
    """Title and story go before a lever that stands as it always did; a lever that was pulled is never left out."""
    names = [lever.name for lever in BASE.levers]

    def rows(text: list[str]) -> list[str]:
        return [word for line in text for word in line.split()[1:3] if word in names]

    assert rows(shown(None, height=16)) == names
    few = [name for name in names if name not in ("read", "tcp")]
    assert [name for name in rows(shown(None, height=12)) if name != "read"] == few
    assert "i read auto  w tcp default" in "\n".join(shown(None, height=12))
    views = tuple(replace(lever, value="nagle") if lever.name == "tcp" else lever for lever in BASE.levers)
    high = text_of(levers.draw(View(replace(BASE, levers=views), abilities=LIVE), 88, 9)).splitlines()
    assert "tcp" in rows(high) and "read" not in rows(high) and len(rows(high)) == 6 and "CPU us/chunk" in high[1]


def test_in_a_replay() -> None:
    """The values are the recording's."""
    assert "as recorded" in text_of(levers.draw(View(BASE, abilities=Abilities(playback=True)), 88, 12))


@pytest.mark.parametrize("measure", MEASURES, ids=lambda m: m.short)
def test_better_and_worse(measure: levers.Measure) -> None:
    """Each measure knows its good direction; five per cent are nothing; nothing is known of a missing side."""
    up, down = ("✓", "✗") if measure.up else ("✗", "✓")
    assert levers.verdict(measure, 100.0, 110.0)[0] == up
    assert levers.verdict(measure, 100.0, 90.0)[0] == down
    assert levers.verdict(measure, 100.0, 104.0)[0] == "≈"
    assert levers.verdict(measure, 0.0, 0.0)[0] == "≈"
    assert levers.verdict(measure, None, 1.0)[0] == "–"


def test_no_pull_that_cannot_be_compared_is_summed_up() -> None:
    """It says so."""
    assert levers.summary(pulled(before=None)).endswith("not enough data on both sides")
