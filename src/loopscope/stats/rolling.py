"""A window that slides over histograms of many rows by adding the newest tick and subtracting the oldest."""

from collections import deque

import numpy as np
from numpy.typing import NDArray

from loopscope.stats.arrays import count_at, grown, roomy
from loopscope.stats.loghist import BUCKETS, Counts


class RollingCounts:
    """Bucket counts of at least ``rows`` rows over the last ``ticks`` ticks.

    Each tick keeps the flat indexes (row * BUCKETS + bucket) that it added, 4 bytes a value, so leaving the window
    costs as much as entering it, whatever the number of rows.
    """

    def __init__(self, ticks: int, rows: int = 1) -> None:
        self.ticks = ticks
        self.counts: Counts = np.zeros((rows, BUCKETS), dtype=np.int32)
        self._entered: deque[NDArray[np.int32]] = deque()

    def clear(self) -> None:
        """Let everything leave at once."""
        self._entered.clear()
        self.counts[:] = 0

    def push(self, flat: NDArray[np.int32], rows: int) -> None:
        """Let one tick enter (flat indexes of its values; ``rows`` rows exist by now) and the oldest one leave."""
        if rows > self.counts.shape[0]:
            self.counts = grown(self.counts, roomy(rows), axis=0)
        count_at(self.counts.reshape(-1), flat)
        self._entered.append(flat)
        if len(self._entered) > self.ticks:
            count_at(self.counts.reshape(-1), self._entered.popleft(), -1)
