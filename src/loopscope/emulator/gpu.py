"""One GPU, several servers: emulator processes tell each other through a small shared file whether they are at work.

Each process owns one slot of the file: who it is, since when it was last alive, and whether it decodes. While k of them
are at work each is slower by ``1 + (share_factor - 1) (k - 1)``. A process that died stops renewing its slot and loses
its share after ``STALE_NS``.
"""

import mmap
import os
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import perf_counter_ns

from loopscope.core.errors import InputError

SLOTS = 32
STALE_NS = 1_000_000_000
RENEW_NS = 100_000_000
"""A tenth of the stale time: nine renewals may be missed on a loaded machine."""
LOOK_NS = 1_000_000
"""The others' slots are read at most this often: a tenth of a gap at 100 tok/s, and 4 us each time."""
_SLOT = struct.Struct("=qqq")
"""pid, last renewal (ns, the clock that all processes of one boot share), at work (0 or 1)."""
_SIZE = SLOTS * _SLOT.size
NEVER = 1 << 62


class Gpu:
    """The card as this process sees it. ``factor`` is what every gap is multiplied by at the moment."""

    def __init__(self, path: Path | None = None, share_factor: float = 1.0) -> None:
        self.share_factor = share_factor
        self.factor = 1.0
        self.next_look_ns = NEVER
        """When a stream must :meth:`look`; far away while nothing runs here or sharing costs nothing."""
        self.at_work = False
        self.others_at_work = 0
        self.others = 0
        self._map: mmap.mmap | None = None
        self._slot = -1
        self._renewed_ns = 0
        if path is not None:
            try:
                self._join(path)
            except OSError as error:
                raise InputError(f"cannot share a GPU through {path}: {error.strerror or error}") from error

    def _join(self, path: Path) -> None:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | getattr(os, "O_CLOEXEC", 0), 0o600)
        try:
            with _locked(descriptor):
                if os.fstat(descriptor).st_size < _SIZE:
                    os.ftruncate(descriptor, _SIZE)
                self._map = mmap.mmap(descriptor, _SIZE)
                now = perf_counter_ns()
                for slot in range(SLOTS):
                    if not self._alive(slot, now):
                        self._slot = slot
                        self._write(now)
                        break
                else:
                    self._map.close()
                    raise InputError(f"{SLOTS} servers share {path} already")
        finally:
            os.close(descriptor)
        self.look(now)

    def _alive(self, slot: int, now: int) -> bool:
        assert self._map is not None  # noqa: S101 - only called once joined
        pid, renewed, _ = _SLOT.unpack_from(self._map, slot * _SLOT.size)
        return bool(pid != 0 and -STALE_NS < now - renewed < STALE_NS)

    def _write(self, now: int) -> None:
        assert self._map is not None  # noqa: S101 - only called once joined
        self._renewed_ns = now
        _SLOT.pack_into(self._map, self._slot * _SLOT.size, os.getpid(), now, int(self.at_work))

    def work(self, at_work: bool, now: int) -> None:
        """Return whether this server computes (prefill or decoding) from now on."""
        if at_work != self.at_work:
            self.at_work = at_work
            if self._map is not None:
                self._write(now)
            self.look(now)

    def look(self, now: int) -> None:
        """Renew our slot if it is time, read the others' and set ``factor``."""
        if self._map is None:
            return
        if now - self._renewed_ns >= RENEW_NS:
            self._write(now)
        working = others = 0
        for slot, (pid, renewed, at_work) in enumerate(_SLOT.iter_unpack(self._map)):
            if pid and slot != self._slot and -STALE_NS < now - renewed < STALE_NS:
                others += 1
                working += at_work == 1
        self.others = others
        self.others_at_work = working
        self.factor = 1.0 + (self.share_factor - 1.0) * working
        self.next_look_ns = now + LOOK_NS if self.at_work and self.share_factor != 1.0 else NEVER

    @property
    def shared(self) -> bool:
        """Whether other processes may use this card."""
        return self._map is not None

    def close(self) -> None:
        """Return the slot back."""
        if self._map is not None:
            _SLOT.pack_into(self._map, self._slot * _SLOT.size, 0, 0, 0)
            self._map.close()
            self._map = None
            self.next_look_ns = NEVER


@contextmanager
def _locked(descriptor: int) -> Iterator[None]:
    """Keep two servers that start at once from taking the same slot (where there is no flock they rarely do)."""
    try:
        import fcntl
    except ImportError:
        yield
        return
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    try:
        yield
    finally:
        fcntl.flock(descriptor, fcntl.LOCK_UN)
