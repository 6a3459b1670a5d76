"""A trace as a source: the same records through the same fold, at the pace at which they were recorded.

One thread reads, folds and answers. It feeds every record whose time has come, then answers whoever has asked, then
sleeps until the next record is due or somebody wants something. When folding cannot keep up with the clock, what is
shown is the time up to which records have been folded, never a later one with data missing.
"""

import dataclasses
import math
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from loopscope.core.clock import NS_PER_S, now_ns
from loopscope.core.errors import InputError, TraceError
from loopscope.core.records import AnyRecord, Trailer
from loopscope.core.text import plain
from loopscope.model.fold import Fold
from loopscope.model.snapshot import Snapshot
from loopscope.model.summary import summary
from loopscope.session.source import SPEEDS, Abilities, Overview, Playback, Progress
from loopscope.trace.reader import Outcome, Reading, last_ns, read

_SLICE_NS = 50_000_000
"""Longest stretch of folding before answers are given: a screen asks ten times a second."""


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

    ``clock`` (monotonic ns) is what the pace is kept by.
    """

    abilities = Abilities(playback=True)

    def __init__(
        self,
        path: str | Path,
        *,
        new_fold: Callable[[], Fold] = Fold,
        clock: Callable[[], int] = now_ns,
    ) -> None:
        self.path = Path(path)
        self.title = plain(self.path.name)
        self.recording = ""
        self.fold = new_fold()
        """All that has been folded; for reports, once the source has stopped."""
        self._new_fold = new_fold
        self._clock = clock
        self._changed = threading.Condition()
        self._answers: list[Callable[[Snapshot], None]] = []
        self._playing = True
        self._speed = 1.0
        self._loop = False
        self._goal_ns: int | None = None
        self._stopping = False
        self._ended = False
        self._problem = ""
        self._length_ns = 0
        # Position = _base_ns + (clock - _since_ns) while playing, _base_ns while not.
        self._base_ns = 0
        self._since_ns = 0
        self._folded_ns = 0
        """Position up to which every record has been folded."""
        self._reading: Reading | None = None
        self._next: AnyRecord | None = None
        self._thread = threading.Thread(target=self._run, name="replay", daemon=True)

    def start(self) -> None:
        """Open the trace and play. Raises TraceError when it cannot be opened."""
        self._open()
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

    def mark(self, words: str) -> None:
        """Nothing is written into a trace that is being replayed."""

    def playback(self) -> Playback:
        """Tell where the replay stands; the length is 0 until it is known."""
        with self._changed:
            return Playback(
                position_s=self._folded_ns / NS_PER_S,
                length_s=max(self._length_ns, self._folded_ns) / NS_PER_S,
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

    def run(self, name: str, **args: str) -> None:
        """Nothing can be measured again in what is past. Raises InputError."""
        raise InputError("this is a replay: procedures run in a live session only")

    def procedure(self) -> Progress | None:
        """None runs here."""
        return None

    def cancel(self) -> None:
        """None runs here."""

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
        """Not known yet."""
        return None

    def stop(self) -> dict[str, Any]:
        """End the thread, close the file, give the summary of what has been played."""
        with self._changed:
            self._stopping = True
            self._changed.notify()
        if self._thread.is_alive():
            self._thread.join()
        if self._reading is not None:
            self._reading.close()
        return summary(self.fold)

    def _go(self, position_ns: float) -> None:
        """Ask the thread for another moment; the lock is held."""
        if math.isnan(position_ns):
            return
        self._goal_ns = int(min(max(position_ns, 0), max(self._length_ns, self._folded_ns)))
        self._changed.notify()

    def _position_ns(self) -> int:
        gone_ns = int((self._clock() - self._since_ns) * self._speed) if self._playing else 0
        return self._base_ns + gone_ns

    def _open(self) -> None:
        self._reading = read(self.path)
        self._records = iter(self._reading)
        self._origin_ns = self._reading.header.t_ns
        self._next = next(self._records, None)

    def _run(self) -> None:
        try:
            length_ns = last_ns(self.path) - self._origin_ns
        except TraceError as error:
            self._problem, length_ns = str(error), 0
        with self._changed:
            # Looking for the end of a long trace that was never closed takes a second, which must not be skipped.
            self._length_ns, self._since_ns = length_ns, self._clock()
        while True:
            with self._changed:
                if self._stopping:
                    return
                answers, self._answers = self._answers, []
                goal_ns, self._goal_ns = self._goal_ns, None
            if goal_ns is not None:
                self._jump(goal_ns)
            with self._changed:
                target_ns = self._position_ns()
            self._advance(target_ns)
            if answers:
                snapshot = self._snapshot()
                for answer in answers:
                    answer(snapshot)
            self._rest()

    def _jump(self, goal_ns: int) -> None:
        if (goal_ns < self._folded_ns or self._ended) and not self._begin_anew():
            return
        with self._changed:
            self._base_ns, self._since_ns = goal_ns, self._clock()

    def _begin_anew(self) -> bool:
        try:
            self._open()
        except TraceError as error:  # it was there a moment ago: keep showing what is known of it
            with self._changed:
                self._problem, self._playing, self._base_ns = str(error), False, self._folded_ns
            return False
        self.fold = self._new_fold()
        with self._changed:
            self._ended = False
            self._folded_ns = self._base_ns = 0
            self._since_ns = self._clock()
        return True

    def _advance(self, target_ns: int) -> None:
        """Fold what is due at this position, for as long as a slice lasts."""
        until_ns = self._clock() + _SLICE_NS
        at_ns = target_ns
        while (record := self._next) is not None:
            due_ns = record.t_ns - self._origin_ns
            if due_ns > target_ns:
                break
            if self._clock() >= until_ns:
                at_ns = max(self._folded_ns, due_ns)
                break
            _feed(self.fold, record)
            self._next = self._take()
        with self._changed:
            self._folded_ns = at_ns
            if self._next is None and not self._ended:
                self._end()

    def _take(self) -> AnyRecord | None:
        try:
            return next(self._records, None)
        except TraceError as error:
            self._problem = str(error)
            return None

    def _end(self) -> None:
        assert self._reading is not None  # noqa: S101 - opened by start()
        outcome = self._reading.outcome
        self._ended = True
        self._length_ns = self._base_ns = self._folded_ns = outcome.last_ns - self._origin_ns
        if self._loop and self._playing and self._length_ns:
            self._goal_ns = 0
        else:
            self._playing = False
        self._problem = self._problem or outcome.words

    def _snapshot(self) -> Snapshot:
        snapshot = self.fold.snapshot(self._origin_ns + self._folded_ns)
        return dataclasses.replace(snapshot, problem=self._problem) if self._problem else snapshot

    def _rest(self) -> None:
        """Sleep until the next record is due, or somebody wants something."""
        with self._changed:
            if self._stopping or self._answers or self._goal_ns is not None:
                return
            if self._playing and self._next is not None:
                wait_ns = self._next.t_ns - self._origin_ns - self._position_ns()
                if wait_ns > 0:
                    self._changed.wait(wait_ns / NS_PER_S / self._speed)
            else:
                self._changed.wait()
