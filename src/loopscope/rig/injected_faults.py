"""Puts the planted causes of :mod:`loopscope.settings.injected_faults` into effect. Runs only when a rig was told to.

Each keeps account of what it really did, by its own clocks, and says so in a record when it ends: a plant that asks for
half of a core on a machine that has none left gets less, and what it got is what the probes must find.
"""

import asyncio
import gc
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from functools import partial
from time import perf_counter_ns, thread_time_ns

from loopscope.core.clock import now_ns
from loopscope.core.records import Record, Result
from loopscope.rig.network_faults import Network
from loopscope.settings.injected_faults import InjectedFault

_PERIOD_S = 0.01
"""Of ``spin``: short enough that no callback of a spinning loop looks like a stall."""
_GIL_PERIOD_S = 0.037
"""Of ``gil``. Not a divisor of the heartbeat's 50 ms: a hog of the same period lets each beat pass in its pause."""
_HEAP = 200_000
"""Lists that a full collection of ``gc`` must walk through: about 10 ms."""
_NEIGHBOUR = """
import os, sys
core, parent = int(sys.argv[1]), int(sys.argv[2])
if core >= 0:
    os.sched_setaffinity(0, {core})
while os.getppid() == parent:
    for _ in range(100_000):
        pass
"""


def injected_sleep(seconds: float) -> None:
    """Block the calling thread without using it."""
    time.sleep(seconds)


def injected_work(seconds: float) -> None:
    """Use the calling thread's CPU for so long."""
    end_ns = perf_counter_ns() + int(seconds * 1e9)
    while perf_counter_ns() < end_ns:
        pass


def injected_cpu(seconds: float) -> None:
    """Use so much CPU, however long that takes."""
    end_ns = thread_time_ns() + int(seconds * 1e9)
    while thread_time_ns() < end_ns:
        pass


def injected_collection() -> None:
    """Collect everything."""
    gc.collect()


class Account:
    """What a plant did: how often, for how long by the wall clock, and with how much CPU of its thread (ns)."""

    def __init__(self, plant: InjectedFault) -> None:
        self.plant = plant
        self.start_ns = now_ns()
        self.count = 0
        self.wall_ns = 0
        self.cpu_ns = 0
        self.longest_ns = 0

    def act(self, act: Callable[[], object]) -> None:
        """Do it once, and count."""
        wall_ns, cpu_ns = perf_counter_ns(), thread_time_ns()
        act()
        took_ns = perf_counter_ns() - wall_ns
        self.cpu_ns += thread_time_ns() - cpu_ns
        self.wall_ns += took_ns
        self.longest_ns = max(self.longest_ns, took_ns)
        self.count += 1

    def record(self, proc: str) -> Result:
        """Tell it."""
        at_ns = now_ns()
        return Result(
            t_ns=at_ns,
            proc=proc,
            what="plant",
            words=f"planted: {self.plant.name}",
            settings={"name": self.plant.name},
            figures={
                "seconds": (at_ns - self.start_ns) / 1e9,
                "count": self.count,
                "wall_s": self.wall_ns / 1e9,
                "cpu_s": self.cpu_ns / 1e9,
                "longest_ms": self.longest_ns / 1e6,
            },
        )


class InjectedFaults:
    """The causes of one rig. Keeps what they need alive. ``emit`` takes the records of what they did."""

    def __init__(
        self, loop: asyncio.AbstractEventLoop, plants: list[InjectedFault], emit: Callable[[Record], None], proc: str
    ) -> None:
        self._loop = loop
        self._plants = plants
        self._emit = emit
        self._proc = proc
        self._network = Network(loop)
        self._heap: list[list[int]] = []
        self._running: dict[int, Account] = {}
        self._neighbours: list[subprocess.Popen[bytes]] = []
        self._cores: set[int] = set()

    def start(self) -> None:
        """Begin, on the loop's thread."""
        for number, plant in enumerate(self._plants):
            account = self._running[number] = Account(plant)
            self._begin(number, plant, account)
            if plant.until_s:
                self._loop.call_later(plant.until_s, self._end, number)

    def _begin(self, number: int, plant: InjectedFault, account: Account) -> None:
        if plant.name in ("block", "busy"):
            act = injected_sleep if plant.name == "block" else injected_work
            self._again(number, partial(act, plant.ms / 1e3), 1 / plant.hz)
        elif plant.name == "spin":
            self._again(number, partial(injected_cpu, plant.share * _PERIOD_S), _PERIOD_S)
        elif plant.name == "gc":
            self._heap = [[item] for item in range(_HEAP)]
            self._again(number, injected_collection, 1 / plant.hz)
        elif plant.name == "gil":
            threading.Thread(target=self._hold, args=(number, plant.share), name="planted-gil", daemon=True).start()
        elif plant.name == "neighbours":
            self._crowd(plant.count)
        elif plant.name == "received":
            self._network.hold(partial(account.act, partial(injected_sleep, plant.ms / 1e3)), 1 / plant.hz)
        elif plant.name == "localhost":
            self._network.mislead(plant.ms / 1e3)
        else:
            self._network.shrink(plant.count)

    def stop(self) -> None:
        """End every cause that still acts."""
        for number in list(self._running):
            self._end(number)

    def _end(self, number: int) -> None:
        account = self._running.pop(number, None)
        if account is None:
            return
        name = account.plant.name
        if name == "neighbours":
            self._leave_alone()
        elif name == "gc":
            self._heap.clear()
        elif name in ("received", "localhost", "buffer"):
            self._network.let_go(name)
        self._emit(account.record(self._proc))

    def _again(self, number: int, act: Callable[[], object], period_s: float) -> None:
        """Run ``act`` on a fixed schedule; what is missed while the loop is held up is left out."""
        due_s = time.monotonic() + period_s

        def fire() -> None:
            nonlocal due_s
            account = self._running.get(number)
            if account is None:
                return
            account.act(act)
            now_s = time.monotonic()
            due_s = max(due_s + period_s, now_s)
            self._loop.call_later(max(0.0, due_s - now_s), fire)

        self._loop.call_later(period_s, fire)

    def _hold(self, number: int, share: float) -> None:
        while (account := self._running.get(number)) is not None:
            account.act(partial(injected_work, share * _GIL_PERIOD_S))
            time.sleep((1 - share) * _GIL_PERIOD_S)

    def _crowd(self, count: int) -> None:
        """Pin this thread, the loop's, to one core where that can be done, and start processes that compute there."""
        core = -1
        if sys.platform == "linux":
            self._cores = os.sched_getaffinity(0)
            core = max(self._cores)
            os.sched_setaffinity(0, {core})
        command = [sys.executable, "-I", "-S", "-c", _NEIGHBOUR, str(core), str(os.getpid())]
        null = subprocess.DEVNULL
        self._neighbours = [subprocess.Popen(command, stdin=null, stdout=null, stderr=null) for _ in range(count)]

    def _leave_alone(self) -> None:
        for process in self._neighbours:
            process.kill()
        for process in self._neighbours:
            process.wait()
        self._neighbours = []
        if self._cores and sys.platform == "linux":
            os.sched_setaffinity(0, self._cores)
