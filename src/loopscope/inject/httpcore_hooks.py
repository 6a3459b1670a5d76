"""Hooks in httpcore (under httpx, and with it the official clients of Ollama and OpenAI) and httpcore2 (under httpx2).

Three places: the pool's ``handle_async_request`` (a request begins), the network stream (bytes come and go; a stream of
our own stands around httpcore's), and the end of a response. The first two are httpcore's public interface; where the
third, a private name, is missing, a response ends when its last byte has come.
"""

import ssl
import weakref
from collections.abc import AsyncIterator
from contextvars import ContextVar
from time import perf_counter_ns
from types import ModuleType
from typing import Any

from loopscope.inject.journal import ENDED, FAILED, STARTED, Exchange, Journal
from loopscope.probe.wires import Wire, Wires, reads_as_known
from loopscope.streams.http1 import KEPT

_PREFACE = b"PRI * HTTP/2.0"
"""What a connection over HTTP/2 begins with: its bytes are those of many responses."""
_current: ContextVar[Exchange | None] = ContextVar("loopscope_exchange", default=None)
"""The request that this task is sending; httpcore connects and writes in the task of whoever awaits the response."""


def outcome_of(error: BaseException) -> tuple[str, str]:
    """Outcome and words for what the client library raised; never its text, which may quote the server."""
    name = type(error).__name__
    if name in ("ConnectError", "ConnectTimeout", "ProxyError", "UnsupportedProtocol"):
        return "refused", f"no connection ({name})"
    if name == "PoolTimeout":
        return "timeout", "no connection of the client's pool came free (PoolTimeout)"
    if "Timeout" in name:
        return "timeout", f"nothing came in time ({name})"
    if name in ("CancelledError", "GeneratorExit"):
        return "taken", "cancelled by the program"
    return "cut", f"the connection broke ({name})"


class HttpcoreHooks:
    """Puts the hooks into one of the two libraries; ``label`` is what the rows are called by."""

    def __init__(self, label: str, journal: Journal, wires: Wires) -> None:
        self._label = label
        self._journal = journal
        self._wires = wires
        self._reports_end = False
        self._direct: tuple[type, type[_HeardStream]] | None = None

    def patch(self, module: ModuleType) -> None:
        """Hook into ``httpcore`` or ``httpcore2``, just imported."""
        connection = module.AsyncHTTP11Connection
        if hasattr(connection, "_response_closed"):
            self._patch_end(connection)
        self._direct = _direct_stream(module)
        self._patch_pool(module.AsyncConnectionPool)
        backends = [module.AnyIOBackend] if hasattr(module, "AnyIOBackend") else []
        for backend in backends:
            for name in ("connect_tcp", "connect_unix_socket"):
                if hasattr(backend, name):
                    self._patch_connect(backend, name)

    def _patch_pool(self, pool: Any) -> None:
        original = pool.handle_async_request
        journal, label = self._journal, self._label
        pools = _Pools()
        self._wires.pools.append(pools.queued)

        async def handle_async_request(self: Any, request: Any) -> Any:
            exchange = Exchange(label, *_place(request), hooks._reports_end)
            before = _current.get()
            _current.set(exchange)
            pools.seen.add(self)
            journal.note(exchange, STARTED)
            try:
                response = await original(self, request)
                if response.extensions.get("http_version") == b"HTTP/2":
                    response.stream = _HeardBody(response, journal, exchange)
                return response
            except BaseException as error:
                journal.note(exchange, FAILED, outcome_of(error))
                raise
            finally:
                _current.set(before)

        hooks = self
        pool.handle_async_request = handle_async_request

    def _patch_connect(self, backend: Any, name: str) -> None:
        original = getattr(backend, name)
        journal, wires, direct = self._journal, self._wires, self._direct

        def heard(inner: Any) -> type[_HeardStream]:
            return direct[1] if direct is not None and type(inner) is direct[0] else _HeardStream

        async def connect(self: Any, *args: Any, **more: Any) -> Any:
            start_ns = perf_counter_ns()
            inner = await original(self, *args, **more)
            exchange = _current.get()
            if exchange is not None:
                exchange.connect_ns = perf_counter_ns() - start_ns
            wire = Wire()
            socket = inner.get_extra_info("socket")
            wire.fd = socket.fileno() if socket is not None else -1
            return heard(inner)(inner, journal, wire, wires, None)

        setattr(backend, name, connect)

    def _patch_end(self, connection: Any) -> None:
        original = connection._response_closed
        journal = self._journal
        self._reports_end = True

        async def _response_closed(self: Any) -> None:
            stream = getattr(self, "_network_stream", None)
            if isinstance(stream, _HeardStream) and stream.exchange is not None:
                journal.note(stream.exchange, ENDED)
            await original(self)

        connection._response_closed = _response_closed


class _Pools:
    """The program's connection pools, and how many requests wait in them: httpx opens at most 100 connections unless
    its ``Limits`` say otherwise, and the request that finds none waits where no server and no socket shows it.
    """

    def __init__(self) -> None:
        self.seen: weakref.WeakSet[Any] = weakref.WeakSet()
        self._last = 0

    def queued(self) -> int:
        """Requests without a connection; called from the sender's thread, while the loop goes on."""
        try:
            waiting = [one for pool in self.seen for one in list(pool._requests) if one.is_queued()]
        except (AttributeError, RuntimeError):  # names of another release; or a pool was added just now
            return self._last
        self._last = len(waiting)
        return self._last


