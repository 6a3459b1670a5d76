"""Load of this machine and of the processes that matter: ours and the inference servers. Only import of ``psutil``."""

import collections
import itertools
import time
from collections.abc import Iterable
from dataclasses import dataclass, field

import psutil

from loopscope.core.text import plain

SCAN_S = 2.0
"""New processes are looked for this often; a scan of 80 processes costs 0.1 ms, of which most are known already."""
SCAN_COST = 500
"""A scan that took c seconds is not repeated within 500 c: at most 0.2 % of a core, however many processes run."""
WINDOW = 5
"""Readings that a share is taken over: the kernel counts CPU in ticks of 10 ms, which over 250 ms would be 4 %."""

SERVER_NAMES = ("ollama", "llama-server", "lm-studio", "LM Studio")
_SERVER_MODULES = {"vllm": "vllm", "loopscope.realpair": "llama.cpp", "loopscope.emulator": "emulator"}
"""What gives away a server that runs inside a Python interpreter: a word of its command line, and what we call it."""


@dataclass(frozen=True, slots=True)
class HostReading:
    """Shares of each core that was busy, memory in bytes, CPU share of a core by process name."""

    cpu: list[float]
    memory_used: int
    memory_total: int
    procs: dict[str, float]

    @property
    def busy(self) -> float:
        """Mean share of all cores."""
        return sum(self.cpu) / len(self.cpu) if self.cpu else 0.0


@dataclass(slots=True)
class _Watched:
    process: psutil.Process
    name: str
    seen: collections.deque[tuple[float, float]] = field(default_factory=lambda: collections.deque(maxlen=WINDOW))
    """(when, CPU seconds so far)."""

    def share(self, now_s: float) -> float | None:
        """CPU share of a core over the window; ``None`` for the first reading.

        Raises:
            psutil.Error: the process is gone, or may not be asked.
        """
        times = self.process.cpu_times()
        self.seen.append((now_s, times.user + times.system))
        first_s, first_cpu_s = self.seen[0]
        if now_s <= first_s:
            return None
        return max(0.0, self.seen[-1][1] - first_cpu_s) / (now_s - first_s)


class Host:
    """This machine. ``watch`` names processes by pid; the descendants of ``parent`` (0: nobody) are ours."""

    def __init__(self, watch: Iterable[tuple[str, int]] = (), parent: int = 0) -> None:
        self._parent = parent
        self._watched: dict[int, _Watched] = {}
        self._settled: set[int] = set()
        """Pids that were looked at twice: a child between fork and exec still has its parent's name."""
        self._once: set[int] = set()
        self._ours: set[int] = {parent} if parent else set()
        self._next_scan_s = 0.0
        self._fixed = {pid: name for name, pid in watch}
        if parent:
            self._fixed.setdefault(parent, "session")
        for pid, name in self._fixed.items():
            self._add(pid, name)
        psutil.cpu_percent(percpu=True)  # the first call has nothing to compare with

    def read(self) -> HostReading:
        """Read everything; shares are since the last call (cores) or over the last second (processes)."""
        now_s = time.perf_counter()
        if now_s >= self._next_scan_s:
            self._scan()
            cost_s = time.perf_counter() - now_s
            self._next_scan_s = now_s + max(SCAN_S, SCAN_COST * cost_s)
        cpu = [min(1.0, max(0.0, percent / 100)) for percent in psutil.cpu_percent(percpu=True)]
        memory = psutil.virtual_memory()
        return HostReading(cpu, memory.total - memory.available, memory.total, self._shares())

    def _shares(self) -> dict[str, float]:
        shares: dict[str, float] = {}
        for pid, watched in list(self._watched.items()):
            try:
                share = watched.share(time.perf_counter())
            except psutil.Error:
                del self._watched[pid]
                continue
            if share is not None:
                shares[watched.name] = round(shares.get(watched.name, 0.0) + share, 4)
        return shares

    def _scan(self) -> None:
        pids = set(psutil.pids())
        self._settled &= pids
        self._once &= pids
        self._ours &= pids
        for pid in sorted(pids - self._settled):
            if pid not in self._fixed:
                self._look_at(pid)
            if pid in self._once:
                self._settled.add(pid)
            self._once.add(pid)

    def _look_at(self, pid: int) -> None:
        """Decide whether a process is one of ours, an inference server, or none of our business."""
        try:
            process = psutil.Process(pid)
            if process.ppid() in self._ours:
                self._ours.add(pid)
                self._add(pid, _own_name(process.cmdline()) or plain(process.name(), 30))
            elif (name := _server_name(process)) is not None:
                self._add(pid, name)
        except psutil.Error:
            return  # gone already, or another user's: it is looked at once more and then left alone

    def _add(self, pid: int, name: str) -> None:
        known = self._watched.get(pid)
        if known is not None:
            known.name = name
            return
        try:
            self._watched[pid] = _Watched(psutil.Process(pid), name)
        except psutil.Error:
            return  # a --watch of a process that is gone


def _own_name(command: list[str]) -> str:
    """Name that the session gave to a child: the word after ``--proc`` on its command line."""
    for word, value in itertools.pairwise(command):
        if word == "--proc":
            return plain(value, 30)
    return ""


def _server_name(process: psutil.Process) -> str | None:
    name = process.name()
    for known in SERVER_NAMES:
        if name.startswith(known):
            return known
    if name.startswith("python"):
        words = process.cmdline()
        for module, known in _SERVER_MODULES.items():
            if module in words or any(word.endswith(f"/bin/{module}") for word in words):
                return known
    return None
