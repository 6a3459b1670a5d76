"""What a record from a file must satisfy before anything counts, draws or prints it.

The codec has checked names and types. Here come the values: a file may have been damaged, or made to do harm. A fold
keeps one bin for every half second and one account for every agent, so a stamp in the year 3000 or ten million agents
would take all memory; a name may hold escape sequences. Such a record is refused, a text is made plain.
"""

from itertools import accumulate
from typing import Any

import msgspec

from loopscope.core.errors import TraceError
from loopscope.core.records import AgentSpec, AnyRecord, Chunks, Header, Record, Seconds, Server, Tick
from loopscope.core.text import plain

BEFORE_NS = 3_600_000_000_000
"""How far a stamp may lie before the header: a request that was under way when the recording began."""
SPAN_NS = 7 * 86_400_000_000_000
"""How far after it: a trace of a week has 1.2 million bins of half a second, which is still no harm."""
MAX_AGENT = 4096
MAX_PROCS = 1024
MAX_ROWS = 1 << 17
MAX_ENTRIES = 4096
MAX_TEXT = 500
"""Longer than any sentence of ours, so that nothing that was recorded is cut."""
_MAX_INT = 1 << 62
_MAX_COUNT = 1 << 53
_MAX_FLOAT = 1e15
_STAMPS = frozenset({"t_ns", "start_ns", "first_ns", "last_ns", "end_ns", "base_ns", "begin_ns"})
_ANY_TIME = frozenset({"wall_ns", "anchor_wall_ns", "perf_ns", "anchor_perf_ns", "step_ns", "delay"})
"""Wall clocks may be wrong by decades, and so may a delay that is a difference to one."""


class Vetter:
    """Checks the records of one file against its header's time.

    Raises:
        TraceError: (from :meth:`check`) the record cannot be what a recorder wrote.
    """

    def __init__(self, origin_ns: int) -> None:
        if not 0 <= origin_ns <= _MAX_INT:
            raise TraceError("its header has an impossible time")
        self._from_ns = origin_ns - BEFORE_NS
        self.to_ns = origin_ns + SPAN_NS
        self._procs: set[str] = set()

    def check(self, record: AnyRecord) -> AnyRecord:
        """Give the record with plain texts."""
        record = self._struct(record)
        if record.proc not in self._procs:
            if len(self._procs) >= MAX_PROCS:
                raise TraceError("more processes than any session has")
            self._procs.add(record.proc)
        if isinstance(record, Chunks):
            self._chunks(record)
        elif isinstance(record, Seconds):
            _seconds(record)
        return record

    def _struct(self, item: Any) -> Any:
        changed: dict[str, Any] = {}
        for name in item.__struct_fields__:
            value: Any = getattr(item, name)
            kind = type(value)
            if kind is int:
                self._int(name, value)
            elif kind is str:
                if not _is_plain(value):
                    changed[name] = plain(value, MAX_TEXT)
            elif kind is float:
                _float(name, value)
            elif kind is list:
                changed[name] = self._list(name, value)
            elif kind is dict:
                changed[name] = self._dict(name, value)
        same = all(getattr(item, name) is value for name, value in changed.items())
        return item if same else msgspec.structs.replace(item, **changed)

    def _int(self, name: str, value: int) -> None:
        if name in _STAMPS:
            if not self._from_ns <= value <= self.to_ns:
                raise TraceError(f"{name} lies outside of the trace")
        elif name == "agent":
            if not 0 <= value < MAX_AGENT:
                raise TraceError("an impossible agent number")
        elif name in _ANY_TIME:
            if not -_MAX_INT <= value <= _MAX_INT:
                raise TraceError(f"{name} is out of range")
        elif name.endswith("_ns"):
            if not -SPAN_NS <= value <= SPAN_NS:
                raise TraceError(f"{name} is longer than any trace")
        elif not 0 <= value <= _MAX_COUNT:
            raise TraceError(f"{name} is out of range")

    def _list(self, name: str, values: list[Any]) -> list[Any]:
        if not values:
            return values
        if isinstance(values[0], Server | AgentSpec | Tick):
            if len(values) > MAX_ENTRIES:
                raise TraceError(f"too many {name}")
            return [self._struct(value) for value in values]
        if len(values) > MAX_ROWS:
            raise TraceError(f"{name} has more rows than any record")
        if isinstance(values[0], float):
            for value in values:
                if value is not None:
                    _float(name, value)
        elif values[0] is None or isinstance(values[0], int):
            limit = _MAX_INT if name in _ANY_TIME else SPAN_NS
            _within(name, values, -limit, limit)
        return values

    def _dict(self, name: str, values: dict[str, Any]) -> dict[str, Any]:
        if len(values) > MAX_ENTRIES:
            raise TraceError(f"too many {name}")
        safe = True
        for key, value in values.items():
            safe = safe and _is_plain(key)
            if isinstance(value, str):
                safe = safe and _is_plain(value)
            elif isinstance(value, float):
                _float(name, value)
            elif isinstance(value, int):
                self._int(name, value)
        if safe:
            return values
        return {
            plain(key, MAX_TEXT): plain(value, MAX_TEXT) if isinstance(value, str) else value
            for key, value in values.items()
        }

    def _chunks(self, record: Chunks) -> None:
        rows = len(record.agent)
        if not len(record.recv) == len(record.delay) == len(record.handled) == rows:
            raise TraceError("columns of different length")
        if rows:
            _within("agent", record.agent, 0, MAX_AGENT - 1)
            _within("recv", list(accumulate(record.recv, initial=record.base_ns)), self._from_ns, self.to_ns)
        if record.first:
            _within("row", record.first, 0, rows - 1)


def _seconds(record: Seconds) -> None:
    rows = len(record.begin_ns)
    if not rows == len(record.chunks) == len(record.lag_ns) == len(record.delay_ns) == len(record.elu):
        raise TraceError("columns of different length")
    for value in record.elu:
        if value is not None:
            _float("elu", value)


def _is_plain(text: str) -> bool:
    # str.isprintable refuses just what core.text.plain replaces: categories C and Z, but for the space.
    return text.isprintable() and len(text) <= MAX_TEXT


def _float(name: str, value: float) -> None:
    if not -_MAX_FLOAT <= value <= _MAX_FLOAT:  # false for nan too
        raise TraceError(f"{name} is out of range")


def _within(name: str, values: list[int] | list[int | None], low: int, high: int) -> None:
    if not values:
        return
    try:
        least, most = min(values), max(values)  # type: ignore[type-var]
    except TypeError:  # a value is not known; rare, and looking for it first takes three times as long
        known = [value for value in values if value is not None]
        least, most = min(known, default=low), max(known, default=low)
    if least is not None and most is not None and not (low <= least and most <= high):
        raise TraceError(f"{name} is out of range")


def check_header(record: Record) -> Header:
    """Give the first record of a file as the header that it must be, with plain texts.

    Raises:
        TraceError: it is no header, or its values are impossible.
    """
    if not isinstance(record, Header):
        raise TraceError("its first line is no header")
    header: AnyRecord = Vetter(record.t_ns).check(record)
    assert isinstance(header, Header)  # noqa: S101 - check() keeps the kind
    return header
