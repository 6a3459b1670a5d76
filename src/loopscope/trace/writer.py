"""Write a trace: lines into a file, plain or zstd, so that whatever happens to the process the file can be read.

The path is opened when the writer is made, so that an unwritable output is known before anything starts. Nothing of an
earlier file is touched until the header comes. A file that holds something, an earlier trace too, is replaced only with
``force``: a recording cannot be made again.
"""

import contextlib
import os
import re
import stat
from pathlib import Path
from typing import Self
from urllib.parse import urlsplit, urlunsplit

import msgspec

from loopscope.core import zstd
from loopscope.core.clock import now_ns
from loopscope.core.codec import MAX_LINE_BYTES, decode, encode
from loopscope.core.errors import TraceError
from loopscope.core.records import AnyRecord, Header, Second, Trailer
from loopscope.core.text import plain
from loopscope.trace.seconds import SecondTable

FLUSH_NS = 400_000_000
"""A killed process loses what came since the last flush: twice a second was promised, 0.4 s leaves room to be late."""
_FLUSH_BYTES = 256 << 10
_FRAME_BYTES = 4 << 20
"""Lines in one zstd frame: a frame can be read without those before it, 4 MiB take some 20 ms, and smaller ones would
compress less (the first lines of a frame have nothing to refer to)."""
_LEVEL = 6
_MOST_INDEXED = 100_000
_MADE = re.compile(rb'"t_ns":(\d{1,19})')
PENDING_BYTES = 8 << 20
"""What is kept for a disk that takes nothing at the moment, before lines are refused."""
_PREFIX = b'{"k":"'
_FLAGS = getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
"""A named pipe that nobody reads becomes an error instead of a wait; Windows must not touch line ends."""


