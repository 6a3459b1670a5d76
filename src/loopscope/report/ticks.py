"""Round numbers at an axis: 1, 2 and 5 times a power of ten, never more than an axis can hold."""

from collections.abc import Sequence
from math import ceil, floor, isfinite, log10

MOST = 12
"""Ticks on one axis."""
_HUGE = 1e15


def nice(least: float) -> float:
    """Return the least round number that is not below."""
    least = min(max(least if isfinite(least) else _HUGE, 1e-9), _HUGE)
    power = 10.0 ** floor(log10(least))
    return next(power * factor for factor in (1, 2, 5, 10) if power * factor >= least * 0.999)


def linear(low: float, high: float, about: int = 6) -> list[float]:
    """Return round numbers from the one at or below ``low`` to the one at or above ``high``."""
    low, high = sorted((bounded(low), bounded(high)))
    step = nice(max(high - low, abs(high) * 1e-9, 1e-9) / max(about - 1, 1))
    first = floor(low / step + 1e-6)
    last = max(ceil(high / step - 1e-6), first + 1)
    return [step * number for number in range(first, min(last, first + MOST) + 1)]


def log(low: float, high: float) -> list[float]:
    """Return round numbers within two positive values: each power of ten; also 2 and 5 where these are few."""
    low = max(bounded(low), 1e-9)
    high = max(bounded(high), low)
    powers = range(floor(log10(low)), ceil(log10(high)) + 1)
    every = max(1, ceil(len(powers) / MOST))
    fine: Sequence[int] = (1, 2, 5) if len(powers) <= 3 else (1,)
    found = [factor * 10.0**power for power in powers[::every] for factor in fine]
    return [value for value in found if low * 0.999 <= value <= high * 1.001]


def bounded(value: float) -> float:
    """Return the value within what an axis can show."""
    return min(max(value if isfinite(value) else 0.0, -_HUGE), _HUGE)
