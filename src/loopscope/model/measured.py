"""The figures of a finished stretch, kept without its histograms: what a summary says of it."""

from dataclasses import dataclass

import numpy as np

from loopscope.core.clock import NS_PER_MS
from loopscope.model.bins import Kind
from loopscope.model.figures import SHARES, above, clocks_agree, figures, in_ms, of_hist
from loopscope.model.snapshot import Figures, Quantiles
from loopscope.model.tally import Tally, Totals, most_of
from loopscope.stats.loghist import Floats, quantiles


@dataclass(frozen=True, slots=True, eq=False)
class Measured:
    """One stretch. ``n`` is (len(Kind), agents), ``by_agent`` (len(Kind), agents, 3) p50, p90, p99 in ns."""

    totals: Totals
    n: Floats
    by_agent: Floats
    all: dict[Kind, Quantiles]
    lag: Quantiles
    handled: Quantiles
    figures: Figures
    """Its ``tok_s`` is in chunks: how many tokens a chunk holds may be known only later."""
    delay_known: bool
    waited_10ms: float | None = None
    """Share of the time in which a ready callback waited over 10 ms, over 50 ms."""
    waited_50ms: float | None = None

    def agent(self, kind: Kind, slot: int) -> Quantiles:
        """Quantiles of one agent in ms; empty for one that was not there yet."""
        if slot >= self.n.shape[1] or not self.n[kind, slot]:
            return Quantiles()
        p50, p90, p99 = (self.by_agent[kind, slot] / NS_PER_MS).tolist()
        return Quantiles(int(self.n[kind, slot]), p50, p90, p99, float(self.totals.most[kind, slot]) / NS_PER_MS)


def measured(tally: Tally) -> Measured:
    """Boil a tally down."""
    agents = tally.sums.shape[1]
    slim = Totals()
    slim.merge(tally)
    hists = tally.hists[:, :agents]
    return Measured(
        totals=slim,
        n=hists.sum(axis=2, dtype=np.float64),
        by_agent=np.stack([quantiles(hists[kind], SHARES, tally.most[kind]) for kind in Kind]),
        all={kind: in_ms(tally.counts(kind), most_of(tally, kind)) for kind in Kind},
        lag=of_hist(tally.lag),
        handled=of_hist(tally.handled),
        figures=figures(tally, tally.counts(Kind.GAP), tally.counts(Kind.DELAY), 1.0),
        delay_known=clocks_agree(tally),
        waited_10ms=above(tally.lag, 10.0),
        waited_50ms=above(tally.lag, 50.0),
    )
