"""Hooks in aiohttp's client: where a request is sent, where bytes come off the transport, where the program asks for
more and gives a response back. aiohttp's tracing is made for one session and does not see bytes of streams on their
connection, so its methods are wrapped; a name that a release does not have leaves out what it would have told.
"""

from collections.abc import Callable
from contextvars import ContextVar
from time import perf_counter_ns
from types import ModuleType
from typing import Any

from loopscope.inject.journal import ENDED, FAILED, READ, ROOM, STARTED, Exchange, Journal
from loopscope.probe.wires import Wire, Wires

_LABEL = "aiohttp"
_FED_AGAIN = ("_drain_tail", "set_response_params", "set_parser", "resume_reading")
"""Methods of the protocol that may hand it bytes for a second time which it had put aside."""


class _Call:
    """One call of ``ClientSession._request``; redirects make several exchanges of it."""

    __slots__ = ("connect_ns", "sent", "start_ns")

    def __init__(self) -> None:
        self.start_ns = perf_counter_ns()
        self.connect_ns = 0
        self.sent = False


_call: ContextVar[_Call | None] = ContextVar("loopscope_call", default=None)


def outcome_of(error: BaseException) -> tuple[str, str]:
    """Outcome and words for an exception before the request was sent; never its text."""
    name = type(error).__name__
    if name == "CancelledError":
        return "taken", "cancelled by the program"
    return ("timeout" if "Timeout" in name else "refused"), f"no connection ({name})"


