"""httpx, read by ``aiter_raw``.

httpx yields one item per HTTP chunk however many arrived in one receive, so reads are counted, stamped and (for
``read:T``) delayed where bytes come off the transport: in a network stream around httpcore's own.
"""

import asyncio
import ssl
from collections.abc import AsyncIterator, Iterable
from contextvars import ContextVar
from time import perf_counter_ns
from typing import Any

import anyio
import httpcore
import httpx
from httpcore import SOCKET_OPTION

from loopscope.rig.clients.base import ReadGate, StreamFailure, Wire, Wires, reads_as_known

try:
    from httpcore._backends.anyio import AnyIOStream
    from httpcore._exceptions import map_exceptions
except ImportError:  # another release: its stream is wrapped instead
    AnyIOStream = None  # type: ignore[assignment,misc]

STALL_S = 120.0
"""Longest wait for the next bytes: loading a large model holds the headers back for a minute."""
CONNECT_S = 5.0

_OUTCOMES: tuple[tuple[type[Exception], str, str], ...] = (
    (httpx.ConnectTimeout, "refused", f"no connection within {CONNECT_S:g} s"),
    (httpx.ConnectError, "refused", "no connection"),
    (httpx.ReadTimeout, "timeout", f"nothing came for {STALL_S:g} s"),
    (httpx.RemoteProtocolError, "cut", "the stream broke off"),
    (httpx.NetworkError, "cut", "the connection broke"),
    (httpx.TimeoutException, "timeout", "the request took too long"),
    (httpx.InvalidURL, "refused", "no valid URL"),
    (httpx.HTTPError, "cut", "HTTP failed"),
)


def _failure(error: Exception) -> StreamFailure:
    for kind, outcome, words in _OUTCOMES:
        if isinstance(error, kind):
            detail = str(error).strip().replace("All connection attempts failed", "nothing answers")
            return StreamFailure(outcome, f"{words}: {detail}" if detail else words)
    return StreamFailure("cut", f"{type(error).__name__}: {error}")


_written: ContextVar[Wire | None] = ContextVar("_written", default=None)
"""The connection that this task last wrote to; httpcore writes in the task of whoever awaits the response."""


class _ProbedStream(httpcore.AsyncNetworkStream):
    """A network stream that stamps its reads. It keeps its own time instead of asking the loop (uvloop's is in ms)."""

    __slots__ = ("_gate", "_inner", "_read", "_wires", "wire")

    def __init__(self, inner: httpcore.AsyncNetworkStream, wire: Wire, gate: ReadGate, wires: Wires) -> None:
        self._inner = inner
        self._read = inner.read
        self._gate = gate
        self._wires = wires
        self.wire = wire
        wires.add(wire)

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        wire = self.wire
        if self._gate.every_ns:
            await self._hold_back()
        data = await self._read(max_bytes, timeout)
        wire.recv_ns = perf_counter_ns()
        wire.reads += 1
        return data

    async def _hold_back(self) -> None:
        """Let the time pass in which ``read:T`` leaves the socket alone."""
        wire = self.wire
        wait_ns = wire.recv_ns + self._gate.every_ns - perf_counter_ns()
        if wait_ns > 0:
            wire.batch_ns += wait_ns
            await self._gate.leave_unread(wire, wait_ns / 1e9)

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:
        _written.set(self.wire)
        await self._inner.write(buffer, timeout)

    async def aclose(self) -> None:
        self._wires.remove(self.wire)
        self.wire.fd = -1
        await self._inner.aclose()

    async def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.AsyncNetworkStream:
        inner = await self._inner.start_tls(ssl_context, server_hostname, timeout)
        return _probed(inner, self.wire, self._gate, self._wires)

    def get_extra_info(self, info: str) -> Any:
        return self.wire if info == "loopscope.wire" else self._inner.get_extra_info(info)


_READ_ERRORS = {
    TimeoutError: httpcore.ReadTimeout,
    anyio.BrokenResourceError: httpcore.ReadError,
    anyio.ClosedResourceError: httpcore.ReadError,
    anyio.EndOfStream: httpcore.ReadError,
}


class _DirectStream(_ProbedStream):
    """Reads as httpcore's stream over anyio does, in its place."""

    __slots__ = ()

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        wire = self.wire
        if self._gate.every_ns:
            await self._hold_back()
        with map_exceptions(_READ_ERRORS), anyio.fail_after(timeout):
            try:
                data: bytes = await self._inner._stream.receive(max_bytes=max_bytes)  # type: ignore[attr-defined]
            except anyio.EndOfStream:
                data = b""
        wire.recv_ns = perf_counter_ns()
        wire.reads += 1
        return data


