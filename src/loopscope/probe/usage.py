"""What the loop's thread used: CPU, time waiting for a core, pauses of the garbage collector."""

import ctypes
import gc
import os
import threading
import time
import weakref
from pathlib import Path
from time import perf_counter_ns

_ROOM = 128
"""Bytes; schedstat is one line of three numbers."""
_STATUS_ROOM = 8192
"""Bytes; status has 1.5 KB, more where there are many cores."""


class _Peek:
    """Reads a small file of /proc again and again without giving the GIL away. Who gives it away beside a callback that
    computes gets it back after 5 ms; opening, reading and closing took four of these, and the watchdog missed every
    third callback of 40 ms for it.
    """

    def __init__(self, path: Path, room: int = _ROOM) -> None:
        self._fd = os.open(path, os.O_RDONLY)
        self._size = room
        self._room = ctypes.c_char * room
        weakref.finalize(self, os.close, self._fd)
        self._pread = ctypes.PyDLL(None).pread  # PyDLL: called with the GIL held
        self._pread.argtypes = [ctypes.c_int, ctypes.c_void_p, ctypes.c_size_t, ctypes.c_long]
        self._pread.restype = ctypes.c_ssize_t

    def read(self) -> bytes:
        """Give what is there now; empty when the thread has ended."""
        room = self._room()
        size: int = self._pread(self._fd, room, self._size, 0)
        return room.raw[: max(0, size)]


def _peek(path: Path, room: int) -> _Peek | None:
    """Open a file of /proc, ``None``: no such file, or a libc that cannot be had by this."""
    try:
        return _Peek(path, room)
    except (OSError, AttributeError, TypeError):
        return None


class ThreadUsage:
    """Reads the figures of one thread from another one. Make it on the thread to be watched."""

    def __init__(self) -> None:
        self.cpu_words = ""
        self.switch_words = ""
        self.runq_words = ""
        self.looks = 0
        """Wake-ups of the watchdog's thread, counted by it; ``taken``: those that found Python's lock taken."""
        self.taken = 0
        self._clock: int | None = None
        try:
            self._clock = time.pthread_getcpuclockid(threading.get_ident())
            time.clock_gettime_ns(self._clock)
        except (AttributeError, OSError) as error:
            self._clock = None
            self.cpu_words = f"this platform has no CPU clock of a thread ({type(error).__name__})"
        folder = Path(f"/proc/self/task/{threading.get_native_id()}")
        self._status = _peek(folder / "status", _STATUS_ROOM)
        self._schedstat = _peek(folder / "schedstat", _ROOM)
        self.switch_words = "" if self.switches() else "needs /proc/self/task/*/status (Linux)"
        if self.runq_ns() is None:
            self.runq_words = "needs /proc/self/task/*/schedstat (Linux with scheduler statistics)"

    def cpu_ns(self) -> int | None:
        """CPU time of the thread so far (ns), or ``None``: see ``cpu_words``."""
        if self._clock is None:
            return None
        try:
            return time.clock_gettime_ns(self._clock)
        except OSError:
            return None

    def switches(self) -> tuple[int, int] | None:
        """How often the thread has left its core so far, by itself and by force; ``None``: see ``switch_words``.

        Linux tells it in a file of 1.5 KB that takes 30 us to make, so it is asked once a second, not at every tick.
        """
        try:
            lines = self._status.read().splitlines()[-2:] if self._status is not None else []
            voluntary, involuntary = (int(line.rsplit(b":", 1)[1]) for line in lines if b"ctxt_switches" in line)
        except (IndexError, ValueError):
            return None
        return voluntary, involuntary

    def runq_ns(self) -> int | None:
        """Time in which the thread could have run but had no core, so far (ns), or ``None``: see ``runq_words``."""
        try:
            return int(self._schedstat.read().split()[1]) if self._schedstat is not None else None
        except (IndexError, ValueError):
            return None


class GcClock:
    """Adds up the time that the garbage collector holds everything still."""

    def __init__(self) -> None:
        self.total_ns = 0
        self.by_generation_ns = [0, 0, 0]
        self._since_ns = 0

    def __call__(self, phase: str, info: dict[str, int]) -> None:
        """Be called by the collector at the start and the stop of each run."""
        if phase == "start":
            self._since_ns = perf_counter_ns()
        else:
            pause_ns = perf_counter_ns() - self._since_ns
            self.total_ns += pause_ns
            self.by_generation_ns[min(max(info.get("generation", 2), 0), 2)] += pause_ns

    def install(self) -> None:
        """Begin to listen."""
        gc.callbacks.append(self)
