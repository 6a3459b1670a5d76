"""When a checkpoint is worth its bytes and its time: every eight seconds, and never a large part of either."""

import time

from loopscope.core.codec import MAX_LINE_BYTES, encode
from loopscope.core.errors import TraceError
from loopscope.core.records import Checkpoint
from loopscope.model.fold import Fold
from loopscope.model.freeze import fold_id, freeze

EVERY_NS = 8_000_000_000
"""Folding eight seconds takes some 0.08 s, whatever the rate, and a seek may take 0.15 s."""
_LEAST_LINES = 2.75
"""Bytes of lines between two checkpoints, for each byte of one: lines are packed to a third, it is already."""
_LEAST_REST = 100
"""Time between two, for what one took: at most 1 % of a core."""


class Checkpoints:
    """Decides, and makes them. One a session."""

    def __init__(self) -> None:
        self._bytes = 0
        self._last_ns: int | None = None
        self._size = 0
        self._cost_ns = 0
        self._made_by = fold_id()
        self._off = not self._made_by

    def line(self, size: int) -> None:
        """Count a line of so many bytes."""
        self._bytes += size

    def make(self, fold: Fold, t_ns: int) -> bytes | None:
        """Give the line of a checkpoint made at ``t_ns``, or ``None`` while none is due."""
        if self._last_ns is None:
            self._last_ns = t_ns
        rest_ns = max(EVERY_NS, _LEAST_REST * self._cost_ns)
        if self._off or t_ns - self._last_ns < rest_ns or self._bytes < _LEAST_LINES * self._size:
            return None
        begun_ns = time.thread_time_ns()
        try:
            data = freeze(fold)
        except TraceError:
            self._off = True  # a trace without checkpoints can be read; a session that breaks for them cannot
            return None
        self._cost_ns = time.thread_time_ns() - begun_ns
        self._last_ns, self._bytes, self._size = t_ns, 0, len(data)
        line = encode(Checkpoint(t_ns=t_ns, proc="session", made_by=self._made_by, data=data))
        return line if len(line) <= MAX_LINE_BYTES else None
