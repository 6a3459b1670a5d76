"""Time in steps of a quarter of a second: records fall into open bins, closed bins are what every figure is made of.

One grid for windows, lever effects, segments and charts, so that a chunk is in exactly one bin and a bin in exactly one
stretch: the parts always add up to the whole.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from loopscope.core.clock import NS_PER_S
from loopscope.core.records import Pulse
from loopscope.model.agents import Ended
from loopscope.model.loop_sums import LoopSums
from loopscope.model.rows import Rows
from loopscope.model.stamps import SAME_NS, SET, STILL, WHOLE
from loopscope.stats.loghist import BUCKETS, Floats, buckets_of

BIN_NS = NS_PER_S // 4
BINS_PER_S = 4
SILENCE_BINS = 10 * BINS_PER_S
"""From so many empty bins on a silence is one bin: a trace costs by what it holds, not by how long it lasts (six hours
with a record every 20 s took over 90 s to fold). While a session runs, its observer speaks each second."""
_DAY_NS = 86_400.0 * NS_PER_S
_MOST_BEATS = 1 << 17


class Sum(IntEnum):
    """Rows of the sums that are kept for each agent."""

    CHUNKS = 0
    READS = 1
    """Reads that brought at least one chunk."""
    GAPS = 2
    GAP_NS = 3
    STAMPED = 4
    """Chunks with a server stamp that may be used."""
    AHEAD = 5
    """Chunks stamped later than they arrived: the server's clock is ahead."""
    REQUESTS = 6
    ERRORS = 7
    TAKEN = 8
    TOKENS = 9
    TOLD_TOKENS = 10
    TOLD_CHUNKS = 11
    SERVER_GAPS = 12
    SERVER_GAP_NS = 13
    SAME_STAMP = 14
    """Chunks with the stamp of the chunk before them."""
    WHOLE = 15
    """Chunks whose stamp is refused: whole seconds, ..."""
    STILL = 16
    """... stamps that do not move, ..."""
    SET = 17
    """... stamps after the server's clock was set. See :mod:`loopscope.model.stamps`."""
    PACED = 18
    """Chunks that came after the first read of their request: GAP_NS is the time in which they came."""
    EVAL_TOKENS = 19
    """Tokens of finished requests, as far as the server says how long it generated, ..."""
    EVAL_NS = 20
    """... and how long."""
    DELAY_NS = 21
    """Of the chunks with a stamp that may be used, and is not ahead."""
    TTFT_NS = 22
    ITL_NS = 23
    QUEUES = 24
    """Finished requests of which the server tells all its durations, ..."""
    QUEUE_NS = 25
    """... and what is left of its total without them: the wait for a slot."""


class Kind(IntEnum):
    """Histograms that are kept for each agent, and the rows of their exact maxima."""

    GAP = 0
    SERVER_GAP = 1
    DELAY = 2
    TTFT = 3
    ITL = 4


AHEAD_MOST = len(Kind)
"""Row of the maxima that holds by how much the server's clock is ahead, at least (ns)."""
STREAMED = (Kind.GAP, Kind.SERVER_GAP, Kind.DELAY)
"""The kinds with a value for each chunk; the others have one for each request."""


@dataclass(slots=True, eq=False)
class OpenBin:
    """A bin that records still fall into."""

    index: int
    rows: list[Rows] = field(default_factory=list)
    loops: dict[str, LoopSums] = field(default_factory=dict)
    lags: dict[str, list[Floats]] = field(default_factory=dict)
    ended: list[Ended] = field(default_factory=list)
    observer_ns: float = 0.0
    observer_dt: float = 0.0
    older: dict[str, LoopSums] = field(default_factory=dict)
    """Of rigs that only finish requests: seen on the time line, in no sum."""
    older_lags: list[Floats] = field(default_factory=list)
    width: int = 1
    """How many bins it stands for: a silence is one bin, ``index`` its last."""

    def loop(self, proc: str) -> LoopSums:
        """Give the sums of one rig."""
        sums = self.loops.get(proc)
        if sums is None:
            sums = self.loops[proc] = LoopSums()
        return sums


