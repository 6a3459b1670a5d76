"""Puts the planted causes of :mod:`loopscope.settings.plants` into effect. Runs only when a rig was told to."""

import asyncio
import gc
import threading
import time
from collections.abc import Callable
from functools import partial
from time import perf_counter_ns, thread_time_ns

from loopscope.settings.plants import Plant

_PERIOD_S = 0.01
"""Of ``spin`` and ``gil``: short enough that no callback of a spinning loop looks like a stall."""
_HEAP = 200_000
"""Lists that a full collection of ``gc`` must walk through: about 10 ms."""


def planted_sleep(seconds: float) -> None:
    """Block the calling thread without using it."""
    time.sleep(seconds)


def planted_work(seconds: float) -> None:
    """Use the calling thread's CPU for so long."""
    end_ns = perf_counter_ns() + int(seconds * 1e9)
    while perf_counter_ns() < end_ns:
        pass


def planted_cpu(seconds: float) -> None:
    """Use so much CPU, however long that takes."""
    end_ns = thread_time_ns() + int(seconds * 1e9)
    while thread_time_ns() < end_ns:
        pass


def planted_collection() -> None:
    """Collect everything."""
    gc.collect()


class Plants:
    """The causes of one rig. Keeps what they need alive."""

    def __init__(self, loop: asyncio.AbstractEventLoop, plants: list[Plant]) -> None:
        self._loop = loop
        self._plants = plants
        self._heap: list[list[int]] = []
        self._halt = threading.Event()

    def start(self) -> None:
        """Begin, on the loop's thread."""
        for plant in self._plants:
            if plant.name in ("block", "busy"):
                act = planted_sleep if plant.name == "block" else planted_work
                self._again(partial(act, plant.ms / 1e3), 1 / plant.hz)
            elif plant.name == "spin":
                self._again(partial(planted_cpu, plant.share * _PERIOD_S), _PERIOD_S)
            elif plant.name == "gc":
                self._heap = [[number] for number in range(_HEAP)]
                self._again(planted_collection, 1 / plant.hz)
            else:
                threading.Thread(target=self._hold, args=(plant.share,), name="planted-gil", daemon=True).start()

    def stop(self) -> None:
        """End."""
        self._halt.set()

    def _again(self, act: Callable[[], object], period_s: float) -> None:
        """Run ``act`` on a fixed schedule; what is missed while the loop is held up is left out."""
        due_s = time.monotonic() + period_s

        def fire() -> None:
            nonlocal due_s
            if self._halt.is_set():
                return
            act()
            now_s = time.monotonic()
            due_s = max(due_s + period_s, now_s)
            self._loop.call_later(max(0.0, due_s - now_s), fire)

        self._loop.call_later(period_s, fire)

    def _hold(self, share: float) -> None:
        while not self._halt.wait((1 - share) * 5 * _PERIOD_S):
            planted_work(share * 5 * _PERIOD_S)
