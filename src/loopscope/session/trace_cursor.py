"""One trace being folded, which can be moved to any moment: back to the nearest checkpoint, and on from there.

What is shown at a moment is what playing to it shows: a checkpoint is the fold itself, and every record behind it is
folded. Checkpoints of a file are hints. One that does not fit is left out, and if a fold that came out of a file ever
fails, none of that file is trusted any more.
"""

import bisect
from collections.abc import Callable
from pathlib import Path

from loopscope.core.errors import TraceError
from loopscope.core.records import AnyRecord, Checkpoint, Trailer
from loopscope.model.fold import Fold
from loopscope.model.freeze import fold_id, thaw
from loopscope.model.snapshot import Snapshot
from loopscope.trace.index import Index, checkpoint_at, index_of
from loopscope.trace.reader import Outcome, Reading, read

Places = list[tuple[int, int]]
_AHEAD_NS = 2_000_000_000
"""A checkpoint that is so little ahead of the fold costs more than folding on."""


_TRIED = 8
"""Checkpoints that are tried before folding goes on from where it is."""


class InconsistentStateError(Exception):
    """A fold that came out of a file failed: what the file's checkpoints say cannot be true."""


class Kept:
    """Checkpoints held in memory: moment, place, bytes of lines to leave out there, the fold as bytes."""

    def __init__(self) -> None:
        self._items: list[tuple[int, int, int, bytes]] = []

    def add(self, t_ns: int, at: int, skip: int, data: bytes) -> None:
        """Keep one; moments come in order."""
        self._items.append((t_ns, at, skip, data))

    def before(self, t_ns: int) -> tuple[int, int, int, bytes] | None:
        """Give the latest one that is not after a moment."""
        items = self._items
        place = bisect.bisect_right(items, t_ns, key=lambda item: item[0])
        return items[place - 1] if place else None


class TraceCursor:
    """``places`` gives the checkpoints of a file that is still being written. Not for several threads at once, but for
    :attr:`kept`, to which another thread may add.

    Raises:
        TraceError: the file cannot be opened.
    """

    def __init__(
        self, path: Path, new_fold: Callable[[], Fold] = Fold, places: Callable[[], Places] | None = None
    ) -> None:
        self.path = path
        self._new_fold = new_fold
        self.growing = places is not None
        self._reading: Reading = read(path)
        self.header = self._reading.header
        self.origin_ns = self.header.t_ns
        self.index = Index() if self.growing else index_of(self._reading)
        self._places = places or (lambda: self.index.places)
        self._refused: set[tuple[int, int]] = set()
        self._trusted = fold_id() != ""
        self._borrowed = False
        self.kept = Kept()
        self._begun()

    def _begun(self) -> None:
        self._records = iter(self._reading)
        self.fold, self._borrowed, self.last_ns = self._new_fold(), False, self.origin_ns
        self._base = (0, 0)
        """A place in the file, and the bytes of lines before it since reading began."""
        self.next = self._take()
        """The record that comes next; ``None`` at the end."""

    @property
    def outcome(self) -> Outcome:
        """How reading went since the trace was last entered."""
        return self._reading.outcome

    @property
    def here(self) -> tuple[int, int]:
        """Where the next record stands: a place in the file, and bytes of lines to leave out there."""
        at, raw = self._base
        return at, self._raw - raw

    def close(self) -> None:
        """Close the file."""
        self._reading.close()

    def usable(self) -> bool:
        """Say whether the file has checkpoints, and of this very code."""
        places = self._places()
        found = checkpoint_at(self._reading, *places[0]) if places and self._trusted else None
        return found is not None and found.made_by == fold_id()

    def feed(self) -> None:
        """Fold the next record. Raises InconsistentStateError."""
        record = self.next
        if isinstance(record, Checkpoint):
            self._rebase(record)
        elif record is not None:
            self.last_ns = max(self.last_ns, record.t_ns)
            # The trailer speaks of the file, and of a moment at which the session had ended: live, nothing folded it.
            if not isinstance(record, Trailer):
                try:
                    self.fold.feed(record)
                except Exception as error:
                    self._failed(error)
        self.next = self._take()

    def snapshot(self, t_ns: int) -> Snapshot:
        """Give what there is at a moment (ns since the header). Raises InconsistentStateError."""
        try:
            return self.fold.snapshot(self.origin_ns + t_ns)
        except Exception as error:
            self._failed(error)
            raise

    def seek(self, t_ns: int, from_ns: int) -> int:
        """Get as near before a moment as can be had at once; the fold is at ``from_ns`` now. Gives where it is then.

        Raises:
            TraceError: the file cannot be read any more; the fold stays as it is.
        """
        for found_ns, at, skip, data in self._candidates(t_ns):
            if from_ns <= t_ns and found_ns <= from_ns + _AHEAD_NS:
                return from_ns
            held = data if data is not None else self._data(found_ns, at)
            try:
                fold = thaw(held, self.header, self._new_fold)
            except TraceError:
                if not self.growing:  # there it may only be on its way to the disk
                    self._refused.add((found_ns, at))
                continue
            self._enter(at, skip)
            self.fold, self._borrowed = fold, data is None
            return found_ns
        if from_ns <= t_ns:
            return from_ns
        self.begin()
        return 0

    def begin(self, *, distrust: bool = False) -> None:
        """Begin anew. Raises TraceError when the file cannot be read any more; the fold stays as it is then."""
        self._trusted = self._trusted and not distrust
        reading = read(self.path)
        self._reading.close()
        self._reading = reading
        self._begun()

    def more(self) -> None:
        """At the end: look for what has been written since. Raises TraceError."""
        at, raw = self._base
        self._enter(at, self._reading.next_raw - raw)

    def _enter(self, at: int, skip: int) -> None:
        self._reading.enter(at, skip)
        self._base = (at, 0)
        self._records = iter(self._reading)
        self.next = self._take()

    def _take(self) -> AnyRecord | None:
        self._raw = self._reading.next_raw
        record = next(self._records, None)
        return None if self.growing and self._reading.torn else record

    def _rebase(self, record: Checkpoint) -> None:
        """A checkpoint is a place from which to count: what comes next is near it."""
        if self.outcome.damaged or self.outcome.gaps:
            return
        places = self._places()
        t_ns = record.t_ns - self.origin_ns
        found = bisect.bisect_left(places, (t_ns, 0))
        if found < len(places) and places[found][0] == t_ns:
            self._base = (places[found][1], self._raw)

    def _candidates(self, t_ns: int) -> list[tuple[int, int, int, bytes | None]]:
        found: list[tuple[int, int, int, bytes | None]] = []
        if self._trusted:
            places = self._places()
            end = bisect.bisect_right(places, (t_ns, 1 << 62))
            good = [place for place in places[max(0, end - _TRIED) : end] if place not in self._refused]
            found += [(at_ns, at, 0, None) for at_ns, at in good]
        kept = self.kept.before(t_ns)
        if kept is not None:
            found.append(kept)
        return sorted(found, key=lambda item: -item[0])

    def _data(self, t_ns: int, at: int) -> bytes:
        checkpoint = checkpoint_at(self._reading, t_ns, at)
        if checkpoint is None:
            return b""
        if checkpoint.made_by != fold_id():
            self._trusted = False
            return b""
        return checkpoint.data

    def _failed(self, error: Exception) -> None:
        if self._borrowed:
            raise InconsistentStateError from error
        raise error
