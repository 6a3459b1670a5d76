"""The seconds of a session in columns: 40 bytes a second, so that a week fits into 24 MB."""

from array import array
from collections.abc import Iterator
from math import isnan, nan

from loopscope.core.records import Second, Seconds, Tick

_MOST_SECONDS = 8 * 86_400
_MOST_TICKS = 10_000
_AT_ONCE = 3_600
_TICKS_AT_ONCE = 4_000


class SecondTable:
    """Takes seconds in, one by one or by the column; what is told twice is added up as one second's parts are."""

    def __init__(self, origin_ns: int) -> None:
        self.origin_ns = origin_ns
        """The header's time, from which moments count."""
        self.begin_ns = array("q")
        self.chunks = array("d")
        """``nan``: not known, also all below."""
        self.lag_ns = array("d")
        self.delay_ns = array("d")
        self.elu = array("d")
        self.ticks: list[Tick] = []

    def add(self, told: Second | Seconds) -> None:
        """Take a record in."""
        if isinstance(told, Second):
            self._row(told.begin_ns - self.origin_ns, told.chunks, told.lag_ns, told.delay_ns, told.elu)
        else:
            for row in zip(told.begin_ns, told.chunks, told.lag_ns, told.delay_ns, told.elu, strict=True):
                self._row(*row)
        self.ticks += told.marks[: _MOST_TICKS - len(self.ticks)]

    def _row(
        self, begin_ns: int, chunks: int | None, lag_ns: int | None, delay_ns: int | None, elu: float | None
    ) -> None:
        if len(self.begin_ns) >= _MOST_SECONDS:
            return
        self.begin_ns.append(begin_ns)
        self.chunks.append(nan if chunks is None or chunks < 0 else chunks)
        self.lag_ns.append(nan if lag_ns is None else lag_ns)
        self.delay_ns.append(nan if delay_ns is None else delay_ns)
        self.elu.append(nan if elu is None else elu)

    def records(self, t_ns: int) -> Iterator[Seconds]:
        """Give all of it as records made at ``t_ns``; no line is longer than a reader takes."""
        ticks = self.ticks
        for begin in range(0, len(self.begin_ns), _AT_ONCE):
            part = slice(begin, begin + _AT_ONCE)
            yield Seconds(
                t_ns=t_ns,
                proc="session",
                begin_ns=list(self.begin_ns[part]),
                chunks=_whole(self.chunks[part]),
                lag_ns=_whole(self.lag_ns[part]),
                delay_ns=_whole(self.delay_ns[part]),
                elu=[None if isnan(value) else value for value in self.elu[part]],
                marks=ticks[:_TICKS_AT_ONCE],
            )
            ticks = ticks[_TICKS_AT_ONCE:]


def _whole(column: "array[float]") -> list[int | None]:
    return [None if isnan(value) else int(value) for value in column]
