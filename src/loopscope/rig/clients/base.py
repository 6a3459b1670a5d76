"""What an agent needs of an HTTP client, and how a client's failures are told."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, Protocol

from loopscope.probe.wires import Wire, Wires
from loopscope.rig.clients.tcp import QuickAck, set_options
from loopscope.settings.levers.tcp import Tcp

STALL_S = 120.0
"""Longest wait for the next bytes: loading a large model holds the headers back for a minute."""
CONNECT_S = 5.0
KEEP_S = 60.0
"""How long a connection without a request is kept."""


class StreamFailure(Exception):  # noqa: N818 - it is the outcome of a request, not a programming error
    """A request failed. ``outcome`` is one of the outcomes of :class:`loopscope.core.records.Request`."""

    def __init__(self, outcome: str, words: str, status: int | None = None, advice: str = "") -> None:
        super().__init__(words)
        self.outcome = outcome
        self.words = words
        """What has happened, perhaps in the server's words."""
        self.status = status
        self.advice = advice
        """What to do; ours."""


class ReadGate:
    """How sockets are read. ``read:T`` batching: none is read sooner than ``every_ns`` after its last read.

    One object for all connections of a rig; the lever sets ``every_ns`` while they run. ``park(fd)`` is called before a
    socket is left unread on purpose, see :func:`loopscope.rig.loops.uv_park`. ``read_bytes`` (0: as the client has it)
    and ``tcp`` are set before there is a client, and hold for every connection that it opens.
    """

    __slots__ = ("every_ns", "park", "read_bytes", "tcp")

    def __init__(self, park: Callable[[int], None] | None = None) -> None:
        self.every_ns = 0
        self.park = park
        self.read_bytes = 0
        self.tcp = Tcp()

    def set_up(self, fd: int) -> QuickAck | None:
        """Set what the lever ``tcp`` says on a connection; give what must be called after each read, if anything."""
        return set_options(fd, self.tcp)

    async def leave_unread(self, wire: Wire | None, wait_s: float) -> None:
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


Pump = Callable[[Callable[[bytes], bool]], Awaitable[bool]]
"""``pump(take)`` hands each piece of a body to ``take`` as it comes off the transport, without waking a task for it:
``False`` once ``take`` gives that (the caller has something to await and calls again), ``True`` at the body's end."""


class Exchange(Protocol):
    """One request under way, its response begun. One that can has a :data:`Pump` as its member ``pump``."""

    status: int
    wire: Wire
    fresh: bool
    """A connection was opened for it."""

    def header(self, name: str) -> str:
        """Return the value of ``content-type``, ``content-encoding`` or ``location``; empty: it was not sent."""

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
