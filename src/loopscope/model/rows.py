"""From one ``Chunks`` record to its chunks: who, when, gap, server gap, delay. Vectorised; refuses what cannot be."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from loopscope.core.clock import NS_PER_S
from loopscope.core.records import Chunks
from loopscope.model.agents import AgentTable
from loopscope.model.stamps import WHOLE, Codes, StampJudge
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
        self.opening: Mask = np.empty(0, dtype=np.bool_)
        """It came in the first read of its request."""
        self.stamps = StampJudge()

    def forget(self) -> None:
        """Records are missing here: what comes next has no neighbour that is known."""
        self.recv[:], self.delay[:] = _NONE, np.nan

    def grow(self, slots: int) -> None:
        """Make room for ``slots`` agents."""
        self.stamps.grow(slots)
        self.recv = grown(self.recv, slots, fill=_NONE)
        self.opening = grown(self.opening, slots)
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
    opening: Mask | None = None
    """Whether it came with others in the first read of its request, and after the first of them: no time passed in
    which it was streamed. ``None``: none is."""
    refused: Codes | None = None
    """Why its stamp may not be used, see :mod:`loopscope.model.stamps`; ``None``: none is refused."""

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
            None if self.opening is None else self.opening[mask],
            None if self.refused is None else self.refused[mask],
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
    # Slots of agents all of whose stamps are whole seconds: no delay can be told from them.
    whole = [agent for agent in record.whole[:_MOST_ROWS] if 0 <= agent < 1 << 31]
    coarse = agents.slots(np.array(whole, dtype=np.int64)) if whole else None
    seen = agents.counted()
    return _grouped(slots[order], recv[order], delay[order], handled[order], first[order], carry, coarse, seen, refused)


def _mask(indexes: list[int], n: int) -> Mask:
    mask = np.zeros(n, dtype=np.bool_)
    if indexes:
        place = np.array(indexes, dtype=np.int64)
        mask[place[(place >= 0) & (place < n)]] = True
    return mask


def _grouped(
    slot: NDArray[np.int16],
    recv: Ints,
    delay: Floats,
    handled: Floats,
    first: Mask,
    carry: Carry,
    coarse: NDArray[np.int16] | None,
    seen: Ints,
    lost: int,
) -> tuple[Rows, int]:
    """Find neighbours in rows sorted by slot, judge their stamps, and count gaps that run backwards."""
    n = slot.size
    edge = np.ones(n + 1, dtype=np.bool_)
    np.not_equal(slot[1:], slot[:-1], out=edge[1:n])
    head, last = edge[:n], edge[1:]
    before_recv, before_delay = np.empty_like(recv), np.empty_like(delay)
    before_recv[1:], before_delay[1:] = recv[:-1], delay[:-1]
    before_recv[head], before_delay[head] = carry.recv[slot[head]], carry.delay[slot[head]]
    known = before_recv != _NONE
    elapsed = np.where(known, (recv - before_recv).astype(np.float64), np.nan)
    follows = ~first & known
    gap = elapsed if follows.all() else np.where(follows, elapsed, np.nan)
    moved = elapsed - (delay - before_delay)
    refused = carry.stamps.judge(slot, elapsed, moved, delay, before_delay, seen)
    moved = np.maximum(moved, 0.0)
    if gap is not elapsed:
        moved[~follows] = np.nan
    last_delay = delay[last]
    if coarse is not None:
        refused = np.zeros(n, dtype=np.int8) if refused is None else refused
        refused[np.isin(slot, coarse) & ~np.isnan(delay)] = WHOLE
    if refused is not None:
        moved[refused != 0] = delay[refused != 0] = np.nan
    backwards = gap < 0
    wrong = int(np.count_nonzero(backwards))
    if wrong:
        gap[backwards] = moved[backwards] = np.nan
    read = ~(gap == 0)
    opening = _opening(slot, first, read, head, last, carry)
    carry.recv[slot[last]], carry.delay[slot[last]] = recv[last], last_delay
    handled = np.minimum(np.maximum(handled, 0.0), _DAY_NS)
    return Rows(slot, recv, gap, moved, delay, handled, read, opening, refused), lost + wrong


def _opening(slot: NDArray[np.int16], first: Mask, read: Mask, head: Mask, last: Mask, carry: Carry) -> Mask | None:
    """Find the chunks that came with the first one of their request, in one read."""
    if read.all():
        carry.opening[slot[last]] = first[last]
        return None
    # Of each chunk the place of the one that its read began with; of a read that goes on from before: its own.
    begin = np.maximum.accumulate(np.where(read | head, np.arange(slot.size), 0))
    within = np.where(read[begin], first[begin], carry.opening[slot])
    carry.opening[slot[last]] = within[last]
    within &= ~read
    return within if within.any() else None
