"""What closed bins add up to: over a window, over the stretch between two levers, over the whole run.

Figures are taken from here and from nowhere else, see :mod:`loopscope.model.metrics`. The reasons for what is absent
are part of it: how each agent's stamps were judged, what the loop's process could not measure.
"""

from collections.abc import Iterable, Mapping
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from loopscope.model.bins import AHEAD_MOST, STREAMED, ClosedBin, Kind, Sum
from loopscope.model.loop_sums import LoopSums
from loopscope.model.loop_totals import LoopTotals
from loopscope.model.pace import Col, Pace, Told
from loopscope.model.stamps import Stamps
from loopscope.stats.arrays import count_at, grown, roomy
from loopscope.stats.loghist import BUCKETS, Counts, Floats, LogHist, buckets_of

ENOUGH_S = 3.0
"""Least data behind a ceiling or a lever's effect."""


class Row(IntEnum):
    """What ratios are made of; durations in ns, ``X_DT`` is the time for which ``X`` is known."""

    SECONDS = 0
    CHUNKS = 1
    READS = 2
    GAPS = 3
    GAP_NS = 4
    DELAYS = 5
    DELAY_NS = 6
    TTFTS = 7
    TTFT_NS = 8
    ITLS = 9
    ITL_NS = 10
    REQUESTS = 11
    ERRORS = 12
    QUEUES = 13
    """Requests of which the server's own queue is known."""
    QUEUE_NS = 14
    LAGS = 15
    LAG_NS = 16
    JOULES = 17
    JOULE_CHUNKS = 18
    """Chunks in the seconds for which power is known."""
    WATTS = 19
    WATT_BINS = 20
    TOKENS = 21
    """Chunks times what their agents' finished requests say of tokens a chunk."""
    AGENT_SECONDS = 22
    """Seconds times the agents that had chunks."""
    DECODED = 23
    """Tokens that were streamed, ..."""
    DECODE_NS = 24
    """... and the time in which they were: by arrival, or by the server's word."""
    JOULE_TOKENS = 25
    LOOP_CHUNKS = 26
    """Of the loops whose pulses these are, together; times and shares below are those of the fullest one."""
    LOOP_SECONDS = 27
    BUSY_S = 28
    """Seconds for which the loop was busy, where that is known."""
    DT = 29
    ELU_DT = 30
    ACTIVE = 31
    CPU_DT = 32
    CPU_FULL = 33
    RUNQ_DT = 34
    RUNQ = 35
    GC = 36
    BACKLOG_DT = 37
    BACKLOG = 38
    """Of all loops together, as everything below."""
    CPU = 39
    CPU_CHUNKS = 40
    """Chunks of loops whose CPU is known."""
    OBSERVER = 41
    ALL_ACTIVE = 42
    ALL_ELU_DT = 43
    POWER = 44
    """Sum of the readings of whatever stands for power, ..."""
    POWER_N = 45
    """... and how many these are."""


class Hist(IntEnum):
    """Which values are counted by size."""

    GAP = 0
    SERVER_GAP = 1
    DELAY = 2
    TTFT = 3
    ITL = 4
    LAG = 5
    HANDLED = 6


_COLS = [Sum.CHUNKS, Sum.PACED, Sum.GAP_NS, Sum.EVAL_TOKENS, Sum.EVAL_NS]


