"""The watchdog: names the frame that keeps the loop from its selector.

A thread that sleeps, looks 28 times a second whether the loop is back in its selector, and sleeps on. Only when a turn
has lasted for 15 ms it takes the loop thread's stack, and again from 25 ms on. The same callback both times: that is
the one that blocks. Different ones: the turn was long, but no single callback was, and none is accused. Time without a
core and time in which another thread held the GIL are told apart from the callback's own.
"""

import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from time import perf_counter_ns
from types import FrameType

from loopscope.probe.frames import Place, callback_of, place_of, stack_of
from loopscope.probe.usage import GcClock, ThreadUsage

THRESHOLD_NS = 25_000_000
"""A turn longer than this is a stall: at 100 tok/s it holds up two tokens. With 28 looks a second every callback of
40 ms and more is met, shorter ones in proportion."""
PERIOD_S = 0.035
"""A look costs 30 us of CPU where caches are warm, on an idle virtual machine 85 (asyncio) to 130 us (uvloop): 0.23 to
0.36 % of a core. 58 us of that is what any thread of Python pays there to wait (``benchmarks/fixed.py``), 0.17 % at
this period; for under 0.1 % it would be 85 ms and more, at which most callbacks of 40 ms are missed."""
_ALERT_S = 0.015
"""... and while a turn was suspect lately, so often: a look waits up to 5 ms for the GIL of a callback that computes,
so that of those of 40 ms every second one ended before the second look. A look every 15 ms meets each of them twice."""
_ALERT_NS = 3_000_000_000
_SUSPECT_NS = 15_000_000
_LEAST_WAIT_S = 0.005
_SECOND_LOOK_S = 0.002
"""The look that makes a stall of a suspicion: it waits for the GIL on top, and 40 ms are soon over."""
_CLOSE_LOOKS_S = 0.01
_FAR_LOOKS_S = 0.05
_CLOSE_NS = 150_000_000
_STILL_NS = 1_000_000_000
"""A stall that lasts is told each second."""
_MOST_SHARE = 0.5
"""From this share of a stall on, waiting (for a core, for the GIL) is its cause and no callback is."""
_STARVED_NS = 3_500_000
"""The thread that holds the GIL gives it away after 5 ms (``sys.getswitchinterval``): a look so late waited for it."""
_TAKEN_NS = 1_000_000
"""A wake-up on a free core and with a free GIL is 0.05 to 0.3 ms late."""


@dataclass(slots=True)
class _Meters:
    """Totals of the loop's thread at one moment."""

    at_ns: int
    cpu_ns: int | None
    runq_ns: int | None
    gc_ns: int


@dataclass(slots=True)
class _Turn:
    """A turn of the loop that may become a stall."""

    since_ns: int
    before: _Meters
    idle_ns: int
    callback: FrameType | None = None
    same: bool = True
    looks: int = 0
    starved: int = 0
    places: dict[Place, int] = field(default_factory=dict)
    stacks: dict[Place, list[str]] = field(default_factory=dict)
    told_ns: int = 0
    last: _Meters | None = None
    """The latest reading inside the turn."""
    head: tuple[float, float] | None = None
    """CPU and wait for a core (ns) of the time before the first reading, as estimated when the stall is first told."""

    def used(self, end_ns: int, after: _Meters) -> tuple[int | None, int | None]:
        """Return CPU and wait for a core (ns) from the turn's start to ``end_ns``, of a reading at or after that.

        What lies between the last reading inside the turn and ``after`` is shared out evenly. The time before the first
        reading is estimated once, so that no figure of a later record of this stall is below that of an earlier one.
        """
        last = self.last or self.before
        share = (end_ns - last.at_ns) / max(1, after.at_ns - last.at_ns)
        values = (
            _grown(self.before.cpu_ns, last.cpu_ns, after.cpu_ns, share),
            _grown(self.before.runq_ns, last.runq_ns, after.runq_ns, share),
        )
        if self.head is None:
            unseen = (self.before.at_ns - self.since_ns) / max(1, end_ns - self.before.at_ns)
            self.head = ((values[0] or 0.0) * unseen, (values[1] or 0.0) * unseen)
        most = end_ns - self.since_ns
        cpu, runq = (
            None if value is None else min(most, int(value + head))
            for value, head in zip(values, self.head, strict=True)
        )
        return cpu, runq


