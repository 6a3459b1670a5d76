"""One figure over several runs."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean, stdev

import numpy as np

from loopscope.stats.intervals import Interval, mean_interval


@dataclass(frozen=True, slots=True)
class Over:
    """``n`` values: their mean with its interval, standard deviation, coefficient of variation, least and most."""

    n: int
    mean: float
    sd: float | None
    cv: float | None
    least: float
    most: float
    interval: Interval | None


def over(values: Sequence[float]) -> Over:
    """Give mean, spread and interval of at least one value; the values are independent of each other."""
    mean = fmean(values)
    sd = stdev(values) if len(values) > 1 else None
    return Over(
        n=len(values),
        mean=mean,
        sd=sd,
        cv=sd / abs(mean) if sd is not None and mean else None,
        least=min(values),
        most=max(values),
        interval=mean_interval(np.array(values), autocorrelated=False),
    )


def mean_of_all(values: Sequence[float | None]) -> float | None:
    """Give the mean; ``None`` where one of the values is not known, or there is none."""
    known = [value for value in values if value is not None]
    return fmean(known) if known and len(known) == len(values) else None
