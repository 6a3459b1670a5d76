"""The zstd frames of a trace, one after the other; where one is damaged, the next one that begins behind it.

Where a frame ends is read from the headers of its blocks (RFC 8878, 3.1.1): a decompressor that runs across frames does
not tell in which of them it met the damage, and so not where to look for the next.
"""

from collections.abc import Iterator
from typing import BinaryIO

from loopscope.core import zstd

_HEAD_BYTES = 18
"""The longest head of a frame."""
_CHECKSUM, _SINGLE_SEGMENT = 4, 32
"""Flags of a frame's descriptor, the byte behind the magic number."""
_CHECKSUM_BYTES = 4
_RLE = 1
"""Type of a block that is one byte, repeated."""
_PIECE_BYTES = 64 << 10
_BACK_BYTES = 256 << 10
"""How far before the place where reading broke off the next frame may begin: a damaged length reaches over the end of
its frame, by a block (128 KiB) at most. Looking no further back keeps reading a hostile file linear in its size."""
_SEARCH_BYTES = 1 << 20
MOST_GAPS = 256
"""A file that is damaged in more places is read up to the last of them."""


class Frames:
    """Decompresses a file from its present place on.

    ``across``: go on behind the first frame.
    """

    def __init__(self, file: BinaryIO, *, across: bool = True) -> None:
        self._file = file
        self._across = across
        self.broken = ""
        """Why reading ended before the end of the file; empty when it did not."""
        self.gaps = 0
        """In how many places reading went on behind damage."""
        self.gap_bytes = 0
        """Bytes of the file from the beginning of each damaged frame to the next good one."""
        self.doubtful = 0
        """Frames that could be read to their ends, but do not match their checksums."""

    def blocks(self) -> Iterator[bytes | None]:
        """Give what is in the frames, piece by piece; ``None`` where something is missing.

        Raises:
            OSError: the file cannot be read on.
        """
        while self._open():
            frame = _Frame(self._file)
            if not frame.begins:
                return
            why = ""
            take = zstd.bounded().decompress
            try:
                # Block by block: one holds 128 KiB at most, however small it came, and what was good before a damaged
                # one is out. (A stream reader that is asked for a size keeps what did not fit, and forgets it where
                # its input ends: the last lines of a recording that was never closed.)
                for piece in frame.pieces():
                    if block := take(piece):
                        yield block
                    if not self._open():
                        return
            except (zstd.ZstdError, EOFError) as error:  # EOFError: more came than the frame says of itself
                why = str(error)
            self.doubtful += frame.whole and bool(why)
            if frame.whole:
                if not self._across:
                    return
                if why:
                    self._stand_at_frame()
                    yield None  # its last line may have lost its end: the first of the next frame is not a part of it
                continue
            at = self._next(max(frame.start + 1, self._file.tell() - _BACK_BYTES))
            if at < 0 or not self._across or self.gaps >= MOST_GAPS:
                self.broken = why
                return
            self.gaps += 1
            self.gap_bytes += at - frame.start
            self._file.seek(at)
            yield None

    def _open(self) -> bool:
        """Nobody has closed the file while he held what was given."""
        return not self._file.closed

    def _stand_at_frame(self) -> None:
        """Go back to where the next frame begins when a checksum that lost a byte has reached into it."""
        here = self._file.tell()
        self._file.seek(here - _CHECKSUM_BYTES)
        found = self._file.read(2 * _CHECKSUM_BYTES).find(zstd.MAGIC)
        self._file.seek(here if found < 0 else here - _CHECKSUM_BYTES + found)

    def _next(self, at: int) -> int:
        """Where the next frame may begin; -1: nowhere."""
        self._file.seek(at)
        kept = b""
        while data := self._file.read(_SEARCH_BYTES):
            data = kept + data
            found = data.find(zstd.MAGIC)
            if found >= 0:
                return at + found
            kept = data[1 - len(zstd.MAGIC) :]
            at += len(data) - len(kept)
        return -1


class _Frame:
    """The bytes of one frame, and none behind it."""

    def __init__(self, file: BinaryIO) -> None:
        self.start = file.tell()
        self._file = file
        self._head = file.read(_HEAD_BYTES)
        self.begins = bool(self._head)
        """There is something to read."""
        self.whole = False
        """All of its content has been given."""

    def pieces(self) -> Iterator[bytes]:
        """Give its bytes, no more than one block at a time."""
        file, head = self._file, self._head
        length = _head_bytes(head)
        if not length:
            yield head  # the decompressor will say what is wrong with it
            return
        end_bytes = _CHECKSUM_BYTES if head[4] & _CHECKSUM else 0
        file.seek(self.start + length)
        yield head[:length]
        last = 0
        while not last:
            told = file.read(3)
            number = int.from_bytes(told, "little")
            last, left = number & 1, 1 if number >> 1 & 3 == _RLE else number >> 3
            if len(told) < 3:
                return
            while left and (data := file.read(min(left, _PIECE_BYTES))):
                left -= len(data)
                yield told + data
                told = b""
            if left:
                return
            if told:  # a block without content
                yield told
        if not end_bytes:
            self.whole = True
            return
        told = file.read(end_bytes)
        self.whole = len(told) == end_bytes
        yield told


def _head_bytes(head: bytes) -> int:
    """Length of a frame's head (RFC 8878, 3.1.1.1); 0: it is none, or not whole."""
    if not head.startswith(zstd.MAGIC) or len(head) < 5:
        return 0
    told = head[4]
    single = bool(told & _SINGLE_SEGMENT)
    content = (1 if single else 0, 2, 4, 8)[told >> 6]
    length = 5 + (not single) + (0, 1, 2, 4)[told & 3] + content
    return length if length <= len(head) else 0
