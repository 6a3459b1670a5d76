"""Exact quantiles of a few values."""

from collections.abc import Iterable, Sequence
from math import ceil


def exact_quantiles(values: Iterable[float], shares: Sequence[float]) -> list[float]:
    """Quantiles by nearest rank, the same definition as in :mod:`loopscope.stats.loghist`; empty when there is none."""
    ordered = sorted(values)
    if not ordered:
        return []
    return [ordered[max(ceil(share * len(ordered)), 1) - 1] for share in shares]
