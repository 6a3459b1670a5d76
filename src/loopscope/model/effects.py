"""What a pull did, figure by figure, each with an interval that counts in that neighbours in time are alike."""

from collections.abc import Iterable, Sequence
from math import inf, isfinite

import numpy as np

from loopscope.core.format import interval, number, signed
from loopscope.model.bin_history import KeptBin, boiled
from loopscope.model.bins import ClosedBin
from loopscope.model.metrics import METRICS, Need
from loopscope.model.pace import Told
from loopscope.model.snapshot import BestView, FigureChange, Figures
from loopscope.model.stretch import Stretch
from loopscope.stats.intervals import CONFIDENCE, Interval, change_of, difference_of, mean_interval
from loopscope.stats.pairs import joint

BEST = (("at_least", "at_least_chunks_s", 1), ("delay.p99", "delay_p99_ms", -1), ("tok_s.decode", "tok_s", 1))
"""The figures of which the best so far is marked."""


def kept(bins: Iterable[ClosedBin]) -> list[KeptBin]:
    """Boil bins down to what intervals are made of."""
    return [boiled(closed) for closed in bins]


def changes(
    before: Sequence[KeptBin], after: Sequence[KeptBin], told: Told, *, simulated: bool = False
) -> tuple[FigureChange, ...]:
    """Set two stretches against each other; figures that neither side has are left out. ``simulated``: the power is.

    Those that are judged hold both sides of every trade: batching makes chunks cheap and late, a throttle in the client
    fills the socket.

    The intervals of all figures hold together with 95 %: else of twelve figures every second pull would move one.
    """
    first, second = Stretch(before, told), Stretch(after, told)
    judged = [metric for metric in METRICS.values() if metric.judged]
    each = joint(CONFIDENCE, len(judged))
    found = []
    for metric in judged:
        a, b = first.interval(metric, each), second.interval(metric, each)
        if a is not None or b is not None:
            title = f"{metric.title} (SIMULATED)" if simulated and metric.needs is Need.POWER else metric.title
            found.append(change(metric.name, title, metric.unit, metric.better, a, b))
    return tuple(found)


def efficiency(before: Sequence[float], after: Sequence[float]) -> FigureChange | None:
    """Set the measured efficiency of rounds on both sides against each other; ``None``: no round was run."""
    if not before and not after:
        return None
    a, b = (_rounds(values) for values in (before, after))
    return change("efficiency", "efficiency, measured (rounds)", "share of one", 1, a, b)


def _rounds(values: Sequence[float]) -> Interval | None:
    if not values:
        return None
    found = mean_interval(values, autocorrelated=False)
    return found if found is not None else Interval(-inf, float(np.mean(values)), inf, 1.0)


def change(name: str, title: str, unit: str, better: int, a: Interval | None, b: Interval | None) -> FigureChange:
    """Say what one figure did."""
    if a is None or b is None:
        side = "before" if a is None else "after"
        return FigureChange(name, title, unit, better, a, b, None, None, f"not enough data {side}", 0)
    difference = difference_of(a, b)
    moved = change_of(a, b) if a.low > 0 and b.low > 0 else None
    judged = moved or difference
    surely = 1 if judged.low > 0 else -1 if judged.high < 0 else 0
    return FigureChange(name, title, unit, better, a, b, difference, moved, _words(judged, moved, unit, surely), surely)


def _words(judged: Interval, moved: Interval | None, unit: str, surely: int) -> str:
    if moved is not None and moved.mid > 3:
        ends = interval(moved.low + 1, moved.high + 1)
        return f"{number(moved.mid + 1)} times as much ({ends})" if surely else f"cannot tell ({ends} times as much)"
    factor, unit = (100.0, "%") if moved is not None else (1.0, unit)
    low, mid, high = (factor * value for value in (judged.low, judged.mid, judged.high))
    if not surely:
        return (
            f"cannot tell ({interval(low, high, signed)} {unit})" if isfinite(low) and isfinite(high) else "cannot tell"
        )
    near, far = sorted((abs(low), abs(high)))
    return f"{'higher' if surely > 0 else 'lower'} by {number(abs(mid))} {unit} ({interval(near, far)})"


def best(stretches: Iterable[tuple[float, str, Figures | None]]) -> tuple[BestView, ...]:
    """Give the best of some figures over stretches: when each began, by what, and what it reached."""
    known = [(t_s, words, figures) for t_s, words, figures in stretches if figures is not None]
    found = []
    for name, member, better in BEST:
        reached = [(getattr(figures, member), t_s, words) for t_s, words, figures in known]
        told = [one for one in reached if one[0] is not None]
        if told:
            value, t_s, words = max(told, key=lambda one: better * one[0])
            metric = METRICS[name]
            found.append(BestView(name, metric.title, metric.unit, float(value), t_s, words))
    return tuple(found)
