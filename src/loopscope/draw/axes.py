"""Axes of charts: where a value stands on a logarithmic one, and which of 1, 2 and 5 have room for their label."""

import math
from collections.abc import Callable
from dataclasses import dataclass

_STEPS = ((1,), (5,), (2,))
"""Powers of ten first, then their halves, then their fifths: the ticks that divide a decade most evenly."""


@dataclass(frozen=True, slots=True)
class LogAxis:
    """A logarithmic axis from ``low`` to ``high`` over so many cells."""

    low: float
    high: float
    cells: int

    def at(self, value: float) -> int:
        """Return the cell of a value; the first or the last one where it lies beyond."""
        if not value > 0:
            return 0
        share = math.log(value / self.low) / math.log(self.high / self.low)
        return min(self.cells - 1, max(0, int(share * self.cells)))

    def ticks(self) -> list[float]:
        """Return every 1, 2 and 5 on the axis, powers of ten first, then fives, then twos."""
        found = []
        first, last = math.floor(math.log10(self.low)), math.ceil(math.log10(self.high))
        for steps in _STEPS:
            for power in range(first, last + 1):
                values = (step * 10.0**power for step in steps)
                found += [v for v in values if self.low * 0.999 <= v <= self.high * 1.001]
        return found

    def labels(self, say: Callable[[float], str]) -> list[tuple[int, int, str]]:
        """Return (cell, first cell of the label, label) of those ticks whose labels do not touch, from the left."""
        placed: list[tuple[int, int, str]] = []
        for value in self.ticks():
            cell, text = self.at(value), say(value)
            start = min(max(0, cell - len(text) // 2), self.cells - len(text))
            if start >= 0 and all(start > b + len(t) or start + len(text) < b for _, b, t in placed):
                placed.append((cell, start, text))
        return sorted(placed)


def around(values: list[float], room: float = 1.25) -> tuple[float, float]:
    """Return ends of an axis that holds all values, with some room beyond them."""
    low, high = min(values) / room, max(values) * room
    return (low, high) if high > low * 2 else (low / 1.5, high * 1.5)
