"""The hub: lines in their order, snapshots on demand, bad lines counted."""

import threading
from pathlib import Path

from loopscope.core.codec import decode, encode
from loopscope.core.records import AnyRecord, Header, Loss, Mark, Trailer
from loopscope.model.snapshot import Snapshot
from loopscope.session.pipeline import Pipeline
from loopscope.session.recorder import Recorder

_HEADER = Header(t_ns=1_000, source="embedded")


def _mark(number: int) -> bytes:
    return encode(Mark(t_ns=2_000 + number, words=str(number)))


def _hub(path: Path | None = None) -> tuple[Pipeline, list[AnyRecord]]:
    heard: list[AnyRecord] = []
    return Pipeline(Recorder(path) if path else None, on_record=heard.append), heard


def test_the_header_comes_first_and_what_was_early_follows(tmp_path: Path) -> None:
    """Lines that children sent before the header was known stand behind it, in their order, in fold and file."""
    path = tmp_path / "t.jsonl"
    hub, heard = _hub(path)
    for number in range(3):
        hub.put(_mark(number))
    hub.open(_HEADER)
    hub.put(_mark(3))
    hub.close()
    words = [record.words for record in heard if isinstance(record, Mark)]
    assert isinstance(heard[0], Header)
    assert words == ["0", "1", "2", "3"]
    in_file = [decode(line) for line in path.read_bytes().splitlines()]
    assert in_file[: len(heard)] == heard
    assert isinstance(in_file[-1], Trailer)


def test_asks_are_answered_once_and_late_ones_merge() -> None:
    """Of asks that wait at the same moment the last one is answered, with what has come by then."""
    hub, _ = _hub()
    hub.open(_HEADER)
    inside, go_on, answered = threading.Event(), threading.Event(), threading.Event()
    answers: list[tuple[str, Snapshot]] = []

    def slow(snapshot: Snapshot) -> None:
        answers.append(("first", snapshot))
        inside.set()
        go_on.wait(10)

    hub.ask(slow)
    assert inside.wait(10)
    hub.put(_mark(1))
    hub.ask(lambda snapshot: answers.append(("merged", snapshot)))
    hub.ask(lambda snapshot: (answers.append(("last", snapshot)), answered.set()))
    go_on.set()
    assert answered.wait(10)
    hub.close()
    assert [name for name, _ in answers] == ["first", "last"]
    assert [mark.label for mark in answers[1][1].marks] == ["1"]


def test_a_line_that_is_no_record_is_counted_and_told_once() -> None:
    """Garbage on a pipe becomes one Loss record; the lines after it are folded as ever."""
    hub, heard = _hub()
    hub.open(_HEADER)
    for line in (b"garbage\n", b"more garbage\n", _mark(1)):
        hub.put(line)
    hub.close()
    assert [record.what for record in heard if isinstance(record, Loss)] == ["lines"]
    assert isinstance(heard[-1], Mark)


def test_a_hub_that_was_never_opened_closes() -> None:
    """A session that did not come up ends in order."""
    hub, heard = _hub()
    hub.put(_mark(1))
    hub.close()
    assert heard == []
