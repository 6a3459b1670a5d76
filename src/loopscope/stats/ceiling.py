"""The ceiling as arithmetic: what a wake-up, a read and a chunk cost, where the loop is full, where it falls behind.

A client pays for a wake-up of its loop first, for a read second, for a chunk last; a busier loop wakes less often for
each chunk. So costs are fitted on loads of many kinds at once, and what is not explained is told.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from loopscope.stats.intervals import Interval

FULL = 0.95
"""ELU from which a loop counts as full."""
KEPT_UP = 0.99
"""Delivered / offered from which a client keeps up."""
GROWS_MS_S = 5.0
"""A delay that surely grows by more keeps growing: 0.5 % of what is sent is not taken."""

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Load:
    """What was seen at one load, of one shape. Rates in chunks/s, all streams together; shares in [0, 1]."""

    streams: int
    offered: float
    """What the server says it sent."""
    delivered: float
    elu: float | None = None
    cpu_us: float | None = None
    """CPU of the loop's thread per chunk."""
    turns: float | None = None
    """Turns of the loop per chunk."""
    reads: float | None = None
    """Reads per chunk."""
    runq: float | None = None
    """Share of the time in which the loop's thread waited for a core."""
    delay_p50_ms: float | None = None
    delay_p99_ms: float | None = None


@dataclass(frozen=True, slots=True)
class Costs:
    """CPU in us of one wake-up, one read, one chunk, as fitted; ``error`` is the typical relative miss."""

    wakeup_us: float
    read_us: float
    chunk_us: float
    error: float
    loads: int

    def us(self, turns: float, reads: float) -> float:
        """CPU in us per chunk at so many turns and reads per chunk."""
        return self.wakeup_us * turns + self.read_us * reads + self.chunk_us


def fit_costs(loads: Iterable[Load]) -> Costs | None:
    """Fit the three costs, none below zero, so that relative misses are least; ``None`` with fewer than three loads."""
    rows = [
        (load.turns, load.reads, 1.0, load.cpu_us)
        for load in loads
        if load.cpu_us and load.cpu_us > 0 and load.turns is not None and load.reads is not None
    ]
    if len(rows) < 3:
        return None
    table = np.array(rows, dtype=np.float64)
    scaled = table[:, :3] / table[:, 3:]
    found = _nonnegative(scaled)
    error = float(np.sqrt(np.mean((scaled @ found - 1.0) ** 2)))
    return Costs(float(found[0]), float(found[1]), float(found[2]), error, len(rows))


def _nonnegative(rows: Floats) -> Floats:
    """Least squares of ``rows @ x = 1`` with x >= 0: with three unknowns every set of those above zero is tried."""
    ones = np.ones(rows.shape[0])
    best, least = np.zeros(rows.shape[1]), float(rows.shape[0])
    # What hardly ever happened costs nothing that could be seen.
    seen = [place for place in range(rows.shape[1]) if rows[:, place].max() > 1e-9 * rows.max()]
    for count in range(1, len(seen) + 1):
        for chosen in combinations(seen, count):
            part = rows[:, chosen]
            x = np.linalg.lstsq(part, ones, rcond=None)[0]
            if (x < 0).any():
                continue
            miss = float(((part @ x - ones) ** 2).sum())
            # A cost more must explain something: else the split would be made of noise.
            if miss < least * (1 - 1e-9) - 1e-12:
                least, best = miss, np.zeros(rows.shape[1])
                best[list(chosen)] = x
    return best


def scale_of(costs: Costs, load: Load) -> float | None:
    """How much dearer chunks are at this load than the costs say (1: the same); ``None`` where it cannot be told."""
    if not load.cpu_us or load.turns is None or load.reads is None:
        return None
    said = costs.us(load.turns, load.reads)
    return load.cpu_us / said if said > 0 else None


def rising(x: Sequence[float], y: Sequence[float]) -> tuple[Floats, Floats]:
    """Give points in the order of ``x``, their ``y`` made to never fall (pool adjacent violators)."""
    order = np.argsort(np.asarray(x, dtype=np.float64), kind="stable")
    blocks: list[list[float]] = []  # mean, weight
    for value in np.asarray(y, dtype=np.float64)[order]:
        blocks.append([float(value), 1.0])
        while len(blocks) > 1 and blocks[-2][0] > blocks[-1][0]:
            mean, weight = blocks.pop()
            before = blocks[-1]
            before[0] = (before[0] * before[1] + mean * weight) / (before[1] + weight)
            before[1] += weight
    level = np.concatenate([np.full(int(weight), mean) for mean, weight in blocks]) if blocks else np.empty(0)
    return np.asarray(x, dtype=np.float64)[order], level


def at_rate(loads: Iterable[Load], what: str, rate: float) -> float | None:
    """Read one figure off the curve at a delivered rate, between its points on a logarithmic scale of the rate.

    ``None`` beyond the points.
    """
    known = [(load.delivered, getattr(load, what)) for load in loads]
    points = sorted((x, y) for x, y in known if x > 0 and y is not None)
    if not points or rate <= 0 or not points[0][0] * 0.999 <= rate <= points[-1][0] * 1.001:
        return None
    x, y = np.array(points).T
    return float(np.interp(math.log(rate), np.log(x), y))


