"""The adaptive throttle: looks at what came last and sets the rate of each agent, twice a second.

x1.05 when the target is kept, x0.9 when it is missed, as published; but a throttle in the client cannot slow the
server. What it holds back waits in the socket, so it makes a delay longer and an agent's rate lower, never the other
way round. Lowering a throttle that misses its target *because it throttles* would lower it for ever. So the controller
looks whether the throttle holds anything back: whether bytes wait unread in the sockets, or the fastest agent gets nine
tenths of what it is allowed. (The rate alone tells late: it is that of ten seconds.)

- missed, and it holds chunks back: x1.05. The throttle itself is the cause.
- missed, and it holds nothing back: x0.9 of what the agents get now, as a try. If the target is still missed while the
  throttle holds, it goes up again and is left alone for ten seconds, then twenty, and so on: lowering does not help.
- kept: x1.05, until it is twice what the fastest agent gets; there it stays, and there it is no cause either.
"""

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from loopscope.core.clock import NS_PER_S
from loopscope.core.records import AnyRecord, Lever, Mark, Pulse, Record, Result
from loopscope.model.aggregate import Row, aggregate_of
from loopscope.model.bins import BINS_PER_S, ClosedBin, Sum
from loopscope.model.figure import value
from loopscope.model.fold import Fold
from loopscope.settings.levers.throttle import LEAST_HZ, MOST_HZ, Throttle

UP, DOWN = 1.05, 0.9
HELD = 0.9
"""From this share of its allowance on an agent is held back by it."""
HELD_BYTES = 64
"""Mean unread bytes an agent from which something waits: half a line. Without a throttle it is one or two."""
OPEN = 2.0
"""A throttle that high above what agents get holds nothing back, and goes no higher."""
LEAST_CHUNKS = 10
"""In the last second; fewer say nothing about a delay p99."""
LEAST_GAPS = 4
"""Of an agent in ten seconds."""
SETTLE_S = {"delay": 1.25, "eff": 10.25}
"""After lowering, or another lever's pull, until what is looked at holds nothing from before."""
BACKOFF_S, MOST_BACKOFF_S = 10.0, 160.0
TELL_S = 0.5
MARK_S = 2.0
NOT_ENOUGH = "not enough data"


@dataclass(frozen=True, slots=True)
class Seen:
    """What came last. ``value``: delay p99 of one second in ms, or efficiency over ten; ``None``: not enough data."""

    value: float | None
    rate_hz: float | None
    """Chunks/s of the fastest agent while it streams, over up to ten seconds."""
    backlog_bytes: float | None = None
    """Unread bytes an agent, mean of one second; ``None``: not known here."""


class Controller:
    """The decisions, free of any clock: ``rate_hz`` is the allowance, ``None`` while there is no need for one."""

    def __init__(self, throttle: Throttle, rate_hz: float | None = None) -> None:
        self.throttle = throttle
        self.rate_hz = rate_hz
        self.words = NOT_ENOUGH
        self._quiet_until_s = 0.0
        self._tried = False
        """The last step was down, and nothing has been seen of it yet."""
        self._blocked_until_s = 0.0
        self._backoff_s = BACKOFF_S

    def missed(self, value: float) -> bool:
        """Say whether a value misses the target."""
        return value > self.throttle.value if self.throttle.target == "delay" else value < self.throttle.value

    def look(self, seen: Seen, at_s: float) -> float | None:
        """Decide; gives the allowance that counts from now on."""
        waits = seen.backlog_bytes is not None and seen.backlog_bytes >= HELD_BYTES
        # Nothing came for a second, and something waits: it is the throttle that sleeps.
        sleeps = seen.value is None and self.rate_hz is not None and waits
        if (seen.value is None and not sleeps) or seen.rate_hz is None:
            self.words = NOT_ENOUGH
            return self.rate_hz
        if at_s < self._quiet_until_s:
            return self.rate_hz
        opened = self.rate_hz is None or self.rate_hz >= OPEN * seen.rate_hz
        held = self.rate_hz is not None and not opened and (waits or seen.rate_hz >= HELD * self.rate_hz)
        if seen.value is not None and not self.missed(seen.value):
            self._kept(seen.rate_hz, at_s)
        elif held or sleeps:
            self._throttled(at_s)
        elif at_s < self._blocked_until_s:
            self.words = "missed, but not by the throttle: lowering it did not help"
        else:
            least = min(self.rate_hz or MOST_HZ, seen.rate_hz)
            self._set(DOWN * least, "missed, and nothing is held back: trying less")
            self._tried, self._quiet_until_s = True, at_s + SETTLE_S[self.throttle.target]
        return self.rate_hz

    def settle(self, at_s: float) -> None:
        """Decide nothing until what is looked at holds nothing from before another lever was pulled."""
        self._quiet_until_s = max(self._quiet_until_s, at_s + SETTLE_S[self.throttle.target])

    def _throttled(self, at_s: float) -> None:
        if self._tried:
            self._blocked_until_s = at_s + self._backoff_s
            self._backoff_s = min(2 * self._backoff_s, MOST_BACKOFF_S)
            self._tried = False
        assert self.rate_hz is not None  # noqa: S101 - held back by a rate
        self._set(UP * self.rate_hz, "missed, and the throttle itself holds chunks back")

    def _kept(self, rate_hz: float, at_s: float) -> None:
        if self._tried:
            self._tried, self._backoff_s = False, BACKOFF_S
        if self.rate_hz is None:
            self.words = "kept without a throttle"
        elif self.rate_hz * UP <= OPEN * rate_hz:
            self._set(UP * self.rate_hz, "kept")
            self._quiet_until_s = at_s + 1.0
        else:
            self.words = "kept, and nothing is held back"

    def _set(self, rate_hz: float, words: str) -> None:
        self.rate_hz, self.words = min(max(rate_hz, LEAST_HZ), MOST_HZ), words


