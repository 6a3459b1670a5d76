"""Sums of each second, told once it is over: what an overview of a whole session is drawn from without folding it."""

from collections.abc import Callable

import numpy as np

from loopscope.core.clock import NS_PER_S
from loopscope.core.records import Second, Tick
from loopscope.model.bins import BINS_PER_S, ClosedBin
from loopscope.model.snapshot import MarkView

_MOST_TICKS = 64


class SecondBook:
    """Takes closed bins; ``hear`` is called with the sums of each second that is over."""

    def __init__(self) -> None:
        self.hear: Callable[[Second], None] | None = None
        self._second: int | None = None
        self._bins = 0
        self._chunks = 0
        self._lag: float | None = None
        self._delay: float | None = None
        self._active = 0.0
        self._known = 0.0
        self._ticks: list[MarkView] = []

    def mark(self, view: MarkView) -> None:
        """Take something that stands on the time line; it is told with the second that is over next."""
        if len(self._ticks) < _MOST_TICKS:
            self._ticks.append(view)

    def add(self, closed: ClosedBin, zero: int) -> None:
        """Take the next bin: the fullest loop, and the longest lag of any, as on the time line."""
        second = closed.index // BINS_PER_S
        if self._second is not None and second != self._second and self._bins:
            self._tell(zero, self._chunks)
        self._second = second
        self._bins += 1
        self._chunks += closed.chunks
        for lag in closed.heard_lags():
            self._lag = max(float(lag.max()), self._lag or 0.0)
        if not np.isnan(closed.delay_most):
            self._delay = max(closed.delay_most, self._delay or 0.0)
        loop = closed.fullest()
        if loop is not None:
            self._active += loop.active
            self._known += loop.elu_dt
        if closed.index % BINS_PER_S == BINS_PER_S - 1:
            self._tell(zero, self._chunks)

    def end(self, zero: int) -> None:
        """Tell what stands on the time line and has not been told: the session has ended."""
        if self._ticks:
            self._second = int(self._ticks[-1].t_s) if self._second is None else self._second
            self._second += not self._bins
            self._tell(zero, None)

    def _tell(self, zero: int, chunks: int | None) -> None:
        begin_ns = zero + (self._second or 0) * NS_PER_S
        told = Second(
            t_ns=begin_ns + NS_PER_S,
            proc="session",
            begin_ns=begin_ns,
            chunks=chunks,
            lag_ns=None if self._lag is None else round(self._lag),
            delay_ns=None if self._delay is None else round(self._delay),
            elu=min(self._active / self._known, 1.0) if self._known else None,
            marks=[
                Tick(t_ns=zero + round(view.t_s * NS_PER_S), label=view.label, kind=view.kind) for view in self._ticks
            ],
        )
        self._bins = self._chunks = 0
        self._lag = self._delay = None
        self._active = self._known = 0.0
        self._ticks = []
        if self.hear is not None:
            self.hear(told)
