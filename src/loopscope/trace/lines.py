"""The bytes of a trace file, cut into lines: plain or zstd by what they are (not by the name), in bounded memory."""

import stat
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, Self

import zstandard

from loopscope.core.codec import MAX_LINE_BYTES
from loopscope.core.errors import TraceError
from loopscope.core.text import plain

ZSTD_MAGIC = b"\x28\xb5\x2f\xfd"
_BLOCK_BYTES = 256 << 10
MAX_WINDOW_BYTES = 8 << 20
"""A frame may ask its reader for up to 2 GiB of window; ours (level 6) ask for 2 MiB."""


def refusal(path: Path, error: OSError) -> TraceError:
    """Say why a file cannot be read, in one sentence."""
    return TraceError(f"cannot read {plain(str(path))}: {error.strerror or type(error).__name__}")


class Lines:
    """Iterates over the lines of a file, without their line ends; blank lines are left out.

    Lines longer than any record are skipped and counted. A file that ends within a line yields that last piece, with
    ``torn`` set before it is handed out. Use as a context manager, or call :meth:`close`.

    ``at`` is where to begin: bytes into the file, the beginning of a line or of a compressed frame; ``skip`` bytes of
    lines are left out there. ``one_frame`` stops at the end of that frame.

    Raises:
        TraceError: the file cannot be opened, is no file, or cannot be read on.
    """

    def __init__(self, path: Path, at: int = 0, skip: int = 0, *, one_frame: bool = False) -> None:
        self.path = path
        self.oversized = 0
        """Lines left out because they were longer than any record."""
        self.torn = False
        """The file ended without a line end."""
        self.broken = ""
        """Why the compressed data could not be followed to its end; empty when it could."""
        self.next_raw = skip
        """Where the line after the one handed out last begins: bytes of lines since ``at``."""
        self._skip = skip
        self._across = not one_frame
        self.raw_bytes = 0
        """Bytes of lines so far, after decompression."""
        try:
            # Looked at before it is opened: opening a pipe that nobody writes to would wait for ever.
            if not stat.S_ISREG(path.stat().st_mode):
                raise TraceError(f"cannot read {plain(str(path))}: it is not a file")
            self._file: BinaryIO = path.open("rb")
            self.compressed = self._file.read(len(ZSTD_MAGIC)) == ZSTD_MAGIC
            self._file.seek(at if self.compressed else at + skip)
        except OSError as error:
            raise refusal(path, error) from error
        except ValueError as error:  # a NUL in the path
            raise TraceError(f"cannot read {plain(str(path))}: {error}") from error

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the file; a second call does nothing."""
        self._file.close()

    def __iter__(self) -> Iterator[bytes]:
        carry = b""
        skipping = False
        for block in self._blocks():
            self.raw_bytes += len(block)
            first, *rest = block.split(b"\n")
            if not rest:
                if not skipping:
                    carry += first
                    if len(carry) > MAX_LINE_BYTES:
                        self.next_raw += len(carry)
                        carry, skipping = b"", True
                elif skipping:
                    self.next_raw += len(first)
                continue
            if skipping or len(carry) + len(first) > MAX_LINE_BYTES:
                self.oversized += 1
                skipping = False
                self.next_raw += len(carry) + len(first) + 1
            else:
                rest.insert(0, carry + first)
            carry = rest.pop()
            for line in rest:
                self.next_raw += len(line) + 1
                if line and not line.isspace():
                    yield line
        if skipping:
            self.oversized += 1
        elif carry and not carry.isspace():
            self.torn = True
            yield carry

    def head(self, size: int) -> bytes:
        """Give the first bytes of lines, instead of the lines."""
        return next(iter(self._blocks(size)), b"")[:size]

    def _blocks(self, size: int = 0) -> Iterator[bytes]:
        take = self._file.read
        if self.compressed:
            # A stream reader gives no more than it is asked for, however much a hostile block expands to; read1() hands
            # out what it has at once, where read() would lose up to 256 KiB of good lines to an error behind them.
            decompressor = zstandard.ZstdDecompressor(max_window_size=MAX_WINDOW_BYTES)
            take = decompressor.stream_reader(self._file, read_across_frames=self._across, closefd=False).read1
        try:
            size = size or _BLOCK_BYTES
            left = self._skip if self.compressed else 0
            while left and (block := take(min(left, _BLOCK_BYTES))):
                left -= len(block)
            while not self._file.closed and (block := take(size)):
                yield block
        except zstandard.ZstdError as error:
            self.broken = plain(str(error))
        except OSError as error:
            raise refusal(self.path, error) from error
