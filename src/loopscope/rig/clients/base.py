"""What an agent needs of an HTTP client, and how a client's failures are told."""

import asyncio
import threading
from collections.abc import AsyncIterator, Awaitable, Callable
from time import perf_counter_ns
from typing import Any, Protocol

from loopscope.rig.clients.tcp import QuickAck, set_options
from loopscope.settings.sockets import Tcp

STALL_S = 120.0
"""Longest wait for the next bytes: loading a large model holds the headers back for a minute."""
CONNECT_S = 5.0
KEEP_S = 60.0
"""How long a connection without a request is kept."""


class StreamFailure(Exception):  # noqa: N818 - it is the outcome of a request, not a programming error
    """A request failed. ``outcome`` is one of the outcomes of :class:`loopscope.core.records.Request`."""

    def __init__(self, outcome: str, words: str, status: int | None = None) -> None:
        super().__init__(words)
        self.outcome = outcome
        self.words = words
        self.status = status


class ReadGate:
    """How sockets are read. ``read:T`` batching: none is read sooner than ``every_ns`` after its last read.

    One object for all connections of a rig; the lever sets ``every_ns`` while they run. ``park(fd)`` is called before a
    socket is left unread on purpose, see :func:`loopscope.rig.loops._uv_park`. ``read_bytes`` (0: as the client has it)
    and ``tcp`` are set before there is a client, and hold for every connection that it opens.
    """

    __slots__ = ("every_ns", "park", "read_bytes", "tcp")

    def __init__(self, park: Callable[[int], None] | None = None) -> None:
        self.every_ns = 0
        self.park = park
        self.read_bytes = 0
        self.tcp = Tcp()

    async def leave_unread(self, wire: "Wire | None", wait_s: float) -> None:
        """Wait; a connection that is ours meanwhile, its reading paused, keeps what comes in its socket."""
        if wire is None:
            await asyncio.sleep(wait_s)
            return
        if wire.pause is not None:
            wire.pause()
        if self.park is not None and wire.fd >= 0:
            self.park(wire.fd)
        try:
            await asyncio.sleep(wait_s)
        finally:
            if wire.resume is not None:
                wire.resume()


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
        self.ack: QuickAck | None = None
        """To be called after each read, where ``tcp=quickack`` is set."""
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
    """

    __slots__ = ("_closed_reads", "_lock", "_tcp", "open", "pools")

    def __init__(self, tcp: Tcp | None = None) -> None:
        self._tcp = tcp or Tcp()
        """Set on each connection that is added."""
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
                wire.ack = set_options(wire.fd, self._tcp)

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


Pump = Callable[[Callable[[bytes], bool]], Awaitable[bool]]
"""``pump(take)`` hands each piece of a body to ``take`` as it comes off the transport, without waking a task for it:
``False`` once ``take`` gives that (the caller has something to await and calls again), ``True`` at the body's end."""


class Exchange(Protocol):
    """One request under way, its response begun. One that can has a :data:`Pump` as its member ``pump``."""

    status: int
    wire: Wire
    fresh: bool
    """A connection was opened for it."""

    def pieces(self) -> AsyncIterator[bytes]:
        """Body bytes as they come. Raises one of the client's ``errors`` when the stream breaks."""

    async def close(self) -> None:
        """Give the connection back, or close it when the body was not read to its end."""


class MessageExchange(Exchange, Protocol):
    """One whose client decodes by itself: its body comes as objects, its bytes are counted below the client."""

    first: Any
    """The first object, ``None`` where there was none."""
    messages: AsyncIterator[Any]
    """Those after it."""

    @property
    def counted(self) -> tuple[int, int, int]:
        """Reads, ns in which we chose not to read, bytes of the body, since the request began."""


class Client(Protocol):
    """An HTTP client."""

    name: str
    version: str
    wires: Wires
    errors: tuple[type[Exception], ...]
    """What reading a body may raise; :meth:`failure` translates it."""

    async def open(self, url: str, body: bytes, accept: str) -> Exchange:
        """Send a POST and wait for the response's headers. Raises StreamFailure."""

    def failure(self, error: Exception) -> StreamFailure:
        """Translate one of ``errors``."""

    async def close(self) -> None:
        """Close every connection."""


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
