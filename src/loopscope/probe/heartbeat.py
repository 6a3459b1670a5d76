"""The heartbeat: how late does this loop run a callback that is due?

The schedule is fixed (beat k is due at start + k * period), and a late wake-up records every beat that was due
meanwhile. A probe that sleeps again from its own late wake-up sees one 3 s stall in 6 s as one sample among hundreds
(its p99 reads 1 ms); this one records 60 of them, so that lag is weighted by time.
"""

import asyncio
from time import perf_counter_ns

from loopscope.probe.sample_buffer import SampleBuffer

BEAT_NS = 50_000_000
"""50 ms. A beat that has to wake an idle loop costs it 45 us: at 20 ms that was 12 % of what two agents at 100 chunks/s
cost altogether, so the probe measured itself; at 50 ms it is 4 %. Lag stays weighted by time, as every beat that was
due in a stall is back-filled; a stall shorter than the period is met in proportion to its length."""

_MOST_MISSED = 1200
"""Beats back-filled at one wake-up (one minute of stall): a suspended laptop must not fill the memory."""


class Heartbeat:
    """Beats on one loop, into one :class:`SampleBuffer`."""

    def __init__(self, loop: asyncio.AbstractEventLoop, samples: SampleBuffer) -> None:
        self._loop = loop
        self._samples = samples
        self._due_ns = 0
        self._handle: asyncio.TimerHandle | None = None
        self.last_ns = 0
        """When the heart last beat; a thread may read it to see whether the loop is stuck."""

    def start(self) -> None:
        """Begin to beat; call it on the loop's thread."""
        self._due_ns = perf_counter_ns() + BEAT_NS
        self._handle = self._loop.call_later(BEAT_NS / 1e9, self._beat)

    def stop(self) -> None:
        """End beating."""
        if self._handle is not None:
            self._handle.cancel()

    def _beat(self) -> None:
        now_ns = self.last_ns = perf_counter_ns()
        # uvloop's timers may fire up to 1 ms early: such a beat is on time, its lateness is 0.
        self._samples.beat(max(0, now_ns - self._due_ns))
        due_ns = self._due_ns + BEAT_NS
        if due_ns <= now_ns:
            due_ns = self._back_fill(due_ns, now_ns)
        self._due_ns = due_ns
        self._handle = self._loop.call_later((due_ns - now_ns) / 1e9, self._beat)

    def _back_fill(self, due_ns: int, now_ns: int) -> int:
        """Keep the beats that were due from ``due_ns`` on and did not come; give when the next one is due."""
        for _ in range(_MOST_MISSED - 1):
            self._samples.beat(now_ns - due_ns)
            due_ns += BEAT_NS
            if due_ns > now_ns:
                return due_ns
        return now_ns + BEAT_NS


async def idle_floor_ns(samples: SampleBuffer, seconds: float = 0.5) -> int | None:
    """Median lateness (ns) of the beats on a loop that does nothing else; ``None`` when there were under eight."""
    samples.take_beats()
    await asyncio.sleep(seconds)
    beats = sorted(samples.take_beats())
    return beats[len(beats) // 2] if len(beats) >= 8 else None
