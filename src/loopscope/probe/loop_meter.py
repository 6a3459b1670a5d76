"""Event loops whose waiting time can be read from another thread.

ELU (event-loop utilisation, Node's word) is 1 - time waiting in the selector / wall time. asyncio: we time ``select``.
uvloop: libuv counts it itself (``UV_METRICS_IDLE_TIME``), reached by ctypes because uvloop has no API for it.
"""

import asyncio
import contextlib
import ctypes
import math
import select
import selectors
import sys
from collections.abc import Callable
from dataclasses import dataclass
from time import perf_counter_ns

from loopscope.probe.loop_turns import UvTurns

_READ, _WRITE = selectors.EVENT_READ, selectors.EVENT_WRITE
_NOT_IN, _NOT_OUT = ~getattr(select, "EPOLLIN", 0), ~getattr(select, "EPOLLOUT", 0)
_UV_METRICS_IDLE_TIME = 1  # enum uv_loop_option in uv.h


@dataclass(frozen=True, slots=True)
class LoopMeter:
    """Readers of one loop. ``idle_ns()``: total time spent waiting (``None``: why stands in ``words``).

    ``busy_since()`` is for one watching thread: when the turn under way left the selector (ns), 0 while the loop waits.
    """

    idle_ns: Callable[[], int] | None = None
    busy_since: Callable[[], int] | None = None
    turns: Callable[[], int] | None = None
    """How often it has looked for events so far; callable from one thread (not the watchdog's)."""
    words: str = ""


class TimedSelector(selectors.DefaultSelector):
    """The platform's selector, which adds up the time it waits.

    A poll that may not wait (timeout 0) is work, not waiting; libuv counts the same way.
    """

    def __init__(self) -> None:
        super().__init__()
        self._idle_ns = 0
        self._entered_ns = 0
        self._left_ns = perf_counter_ns()
        self._turns = 0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        """Wait for events, as the base class does."""
        self._turns += 1
        if timeout is not None and timeout <= 0:
            events = super().select(timeout)
            self._left_ns = perf_counter_ns()
            return events
        entered_ns = self._entered_ns = perf_counter_ns()
        events = super().select(timeout)
        left_ns = self._left_ns = perf_counter_ns()
        self._idle_ns += left_ns - entered_ns
        self._entered_ns = 0
        return events

    if selectors.DefaultSelector.__name__ == "EpollSelector":
        # In place of the base class's method, not around it: what the clock costs, its frames less give back.
        def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
            """Wait for events, as the base class does."""
            self._turns += 1
            keys = self._fd_to_key  # type: ignore[attr-defined]
            if timeout is not None and timeout <= 0:
                seconds, entered_ns = 0.0, 0
            else:
                # epoll counts in milliseconds; rounded up, as waking too early would only mean to wait again.
                seconds = -1 if timeout is None else math.ceil(timeout * 1e3) * 1e-3
                entered_ns = self._entered_ns = perf_counter_ns()
            try:
                events = self._selector.poll(seconds, len(keys) or 1)  # type: ignore[attr-defined]
            except InterruptedError:
                events = ()
            left_ns = self._left_ns = perf_counter_ns()
            if entered_ns:
                self._idle_ns += left_ns - entered_ns
                self._entered_ns = 0
            ready = []
            for fd, event in events:
                key = keys.get(fd)
                if key is not None:
                    mask = (_WRITE if event & _NOT_IN else 0) | (_READ if event & _NOT_OUT else 0)
                    ready.append((key, mask & key.events))
            return ready

    def busy_since(self) -> int:
        """When the turn under way left the selector (ns), 0 while the loop waits in it; callable from any thread."""
        return 0 if self._entered_ns else self._left_ns

    def turns(self) -> int:
        """How often it was asked so far; callable from any thread."""
        return self._turns

    def idle_ns(self) -> int:
        """Time spent waiting so far (ns), the wait under way included; callable from any thread.

        The two members are not read as one: a reader between their two writes sees one wait twice or not at all, so
        it reads again until the count stood still (a loop that wakes 20 000 times a second rests 50 us between).
        """
        total_ns = 0
        for _ in range(5):
            before_ns, entered_ns = self._idle_ns, self._entered_ns
            total_ns = before_ns + (perf_counter_ns() - entered_ns if entered_ns else 0)
            if self._idle_ns == before_ns and self._entered_ns == entered_ns:
                break
        return total_ns


