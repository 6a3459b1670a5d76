"""Read a trace: its records, one after the other, and how much of it was good.

Whatever the bytes are, :class:`~loopscope.core.errors.TraceError` is the only error that comes out, and only for a
file of which nothing can be shown (not there, not a trace, from a newer loopscope). Damage further on costs the lines
that it hit: they are left out and counted in :class:`Outcome`, and a record of kind ``loss``, which is not in the file,
stands where they are missing: whoever folds the records must not take what is before for the neighbour of what is
behind.
"""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import msgspec

from loopscope.core import zstd
from loopscope.core.clock import NS_PER_S
from loopscope.core.codec import decode
from loopscope.core.errors import TraceError
from loopscope.core.format import seconds
from loopscope.core.records import AnyRecord, Header, Loss, Trailer
from loopscope.core.text import plain
from loopscope.trace.lines import Lines
from loopscope.trace.migrations import Migration
from loopscope.trace.vet import Vetter, check_header

_TAIL_BYTES = 4 << 20
"""Where the trailer is looked for: its line takes some 20 bytes a checkpoint, of which a week has 60 000."""


class _Peek(msgspec.Struct):
    """As much of a header as every format has, so that a newer one is recognised before it fails to decode."""

    k: str
    format: int


class _Stamp(msgspec.Struct):
    t_ns: int


_peek = msgspec.json.Decoder(_Peek)
_stamp = msgspec.json.Decoder(_Stamp)


@dataclass(slots=True)
class Outcome:
    """How reading went; grows while records are read and is final after the last one."""

    records: int = 0
    """Good ones of the file, header and trailer among them."""
    damaged: int = 0
    """Lines that were left out because they are no records, or impossible ones."""
    first_damage: str = ""
    gaps: int = 0
    """Stretches of a compressed file that cannot be read, with something behind them that can."""
    gap_bytes: int = 0
    """Bytes of the file in these."""
    gap_ns: int = 0
    """Between the records on both sides of each of them."""
    doubtful: int = 0
    """Frames of it that do not match their checksums: all of their lines were read, and one of them is not right."""
    torn: bool = False
    """The file ends within a line: whoever wrote it was killed, or the disk was full."""
    closed: bool = False
    """The trailer was read: the recording was ended properly."""
    stopped: str = ""
    """Why reading stopped before the end of the file; empty when it did not."""
    missing: int = 0
    """Lines that the trailer counts and the file does not have."""
    last_ns: int = 0
    """Largest ``t_ns`` so far."""
    entered: bool = False
    """Reading began in the middle: the counts are of what came after that."""

    @property
    def whole(self) -> bool:
        """Whether nothing is amiss: closed properly, and every line of it read."""
        wrong = self.damaged or self.gaps or self.doubtful
        return self.closed and not (wrong or self.torn or self.stopped or self.missing)

    @property
    def words(self) -> str:
        """What is amiss, in one sentence; empty when the trace is whole."""
        parts = []
        if self.damaged:
            parts.append(f"{self.damaged} damaged lines were left out (the first: {self.first_damage})")
        if self.gaps:
            stretches = "1 stretch" if self.gaps == 1 else f"{self.gaps} stretches"
            parts.append(
                f"{stretches} of {seconds(self.gap_ns / NS_PER_S)} ({self.gap_bytes} bytes of the file) cannot be read"
                f" and {'is' if self.gaps == 1 else 'are'} missing from every sum and rate"
            )
        if self.doubtful:
            frames = (
                "1 frame does not match its checksum"
                if self.doubtful == 1
                else (f"{self.doubtful} frames do not match their checksums")
            )
            parts.append(f"{frames}: a number there may be wrong")
        if self.missing > self.damaged:
            parts.append(f"{self.missing - self.damaged} lines are missing")
        if self.stopped:
            parts.append(f"the rest cannot be read: {self.stopped}")
        elif self.torn:
            parts.append("its last line is cut off")
        elif not self.closed:
            parts.append("it was not closed properly")
        if not parts:
            return ""
        return "; ".join(parts) if self.entered else f"{self.records} records are good; {'; '.join(parts)}"


