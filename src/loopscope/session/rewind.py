"""Looking back while a session goes on: a second reader on the file that is being written.

The data keep flowing and are recorded; only what is shown comes from the past. Where no recording was asked for, one is
kept in the folder for temporary files and removed at the end; what a killed session left there, the next one removes.
"""

import contextlib
import dataclasses
import os
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path

from loopscope.core.clock import NS_PER_S, now_ns
from loopscope.core.errors import TraceError
from loopscope.model.snapshot import Snapshot
from loopscope.session.recorder import Recorder
from loopscope.session.replay import ReplaySource
from loopscope.session.source import Playback

MOST_BYTES = 512 << 20
"""Of a file that nobody asked for: ten hours at 1 000 chunks/s. Looking back ends there; the session goes on."""
_NOW_S = 1.0
"""What is on its way to the disk: nearer than that the past cannot come."""
_PREFIX, _SUFFIX = "loopscope-past-", ".jsonl.zst"


class Rewind:
    """Where the screen looks: at now, or at an earlier moment of the recording. Callable from any thread."""

    def __init__(self, path: Path, recorder: Recorder, ask_live: Callable[[Callable[[Snapshot], None]], None]) -> None:
        self._path = path
        self._recorder = recorder
        self._ask_live = ask_live
        # Never held while a replay is ended: its thread may be answering somebody who asks for the lock.
        self._lock = threading.RLock()
        self._asking = threading.Lock()
        self._replay: ReplaySource | None = None
        self._begun_ns = 0
        self._answers: dict[Callable[[Snapshot], None], Callable[[Snapshot], None]] = {}

    def begin(self, header_ns: int) -> None:
        """The session's header has been written."""
        self._begun_ns = header_ns

    def ask(self, answer: Callable[[Snapshot], None], dress: Callable[[Snapshot], Snapshot]) -> bool:
        """Answer from the past; ``False`` where the screen looks at now."""
        if self._caught_up():
            self.now()

        def dressed(snapshot: Snapshot) -> None:
            with self._asking:
                self._answers.pop(answer, None)
            answer(dress(snapshot))

        with self._lock:
            replay = self._replay
            if replay is None:
                return False
            with self._asking:
                # One wrapper an asker, so that late asks merge as they do live.
                wrapped = self._answers.setdefault(answer, dressed)
            replay.ask(wrapped)
            return True

    def playback(self) -> Playback | None:
        """Where the screen looks; ``None`` before there is anything to look back at."""
        if not self._begun_ns:
            return None
        length_s = max(now_ns() - self._begun_ns, 0) / NS_PER_S
        with self._lock:
            if self._replay is None:
                return Playback(length_s, length_s, playing=True, live=True)
            return dataclasses.replace(self._replay.playback(), length_s=length_s, loop=False)

    def play(self, playing: bool) -> None:
        """Pause: stay at this moment. Play: go on from there, at the speed that is set."""
        with self._lock:
            if playing and self._replay is not None:
                self._replay.play(True)
            elif not playing:
                self._look_back(None, 0.0, playing=False)

    def seek(self, position_s: float) -> None:
        """Look at an earlier moment, and go on from there."""
        with self._lock:
            self._look_back(position_s, 0.0, playing=None)

    def step(self, seconds: float) -> None:
        """Stay, and move by so much; past the newest moment is now."""
        with self._lock:
            replay = self._replay
            end_s = self._length_ns() / NS_PER_S
            beyond = replay is not None and replay.playback().position_s + seconds >= end_s
            if not beyond and (replay is not None or seconds < 0):
                self._look_back(None, seconds, playing=False)
        if beyond:
            self.now()

    def set_speed(self, speed: float) -> None:
        """How fast the past is played; now has its own pace."""
        with self._lock:
            if self._replay is not None:
                self._replay.set_speed(speed)

    def now(self) -> None:
        """Back to the present."""
        with self._lock:
            replay, self._replay = self._replay, None
        if replay is None:
            return
        replay.end()
        with self._asking:
            waiting = list(self._answers)
            self._answers.clear()
        for answer in waiting:
            self._ask_live(answer)

    def _caught_up(self) -> bool:
        """Played faster than time passes, the past becomes the present."""
        with self._lock:
            replay = self._replay
        if replay is None:
            return False
        where = replay.playback()
        return where.playing and where.speed > 1 and self._length_ns() / NS_PER_S - where.position_s < _NOW_S

    def _length_ns(self) -> int:
        return max(now_ns() - self._begun_ns, 0)

    def _look_back(self, position_s: float | None, step_s: float, *, playing: bool | None) -> None:
        if not self._begun_ns:
            return
        replay, at_s = self._replay, self._length_ns() / NS_PER_S
        if replay is None:
            replay = ReplaySource(self._path, places=lambda: self._recorder.index, length_ns=self._length_ns)
            try:
                replay.start()
            except TraceError:
                return  # nothing of it has reached the disk yet: there is no past
            self._replay = replay
            replay.seek(at_s + step_s if position_s is None else position_s)
        elif position_s is not None:
            replay.seek(position_s)
        elif step_s:
            replay.step(step_s)
        if playing is False:
            replay.play(False)


def spare_recorder(on_problem: Callable[[str], None]) -> tuple[Path, Recorder] | None:
    """Give a recording that nobody asked for, so that one can look back; ``None`` where there is no room for it."""
    folder = Path(tempfile.gettempdir())
    _sweep(folder)
    try:
        handle, name = tempfile.mkstemp(prefix=_PREFIX, suffix=_SUFFIX, dir=folder)
        os.close(handle)
        return Path(name), Recorder(name, overwrite=True, on_problem=on_problem, most_bytes=MOST_BYTES)
    except (OSError, TraceError):
        return None


def _sweep(folder: Path) -> None:
    """Remove what killed sessions left: files of ours that nobody holds a lock on."""
    try:
        import fcntl
    except ImportError:
        return
    for path in folder.glob(f"{_PREFIX}*{_SUFFIX}"):
        with contextlib.suppress(OSError), path.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            path.unlink()
