"""Time lines."""

from dataclasses import replace

import numpy as np
import pytest

from loopscope.draw.ink import text_of
from loopscope.model.snapshot import MarkView, PowerView, Series, Snapshot
from loopscope.ui.panes import timeline
from loopscope.ui.view import View
from ui.fakes import FakeSource

BASE = FakeSource(2).snapshot()


def series(chunks: list[float], elu: list[float] | None = None, start: float = 0.0) -> Snapshot:
    """A snapshot with a time line of half seconds."""
    t = start + 0.5 * np.arange(len(chunks))
    return replace(BASE, marks=(), series=Series(t, 0.5, np.array(chunks), np.array(elu or [np.nan] * len(chunks))))


def rows(snapshot: Snapshot, width: int = 134, height: int = 10) -> list[str]:
    """The throughput pane."""
    return text_of(timeline.throughput(View(snapshot), width, height)).splitlines()


def test_now_is_at_the_right() -> None:
    """Ten seconds of data fill the last sixth of a minute."""
    body = rows(series([100.0] * 20))[-3]
    drawn = [x for x, c in enumerate(body) if "\u2800" < c <= "\u28ff" or c == "█"]
    assert drawn[-1] == 1 + 6 + 120 - 1
    assert abs(len(drawn) - 20) <= 1


def test_a_minute_is_shown_of_a_longer_series() -> None:
    """What is older has left on the left."""
    old = rows(series([400.0] * 200 + [100.0] * 120))
    assert sum("█" in row for row in old[1:-2]) >= 1
    assert "█" not in old[1]


def test_the_axis_is_told() -> None:
    """Round top, zero, seconds; the busy share has its own axis on the right, and a legend names both."""
    shown = rows(series([1612.0] * 20, [0.5] * 20))
    assert shown[1].replace("│", "").strip().startswith("2 000") and "100 %" in shown[1]
    assert " 0 " in shown[-3] and "0 %" in shown[-3]
    assert "-60 s" in shown[-2] and "now" in shown[-2]
    assert "chunks/s" in shown[0] and "loop busy" in shown[0]
    assert "loop busy" not in rows(series([1612.0] * 20))[0]


@pytest.mark.parametrize(
    ("label", "kind", "letter"),
    [
        ("loop=uvloop", "lever", "u"),
        ("batch off", "lever", "b"),
        ("throttle=60", "lever", "t"),
        ("agents=4", "lever", "±"),
        ("decoder=json", "lever", "d"),
        ("mark 1", "mark", "m"),
        ("server-bound", "finding", "▲"),
        ("dropped 3", "loss", "✗"),
    ],
)
def test_marks_are_lines_with_a_letter(label: str, kind: str, letter: str) -> None:
    """At their time, over the whole height, and named in the frame."""
    snap = replace(series([100.0] * 120), marks=(MarkView(30.0, label, kind),))
    shown = rows(snap)
    assert shown[1][1 + 6 + 60] == letter
    assert all(row[1 + 6 + 60] == "┊" for row in shown[2:-2])
    assert f"{letter} {label}" in shown[-1]


def test_old_marks_leave() -> None:
    """A mark from before the minute is neither drawn nor named."""
    snap = replace(series([100.0] * 240), marks=(MarkView(30.0, "loop=uvloop", "lever"),))
    assert "┊" not in "\n".join(rows(snap))
    assert "uvloop" not in rows(snap)[-1]


def power(view: PowerView, width: int = 52) -> str:
    """The power pane."""
    return text_of(timeline.power(View(replace(BASE, power=view)), width, 9))


def test_power_says_what_it_is() -> None:
    """The label is the title; a simulated one says so once; a share is percent."""
    t = np.arange(0.0, 60.0, 1.0)
    shown = power(PowerView("gpu", "GPU 0 power, W", False, 118.0, t_s=t, values=t + 60))
    assert "GPU 0 power, W" in shown and "118 W" in shown and "simulated" not in shown.lower()
    assert power(PowerView("x", "GPU power, W", True, 118.0, t_s=t, values=t)).lower().count("simulated") == 1
    assert power(PowerView("x", "SIMULATED GPU power, W", True, 118.0, t_s=t, values=t)).lower().count("simulated") == 1
    shown = power(PowerView("host", "host CPU, share", share=0.31, t_s=t, values=t / 60))
    assert "31 %" in shown and "100 %" in shown


def test_no_power_is_a_sentence() -> None:
    """Absence is a value, not an error."""
    assert "no GPU, and no RAPL" in power(PowerView(words="no GPU, and no RAPL"))