def adopt_selector(selector: object) -> TimedSelector | None:
    """Make the platform's selector one that counts its waiting, with all that is registered in it; ``None``: another
    kind of selector, which is left as it is.
    """
    if isinstance(selector, TimedSelector):
        return selector
    if type(selector) is not selectors.DefaultSelector:
        return None
    with contextlib.closing(TimedSelector()) as fresh:
        counters = {name: value for name, value in vars(fresh).items() if name not in vars(selector)}
    vars(selector).update(counters)
    selector.__class__ = TimedSelector
    return selector  # type: ignore[return-value]  # mypy does not follow an assignment to __class__


def name_of(loop: asyncio.AbstractEventLoop) -> str:
    """Name of a loop: ``uvloop`` or ``asyncio``, also for a class that the program made of one of them."""
    packages = [kind.__module__.partition(".")[0] for kind in type(loop).__mro__]
    return next((name for name in packages if name in ("uvloop", "asyncio")), packages[0])


def libuv_of(loop: asyncio.AbstractEventLoop) -> tuple[ctypes.PyDLL, int]:
    """Return libuv as it is built into uvloop, and the address of this loop's ``uv_loop_t``.

    The loop is there, so its module is loaded: nothing is imported for it.

    Raises:
        ImportError, AttributeError: this is no loop of uvloop, or of a build that does not let us.
    """
    module = sys.modules.get("uvloop.loop")
    if module is None:
        raise ImportError("uvloop is not loaded")
    pointer_of = ctypes.pythonapi.PyCapsule_GetPointer
    pointer_of.restype = ctypes.c_void_p
    pointer_of.argtypes = [ctypes.py_object, ctypes.c_char_p]
    pointer: int = pointer_of(module.libuv_get_loop_t_ptr(loop), None)
    # PyDLL: called with the GIL held. Of 300 looks beside a thread that computes, 54 waited over 1 ms to have it back
    # when each of their three calls gave it away, and 1 since.
    return ctypes.PyDLL(module.__file__), pointer


def _uv_idle_counter(library: ctypes.PyDLL, pointer: int) -> Callable[[], int]:
    """Switch libuv's idle counter on (before the loop runs) and give its reader, which any thread may call.

    Raises:
        OSError, AttributeError: this build of uvloop does not let us.
    """
    library.uv_loop_configure.argtypes = [ctypes.c_void_p, ctypes.c_int]
    if library.uv_loop_configure(pointer, _UV_METRICS_IDLE_TIME) != 0:
        raise OSError("uv_loop_configure refused")
    idle_time = library.uv_metrics_idle_time
    idle_time.argtypes = [ctypes.c_void_p]
    idle_time.restype = ctypes.c_uint64
    return lambda: int(idle_time(pointer))


def meter_of(loop: asyncio.AbstractEventLoop) -> LoopMeter:
    """Meter a loop before it runs: time its selector in place, or have libuv count."""
    selector = getattr(loop, "_selector", None)
    if selector is not None:
        timed = adopt_selector(selector)
        if timed is None:
            return LoopMeter(words=f"the loop waits in {type(selector).__name__}")
        return LoopMeter(timed.idle_ns, timed.busy_since, timed.turns)
    if name_of(loop) != "uvloop":
        return LoopMeter(words=f"the loop {type(loop).__name__} has no selector to time")
    try:
        library, pointer = libuv_of(loop)
        idle_ns = _uv_idle_counter(library, pointer)
        busy_since = UvTurns(library, pointer, idle_ns).busy_since
        # One more: each has one room to read into, and this one is another thread's.
        turns = UvTurns(library, pointer, idle_ns).turns
    except (OSError, AttributeError, ImportError, TypeError, ValueError) as error:
        return LoopMeter(words=f"this build of uvloop does not give its idle time ({error})")
    return LoopMeter(idle_ns, busy_since, turns)


async def self_test(meter: LoopMeter) -> str:
    """Check the idle counter against a known wait and known work; empty when it holds, else why it is not used.

    20 ms of waiting and 20 ms of spinning must come back as 20 ms idle, give or take what a busy machine adds.
    """
    if meter.idle_ns is None:
        return meter.words
    idle_ns, start_ns = meter.idle_ns(), perf_counter_ns()
    await asyncio.sleep(0.02)
    waited_ns = perf_counter_ns() - start_ns
    spin_until_ns = perf_counter_ns() + 20_000_000
    while perf_counter_ns() < spin_until_ns:
        pass
    counted_ns = meter.idle_ns() - idle_ns
    # Lateness of the wake-up counts as waiting or as work depending on where it arises: allow half of the wait.
    if abs(counted_ns - waited_ns) > 10_000_000:
        return f"the idle counter gave {counted_ns / 1e6:.1f} ms for a wait of {waited_ns / 1e6:.1f} ms"
    return ""
