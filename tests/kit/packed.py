"""Data packed as a trace packs it."""

from loopscope.core import zstd


def packed(data: bytes) -> bytes:
    """One zstd frame with a checksum."""
    return zstd.checked(6).compress(data, zstd.ZstdCompressor.FLUSH_FRAME)
