"""aiohttp, read by ``content.readany`` (what ``iter_any`` does).

Reads are counted, stamped and (for ``read:T``) delayed in a subclass of aiohttp's own protocol, where bytes come off
the transport. Several reads may wait until the agent's task runs: each piece is handed over with the stamp of its own.
"""

import asyncio
import ssl
from collections import deque
from collections.abc import AsyncIterator
from contextvars import ContextVar
from time import perf_counter_ns
from typing import Any

import aiohttp
from aiohttp.client_proto import ResponseHandler

from loopscope.core.api_key import authorization
from loopscope.core.failure_words import detail_of
from loopscope.probe.wires import Wire, Wires
from loopscope.rig.clients.base import CONNECT_S, KEEP_S, STALL_S, ReadGate, StreamFailure
from loopscope.rig.clients.tap import Tap

_OUTCOMES: tuple[tuple[type[Exception], str, str], ...] = (
    (aiohttp.ServerDisconnectedError, "cut", "the stream broke off"),
    (aiohttp.SocketTimeoutError, "timeout", f"nothing came for {STALL_S:g} s"),
    (aiohttp.ServerTimeoutError, "refused", f"no connection within {CONNECT_S:g} s"),
    (aiohttp.ClientConnectorError, "refused", "no connection"),
    (aiohttp.ClientOSError, "cut", "the connection broke"),
    (aiohttp.ClientPayloadError, "cut", "the stream broke off"),
    (aiohttp.InvalidURL, "refused", "no valid URL"),
    (aiohttp.ClientResponseError, "cut", "the stream broke off"),
    (aiohttp.ClientError, "cut", "HTTP failed"),
    (TimeoutError, "timeout", "the request took too long"),
)

_used: ContextVar[Wire | None] = ContextVar("_used", default=None)
"""The connection that this task's request was last given."""


def _failure(error: Exception) -> StreamFailure:
    if isinstance(error, aiohttp.ClientPayloadError) and "ConnectionResetError" in str(error):
        return StreamFailure("cut", "the connection broke: connection reset by the server")
    for kind, outcome, words in _OUTCOMES:
        if isinstance(error, kind):
            timed_out = outcome == "timeout" or isinstance(error, aiohttp.ServerTimeoutError)
            return StreamFailure(outcome, words if timed_out else f"{words}: {detail_of(error)}")
    return StreamFailure("cut", f"the stream broke off: {detail_of(error)}")


class _Probed(ResponseHandler):
    """aiohttp's protocol, which stamps its reads."""

    def __init__(self, gate: ReadGate, wires: Wires, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(loop=loop)
        self.tap = Tap(gate, wires, lambda: not self._reading_paused)
        self.marks: deque[tuple[int, int]] = deque()
        """For each read: how much of the body there was after it, and its stamp."""
        self._marked: Any = None
        self._again = False
        self._recv_ns = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)  # which sets TCP_NODELAY
        self.tap.made(transport)

    def connection_lost(self, exc: BaseException | None) -> None:
        self.tap.lost()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if data and not self._again:
            self._recv_ns = self.tap.heard()
        super().data_received(data)
        body = self._payload
        if body is None:
            return
        if body is not self._marked:
            self._marked = body
            self.marks.clear()
        self.marks.append((body.total_bytes, self._recv_ns))
        if body.is_eof():
            self.tap.ended()
        else:
            self.tap.more()

    def _drain_tail(self) -> None:
        self._again = True  # bytes that were put aside come by a second time
        try:
            super()._drain_tail()
        finally:
            self._again = False

    def _resume_transport_reading(self) -> None:
        if not self.tap.holds:
            super()._resume_transport_reading()


