"""Planted causes on the way of the bytes: around the loop's connections, whatever client library opens them."""

import asyncio
import errno
import socket
import time
from collections.abc import Callable
from typing import Any

_NOWHERE = "127.0.0.253"
"""A literal address that stands for the one where nobody listens; it is never connected to."""


class Network:
    """Wraps the loop's ``create_connection`` and ``getaddrinfo`` when first asked for something."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop: Any = loop
        self._wrapped = False
        self._act: Callable[[], object] | None = None
        self._period_s = 0.0
        self._due_s = 0.0
        self._detour_s = 0.0
        self._buffer_bytes = 0

    def hold(self, act: Callable[[], object], period_s: float) -> None:
        """Run ``act`` inside ``data_received``, each time bytes come but at most once a period."""
        self._act, self._period_s = act, period_s
        self._wrap()

    def mislead(self, detour_s: float) -> None:
        """Let ``localhost`` lead first to an address that refuses after this time, then to 127.0.0.1."""
        self._detour_s = detour_s
        self._wrap()

    def shrink(self, buffer_bytes: int) -> None:
        """Give new connections a receive buffer of this size."""
        self._buffer_bytes = buffer_bytes
        self._wrap()

    def let_go(self, name: str) -> None:
        """End one of them, by the name of its plant."""
        if name == "received":
            self._act = None
        elif name == "localhost":
            self._detour_s = 0.0
        else:
            self._buffer_bytes = 0

    def planted_received(self) -> None:
        """Act, if it is time to; the name stands in the stacks that the watchdog takes."""
        now_s = time.monotonic()
        if self._act is not None and now_s >= self._due_s:
            self._due_s = now_s + self._period_s
            self._act()

    def _wrap(self) -> None:
        if self._wrapped:
            return
        self._wrapped = True
        loop = self._loop
        connect, resolve = loop.create_connection, loop.getaddrinfo

        async def getaddrinfo(host: Any, port: Any, **more: Any) -> Any:
            if not (self._detour_s and host in ("localhost", b"localhost")):
                return await resolve(host, port, **more)
            kind = (socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP, "")
            return [(*kind, (_NOWHERE, int(port or 0))), (*kind, ("127.0.0.1", int(port or 0)))]

        async def create_connection(factory: Callable[[], Any], host: Any = None, *args: Any, **more: Any) -> Any:
            if host == _NOWHERE or (self._detour_s and host == "localhost"):
                # A library that takes the addresses by itself tries one after the other; others leave it to the loop.
                await asyncio.sleep(self._detour_s)
                if host == _NOWHERE:
                    raise ConnectionRefusedError(errno.ECONNREFUSED, "planted: nobody listens there")
                host = "127.0.0.1"
            if self._buffer_bytes and host == "127.0.0.1" and args:
                # Before it connects: the 64 KiB that a new socket offers cannot be taken back.
                sock = socket.socket()
                sock.setblocking(False)
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, self._buffer_bytes)
                await loop.sock_connect(sock, (host, args[0]))
                host, args, more = None, (), {"sock": sock}
            return await connect(lambda: self._around(factory()), host, *args, **more)

        loop.getaddrinfo, loop.create_connection = getaddrinfo, create_connection

    def _around(self, protocol: Any) -> Any:
        """Put ourselves before a protocol's ``data_received``; the transport asks for it after this."""
        original = getattr(protocol, "data_received", None)
        if original is None:
            return protocol

        def data_received(data: bytes) -> None:
            self.planted_received()
            original(data)

        protocol.data_received = data_received
        return protocol
