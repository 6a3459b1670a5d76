"""The bytes of a trace file, cut into lines: plain or zstd by what they are (not by the name), in bounded memory."""

import stat
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, Self

from loopscope.core import zstd
from loopscope.core.codec import MAX_LINE_BYTES
from loopscope.core.errors import TraceError
from loopscope.core.text import plain
from loopscope.trace.frames import Frames

_BLOCK_BYTES = 256 << 10


def refusal(path: Path, error: OSError) -> TraceError:
    """Say why a file cannot be read, in one sentence."""
    return TraceError(f"cannot read {plain(str(path))}: {error.strerror or type(error).__name__}")


class Lines:
    """Iterates over the lines of a file, without their line ends; blank lines are left out.

    Lines longer than any record are skipped and counted. A file that ends within a line yields that last piece, with
    ``torn`` set before it is handed out. A damaged frame of a compressed file costs its rest: reading goes on with the
    next one, and ``gaps`` counts up before its first line. Use as a context manager, or call :meth:`close`.

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
        self.next_raw = skip
        """Where the line after the one handed out last begins: bytes of lines since ``at``."""
        self._skip = skip
        self.raw_bytes = 0
        """Bytes of lines so far, after decompression."""
        try:
            # Looked at before it is opened: opening a pipe that nobody writes to would wait for ever.
            if not stat.S_ISREG(path.stat().st_mode):
                raise TraceError(f"cannot read {plain(str(path))}: it is not a file")
            self._file: BinaryIO = path.open("rb")
        except OSError as error:
            raise refusal(path, error) from error
        except ValueError as error:  # a NUL in the path
            raise TraceError(f"cannot read {plain(str(path))}: {error}") from error
        try:
            self.compressed = self._file.read(len(zstd.MAGIC)) == zstd.MAGIC
            self._frames = Frames(self._file, across=not one_frame) if self.compressed else None
            self._file.seek(at if self.compressed else at + skip)
        except OSError as error:
            self._file.close()
            raise refusal(path, error) from error
        except ValueError as error:  # no file is as long as that
            self._file.close()
            raise TraceError(f"cannot read {plain(str(path))}: {error}") from error

    @property
    def broken(self) -> str:
        """Why the compressed data could not be followed to its end; empty when it could."""
        return plain(self._frames.broken) if self._frames is not None else ""

    @property
    def gaps(self) -> int:
        """Damaged frames behind which reading went on."""
        return self._frames.gaps if self._frames is not None else 0

    @property
    def gap_bytes(self) -> int:
        """Bytes of the file in these."""
        return self._frames.gap_bytes if self._frames is not None else 0

    @property
    def doubtful(self) -> int:
        """Frames that do not match their checksums."""
        return self._frames.doubtful if self._frames is not None else 0

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
            if block is None:  # a frame begins with a line: what was before it has lost its end
                self.next_raw += len(carry)
                carry, skipping = b"", False
                continue
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
        return (next(iter(self._blocks()), b"") or b"")[:size]

    def _blocks(self) -> Iterator[bytes | None]:
        try:
            if self._frames is not None:
                yield from self._behind(self._frames.blocks())
                return
            while not self._file.closed and (block := self._file.read(_BLOCK_BYTES)):
                yield block
        except OSError as error:
            raise refusal(self.path, error) from error

    def _behind(self, blocks: Iterator[bytes | None]) -> Iterator[bytes | None]:
        """Leave out what is to be skipped."""
        left = self._skip
        for block in blocks:
            if block is None or not left:
                yield block
            else:
                left -= len(block)
                if left < 0:
                    yield block[left:]
                    left = 0
