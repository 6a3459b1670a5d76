"""TCP options of the client's sockets, other than the client's own."""

import socket
import sys
from contextlib import closing
from dataclasses import dataclass

from loopscope.core.errors import InputError
from loopscope.settings.levers.lever import Lever
from loopscope.settings.levers.sizes import KIB, parse_size, written

_VALID = "default, nagle, quickack (Linux), rcvbuf:4k to rcvbuf:16m; several joined by +"


@dataclass(frozen=True, slots=True)
class Tcp:
    """Options other than the client's own. ``rcvbuf_bytes``: ``SO_RCVBUF`` as it is asked for, 0: the system's own."""

    nagle: bool = False
    """``TCP_NODELAY`` off: a small write waits until what was sent before is acknowledged."""
    quickack: bool = False
    """``TCP_QUICKACK`` on, again after each read, as the kernel takes it back."""
    rcvbuf_bytes: int = 0

    def __str__(self) -> str:
        words = [name for name in ("nagle", "quickack") if getattr(self, name)]
        words += [f"rcvbuf:{written(self.rcvbuf_bytes)}"] if self.rcvbuf_bytes else []
        return "+".join(words) or "default"


def parse_tcp(text: str) -> Tcp:
    """Read a value of the lever ``tcp``, whether or not it can be had here. Raises InputError."""
    words = [word.strip() for word in text.lower().split("+")]
    if words == ["default"]:
        return Tcp()
    found: dict[str, int] = {}
    for word in words:
        kind, sign, size = word.partition(":")
        if kind == "nodelay":
            raise InputError("tcp=nodelay is what every client does by itself (tcp=default); tcp=nagle switches it off")
        value = (
            parse_size(size, 16 * KIB * KIB) if kind == "rcvbuf" else int(kind in ("nagle", "quickack") and not sign)
        )
        if not value or kind in found:
            raise InputError(f"tcp={text!r} is not known; valid: {_VALID}")
        found[kind] = value
    return Tcp("nagle" in found, "quickack" in found, found.get("rcvbuf", 0))


def quickack_here() -> bool:
    """Whether the system has ``TCP_QUICKACK``."""
    return sys.platform == "linux" and hasattr(socket, "TCP_QUICKACK")


def _granted(size: int) -> int:
    with closing(socket.socket(socket.AF_INET, socket.SOCK_STREAM)) as sock:
        try:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, size)
        except OSError:  # some systems refuse what Linux cuts down
            return 0
        # Linux gives twice what was asked, for its own books.
        return sock.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF) // (2 if sys.platform == "linux" else 1)


class _TcpLever(Lever):
    name = "tcp"
    place = 80
    key = "w"
    ask_key = "W"
    ask_help = "enter TCP options: type them, joined by +"
    default = "default"
    rank = 8
    ceiling_place = 70
    presets = ("default", "nagle", *(("quickack",) if quickack_here() else ()), "rcvbuf:16k")
    valid = _VALID
    help = "TCP options of the client's sockets (docs/clients.md): a new rig process takes over, the old one drains"

    def parse(self, text: str) -> str:
        """Check also that this system grants it."""
        tcp = parse_tcp(text)
        if tcp.quickack and not quickack_here():
            raise InputError("tcp=quickack is not offered here: only Linux has TCP_QUICKACK")
        granted = _granted(tcp.rcvbuf_bytes) if tcp.rcvbuf_bytes else 0
        if granted < tcp.rcvbuf_bytes:
            raise InputError(f"tcp={tcp}: this system grants a receive buffer of {granted // KIB} KiB at most")
        return str(tcp)


LEVER = _TcpLever()