def _place(request: Any) -> tuple[str, str, str]:
    """Method, origin (``http://host:port``) and path of a request of httpcore."""
    url = request.url
    host = url.host.decode("ascii", "replace")
    port = url.port or {b"https": 443, b"http": 80}.get(url.scheme, 0)
    return (
        request.method.decode("ascii", "replace"),
        f"{url.scheme.decode('ascii', 'replace')}://{host}:{port}",
        url.target.decode("ascii", "replace"),
    )


class _HeardBody:
    """The body of a response over HTTP/2, whose frames share a connection with others: written down where the library
    hands it over, as what it would be over HTTP/1.1.
    """

    __slots__ = ("_exchange", "_inner", "_journal")

    def __init__(self, response: Any, journal: Journal, exchange: Exchange) -> None:
        self._inner = response.stream
        self._journal = journal
        self._exchange = exchange
        exchange.http2 = exchange.reports_end = True
        kept = [(name, value) for name, value in response.headers if name.lower() in KEPT and b"\n" not in value]
        head = [b"HTTP/1.1 %d" % response.status, *(b"%s: %s" % header for header in kept), b"", b""]
        journal.read(exchange, perf_counter_ns(), b"\r\n".join(head))

    async def __aiter__(self) -> AsyncIterator[bytes]:
        exchange, journal = self._exchange, self._journal
        exchange.asked_ns = perf_counter_ns()
        try:
            async for part in self._inner:
                journal.read(exchange, perf_counter_ns(), part)
                yield part
                exchange.asked_ns = perf_counter_ns()
            journal.read(exchange, perf_counter_ns(), b"")
        except GeneratorExit:
            raise  # the program has enough: aclose() tells
        except BaseException as error:
            journal.note(exchange, FAILED, outcome_of(error))
            raise

    async def aclose(self) -> None:
        self._journal.note(self._exchange, ENDED)
        await self._inner.aclose()


class _HeardStream:
    """A network stream as httpcore wants it, which writes down what it brings. Not the base class, of which there are
    two; httpcore asks for methods, not for a class.
    """

    __slots__ = ("_http2", "_inner", "_journal", "_journal_read", "_read", "_wire", "_wires", "exchange")

    def __init__(self, inner: Any, journal: Journal, wire: Wire, wires: Wires, exchange: Exchange | None) -> None:
        self._inner = inner
        self._read = inner.read
        self._journal = journal
        self._journal_read = journal.read
        self._wire = wire
        self._wires = wires
        self._http2 = False
        self.exchange = exchange
        wires.add(wire)

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        exchange = self.exchange
        if exchange is None:
            data: bytes = await self._read(max_bytes, timeout)
            self._wire.reads += 1
            return data
        exchange.asked_ns = perf_counter_ns()
        try:
            data = await self._read(max_bytes, timeout)
        except BaseException as error:
            self._journal.note(exchange, FAILED, outcome_of(error))
            raise
        self._wire.reads += 1
        self._journal_read(exchange, perf_counter_ns(), data)
        return data

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:
        exchange = _current.get()
        if exchange is not None and not self._http2:
            self._http2 = buffer.startswith(_PREFACE)
            self.exchange = None if self._http2 else exchange
        await self._inner.write(buffer, timeout)

    async def aclose(self) -> None:
        self._wires.remove(self._wire)
        self._wire.fd = -1
        if self.exchange is not None:
            self._journal.note(self.exchange, ENDED)
            self.exchange = None
        await self._inner.aclose()

    async def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> "_HeardStream":
        inner = await self._inner.start_tls(ssl_context, server_hostname, timeout)
        self._wires.remove(self._wire)
        return type(self)(inner, self._journal, self._wire, self._wires, self.exchange)

    def get_extra_info(self, info: str) -> Any:
        return self._inner.get_extra_info(info)


def _direct_stream(module: Any) -> tuple[type, type[_HeardStream]] | None:
    """Give the library's stream over anyio, and a stream of ours that reads in its place; ``None``: one that we do not
    know, which is read through its own method.
    """
    try:
        theirs, anyio = module._backends.anyio.AnyIOStream, module._backends.anyio.anyio
        map_exceptions = module._exceptions.map_exceptions
        closed = (anyio.BrokenResourceError, anyio.ClosedResourceError, anyio.EndOfStream)
        errors = {TimeoutError: module.ReadTimeout, **dict.fromkeys(closed, module.ReadError)}
    except AttributeError:
        return None
    if not reads_as_known(theirs):
        return None

    class _Direct(_HeardStream):
        __slots__ = ()

        async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
            exchange = self.exchange
            if exchange is not None:
                exchange.asked_ns = perf_counter_ns()
            try:
                with map_exceptions(errors), anyio.fail_after(timeout):
                    try:
                        data: bytes = await self._inner._stream.receive(max_bytes=max_bytes)
                    except anyio.EndOfStream:
                        data = b""
            except BaseException as error:
                if exchange is not None:
                    self._journal.note(exchange, FAILED, outcome_of(error))
                raise
            self._wire.reads += 1
            if exchange is not None:
                self._journal_read(exchange, perf_counter_ns(), data)
            return data

    return theirs, _Direct