class Reading:
    """Iterates over the records of one file, the header first. Holds the file open: close it, or use ``with``."""

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self.outcome = Outcome()
        self._lines = Lines(self.path)
        try:
            self.lines = iter(self._lines)
            """What has not been read yet, as lines."""
            self.compressed = self._lines.compressed
            self._migration, self.header = self._read_header()
        except TraceError:
            self._lines.close()
            raise
        self._vetter = Vetter(self.header.t_ns)
        self._records = self._read()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def __iter__(self) -> Iterator[AnyRecord]:
        return self._records

    def close(self) -> None:
        """Close the file; a second call does nothing."""
        self._lines.close()

    def enter(self, at: int, skip: int = 0) -> None:
        """Go on reading at another place, see :class:`~loopscope.trace.lines.Lines`; no header comes there.

        Raises:
            TraceError: the file cannot be read any more.
        """
        self._lines.close()
        self._lines = Lines(self.path, at, skip)
        self.lines = iter(self._lines)
        self.outcome = Outcome(last_ns=self.header.t_ns, entered=True)
        self._records = self._read()

    @property
    def next_raw(self) -> int:
        """Where the next line begins: bytes of lines since the place where reading began."""
        return self._lines.next_raw

    @property
    def torn(self) -> bool:
        """The line handed out last had no end."""
        return self._lines.torn

    @property
    def raw_bytes(self) -> int:
        """How many bytes of lines have been read so far, after decompression."""
        return self._lines.raw_bytes

    def _read_header(self) -> tuple[Migration, Header]:
        name = plain(str(self.path))
        line = next(self.lines, b"")
        try:
            peek = _peek.decode(line)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            what = "it is empty" if not (line or self._lines.oversized or self._lines.broken) else "it has no header"
            raise TraceError(f"{name} is not a loopscope trace: {what}") from error
        if peek.k != "header":
            raise TraceError(f"{name} is not a loopscope trace: its first line is no header")
        try:
            migration = Migration(peek.format)
            record = migration.record(line) if migration.needed else decode(line)
            return migration, check_header(record)
        except TraceError as error:
            raise TraceError(f"cannot read {name}: {error}") from error

    def _read(self) -> Iterator[AnyRecord]:
        outcome = self.outcome
        if not outcome.entered:
            outcome.records, outcome.last_ns = 1, self.header.t_ns
            yield self.header
        gaps = damaged = 0
        for line in self.lines:
            try:
                record = self._migration.record(line) if self._migration.needed else decode(line)
                record = self._vetter.check(record)
            except TraceError as error:
                if self._lines.torn:
                    outcome.torn = True
                else:
                    self._damage(str(error))
                continue
            if isinstance(record, Header):
                outcome.stopped = "another trace begins here"
                break
            if outcome.closed:
                self._damage("a line after the trailer")
                continue
            if self._lines.gaps > gaps or outcome.damaged > damaged:
                yield self._loss(record.t_ns, self._lines.gaps - gaps, outcome.damaged - damaged)
                gaps, damaged = self._lines.gaps, outcome.damaged
            if isinstance(record, Trailer):
                outcome.closed = True
                outcome.missing = 0 if outcome.entered else max(0, record.lines - outcome.records)
            outcome.records += 1
            outcome.last_ns = max(outcome.last_ns, record.t_ns)
            yield record
        outcome.gaps, outcome.gap_bytes, outcome.doubtful = (
            self._lines.gaps,
            self._lines.gap_bytes,
            self._lines.doubtful,
        )
        outcome.damaged += self._lines.oversized
        if self._lines.oversized and not outcome.first_damage:
            outcome.first_damage = "a line is longer than any record"
        outcome.stopped = outcome.stopped or self._lines.broken
        self.close()

    def _loss(self, t_ns: int, gaps: int, damaged: int) -> Loss:
        """Say before a record that something before it is missing."""
        outcome = self.outcome
        # Lines of several processes are not quite in the order of time.
        t_ns = max(t_ns, outcome.last_ns)
        if not gaps:
            return Loss(t_ns=t_ns, proc="session", what="lines", count=damaged, words="damaged in the file")
        outcome.gaps, outcome.gap_bytes = self._lines.gaps, self._lines.gap_bytes
        outcome.gap_ns += t_ns - outcome.last_ns
        words = f"{seconds((t_ns - outcome.last_ns) / NS_PER_S)} of the file cannot be read"
        return Loss(t_ns=t_ns, proc="session", what="frames", count=gaps, words=words)

    def _damage(self, why: str) -> None:
        self.outcome.damaged += 1
        self.outcome.first_damage = self.outcome.first_damage or plain(why, 120)


def read(path: str | Path) -> Reading:
    """Open a trace and read its header.

    Raises:
        TraceError: there is no such file, it is not a trace, or a newer loopscope wrote it.
    """
    return Reading(path)


def last_ns(path: str | Path) -> int:
    """Find the time of a trace's last record (monotonic ns) without folding it.

    A trace that was closed properly says it in its trailer, at the end of the file. One that was not is read through,
    looking at nothing but the stamps.

    Raises:
        TraceError: as :func:`read`.
    """
    with read(path) as reading:
        vetter = Vetter(reading.header.t_ns)
        last = reading.header.t_ns
        trailer = trailer_of(reading)
        if trailer is not None:
            try:
                return max(vetter.check(trailer).t_ns, last)
            except TraceError:
                pass
        for line in reading.lines:
            try:
                stamp = _stamp.decode(line).t_ns
            except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
                continue
            if last < stamp <= vetter.to_ns:
                last = stamp
        return last


def trailer_of(reading: Reading) -> Trailer | None:
    """The last line, if it is a trailer; in a compressed file it stands in a frame of its own."""
    try:
        with reading.path.open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(0, size - _TAIL_BYTES))
            tail = file.read(_TAIL_BYTES)
        if reading.compressed:
            frame = tail[max(0, tail.rfind(zstd.MAGIC)) :]
            tail = zstd.bounded().decompress(frame, _TAIL_BYTES)
        record = decode(tail.rstrip().rpartition(b"\n")[2])
    except (OSError, zstd.ZstdError, TraceError):
        return None
    return record if isinstance(record, Trailer) else None