def _probed(inner: httpcore.AsyncNetworkStream, wire: Wire, gate: ReadGate, wires: Wires) -> _ProbedStream:
    """Put a stream of ours around httpcore's, or in its place if we know it."""
    known = type(inner) is AnyIOStream and reads_as_known(type(inner))
    return (_DirectStream if known else _ProbedStream)(inner, wire, gate, wires)


class _ProbedBackend(httpcore.AsyncNetworkBackend):
    """Connects as httpcore does, and times it."""

    def __init__(self, gate: ReadGate, wires: Wires) -> None:
        self._inner = httpcore.AnyIOBackend()
        self._gate = gate
        self._wires = wires

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[SOCKET_OPTION] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        start_ns = perf_counter_ns()
        stream = await self._inner.connect_tcp(host, port, timeout, local_address, socket_options)
        wire = Wire()
        wire.connect_ns = perf_counter_ns() - start_ns
        socket = stream.get_extra_info("socket")
        wire.fd = socket.fileno() if socket is not None else -1
        return _probed(stream, wire, self._gate, self._wires)

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


class HttpxExchange:
    """See :class:`loopscope.rig.clients.base.Exchange`."""

    __slots__ = ("_response", "fresh", "status", "wire")

    def __init__(self, response: httpx.Response) -> None:
        self._response = response
        self.status = response.status_code
        self.wire: Wire = response.extensions["network_stream"].get_extra_info("loopscope.wire")
        self.fresh = self.wire.requests == 0
        self.wire.requests += 1

    def pieces(self) -> AsyncIterator[bytes]:
        """Body bytes, one item an HTTP chunk: httpx's own iterator, a layer of ours around it costs 1 us a chunk."""
        return self._response.aiter_raw()

    async def close(self) -> None:
        """Give the connection back to the pool."""
        await self._response.aclose()


class HttpxClient:
    """See :class:`loopscope.rig.clients.base.Client`."""

    name = "httpx"
    version = httpx.__version__
    errors: tuple[type[Exception], ...] = (httpx.HTTPError,)

    def __init__(self, gate: ReadGate, *, secure: bool) -> None:
        self.wires = Wires()
        # Reading the certificate store takes 25 ms of the start: only where a server speaks TLS.
        context = ssl.create_default_context() if secure else ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        # No proxies from the environment: they would be measured instead of the server.
        transport = httpx.AsyncHTTPTransport(verify=context, trust_env=False)
        # httpx offers no network backend of one's own, so its pool is replaced by the same pool with ours. Without
        # limits: httpx's default of 100 connections would queue the 101st agent in the client, unseen.
        transport._pool = httpcore.AsyncConnectionPool(
            ssl_context=context,
            max_connections=None,
            max_keepalive_connections=None,
            keepalive_expiry=60.0,
            network_backend=_ProbedBackend(gate, self.wires),
        )
        timeout = httpx.Timeout(STALL_S, connect=CONNECT_S, pool=None)
        headers = {"content-type": "application/json", "accept-encoding": "identity", "user-agent": "loopscope"}
        self._client = httpx.AsyncClient(transport=transport, timeout=timeout, headers=headers, trust_env=False)

    async def open(self, url: str, body: bytes, accept: str) -> HttpxExchange:
        """Send a POST; the response's body is still to be read.

        A kept connection may be closed by the server in the moment in which we use it again: nothing was answered on
        it, so the request is sent once more, as every HTTP client does that keeps connections and is allowed to.
        """
        _written.set(None)
        try:
            return await self._post(url, body, accept)
        except (httpx.RemoteProtocolError, httpx.NetworkError) as error:
            wire = _written.get()
            if wire is None or not wire.requests:
                raise _failure(error) from error
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise _failure(error) from error
        try:
            return await self._post(url, body, accept)
        except httpx.HTTPError as error:
            raise _failure(error) from error

    async def _post(self, url: str, body: bytes, accept: str) -> HttpxExchange:
        request = self._client.build_request("POST", url, content=body, headers={"accept": accept})
        return HttpxExchange(await self._client.send(request, stream=True))

    def failure(self, error: Exception) -> StreamFailure:
        """Translate an error of httpx."""
        return _failure(error)

    async def close(self) -> None:
        """Close every connection."""
        await self._client.aclose()