@dataclass(frozen=True, slots=True, eq=False)
class ClosedBin:
    """A finished bin. ``sums`` is (len(Sum), agents), ``most`` (len(Kind) + 1, agents) the exact maxima in ns."""

    index: int
    seconds: float
    sums: Floats
    most: Floats
    flat: tuple[NDArray[np.int32], NDArray[np.int32], NDArray[np.int32]]
    """For each kind in ``STREAMED``: slot * BUCKETS + bucket of every value."""
    handled: Floats
    loops: dict[str, LoopSums]
    lags: dict[str, Floats]
    ended: list[Ended]
    chunks: int
    delay_most: float
    watts: float | None = None
    observer_ns: float = 0.0
    observer_dt: float = 0.0
    procs: tuple[str, ...] = ()
    """The rigs that served when it was closed, ..."""
    cores: int = 0
    """... on so many cores; 0: not known."""
    older: dict[str, LoopSums] = field(default_factory=dict)
    older_lags: list[Floats] = field(default_factory=list)
    carried_s: float = 0.0
    """Chunks that the loops which serve carried in the second that ends with it; 0: not known."""
    width: int = 1
    """How many bins it stands for, ``index`` being the last: more than one only for a silence."""

    @property
    def first(self) -> int:
        """Index of the first bin that it stands for."""
        return self.index - self.width + 1

    def fullest(self) -> LoopSums | None:
        """Give the sums of the loop with the highest share of work: of those that serve, and of those that still drain,
        as after a takeover nearly everything flows through these."""
        return max((*self.loops.values(), *self.older.values()), key=fullness, default=None)

    def heard_lags(self) -> list[Floats]:
        """Give the lags of every loop."""
        return [*self.lags.values(), *self.older_lags]


def fullness(sums: LoopSums) -> float:
    """How full a loop is: its ELU, or its CPU where that is all that is known."""
    if sums.elu_dt > 0:
        return sums.active / sums.elu_dt
    return sums.cpu / sums.cpu_dt if sums.cpu_dt > 0 else 0.0


def close(
    opened: OpenBin,
    agents: int,
    seconds: float,
    watts: float | None,
    procs: tuple[str, ...] = (),
    cores: int = 0,
    carried_s: float = 0.0,
) -> ClosedBin:
    """Finish a bin: ``agents`` agents are known, it stands for ``seconds`` s, ``procs`` serve on ``cores`` cores."""
    for loop in opened.loops.values():
        loop.seconds = seconds
    lags = {proc: np.concatenate(parts) for proc, parts in opened.lags.items()}
    if not opened.rows and not opened.ended:
        return ClosedBin(
            opened.index,
            seconds,
            _NO_SUMS,
            _NO_MOST,
            (_NO_FLAT, _NO_FLAT, _NO_FLAT),
            _NO_VALUES,
            opened.loops,
            lags,
            [],
            0,
            np.nan,
            watts,
            opened.observer_ns,
            opened.observer_dt,
            procs,
            cores,
            opened.older,
            opened.older_lags,
            carried_s,
            opened.width,
        )
    sums = np.zeros((len(Sum), agents))
    most = np.zeros((len(Kind) + 1, agents))
    flats = [_NO_FLAT] * len(STREAMED)
    chunks, delay_most, handled = 0, np.nan, _NO_VALUES
    if opened.rows:
        slot = np.concatenate([rows.slot for rows in opened.rows])
        delay = np.concatenate([rows.delay for rows in opened.rows])
        gap = np.concatenate([rows.gap for rows in opened.rows])
        server_gap = np.concatenate([rows.server_gap for rows in opened.rows])
        read = np.concatenate([rows.read for rows in opened.rows])
        # In order, as the buckets below: who came when is over with the bin, and a checkpoint is half as long.
        handled = np.sort(np.concatenate([rows.handled for rows in opened.rows]))
        chunks = slot.size
        ahead = delay < 0
        has_gap = ~np.isnan(gap)
        sums[Sum.CHUNKS] = np.bincount(slot, minlength=agents)
        sums[Sum.READS] = np.bincount(slot[read], minlength=agents)
        sums[Sum.GAPS] = np.bincount(slot[has_gap], minlength=agents)
        sums[Sum.GAP_NS] = np.bincount(slot[has_gap], weights=gap[has_gap], minlength=agents)
        has_server_gap = ~np.isnan(server_gap)
        sums[Sum.SERVER_GAPS] = np.bincount(slot[has_server_gap], minlength=agents)
        sums[Sum.SERVER_GAP_NS] = np.bincount(
            slot[has_server_gap], weights=server_gap[has_server_gap], minlength=agents
        )
        sums[Sum.SAME_STAMP] = np.bincount(slot[server_gap < SAME_NS], minlength=agents)
        sums[Sum.STAMPED] = np.bincount(slot[~np.isnan(delay)], minlength=agents)
        sums[Sum.PACED] = sums[Sum.GAPS]
        for rows in opened.rows:
            _add_odd(rows, sums)
        if ahead.any():
            sums[Sum.AHEAD] = np.bincount(slot[ahead], minlength=agents)
            np.maximum.at(most[AHEAD_MOST], slot[ahead], -delay[ahead])
        for kind, values, known in (
            (Kind.GAP, gap, has_gap),
            (Kind.SERVER_GAP, server_gap, has_server_gap),
            (Kind.DELAY, delay, delay >= 0),
        ):
            who, what = slot[known], values[known]
            flats[kind] = np.sort(who.astype(np.int32) * BUCKETS + buckets_of(what))
            np.maximum.at(most[kind], who, what)
            if kind is Kind.DELAY and what.size:
                delay_most = float(what.max())
                sums[Sum.DELAY_NS] = np.bincount(who, weights=what, minlength=agents)
    for request in opened.ended:
        _add_request(request, sums, most)
    return ClosedBin(
        opened.index,
        seconds,
        sums,
        most,
        (flats[0], flats[1], flats[2]),
        handled,
        opened.loops,
        lags,
        opened.ended,
        chunks,
        delay_most,
        watts,
        opened.observer_ns,
        opened.observer_dt,
        procs,
        cores,
        opened.older,
        opened.older_lags,
        carried_s,
    )