class Watchdog(threading.Thread):
    """Watches the loop of one thread, given by its ``ident``.

    ``busy_since`` as in :class:`loopscope.probe.loop_meter.LoopMeter`; ``emit(kind, **members)`` takes what it finds,
    from this thread.
    """

    def __init__(
        self,
        *,
        ident: int,
        busy_since: Callable[[], int],
        idle_ns: Callable[[], int],
        usage: ThreadUsage,
        gc_clock: GcClock,
        emit: Callable[..., None],
    ) -> None:
        super().__init__(name="watchdog", daemon=True)
        self._watched = ident
        self._busy_since = busy_since
        self._idle_ns = idle_ns
        self._usage = usage
        self._gc = gc_clock
        self._emit = emit
        # A lock that is never free: to wait for it costs half of what an Event's wait does.
        self._halt = threading.Lock()
        self._halt.acquire()
        self._turn: _Turn | None = None
        self._gc_ns = 0
        self._alert_until_ns = 0
        self._own: ThreadUsage | None = None
        self._own_runq_ns = 0

    def finish(self) -> None:
        """End the thread; a stall under way is told as it stands."""
        self._halt.release()
        if self.is_alive():
            self.join()

    def run(self) -> None:
        """Look, sleep, look closer, until :meth:`finish`."""
        wait_s = PERIOD_S
        due_ns = perf_counter_ns() + int(wait_s * 1e9)
        self._own = ThreadUsage()
        while not self._halt.acquire(timeout=wait_s):
            wait_s = self._look(self._count(perf_counter_ns() - due_ns))
            due_ns = perf_counter_ns() + int(wait_s * 1e9)
        if self._turn is not None:
            self._tell(self._turn, perf_counter_ns(), over=True)

    def _count(self, late_ns: int) -> int:
        """Count this wake-up, and whether it had to wait for the GIL: for longer than it can have waited for a core.

        Return by how much it was late for want of the GIL (ns): a look that had no core says nothing of the lock.

        Its own run queue is only read when it was late; what has gathered there since the last such look then counts
        as this one's, so that a busy machine makes it see less, never more.
        """
        usage = self._usage
        usage.looks += 1
        if late_ns < _TAKEN_NS or self._own is None:
            return min(late_ns, _TAKEN_NS)
        runq_ns = self._own.runq_ns() or 0
        waited_ns, self._own_runq_ns = runq_ns - self._own_runq_ns, runq_ns
        usage.taken += late_ns - waited_ns >= _TAKEN_NS
        return max(0, late_ns - waited_ns)

    def _look(self, late_ns: int) -> float:
        """Look once; give the seconds to the next look."""
        since_ns, now_ns = self._busy_since(), perf_counter_ns()
        turn = self._turn
        if turn is not None and turn.since_ns != since_ns:
            # It has waited since, and mostly waits now: what it waited tells when the turn was over.
            self._tell(turn, now_ns - max(0, self._idle_ns() - turn.idle_ns), over=True)
            turn = self._turn = None
        lasts_ns = now_ns - since_ns if since_ns else 0
        if lasts_ns < _SUSPECT_NS:
            self._gc_ns = self._gc.total_ns
            calm_s = PERIOD_S if now_ns >= self._alert_until_ns else _ALERT_S
            return max(_LEAST_WAIT_S, (_SUSPECT_NS - lasts_ns) / 1e9) if since_ns else calm_s
        self._alert_until_ns = now_ns + _ALERT_NS
        if turn is None:
            turn = self._turn = _Turn(since_ns, self._meters(self._gc_ns), self._idle_ns())
        turn.last = self._meters(self._gc_ns)
        self._sample(turn, late_ns)
        if lasts_ns < THRESHOLD_NS:
            return max(_LEAST_WAIT_S, (THRESHOLD_NS - lasts_ns) / 1e9)
        if now_ns - max(turn.told_ns, since_ns) >= _STILL_NS:
            turn.told_ns = now_ns
            self._tell(turn, now_ns, over=False)
        if turn.looks < 2:
            return _SECOND_LOOK_S
        return _CLOSE_LOOKS_S if lasts_ns < _CLOSE_NS else _FAR_LOOKS_S

    def _meters(self, gc_ns: int) -> _Meters:
        return _Meters(perf_counter_ns(), self._usage.cpu_ns(), self._usage.runq_ns(), gc_ns)

    def _sample(self, turn: _Turn, late_ns: int) -> None:
        """Take the loop thread's stack into account."""
        frame = sys._current_frames().get(self._watched)
        callback = callback_of(frame) if frame is not None else None
        if frame is None or callback is None:
            return  # the loop itself, on its way into or out of its selector
        if turn.callback is not None and callback is not turn.callback:
            turn.same = False
        turn.callback = callback
        # A look that was late by a whole stall waited for the GIL, which nobody gave away meanwhile: it counts twice.
        turn.looks += 2 if late_ns >= THRESHOLD_NS else 1
        turn.starved += late_ns >= _STARVED_NS
        place = place_of(frame)
        turn.places[place] = turn.places.get(place, 0) + 1
        turn.stacks.setdefault(place, stack_of(frame))

    def _tell(self, turn: _Turn, end_ns: int, *, over: bool) -> None:
        """Emit the record of a stall, if it was one."""
        dur_ns = end_ns - turn.since_ns
        if dur_ns < THRESHOLD_NS or turn.looks < 2:
            return
        after = self._meters(self._gc.total_ns)
        cpu_ns, runq_ns = turn.used(end_ns, after)
        gc_ns = min(dur_ns, after.gc_ns - turn.before.gc_ns)
        place = max(turn.places, key=lambda at: turn.places[at])
        self._emit(
            "stall",
            t_ns=perf_counter_ns(),
            start_ns=turn.since_ns,
            dur_ns=dur_ns,
            over=over,
            why=cause(dur_ns, cpu_ns, runq_ns, gc_ns, same=turn.same, starved=2 * turn.starved >= turn.looks),
            file=place.file,
            line=place.line,
            function=place.function,
            own=place.own,
            stack=turn.stacks[place],
            cpu_ns=cpu_ns,
            runq_ns=runq_ns,
            gc_ns=gc_ns,
            looks=turn.looks,
        )


def _grown(first: int | None, inside: int | None, after: int | None, share: float) -> float | None:
    """Return how much a meter grew from ``first`` on, ``share`` of the way from ``inside`` to ``after``."""
    if first is None or inside is None or after is None:
        return None
    return (inside - first) + (after - inside) * min(max(share, 0.0), 1.0)


def cause(dur_ns: int, cpu_ns: int | None, runq_ns: int | None, gc_ns: int, *, same: bool, starved: bool) -> str:
    """Say what held the loop up for ``dur_ns``: the word ``why`` of the record ``stall``.

    ``same``: every look found the same callback; ``starved``: most looks had to wait for the GIL themselves.
    """
    most_ns = _MOST_SHARE * dur_ns
    # Without its time in the run queue it would have been no stall: the callback is not to blame.
    if runq_ns is not None and (runq_ns >= most_ns or dur_ns - runq_ns < THRESHOLD_NS):
        return "core"
    if gc_ns >= most_ns:
        return "gc"
    if starved and cpu_ns is not None and cpu_ns + (runq_ns or 0) < most_ns:
        return "gil"
    return "callback" if same else "turn"
