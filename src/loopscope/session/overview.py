"""The overview of a session, from its seconds; and the thread that reads a trace which does not have them."""

import contextlib
import threading
import time
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from loopscope.core.clock import NS_PER_MS, NS_PER_S
from loopscope.core.codec import decode
from loopscope.core.errors import TraceError
from loopscope.core.records import Second
from loopscope.model.freeze import freeze
from loopscope.model.snapshot import Floats, MarkView
from loopscope.session.checkpoints import EVERY_NS
from loopscope.session.source import Overview
from loopscope.session.trace_cursor import Kept, TraceCursor
from loopscope.trace.reader import read
from loopscope.trace.seconds import SecondTable
from loopscope.trace.vet import Vetter

_MOST_STEPS = 2_000
_WORK_S, _REST_S = 0.010, 0.002
"""A screen in the same process wants its turn."""
_MOST_KEPT_BYTES = 96 << 20
_SECOND = b'{"k":"second",'


def overview_of(table: SecondTable) -> Overview | None:
    """Draw it up: at most 2 000 steps of whole seconds; ``None`` while there is not one second."""
    n = min(len(table.begin_ns), len(table.chunks), len(table.lag_ns), len(table.delay_ns), len(table.elu))
    if not n:
        return None
    second = np.array(table.begin_ns[:n], dtype=np.float64) // NS_PER_S
    first, last = float(second.min()), float(second.max())
    step = int(max(1, -(-(last - first + 1) // _MOST_STEPS)))
    place = ((second - first) // step).astype(np.int64)
    steps = int(place.max()) + 1
    marks = tuple(
        MarkView((tick.t_ns - table.origin_ns) / NS_PER_S, tick.label, tick.kind)
        for tick in sorted(table.ticks[:], key=lambda tick: tick.t_ns)
    )
    return Overview(
        t_s=first + step * np.arange(steps, dtype=np.float64),
        step_s=float(step),
        chunks_s=_mean(place, table.chunks[:n], steps),
        lag_ms=_most(place, table.lag_ns[:n], steps),
        delay_ms=_most(place, table.delay_ns[:n], steps),
        elu=_mean(place, table.elu[:n], steps),
        marks=marks,
    )


def _mean(place: NDArray[np.int64], column: object, steps: int) -> Floats:
    values = np.array(column, dtype=np.float64)
    known = ~np.isnan(values)
    count = np.bincount(place[known], minlength=steps)
    total = np.bincount(place[known], weights=values[known], minlength=steps)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)


def _most(place: NDArray[np.int64], column: object, steps: int) -> Floats:
    values = np.array(column, dtype=np.float64)
    known = ~np.isnan(values)
    most = np.full(steps, -np.inf)
    np.maximum.at(most, place[known], values[known])
    return np.where(np.isinf(most), np.nan, most / NS_PER_MS)


class Scan:
    """Folds a trace in the background: its seconds for the overview, its checkpoints for seeking."""

    def __init__(self, path: Path, kept: Kept, *, only_seconds: bool = False) -> None:
        self._path = path
        self._kept = kept
        self._only_seconds = only_seconds
        self.table: SecondTable | None = None
        self.done = threading.Event()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="scan", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """End, wherever it is."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join()

    def _run(self) -> None:
        try:
            track = TraceCursor(self._path)
        except (TraceError, OSError):
            self.done.set()
            return
        try:
            if not (self._only_seconds and self._collect()):
                self._fold(track)
        except TraceError:
            pass  # whoever plays the trace meets the same, and says it
        finally:
            track.close()
            self.done.set()

    def _collect(self) -> bool:
        """Take the seconds from among the lines; ``False`` where there is none."""
        with read(self._path) as reading:
            table, vetter = SecondTable(reading.header.t_ns), Vetter(reading.header.t_ns)
            for line in reading.lines:
                if self._stop.is_set():
                    break
                if line.startswith(_SECOND):
                    with contextlib.suppress(TraceError):
                        record = vetter.check(decode(line))
                        if isinstance(record, Second):
                            table.add(record)
        if table.begin_ns:
            self.table = table
        return bool(table.begin_ns)

    def _fold(self, track: TraceCursor) -> None:
        table = self.table = SecondTable(track.origin_ns)
        track.fold.seconds.hear = table.add
        last_ns, size = track.origin_ns, 0
        while track.next is not None and not self._stop.is_set():
            until_s = time.perf_counter() + _WORK_S
            while track.next is not None and time.perf_counter() < until_s:
                track.feed()
            if track.last_ns - last_ns >= EVERY_NS and track.next is not None and size < _MOST_KEPT_BYTES:
                last_ns = track.last_ns
                try:
                    data = freeze(track.fold)
                except TraceError:
                    size = _MOST_KEPT_BYTES
                    continue
                size += len(data)
                self._kept.add(last_ns - track.origin_ns, *track.here, data)
            self._stop.wait(_REST_S)
        track.fold.seconds.end(track.fold.time.zero or 0)