class Aggregate:
    """Sums, maxima, loops, lag, power over bins, and histograms of all agents together.

    ``procs`` limits the loop's part to some rigs; not ``streamed``: histograms of chunks are :meth:`put`.
    """

    def __init__(self, procs: tuple[str, ...] | None = None, *, streamed: bool = True) -> None:
        self._procs = procs
        self._streamed = streamed
        self.seconds = 0.0
        self.chunks = 0
        self.sums: Floats = np.zeros((len(Sum), 0))
        self.most: Floats = np.zeros((len(Kind) + 1, 0))
        self.loops = LoopTotals(procs)
        self.lag = LogHist()
        self.lag_ns = 0.0
        self.handled = LogHist()
        self.watt_bins = 0
        self.watts = 0.0
        self.joules = 0.0
        self.watt_chunks = 0
        self.observer_ns = 0.0
        self.observer_dt = 0.0
        self.best_chunks_s = 0.0
        """The most that the loops carried over any one second."""
        self.told = Told()
        self.estimated = False
        """Delays are of servers on other hosts."""
        self.words: dict[str, str] = {}
        """Why signals of the loop cannot be had, by name."""
        self._pace: tuple[Told, float, Floats, Pace] | None = None
        self._counts: NDArray[np.int64] = np.zeros((len(Kind), BUCKETS), dtype=np.int64)
        self._flats: list[list[NDArray[np.int32]]] = [[] for _ in STREAMED]
        self._spans: dict[Kind, list[float]] = {Kind.TTFT: [], Kind.ITL: []}

    def add(self, closed: ClosedBin) -> None:
        """Add one bin."""
        self.seconds += closed.seconds
        self.chunks += closed.chunks
        self._add_columns(closed.sums, closed.most)
        self.loops.add(closed.loops, closed.procs, closed.cores)
        for proc, lags in closed.lags.items():
            if self._procs is None or proc in self._procs:
                self.lag.add(lags)
                self.lag_ns += float(lags.sum())
        self.handled.add(closed.handled)
        if closed.watts is not None:
            self.watt_bins += 1
            self.watts += closed.watts
            self.joules += closed.watts * closed.seconds
            self.watt_chunks += closed.chunks
        self.observer_ns += closed.observer_ns
        self.observer_dt += closed.observer_dt
        self.best_chunks_s = max(self.best_chunks_s, closed.carried_s)
        self._add_sizes(closed)

    def _add_sizes(self, closed: ClosedBin) -> None:
        for flats, flat in zip(self._flats, closed.flat, strict=True):
            if flat.size and self._streamed:
                flats.append(flat)
        # Put into buckets when somebody asks: one by one they cost more than all else here.
        for request in closed.ended:
            if request.ttft_ns is not None:
                self._spans[Kind.TTFT].append(request.ttft_ns)
            if request.itl_ns is not None:
                self._spans[Kind.ITL].append(request.itl_ns)

    def merge(self, other: "Aggregate") -> None:
        """Add everything of another one."""
        self.seconds += other.seconds
        self.chunks += other.chunks
        self._add_columns(other.sums, other.most)
        self.loops.merge(other.loops)
        self.lag.merge(other.lag)
        self.lag_ns += other.lag_ns
        self.handled.merge(other.handled)
        self.watt_bins += other.watt_bins
        self.watts += other.watts
        self.joules += other.joules
        self.watt_chunks += other.watt_chunks
        self.observer_ns += other.observer_ns
        self.observer_dt += other.observer_dt
        self.best_chunks_s = max(self.best_chunks_s, other.best_chunks_s)
        self.estimated = self.estimated or other.estimated
        self._merge_sizes(other)

    def merge_sums(self, other: "Aggregate") -> None:
        """Add only what each agent did in another one: for counts, no figure can be had of it."""
        self._add_columns(other.sums, other.most)

    def _merge_sizes(self, other: "Aggregate") -> None:
        for kind in Kind:
            self._counts[kind] += other.counts(kind)

    def settled(self) -> "Aggregate":
        """Count what was only collected: the bins themselves may go."""
        for kind in Kind:
            self.counts(kind)
        return self

    def put(self, kind: Kind, counts: NDArray[np.int64]) -> None:
        """Take over a histogram that was counted elsewhere: of a window, which slides."""
        self._counts[kind] = counts

    def counts(self, kind: Kind) -> NDArray[np.int64]:
        """Histogram of a kind over all agents."""
        found: NDArray[np.int64] = self._counts[kind]
        if kind in STREAMED:
            if flats := self._flats[kind]:
                found += np.bincount(np.concatenate(flats) % BUCKETS, minlength=BUCKETS)
                flats.clear()
        elif spans := self._spans[kind]:
            found += np.bincount(buckets_of(np.array(spans)), minlength=BUCKETS)
            spans.clear()
        return found

    def hist(self, hist: Hist) -> tuple[NDArray[np.int64], float]:
        """Counts of a histogram over all agents, and its exact maximum (ns)."""
        if hist is Hist.LAG:
            return self.lag.counts, self.lag.most_ns
        if hist is Hist.HANDLED:
            return self.handled.counts, self.handled.most_ns
        kind = Kind(hist.value)
        return self.counts(kind), float(self.most[kind].max(initial=0.0))

    def total(self, row: Sum) -> float:
        """Sum over all agents."""
        return float(self.sums[row].sum())

    def grow(self, agents: int) -> None:
        """Make room for ``agents`` agents."""
        self.sums = grown(self.sums, agents)
        self.most = grown(self.most, agents)

    def cols(self) -> Floats:
        """Give what rates of tokens are made of, (len(Col), agents)."""
        return cols_of(self.sums)

    def stamps(self, slot: int | None = None, *, estimated: bool | None = None) -> Stamps:
        """Say how stamps were judged: those of one agent, or of all."""
        if slot is not None and slot >= self.sums.shape[1]:
            return Stamps()
        sums = (self.sums.sum(axis=1) if slot is None else self.sums[:, slot]).tolist()
        most = self.most[AHEAD_MOST]
        ahead_ns = float(most.max(initial=0.0) if slot is None else most[slot])
        return stamps_of(sums, ahead_ns, estimated=self.estimated if estimated is None else estimated)

    def row(self, row: Row) -> float:
        """Give one of the sums that ratios are made of."""
        if row in SUM_ROWS:
            return self.total(SUM_ROWS[row])
        if row in LOOP_ROWS:
            return loop_row(row, self.loops, self.loops.fullest())
        if row in PACED_ROWS:
            return paced(row, *self.paced(), self.seconds)
        if row is Row.JOULE_TOKENS:
            chunks = self.total(Sum.CHUNKS)
            return self.watt_chunks * self.row(Row.TOKENS) / chunks if chunks else 0.0
        return float(getattr(self, _PLAIN[row])) if row in _PLAIN else self._counted(row)

    def paced(self) -> tuple[Floats, Pace]:
        """Return what rates of tokens are made of, and how each agent's is known; worked out once for what was told."""
        known = self._pace
        if known is None or known[0] is not self.told or known[1] != self.seconds:
            cols = self.cols()
            known = self._pace = (self.told, self.seconds, cols, Pace.of(cols, self.told))
        return known[2], known[3]

    def _counted(self, row: Row) -> float:
        if row is Row.DELAYS:
            return self.total(Sum.STAMPED) - self.total(Sum.AHEAD)
        if row is Row.LAGS:
            return float(self.lag.n)
        return float(self.counts(Kind.TTFT if row is Row.TTFTS else Kind.ITL).sum())

    def _add_columns(self, sums: Floats, most: Floats) -> None:
        agents = sums.shape[1]
        if agents:
            self.grow(agents)
            self._pace = None
            self.sums[:, :agents] += sums
            np.maximum(self.most[:, :agents], most, out=self.most[:, :agents])


