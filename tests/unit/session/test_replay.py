"""Replay: a trace at its own pace, answered from a thread, with a clock that the test holds."""

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from loopscope.core.errors import InputError, TraceError
from loopscope.core.records import AnyRecord, Header, Mark
from loopscope.model.snapshot import Snapshot
from loopscope.session import replay
from loopscope.session.replay import ReplaySource, fold_whole
from loopscope.trace.writer import TraceWriter

T0 = 5 * 10**12
S = 10**9
WAIT_S = 20.0


@dataclass
class FakeFold:
    """Remembers what it was fed."""

    fed: list[AnyRecord] = field(default_factory=list)

    def feed(self, record: AnyRecord) -> None:
        self.fed.append(record)

    def snapshot(self, at_ns: int) -> Snapshot:
        return Snapshot(t_s=(at_ns - T0) / S, chunks=len(self.fed), wall_ns=threading.get_ident())

    @property
    def marks(self) -> list[str]:
        return [record.words for record in self.fed if isinstance(record, Mark)]


class Clock:
    """Stands still until the test moves it."""

    def __init__(self) -> None:
        self.ns = 10**15

    def __call__(self) -> int:
        return self.ns

    def forward(self, seconds: float) -> None:
        self.ns += int(seconds * S)


def make_trace(path: Path, seconds: list[float], *, closed: bool = True) -> Path:
    writer = TraceWriter(path)
    writer.write(Header(t_ns=T0))
    for at_s in seconds:
        writer.write(Mark(t_ns=T0 + int(at_s * S), words=f"{at_s:g}"))
    writer.flush()
    if closed:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("loopscope.trace.writer.now_ns", lambda: T0 + int(max(seconds, default=0) * S))
            writer.close()
    return path


class Player:
    """A started source, its clock, and asking with waiting."""

    def __init__(self, path: Path) -> None:
        self.clock = Clock()
        self.folds: list[FakeFold] = []
        self.source = ReplaySource(path, new_fold=self._new_fold, clock=self.clock)  # type: ignore[arg-type]
        self.source.start()

    def _new_fold(self) -> FakeFold:
        self.folds.append(FakeFold())
        return self.folds[-1]

    def ask(self) -> Snapshot:
        arrived = threading.Event()
        answers: list[Snapshot] = []

        def answer(snapshot: Snapshot) -> None:
            answers.append(snapshot)
            arrived.set()

        self.source.ask(answer)
        assert arrived.wait(WAIT_S)
        return answers[0]

    def ask_until(self, right: Callable[[Snapshot], bool]) -> Snapshot:
        """Each answer comes after a round of the thread, so this is no waiting for time to pass."""
        for _ in range(1000):
            snapshot = self.ask()
            if right(snapshot):
                return snapshot
        raise AssertionError(f"not within 1000 answers: {snapshot.t_s} s, {self.source.playback()}")


