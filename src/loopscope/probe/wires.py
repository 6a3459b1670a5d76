"""Connections as a probe sees them: what each has read, how many are open, what waits for one."""

import asyncio
import threading
from collections.abc import Callable
from time import perf_counter_ns
from typing import Protocol


class Ack(Protocol):
    """What is called after each read of a connection."""

    def __call__(self) -> None:
        """Acknowledge what was read."""

    def close(self) -> None:
        """Let go: the connection closes."""


class Wire:
    """What the socket of one connection has seen; written where bytes come off the transport, read by the agent."""

    __slots__ = (
        "ack",
        "batch_ns",
        "connect_ns",
        "fd",
        "pause",
        "reads",
        "recv_ns",
        "requests",
        "rest",
        "resume",
        "transport",
    )

    def __init__(self) -> None:
        self.recv_ns = perf_counter_ns()
        """When bytes last arrived in our hands (ns)."""
        self.reads = 0
        self.connect_ns = 0
        """Duration of connecting (ns)."""
        self.batch_ns = 0
        """Time in which we chose not to read (ns)."""
        self.requests = 0
        """Responses that came over this connection."""
        self.fd = -1
        self.ack: Ack | None = None
        """To be called after each read, where one is wanted."""
        self.pause: Callable[[], None] | None = None
        """Stops and starts reading, where the transport would read by itself whether somebody asks or not."""
        self.resume: Callable[[], None] | None = None
        self.rest: Callable[[], None] | None = None
        """Stops reading for a turn of the loop, in which a task takes what a read has brought."""
        self.transport: asyncio.Transport | None = None
        """What reads it, where that is known and the connection is open."""


class Wires:
    """All connections of a client: those that are open, and what they have counted together, closed ones included.

    A client calls :meth:`add` when a connection is made and :meth:`remove` when it closes; either may come twice. Reads
    are counted in ``Wire.reads`` alone: counting each of them here too cost every read what a sum gives as well.
    ``set_up(fd)`` is called for each connection that is added, and gives what is to be called after each read of it.
    """

    __slots__ = ("_closed_reads", "_lock", "_set_up", "open", "pools")

    def __init__(self, set_up: Callable[[int], Ack | None] = lambda fd: None) -> None:
        self._set_up = set_up
        self.open: set[Wire] = set()
        self.pools: list[Callable[[], int]] = []
        """Each counts the requests that wait for a connection of some pool; none: the client has no pool that tells."""
        self._closed_reads = 0
        self._lock = threading.Lock()

    def add(self, wire: Wire) -> None:
        """Count a connection from now on."""
        with self._lock:
            if wire not in self.open:
                self.open.add(wire)
                self._closed_reads -= wire.reads  # 0, unless it was here before
                wire.ack = self._set_up(wire.fd)

    def remove(self, wire: Wire) -> None:
        """The connection is closed; what it has read stays in the count."""
        with self._lock:
            if wire in self.open:
                self.open.remove(wire)
                self._closed_reads += wire.reads
                if wire.ack is not None:
                    wire.ack.close()
                    wire.ack = None

    @property
    def reads(self) -> int:
        """Deliveries of bytes from the transport since the start; callable from any thread."""
        with self._lock:
            return self._closed_reads + sum(wire.reads for wire in self.open)


_READ_NAMES = {
    "TimeoutError",
    "ReadTimeout",
    "anyio",
    "BrokenResourceError",
    "ReadError",
    "ClosedResourceError",
    "EndOfStream",
    "map_exceptions",
    "fail_after",
    "_stream",
    "receive",
}
"""What ``read`` of httpcore's stream over anyio is made of, in the releases that we know."""


def reads_as_known(stream: type) -> bool:
    """Say whether this class of httpcore's reads as we know it, so that a read of ours may stand in its place.

    A coroutine of ours around its coroutine costs 0.4 us a read, and several times that where caches are cold.
    """
    code = getattr(getattr(stream, "read", None), "__code__", None)
    return code is not None and set(code.co_names) == _READ_NAMES
