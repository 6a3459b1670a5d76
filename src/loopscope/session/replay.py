"""A trace as a source: the same records through the same fold, at the pace at which they were recorded.

One thread reads, folds and answers. It feeds every record whose time has come, whatever the speed, then answers whoever
has asked, then sleeps until the next record is due or somebody wants something. When folding cannot keep up with the
clock, what is shown is the time up to which records have been folded, never a later one with data missing.
"""

import dataclasses
import math
import threading
from collections.abc import Callable
from pathlib import Path

from loopscope.core.clock import NS_PER_S, now_ns
from loopscope.core.errors import InputError, TraceError
from loopscope.core.records import AnyRecord, Trailer
from loopscope.core.text import plain
from loopscope.model.fold import Fold
from loopscope.model.snapshot import Snapshot
from loopscope.model.summary import summary
from loopscope.model.summary_types import Summary
from loopscope.session.overview import Scan, overview_of
from loopscope.session.procedure import Procedure
from loopscope.session.source import SPEEDS, Abilities, Overview, Playback, Progress
from loopscope.session.trace_cursor import InconsistentStateError, Places, TraceCursor
from loopscope.trace.reader import Outcome, last_ns, read

_SLICE_NS = 50_000_000
"""Longest stretch of folding before answers are given: a screen asks ten times a second."""
_SEEK_SLICE_NS = 250_000_000
"""The same after a jump: rather a late answer than one of a moment on the way."""
_LOOK_S = 0.2
"""How often the end of a file that is being written is looked at."""


def fold_whole(path: str | Path) -> tuple[Fold, Outcome]:
    """Fold a whole trace at once; give the fold and how reading went.

    Raises:
        TraceError: nothing of the file can be read.
    """
    fold = Fold()
    with read(path) as reading:
        for record in reading:
            _feed(fold, record)
    return fold, reading.outcome


def _feed(fold: Fold, record: AnyRecord) -> None:
    # The trailer speaks of the file, and of a moment at which the session had ended: live, nothing folded it.
    if not isinstance(record, Trailer):
        fold.feed(record)