class _Connector(aiohttp.TCPConnector):
    """Connects as aiohttp does, and times it (name, TCP and TLS together)."""

    def __init__(self, gate: ReadGate, wires: Wires, context: ssl.SSLContext | bool) -> None:
        # Without a limit: the default of 100 connections would queue the 101st agent in the client, unseen.
        super().__init__(limit=0, keepalive_timeout=KEEP_S, ssl=context)
        loop = asyncio.get_running_loop()
        self._factory = lambda: _Probed(gate, wires, loop)  # type: ignore[assignment]

    async def connect(self, *args: Any, **more: Any) -> Any:
        connection = await super().connect(*args, **more)
        protocol = connection.protocol
        if isinstance(protocol, _Probed):
            _used.set(protocol.tap.wire)
        return connection

    async def _create_connection(self, *args: Any, **more: Any) -> ResponseHandler:
        start_ns = perf_counter_ns()
        protocol = await super()._create_connection(*args, **more)
        if isinstance(protocol, _Probed):
            protocol.tap.wire.connect_ns = perf_counter_ns() - start_ns
        return protocol


class AiohttpExchange:
    """See :class:`loopscope.rig.clients.base.Exchange`."""

    __slots__ = ("_marks", "_response", "fresh", "status", "wire")

    def __init__(self, response: aiohttp.ClientResponse) -> None:
        self._response = response
        self.status = response.status
        # Its connection may be back in the pool already, if the body came with the head: the reader still knows it.
        protocol = getattr(response.content, "_protocol", None)
        if isinstance(protocol, _Probed):
            self.wire, self._marks = protocol.tap.wire, protocol.marks
        else:
            self.wire, self._marks = _used.get() or Wire(), deque()
        self.fresh = self.wire.requests == 0
        self.wire.requests += 1

    def header(self, name: str) -> str:
        """See :class:`loopscope.rig.clients.base.Exchange`."""
        return self._response.headers.get(name, "")

    async def pieces(self) -> AsyncIterator[bytes]:
        """Body bytes: what is there when the agent's task runs, cut where reads ended."""
        wire, marks, seen = self.wire, self._marks, 0
        readany = self._response.content.readany
        while data := await readany():
            end = seen + len(data)
            if len(marks) > 1:
                start = seen
                while marks and marks[0][0] <= end:
                    until, recv_ns = marks.popleft()
                    if until > seen:
                        wire.recv_ns = recv_ns
                        yield data[seen - start : until - start]
                        seen = until
                if seen < end:
                    yield data[seen - start :]
            else:
                if marks:
                    wire.recv_ns = marks.popleft()[1]
                yield data
            seen = end

    async def close(self) -> None:
        """Give the connection back, or close it when the body was not read to its end."""
        if self._response.content.at_eof():
            self._response.release()
        else:
            self._response.close()


class AiohttpClient:
    """See :class:`loopscope.rig.clients.base.Client`."""

    name = "aiohttp"
    version = aiohttp.__version__
    errors: tuple[type[Exception], ...] = (aiohttp.ClientError, TimeoutError)

    def __init__(self, gate: ReadGate, *, secure: bool) -> None:
        self.wires = Wires(gate.set_up)
        self._session = aiohttp.ClientSession(
            connector=_Connector(gate, self.wires, ssl.create_default_context() if secure else True),
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_S, sock_read=STALL_S),
            headers={"content-type": "application/json", "accept-encoding": "identity", "user-agent": "loopscope"}
            | authorization(),
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
            trust_env=False,
        )

    async def open(self, url: str, body: bytes, accept: str) -> AiohttpExchange:
        """Send a POST; the response's body is still to be read.

        A kept connection that closes before it has answered anything is replaced once, as in the other clients.
        """
        _used.set(None)
        try:
            return await self._post(url, body, accept)
        except (aiohttp.ServerDisconnectedError, aiohttp.ClientOSError) as error:
            wire = _used.get()
            if wire is None or not wire.requests or isinstance(error, aiohttp.ClientConnectorError):
                raise _failure(error) from error
        except (aiohttp.ClientError, TimeoutError, ValueError) as error:
            raise _failure(error) from error
        try:
            return await self._post(url, body, accept)
        except (aiohttp.ClientError, TimeoutError) as error:
            raise _failure(error) from error

    async def _post(self, url: str, body: bytes, accept: str) -> AiohttpExchange:
        response = await self._session.post(url, data=body, headers={"accept": accept}, allow_redirects=False)
        return AiohttpExchange(response)

    def failure(self, error: Exception) -> StreamFailure:
        """Translate an error of aiohttp."""
        return _failure(error)

    async def close(self) -> None:
        """Close every connection."""
        await self._session.close()


CLIENT = AiohttpClient