class AiohttpHooks:
    """Puts the hooks into aiohttp."""

    def __init__(self, journal: Journal, wires: Wires) -> None:
        self._journal = journal
        self._wires = wires

    def patch(self, module: ModuleType) -> None:
        """Hook into ``aiohttp``, just imported."""
        from aiohttp import client_proto, client_reqrep, connector, streams

        self._patch_session(module.ClientSession)
        self._patch_connect(connector.TCPConnector)
        self._patch_send(client_reqrep.ClientRequest)
        self._patch_protocol(client_proto.ResponseHandler)
        self._patch_reader(streams.StreamReader)
        self._patch_response(client_reqrep.ClientResponse)

    def _patch_session(self, session: Any) -> None:
        original, journal = session._request, self._journal

        async def _request(self: Any, method: str, str_or_url: Any, **more: Any) -> Any:
            call, before = _Call(), _call.get()
            _call.set(call)
            try:
                return await original(self, method, str_or_url, **more)
            except BaseException as error:
                if not call.sent and (exchange := _unsent(self, method, str_or_url, call)) is not None:
                    journal.note(exchange, STARTED)
                    journal.note(exchange, FAILED, outcome_of(error))
                raise
            finally:
                _call.set(before)

        session._request = _request

    def _patch_connect(self, connector: Any) -> None:
        original = connector._create_connection
        self._patch_waiting(connector)

        async def _create_connection(self: Any, *args: Any, **more: Any) -> Any:
            start_ns = perf_counter_ns()
            protocol = await original(self, *args, **more)
            call = _call.get()
            if call is not None:
                call.connect_ns = perf_counter_ns() - start_ns
            return protocol

        connector._create_connection = _create_connection

    def _patch_waiting(self, connector: Any) -> None:
        """Count the requests that wait because the connector has its 100 connections."""
        original = getattr(connector, "_wait_for_available_connection", None)
        if original is None:
            return
        waiting: set[object] = set()

        async def _wait_for_available_connection(self: Any, *args: Any, **more: Any) -> Any:
            ticket = object()
            waiting.add(ticket)
            try:
                return await original(self, *args, **more)
            finally:
                waiting.discard(ticket)

        connector._wait_for_available_connection = _wait_for_available_connection
        self._wires.pools.append(lambda: len(waiting))

    def _patch_send(self, request: Any) -> None:
        original, journal = request.send, self._journal

        async def send(self: Any, conn: Any) -> Any:
            exchange = _exchange(self.method, self.url)
            call = _call.get()
            if call is not None and not call.sent:
                call.sent = True
                exchange.start_ns, exchange.connect_ns = call.start_ns, call.connect_ns
            if conn.protocol is not None:
                conn.protocol._loopscope = exchange
            journal.note(exchange, STARTED)
            try:
                response = await original(self, conn)
            except BaseException as error:
                journal.note(exchange, FAILED, ("cut", f"the request could not be sent ({type(error).__name__})"))
                raise
            response._loopscope = exchange
            return response

        request.send = send

    def _patch_protocol(self, protocol: Any) -> None:
        journal, wires = self._journal, self._wires
        note_read, entries = journal.entries.append, journal.entries  # the same list for ever
        made, received, lost = protocol.connection_made, protocol.data_received, protocol.connection_lost

        def connection_made(self: Any, transport: Any) -> None:
            wire = self._loopscope_wire = Wire()
            socket = transport.get_extra_info("socket")
            wire.fd = socket.fileno() if socket is not None else -1
            wires.add(wire)
            made(self, transport)

        def data_received(self: Any, data: bytes) -> None:
            if data and not self._loopscope_again:
                self._loopscope_wire.reads += 1
                exchange = self._loopscope
                if exchange is not None and not exchange.muted:
                    # What Journal.read does: a call less on the hottest path that a program has.
                    if len(entries) < ROOM and journal.bytes < journal.room_bytes:
                        note_read((exchange, READ, perf_counter_ns(), data, exchange.asked_ns))
                        journal.bytes += len(data)
                    else:
                        journal.full(exchange)
            received(self, data)

        def connection_lost(self: Any, error: BaseException | None) -> None:
            wires.remove(self._loopscope_wire)
            exchange = self._loopscope
            if exchange is not None:
                # Should the program have closed it, its end is written down already and this says nothing any more.
                journal.read(exchange, perf_counter_ns(), b"")
                journal.note(exchange, ENDED)
            lost(self, error)

        protocol._loopscope = None
        protocol._loopscope_again = 0
        protocol._loopscope_wire = Wire()  # nobody's: of a protocol that was never told of its connection
        protocol.connection_made, protocol.connection_lost = connection_made, connection_lost
        protocol.data_received = data_received
        for name in _FED_AGAIN:
            if hasattr(protocol, name):
                setattr(protocol, name, _feeding_again(getattr(protocol, name)))
        if hasattr(protocol, "_on_read_timeout"):
            timed_out = protocol._on_read_timeout

            def _on_read_timeout(self: Any) -> None:
                if self._loopscope is not None:
                    journal.note(self._loopscope, FAILED, ("timeout", "nothing came in time (SocketTimeoutError)"))
                timed_out(self)

            protocol._on_read_timeout = _on_read_timeout

    def _patch_reader(self, reader: Any) -> None:
        original = reader._wait

        def _wait(self: Any, func_name: str) -> Any:
            # Gives the coroutine on instead of awaiting it: one frame less for every wake-up to pass through.
            exchange = getattr(self._protocol, "_loopscope", None)
            if exchange is not None:
                exchange.asked_ns = perf_counter_ns()
            return original(self, func_name)

        reader._wait = _wait

    def _patch_response(self, response: Any) -> None:
        journal = self._journal

        def ending(original: Callable[..., Any]) -> Callable[..., Any]:
            def end(self: Any, *args: Any, **more: Any) -> Any:
                exchange = getattr(self, "_loopscope", None)
                if exchange is not None:
                    self._loopscope = None
                    journal.note(exchange, ENDED)
                return original(self, *args, **more)

            return end

        for name in ("release", "close", "__aexit__"):
            setattr(response, name, ending(getattr(response, name)))


def _feeding_again(original: Callable[..., Any]) -> Callable[..., Any]:
    def feeding(self: Any, *args: Any, **more: Any) -> Any:
        self._loopscope_again += 1
        try:
            return original(self, *args, **more)
        finally:
            self._loopscope_again -= 1

    return feeding


def _exchange(method: str, url: Any) -> Exchange:
    """An exchange for this method and yarl URL."""
    return Exchange(_LABEL, method, f"{url.scheme}://{url.host}:{url.port}", url.path, reports_end=True)


def _unsent(session: Any, method: str, str_or_url: Any, call: _Call) -> Exchange | None:
    """The exchange of a request that found no connection."""
    try:
        exchange = _exchange(method, session._build_url(str_or_url))
    except (AttributeError, TypeError, ValueError):
        return None  # not even a URL: the program is told by aiohttp
    exchange.start_ns = call.start_ns
    return exchange
