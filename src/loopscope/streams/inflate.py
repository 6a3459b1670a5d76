"""Compressed bodies, read as they come and in bounded pieces: a megabyte of zeros is a kilobyte on the wire."""

import zlib
from collections.abc import Iterator

_MOST_PIECE_BYTES = 256 << 10
CODINGS = ("gzip", "x-gzip", "deflate")
"""What can be read; identity and none need no reading."""


class InflateError(ValueError):
    """What came is not compressed as its head says."""


class Inflater:
    """Takes bytes of one of :data:`CODINGS`, gives what they hold."""

    __slots__ = ("_inflate",)

    def __init__(self) -> None:
        self._inflate = zlib.decompressobj(47)  # 32 + 15: gzip or zlib, found out by its head

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Take bytes; give pieces of at most 256 KiB.

        Raises:
            InflateError: they are damaged.
        """
        inflate = self._inflate
        try:
            while data or inflate.unconsumed_tail:
                piece = inflate.decompress(data, _MOST_PIECE_BYTES)
                data = inflate.unconsumed_tail
                if piece:
                    yield piece
                if inflate.eof:
                    return
                if not piece and not data:
                    return
        except zlib.error:
            raise InflateError("the compression of the answer is damaged") from None


def coding_of(header: str) -> str:
    """Return the coding that a ``content-encoding`` names; empty: none."""
    coding = header.strip().lower()
    return "" if coding == "identity" else coding
