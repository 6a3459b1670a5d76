"""What loops did over some bins: all of them together, and the fullest of those that work side by side."""

from collections.abc import Mapping

from loopscope.model.bins import fullness
from loopscope.model.loop_sums import LoopSums


class LoopTotals:
    """``all`` is all loops together: times, CPU and chunks add up, its shares are means.

    Of loops that work side by side each has a share of its own: :meth:`fullest`. ``procs`` limits it to some rigs.
    """

    def __init__(self, procs: tuple[str, ...] | None = None) -> None:
        self._procs = procs
        self.all = LoopSums()
        self.each: dict[str, LoopSums] = {}
        """The loops that work side by side now, by rig; empty for one that works alone."""
        self.cores = 0
        self.count = 1
        """How many loops worked side by side, at most."""
        self._together: tuple[str, ...] = ()
        self._full = LoopSums()
        """Of each time the fullest loop."""

    def add(self, bin_loops: Mapping[str, LoopSums], serving: tuple[str, ...], cores: int) -> None:
        """Add one bin: its loops by rig, the rigs that served, the cores of the machine (0: not known)."""
        seconds, self.cores = self.all.seconds, cores or self.cores
        loops = {proc: sums for proc, sums in bin_loops.items() if self._procs is None or proc in self._procs}
        for sums in loops.values():
            self.all.add(sums)
        # Loops that work side by side do it in the same seconds.
        self.all.seconds = seconds + max((sums.seconds for sums in loops.values()), default=0.0)
        together = serving if len(serving) > 1 else ()
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

    def merge(self, other: "LoopTotals") -> None:
        """Add everything of another one."""
        self.all.add(other.all)
        self._full.add(other.fullest())
        self.cores = other.cores or self.cores
        self.count = max(self.count, other.count)

    def busy(self) -> float | None:
        """Give how full the loops are: the share of the fullest one, or of the cores that they share if that is more.

        Of loops side by side the fullest one bounds them all, and so do the cores; where it is not known how many
        these are, they count as one.
        """
        full = self.fullest()
        if full.elu_dt <= 0:
            return None
        elu = full.active / full.elu_dt
        if self.count > 1:
            elu = max(elu, self.all.active / (full.elu_dt * max(self.cores, 1)))
        return min(elu, 1.0)
