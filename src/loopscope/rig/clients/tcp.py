"""What the levers ``read`` and ``tcp`` set on a connection that a client has just opened."""

import contextlib
import os
import socket
from typing import Any

from loopscope.settings.levers.tcp import Tcp


class QuickAck:
    """``TCP_QUICKACK``, to be called after each read: the kernel leaves it once requests and answers take turns.

    It has a descriptor of its own: uvloop gives no socket, and to make one for each read costs 1.8 us.
    """

    __slots__ = ("_sock",)

    def __init__(self, fd: int) -> None:
        self._sock = socket.socket(fileno=os.dup(fd))
        self()

    def __call__(self) -> None:
        """Acknowledge at once until the kernel decides otherwise."""
        try:
            self._sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)
        except OSError:
            return  # the connection is gone: its client will tell

    def close(self) -> None:
        """Let the descriptor go, before the client closes the connection: the server must see it close."""
        self._sock.close()


def set_options(fd: int, tcp: Tcp) -> QuickAck | None:
    """Set what differs from the client's own; give what must be called after each read, if anything must."""
    if fd < 0 or tcp == Tcp():
        return None
    with contextlib.suppress(OSError):  # the connection is gone: its client will tell
        with socket.socket(fileno=os.dup(fd)) as sock:
            if tcp.nagle:
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 0)
            if tcp.rcvbuf_bytes:
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, tcp.rcvbuf_bytes)
        return QuickAck(fd) if tcp.quickack else None
    return None


def ask_for(transport: Any, read_bytes: int) -> None:
    """Let a transport of asyncio ask the socket for so many bytes a read; uvloop's, and that of TLS, cannot."""
    if hasattr(transport, "max_size"):
        transport.max_size = read_bytes
