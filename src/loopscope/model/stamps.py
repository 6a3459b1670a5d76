"""Whether a server's stamps may be used: judged once, where records become rows, and told from counts everywhere.

A delivery delay is received - sent, so it is worth what the stamp is worth. Stamps are refused chunk by chunk when they
are whole seconds, when they do not move while chunks come, and from the moment on at which the server's clock was set.
Stamps that lie ahead of our clock are counted. What is left over of a stretch of time says whether it has a delay.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from loopscope.core.clock import NS_PER_MS, NS_PER_S
from loopscope.core.format import share, time
from loopscope.stats.arrays import grown, roomy
from loopscope.stats.loghist import Floats

ESTIMATED = "estimated: the server is on another host, so these are delays above the least one so far"

WHOLE, STILL, SET = 1, 2, 3
"""Why the stamp of a chunk is refused; 0: it is not."""
SET_NS = 20.0 * NS_PER_MS
"""A clock that jumps by less is not told from clocks that are read one after the other."""
APART_NS = 2.0 * NS_PER_MS
"""Chunks that are received further apart than that were not sent at once: their stamps must differ."""
SAME_NS = 1_000.0
"""Stamps that differ by less are the same: over two records the anchors add some 100 ns."""
STILL_NS = 0.5 * NS_PER_S
"""A stamp that stands for longer than that, while chunks come, is no moment of sending. Shorter: stamps in bursts."""
_MOST_WEIGHED = 64.0

_LEAST_SEEN = 20
"""Chunks of an agent before a stamp ahead of our clock is a jump: until then its clock may just be ahead."""

Codes = NDArray[np.int8]
Mask = NDArray[np.bool_]
Slots = NDArray[np.int16]


class StampJudge:
    """What is known of each agent's stamps so far, by slot."""

    def __init__(self) -> None:
        self._set: Mask = np.zeros(0, dtype=np.bool_)
        self._still: Mask = np.zeros(0, dtype=np.bool_)
        self._ahead: Mask = np.zeros(0, dtype=np.bool_)
        self._apart: Floats = np.zeros(0)
        """Neighbours that were received apart, ..."""
        self._same: Floats = np.zeros(0)
        """... and those of them with the same stamp; the latest weigh most."""
        self._stood: Floats = np.zeros(0)
        """For how long the last stamp has been the same (ns)."""
        self._odd = False
        """Stamps are refused, or may be soon."""

    def grow(self, slots: int) -> None:
        """Make room for ``slots`` agents."""
        if self._set.size < slots:
            room = roomy(slots)
            self._set, self._still, self._ahead = (grown(one, room) for one in (self._set, self._still, self._ahead))
            self._apart, self._same, self._stood = (grown(one, room) for one in (self._apart, self._same, self._stood))

    def judge(
        self, slot: Slots, elapsed: Floats, moved: Floats, delay: Floats, before: Floats, seen: NDArray[np.int64]
    ) -> Codes | None:
        """Say of each chunk why its stamp is refused; ``None``: none is.

        ``elapsed`` and ``moved`` are the time since the agent's chunk before on our clock and on the server's,
        ``before`` the delay of that one, ``seen`` how many chunks each agent has had. Chunks stand agent by agent, in
        the order of receipt.
        """
        # Two looks at the least values: nearly always there is nothing to judge.
        if not (self._odd or np.fmin.reduce(moved) < SAME_NS or np.fmin.reduce(delay) < -SET_NS):
            return None
        back = (moved < -SET_NS) & (elapsed >= 0)
        ahead = delay < -SET_NS
        stays = np.abs(moved) < SAME_NS
        self._weigh(slot, stays, elapsed, (elapsed > APART_NS) & ~np.isnan(moved))
        codes: Codes = np.where(self._still[slot], np.int8(STILL), np.int8(0))
        codes[self._set[slot]] = SET
        forth = ahead & (before > -SET_NS / 2) & ~self._ahead[slot] & (seen[slot] >= _LEAST_SEEN)
        for place in np.flatnonzero(back | forth).tolist():
            # From the jump on, not before it: what was stamped until then is as good as ever.
            codes[place:][slot[place:] == slot[place]] = SET
            self._set[slot[place]] = True
        self._ahead[slot[ahead]] = True
        codes[np.isnan(delay)] = 0
        self._odd = bool(self._set.any() or self._still.any() or self._stood.any())
        return codes if codes.any() else None

    def _weigh(self, slot: Slots, stays: Mask, elapsed: Floats, apart: Mask) -> None:
        """Count neighbours with the same stamp, and for how long it has stood."""
        size = self._set.size
        self._apart += np.bincount(slot[apart], minlength=size)
        self._same += np.bincount(slot[stays & apart], minlength=size)
        fading = np.maximum(self._apart / _MOST_WEIGHED, 1.0)
        self._apart /= fading
        self._same /= fading
        # Of each chunk the time since the first one with its stamp: elapsed times added up from there.
        head = np.ones(slot.size, dtype=np.bool_)
        np.not_equal(slot[1:], slot[:-1], out=head[1:])
        begin = np.maximum.accumulate(np.where(~stays | head, np.arange(slot.size), 0))
        added = np.cumsum(np.where(stays, elapsed, 0.0))
        at_begin = np.where(stays[begin], self._stood[slot] + elapsed[begin], 0.0)
        stood = at_begin + added - added[begin]
        long = slot[stood >= STILL_NS]
        self._still[long] = True
        self._still &= self._same * 2 > self._apart
        last = np.append(head[1:], True)
        self._stood[slot[last]] = stood[last]


