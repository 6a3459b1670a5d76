"""The whole run as a line to seek on."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loopscope.draw.ink import text_of, width_of
from loopscope.model.snapshot import MarkView
from loopscope.session.source import Abilities, Overview, Playback
from loopscope.ui.panes import header, line, timeline
from loopscope.ui.view import View
from ui.fakes import FakeSource


def view(live: bool = True, running: bool = True, **more: object) -> View:
    """A view of a session that runs, or of a trace, 73 s into 100 s."""
    source = FakeSource(2, playback=True)
    play = Playback(73.0, 100.0, playing=True, live=live)
    return View(
        snapshot=source.snapshot(),
        seen=True,
        abilities=Abilities(running, True),
        overview=source.overview(),
        playback=play,
        running=running,
        **more,  # type: ignore[arg-type]
    )


PAST, REPLAY = view(live=False), view(live=False, running=False)


def test_past_now_and_replay_are_three_things() -> None:
    """Each says its name, in words that the others do not have; the header says PAST twice, and how to leave it."""
    past, replay, now = (text_of(line.draw(v, 160, 8)) for v in (PAST, REPLAY, view()))
    assert "PAST" in past and "PAST" not in replay + now
    assert "REPLAY" in replay and "REPLAY" not in past + now
    assert "NOW" in now
    told = text_of(header.draw(PAST, 160, 2))
    assert told.count("PAST") == 2
    assert "live goes on, now is 1:40   press End for now" in told
    assert "live goes on" not in text_of(header.draw(REPLAY, 160, 2)) + text_of(header.draw(view(), 160, 2))
    small = text_of(header.draw(PAST, 60, 2))
    assert "PAST 1:13  live goes on  End: now" in small


def test_a_problem_is_seen_from_the_past() -> None:
    """What goes wrong now is told although what is shown is past."""
    trouble = replace(PAST.snapshot, problem="the disk is full")
    assert "the disk is full" in text_of(
        header.draw(View(snapshot=trouble, running=True, playback=PAST.playback), 120, 2)
    )


def test_what_is_past_has_no_now() -> None:
    """The right end of a chart is named by its time."""
    assert text_of(timeline.throughput(view(), 100, 9)).splitlines()[-2].rstrip(" │").endswith("now")
    assert text_of(timeline.throughput(PAST, 100, 9)).splitlines()[-2].rstrip(" │").endswith("1:13")


@pytest.mark.parametrize(("height", "rows"), [(20, 0), (21, 5), (24, 5), (30, 7), (36, 7), (48, 8), (67, 8)])
def test_its_height(height: int, rows: int) -> None:
    """More on a taller screen, nothing where there is no room."""
    assert line.height(height) == rows


@pytest.mark.parametrize("size", [(60, 5), (80, 5), (100, 7), (160, 8), (237, 8)])
@pytest.mark.parametrize("v", [PAST, REPLAY, view()], ids=["past", "replay", "now"])
def test_a_column_is_a_moment(size: tuple[int, int], v: View) -> None:
    """The position's own column gives the position back, within a cell; the ends are clamped to what there is."""
    start, cells = line.chart_at(v, *size)
    assert v.playback is not None
    x = start + int(v.playback.position_s / line.end_s(v) * cells)
    assert line.moment_at(v, x, *size) == pytest.approx(v.playback.position_s, abs=line.end_s(v) / cells)
    assert line.moment_at(v, 0, *size) == 0.0
    assert line.moment_at(v, 10_000, *size) == 100.0
    rows = line.draw(v, *size)
    assert any(text[0] == "┃" for row in rows for text, _ in row)
    column = text_of(rows[1:2])
    assert column[x] == "┃"


def test_its_axis_rests_while_the_session_grows() -> None:
    """Live, the end is a round figure beyond now, which holds for a while; a trace ends where it ends."""
    ends = []
    for length in np.arange(10.0, 4000.0, 1.0):
        v = View(playback=Playback(1.0, float(length), True, live=True), running=True)
        ends.append(line.end_s(v))
        assert length <= ends[-1] <= max(30.0, length * 1.25)
    assert len(set(ends)) < 60
    assert line.end_s(REPLAY) == 100.0


def test_marks_stand_at_their_places() -> None:
    """Where several fall into one cell, the lever is shown; what stands at the position is named in the frame."""
    marks = (
        MarkView(50.0, "throttle=60", "lever"),
        MarkView(50.1, "stall 31 ms", "stall"),
        MarkView(73.0, "blocking-call", "finding"),
        MarkView(np.inf, "never", "mark"),
    )
    over = replace(REPLAY.overview, marks=marks)  # type: ignore[type-var]
    v = replace(REPLAY, overview=over)
    text = text_of(line.draw(v, 160, 8))
    assert "▲ blocking-call at 1:13" in text
    start, cells = line.chart_at(v, 160, 8)
    row = next(r for r in text.splitlines() if " marks " in r)
    assert row[start + int(0.5 * cells)] == "t"
    assert [mark.label for mark in line.stops(v)] == ["throttle=60", "stall 31 ms", "blocking-call"]
    hovered = replace(v, hover_s=50.0)
    assert "0:50  t throttle=60 at 0:50" in text_of(line.draw(hovered, 160, 8))


def test_short_peaks_are_not_lost() -> None:
    """One second of lag among an hour is as high as it was."""
    n = 3600
    lag = np.full(n, 0.1)
    lag[1800] = 250.0
    flat = np.full(n, 100.0)
    over = Overview(np.arange(n, dtype=float), 1.0, flat, lag, flat, flat / 200)
    v = View(playback=Playback(0.0, float(n), True), overview=over, seen=True)
    text = text_of(line.draw(v, 120, 7))
    assert "lag ms 250" in text
    assert "▇" in next(r for r in text.splitlines() if "lag ms" in r)


def test_nothing_is_known_yet() -> None:
    """Without an overview the position is there, and no figure."""
    text = text_of(line.draw(replace(REPLAY, overview=None), 160, 8))
    assert "chunks/s" in text and "lag ms" in text
    assert "0.1" not in text
    assert "there is no past" in text_of(line.draw(View(), 100, 8))


@given(
    st.lists(st.floats(0, 1e12) | st.just(float("nan")), max_size=300),
    st.floats(0, 1e7),
    st.floats(1e-3, 1e7),
    st.sampled_from([(40, 4), (60, 5), (80, 5), (100, 7), (160, 8), (200, 3), (20, 2)]),
    st.floats(-1e9, 1e9),
)
@settings(max_examples=150)
def test_anything_can_be_drawn(
    values: list[float], position: float, length: float, size: tuple[int, int], at: float
) -> None:
    """Whatever the run was, every row has the asked width."""
    array = np.array(values)
    over = Overview(
        np.arange(len(values), dtype=float), 1.0, array, array, array, array, (MarkView(at, "代理 [x]", "lever"),)
    )
    for running in (True, False):
        play = Playback(min(position, length), length, True)
        v = View(playback=play, overview=over, running=running, seen=True)
        rows = line.draw(v, *size)
        assert len(rows) <= size[1]
        for row in rows:
            assert sum(width_of(text) for text, _ in row) == size[0]
