"""The header."""

from dataclasses import replace

import pytest

from loopscope.draw.ink import text_of
from loopscope.model.snapshot import LoopView, ObserverView, Recent, Snapshot
from loopscope.session.source import Playback
from loopscope.ui.panes import header
from loopscope.ui.view import View
from ui.fakes import FakeSource

BASE = FakeSource(2).snapshot()


def text(snapshot: Snapshot = BASE, width: int = 160, **more: object) -> str:
    """The header's two rows."""
    return text_of(header.draw(View(snapshot=snapshot, seen=True, **more), width, 2))  # type: ignore[arg-type]


@pytest.mark.parametrize("width", [60, 80, 100, 120, 160])
def test_embedded_losses_and_problems_are_never_left_out(width: int) -> None:
    """Whatever the width and however much else there is."""
    snap = replace(BASE, observer=ObserverView(0.008, 0.05, dropped=12, lost_lines=3), problem="rig-1 died: exit 1")
    shown = text(snap, width, recording="/very/long/path/to/a/recording-of-everything.jsonl", paused=True)
    for words in ("EMBEDDED", "dropped 12, lost lines 3", "rig-1 died: exit 1", "PAUSED"):
        assert words in shown


def test_a_real_source_does_not_say_embedded() -> None:
    """Its own words stand there instead."""
    shown = text(FakeSource(2, embedded=False).snapshot())
    assert "EMBEDDED" not in shown
    assert "2 servers, gemma3:latest" in shown


def test_what_is_recorded_and_found() -> None:
    """REC with the file's name, the number of findings, the first one as a sentence, the observer's share."""
    shown = text(recording="/a/b/calm-pair.jsonl")
    for words in ("● REC", "calm-pair.jsonl", "1 finding", "server-bound: the servers set the pace", "observer 0.8 %"):
        assert words in shown
    assert "/a/b" not in shown
    assert "REC" not in text()
    assert "no findings" in text(replace(BASE, findings=(), recent=Recent(seconds=2.5)))
    assert "dropped" not in shown


def test_nothing_found_is_said_once_there_was_something_to_look_at() -> None:
    """In the first seconds no rule about the loop can be answered: that is no all-clear."""
    early = text(replace(BASE, findings=(), recent=Recent(seconds=1.2)))
    assert "not enough data: 1.2 of 2.5 s of the loop's own figures" in early
    assert early.count("not enough data") == 2  # the count and the sentence
    assert "no findings" not in early and "nothing stands out" not in early
    later = text(replace(BASE, findings=(), recent=Recent(seconds=2.5)))
    assert "no findings" in later and "nothing stands out" in later and "not enough data" not in later
    assert "1 finding" in text(replace(BASE, recent=Recent()))


def test_a_note_is_no_alarm() -> None:
    """What is worth knowing and no harm is told without the sign of a finding, and counted as a note."""
    note = replace(BASE.findings[0], severity="note")
    shown = text(replace(BASE, findings=(note,)))
    assert "○ server-bound" in shown and "1 note" in shown
    assert "▲" not in shown and "finding" not in shown
    both = text(replace(BASE, findings=(replace(note, name="stalls", severity="warn"), note)))
    assert "▲ stalls" in both and "1 finding" in both


def test_a_rig_that_is_silent_is_a_problem() -> None:
    """For how long is said."""
    assert "the rig has been silent for 2.4 s" in text(replace(BASE, loop=LoopView(silent_s=2.4)))


def test_a_replay_has_a_place() -> None:
    """Position, length, whether it plays, and which recording: nobody takes it for live."""
    plays = text(playback=Playback(83.0, 296.0, True), title="calm-pair.jsonl")
    assert "▶ 1x" in plays and " REPLAY " in plays and "calm-pair.jsonl" in plays
    assert "REPLAY" not in text()
    stopped = text(playback=Playback(83.0, 296.0, False))
    assert "stopped" in stopped
    assert "1:23 / 4:56" in stopped
    assert text(playback=Playback(0.0, 0.0, False))


def test_before_the_first_sample() -> None:
    """It says that it waits."""
    assert "waiting for the first sample" in text_of(header.draw(View(title="embedded pair"), 120, 2))
