"""The rig's sender, over a program: digests the journal first, reads the meters of the loop that has the streams."""

import time
from collections.abc import Callable

from loopscope.core.clock import now_ns
from loopscope.inject.digest import Digest
from loopscope.inject.journal import Journal
from loopscope.inject.loop_watch import LoopWatch, WatchedLoop
from loopscope.probe.sample_buffer import SampleBuffer
from loopscope.probe.sender import Sender
from loopscope.probe.usage import GcClock
from loopscope.probe.wires import Wires

_SLICE = 128
"""Entries digested before the loop gets its turn at the GIL: 0.4 ms at most."""
_FEW = 32
"""So few take 0.1 ms: the write at the end of the tick is turn enough. To sleep costs 50 us of CPU."""
_TURN_S = 0.0001
"""Not 0: who gives the GIL away for no time has it back before another thread has woken up to take it."""


class ProgramSender(Sender):
    """Sends for one program. ``on_follow`` is called from this thread when it turns to another loop."""

    def __init__(
        self,
        send: Callable[[bytes], None],
        samples: SampleBuffer,
        journal: Journal,
        wires: Wires,
        watch: LoopWatch,
        first: WatchedLoop,
        gc_clock: GcClock,
        on_follow: Callable[[WatchedLoop], None],
    ) -> None:
        self.digest = Digest(samples)
        super().__init__(
            send,
            samples,
            loop_name=first.name,
            idle_ns=first.idle_ns if first.counts_idle else None,
            usage=first.usage,
            gc_clock=gc_clock,
            wires=lambda: wires,
            streams=lambda: self.digest.streams,
            tasks=lambda: self._followed.tasks(),
        )
        self._journal = journal
        self._watch = watch
        self._followed = first
        self._on_follow = on_follow
        self._lost = 0
        self._told_two = False
        self.newest = first
        """The loop that began to run last."""

    def finish(self) -> None:
        """Send what is left; the streams that are open end here."""
        self._halt.release()
        if self.is_alive():
            self.join()
        self._digest()
        self.digest.finish()
        self._tick()

    def _tick(self) -> None:
        self._digest()
        self.digest.sweep(now_ns())
        followed = self._followed
        for late_ns in followed.beats.take_beats():
            self._samples.beat(late_ns)
        super()._tick()
        wanted = self._wanted()
        if wanted is not followed:
            self._follow(wanted)

    def _wanted(self) -> WatchedLoop:
        """Which loop to follow: the one of the stream that began last; without any, one that runs."""
        followed, latest = self._followed, self.digest.latest
        of_stream = self._watch.of(latest.loop) if latest is not None else None
        if of_stream is followed or of_stream is None or not of_stream.running:
            return followed if followed.running or not self.newest.running else self.newest
        if not followed.running or not self.digest.streams_on(self._watch, followed):
            return of_stream
        if not self._told_two:
            self._told_two = True
            words = f"streams on two event loops: the loop's figures are those of one ({followed.name})"
            self._samples.emit("mark", t_ns=now_ns(), words=words)
        return followed

    def _follow(self, watched: WatchedLoop) -> None:
        watched.beats.take_beats()
        self._followed = watched
        self._loop_name, self._usage = watched.name, watched.usage
        self._idle_ns = watched.idle_ns if watched.counts_idle else None
        for name in ("idle", "cpu", "runq"):
            self._last.pop(name, None)
        self._switches = None
        self._read_meters()  # what they read now is where the new loop's figures begin
        self._last_ns = now_ns()
        self._on_follow(watched)

    def _digest(self) -> None:
        asked = self.digest.asked()
        entries = self._journal.take()
        for start in range(0, len(entries), _SLICE):
            self.digest.take(entries[start : start + _SLICE])
            if len(entries) - start >= _FEW:
                time.sleep(_TURN_S)
        self.digest.handled(asked)
        self._samples.dropped += self._journal.dropped - self._lost
        self._lost = self._journal.dropped
