"""A recording, folded, is what was seen live: one fold, two doors."""

import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from kit.processes import PATIENCE_S
from loopscope.core.codec import as_dict
from loopscope.model.snapshot import Snapshot
from loopscope.model.summary import summary
from loopscope.session.live import LiveSource
from loopscope.session.options import SessionOptions
from loopscope.session.replay import fold_whole


def ask_until(source: LiveSource, right: Callable[[Snapshot], bool]) -> None:
    """Ask again and again; each answer takes its time in the hub, and the whole has the test's limit."""
    while True:
        arrived = threading.Event()
        answers: list[Snapshot] = []
        source.ask(lambda snapshot, to=answers, done=arrived: (to.append(snapshot), done.set()))  # type: ignore[misc]
        assert arrived.wait(PATIENCE_S)
        if right(answers[0]):
            return
        threading.Event().wait(0.05)


@pytest.mark.parametrize("name", ["run.jsonl", "run.jsonl.zst"])
def test_the_recording_of_a_session_folds_to_its_summary(tmp_path: Path, name: str) -> None:
    """With levers pulled, a takeover and a mark: live and from the file, the summary is the same to the last digit."""
    path = tmp_path / name
    source = LiveSource(SessionOptions(record=path, embedded=True, rate=200))
    try:
        source.start()
        ask_until(source, lambda snapshot: snapshot.chunks > 50)
        source.pull("batch", "read:50ms")
        source.mark("here")
        source.pull("loop", "uvloop")
        ask_until(source, lambda snapshot: snapshot.loop.name == "uvloop" and snapshot.chunks > 200)
    finally:
        live = source.stop()
    fold, outcome = fold_whole(path)
    assert outcome.whole, outcome.words
    assert as_dict(summary(fold)) == as_dict(live)
    assert live.loop.name == "uvloop"
