"""Looking back while a session goes on: what is shown is the past, what is recorded is everything."""

import tempfile
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from kit.processes import PATIENCE_S
from loopscope.model.snapshot import Snapshot
from loopscope.session.live import LiveSource
from loopscope.session.options import SessionOptions
from loopscope.session.replay import fold_whole


def ask_until(source: LiveSource, right: Callable[[Snapshot], bool]) -> Snapshot:
    """Ask again and again; each answer takes its time, and the whole has the test's limit."""
    while True:
        arrived = threading.Event()
        answers: list[Snapshot] = []
        source.ask(lambda snapshot, to=answers, done=arrived: (to.append(snapshot), done.set()))  # type: ignore[misc]
        assert arrived.wait(PATIENCE_S)
        if right(answers[0]):
            return answers[0]
        threading.Event().wait(0.05)


@pytest.mark.parametrize("recorded", [True, False])
def test_the_past_is_shown_while_the_present_goes_on(tmp_path: Path, recorded: bool) -> None:
    """Pause, seek, play on, back to now; levers act meanwhile, and nothing is missing from the recording."""
    path = tmp_path / "run.jsonl.zst"
    source = LiveSource(SessionOptions(record=path if recorded else None, embedded=True, rate=200))
    assert source.abilities.playback == recorded
    source.keep_past()
    assert source.abilities.playback
    spare = source._spare
    assert (spare is None) == recorded
    try:
        source.start()
        ask_until(source, lambda snapshot: snapshot.chunks > 400)
        where = source.playback()
        assert where is not None
        assert where.live
        source.seek(0.9)
        source.play(False)
        past = ask_until(source, lambda snapshot: snapshot.t_s > 0.5)
        assert past.t_s <= 0.9
        assert past.chunks < 400
        where = source.playback()
        assert where is not None
        assert not where.live
        assert not where.playing
        assert where.length_s > where.position_s
        source.pull("batch", "read:50ms")
        assert ask_until(source, lambda snapshot: True).t_s == past.t_s, "it stays there"
        source.play(True)
        ask_until(source, lambda snapshot: snapshot.t_s > past.t_s)
        source.set_speed(64.0)
        ask_until(source, lambda snapshot: source.playback().live)  # type: ignore[union-attr]
        for _ in range(20):  # whoever asked the past is answered by the present
            source.step(-0.3)
            arrived = threading.Event()
            source.ask(lambda snapshot, done=arrived: done.set())  # type: ignore[misc]
            source.now()
            assert arrived.wait(PATIENCE_S)
        source.step(-0.3)
        assert not source.playback().live  # type: ignore[union-attr]
        source.now()
        now = ask_until(source, lambda snapshot: [effect.name for effect in snapshot.effects] == ["batch"])
        assert now.chunks > 400
        ask_until(source, lambda snapshot: source.overview() is not None)
        assert source.overview().t_s.size >= 1  # type: ignore[union-attr]
        # Paused where the file ends: what comes to the disk a moment later is still shown.
        source.play(False)
        at_s = source.playback().position_s  # type: ignore[union-attr]
        ask_until(source, lambda snapshot: snapshot.t_s >= now.t_s or source.playback().position_s >= at_s)  # type: ignore[union-attr]
    finally:
        source.stop()
    if recorded:
        _, outcome = fold_whole(path)
        assert outcome.whole, outcome.words
    else:
        assert spare is not None
        assert not spare.exists()
        assert not list(Path(tempfile.gettempdir()).glob(spare.name))
