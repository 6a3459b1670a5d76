"""Since when libuv's loop is in the turn that it is in: asyncio's selector can be asked, libuv must be worked out.

A turn is one wait in the kernel and everything that runs before the next one. libuv counts turns (``uv_metrics_info``)
and the time it has waited (``uv_metrics_idle_time``, a wait under way included), but stamps nothing.
"""

import ctypes
from collections.abc import Callable
from time import perf_counter_ns

_ROOM = 16
"""Members of ``uv_metrics_t``: ``loop_count`` comes first, 2 more and 13 reserved ones follow, 64 bits each."""
_FEW_TURNS = 2
"""After a wait of a watcher's period so few turns mean that the time not waited was all spent in the last of them."""


class UvTurns:
    """For one watching thread. Raises AttributeError where this libuv has no metrics (before 1.45)."""

    def __init__(self, library: ctypes.PyDLL, pointer: int, idle_ns: Callable[[], int]) -> None:
        self._idle_ns = idle_ns
        self._room = (ctypes.c_uint64 * _ROOM)()
        info = library.uv_metrics_info
        info.argtypes = [ctypes.c_void_p, ctypes.c_void_p]
        self._info = info
        self._arguments = (pointer, ctypes.addressof(self._room))
        self._last = (0, 0, 0, 0)
        self._usual = 0.0
        """Share of time that this loop lately spent outside of waits, in turns that were over at once."""

    def turns(self) -> int:
        """Turns so far. libuv does not promise this read to other threads, but it copies one aligned 64-bit word.

        It is only asked whether the count moved, so a stale one costs a poll.
        """
        self._info(*self._arguments)
        return self._room[0]

    def busy_since(self) -> int:
        """When the turn under way ended its wait (ns), 0 while the loop waits.

        Exact when the loop was seen waiting in the same turn before; else too early by no more than what earlier turns
        since the last call took beyond their usual share. The same turn gives the same answer.
        """
        idle_ns = self._idle_ns()
        turns, now_ns = self.turns(), perf_counter_ns()
        later_ns = self._idle_ns()
        last_turns, last_ns, last_idle_ns, last_since_ns = self._last
        waiting = later_ns > idle_ns  # a wait under way counts on with every reading
        if not last_ns:
            # Nothing is known of the time before: counted from the clock's zero, that was one turn of days.
            self._last = (turns, now_ns, later_ns, 0)
            return 0
        span_ns, grown_ns = now_ns - last_ns, later_ns - last_idle_ns
        worked_ns = max(0, span_ns - grown_ns)
        passed = turns - last_turns
        since_ns = 0
        if waiting:
            self._usual += 0.2 * (min(1.0, worked_ns / max(1, span_ns)) - self._usual)
        elif not passed:
            since_ns = last_since_ns or last_ns + grown_ns
        elif last_since_ns:
            since_ns = now_ns  # busy then and busy now, in different turns: this one has just begun for all we know
        elif passed <= _FEW_TURNS:
            since_ns = now_ns - worked_ns
        else:
            since_ns = now_ns - max(0, worked_ns - int(self._usual * grown_ns))
        self._last = (turns, now_ns, later_ns, since_ns)
        return since_ns
