"""Time lines of several values in equal steps: the last stretch in full, the whole run coarser and coarser."""

import numpy as np

from loopscope.stats.loghist import Floats


class RecentLine:
    """The last ``size`` steps of some named values. A column a step; ``nan`` where there is none."""

    def __init__(self, size: int, names: tuple[str, ...]) -> None:
        self.names = names
        self.size = size
        self.end = 0
        """Index of the step after the newest one; step i begins at i times its length."""
        self._values: Floats = np.full((len(names), size), np.nan)
        self._held = 0

    def push(self, index: int, values: tuple[float, ...], skipped: tuple[float, ...] | None = None) -> None:
        """Append step number ``index``, which is later than all before; steps left out become ``skipped``, or ``nan``.

        Both are one value a name.
        """
        left_out = min(index - self.end, self.size - 1) if self._held else 0
        shift = left_out + 1
        self._values[:, :-shift] = self._values[:, shift:]
        self._values[:, -shift:-1] = np.nan if skipped is None else np.array(skipped)[:, None]
        self._values[:, -1] = values
        self._held = min(self._held + shift, self.size)
        self.end = index + 1

    def lines(self) -> tuple[Floats, dict[str, Floats]]:
        """Step indexes (oldest first) and the values by name."""
        part = self._values[:, self.size - self._held :].copy()
        return np.arange(self.end - self._held, self.end, dtype=np.float64), dict(zip(self.names, part, strict=True))


class WholeLine:
    """The whole run in at most ``size`` steps: when they are full, neighbours are joined and a step is twice as long.

    Each value joins its neighbour by mean (``peaks`` by maximum), leaving out ``nan``.
    """

    def __init__(self, size: int, names: tuple[str, ...], peaks: frozenset[str] = frozenset()) -> None:
        self.names = names
        self.stride = 1
        """How many of the steps pushed stand in one step kept."""
        self._size = size
        self._peak = np.array([name in peaks for name in names])
        self._sums: Floats = np.full((len(names), size), np.nan)
        self._weights: Floats = np.zeros((len(names), size))
        self._first: int | None = None
        self._used = 0

    def push(self, index: int, values: tuple[float, ...], until: int | None = None) -> None:
        """Take step number ``index`` in, and with ``until`` the same values for every step up to that."""
        if self._first is None:
            self._first = index
        last = index if until is None else until
        while (last - self._first) // self.stride >= self._size:
            self._halve()
        while index <= last:
            place = (index - self._first) // self.stride
            next_index = min(self._first + (place + 1) * self.stride, last + 1)
            self._add(place, values, next_index - index)
            index = next_index

    def _add(self, place: int, values: tuple[float, ...], weight: int) -> None:
        row = np.array(values)
        known = ~np.isnan(row)
        held = np.where(np.isnan(self._sums[:, place]), np.where(self._peak, -np.inf, 0.0), self._sums[:, place])
        joined = np.where(self._peak, np.maximum(held, row), held + row * weight)
        self._sums[known, place] = joined[known]
        self._weights[known, place] += weight
        self._used = max(self._used, place + 1)

    def lines(self) -> tuple[Floats, dict[str, Floats]]:
        """Step indexes of the beginnings (oldest first, in steps as pushed) and the values by name."""
        used = slice(0, self._used)
        weight = np.where(self._peak[:, None], 1.0, np.maximum(self._weights[:, used], 1.0))
        values = self._sums[:, used] / weight
        begin = self._first or 0
        return begin + self.stride * np.arange(self._used, dtype=np.float64), dict(zip(self.names, values, strict=True))

    def _halve(self) -> None:
        half = self._size // 2
        even, odd = self._sums[:, 0 : 2 * half : 2], self._sums[:, 1 : 2 * half : 2]
        joined = np.where(self._peak[:, None], np.fmax(even, odd), np.nansum(np.stack((even, odd)), axis=0))
        joined[np.isnan(even) & np.isnan(odd)] = np.nan
        weights = self._weights[:, 0 : 2 * half : 2] + self._weights[:, 1 : 2 * half : 2]
        self._sums[:] = np.nan
        self._weights[:] = 0
        self._sums[:, :half], self._weights[:, :half] = joined, weights
        self.stride *= 2
        self._used = (self._used + 1) // 2
