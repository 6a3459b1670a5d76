"""The levers of the client's own sockets: how much a read asks for, and TCP options other than the client's own.

What a combination cannot do is said in a sentence (:func:`read_refused`), never left without effect.
"""

import re
import socket
import sys
from collections.abc import Iterable, Mapping
from contextlib import closing
from dataclasses import dataclass

from loopscope.core.errors import InputError
from loopscope.core.format import count

READ_VALID = "auto, 4k to 1m (a whole number of KiB)"
TCP_VALID = "default, nagle, quickack (Linux), rcvbuf:4k to rcvbuf:16m; several joined by +"
_KIB = 1024
_SIZE = re.compile(r"([0-9]{1,7})(k|m)(?:ib)?", re.IGNORECASE)
_OVER_HTTPCORE = ("httpx", "httpx2", "ollama")
_HTTPCORE_ASKS = 64 * _KIB
_ASYNCIO_ASKS = 256 * _KIB
_UVLOOP_MOST, _PROACTOR_MOST = 256_000, 64 * _KIB
"""What uvloop and asyncio's loop on Windows read at most: into a buffer of their own, of a size that is built in."""


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
        words += [f"rcvbuf:{_written(self.rcvbuf_bytes)}"] if self.rcvbuf_bytes else []
        return "+".join(words) or "default"


def _written(size: int) -> str:
    return f"{size // _KIB}k" if size % (_KIB * _KIB) else f"{size // (_KIB * _KIB)}m"


def _size(text: str, most: int) -> int:
    """Bytes of ``64k``, ``1m``; 0 for what is no size from 4 KiB to ``most``."""
    match = _SIZE.fullmatch(text)
    size = 0 if match is None else int(match[1]) * (_KIB if match[2].lower() == "k" else _KIB * _KIB)
    return size if 4 * _KIB <= size <= most else 0


def parse_read(text: str) -> int:
    """Read a value of the lever ``read``: bytes, 0 for ``auto``. Raises InputError."""
    word = text.strip().lower()
    size = _size(word, _KIB * _KIB)
    if not size and word != "auto":
        raise InputError(f"read={text!r} is not known; valid: {READ_VALID}")
    return size


def canonical_read(text: str) -> str:
    """Check a value of ``read`` and give its canonical string. Raises InputError."""
    size = parse_read(text)
    return _written(size) if size else "auto"


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
        value = _size(size, 16 * _KIB * _KIB) if kind == "rcvbuf" else int(kind in ("nagle", "quickack") and not sign)
        if not value or kind in found:
            raise InputError(f"tcp={text!r} is not known; valid: {TCP_VALID}")
        found[kind] = value
    return Tcp("nagle" in found, "quickack" in found, found.get("rcvbuf", 0))


def canonical_tcp(text: str) -> str:
    """Check a value of ``tcp``, also that this system grants it, and give its canonical string. Raises InputError."""
    tcp = parse_tcp(text)
    if tcp.quickack and not quickack_here():
        raise InputError("tcp=quickack is not offered here: only Linux has TCP_QUICKACK")
    granted = _granted(tcp.rcvbuf_bytes) if tcp.rcvbuf_bytes else 0
    if granted < tcp.rcvbuf_bytes:
        raise InputError(f"tcp={tcp}: this system grants a receive buffer of {granted // _KIB} KiB at most")
    return str(tcp)


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


def read_refused(levers: Mapping[str, str], urls: Iterable[str] = ()) -> str:
    """Say in one sentence why this ``read`` cannot be had with these levers and servers; empty when it can."""
    size = parse_read(levers["read"])
    if not size:
        return ""
    client, loop = levers["client"], levers["loop"]
    what, where = f"read={levers['read']}", f"client={client} on loop={loop}"
    if any(url.startswith("https:") for url in urls):
        return f"{what} acts on plain HTTP only, over TLS the TLS layer reads as it likes; take read=auto"
    own_buffer = _PROACTOR_MOST if sys.platform == "win32" else _UVLOOP_MOST if loop == "uvloop" else 0
    if client not in _OVER_HTTPCORE:
        if own_buffer:
            return (
                f"{what} cannot be had with {where}: this loop reads into a buffer of its own of"
                f" {count(own_buffer)} bytes; take read=auto, or client=httpx"
            )
        if size == _ASYNCIO_ASKS:
            return f"{what} is what {where} asks for by itself; that is read=auto"
    elif own_buffer:
        if size > own_buffer:
            return f"{what} cannot be had with {where}: this loop reads {count(own_buffer)} bytes at most"
        if size == _HTTPCORE_ASKS:
            return f"{what} is what {where} asks for by itself; that is read=auto"
    return ""
