"""What closed bins add up to: over a window, over the stretch between two levers, over the whole run."""

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from loopscope.model.bins import AHEAD_MOST, STREAMED, ClosedBin, Kind, Sum, fullness
from loopscope.model.loop_sums import LoopSums
from loopscope.stats.arrays import count_at, grown, roomy
from loopscope.stats.loghist import BUCKETS, Counts, Floats, LogHist, buckets_of


class Totals:
    """Sums, maxima, loop, lag, power. Cheap: no histogram an agent. ``procs`` limits the loop's part to some rigs.

    ``loop`` is all loops together: times, CPU and chunks add up, its shares are means. Of loops that work side by side
    each has a share of its own: :meth:`fullest`.
    """

    def __init__(self, procs: tuple[str, ...] | None = None) -> None:
        self._procs = procs
        self.each: dict[str, LoopSums] = {}
        """The loops that work side by side now, by rig; empty for one that works alone."""
        self.cores = 0
        self.count = 1
        """How many loops worked side by side, at most."""
        self._together: tuple[str, ...] = ()
        self._full = LoopSums()
        """Of each time the fullest loop."""
        self.seconds = 0.0
        self.chunks = 0
        self.sums: Floats = np.zeros((len(Sum), 0))
        self.most: Floats = np.zeros((len(Kind) + 1, 0))
        self.loop = LoopSums()
        self.lag = LogHist()
        self.handled = LogHist()
        self.watt_bins = 0
        self.watts = 0.0
        self.observer_ns = 0.0
        self.observer_dt = 0.0

    def add(self, closed: ClosedBin) -> None:
        """Add one bin."""
        self.seconds += closed.seconds
        self.chunks += closed.chunks
        self._add_columns(closed.sums, closed.most)
        self._add_loops(closed)
        for proc, lags in closed.lags.items():
            if self._procs is None or proc in self._procs:
                self.lag.add(lags)
        self.handled.add(closed.handled)
        if closed.watts is not None:
            self.watt_bins += 1
            self.watts += closed.watts
        self.observer_ns += closed.observer_ns
        self.observer_dt += closed.observer_dt

    def _add_loops(self, closed: ClosedBin) -> None:
        seconds, self.cores = self.loop.seconds, closed.cores or self.cores
        loops = {proc: sums for proc, sums in closed.loops.items() if self._procs is None or proc in self._procs}
        for sums in loops.values():
            self.loop.add(sums)
        # Loops that work side by side do it in the same seconds.
        self.loop.seconds = seconds + max((sums.seconds for sums in loops.values()), default=0.0)
        together = closed.procs if len(closed.procs) > 1 else ()
        self.count = max(self.count, len(together))
        if together != self._together:
            self._full.add(self.fullest_now())
            self.each, self._together = {}, together
        for proc, sums in loops.items():
            if proc in together:
                self.each.setdefault(proc, LoopSums()).add(sums)
            elif not together:
                self._full.add(sums)

    def fullest_now(self) -> LoopSums:
        """Give the fullest of the loops that work side by side; empty sums where one works alone."""
        return max(self.each.values(), key=fullness, default=None) or LoopSums()

    def fullest(self) -> LoopSums:
        """Give the sums of the loop that is the fullest; over several levers, of each time's fullest."""
        if not self.each and not self._together:
            return self._full
        full = LoopSums()
        full.add(self._full)
        full.add(self.fullest_now())
        return full

    def merge(self, other: "Totals") -> None:
        """Add everything of another one."""
        self.seconds += other.seconds
        self.chunks += other.chunks
        self._add_columns(other.sums, other.most)
        self.loop.add(other.loop)
        self._full.add(other.fullest())
        self.cores = other.cores or self.cores
        self.count = max(self.count, other.count)
        self.lag.merge(other.lag)
        self.handled.merge(other.handled)
        self.watt_bins += other.watt_bins
        self.watts += other.watts
        self.observer_ns += other.observer_ns
        self.observer_dt += other.observer_dt

    def total(self, row: Sum) -> float:
        """Sum over all agents."""
        return float(self.sums[row].sum())

    def grow(self, agents: int) -> None:
        """Make room for ``agents`` agents."""
        self.sums = grown(self.sums, agents)
        self.most = grown(self.most, agents)

    def _add_columns(self, sums: Floats, most: Floats) -> None:
        agents = sums.shape[1]
        if agents:
            self.grow(agents)
            self.sums[:, :agents] += sums
            np.maximum(self.most[:, :agents], most, out=self.most[:, :agents])


class Tally(Totals):
    """Totals and, for each agent, a histogram of every kind: ``hists`` is (len(Kind), agents or more, BUCKETS)."""

    def __init__(self) -> None:
        super().__init__()
        self.hists: Counts = np.zeros((len(Kind), 0, BUCKETS), dtype=np.int32)

    def add(self, closed: ClosedBin) -> None:
        """Add one bin."""
        super().add(closed)
        self._grow_hists(closed.sums.shape[1])
        for kind, flat in zip(STREAMED, closed.flat, strict=True):
            if flat.size:
                count_at(self.hists[kind].reshape(-1), flat)
        for request in closed.ended:
            for kind, value in ((Kind.TTFT, request.ttft_ns), (Kind.ITL, request.itl_ns)):
                if value is not None:
                    self.hists[kind, request.slot, buckets_of(np.array([value]))[0]] += 1

    def merge(self, other: Totals) -> None:
        """Add everything of another one."""
        super().merge(other)
        if isinstance(other, Tally):
            self._add_hists(other)

    def merge_counts(self, other: "Tally") -> None:
        """Add what each agent did in another one, but not its time, loop and power: rates and shares stay."""
        self._add_columns(other.sums, other.most)
        self.handled.merge(other.handled)
        self._add_hists(other)

    def counts(self, kind: Kind) -> NDArray[np.int64]:
        """One histogram of all agents together."""
        total: NDArray[np.int64] = self.hists[kind].sum(axis=0, dtype=np.int64)
        return total

    def _add_hists(self, other: "Tally") -> None:
        agents = other.hists.shape[1]
        self._grow_hists(agents)
        self.hists[:, :agents] += other.hists

    def _grow_hists(self, agents: int) -> None:
        if agents > self.hists.shape[1]:
            self.hists = grown(self.hists, roomy(agents), axis=1)


def counts_of(bins: Iterable[ClosedBin], kind: Kind) -> NDArray[np.int64]:
    """Histogram of a streamed kind over some bins, all agents together."""
    flats = [closed.flat[kind] for closed in bins]
    flat = np.concatenate(flats) if flats else np.empty(0, dtype=np.int32)
    return np.bincount(flat % BUCKETS, minlength=BUCKETS)


def most_of(totals: Totals, kind: Kind) -> float:
    """Exact maximum of a kind over all agents (ns; 0 when there is none)."""
    return float(totals.most[kind].max(initial=0.0))


def ahead_of(totals: Totals) -> float:
    """By how much a server's clock is ahead of ours, at least (ns)."""
    return float(totals.most[AHEAD_MOST].max(initial=0.0))