_PLAIN = {
    Row.SECONDS: "seconds",
    Row.CHUNKS: "chunks",
    Row.LAG_NS: "lag_ns",
    Row.JOULES: "joules",
    Row.JOULE_CHUNKS: "watt_chunks",
    Row.WATTS: "watts",
    Row.WATT_BINS: "watt_bins",
}
SUM_ROWS = {
    Row.READS: Sum.READS,
    Row.GAPS: Sum.GAPS,
    Row.GAP_NS: Sum.GAP_NS,
    Row.DELAY_NS: Sum.DELAY_NS,
    Row.TTFT_NS: Sum.TTFT_NS,
    Row.ITL_NS: Sum.ITL_NS,
    Row.REQUESTS: Sum.REQUESTS,
    Row.ERRORS: Sum.ERRORS,
    Row.QUEUES: Sum.QUEUES,
    Row.QUEUE_NS: Sum.QUEUE_NS,
}
PACED_ROWS = frozenset({Row.TOKENS, Row.AGENT_SECONDS, Row.DECODED, Row.DECODE_NS})
LOOP_ROWS: Mapping[Row, tuple[str, bool]] = {
    Row.DT: ("dt", True),
    Row.ELU_DT: ("elu_dt", True),
    Row.ACTIVE: ("active", True),
    Row.CPU_DT: ("cpu_dt", True),
    Row.CPU_FULL: ("cpu", True),
    Row.RUNQ_DT: ("runq_dt", True),
    Row.RUNQ: ("runq", True),
    Row.GC: ("gc", True),
    Row.BACKLOG_DT: ("backlog_dt", True),
    Row.BACKLOG: ("backlog", False),
    Row.CPU: ("cpu", False),
    Row.CPU_CHUNKS: ("chunks", False),
    Row.OBSERVER: ("observer", False),
    Row.ALL_ACTIVE: ("active", False),
    Row.ALL_ELU_DT: ("elu_dt", False),
    Row.LOOP_CHUNKS: ("chunks", False),
    Row.LOOP_SECONDS: ("seconds", False),
    Row.BUSY_S: ("", False),
}
"""Which sum of the loops it is, and whether that of the fullest one; else of all together."""


