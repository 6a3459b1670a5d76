"""What the hooks in the program write down: one tuple an event, on a bounded list that the sender's thread empties.

The loop only appends. What the bytes mean is found out by the sender (:mod:`loopscope.inject.digest`), so that the
program's loop pays for one clock reading and one append a read and for no parsing.
"""

import asyncio
from time import perf_counter_ns
from typing import Any

STARTED, READ, ENDED, FAILED = range(4)
"""Kinds of entries: a request was sent; bytes came; the program gave the response back (or its connection was closed);
the client library raised."""

Entry = tuple["Exchange", int, int, Any, int]
"""exchange, kind, when (ns), payload, when the program had last asked for bytes (ns, 0: not known).

Payload: the bytes of ``READ``, else ``(outcome, words)`` or None."""

ROOM = 1 << 16
ROOM_BYTES = 32 << 20
"""Bytes between two ticks of the sender (0.1 s): 320 MB/s of streams, which no model writes."""


class Exchange:
    """One request and its response, as the hooks know them. Host and path only: no query, no headers, no credentials.

    ``muted`` is set by the sender when the response is no stream: its bytes are not written down any more.
    """

    __slots__ = (
        "asked_ns",
        "books",
        "client",
        "connect_ns",
        "http2",
        "loop",
        "method",
        "muted",
        "origin",
        "path",
        "reports_end",
        "start_ns",
        "task",
    )

    def __init__(self, client: str, method: str, origin: str, path: str, reports_end: bool) -> None:
        self.client = client
        self.method = method
        self.origin = origin
        self.path = path.partition("?")[0].partition("#")[0]
        self.start_ns = perf_counter_ns()
        self.asked_ns = 0
        """When the program last asked for more: by then it has done with what it had. Cheaper than an entry."""
        self.connect_ns = 0
        """Duration of connecting (ns); 0: a kept connection."""
        self.reports_end = reports_end
        """There will be an ``ENDED`` when the program has taken the last byte."""
        self.http2 = False
        """Its bytes are written down where the library hands them over, not where they come off the socket."""
        self.muted = False
        self.books: Any = None
        """The sender's own account of this exchange."""
        self.loop: asyncio.AbstractEventLoop | None = None
        self.task = 0
        try:
            task = asyncio.current_task()
            if task is not None:
                self.task, self.loop = id(task), task.get_loop()
        except RuntimeError:
            return  # not on an event loop


class Journal:
    """Entries that wait for the sender. ``dropped`` counts those that found no room; nothing ever waits."""

    __slots__ = ("bytes", "dropped", "entries", "room_bytes")

    def __init__(self) -> None:
        self.entries: list[Entry] = []
        self.bytes = 0
        self.dropped = 0
        self.room_bytes = ROOM_BYTES

    def close(self) -> None:
        """Take nothing any more: no room for bytes, so that the hot path has one question less to ask."""
        self.room_bytes = -1

    def read(self, exchange: Exchange, at_ns: int, data: bytes) -> None:
        """Write down bytes that came at ``at_ns``; the hot path."""
        if exchange.muted:
            return
        entries = self.entries
        if len(entries) < ROOM and self.bytes < self.room_bytes:
            entries.append((exchange, READ, at_ns, data, exchange.asked_ns))
            self.bytes += len(data)
        else:
            self.full(exchange)

    def full(self, exchange: Exchange) -> None:
        """Count a read that found no room. The books of its stream cannot be kept on: what is missing may have held the
        end of a line.
        """
        exchange.muted = True
        self.dropped += 1

    def note(self, exchange: Exchange, kind: int, payload: tuple[str, str] | None = None) -> None:
        """Write down anything else, now. These are few, and an end must not be missed, so there is twice the room."""
        if len(self.entries) < 2 * ROOM and self.room_bytes >= 0:
            self.entries.append((exchange, kind, perf_counter_ns(), payload, 0))
        else:
            self.dropped += 1

    def take(self) -> list[Entry]:
        """Take what waits."""
        taken = self.entries[:]
        del self.entries[: len(taken)]
        self.bytes = 0  # a read between these two lines may be counted in the next tick as well: harmless
        return taken
