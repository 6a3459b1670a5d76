"""The recorder: nothing that a disk does reaches whoever offers a line, and every line that is lost is counted."""

import os
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import loopscope.trace.writer as writer_module
from loopscope.core.codec import encode
from loopscope.core.errors import TraceError
from loopscope.core.records import AgentSpec, AnyRecord, Checkpoint, Header, Loss, Mark, Trailer
from loopscope.session.recorder import Recorder
from loopscope.trace.reader import read

T0 = 10**12
LINE_BYTES = 100
WAIT_S = 20.0


def line(number: int) -> bytes:
    """A mark's line of exactly 100 bytes."""
    short = encode(Mark(t_ns=T0 + number, words=""))
    return encode(Mark(t_ns=T0 + number, words="x" * (LINE_BYTES - len(short))))


def records_of(path: Path) -> list[AnyRecord]:
    with read(path) as reading:
        records = list(reading)
        assert not reading.outcome.damaged
    return records


class Disk:
    """Stands before ``os.write``: may be full, and may hang until it is let go."""

    def __init__(self) -> None:
        self.full = False
        self.go = threading.Event()
        self.go.set()
        self.tried = threading.Event()
        """A write has begun."""
        self.written = threading.Event()
        """A write has ended well."""
        self._real: Callable[[int, bytes], int] = os.write

    def write(self, fd: int, data: bytes) -> int:
        self.tried.set()
        self.go.wait(WAIT_S)
        if self.full:
            raise OSError(28, "No space left on device")
        taken = self._real(fd, data)
        self.written.set()
        return taken


class Told:
    """Collects what on_problem says, and can be waited for."""

    def __init__(self) -> None:
        self.words: list[str] = []
        self._changed = threading.Condition()

    def __call__(self, words: str) -> None:
        with self._changed:
            self.words.append(words)
            self._changed.notify_all()

    def wait_for(self, part: str) -> None:
        with self._changed:
            assert self._changed.wait_for(lambda: any(part in words for words in self.words), WAIT_S), self.words

    def wait_for_end(self) -> None:
        with self._changed:
            assert self._changed.wait_for(lambda: bool(self.words) and not self.words[-1], WAIT_S), self.words


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> Iterator[Disk]:
    disk = Disk()
    monkeypatch.setattr(writer_module.os, "write", disk.write)
    yield disk
    disk.go.set()