class ReplaySource:
    """See :class:`loopscope.session.source.Source`. Plays from the start as soon as it is started; stays at the end.

    ``clock`` (monotonic ns) is what the pace is kept by. ``places`` and ``length_ns`` (since the header) are for a
    file that is still being written: its checkpoints, and how long it is by now.
    """

    abilities = Abilities(playback=True)

    def __init__(
        self,
        path: str | Path,
        *,
        new_fold: Callable[[], Fold] = Fold,
        clock: Callable[[], int] = now_ns,
        places: Callable[[], Places] | None = None,
        length_ns: Callable[[], int] | None = None,
    ) -> None:
        self.path = Path(path)
        self.title = plain(self.path.name)
        self.recording = ""
        self.steps: list[tuple[str, float]] = []
        self._new_fold = new_fold
        self._clock = clock
        self._places = places
        self._grown_ns = length_ns
        self._changed = threading.Condition()
        self._answers: list[Callable[[Snapshot], None]] = []
        self._playing = True
        self._speed = 1.0
        self._loop = False
        self._goal_ns: int | None = None
        self._stopping = False
        self._ended = False
        self._jumped = False
        self._problem = ""
        self._length_ns = 0
        # Position = _base_ns + (clock - _since_ns) * speed while playing, _base_ns while not.
        self._base_ns = 0
        self._since_ns = 0
        self._folded_ns = 0
        """Position up to which every record has been folded."""
        self._track: TraceCursor | None = None
        self._scan: Scan | None = None
        self._glance: tuple[int, Overview | None] = (-1, None)
        self._thread = threading.Thread(target=self._run, name="replay", daemon=True)

    @property
    def fold(self) -> Fold:
        """All that has been folded; for reports, once the source has stopped."""
        return self._track.fold if self._track is not None else self._new_fold()

    def start(self) -> None:
        """Open the trace and play. Raises TraceError when it cannot be opened."""
        self._track = TraceCursor(self.path, self._new_fold, self._places)
        self._since_ns = self._clock()
        self._thread.start()

    def ask(self, answer: Callable[[Snapshot], None]) -> None:
        """Answer once with a fresh snapshot, from the thread; an ask that waits already is not doubled."""
        with self._changed:
            if answer not in self._answers:
                self._answers.append(answer)
            self._changed.notify()

    def pull(self, lever: str, value: str, by: str = "key") -> None:
        """Levers do not act on what is past. Raises InputError."""
        raise InputError("this is a replay: levers act on a live session only")

    def run(self, procedure: Procedure, /, **args: str) -> None:
        """Procedures do not act on what is past. Raises InputError."""
        raise InputError("this is a replay: procedures run in a live session only")

    def procedure(self) -> Progress | None:
        """None runs here."""
        return None

    def cancel(self) -> None:
        """None runs here."""

    def mark(self, words: str) -> None:
        """Nothing is written into a trace that is being replayed."""

    def playback(self) -> Playback:
        """Tell where the replay stands; the length is 0 until it is known."""
        with self._changed:
            return Playback(
                position_s=self._folded_ns / NS_PER_S,
                length_s=max(self._end_ns(), self._folded_ns) / NS_PER_S,
                playing=self._playing,
                speed=self._speed,
                loop=self._loop,
            )

    def play(self, playing: bool) -> None:
        """Play or pause; playing at the end begins anew."""
        with self._changed:
            if playing == self._playing:
                return
            if playing and self._ended:
                self._goal_ns = 0
            self._base_ns, self._since_ns = self._position_ns(), self._clock()
            self._playing = playing
            self._changed.notify()

    def seek(self, position_s: float) -> None:
        """Go to a moment, clamped to what there is; a replay that plays goes on from there."""
        with self._changed:
            self._go(position_s * NS_PER_S)

    def step(self, seconds: float) -> None:
        """Pause, and move by so much."""
        with self._changed:
            position_ns = self._position_ns() if self._goal_ns is None else self._goal_ns
            self._base_ns, self._playing = position_ns, False
            self._go(position_ns + seconds * NS_PER_S)

    def set_speed(self, speed: float) -> None:
        """Play so many times as fast. Raises InputError for what is no speed of :data:`SPEEDS`."""
        if speed not in SPEEDS:
            raise InputError(f"{speed:g} is no speed; there are {', '.join(f'{each:g}' for each in SPEEDS)}")
        with self._changed:
            self._base_ns, self._since_ns = self._position_ns(), self._clock()
            self._speed = speed
            self._changed.notify()

    def set_loop(self, loop: bool) -> None:
        """Begin anew at the end, or stay there."""
        with self._changed:
            self._loop = loop
            self._changed.notify()

    def now(self) -> None:
        """Go to the end."""
        with self._changed:
            self._go(math.inf)

    def overview(self) -> Overview | None:
        """The whole trace at a glance: at once where it has its seconds, else as far as it has been read by now."""
        table = self._track.index.seconds if self._track is not None else None
        if table is None and self._scan is not None:
            table = self._scan.table
        if table is None:
            return None
        size = len(table.begin_ns)
        if self._glance[0] != size:
            self._glance = (size, overview_of(table))
        return self._glance[1]

    def stop(self) -> Summary:
        """End the thread, close the file, give the summary of what has been played."""
        self.end()
        return summary(self.fold)

    def end(self) -> None:
        """End the thread, close the file. A second call does nothing."""
        with self._changed:
            self._stopping = True
            self._changed.notify()
        if self._thread.is_alive() and self._thread is not threading.current_thread():
            self._thread.join()
        if self._scan is not None:
            self._scan.stop()
        if self._track is not None:
            self._track.close()

    def _end_ns(self) -> int:
        return self._length_ns if self._grown_ns is None else self._grown_ns()

    def _go(self, position_ns: float) -> None:
        """Ask the thread for another moment; the lock is held."""
        if math.isnan(position_ns):
            return
        self._goal_ns = int(min(max(position_ns, 0), max(self._end_ns(), self._folded_ns)))
        self._changed.notify()

    def _position_ns(self) -> int:
        gone_ns = int((self._clock() - self._since_ns) * self._speed) if self._playing else 0
        return self._base_ns + gone_ns

    def _run(self) -> None:
        track = self._track
        assert track is not None  # noqa: S101 - opened by start()
        self._prepare(track)
        while True:
            with self._changed:
                if self._stopping:
                    return
                answers, self._answers = self._answers, []
                goal_ns, self._goal_ns = self._goal_ns, None
            try:
                if goal_ns is not None:
                    self._jump(track, goal_ns)
                with self._changed:
                    target_ns = self._position_ns()
                self._advance(track, target_ns)
                snapshot = self._snapshot(track) if answers else None
            except InconsistentStateError:
                self._distrust(track, answers)
                continue
            if snapshot is not None:
                for answer in answers:
                    answer(snapshot)
            self._rest(track)

    def _prepare(self, track: TraceCursor) -> None:
        if track.growing:
            return
        if (track.index.seconds is None or not track.usable()) and isinstance(track.fold, Fold):
            self._scan = Scan(self.path, track.kept, only_seconds=track.usable())
            self._scan.start()
        try:
            length_ns = last_ns(self.path) - track.origin_ns
        except TraceError as error:
            self._problem, length_ns = str(error), 0
        with self._changed:
            # Looking for the end of a long trace that was never closed takes a second, which must not be skipped.
            self._length_ns, self._since_ns = length_ns, self._clock()

    def _jump(self, track: TraceCursor, goal_ns: int) -> None:
        try:
            at_ns = track.seek(goal_ns, self._folded_ns)
        except TraceError as error:  # it was there a moment ago: keep showing what is known of it
            self._hold(str(error))
            return
        with self._changed:
            self._jumped = True
            self._ended = self._ended and at_ns == self._folded_ns
            self._folded_ns = at_ns
            self._base_ns, self._since_ns = goal_ns, self._clock()

    def _distrust(self, track: TraceCursor, answers: list[Callable[[Snapshot], None]]) -> None:
        """A checkpoint of the file was not true: fold the records themselves, from the beginning to this moment."""
        try:
            track.begin(distrust=True)
        except TraceError as error:
            self._hold(str(error))
            return
        with self._changed:
            self._base_ns, self._since_ns = self._position_ns(), self._clock()
            self._folded_ns, self._ended, self._jumped = 0, False, True
            self._answers += [answer for answer in answers if answer not in self._answers]

    def _hold(self, problem: str) -> None:
        with self._changed:
            self._problem, self._playing, self._base_ns = problem, False, self._folded_ns

    def _advance(self, track: TraceCursor, target_ns: int) -> None:
        """Fold what is due at this position, for as long as a slice lasts."""
        until_ns = self._clock() + (_SEEK_SLICE_NS if self._jumped else _SLICE_NS)
        self._jumped = False
        at_ns = target_ns
        try:
            if track.next is None and track.growing and target_ns > self._folded_ns:
                track.more()
            while (record := track.next) is not None:
                due_ns = record.t_ns - track.origin_ns
                if due_ns > target_ns:
                    break
                if self._clock() >= until_ns:
                    at_ns = max(self._folded_ns, due_ns)
                    break
                track.feed()
        except TraceError as error:
            self._problem, track.next = str(error), None
        with self._changed:
            if track.growing:
                # What has not been written yet has not been seen.
                known_ns = track.last_ns - track.origin_ns
                self._folded_ns = at_ns if track.next is not None else max(self._folded_ns, min(at_ns, known_ns))
                return
            self._folded_ns = at_ns
            if track.next is None and not self._ended:
                self._end(track)

    def _end(self, track: TraceCursor) -> None:
        outcome = track.outcome
        self._ended = True
        self._length_ns = self._base_ns = self._folded_ns = outcome.last_ns - track.origin_ns
        if self._loop and self._playing and self._length_ns:
            self._goal_ns = 0
        else:
            self._playing = False
        self._problem = self._problem or outcome.words

    def _snapshot(self, track: TraceCursor) -> Snapshot:
        snapshot = track.snapshot(self._folded_ns)
        return dataclasses.replace(snapshot, problem=self._problem) if self._problem else snapshot

    def _rest(self, track: TraceCursor) -> None:
        """Sleep until the next record is due, or somebody wants something."""
        with self._changed:
            if self._stopping or self._answers or self._goal_ns is not None:
                return
            if not self._playing or (track.next is None and not track.growing):
                behind = track.next is not None and track.next.t_ns - track.origin_ns <= self._base_ns
                if not behind:
                    self._changed.wait()
            elif track.next is None:
                self._changed.wait(_LOOK_S)
            else:
                wait_ns = track.next.t_ns - track.origin_ns - self._position_ns()
                if wait_ns > 0:
                    self._changed.wait(wait_ns / NS_PER_S / self._speed)