@dataclass(frozen=True, slots=True)
class Stamps:
    """How the stamps of some chunks were judged: counts, and what follows from them."""

    chunks: float = 0.0
    stamped: float = 0.0
    """With a stamp that was not refused; those ahead of our clock are among them."""
    ahead: float = 0.0
    ahead_ns: float = 0.0
    """By how much at least."""
    same: float = 0.0
    """With the stamp of the chunk before."""
    whole: float = 0.0
    still: float = 0.0
    set: float = 0.0
    estimated: bool = False
    """Of a server on another host, whose clock is not ours: delays are above the least one so far."""

    @property
    def usable(self) -> bool:
        """Whether most of the stamps may be used: else a delivery delay would be an invention."""
        told = self.stamped + self.whole + self.still + self.set
        return 0 < told <= 2 * (self.stamped - self.ahead)

    @property
    def moving(self) -> bool:
        """Whether most of the stamps may be set against each other, also where the server's clock is ahead of ours."""
        return 0 < self.stamped >= self.whole + self.still + self.set

    @property
    def reason(self) -> str:
        """Why there is no delivery delay; empty where there is one, or where there are no chunks."""
        if not self.chunks or self.usable:
            return ""
        told = (
            (self.whole, "whole seconds: the server's stamps have no fraction"),
            (self.still, "the server's stamps do not move while chunks come"),
            (self.set, "the server's clock was set: its stamps jumped"),
            (self.ahead, f"server clock ahead by at least {time(self.ahead_ns / NS_PER_MS)}"),
        )
        most, words = max(told, key=lambda one: one[0])
        return words if most else "no stamp"

    @property
    def note(self) -> str:
        """What is odd about a delivery delay that there is; empty when all is well."""
        if not self.usable:
            return ""
        refused = self.whole + self.still + self.set
        if self.ahead * 100 > self.stamped:
            part, by = share(self.ahead / self.stamped), time(self.ahead_ns / NS_PER_MS)
            return f"{part} of the stamps are ahead of our clock, by up to {by}"
        if refused * 100 > self.stamped:
            return f"{share(refused / (self.stamped + refused))} of the stamps are not used: {self._refused()}"
        if self.same * 2 > self.stamped:
            return f"stamps in bursts: {share(self.same / self.stamped)} of the chunks have the stamp of the one before"
        return ESTIMATED if self.estimated else ""

    def _refused(self) -> str:
        told = (
            (self.whole, "whole seconds"),
            (self.still, "they do not move"),
            (self.set, "the server's clock was set"),
        )
        return max(told)[1]

    @property
    def words(self) -> str:
        """The reason, or the note."""
        return self.reason or self.note
