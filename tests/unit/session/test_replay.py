"""Replay: a trace at its own pace, answered from a thread, with a clock that the test holds."""

import copy
import math
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from kit.processes import PATIENCE_S
from kit.tape import ZERO, calm
from loopscope.core.errors import InputError, TraceError
from loopscope.core.records import AnyRecord, Checkpoint, Finding, Header, Mark
from loopscope.model.fold import Fold
from loopscope.model.freeze import fold_id, freeze
from loopscope.model.snapshot import Snapshot
from loopscope.session import replay
from loopscope.session.replay import ReplaySource, fold_whole
from loopscope.trace.writer import TraceWriter

T0 = 5 * 10**12
S = 10**9
WAIT_S = PATIENCE_S


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


def session_trace(path: Path, *, closed: bool = True, seconds: bool = True) -> list[AnyRecord]:
    """A real session's records with marks and findings, and its seconds; gives the records."""
    records: list[AnyRecord] = calm(30)
    for at in range(2, 29, 3):
        records.append(Mark(t_ns=ZERO + at * S, proc="session", words=f"mark {at}"))
        records.append(Finding(t_ns=ZERO + at * S + 1, proc="session", name=f"rule-{at}", on=True, sentence="as told"))
        records.append(Finding(t_ns=ZERO + at * S + S // 5, proc="session", name=f"rule-{at}", on=False))
    records.sort(key=lambda record: record.t_ns)
    fold = Fold()
    writer = TraceWriter(path)
    if seconds:
        fold.seconds.hear = writer.write
    for record in records:
        writer.write(record)
        fold.feed(record)
    fold.seconds.end(ZERO)
    writer.flush()
    if closed:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("loopscope.trace.writer.now_ns", lambda: ZERO + 30 * S)
            writer.close()
    return records


class Real(Player):
    """A player of a real fold."""

    def __init__(self, path: Path) -> None:
        self.clock = Clock()
        self.source = ReplaySource(path, clock=self.clock)
        self.source.start()


@pytest.fixture
def real(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[Path], Real]]:
    players: list[Real] = []

    def start(path: Path) -> Real:
        players.append(Real(path))
        return players[-1]

    yield start
    for player in players:
        player.source.stop()


def test_at_64_times_the_speed_nothing_is_skipped(tmp_path: Path, real: Callable[[Path], Real]) -> None:
    """Whenever somebody looks, every mark and finding whose time has passed is there, and only those."""
    path = tmp_path / "run.jsonl.zst"
    records = session_trace(path)
    player = real(path)
    player.ask()
    player.source.set_speed(64.0)
    looks = 0
    while player.source.playback().position_s < 29:
        player.clock.forward(0.05)
        snapshot = player.ask()
        at_ns = ZERO + round(player.source.playback().position_s * S)
        looks += 1
        marks = [record.words for record in records if isinstance(record, Mark) and record.t_ns <= at_ns - S // 10]
        found = [
            record.name for record in records if isinstance(record, Finding) and record.on and record.t_ns <= at_ns
        ]
        assert [mark.label for mark in snapshot.marks if mark.kind == "mark"][: len(marks)] == marks
        seen = [mark.label for mark in snapshot.marks if mark.kind == "finding"]
        assert seen[: len(found) - 1] == found[: len(found) - 1]
    assert looks <= 20, "it was fast"
    player.clock.forward(10)
    last = player.ask_until(lambda s: not player.source.playback().playing)
    assert len([mark for mark in last.marks if mark.kind == "mark"]) == 9
    assert {finding.sentence for finding in player.source.fold.past} == {"as told"}


def test_seek_step_and_loop(tmp_path: Path, real: Callable[[Path], Real]) -> None:
    """Jumps are clamped; a step pauses; at the end it begins anew when asked to."""
    path = tmp_path / "run.jsonl"
    session_trace(path)
    player = real(path)
    player.ask_until(lambda s: player.source.playback().length_s == 30)
    player.source.seek(20.0)
    assert player.ask_until(lambda s: s.t_s > 19).chunks > 3000
    player.source.step(-10.0)
    back = player.ask_until(lambda s: s.t_s < 11)
    assert not player.source.playback().playing
    assert back.t_s == pytest.approx(10.0, abs=0.11)
    player.source.seek(-5.0)
    player.ask_until(lambda s: s.t_s == 0)
    player.source.seek(math.nan)
    player.source.seek(1e300)
    player.ask_until(lambda s: s.t_s > 29)
    player.source.set_loop(True)
    player.source.play(True)
    player.ask_until(lambda s: s.t_s < 1)
    player.clock.forward(31)
    player.ask_until(lambda s: s.t_s < 1 and player.source.playback().playing)
    with pytest.raises(InputError, match="no speed"):
        player.source.set_speed(3.0)


@pytest.mark.parametrize(("closed", "seconds"), [(True, True), (False, True), (False, False)])
def test_every_trace_has_an_overview(tmp_path: Path, real: Callable[[Path], Real], closed: bool, seconds: bool) -> None:
    """At once where the trace has its seconds in one place; else it is read in the background. It is the same one."""
    path = tmp_path / "run.jsonl.zst"
    session_trace(path, closed=closed, seconds=seconds)
    player = real(path)
    player.ask()
    scan = player.source._scan
    assert scan is not None, "no checkpoints in it"
    assert scan.done.wait(WAIT_S)
    overview = player.source.overview()
    assert overview is not None
    assert overview.step_s == 1.0
    assert overview.chunks_s[5:25].tolist() == [200.0] * 20
    assert [mark.label for mark in overview.marks if mark.kind == "mark"] == [f"mark {at}" for at in range(2, 29, 3)]
    assert overview.elu[10] == pytest.approx(0.05)
    assert overview.delay_ms[10] == pytest.approx(0.5)


def test_checkpoints_that_lie_are_not_believed(
    tmp_path: Path, real: Callable[[Path], Real], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A fold from the file that breaks while it is used: the records themselves are folded, and shown."""
    path = tmp_path / "run.jsonl.zst"
    records = calm(30)
    fold = Fold()
    # The trailer's clock counts from the start of the machine: for a quarter of an hour after it, that is before ZERO.
    monkeypatch.setattr("loopscope.trace.writer.now_ns", lambda: ZERO + 30 * S)
    with TraceWriter(path) as writer:
        for record in records:
            writer.write(record)
            fold.feed(record)
            if record.t_ns == ZERO + 10 * S and not writer.index:
                broken = copy.deepcopy(fold)
                broken.rigs.current = None
                broken.agents.all = broken.agents.all[:1]  # its rows know of two
                writer.write(Checkpoint(t_ns=record.t_ns, made_by=fold_id(), data=freeze(broken)))
    player = real(path)
    player.ask_until(lambda s: player.source.playback().length_s > 0)
    player.source.play(False)
    player.source.seek(12.0)
    snapshot = player.ask_until(lambda s: 11.9 < s.t_s <= 12.0 and len(s.agents) == 2)
    assert snapshot.chunks == 2 * 1150
