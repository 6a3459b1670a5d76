"""Small reads while the throttle is on.

What a throttle holds back waits in the socket, and one read brings all of it. Paid for by not reading for so long, in
which more gathers, such bursts grow by offered / allowed with each turn, up to what a loop reads at once (256 KiB, 2000
chunks): eight agents of 60 chunks/s under ``shared:100`` then had 38 chunks/s for ten seconds and none in the next ten.
"""

import asyncio
from collections.abc import Callable
from typing import Any

from loopscope.probe.wires import Wire

_LEAST_BYTES = 64


class ReadLimit(asyncio.BufferedProtocol):
    """Stands between a transport and a client's protocol, and reads ``size`` bytes at most, while ``throttled()``."""

    def __init__(self, wire: Wire, transport: asyncio.Transport, inner: Any, throttled: Callable[[], bool]) -> None:
        self.size = _LEAST_BYTES
        self._buffer = bytearray(_LEAST_BYTES)
        self._wire = wire
        self._transport = transport
        self._inner = inner
        self._throttled = throttled

    def get_buffer(self, sizehint: int) -> memoryview:
        """Give the room for one read."""
        if len(self._buffer) < self.size:
            self._buffer = bytearray(self.size)
        return memoryview(self._buffer)[: self.size]

    def buffer_updated(self, nbytes: int) -> None:
        """Hand a read over; without a throttle that is the last one. uvloop reads up to 32 times in a turn."""
        self._inner.data_received(bytes(self._buffer[:nbytes]))
        if self._transport.is_closing():
            return
        if not self._throttled():
            self._transport.set_protocol(self._inner)
        elif self._wire.rest is not None:
            self._wire.rest()

    def eof_received(self) -> bool | None:
        """Pass it on."""
        keeps: bool | None = self._inner.eof_received()
        return keeps

    def connection_lost(self, exc: Exception | None) -> None:
        """Pass it on."""
        self._inner.connection_lost(exc)

    def pause_writing(self) -> None:
        """Pass it on."""
        self._inner.pause_writing()

    def resume_writing(self) -> None:
        """Pass it on."""
        self._inner.resume_writing()


def sip(wire: Wire, size: int, throttled: Callable[[], bool]) -> None:
    """Read ``size`` bytes at most from now on, until it is no more ``throttled()``.

    Nothing happens over TLS, where the TLS layer reads.
    """
    transport: Any = wire.transport
    if transport is None or transport.is_closing():
        return
    protocol = transport.get_protocol()
    if not isinstance(protocol, ReadLimit):
        if isinstance(protocol, asyncio.BufferedProtocol) or transport.get_extra_info("sslcontext") is not None:
            return
        protocol = ReadLimit(wire, transport, protocol, throttled)
        transport.set_protocol(protocol)
    protocol.size = max(_LEAST_BYTES, size)