@pytest.fixture(autouse=True)
def no_summary(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(replay, "summary", lambda fold: {"marks": fold.marks})


@pytest.fixture
def play(tmp_path: Path) -> Iterator[Callable[[Path], Player]]:
    players: list[Player] = []

    def start(path: Path) -> Player:
        players.append(Player(path))
        return players[-1]

    yield start
    for player in players:
        player.source.stop()
        assert not player.source._thread.is_alive()


def test_records_come_at_the_pace_at_which_they_were_recorded(tmp_path: Path, play: Callable[[Path], Player]) -> None:
    """Only what had happened by then is folded, at each moment of the replay."""
    player = play(make_trace(tmp_path / "run.jsonl", [0.5, 1, 2, 4]))
    assert player.ask_until(lambda s: s.chunks == 1).t_s == 0
    player.ask()
    player.clock.forward(1.25)
    assert player.ask_until(lambda s: s.chunks > 1).t_s == 1.25
    assert player.folds[0].marks == ["0.5", "1"]
    player.clock.forward(1.25)
    assert player.ask().t_s == 2.5
    assert player.folds[0].marks == ["0.5", "1", "2"]
    where = player.source.playback()
    assert (where.position_s, where.length_s, where.playing) == (2.5, 4.0, True)


def test_it_stays_at_the_end(tmp_path: Path, play: Callable[[Path], Player]) -> None:
    """After the last record time stands still, and answers go on."""
    player = play(make_trace(tmp_path / "run.jsonl", [1, 2]))
    player.ask()
    player.clock.forward(100)
    snapshot = player.ask()
    assert snapshot.t_s == 2
    assert snapshot.problem == ""
    assert snapshot.chunks == 3, "header and marks: the trailer is no part of the session"
    player.clock.forward(100)
    assert player.ask().t_s == 2
    where = player.source.playback()
    assert (where.position_s, where.length_s, where.playing) == (2.0, 2.0, False)


def test_playing_at_the_end_begins_anew(tmp_path: Path, play: Callable[[Path], Player]) -> None:
    """A new fold is fed from the start, so that nothing of the first round is counted twice."""
    player = play(make_trace(tmp_path / "run.jsonl", [1, 2]))
    player.ask()
    player.clock.forward(10)
    player.ask_until(lambda s: s.t_s == 2)
    player.source.play(True)
    player.ask_until(lambda s: s.t_s == 0)
    player.clock.forward(1)
    assert player.ask().t_s == 1
    assert [fold.marks for fold in player.folds] == [["1", "2"], ["1"]]
    assert player.source.playback().playing


def test_pause_holds_time_and_not_the_answers(tmp_path: Path, play: Callable[[Path], Player]) -> None:
    """While paused nothing is folded and asks are answered; playing goes on from there."""
    player = play(make_trace(tmp_path / "run.jsonl", [1, 2, 3]))
    player.ask()
    player.clock.forward(1.5)
    player.source.play(False)
    player.source.play(False)
    player.clock.forward(60)
    assert player.ask_until(lambda s: s.t_s == 1.5).chunks == 2
    player.clock.forward(60)
    assert player.ask().t_s == 1.5
    assert not player.source.playback().playing
    player.source.play(True)
    player.clock.forward(1)
    assert player.ask_until(lambda s: s.t_s == 2.5).chunks == 3


def test_late_asks_merge_and_each_asker_is_answered(tmp_path: Path, play: Callable[[Path], Player]) -> None:
    """While one answer is being given, ten asks of one caller become one, and another caller still gets its own."""
    player = play(make_trace(tmp_path / "run.jsonl", [1]))
    inside, go, done = threading.Event(), threading.Event(), threading.Event()
    mine: list[Snapshot] = []

    def hold(snapshot: Snapshot) -> None:
        inside.set()
        assert go.wait(WAIT_S)

    player.source.ask(hold)
    assert inside.wait(WAIT_S)
    for _ in range(10):
        player.source.ask(mine.append)
    player.source.ask(lambda snapshot: done.set())
    go.set()
    assert done.wait(WAIT_S)
    assert len(mine) == 1
    assert mine[0].wall_ns != threading.get_ident()


def test_a_trace_that_was_cut_says_so_at_its_end(tmp_path: Path, play: Callable[[Path], Player]) -> None:
    """The good part plays; then the screen says what is wrong with the file."""
    path = make_trace(tmp_path / "run.jsonl", [1, 2], closed=False)
    path.write_bytes(path.read_bytes()[:-5])
    player = play(path)
    assert player.ask().problem == ""
    player.clock.forward(10)
    snapshot = player.ask_until(lambda s: bool(s.problem))
    assert snapshot.problem == "2 records are good; its last line is cut off"
    assert player.folds[0].marks == ["1"]


def test_a_trace_without_anything_plays_to_its_end(tmp_path: Path, play: Callable[[Path], Player]) -> None:
    """A header alone is a trace of no length: it ends where it begins."""
    player = play(make_trace(tmp_path / "run.jsonl", []))
    player.ask_until(lambda s: not player.source.playback().playing)
    assert player.source.playback().position_s == 0


def test_a_file_that_vanished_can_still_be_looked_at(tmp_path: Path, play: Callable[[Path], Player]) -> None:
    """Beginning anew without the file is a problem in words; what was folded stays on the screen."""
    path = make_trace(tmp_path / "run.jsonl", [1])
    player = play(path)
    player.ask()
    player.clock.forward(5)
    player.ask_until(lambda s: s.t_s == 1)
    path.unlink()
    player.source.play(True)
    snapshot = player.ask_until(lambda s: bool(s.problem))
    assert "No such file" in snapshot.problem
    assert snapshot.t_s == 1
    assert not player.source.playback().playing


def test_stop_gives_the_summary_of_what_was_played(tmp_path: Path, play: Callable[[Path], Player]) -> None:
    """Ending half-way sums up the first half; a second stop gives the same."""
    player = play(make_trace(tmp_path / "run.jsonl", [1, 2]))
    player.ask()
    player.clock.forward(1)
    player.ask_until(lambda s: s.t_s == 1)
    assert player.source.stop() == {"marks": ["1"]}
    assert player.source.stop() == {"marks": ["1"]}


def test_what_cannot_be_opened_is_said_by_start(tmp_path: Path) -> None:
    """A file that is no trace raises before anything runs."""
    (tmp_path / "it").write_text("hello\n")
    source = ReplaySource(tmp_path / "it", new_fold=FakeFold)  # type: ignore[arg-type]
    with pytest.raises(TraceError, match="not a loopscope trace"):
        source.start()
    assert source.stop() == {"marks": []}


def test_the_past_has_no_levers(tmp_path: Path, play: Callable[[Path], Player]) -> None:
    """Levers are refused in words; marks are ignored; the title is the file's name, made plain."""
    path = make_trace(tmp_path / "run\x1b[2J.jsonl", [1])
    source = play(path).source
    with pytest.raises(InputError, match="replay"):
        source.pull("loop", "uvloop")
    before = path.read_bytes()
    source.mark("here")
    assert path.read_bytes() == before
    assert source.title == "run·[2J.jsonl"
    assert source.recording == ""
    assert source.abilities.playback
    assert not source.abilities.levers


def test_a_whole_trace_folds_without_waiting(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """For a report everything is folded at once, whatever its length in time."""
    monkeypatch.setattr(replay, "Fold", FakeFold)
    fold, outcome = fold_whole(make_trace(tmp_path / "run.jsonl", [1, 3600]))
    assert fold.marks == ["1", "3600"]  # type: ignore[attr-defined]
    assert outcome.whole
