"""What the loop's thread used: CPU, time waiting for a core, pauses of the garbage collector."""

import gc
import threading
import time
from pathlib import Path
from time import perf_counter_ns


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
        self._schedstat = Path(f"/proc/self/task/{threading.get_native_id()}/schedstat")
        self._status = self._schedstat.with_name("status")
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
            lines = self._status.read_bytes().splitlines()[-2:]
            voluntary, involuntary = (int(line.rsplit(b":", 1)[1]) for line in lines if b"ctxt_switches" in line)
        except (OSError, IndexError, ValueError):
            return None
        return voluntary, involuntary

    def runq_ns(self) -> int | None:
        """Time in which the thread could have run but had no core, so far (ns), or ``None``: see ``runq_words``."""
        try:
            return int(self._schedstat.read_bytes().split()[1])
        except (OSError, IndexError, ValueError):
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
