"""How sure a difference between two settings is that were tried in turn, A-B-B-A: one difference a pair.

Turning the order round in every second pair takes a steady drift out of the mean. What is left of a slow noise, and a
process that two neighbouring pairs share (the second half of one pair and the first of the next are one visit), makes
neighbouring differences alike, and too few of them are there to estimate by how much. So the worst case counts.
"""

import math

from numpy.typing import ArrayLike

from loopscope.stats.intervals import CONFIDENCE, Interval, mean_interval

ALIKE_AT_ONCE = 0.125
"""Correlation of neighbouring differences that noise of any length can cause: rho (1 - rho) / 2, at its largest."""
ALIKE_BY_VISIT = 0.5
"""The same where each visit has a level of its own (a process of its own) and nothing else scatters."""
LEAST_PAIRS = 3


def widening(pairs: int, alike: float) -> float:
    """By how much an interval must be wider when neighbouring differences are so much alike: exact for the variance."""
    shared = 2 * alike / pairs
    return math.sqrt((1 + (pairs - 1) * shared) / (1 - shared))


def pairs_interval(
    differences: ArrayLike, confidence: float = CONFIDENCE, *, alike: float = ALIKE_AT_ONCE
) -> Interval | None:
    """Give the mean difference (second - first) of pairs; ``None`` for fewer than three of them."""
    found = mean_interval(differences, confidence, autocorrelated=False)
    if found is None or found.n_effective < LEAST_PAIRS:
        return None
    factor = widening(int(found.n_effective), alike)
    low, high = found.mid - factor * (found.mid - found.low), found.mid + factor * (found.high - found.mid)
    return Interval(low, found.mid, high, found.n_effective)


def joint(confidence: float, figures: int) -> float:
    """Confidence that each of so many figures needs, so that all intervals together hold with ``confidence``."""
    return 1 - (1 - confidence) / max(figures, 1)
