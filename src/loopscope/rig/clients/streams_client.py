"""``streams``: asyncio and nothing else. The least that a client in Python can cost, to hold the others against.

A protocol of asyncio with HTTP/1.1 read by :mod:`loopscope.streams.http1`. An agent's bytes are handed to it in
the transport's own callback (:meth:`StreamsExchange.pump`): to wake a task for every read costs a turn of the loop
more, 10 us on asyncio.
"""

import asyncio
import ssl
import sys
from collections import deque
from collections.abc import AsyncIterator, Callable
from time import perf_counter_ns
from typing import cast
from urllib.parse import urlsplit

from loopscope.core.api_key import authorization
from loopscope.core.failure_words import detail_of
from loopscope.probe.wires import Wires
from loopscope.rig.clients.base import CONNECT_S, KEEP_S, STALL_S, ReadGate, StreamFailure
from loopscope.rig.clients.tap import ASIDE, FULL, Tap
from loopscope.streams.http1 import ProtocolError, Response

_MOST_HELD = 256 << 10
"""Bytes that came while nobody took them; the rest stays in the socket."""

Place = tuple[str, str, int]
"""Scheme, host, port."""


class _Connection(asyncio.Protocol):
    """One connection, one request at a time."""

    def __init__(self, client: "StreamsClient", place: Place) -> None:
        self.place = place
        self.tap = Tap(client.gate, client.wires)
        self.response: Response | None = None
        self.held: deque[tuple[int, bytes]] = deque()
        self.problem: Exception | None = None
        self.heard = False
        """Bytes have come for the request under way."""
        self.idle_since_ns = 0
        self.closed = False
        self._client = client
        self._held_bytes = 0
        self._take: Callable[[bytes], bool] | None = None
        self._waiter: asyncio.Future[None] | None = None
        self._transport: asyncio.Transport | None = None
        self._loop = asyncio.get_running_loop()
        self._stall: asyncio.TimerHandle | None = None
        self._heard_ns = 0

    # What the transport tells

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin."""
        self._transport = cast(asyncio.Transport, transport)  # uvloop's are none by class
        self.tap.made(transport)

    def data_received(self, data: bytes) -> None:
        """Take one read; the hot path."""
        tap = self.tap
        recv_ns = tap.heard()
        response = self.response
        if response is None or self.problem is not None:
            self.abort()  # nobody asked for anything
            return
        self.heard = True
        self._heard_ns = recv_ns
        begun = response.status
        try:
            body = response.feed(data)
        except ProtocolError as error:
            self._fail(StreamFailure("cut", f"the stream broke off: {error}"))
            return
        take = self._take
        if body:
            if take is not None:
                tap.wire.recv_ns = recv_ns
                try:
                    if not take(body):
                        self._take = None
                        tap.hold(ASIDE)
                        self._wake()
                except Exception as error:  # the agent's own: it is raised where the agent waits
                    self._fail(error)
                    return
            else:
                self.held.append((recv_ns, body))
                self._held_bytes += len(body)
                if self._held_bytes > _MOST_HELD:
                    tap.hold(FULL)
        if response.done:
            tap.ended()
            self._wake()
        else:
            tap.more()
            if take is None or not begun:
                self._wake()

    def connection_lost(self, exc: Exception | None) -> None:
        """End: by us, by the server, or by the network."""
        self.closed = True
        self.tap.lost()
        self._transport = None
        self._client.forget(self)
        response = self.response
        if response is None or response.done or self.problem is not None:
            return
        if exc is not None:
            self._fail(StreamFailure("cut", f"the connection broke: {detail_of(exc)}"))
            return
        try:
            response.eof()
            self._wake()
        except ProtocolError as error:
            self._fail(StreamFailure("cut", f"the stream broke off: {error}"))

    # What an exchange asks

    def send(self, request: bytes) -> None:
        """Send a request; its response is then waited for."""
        self.response = Response()
        self.heard = False
        self._heard_ns = perf_counter_ns()
        self._stall = self._loop.call_later(STALL_S, self._look)
        if self._transport is None or self._transport.is_closing():
            self._fail(StreamFailure("cut", "the stream broke off: server disconnected without an answer"))
        else:
            self._transport.write(request)

    async def head(self) -> None:
        """Wait for the response's head. Raises StreamFailure."""
        response = self.response
        assert response is not None  # noqa: S101 - set by send()
        while not response.status and self.problem is None:
            await self._wait()
        if self.problem is not None and not self.held:
            raise self.problem

    async def pump(self, take: Callable[[bytes], bool]) -> bool:
        """Hand every piece to ``take`` as it comes; ``False`` once ``take`` gives that, ``True`` at the body's end."""
        response, wire = self.response, self.tap.wire
        assert response is not None  # noqa: S101 - set by send()
        while self.held:
            wire.recv_ns, piece = self.held.popleft()
            self._held_bytes -= len(piece)
            if not take(piece):
                return False
        if response.done:
            return True
        if self.problem is not None:
            raise self.problem
        self._take = take
        self.tap.release(ASIDE | FULL)
        try:
            while self._take is not None and not self._over():
                await self._wait()
            taken = self._take is not None
        finally:
            self._take = None
        if taken and self.problem is not None:
            raise self.problem
        return taken

    async def pieces(self) -> AsyncIterator[bytes]:
        """Body bytes as they come."""
        response = self.response
        assert response is not None  # noqa: S101 - set by send()
        while True:
            while self.held:
                self.tap.wire.recv_ns, piece = self.held.popleft()
                self._held_bytes -= len(piece)
                yield piece
            self.tap.release(FULL)
            if response.done:
                return
            if self.problem is not None:
                raise self.problem
            await self._wait()

    def finish(self) -> None:
        """Let the response go: the connection is kept if it can be used again."""
        response, self.response = self.response, None
        if self._stall is not None:
            self._stall.cancel()
            self._stall = None
        self.held.clear()
        self._held_bytes = 0
        if self.closed or response is None or not (response.done and response.keep) or self.problem is not None:
            self.abort()
        else:
            self.idle_since_ns = perf_counter_ns()
            self._client.keep(self)

    def abort(self) -> None:
        """Close at once."""
        if self._transport is not None:
            self._transport.abort()

    def _over(self) -> bool:
        return self.problem is not None or self.response is None or self.response.done

    async def _wait(self) -> None:
        self._waiter = self._loop.create_future()
        try:
            await self._waiter
        finally:
            self._waiter = None

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    def _fail(self, error: Exception) -> None:
        self.problem = error
        self._wake()
        self.abort()

    def _look(self) -> None:
        """Has nothing come for too long? Time in which we chose not to read does not count."""
        now_ns = perf_counter_ns()
        if self.tap.holds:
            self._heard_ns = now_ns
        left_s = STALL_S - (now_ns - self._heard_ns) / 1e9
        if left_s > 0:
            self._stall = self._loop.call_later(left_s, self._look)
        else:
            self._fail(StreamFailure("timeout", f"nothing came for {STALL_S:g} s"))