def seen_in(fold: Fold, target: str) -> Seen:
    """Read the fold's window."""
    bins = list(fold.window.bins)
    if len(bins) < BINS_PER_S:
        return Seen(None, None)
    second = bins[-BINS_PER_S:]
    rates = _rates(bins)
    known = rates[~np.isnan(rates)]
    backlog = [loop.backlog / loop.backlog_dt for one in second for loop in one.loops.values() if loop.backlog_dt > 0]
    return Seen(
        _delay_ms(second) if target == "delay" else _efficiency(fold, rates),
        float(known.max()) if known.size else None,
        sum(backlog) / len(second) / known.size if backlog and known.size else None,
    )


def _rates(bins: Sequence[ClosedBin]) -> NDArray[np.float64]:
    """Chunks/s of each agent while it streams; nan where there are too few."""
    agents = max(one.sums.shape[1] for one in bins)
    gaps, times = np.zeros(agents), np.zeros(agents)
    for one in bins:
        gaps[: one.sums.shape[1]] += one.sums[Sum.GAPS]
        times[: one.sums.shape[1]] += one.sums[Sum.GAP_NS]
    enough = (gaps >= LEAST_GAPS) & (times > 0)
    return np.where(enough, gaps * NS_PER_S / np.where(enough, times, 1.0), np.nan)


def _delay_ms(bins: Sequence[ClosedBin]) -> float | None:
    seen = aggregate_of(bins)
    return value("delay.p99", seen) if seen.row(Row.DELAYS) >= LEAST_CHUNKS else None


def _efficiency(fold: Fold, rates: NDArray[np.float64]) -> float | None:
    """Mean over agents of the rate now / the rate of requests that had no company, on the same model."""
    alone = fold.agents.solo_tok_s()
    shares = [
        rates[agent.slot] * agent.tokens_per_chunk / alone[agent.model]
        for agent in fold.agents.all
        if agent.model in alone and agent.slot < rates.size and not np.isnan(rates[agent.slot])
    ]
    return float(np.mean(shares)) if shares else None


class Throttler:
    """Listens to the session; its hub's thread is the only one that calls :meth:`heard`.

    ``apply`` sends an allowance (``None``: off) to the rigs, ``emit`` takes what is to stand in the trace.
    """

    def __init__(self, fold: Fold, apply: Callable[[float | None], None], emit: Callable[[Record], None]) -> None:
        self._fold = fold
        self._apply = apply
        self._emit = emit
        self._controller: Controller | None = None
        self._lock = threading.Lock()
        self._version = -1
        self._told_hz: float | None = None
        self._told_at_s = self._marked_at_s = -1e9
        self._said = ""

    @property
    def words(self) -> str:
        """Why nothing is done, while there is not enough data; else empty."""
        controller = self._controller
        if controller is None or controller.words != NOT_ENOUGH:
            return ""
        lacks = (
            "a solo rate (three requests without company)" if controller.throttle.target == "eff" else "stamped chunks"
        )
        return f"{controller.throttle}: not enough data, needs {lacks}"

    def set(self, throttle: Throttle, before: Throttle) -> None:
        """Begin, or end, to adapt; begins at the rate that was set before."""
        with self._lock:
            old, self._controller = self._controller, None
            if throttle.kind == "adaptive":
                start = old.rate_hz if old is not None else before.rate_hz if before.kind == "each" else None
                self._told_hz, self._said = start, ""
                self._controller = Controller(throttle, start)
                self._apply(start)

    def heard(self, record: AnyRecord) -> None:
        """Look again whenever the fold's window has moved (twice a second); let another lever's pull settle first."""
        if isinstance(record, Lever) and record.name != "throttle":
            with self._lock:
                if self._controller is not None:
                    self._controller.settle(record.t_ns / NS_PER_S)
        if self._controller is not None and isinstance(record, Pulse) and self._fold.window.version != self._version:
            with self._lock:
                self._look(record)

    def _look(self, record: Pulse) -> None:
        controller = self._controller
        if controller is None:
            return
        self._version = self._fold.window.version
        at_s = record.t_ns / NS_PER_S
        seen = seen_in(self._fold, controller.throttle.target)
        before = controller.rate_hz
        now = controller.look(seen, at_s)
        if now != before:
            self._apply(now)
        self._tell(controller, seen, record.t_ns, at_s)

    def _tell(self, controller: Controller, seen: Seen, t_ns: int, at_s: float) -> None:
        now, old = controller.rate_hz, self._told_hz
        step = now != old and (now is None or old is None or abs(now / old - 1) >= UP - 1 - 1e-9)
        if step and at_s - self._told_at_s >= TELL_S:
            self._told_hz, self._told_at_s = now, at_s
            self._emit(
                Result(
                    t_ns=t_ns,
                    proc="session",
                    what="throttle",
                    words=f"{_rate(old)} to {_rate(now)}: {controller.words}",
                    settings={"throttle": str(controller.throttle)},
                    figures={
                        "old_chunks_s": old,
                        "new_chunks_s": now,
                        controller.throttle.target: seen.value,
                        "target": controller.throttle.value,
                        "fastest_chunks_s": seen.rate_hz,
                        "backlog_bytes_an_agent": seen.backlog_bytes,
                    },
                )
            )
        if controller.words != self._said and at_s - self._marked_at_s >= MARK_S:
            self._said, self._marked_at_s = controller.words, at_s
            self._emit(Mark(t_ns=t_ns, proc="session", words=f"throttle {_rate(now)}: {controller.words}"[:80]))


def _rate(rate_hz: float | None) -> str:
    return "off" if rate_hz is None else f"{rate_hz:.3g}/s"
