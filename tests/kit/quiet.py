"""How quiet the machine was while a test ran: how long our own processes waited for a core that others held.

The kernel counts, for each thread, how long it was ready and did not run (``schedstat``). A test that keeps both cores
busy by itself waits too: of the wait, only the share counts that others had in the work that was done meanwhile.
"""

import os
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

BOUND = 0.05
"""Seconds of waiting a second, from which on a time that was measured says nothing of us. The watchdog's tests, two
cores: with priority over neighbours who used 1.6 of them 0.00 to 0.09, median 0.02, and all that could be told passed;
as equals of eight busy neighbours 0.06 to 1.1, median 0.4."""
EVERY_S = 0.2
PROC = Path("/proc")


@dataclass(frozen=True)
class Noise:
    """What was seen from the beginning to the end of a test."""

    wall_s: float
    own_s: float
    """CPU that this process and all below it used."""
    wait_s: float
    """Time for which a thread of theirs was ready and had no core, added up."""
    others_s: float
    """CPU that all others used."""

    @property
    def waited(self) -> float:
        """Seconds a second for which ours waited for others."""
        busy_s = self.own_s + self.others_s
        return self.wait_s / self.wall_s * (self.others_s / busy_s) if busy_s > 0 else 0.0

    @property
    def words(self) -> str:
        """Both figures, for a report."""
        return (
            f"waited {self.waited:.3f} s a second for a core that others held, "
            f"who used {self.others_s / self.wall_s:.2f} cores (bound {BOUND})"
        )


class NoiseMeter:
    """Looks from its beginning on, five times a second, in a thread of its own."""

    def __init__(self) -> None:
        self._ended = threading.Event()
        self._begin_s = time.monotonic()
        self._busy_s = _busy_s()
        self._first = dict(_tasks())
        self._last = dict(self._first)
        self._thread = threading.Thread(target=self._watch, name="noise", daemon=True)
        self._thread.start()

    def _watch(self) -> None:
        while not self._ended.wait(EVERY_S):
            self._last.update(_tasks())

    def end(self) -> Noise:
        """Stop looking; give what was seen."""
        self._ended.set()
        self._thread.join()
        self._last.update(_tasks())
        ran_ns = waited_ns = 0
        for task, (ran, waited) in self._last.items():
            before = self._first.get(task, (0, 0))
            ran_ns += ran - before[0]
            waited_ns += waited - before[1]
        own_s = ran_ns / 1e9
        others_s = max(0.0, _busy_s() - self._busy_s - own_s)
        return Noise(time.monotonic() - self._begin_s, own_s, waited_ns / 1e9, others_s)


def known_here() -> bool:
    """Say whether this system tells how long threads waited."""
    return sys.platform == "linux" and (PROC / "self/schedstat").exists()


def _tasks() -> Iterator[tuple[tuple[int, int], tuple[int, int]]]:
    """Each thread of this process and of all below it, by process and number: ran, waited (ns)."""
    for process in _family():
        try:
            threads = list((PROC / str(process) / "task").iterdir())
        except OSError:
            continue
        for thread in threads:
            try:
                ran, waited, _ = (thread / "schedstat").read_text("ascii").split()
            except (OSError, ValueError):
                continue
            yield (process, int(thread.name)), (int(ran), int(waited))


def _family() -> set[int]:
    parents: dict[int, int] = {}
    for path in PROC.glob("[0-9]*/stat"):
        try:
            parents[int(path.parent.name)] = int(path.read_text().rsplit(")", 1)[1].split()[1])
        except (OSError, IndexError):
            continue
    family, waiting = {os.getpid()}, [os.getpid()]
    while waiting:
        parent = waiting.pop()
        below = {child for child, of in parents.items() if of == parent} - family
        family |= below
        waiting += below
    return family


def _busy_s() -> float:
    """CPU that the whole machine has used, and what its host took from it (s)."""
    ticks = (PROC / "stat").read_text("ascii").split("\n", 1)[0].split()[1:9]
    user, nice, system, _idle, _wait, irq, softirq, steal = map(int, ticks)
    return (user + nice + system + irq + softirq + steal) / os.sysconf("SC_CLK_TCK")