class StreamsExchange:
    """See :class:`loopscope.rig.clients.base.Exchange`."""

    __slots__ = ("_connection", "fresh", "header", "pieces", "pump", "status", "wire")

    def __init__(self, connection: _Connection) -> None:
        assert connection.response is not None  # noqa: S101 - its head is there
        self._connection = connection
        self.status = connection.response.status
        self.wire = connection.tap.wire
        self.fresh = self.wire.requests == 0
        self.wire.requests += 1
        self.header = connection.response.header
        self.pieces = connection.pieces
        self.pump = connection.pump

    async def close(self) -> None:
        """Give the connection back."""
        self._connection.finish()


class StreamsClient:
    """See :class:`loopscope.rig.clients.base.Client`."""

    name = "streams"
    version = ".".join(map(str, sys.version_info[:3]))
    errors: tuple[type[Exception], ...] = ()
    """None of its own: what breaks is raised as StreamFailure."""

    def __init__(self, gate: ReadGate, *, secure: bool) -> None:
        self.gate = gate
        self.wires = Wires(gate.set_up)
        self._context = ssl.create_default_context() if secure else None
        self._idle: dict[Place, list[_Connection]] = {}
        self._all: set[_Connection] = set()
        self._places: dict[str, tuple[Place, bytes]] = {}

    async def open(self, url: str, body: bytes, accept: str) -> StreamsExchange:
        """Send a POST and wait for the head. Raises StreamFailure.

        A kept connection that closes before it has answered anything is replaced once.
        """
        place, head = self._place(url)
        request = b"%saccept: %s\r\ncontent-length: %d\r\n\r\n%s" % (head, accept.encode(), len(body), body)
        kept = self._kept(place)
        if kept is not None:
            try:
                return await self._ask(kept, request)
            except StreamFailure as failure:
                if kept.heard or failure.outcome == "timeout":
                    raise
        return await self._ask(await self._connect(place), request)

    def failure(self, error: Exception) -> StreamFailure:
        """Translate an error: there is none of its own."""
        return StreamFailure("cut", f"{type(error).__name__}: {error}")

    async def close(self) -> None:
        """Close every connection."""
        for connection in list(self._all):
            connection.abort()
        for _ in range(3):  # each is forgotten in a callback of its own
            await asyncio.sleep(0)

    def keep(self, connection: _Connection) -> None:
        """Take a connection back whose response has ended."""
        self._idle.setdefault(connection.place, []).append(connection)

    def forget(self, connection: _Connection) -> None:
        """Hear that a connection is gone."""
        self._all.discard(connection)
        idle = self._idle.get(connection.place)
        if idle is not None and connection in idle:
            idle.remove(connection)

    def _kept(self, place: Place) -> _Connection | None:
        """Give the connection that was used last: the one whose server has had the least time to close it."""
        idle = self._idle.get(place)
        while idle:
            connection = idle.pop()
            if perf_counter_ns() - connection.idle_since_ns < KEEP_S * 1e9 and not connection.closed:
                return connection
            connection.abort()
        return None

    async def _ask(self, connection: _Connection, request: bytes) -> StreamsExchange:
        connection.send(request)
        try:
            await connection.head()
        except BaseException:
            connection.finish()
            raise
        return StreamsExchange(connection)

    async def _connect(self, place: Place) -> _Connection:
        scheme, host, port = place
        loop = asyncio.get_running_loop()
        start_ns = perf_counter_ns()
        try:
            async with asyncio.timeout(CONNECT_S):
                _, connection = await loop.create_connection(
                    lambda: _Connection(self, place), host, port, ssl=self._context if scheme == "https" else None
                )
        except TimeoutError as error:
            raise StreamFailure("refused", f"no connection within {CONNECT_S:g} s") from error
        except (OSError, ssl.SSLError, UnicodeError) as error:
            raise StreamFailure("refused", f"no connection: {detail_of(error)}") from error
        connection.tap.wire.connect_ns = perf_counter_ns() - start_ns
        self._all.add(connection)
        return connection

    def _place(self, url: str) -> tuple[Place, bytes]:
        """Where a URL leads, and the head of a request to it as far as it is always the same."""
        found = self._places.get(url)
        if found is not None:
            return found
        parts = urlsplit(url)
        try:
            port = parts.port or (443 if parts.scheme == "https" else 80)
            host = parts.hostname or ""
            target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
            head = (
                f"POST {target} HTTP/1.1\r\nhost: {parts.netloc.rpartition('@')[2]}\r\nuser-agent: loopscope\r\n"
                "content-type: application/json\r\naccept-encoding: identity\r\n"
                + "".join(f"{name}: {value}\r\n" for name, value in authorization().items())
            ).encode("ascii")
        except ValueError as error:
            raise StreamFailure("refused", "no valid URL") from error
        if parts.scheme not in ("http", "https") or not host or any(c in url for c in "\r\n \t"):
            raise StreamFailure("refused", "no valid URL")
        if parts.scheme == "https" and self._context is None:
            self._context = ssl.create_default_context()
        self._places[url] = ((parts.scheme, host, port), head)
        return self._places[url]


CLIENT = StreamsClient
