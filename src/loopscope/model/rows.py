"""From one ``Chunks`` record to its chunks: who, when, gap, server gap, delay. Vectorised; refuses what cannot be."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from loopscope.core.clock import NS_PER_S
from loopscope.core.records import Chunks
from loopscope.model.agents import AgentTable
from loopscope.stats.arrays import grown
from loopscope.stats.loghist import Floats

Ints = NDArray[np.int64]
Mask = NDArray[np.bool_]

_NONE = np.int64(-(1 << 62))
_HOUR_NS = 3_600 * NS_PER_S
_DAY_NS = 86_400.0 * NS_PER_S
_MOST_ROWS = 1 << 20
"""More than fit on one line of the wire."""


class Carry:
    """The last chunk of each agent's request under way, for the gap that ends in the next record. Places are slots."""

    def __init__(self) -> None:
        self.recv: Ints = np.empty(0, dtype=np.int64)
        self.delay: Floats = np.empty(0)

    def forget(self) -> None:
        """Records are missing here: what comes next has no neighbour that is known."""
        self.recv[:], self.delay[:] = _NONE, np.nan

    def grow(self, slots: int) -> None:
        """Make room for ``slots`` agents."""
        self.recv = grown(self.recv, slots, fill=_NONE)
        self.delay = grown(self.delay, slots, fill=np.nan)


@dataclass(frozen=True, slots=True, eq=False)
class Rows:
    """Chunks, grouped by agent, in the order of receipt. Columns of equal length, times in ns."""

    slot: NDArray[np.int16]
    recv: Ints
    """Received, since zero."""
    gap: Floats
    """To the previous chunk of the same request; ``nan`` for the first."""
    server_gap: Floats
    """The same on the server's clock; ``nan`` where a stamp is missing."""
    delay: Floats
    """Delivery delay; ``nan`` without a stamp, below zero when the server's clock is ahead."""
    handled: Floats
    """From received to handled."""
    read: Mask
    """Whether it is the first chunk of its read."""

    def part(self, mask: Mask) -> "Rows":
        """Give the chunks where ``mask`` is true."""
        return Rows(
            self.slot[mask],
            self.recv[mask],
            self.gap[mask],
            self.server_gap[mask],
            self.delay[mask],
            self.handled[mask],
            self.read[mask],
        )


def rows_of(record: Chunks, t: int, zero: int, agents: AgentTable, carry: Carry) -> tuple[Rows | None, int]:
    """Give the chunks of a record made at ``t`` (ns since zero), and how many of its rows were refused."""
    n = len(record.agent)
    if not n:
        return None, 0
    if n > _MOST_ROWS or not n == len(record.recv) == len(record.delay) == len(record.handled):
        return None, n
    try:
        ids = np.array(record.agent, dtype=np.int64)
        deltas = np.array(record.recv, dtype=np.int64)
        base = np.int64(record.base_ns - zero)
        delay = np.array(record.delay, dtype=np.float64)
        handled = np.array(record.handled, dtype=np.float64)
        first = _mask(record.first, n)
    except (OverflowError, TypeError, ValueError):
        return None, n
    if deltas.max() > _HOUR_NS or deltas.min() < -_HOUR_NS or abs(int(base)) > 1 << 60:
        return None, n
    recv = base + np.cumsum(deltas)
    if record.whole:
        delay[np.isin(ids, [agent for agent in record.whole[:_MOST_ROWS] if 0 <= agent < 1 << 31])] = np.nan
    slots = agents.slots(ids)
    good = (slots >= 0) & (recv <= t + NS_PER_S) & (recv >= t - _HOUR_NS)
    refused = n - int(np.count_nonzero(good))
    if refused:
        slots, recv, delay, handled = slots[good], recv[good], delay[good], handled[good]
        first = first[good]
        if refused == n:
            return None, n
    delay[np.abs(delay) > _DAY_NS] = np.nan
    carry.grow(len(agents.all))
    order = np.argsort(slots, kind="stable")
    rows, backwards = _grouped(slots[order], recv[order], delay[order], handled[order], first[order], carry)
    return rows, refused + backwards


def _mask(indexes: list[int], n: int) -> Mask:
    mask = np.zeros(n, dtype=np.bool_)
    if indexes:
        place = np.array(indexes, dtype=np.int64)
        mask[place[(place >= 0) & (place < n)]] = True
    return mask


def _grouped(
    slot: NDArray[np.int16], recv: Ints, delay: Floats, handled: Floats, first: Mask, carry: Carry
) -> tuple[Rows, int]:
    """Find neighbours in rows sorted by slot, and count gaps that run backwards."""
    n = slot.size
    edge = np.ones(n + 1, dtype=np.bool_)
    np.not_equal(slot[1:], slot[:-1], out=edge[1:n])
    head, last = edge[:n], edge[1:]
    before_recv, before_delay = np.empty_like(recv), np.empty_like(delay)
    before_recv[1:], before_delay[1:] = recv[:-1], delay[:-1]
    before_recv[head], before_delay[head] = carry.recv[slot[head]], carry.delay[slot[head]]
    follows = ~first & (before_recv != _NONE)
    gap = np.where(follows, (recv - before_recv).astype(np.float64), np.nan)
    server_gap = np.maximum(gap - (delay - before_delay), 0.0)
    backwards = gap < 0
    lost = int(np.count_nonzero(backwards))
    if lost:
        gap[backwards] = server_gap[backwards] = np.nan
    read = ~(gap == 0)

    carry.recv[slot[last]], carry.delay[slot[last]] = recv[last], delay[last]
    return Rows(slot, recv, gap, server_gap, delay, np.minimum(np.maximum(handled, 0.0), _DAY_NS), read), lost
