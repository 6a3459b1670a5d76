"""httpx and httpx2, its successor of the same shape, read by ``aiter_raw``.

Both yield one item per HTTP chunk however many arrived in one receive, so reads are counted, stamped and (for
``read:T``) delayed where bytes come off the transport: in a network stream around that of httpcore (or httpcore2).
"""

import asyncio
import ssl
from collections.abc import AsyncIterator, Iterable
from contextvars import ContextVar
from dataclasses import dataclass
from importlib import import_module
from time import perf_counter_ns
from typing import Any

import anyio

from loopscope.core.api_key import authorization
from loopscope.core.failure_words import detail_of
from loopscope.probe.wires import Wire, Wires, reads_as_known
from loopscope.rig.clients.base import CONNECT_S, KEEP_S, STALL_S, ReadGate, StreamFailure
from loopscope.rig.clients.tcp import ask_for

_OUTCOMES: tuple[tuple[str, str, str], ...] = (
    ("ConnectTimeout", "refused", f"no connection within {CONNECT_S:g} s"),
    ("ConnectError", "refused", "no connection"),
    ("ReadTimeout", "timeout", f"nothing came for {STALL_S:g} s"),
    ("RemoteProtocolError", "cut", "the stream broke off"),
    ("NetworkError", "cut", "the connection broke"),
    ("TimeoutException", "timeout", "the request took too long"),
    ("InvalidURL", "refused", "no valid URL"),
    ("HTTPError", "cut", "HTTP failed"),
)
"""Names of exceptions, the same in both libraries."""


written: ContextVar[Wire | None] = ContextVar("written", default=None)
"""The connection that this task last wrote to; httpcore writes in the task of whoever awaits the response."""


class _ProbedStream:
    """A network stream that stamps its reads. It keeps its own time instead of asking the loop (uvloop's is in ms).

    httpcore asks for methods, not for its base class, of which there are two.
    """

    __slots__ = ("_gate", "_inner", "_library", "_read", "_wires", "wire")

    def __init__(self, library: "Library", inner: Any, wire: Wire, gate: ReadGate, wires: Wires) -> None:
        self._library = library
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
        data: bytes = await self._read(self._gate.read_bytes or max_bytes, timeout)
        wire.recv_ns = perf_counter_ns()
        wire.reads += 1
        if wire.ack is not None:
            wire.ack()
        return data

    async def _hold_back(self) -> None:
        """Let the time pass in which ``read:T`` leaves the socket alone."""
        wire = self.wire
        wait_ns = wire.recv_ns + self._gate.every_ns - perf_counter_ns()
        if wait_ns > 0:
            wire.batch_ns += wait_ns
            await self._gate.leave_unread(wire, wait_ns / 1e9)

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:
        written.set(self.wire)
        await self._inner.write(buffer, timeout)

    async def aclose(self) -> None:
        self._wires.remove(self.wire)
        self.wire.fd = -1
        await self._inner.aclose()

    async def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> "_ProbedStream":
        inner = await self._inner.start_tls(ssl_context, server_hostname, timeout)
        return _probed(self._library, inner, self.wire, self._gate, self._wires)

    def get_extra_info(self, info: str) -> Any:
        return self.wire if info == "loopscope.wire" else self._inner.get_extra_info(info)


@dataclass(frozen=True, slots=True, eq=False)
class Library:
    """httpx or httpx2 with its core. ``direct``: its stream that we know, and ours in its place; ``None``: wrapped."""

    name: str
    httpx: Any
    core: Any
    outcomes: tuple[tuple[type[Exception], str, str], ...]
    direct: tuple[type, type[_ProbedStream]] | None

    @property
    def timeouts(self) -> tuple[type[Exception], ...]:
        """What says all by its name."""
        return (self.httpx.ConnectTimeout, self.httpx.ReadTimeout, self.httpx.TimeoutException)

    def failure(self, error: Exception) -> StreamFailure:
        """Translate an error."""
        for kind, outcome, words in self.outcomes:
            if isinstance(error, kind):
                silent = kind in self.timeouts or kind is self.httpx.InvalidURL
                return StreamFailure(outcome, words if silent else f"{words}: {detail_of(error)}")
        return StreamFailure("cut", f"the stream broke off: {detail_of(error)}")


def library(name: str, core_name: str) -> Library:
    """Import ``httpx`` with ``httpcore``, or ``httpx2`` with ``httpcore2``. Raises ImportError."""
    httpx, core = import_module(name), import_module(core_name)
    outcomes = tuple((getattr(httpx, kind), outcome, words) for kind, outcome, words in _OUTCOMES)
    return Library(name, httpx, core, outcomes, _direct_stream(core))


def _direct_stream(core: Any) -> tuple[type, type[_ProbedStream]] | None:
    """Give the core's stream over anyio, and one that reads as it does, in its place."""
    try:
        theirs, map_exceptions = core._backends.anyio.AnyIOStream, core._exceptions.map_exceptions
        closed = (anyio.BrokenResourceError, anyio.ClosedResourceError, anyio.EndOfStream)
        errors = {TimeoutError: core.ReadTimeout, **dict.fromkeys(closed, core.ReadError)}
    except AttributeError:  # another release: its stream is wrapped instead
        return None

    class _DirectStream(_ProbedStream):
        __slots__ = ()

        async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
            wire = self.wire
            if self._gate.every_ns:
                await self._hold_back()
            with map_exceptions(errors), anyio.fail_after(timeout):
                try:
                    data: bytes = await self._inner._stream.receive(max_bytes=self._gate.read_bytes or max_bytes)
                except anyio.EndOfStream:
                    data = b""
            wire.recv_ns = perf_counter_ns()
            wire.reads += 1
            if wire.ack is not None:
                wire.ack()
            return data

    return theirs, _DirectStream