def _add_odd(rows: Rows, sums: Floats) -> None:
    """Count what most rows have nothing of."""
    agents = sums.shape[1]
    if rows.opening is not None:
        sums[Sum.PACED] -= np.bincount(rows.slot[rows.opening], minlength=agents)
    if rows.refused is not None:
        for row, code in ((Sum.WHOLE, WHOLE), (Sum.STILL, STILL), (Sum.SET, SET)):
            sums[row] += np.bincount(rows.slot[rows.refused == code], minlength=agents)


def _add_request(request: Ended, sums: Floats, most: Floats) -> None:
    slot = request.slot
    if request.kind == "taken":
        sums[Sum.TAKEN, slot] += 1
    else:
        sums[Sum.REQUESTS, slot] += 1
        sums[Sum.ERRORS, slot] += request.kind == "error"
    sums[Sum.TOKENS, slot] += request.tokens
    sums[Sum.TOLD_TOKENS, slot] += request.told_tokens
    sums[Sum.TOLD_CHUNKS, slot] += request.told_chunks
    sums[Sum.EVAL_TOKENS, slot] += request.eval_tokens
    sums[Sum.EVAL_NS, slot] += request.eval_ns
    if request.queue_ns is not None:
        sums[Sum.QUEUES, slot] += 1
        sums[Sum.QUEUE_NS, slot] += request.queue_ns
    for kind, row, value in ((Kind.TTFT, Sum.TTFT_NS, request.ttft_ns), (Kind.ITL, Sum.ITL_NS, request.itl_ns)):
        if value is not None:
            most[kind, slot] = max(most[kind, slot], value)
            sums[row, slot] += value


def lags_of(record: Pulse, floor_ns: int | None) -> Floats:
    """Lags of a pulse in ns, above the idle floor; values that cannot be are left out."""
    if not record.lag_ns or len(record.lag_ns) > _MOST_BEATS:
        return _NO_VALUES
    try:
        values = np.array(record.lag_ns, dtype=np.float64)
    except (OverflowError, TypeError, ValueError):
        return _NO_VALUES
    values = values[np.abs(values) <= _DAY_NS]
    return np.maximum(values - (floor_ns or 0), 0.0)


