"""How much a read asks for. What a combination cannot do is said in a sentence, never left without effect."""

import sys
from collections.abc import Iterable, Mapping

from loopscope.core.errors import InputError
from loopscope.core.format import count
from loopscope.settings.clients import CLIENTS
from loopscope.settings.levers.lever import Lever
from loopscope.settings.levers.sizes import KIB, parse_size, written

_VALID = "auto, 4k to 1m (a whole number of KiB)"
_ASYNCIO_ASKS = 256 * KIB
_UVLOOP_MOST, _PROACTOR_MOST = 256_000, 64 * KIB
"""What uvloop and asyncio's loop on Windows read at most: into a buffer of their own, of a size that is built in."""


def parse_read(text: str) -> int:
    """Read a value of the lever ``read``: bytes, 0 for ``auto``. Raises InputError."""
    word = text.strip().lower()
    size = parse_size(word, KIB * KIB)
    if not size and word != "auto":
        raise InputError(f"read={text!r} is not known; valid: {_VALID}")
    return size


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
    if not CLIENTS[client].asks_bytes:
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
        if size == CLIENTS[client].asks_bytes:
            return f"{what} is what {where} asks for by itself; that is read=auto"
    return ""


class _Read(Lever):
    name = "read"
    place = 70
    key = "i"
    ask_key = "I"
    ask_help = "enter a read size: type the most bytes of a read"
    default = "auto"
    rank = 8
    ceiling_place = 60
    presets = ("auto", "4k", "16k", "128k")
    valid = _VALID
    help = "the most bytes that one read asks for (docs/clients.md): a new rig process takes over, the old one drains"

    def parse(self, text: str) -> str:
        size = parse_read(text)
        return written(size) if size else "auto"

    def refused(self, levers: Mapping[str, str], apis: Iterable[str], urls: Iterable[str]) -> str:
        return read_refused(levers, urls)


LEVER = _Read()
