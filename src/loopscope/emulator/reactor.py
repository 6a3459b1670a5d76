"""One thread, one selector, one heap of due times: everything that the emulator does happens in here.

No asyncio: its timers have a resolution of 1 ms and each costs a handle object, while here a due chunk is one heap
entry and one call. Steps that fall due together are taken in one wake-up.
"""

import heapq
import itertools
import select
import selectors
import socket
from collections import deque
from collections.abc import Callable
from time import perf_counter_ns
from typing import Any

QUANTUM_NS = 500_000
"""Never two wake-ups within this time: one costs 10-30 us here (timer, idle exit), a chunk 4 us, so that 20 000
chunks/s in steps of 0.5 ms cost 2 000 wake-ups instead of 20 000; no chunk is later than this for it."""
PASS_STEPS = 256
"""Due steps taken before the sockets are looked at again: 1-2 ms of work."""

_SELECT_LIMIT = 1024
"""select() takes no descriptor from here on; a process that was handed so many waits in milliseconds."""

Step = Callable[[int], int]
"""Called with the time it was due (ns); gives when it is due again, 0 for never."""


class Reactor:
    """Runs steps at their time and socket callbacks when they are ready."""

    def __init__(self) -> None:
        self.selector = selectors.DefaultSelector()
        self.heap: list[tuple[int, int, Step]] = []
        self.eager: deque[Callable[[], bool]] = deque()
        """Called in turn, once a pass, as long as they return true: streams without a pace."""
        self.stopping = False
        self._fresh: list[tuple[int, int, Step]] = []
        self._order = itertools.count()
        self._wake_out, self._wake_in = socket.socketpair()
        for end in (self._wake_out, self._wake_in):
            end.setblocking(False)
        self.selector.register(self._wake_out, selectors.EVENT_READ, self._woken)
        # epoll waits in whole milliseconds, select() in microseconds, and an epoll descriptor can be waited for.
        self._fine_fd = -1
        if hasattr(select, "epoll") and isinstance(self.selector, selectors.EpollSelector):
            descriptor = self.selector.fileno()
            self._fine_fd = descriptor if descriptor < _SELECT_LIMIT else -1

    @property
    def wake_fd(self) -> int:
        """Descriptor for ``signal.set_wakeup_fd``."""
        return self._wake_in.fileno()

    def at(self, due_ns: int, step: Step) -> None:
        """Call ``step`` when it is due."""
        self._fresh.append((due_ns, next(self._order), step))

    def wake(self) -> None:
        """Make the loop look around; safe from other threads."""
        try:
            self._wake_in.send(b"\0")
        except (BlockingIOError, OSError):
            return  # it is full, so the loop wakes anyway; or closed, so there is no loop

    def stop(self) -> None:
        """End :meth:`run` soon; safe from other threads and signal handlers."""
        self.stopping = True
        self.wake()

    def run(self) -> None:
        """Run until :meth:`stop`."""
        heap, fresh, eager = self.heap, self._fresh, self.eager
        pop, push = heapq.heappop, heapq.heappush
        while not self.stopping:
            began = perf_counter_ns()
            left = PASS_STEPS
            while heap and heap[0][0] <= began and left:
                due, order, step = pop(heap)
                again = step(due)
                if again:
                    push(heap, (again, order, step))
                left -= 1
            for _ in range(len(eager)):
                burst = eager.popleft()
                if burst():
                    eager.append(burst)
            if fresh:
                for entry in fresh:
                    push(heap, entry)
                fresh.clear()
            self._wait(began)

    def _wait(self, began: int) -> None:
        wait_s: float | None = None
        if self.eager:
            wait_s = 0.0
        elif self.heap:
            due = self.heap[0][0]
            wait_s = max(0, max(due, began + QUANTUM_NS if due > began else due) - perf_counter_ns()) / 1e9
        if wait_s and self._fine_fd >= 0:
            if not select.select((self._fine_fd,), (), (), wait_s)[0]:
                return
            wait_s = 0.0
        for key, mask in self.selector.select(wait_s):
            key.data(mask)

    def _woken(self, _mask: int) -> None:
        self._wake_out.recv(4096)

    def close(self) -> None:
        """Close what the reactor opened."""
        self.selector.close()
        self._wake_in.close()
        self._wake_out.close()

    def watch(self, sock: socket.socket, mask: int, callback: Callable[[int], None], now: int = 0) -> int:
        """Set what is waited for on a socket (0: nothing); ``now`` is what is waited for already. Returns ``mask``."""
        if mask != now:
            if not now:
                self.selector.register(sock, mask, callback)
            elif not mask:
                self.selector.unregister(sock)
            else:
                data: Any = callback
                self.selector.modify(sock, mask, data)
        return mask