def cols_of(sums: Floats) -> Floats:
    """Pick what rates of tokens are made of out of sums by :class:`Sum`: (len(Col), agents)."""
    found: Floats = sums[_COLS, :]
    return found


def loop_row(row: Row, loops: LoopTotals, full: LoopSums) -> float:
    """Give one of the sums of loops."""
    name, fullest = LOOP_ROWS[row]
    if row is Row.BUSY_S:
        return (loops.busy() or 0.0) * loops.all.seconds
    if row is Row.CPU_CHUNKS and loops.all.cpu_dt <= 0:
        return 0.0
    value: float = getattr(full if fullest else loops.all, name)
    return value


def paced(row: Row, cols: Floats, pace: Pace, seconds: float) -> float:
    """Give one of the sums that rates of tokens are made of."""
    if row is Row.TOKENS:
        return float(pace.tokens(cols).sum())
    if row is Row.AGENT_SECONDS:
        return seconds * int(np.count_nonzero((cols[Col.CHUNKS] > 0) & ~pace.told.silent))
    return float(pace.decoded(cols)[0 if row is Row.DECODED else 1].sum())


def stamps_of(sums: list[float], ahead_ns: float, *, estimated: bool = False) -> Stamps:
    """Give the judgement on stamps from sums, in the order of :class:`Sum`."""
    return Stamps(
        chunks=sums[Sum.CHUNKS],
        stamped=sums[Sum.STAMPED],
        ahead=sums[Sum.AHEAD],
        ahead_ns=ahead_ns,
        same=sums[Sum.SAME_STAMP],
        whole=sums[Sum.WHOLE],
        still=sums[Sum.STILL],
        set=sums[Sum.SET],
        estimated=estimated,
    )


class AgentAggregate(Aggregate):
    """With a histogram of every kind for each agent: ``hists`` is (len(Kind), agents or more, BUCKETS)."""

    def __init__(self) -> None:
        super().__init__()
        self.hists: Counts = np.zeros((len(Kind), 0, BUCKETS), dtype=np.int32)

    def _add_sizes(self, closed: ClosedBin) -> None:
        self._grow_hists(closed.sums.shape[1])
        for kind, flat in zip(STREAMED, closed.flat, strict=True):
            if flat.size:
                count_at(self.hists[kind].reshape(-1), flat)
        for request in closed.ended:
            for kind, value in ((Kind.TTFT, request.ttft_ns), (Kind.ITL, request.itl_ns)):
                if value is not None:
                    self.hists[kind, request.slot, buckets_of(np.array([value]))[0]] += 1

    def _merge_sizes(self, other: Aggregate) -> None:
        if isinstance(other, AgentAggregate):
            agents = other.hists.shape[1]
            self._grow_hists(agents)
            if agents:
                self.hists[:, :agents] += other.hists
        else:
            super()._merge_sizes(other)

    def counts(self, kind: Kind) -> NDArray[np.int64]:
        """Histogram of a kind over all agents."""
        found: NDArray[np.int64] = self.hists[kind].sum(axis=0, dtype=np.int64)
        found += self._counts[kind]
        return found

    def _grow_hists(self, agents: int) -> None:
        if agents > self.hists.shape[1]:
            self.hists = grown(self.hists, roomy(agents), axis=1)


def aggregate_of(bins: Iterable[ClosedBin], told: Told | None = None) -> Aggregate:
    """Add some bins up."""
    found = Aggregate()
    for closed in bins:
        found.add(closed)
    if told is not None:
        found.told = told
    return found
