"""Event loops whose waiting time can be read from another thread. The only import of uvloop in the rig.

ELU (event-loop utilisation, Node's word) is 1 - time waiting in the selector / wall time. asyncio: we time ``select``.
uvloop: libuv counts it itself (``UV_METRICS_IDLE_TIME``), reached by ctypes because uvloop has no API for it.
"""

import asyncio
import ctypes
import selectors
import sys
from collections.abc import Callable
from dataclasses import dataclass
from importlib import metadata
from time import perf_counter_ns

from loopscope.core.errors import InputError

_UV_METRICS_IDLE_TIME = 1  # enum uv_loop_option in uv.h


@dataclass(frozen=True, slots=True)
class MeteredLoop:
    """A loop, its name and version, and ``idle_ns()``: total time spent waiting (``None``: why stands in ``words``)."""

    loop: asyncio.AbstractEventLoop
    name: str
    version: str
    idle_ns: Callable[[], int] | None
    words: str


class TimedSelector(selectors.DefaultSelector):
    """The platform's selector, which adds up the time it waits.

    A poll that may not wait (timeout 0) is work, not waiting; libuv counts the same way.
    """

    def __init__(self) -> None:
        super().__init__()
        self._idle_ns = 0
        self._entered_ns = 0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        """Wait for events, as the base class does."""
        if timeout is not None and timeout <= 0:
            return super().select(timeout)
        entered_ns = self._entered_ns = perf_counter_ns()
        events = super().select(timeout)
        self._idle_ns += perf_counter_ns() - entered_ns
        self._entered_ns = 0
        return events

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


def _asyncio_loop() -> MeteredLoop:
    version = ".".join(map(str, sys.version_info[:3]))
    if sys.platform == "win32":
        loop: asyncio.AbstractEventLoop = asyncio.new_event_loop()
        return MeteredLoop(loop, "asyncio", version, None, "the Proactor loop of Windows has no selector to time")
    selector = TimedSelector()
    return MeteredLoop(asyncio.SelectorEventLoop(selector), "asyncio", version, selector.idle_ns, "")


def _uv_idle_counter(loop: asyncio.AbstractEventLoop) -> Callable[[], int]:
    """Switch libuv's idle counter on (before the loop runs) and give its reader, which any thread may call.

    Raises:
        OSError, AttributeError, ImportError: this build of uvloop does not let us.
    """
    import uvloop

    pointer_of = ctypes.pythonapi.PyCapsule_GetPointer
    pointer_of.restype = ctypes.c_void_p
    pointer_of.argtypes = [ctypes.py_object, ctypes.c_char_p]
    pointer = pointer_of(uvloop.loop.libuv_get_loop_t_ptr(loop), None)  # type: ignore[attr-defined]
    library = ctypes.CDLL(uvloop.loop.__file__)
    library.uv_loop_configure.argtypes = [ctypes.c_void_p, ctypes.c_int]
    if library.uv_loop_configure(pointer, _UV_METRICS_IDLE_TIME) != 0:
        raise OSError("uv_loop_configure refused")
    idle_time = library.uv_metrics_idle_time
    idle_time.argtypes = [ctypes.c_void_p]
    idle_time.restype = ctypes.c_uint64
    return lambda: int(idle_time(pointer))


def _uvloop_loop() -> MeteredLoop:
    try:
        import uvloop
    except ImportError as error:
        raise InputError(f"loop=uvloop cannot be had here ({error}); use loop=asyncio, or install uvloop") from error
    loop = uvloop.new_event_loop()
    try:
        idle_ns: Callable[[], int] | None = _uv_idle_counter(loop)
        words = ""
    except (OSError, AttributeError, ImportError, TypeError, ValueError) as error:
        idle_ns, words = None, f"this build of uvloop does not give its idle time ({error})"
    return MeteredLoop(loop, "uvloop", metadata.version("uvloop"), idle_ns, words)


def make_loop(name: str) -> MeteredLoop:
    """Make the named loop (``asyncio`` or ``uvloop``), its idle counter on.

    Raises:
        InputError: no such loop here.
    """
    if name == "asyncio":
        return _asyncio_loop()
    if name == "uvloop":
        return _uvloop_loop()
    raise InputError(f"there is no event loop {name!r}; valid: asyncio, uvloop")


async def self_test(metered: MeteredLoop) -> str:
    """Check the idle counter against a known wait and known work; empty when it holds, else why it is not used.

    20 ms of waiting and 20 ms of spinning must come back as 20 ms idle, give or take what a busy machine adds.
    """
    if metered.idle_ns is None:
        return metered.words
    idle_ns, start_ns = metered.idle_ns(), perf_counter_ns()
    await asyncio.sleep(0.02)
    waited_ns = perf_counter_ns() - start_ns
    spin_until_ns = perf_counter_ns() + 20_000_000
    while perf_counter_ns() < spin_until_ns:
        pass
    counted_ns = metered.idle_ns() - idle_ns
    # Lateness of the wake-up counts as waiting or as work depending on where it arises: allow half of the wait.
    if abs(counted_ns - waited_ns) > 10_000_000:
        return f"the idle counter gave {counted_ns / 1e6:.1f} ms for a wait of {waited_ns / 1e6:.1f} ms"
    return ""