def full_point(loads: Iterable[Load]) -> Interval | None:
    """The rate at which ELU reaches :data:`FULL`; its interval ends at the loads next to it.

    ``None`` when no load was that full, or none less.
    """
    points = [(load.delivered, load.elu) for load in loads if load.elu is not None and load.delivered > 0]
    if len(points) < 2:
        return None
    x, y = rising([point[0] for point in points], [point[1] for point in points])
    if y[-1] < FULL or y[0] >= FULL:
        return None
    above = int(np.argmax(y >= FULL))
    low, high = float(x[above - 1]), float(x[above])
    share = (FULL - y[above - 1]) / max(float(y[above] - y[above - 1]), 1e-12)
    return Interval(low, low * (high / low) ** float(share), high, float(len(points)))


def bracket(
    kept: Sequence[float], fell: Sequence[float], noise: float = 0.0, guess: float | None = None
) -> Interval | None:
    """The hard ceiling from rates at which a client kept up and rates at which it fell behind.

    Where they contradict each other (a disturbed machine), the interval spans the contradiction; ``noise`` is the
    relative uncertainty of a rate and widens it. ``guess`` is another estimate of the ceiling, for the middle. The
    upper end is infinite when nothing fell behind; ``None`` when nothing kept up.
    """
    if not kept:
        return None
    best = max(kept)
    if not fell:
        return Interval(best * (1 - noise), best, math.inf, float(len(kept)))
    surely = [rate for rate in kept if rate < min(fell)]
    low = max(surely) if surely else min(*kept, *fell)
    beyond = [rate for rate in fell if rate > best]
    high = min(beyond) if beyond else max(*fell, best)
    mid = math.sqrt(best * high) if guess is None else min(max(guess, low), high)
    return Interval(low * (1 - noise), mid, high * (1 + noise), float(len(kept) + len(fell)))


def saturation(costs: Costs, streams: int, chunks_per_read: float) -> float:
    """Chunks/s that the costs alone allow, once every wake-up finds every stream with a full read waiting."""
    each = costs.chunk_us + costs.read_us / chunks_per_read + costs.wakeup_us / (streams * chunks_per_read)
    return 1e6 / each if each > 0 else math.inf


def between(known: dict[int, Interval], streams: int) -> Interval | None:
    """An interval for a number of streams, from those for other numbers: between them on logarithmic scales.

    Outside of what is known the nearest one is taken, and widened by a tenth for each doubling beyond.
    """
    if not known or streams < 1:
        return None
    numbers = sorted(known)
    nearest = min(max(streams, numbers[0]), numbers[-1])
    above = next(n for n in numbers if n >= nearest)
    below = max((n for n in numbers if n <= nearest), default=above)
    share = 0.0 if above == below else math.log(nearest / below) / math.log(above / below)
    first, second = known[below], known[above]
    far = abs(math.log2(streams / nearest)) / 10

    def mix(a: float, b: float) -> float:
        return math.inf if math.inf in (a, b) else a ** (1 - share) * b**share

    low, mid, high = mix(first.low, second.low), mix(first.mid, second.mid), mix(first.high, second.high)
    return Interval(low / (1 + far), mid, high * (1 + far), min(first.n_effective, second.n_effective))


@dataclass(frozen=True, slots=True)
class Trend:
    """How a delay moves: ms per second, with the standard error of that."""

    slope_ms_s: float
    error_ms_s: float
    first_ms: float
    last_ms: float

    @property
    def grows(self) -> bool:
        """It surely grows by more than :data:`GROWS_MS_S`."""
        return self.slope_ms_s - 2 * self.error_ms_s > GROWS_MS_S

    @property
    def open(self) -> bool:
        """It may grow: a longer look would tell."""
        return not self.grows and self.slope_ms_s > GROWS_MS_S


def trend(t_s: Floats, ms: Floats, step_s: float = 0.1) -> Trend | None:
    """Give the trend of delays over time, from the medians of steps; ``None`` with fewer than five steps of data."""
    if t_s.size == 0:
        return None
    place = np.floor((t_s - t_s.min()) / step_s).astype(np.int64)
    middles = [(float(at) * step_s, float(np.median(ms[place == at]))) for at in np.unique(place)]
    if len(middles) < 5:
        return None
    x, y = np.array(middles).T
    x = x - x.mean()
    slope = float(x @ (y - y.mean()) / (x @ x))
    rest = y - y.mean() - slope * x
    # Neighbouring steps are alike (one backlog), so there are fewer independent ones than there are steps: a third.
    free = max(x.size / 3 - 1, 1.0)
    error = math.sqrt(float(rest @ rest) / free / float(x @ x))
    edge = max(1, x.size // 5)
    return Trend(slope, error, float(np.median(y[:edge])), float(np.median(y[-edge:])))