class Grid:
    """The open bins. What comes after its bin was closed falls into the oldest open one, so nothing is left out."""

    def __init__(self) -> None:
        self.oldest: int | None = None
        self._open: dict[int, OpenBin] = {}

    def at(self, t: int) -> OpenBin:
        """Give the bin of a moment (ns since zero)."""
        index = t // BIN_NS
        if self.oldest is None:
            self.oldest = index
        index = max(index, self.oldest)
        found = self._open.get(index)
        if found is None:
            found = self._open[index] = OpenBin(index)
        return found

    def rows(self, rows: Rows, t: int, proc: str | None) -> None:
        """Put chunks into the bins of their receipt; ``t`` is when their record was made.

        ``proc`` is the rig whose loop they count for, ``None`` for one that drains: only the current loop's time is
        summed up, so only its chunks may be set against it.
        """
        last = self.at(t).index
        assert self.oldest is not None  # noqa: S101 - set by at()
        index = np.clip(rows.recv // BIN_NS, self.oldest, last)
        low, high = int(index.min()), int(index.max())
        for place in range(low, high + 1):
            part = rows if low == high else rows.part(index == place)
            if part.slot.size:
                found = self.at(place * BIN_NS)
                found.rows.append(part)
                if proc is not None:
                    found.loop(proc).chunks += part.slot.size

    def older(self, record: Pulse, t: int, floor_ns: int | None) -> None:
        """Take a pulse of a rig that only finishes requests, whole into its last bin."""
        last = self.at(t - 1)
        last.older.setdefault(record.proc, LoopSums()).pulse(record, 1.0)
        if (lags := lags_of(record, floor_ns)).size:
            last.older_lags.append(lags)

    def pulse(self, record: Pulse, t: int, floor_ns: int | None) -> None:
        """Spread a pulse over the bins that it covers; its lags go to the last one."""
        begin, dt = t - record.dt_ns, record.dt_ns
        last = self.at(t - 1)
        lags = lags_of(record, floor_ns)
        if lags.size:
            last.lags.setdefault(record.proc, []).append(lags)
        assert self.oldest is not None  # noqa: S101 - set by at()
        place = max(begin // BIN_NS, self.oldest)
        from_ns = begin
        while place < last.index:
            until = (place + 1) * BIN_NS
            self.at(place * BIN_NS).loop(record.proc).pulse(record, (until - from_ns) / dt)
            from_ns, place = until, place + 1
        last.loop(record.proc).pulse(record, (t - from_ns) / dt)

    def take_until(self, horizon: int, cuts: Sequence[int] = ()) -> Iterable[OpenBin]:
        """Hand out, oldest first, every bin whose time is over at ``horizon``; very long silences are left out.

        A silence is one bin (:data:`SILENCE_BINS`), but none goes across one of ``cuts``.
        """
        if self.oldest is None:
            return
        end = horizon // BIN_NS
        if end - self.oldest > _LONGEST_SILENCE:
            # A clock that leapt, a machine that slept: close what holds something, go on where the records are.
            for index in sorted(self._open):
                if index < end:
                    yield self._open.pop(index)
            self.oldest = end
            return
        while self.oldest < end:
            index = self.oldest
            if index in self._open:
                self.oldest = index + 1
                yield self._open.pop(index)
                continue
            until = min((other for other in (*self._open, *cuts) if index < other < end), default=end)
            width = (until - index) // 2 * 2
            silent = width >= SILENCE_BINS and index % 2 == 0
            self.oldest = index + (width if silent else 1)
            yield OpenBin(self.oldest - 1, width=width if silent else 1)

    def rest(self) -> Iterable[OpenBin]:
        """Hand out every bin that is still open, oldest first."""
        for index in sorted(self._open):
            yield self._open.pop(index)
            self.oldest = index + 1


_LONGEST_SILENCE = 120 * BINS_PER_S
_NO_VALUES: Floats = np.empty(0)
_NO_FLAT: NDArray[np.int32] = np.empty(0, dtype=np.int32)
_NO_SUMS: Floats = np.empty((len(Sum), 0))
_NO_MOST: Floats = np.empty((len(Kind) + 1, 0))
