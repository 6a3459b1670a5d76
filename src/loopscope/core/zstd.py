"""zstd, from one place: the standard library has it from Python 3.14 on, its backport has the same names before."""

import sys

if sys.version_info >= (3, 14):
    from compression.zstd import (
        CompressionParameter,
        DecompressionParameter,
        ZstdCompressor,
        ZstdDecompressor,
        ZstdError,
        compress,
        decompress,
        get_frame_info,
        open,  # noqa: A004 - the name that both give it
    )
else:
    from backports.zstd import (
        CompressionParameter,
        DecompressionParameter,
        ZstdCompressor,
        ZstdDecompressor,
        ZstdError,
        compress,
        decompress,
        get_frame_info,
        open,  # noqa: A004 - the name that both give it
    )

__all__ = [
    "MAGIC",
    "ZstdCompressor",
    "ZstdDecompressor",
    "ZstdError",
    "bounded",
    "checked",
    "compress",
    "decompress",
    "get_frame_info",
    "open",
]

MAGIC = b"\x28\xb5\x2f\xfd"
_MAX_WINDOW_LOG = 23
"""A frame may ask its reader for up to 2 GiB of window; this is 8 MiB. Ours (level 6) ask for 2 MiB."""


def checked(level: int) -> ZstdCompressor:
    """Return a compressor whose frames carry a checksum."""
    return ZstdCompressor(
        options={CompressionParameter.compression_level: level, CompressionParameter.checksum_flag: 1}
    )


def bounded() -> ZstdDecompressor:
    """Return a decompressor of one frame that takes no more memory than our own frames need."""
    return ZstdDecompressor(options={DecompressionParameter.window_log_max: _MAX_WINDOW_LOG})
