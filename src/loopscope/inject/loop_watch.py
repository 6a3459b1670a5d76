"""The program's own event loops, met at the moment in which they run: idle counter, heartbeat, meters of the thread.

Whoever makes a loop, and however (``asyncio.run``, a Runner, a policy, ``uvloop.run``, a loop made long ago): it runs
by ``run_forever``, so that is where it is met. asyncio's selector is made to add up its waiting, in place.
"""

import asyncio
import sys
import threading
import weakref
from collections.abc import Callable
from time import perf_counter_ns
from types import ModuleType
from typing import Any

from loopscope.probe.heartbeat import Heartbeat
from loopscope.probe.loop_meter import meter_of, name_of
from loopscope.probe.sample_buffer import SampleBuffer
from loopscope.probe.usage import ThreadUsage


class WatchedLoop:
    """One loop of the program. Made on the loop's thread, read from the sender's."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.name = name_of(loop)
        self.version = str(getattr(sys.modules.get(self.name), "__version__", ".".join(map(str, sys.version_info[:3]))))
        self.usage = ThreadUsage()
        self.beats = SampleBuffer()
        self.heart = Heartbeat(loop, self.beats)
        self.running = False
        self.ident = threading.get_ident()
        self._loop = weakref.ref(loop)
        meter = meter_of(loop)
        self._counter, self._busy_since, self.words = meter.idle_ns, meter.busy_since, meter.words
        self._lock = threading.Lock()
        self._counted_ns = 0
        self._off_ns = 0
        self._left_ns = 0

    @property
    def counts_idle(self) -> bool:
        """The loop's waiting time can be had, see ``words``."""
        return self._counter is not None

    def enter(self) -> None:
        """The loop is about to run."""
        with self._lock:
            if self._left_ns:
                self._off_ns += perf_counter_ns() - self._left_ns
            self.running = True
        self.heart.start()

    def leave(self) -> None:
        """The loop has run and may be closed at once: libuv's counter must not be read after that."""
        self.heart.stop()
        with self._lock:
            self._counted_ns = self._counter() if self._counter is not None else 0
            self.running = False
            self._left_ns = perf_counter_ns()

    def idle_ns(self) -> int:
        """Time in which the loop had nothing to do so far (ns); while it does not run, it has nothing to do."""
        with self._lock:
            if self._counter is None:
                return 0
            if self.running:
                return self._counter() + self._off_ns
            return self._counted_ns + self._off_ns + perf_counter_ns() - self._left_ns

    def busy_since(self) -> int:
        """When the turn under way began (ns), 0 while the loop waits or does not run; for one watching thread."""
        with self._lock:
            return self._busy_since() if self.running and self._busy_since is not None else 0

    def tasks(self) -> int:
        """Tasks of the loop that are not done."""
        loop = self._loop()
        if loop is None or not self.running:
            return 0
        try:
            return len(asyncio.all_tasks(loop))
        except RuntimeError:
            return 0  # they came and went too fast to be counted from another thread


class LoopWatch:
    """Knows every loop that runs. ``on_run`` is called on the loop's thread each time before one runs."""

    def __init__(self, on_run: Callable[[WatchedLoop], None]) -> None:
        self._on_run = on_run
        self._all: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, WatchedLoop] = weakref.WeakKeyDictionary()
        self.problem = ""
        """Why a loop could not be watched."""

    def of(self, loop: asyncio.AbstractEventLoop | None) -> WatchedLoop | None:
        """Give the account of a loop."""
        return self._all.get(loop) if loop is not None else None

    def enter(self, loop: asyncio.AbstractEventLoop) -> WatchedLoop | None:
        """A loop is about to run; ``None`` when it cannot (it is closed, or runs) or we cannot watch it."""
        if loop.is_closed() or loop.is_running():
            return None
        try:
            return self.meet(loop)
        except Exception as error:  # whatever it is: a probe must not break the program
            self.problem = f"{type(error).__name__}: {error}"
            return None

    def meet(self, loop: asyncio.AbstractEventLoop) -> WatchedLoop:
        """Begin to watch a loop that runs, or is about to."""
        watched = self._all.get(loop)
        if watched is None or watched.ident != threading.get_ident():  # a loop may run on another thread next time
            watched = self._all[loop] = WatchedLoop(loop)
        watched.enter()
        self._on_run(watched)
        return watched

    def patch(self, owner: Any) -> None:
        """Meet the loops of this class when they run."""
        original = owner.run_forever

        def run_forever(loop: asyncio.AbstractEventLoop) -> None:
            watched = self.enter(loop)
            try:
                original(loop)
            finally:
                if watched is not None:
                    watched.leave()

        run_forever.__doc__ = original.__doc__
        owner.run_forever = run_forever

    def patch_uvloop(self, module: ModuleType) -> None:
        """Meet uvloop's loops: every way to make one makes a ``uvloop.Loop``."""
        self.patch(module.Loop)