def _probed(library: Library, inner: Any, wire: Wire, gate: ReadGate, wires: Wires) -> _ProbedStream:
    """Put a stream of ours around the core's, or in its place if we know it."""
    kind = _ProbedStream
    if library.direct is not None and type(inner) is library.direct[0] and reads_as_known(type(inner)):
        kind = library.direct[1]
    return kind(library, inner, wire, gate, wires)


class _ProbedBackend:
    """Connects as the core does, and times it."""

    def __init__(self, library: Library, gate: ReadGate, wires: Wires) -> None:
        self._library = library
        self._inner = library.core.AnyIOBackend()
        self._gate = gate
        self._wires = wires

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> _ProbedStream:
        start_ns = perf_counter_ns()
        stream = await self._inner.connect_tcp(host, port, timeout, local_address, socket_options)
        wire = Wire()
        wire.connect_ns = perf_counter_ns() - start_ns
        socket = stream.get_extra_info("socket")
        wire.fd = socket.fileno() if socket is not None else -1
        wire.transport = getattr(getattr(stream, "_stream", None), "_transport", None)
        if wire.transport is not None:
            wire.rest = wire.transport.pause_reading  # it reads on when it is asked for more
        if self._gate.read_bytes:
            # What lies below reads 256 KiB at a time whatever the core asks for, and cuts.
            ask_for(wire.transport, self._gate.read_bytes)
        return _probed(self._library, stream, wire, self._gate, self._wires)

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


def transport(library: Library, gate: ReadGate, wires: Wires, *, secure: bool) -> Any:
    """Give the library's transport with our network streams in its pool."""
    # Reading the certificate store takes 25 ms of the start: only where a server speaks TLS.
    context = ssl.create_default_context() if secure else ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    # No proxies from the environment: they would be measured instead of the server.
    made = library.httpx.AsyncHTTPTransport(verify=context, trust_env=False)
    # It offers no network backend of one's own, so its pool is replaced by the same pool with ours. Without limits:
    # the default of 100 connections would queue the 101st agent in the client, unseen.
    made._pool = library.core.AsyncConnectionPool(
        ssl_context=context,
        max_connections=None,
        max_keepalive_connections=None,
        keepalive_expiry=KEEP_S,
        network_backend=_ProbedBackend(library, gate, wires),
    )
    return made


class HttpxExchange:
    """See :class:`loopscope.rig.clients.base.Exchange`."""

    __slots__ = ("_response", "fresh", "status", "wire")

    def __init__(self, response: Any) -> None:
        self._response = response
        self.status: int = response.status_code
        self.wire: Wire = response.extensions["network_stream"].get_extra_info("loopscope.wire")
        self.fresh = self.wire.requests == 0
        self.wire.requests += 1

    def header(self, name: str) -> str:
        """See :class:`loopscope.rig.clients.base.Exchange`."""
        value: str = self._response.headers.get(name, "")
        return value

    def pieces(self) -> AsyncIterator[bytes]:
        """Body bytes, one item an HTTP chunk: httpx's own iterator, a layer of ours around it costs 1 us a chunk."""
        pieces: AsyncIterator[bytes] = self._response.aiter_raw()
        return pieces

    async def close(self) -> None:
        """Give the connection back to the pool."""
        await self._response.aclose()


class AnyHttpx:
    """See :class:`loopscope.rig.clients.base.Client`."""

    library: Library
    name: str
    version: str
    errors: tuple[type[Exception], ...]

    def __init__(self, gate: ReadGate, *, secure: bool) -> None:
        self.wires = Wires(gate.set_up)
        httpx = self.library.httpx
        timeout = httpx.Timeout(STALL_S, connect=CONNECT_S, pool=None)
        headers = {"content-type": "application/json", "accept-encoding": "identity", "user-agent": "loopscope"}
        headers |= authorization()
        self._again = (httpx.RemoteProtocolError, httpx.NetworkError)
        self._errors = (httpx.HTTPError, httpx.InvalidURL)
        self._client = httpx.AsyncClient(
            transport=transport(self.library, gate, self.wires, secure=secure),
            timeout=timeout,
            headers=headers,
            trust_env=False,
        )

    async def open(self, url: str, body: bytes, accept: str) -> HttpxExchange:
        """Send a POST; the response's body is still to be read.

        A kept connection may be closed by the server in the moment in which we use it again: nothing was answered on
        it, so the request is sent once more, as every HTTP client does that keeps connections and is allowed to.
        """
        written.set(None)
        try:
            return await self._post(url, body, accept)
        except self._again as error:
            wire = written.get()
            if wire is None or not wire.requests:
                raise self.failure(error) from error
        except self._errors as error:
            raise self.failure(error) from error
        try:
            return await self._post(url, body, accept)
        except self._errors as error:
            raise self.failure(error) from error

    async def _post(self, url: str, body: bytes, accept: str) -> HttpxExchange:
        request = self._client.build_request("POST", url, content=body, headers={"accept": accept})
        return HttpxExchange(await self._client.send(request, stream=True))

    def failure(self, error: Exception) -> StreamFailure:
        """Translate an error of the library."""
        return self.library.failure(error)

    async def close(self) -> None:
        """Close every connection."""
        await self._client.aclose()


class HttpxClient(AnyHttpx):
    """httpx."""

    library = library("httpx", "httpcore")
    name = "httpx"
    version = str(library.httpx.__version__)
    errors = (library.httpx.HTTPError,)


CLIENT = HttpxClient
