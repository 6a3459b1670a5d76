"""The last three seconds: what the rules of the findings look at."""

from itertools import islice

import numpy as np

from loopscope.core.clock import NS_PER_MS
from loopscope.model.aggregate import Aggregate, Hist
from loopscope.model.bins import ClosedBin, Kind, Sum
from loopscope.model.figure import value
from loopscope.model.loop_stack import loop_stack
from loopscope.model.quantiles import in_ms, of_hist, ratio, share
from loopscope.model.snapshot import Quantiles, Recent
from loopscope.model.window import RECENT_BINS, Window
from loopscope.stats.loghist import BUCKETS, MIDDLE_NS

_ENOUGH_READS = 3
"""Of one agent: one read may bring all that waited while its program did something else."""


def recent(window: Window, procs: tuple[str, ...]) -> Recent:
    """Sum up the newest bins, for the loops of ``procs``: shares are those of the fullest one."""
    bins = list(islice(window.bins, max(len(window.bins) - RECENT_BINS, 0), None))
    totals = Aggregate(procs)
    for closed in bins:
        totals.add(closed)
    sums = totals.loops.fullest()
    others = max(sums.process - sums.cpu - sums.observer, 0.0)
    stamps = totals.stamps()
    least = window.least_server_gap_ns
    lump, lump_gap_ms = _lumps(bins)
    return Recent(
        seconds=totals.loops.all.seconds,
        chunks=totals.chunks,
        elu=value("elu", totals),
        cpu=value("cpu", totals),
        runq=value("runq", totals),
        gc=value("gc", totals),
        stack=loop_stack(sums),
        others=ratio(others, sums.dt) if sums.process and sums.cpu_dt else None,
        observer=ratio(sums.observer, sums.dt),
        gil_taken=share(sums.taken, sums.looks),
        lag_ms=of_hist(totals.lag),
        delay_ms=in_ms(*totals.hist(Hist.DELAY)) if stamps.usable else Quantiles(),
        waited_ms=_waited_ms(window, bins) if stamps.usable else None,
        ahead_ms=stamps.ahead_ns / NS_PER_MS if stamps.ahead * 2 > stamps.stamped else None,
        gap_ms=_mean_ms(totals, Sum.GAPS, Sum.GAP_NS),
        server_gap_ms=_mean_ms(totals, Sum.SERVER_GAPS, Sum.SERVER_GAP_NS),
        gap_p50_ms=value("gap.p50", totals),
        server_gap_p50_ms=in_ms(*totals.hist(Hist.SERVER_GAP)).p50,
        server_gap_least_ms=None if least is None else least / NS_PER_MS,
        server_gap_max_ms=totals.hist(Hist.SERVER_GAP)[1] / NS_PER_MS if totals.total(Sum.SERVER_GAPS) else None,
        lump=lump,
        lump_gap_ms=lump_gap_ms,
    )


def _lumps(bins: list[ClosedBin]) -> tuple[float | None, float | None]:
    """Chunks a read of the agent with the most, and the mean time between its reads (ms)."""
    if not bins:
        return None, None
    agents = max(closed.sums.shape[1] for closed in bins)
    sums = np.zeros((len(Sum), agents))
    for closed in bins:
        sums[:, : closed.sums.shape[1]] += closed.sums
    reads = sums[Sum.READS]
    # The first read of a request follows no other: what is not a gap among its chunks is such a first one.
    between = reads - (sums[Sum.CHUNKS] - sums[Sum.GAPS])
    told = (reads >= _ENOUGH_READS) & (between > 0)
    if not told.any():
        return None, None
    lumps = np.where(told, sums[Sum.CHUNKS] / np.maximum(reads, 1), 0)
    slot = int(np.argmax(lumps))
    return float(lumps[slot]), float(sums[Sum.GAP_NS, slot] / between[slot] / NS_PER_MS)


def _mean_ms(totals: Aggregate, count: Sum, total_ns: Sum) -> float | None:
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