def test_everything_offered_is_in_the_file(tmp_path: Path) -> None:
    """Lines from several threads arrive whole, each thread's in its order, and the trailer closes the file."""
    path = tmp_path / "run.jsonl"
    recorder = Recorder(path)
    recorder.offer(encode(Header(t_ns=T0)))

    def offer(first: int) -> None:
        for number in range(first, first + 500):
            assert recorder.offer(line(number))

    threads = [threading.Thread(target=offer, args=(first,)) for first in (0, 1000, 2000)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    recorder.close()
    recorder.close()
    header, *marks, trailer = records_of(path)
    assert isinstance(header, Header)
    assert isinstance(trailer, Trailer)
    assert trailer.counts == {"header": 1, "mark": 1500}
    numbers = [mark.t_ns - T0 for mark in marks]
    assert sorted(numbers) == [*range(500), *range(1000, 1500), *range(2000, 2500)]
    for first in (0, 1000, 2000):
        assert sorted(mine := [n for n in numbers if first <= n < first + 500]) == mine
    assert recorder.lost_lines == 0
    assert recorder.problem == ""


def test_the_file_can_be_read_while_it_is_written(tmp_path: Path, disk: Disk) -> None:
    """What was offered is on the disk soon after, without anything that pushes it there."""
    recorder = Recorder(tmp_path / "run.jsonl")
    recorder.offer(encode(Header(t_ns=T0)))
    assert disk.written.wait(WAIT_S)
    disk.written.clear()
    recorder.offer(line(1))
    assert disk.written.wait(WAIT_S)
    assert len(records_of(tmp_path / "run.jsonl")) == 2
    recorder.close()


def test_prompts_do_not_reach_the_file(tmp_path: Path) -> None:
    """A header that comes as an encoded line is freed of prompts too."""
    recorder = Recorder(tmp_path / "run.jsonl")
    recorder.offer(encode(Header(t_ns=T0, agents=[AgentSpec(agent=0, name="a", server=0, prompt="my secret plan")])))
    recorder.close()
    assert b"secret" not in (tmp_path / "run.jsonl").read_bytes()


def test_an_unwritable_path_is_said_at_once(tmp_path: Path) -> None:
    """Nothing has started yet when the output turns out to be unusable, or to hold something."""
    with pytest.raises(TraceError, match="No such file"):
        Recorder(tmp_path / "none" / "run.jsonl")
    (tmp_path / "notes").write_text("precious")
    with pytest.raises(TraceError, match="--force"):
        Recorder(tmp_path / "notes")
    Recorder(tmp_path / "notes", overwrite=True).close()


def test_a_recording_that_never_began_leaves_nothing(tmp_path: Path) -> None:
    """No header, no file, no thread: the session did not come up."""
    before = threading.active_count()
    Recorder(tmp_path / "run.jsonl").close()
    assert threading.active_count() == before
    assert list(tmp_path.iterdir()) == []


def test_a_slow_disk_costs_lines_and_no_waiting(tmp_path: Path, disk: Disk) -> None:
    """While the disk hangs, offering goes on; what exceeds the queue is counted, told and noted in the file."""
    told = Told()
    recorder = Recorder(tmp_path / "run.jsonl", on_problem=told, queue_bytes=10 * LINE_BYTES)
    recorder.offer(encode(Header(t_ns=T0)))
    assert disk.written.wait(WAIT_S)
    disk.tried.clear()
    disk.go.clear()
    recorder.offer(line(0))
    assert disk.tried.wait(WAIT_S)
    taken = [recorder.offer(line(number)) for number in range(1, 31)]
    assert taken == [True] * 10 + [False] * 20
    assert recorder.lost_lines == 20
    assert "lines are left out" in recorder.problem
    assert told.words == [recorder.problem]
    disk.go.set()
    told.wait_for_end()
    assert recorder.offer(line(99))
    recorder.close()
    *before, loss, after, trailer = records_of(tmp_path / "run.jsonl")
    assert isinstance(loss, Loss)
    assert (loss.what, loss.count) == ("lines", 20)
    assert "as fast as it comes" in loss.words
    assert len(before) == 12
    assert after.t_ns == T0 + 99
    assert isinstance(trailer, Trailer)


def test_a_full_disk_is_told_and_forgotten_when_it_has_room(tmp_path: Path, disk: Disk) -> None:
    """A disk that is full for a while is a problem with its name, and costs nothing once there is room again."""
    told = Told()
    recorder = Recorder(tmp_path / "run.jsonl", on_problem=told)
    disk.full = True
    recorder.offer(encode(Header(t_ns=T0)))
    recorder.offer(line(1))
    told.wait_for("No space left on device")
    assert str(tmp_path / "run.jsonl") in told.words[0]
    disk.full = False
    told.wait_for_end()
    recorder.close()
    assert [type(record).__name__ for record in records_of(tmp_path / "run.jsonl")] == ["Header", "Mark", "Trailer"]
    assert recorder.lost_lines == 0


def test_a_disk_that_stays_full_leaves_a_file_that_reads(
    tmp_path: Path, disk: Disk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What came before is in the file; what came after is counted, and closing says that the end is missing."""
    monkeypatch.setattr(writer_module, "PENDING_BYTES", 5 * LINE_BYTES)
    told = Told()
    recorder = Recorder(tmp_path / "run.jsonl", on_problem=told)
    recorder.offer(encode(Header(t_ns=T0)))
    recorder.offer(line(0))
    assert disk.written.wait(WAIT_S)
    disk.full = True
    for number in range(1, 50):
        assert recorder.offer(line(number))
    told.wait_for("No space left")
    recorder.close()
    assert recorder.lost_lines == 49
    assert "the end of the recording is missing" in recorder.problem
    assert [record.t_ns for record in records_of(tmp_path / "run.jsonl")] == [T0, T0]


def test_a_disk_that_hangs_for_ever_does_not_hold_the_end_up(tmp_path: Path, disk: Disk) -> None:
    """Closing gives up after its deadline, counts what waits, and says that the end is missing."""
    told = Told()
    recorder = Recorder(tmp_path / "run.jsonl", on_problem=told)
    disk.go.clear()
    recorder.offer(encode(Header(t_ns=T0)))
    assert disk.tried.wait(WAIT_S)
    recorder.offer(line(1))
    recorder.close(deadline_s=0.05)
    assert recorder.lost_lines == 1
    assert "its end is missing" in told.words[-1]
    assert not recorder.offer(line(2))
    disk.go.set()


def test_a_line_that_is_none_is_counted(tmp_path: Path) -> None:
    """A child that says something else than records spoils nothing but the count."""
    recorder = Recorder(tmp_path / "run.jsonl")
    recorder.offer(encode(Header(t_ns=T0)))
    recorder.offer(b"Traceback (most recent call last):\n")
    recorder.offer(line(1))
    recorder.close()
    assert recorder.lost_lines == 1
    kinds = [type(record).__name__ for record in records_of(tmp_path / "run.jsonl")]
    assert kinds == ["Header", "Mark", "Loss", "Trailer"]


def test_its_cost_is_known(tmp_path: Path) -> None:
    """The thread's own CPU time is there to be shown: some, after it has written."""
    recorder = Recorder(tmp_path / "run.jsonl")
    assert recorder.cpu_ns == 0
    recorder.offer(encode(Header(t_ns=T0)))
    recorder.close()
    assert recorder.cpu_ns > 0


def test_a_checkpoint_never_tells_of_lines_that_are_missing(tmp_path: Path) -> None:
    """Once a line is lost, checkpoints are left out, and that is no loss: a seek must show what playing shows."""
    path = tmp_path / "run.jsonl"
    recorder = Recorder(path, queue_bytes=2_000)
    assert recorder.offer(encode(Header(t_ns=1)))
    assert not recorder.offer(encode(Mark(t_ns=2, words="x" * 3_000)))
    lost = recorder.lost_lines
    assert recorder.offer(encode(Checkpoint(t_ns=3, made_by="x", data=b"abc")))
    assert recorder.lost_lines == lost == 1
    recorder.close()
    with read(path) as reading:
        assert not any(isinstance(record, Checkpoint) for record in reading)


def test_a_recording_nobody_asked_for_has_an_end(tmp_path: Path) -> None:
    """Beyond its size nothing is written, and nothing counts as lost."""
    path = tmp_path / "run.jsonl"
    recorder = Recorder(path, most_bytes=0)
    recorder.offer(encode(Header(t_ns=1)))
    while not path.stat().st_size:
        threading.Event().wait(0.01)
    recorder.offer(encode(Mark(t_ns=2, words="late")))
    recorder.close()
    assert recorder.lost_lines == 0
    with read(path) as reading:
        assert [type(record).__name__ for record in reading] == ["Header", "Trailer"]
