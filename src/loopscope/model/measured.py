"""A finished stretch, kept without its agents' histograms: what a summary says of it."""

from dataclasses import dataclass

import numpy as np

from loopscope.core.clock import NS_PER_MS
from loopscope.model.aggregate import AgentAggregate, Aggregate, Hist
from loopscope.model.bins import Kind
from loopscope.model.quantiles import SHARES, above, in_ms
from loopscope.model.snapshot import Quantiles
from loopscope.model.stamps import Stamps
from loopscope.stats.loghist import Floats, quantiles


@dataclass(frozen=True, slots=True, eq=False)
class Measured:
    """One stretch. ``n`` is (len(Kind), agents), ``by_agent`` (len(Kind), agents, 3) p50, p90, p99 in ns."""

    totals: Aggregate
    n: Floats
    by_agent: Floats
    waited_10ms: float | None = None
    """Share of the time in which a ready callback waited over 10 ms, over 50 ms."""
    waited_50ms: float | None = None

    def agent(self, kind: Kind, slot: int) -> Quantiles:
        """Quantiles of one agent in ms; empty for one that was not there yet, or whose stamps may not be used."""
        if slot >= self.n.shape[1] or not self.n[kind, slot]:
            return Quantiles()
        if not _known(Hist(kind), self.totals.stamps(slot)):
            return Quantiles()
        p50, p90, p99 = (self.by_agent[kind, slot] / NS_PER_MS).tolist()
        return Quantiles(int(self.n[kind, slot]), p50, p90, p99, float(self.totals.most[kind, slot]) / NS_PER_MS)

    def all(self, hist: Hist) -> Quantiles:
        """Quantiles of all agents together in ms; empty where most stamps may not be used."""
        if not _known(hist, self.totals.stamps()):
            return Quantiles()
        return in_ms(*self.totals.hist(hist))


def _known(hist: Hist, stamps: Stamps) -> bool:
    return {Hist.DELAY: stamps.usable, Hist.SERVER_GAP: stamps.moving}.get(hist, True)


def measured(aggregate: AgentAggregate) -> Measured:
    """Boil an aggregate down."""
    agents = aggregate.sums.shape[1]
    slim = Aggregate()
    slim.merge(aggregate)
    slim.told, slim.words = aggregate.told, aggregate.words
    hists = aggregate.hists[:, :agents]
    return Measured(
        totals=slim,
        n=hists.sum(axis=2, dtype=np.float64),
        by_agent=np.stack([quantiles(hists[kind], SHARES, aggregate.most[kind]) for kind in Kind]),
        waited_10ms=above(aggregate.lag, 10.0),
        waited_50ms=above(aggregate.lag, 50.0),
    )