class TraceWriter:
    """One trace file being written. Not for several threads at once.

    Raises:
        TraceError: the path cannot be written to, or holds something and ``force`` is not set.
    """

    def __init__(self, path: str | Path, *, force: bool = False) -> None:
        self.path = Path(path)
        self.lines = 0
        """Lines taken, the header among them."""
        self.counts: dict[str, int] = {}
        """Lines by kind."""
        self._name = plain(str(path))
        self._created = False
        self._fd = self._open(force)
        self._raw: list[bytes] = []
        self._raw_bytes = 0
        self._frame_bytes = 0
        self._out = bytearray()
        self._drained_lines = 0
        self._taken_bytes = 0
        self._origin_ns = 0
        self._seconds = SecondTable(0)
        self._index: list[tuple[int, int]] = []
        self._flushed_ns = now_ns()
        compressing = self.path.name.endswith(".zst")
        self._compressor = zstd.checked(_LEVEL) if compressing else None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    @property
    def pending_bytes(self) -> int:
        """Bytes that the disk has not taken yet."""
        return len(self._out) + self._raw_bytes

    @property
    def waiting_lines(self) -> int:
        """Lines that are not whole on the disk (compressed: not certainly so); after :meth:`close` they are lost."""
        return self.lines - self._drained_lines if self._compressor else self._out.count(b"\n") + len(self._raw)

    @property
    def taken_bytes(self) -> int:
        """Bytes that the disk has taken."""
        return self._taken_bytes

    @property
    def index(self) -> list[tuple[int, int]]:
        """Moment (ns since the header) and place (bytes) of each checkpoint so far; a copy."""
        return self._index[:]

    def write(self, record: AnyRecord) -> None:
        """Write a record. Raises TraceError as :meth:`write_line`."""
        self.write_line(encode(record))

    def write_line(self, line: bytes) -> None:
        """Write one line that is encoded already, with its line end. The first must be the header, which is written
        without prompts and credentials.

        Raises:
            TraceError: it is no line of ours, or the disk has refused so much that there is no room left to wait in.
                The line is then lost, and nothing of it is in the file.
        """
        end = line.find(b'"', len(_PREFIX))
        if not line.startswith(_PREFIX) or not line.endswith(b"}\n") or end < 0 or len(line) > MAX_LINE_BYTES:
            raise TraceError("not a line of a trace")
        kind = line[len(_PREFIX) : end].decode("ascii", "replace")
        if (kind == "header") != (not self.lines):
            raise TraceError("a trace begins with its header, and has only one")
        if kind == "header":
            header = without_secrets(decode(line))
            line = encode(header)
            self._origin_ns = header.t_ns
            self._seconds = SecondTable(header.t_ns)
            self._truncate()
        if self.pending_bytes > PENDING_BYTES:
            self.flush()
        if kind == "second":
            self._note_second(line)
        elif kind == "checkpoint":
            self._note_checkpoint(line)
        self._take(line, kind)
        if self._raw_bytes >= _FLUSH_BYTES or now_ns() - self._flushed_ns >= FLUSH_NS:
            # The line is taken: flush() and close() tell of a disk that fails.
            with contextlib.suppress(TraceError):
                self.flush()

    def flush(self) -> None:
        """Hand everything to the operating system. What it does not take is kept, in order, for the next time.

        Raises:
            TraceError: it did not take all of it (the disk is full, the file system went away).
        """
        self._flushed_ns = now_ns()
        self._encode(end_frame=False)
        self._drain()

    def close(self) -> None:
        """Write the trailer, flush, close. A second call does nothing. Without a header no file is left behind.

        Raises:
            TraceError: the end of the file could not be written; everything before it can be read.
        """
        if self._fd < 0:
            return
        try:
            if self.lines:
                # What waits goes first: a trailer must not be the reason why a line is not there.
                self._encode(end_frame=True)
                self._drain()
                at_ns, seconds_at = now_ns(), self._taken_bytes
                for record in self._seconds.records(at_ns):
                    self._take(encode(record), "seconds")
                self._encode(end_frame=True)
                self._drain()
                trailer = Trailer(
                    t_ns=at_ns,
                    proc="session",
                    lines=self.lines,
                    counts=dict(self.counts),
                    index_ns=[t for t, _ in self._index],
                    index_at=[at for _, at in self._index],
                    seconds_at=seconds_at if self.counts.get("seconds") else 0,
                )
                self._take(encode(trailer), "trailer")
                self._encode(end_frame=True)
                self._drain()
        finally:
            os.close(self._fd)
            self._fd = -1
            if not self.lines and self._created:
                with contextlib.suppress(OSError):
                    self.path.unlink()

    def _open(self, force: bool) -> int:
        try:
            self._created = not self.path.exists()
            fd = os.open(self.path, os.O_WRONLY | os.O_CREAT | _FLAGS, 0o666)
        except (OSError, ValueError) as error:
            raise TraceError(f"cannot write {self._name}: {_why(error)}") from error
        try:
            found = os.fstat(fd)
            if stat.S_ISREG(found.st_mode):
                _lock(fd, self._name)
                if found.st_size and not force:
                    raise TraceError(f"{self._name} exists: choose another name, or replace it with --force")
            elif hasattr(os, "set_blocking"):
                os.set_blocking(fd, True)
        except TraceError:
            os.close(fd)
            raise
        return fd

    def _truncate(self) -> None:
        try:
            if stat.S_ISREG(os.fstat(self._fd).st_mode):
                os.ftruncate(self._fd, 0)
        except OSError as error:
            raise TraceError(f"cannot write {self._name}: {_why(error)}") from error

    def _note_second(self, line: bytes) -> None:
        with contextlib.suppress(TraceError):
            record = decode(line)
            if isinstance(record, Second):
                self._seconds.add(record)

    def _note_checkpoint(self, line: bytes) -> None:
        """Begin a frame with this line, so that reading can begin there."""
        made = _MADE.search(line, 0, 100)
        self._encode(end_frame=True)
        if made is not None and len(self._index) < _MOST_INDEXED:
            self._index.append((int(made[1]) - self._origin_ns, self._taken_bytes + len(self._out)))

    def _take(self, line: bytes, kind: str) -> None:
        self._raw.append(line)
        self._raw_bytes += len(line)
        self.lines += 1
        self.counts[kind] = self.counts.get(kind, 0) + 1

    def _encode(self, *, end_frame: bool) -> None:
        """Move lines from ``_raw`` to ``_out``, whole blocks of them when they are compressed."""
        data = b"".join(self._raw)
        self._raw.clear()
        self._raw_bytes = 0
        if self._compressor is None:
            self._out += data
            return
        self._frame_bytes += len(data)
        if not self._frame_bytes:
            return
        if end_frame or self._frame_bytes >= _FRAME_BYTES:
            self._out += self._compressor.compress(data, self._compressor.FLUSH_FRAME)
            self._frame_bytes = 0
        elif data:
            self._out += self._compressor.compress(data, self._compressor.FLUSH_BLOCK)

    def _drain(self) -> None:
        try:
            while self._out:
                # What a full disk still took is known to the byte, so that no line is ever written twice or in part.
                taken = os.write(self._fd, self._out)
                del self._out[:taken]
                self._taken_bytes += taken
            self._drained_lines = self.lines
        except OSError as error:
            raise TraceError(f"cannot write {self._name}: {_why(error)}") from error


def without_secrets(header: AnyRecord) -> Header:
    """Give the header with nothing that must not travel in a file: no prompts, no credentials or queries in URLs."""
    assert isinstance(header, Header)  # noqa: S101 - the line began as one
    return msgspec.structs.replace(
        header,
        agents=[msgspec.structs.replace(agent, prompt="") for agent in header.agents],
        servers=[msgspec.structs.replace(server, url=_bare_url(server.url)) for server in header.servers],
    )


def _bare_url(url: str) -> str:
    try:
        parts = urlsplit(url)
    except ValueError:
        return plain(url.rpartition("@")[2])
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))


def _why(error: OSError | ValueError) -> str:
    return (isinstance(error, OSError) and error.strerror) or str(error)


def _lock(fd: int, name: str) -> None:
    """Two sessions must not write into one file; where there are no locks, nothing is checked."""
    try:
        import fcntl
    except ImportError:
        return
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise TraceError(f"cannot write {name}: another session is recording into it") from error
    except OSError:
        pass  # a file system without locks
