"""What slides twice a second: the last ten seconds, the last minute of each agent, the time lines."""

from collections import deque
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from loopscope.model.bins import BINS_PER_S, STREAMED, ClosedBin, Kind, OpenBin, Sum, close
from loopscope.stats.arrays import grown, roomy
from loopscope.stats.loghist import BUCKETS, Floats
from loopscope.stats.rolling import RollingCounts
from loopscope.stats.timeline import RecentLine, WholeLine

WINDOW_BINS = 10 * BINS_PER_S
RECENT_BINS = 3 * BINS_PER_S
"""What findings are made of, see :class:`loopscope.model.snapshot.Recent`."""
_ENOUGH_GAPS = 50
_ENOUGH_NS = 1_000_000_000
"""Of the server's own time, within three seconds of ours."""
SPARK_S = 60
_STEP_BINS = 2
"""The window moves when that many bins are closed: at 2 Hz quantiles of 1 000 agents cost 2 % of a core, and a number
that changes more often cannot be read."""
_RECENT_STEPS = 240
_WHOLE_STEPS = 480
LINES = ("chunks_s", "elu", "lag_ms", "delay_ms")
STEP_S = _STEP_BINS / BINS_PER_S


class Window:
    """What slides. Everything here depends on closed bins only, never on when somebody looks."""

    def __init__(self) -> None:
        self.bins: deque[ClosedBin] = deque(maxlen=WINDOW_BINS)
        self.counts = tuple(RollingCounts(WINDOW_BINS) for _ in STREAMED)
        self.version = 0
        """Goes up with each move."""
        self.peak_chunks_s: float | None = None
        self.recent = RecentLine(_RECENT_STEPS, LINES)
        self.whole = WholeLine(_WHOLE_STEPS, LINES, frozenset({"lag_ms", "delay_ms"}))
        self.first_chunk: int | None = None
        """Bin of the first chunk of the session; rates begin after it, since it is not full."""
        self.first_of_agent: NDArray[np.int64] = np.empty(0, dtype=np.int64)
        """Bin of each agent's first chunk; a number beyond all bins while there is none."""
        self.last_of_agent: NDArray[np.int64] = np.empty(0, dtype=np.int64)
        """Bin of each agent's last chunk."""
        self.least_delay: NDArray[np.int32] = np.empty(0, dtype=np.int32)
        """Bucket of the least delay of each agent in the session; ``BUCKETS`` while it has none."""
        self.least_server_gap_ns: float | None = None
        """Least mean server gap of all agents over :data:`RECENT_BINS`."""
        self._waiting: list[ClosedBin] = []
        self._sparks: Floats = np.zeros((0, SPARK_S + 1))
        self._second: int | None = None

    @property
    def end(self) -> int | None:
        """Index of the bin after the newest one in the window."""
        return self.bins[-1].index + 1 if self.bins else None

    def push(self, closed: ClosedBin) -> None:
        """Take the next bin in."""
        if closed.width > 1:
            self._silence(closed)
            return
        before = self._waiting[-1].index if self._waiting else (self.bins[-1].index if self.bins else closed.index - 1)
        for index in range(max(before + 1, closed.index - WINDOW_BINS), closed.index):
            self._take(close(OpenBin(index), 0, 1 / BINS_PER_S, None))
        self._take(closed)

    def begin(self, index: int) -> None:
        """Leave the loops out of every bin before ``index``: a takeover is over, and they are of another loop."""
        for bins in (self.bins, self._waiting):
            for place, closed in enumerate(bins):
                if closed.index < index and (closed.loops or closed.lags):
                    bins[place] = replace(closed, loops={}, lags={}, older={**closed.older, **closed.loops})
        self.version += 1

    def _silence(self, closed: ClosedBin) -> None:
        """Take in a silence longer than the window, which begins and ends with a step: nothing is left of before."""
        for counts in self.counts:
            counts.clear()
        self.bins.clear()
        self.bins.extend(
            close(OpenBin(index), 0, 1 / BINS_PER_S, None)
            for index in range(closed.index + 1 - WINDOW_BINS, closed.index + 1)
        )
        self._spark(closed)
        first, last = closed.first // _STEP_BINS, closed.index // _STEP_BINS
        nothing = (0.0, *(np.nan for _ in LINES[1:]))
        self.recent.push(last, nothing, skipped=nothing)
        self.whole.push(first, nothing, until=last)
        self.version += 1

    def _take(self, closed: ClosedBin) -> None:
        self._waiting.append(closed)
        if closed.index % _STEP_BINS == _STEP_BINS - 1:
            self._move()

    def _move(self) -> None:
        pair, self._waiting = self._waiting, []
        for closed in pair:
            agents = closed.sums.shape[1]
            self.bins.append(closed)
            for counts, flat in zip(self.counts, closed.flat, strict=True):
                counts.push(flat, agents)
            if closed.chunks:
                self._first_seen(closed)
            self._spark(closed)
            self._least(closed)
        self._line(pair)
        self._calm()
        if self.first_chunk is not None and len(self.bins) >= BINS_PER_S:
            rate = float(sum(self.bins[-place].chunks for place in range(1, BINS_PER_S + 1)))
            self.peak_chunks_s = max(rate, self.peak_chunks_s or 0.0)
        self.version += 1

    def _first_seen(self, closed: ClosedBin) -> None:
        if self.first_chunk is None:
            self.first_chunk = closed.index
        agents = closed.sums.shape[1]
        self.first_of_agent = grown(self.first_of_agent, agents, fill=np.iinfo(np.int64).max)
        seen = closed.sums[Sum.CHUNKS] > 0
        self.last_of_agent = grown(self.last_of_agent, agents, fill=-1)
        self.last_of_agent[:agents][seen] = closed.index
        self.first_of_agent[:agents][seen] = np.minimum(self.first_of_agent[:agents][seen], closed.index)

    def _least(self, closed: ClosedBin) -> None:
        flat = closed.flat[Kind.DELAY]
        if flat.size:
            self.least_delay = grown(self.least_delay, roomy(closed.sums.shape[1]), fill=BUCKETS)
            np.minimum.at(self.least_delay, flat // BUCKETS, flat % BUCKETS)

    def _calm(self) -> None:
        last = list(self.bins)[-RECENT_BINS:]
        gaps = sum(float(closed.sums[Sum.SERVER_GAPS].sum()) for closed in last)
        total_ns = sum(float(closed.sums[Sum.SERVER_GAP_NS].sum()) for closed in last)
        # What comes in a burst after a stall has its stamps in a burst: no pace that a server could hold.
        if gaps >= _ENOUGH_GAPS and total_ns >= _ENOUGH_NS:
            mean = total_ns / gaps
            self.least_server_gap_ns = min(mean, self.least_server_gap_ns or mean)

    def _spark(self, closed: ClosedBin) -> None:
        second = closed.index // BINS_PER_S
        if self._second is None:
            self._second = second
        if second > self._second:
            shift = min(second - self._second, SPARK_S + 1)
            self._sparks[:, : SPARK_S + 1 - shift] = self._sparks[:, shift:]
            self._sparks[:, SPARK_S + 1 - shift :] = 0.0
            self._second = second
        agents = closed.sums.shape[1]
        if agents:
            if agents > self._sparks.shape[0]:
                self._sparks = grown(self._sparks, roomy(agents), axis=0)
            self._sparks[:agents, -1] += closed.sums[Sum.CHUNKS]

    def sparks(self) -> Floats:
        """Chunks of each agent in each of the last 60 whole seconds, (agents or more, 60), as a copy."""
        # The newest second is mostly not over yet: its column would look like a slump.
        over = self.end is not None and self.end % BINS_PER_S == 0
        return (self._sparks[:, 1:] if over else self._sparks[:, :-1]).copy()

    def _line(self, pair: list[ClosedBin]) -> None:
        """The time line shows the fullest loop, and the longest lag of any."""
        loops = [loop for closed in pair if (loop := closed.fullest()) is not None]
        known = sum(loop.elu_dt for loop in loops)
        active = sum(loop.active for loop in loops)
        lags = [float(lag.max()) for closed in pair for lag in closed.heard_lags()]
        delays = [closed.delay_most for closed in pair if not np.isnan(closed.delay_most)]
        seconds = sum(closed.seconds for closed in pair)
        values = (
            sum(closed.chunks for closed in pair) / seconds if seconds else np.nan,
            active / known if known else np.nan,
            max(lags) / 1e6 if lags else np.nan,
            max(delays) / 1e6 if delays else np.nan,
        )
        step = pair[-1].index // _STEP_BINS
        self.recent.push(step, values)
        self.whole.push(step, values)
