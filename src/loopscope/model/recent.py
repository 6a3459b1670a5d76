"""The last three seconds: what the rules of the findings look at."""

from itertools import islice

import numpy as np

from loopscope.core.clock import NS_PER_MS
from loopscope.model.bins import ClosedBin, Kind, Sum
from loopscope.model.figures import clocks_agree, in_ms, of_hist, ratio, share
from loopscope.model.loop_stack import loop_stack
from loopscope.model.snapshot import Quantiles, Recent
from loopscope.model.tally import Totals, ahead_of, counts_of, most_of
from loopscope.model.window import RECENT_BINS, Window
from loopscope.stats.loghist import BUCKETS, MIDDLE_NS


def recent(window: Window, procs: tuple[str, ...]) -> Recent:
    """Sum up the newest bins, for the loops of ``procs``: shares are those of the fullest one."""
    bins = list(islice(window.bins, max(len(window.bins) - RECENT_BINS, 0), None))
    totals = Totals(procs)
    for closed in bins:
        totals.add(closed)
    sums = totals.fullest()
    others = max(sums.process - sums.cpu - sums.observer, 0.0)
    agree = clocks_agree(totals)
    least = window.least_server_gap_ns
    return Recent(
        seconds=totals.loop.seconds,
        chunks=totals.chunks,
        elu=share(sums.active, sums.elu_dt),
        cpu=ratio(sums.cpu, sums.cpu_dt),
        runq=ratio(sums.runq, sums.runq_dt),
        gc=ratio(sums.gc, sums.dt),
        stack=loop_stack(sums),
        others=ratio(others, sums.dt) if sums.process and sums.cpu_dt else None,
        observer=ratio(sums.observer, sums.dt),
        gil_taken=share(sums.taken, sums.looks),
        lag_ms=of_hist(totals.lag),
        delay_ms=in_ms(counts_of(bins, Kind.DELAY), most_of(totals, Kind.DELAY)) if agree else Quantiles(),
        waited_ms=_waited_ms(window, bins) if agree else None,
        ahead_ms=None if agree else ahead_of(totals) / NS_PER_MS,
        gap_ms=_mean_ms(totals, Sum.GAPS, Sum.GAP_NS),
        server_gap_ms=_mean_ms(totals, Sum.SERVER_GAPS, Sum.SERVER_GAP_NS),
        gap_p50_ms=in_ms(counts_of(bins, Kind.GAP), most_of(totals, Kind.GAP)).p50,
        server_gap_p50_ms=in_ms(counts_of(bins, Kind.SERVER_GAP), most_of(totals, Kind.SERVER_GAP)).p50,
        server_gap_least_ms=None if least is None else least / NS_PER_MS,
        server_gap_max_ms=most_of(totals, Kind.SERVER_GAP) / NS_PER_MS if totals.total(Sum.SERVER_GAPS) else None,
    )


def _mean_ms(totals: Totals, count: Sum, total_ns: Sum) -> float | None:
    mean = ratio(totals.total(total_ns), totals.total(count))
    return None if mean is None else mean / NS_PER_MS


def _waited_ms(window: Window, bins: list[ClosedBin]) -> float | None:
    flats = [closed.flat[Kind.DELAY] for closed in bins if closed.flat[Kind.DELAY].size]
    if not flats:
        return None
    flat = np.concatenate(flats)
    # The last bucket has no middle: what waited longer than two minutes counts as that.
    middle = np.minimum(MIDDLE_NS, MIDDLE_NS[-2])
    waited = middle[flat % BUCKETS] - middle[np.minimum(window.least_delay[flat // BUCKETS], BUCKETS - 1)]
    return float(np.median(waited)) / NS_PER_MS
