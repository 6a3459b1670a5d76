"""Delivery delays of servers on other hosts: their clocks are not ours, only what comes on top of the least is known.

The least delay so far stands for clock offset and network; what is left is called estimated wherever it is shown.
"""

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from loopscope.model.rows import Rows
from loopscope.stats.arrays import grown, roomy


class Estimate:
    """The least delay of each agent so far (ns), by slot."""

    def __init__(self) -> None:
        self._least: NDArray[np.float64] = np.empty(0)

    def apply(self, rows: Rows, remote: Iterable[int]) -> None:
        """Replace the delays of the slots in ``remote`` by what they are above the running minimum."""
        self._least = grown(self._least, roomy(int(rows.slot.max()) + 1), fill=np.inf)
        for slot in remote:
            here = np.flatnonzero((rows.slot == slot) & ~np.isnan(rows.delay))
            if here.size:
                delay = rows.delay[here]
                least = np.minimum.accumulate(np.minimum(delay, self._least[slot]))
                rows.delay[here] = delay - least
                self._least[slot] = least[-1]
