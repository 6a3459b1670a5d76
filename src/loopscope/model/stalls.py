"""What the watchdog told: the latest stalls, and how often and how long each place held the loop up."""

from collections import deque
from dataclasses import dataclass

from loopscope.core.clock import NS_PER_MS, NS_PER_S
from loopscope.core.format import time
from loopscope.core.records import Stall
from loopscope.core.text import plain
from loopscope.model.snapshot import StallPlace, StallView

_LATEST = 20
_MOST_PLACES = 256
_MOST_FRAMES = 8
_DAY_NS = 86_400 * NS_PER_S
_WHY = frozenset({"callback", "gc", "turn", "gil", "core"})
BLAMED = frozenset({"callback", "gc"})
"""With these the line that is named is the one that held the loop."""
_MARK_EVERY_NS = 5 * NS_PER_S
"""A place that blocks twice a second shall not fill the time line with its marks."""


@dataclass(slots=True, eq=False)
class _Place:
    """Sums of one place, in ns."""

    last: StallView
    count: int = 0
    total: int = 0
    worst: int = 0


class StallBook:
    """Counts over the whole session; the latest stalls in full."""

    def __init__(self) -> None:
        self.count = 0
        self.total_ns = 0
        self.latest: deque[StallView] = deque(maxlen=_LATEST)
        self.places: dict[tuple[str, str, str], _Place] = {}
        """By cause, file and function: within a function that computes, the line changes from look to look."""
        self._running: tuple[str, int, int] | None = None
        """Process, start and length so far of the stall that was last told as not over."""
        self._marked_at: int | None = None

    def take(self, record: Stall, zero: int, t: int) -> str | None:
        """Take in a stall told at ``t`` (ns since zero). Gives the words of a mark, empty for none.

        ``None``: it cannot be true.
        """
        start = record.start_ns - zero
        if not 0 <= record.dur_ns <= _DAY_NS or not -_DAY_NS <= start <= t or record.why not in _WHY:
            return None
        earlier = 0
        again = self._running is not None and self._running[:2] == (record.proc, record.start_ns)
        if again and self._running is not None:
            earlier = self._running[2]
            if self.latest:
                self.latest.pop()
        self._running = None if record.over else (record.proc, record.start_ns, record.dur_ns)
        view = _view(record, start)
        grown = max(0, record.dur_ns - earlier)
        self.latest.append(view)
        self.count += not again
        self.total_ns += grown
        # Without a callback to blame the line is chance: all such stalls are one place.
        key = (record.why, record.file, record.function) if record.why in BLAMED else (record.why, "", "")
        self._add(key, view, record.dur_ns, grown, again=again)
        if again or (self._marked_at is not None and t - self._marked_at < _MARK_EVERY_NS):
            return ""
        self._marked_at = t
        return f"stall {time(view.ms)}"

    def views(self) -> tuple[StallPlace, ...]:
        """Every place, the one that held the loop up longest in all first."""
        ordered = sorted(self.places.values(), key=lambda place: (-place.total, place.last.where))
        return tuple(
            StallPlace(
                where=place.last.where,
                why=place.last.why,
                own=place.last.own,
                count=place.count,
                total_ms=place.total / NS_PER_MS,
                worst_ms=place.worst / NS_PER_MS,
                last_s=place.last.t_s,
                stack=place.last.stack,
            )
            for place in ordered
        )

    def _add(self, key: tuple[str, str, str], view: StallView, dur: int, grown: int, *, again: bool) -> None:
        place = self.places.get(key)
        if place is None:
            if len(self.places) >= _MOST_PLACES:
                return
            place = self.places[key] = _Place(view)
        place.last = view
        place.count += not again or not place.count
        place.total += grown
        place.worst = max(place.worst, dur)


def _view(record: Stall, start: int) -> StallView:
    line = record.line if 0 < record.line < 1 << 31 else 0
    file, function = plain(record.file, 80), plain(record.function, 80)
    where = f"{file}:{line}" + (f" in {function}" if function else "")
    return StallView(
        t_s=start / NS_PER_S,
        ms=record.dur_ns / NS_PER_MS,
        why=record.why,
        where=where if file else "",
        own=record.own,
        over=record.over,
        cpu_ms=_ms(record.cpu_ns),
        runq_ms=_ms(record.runq_ns),
        gc_ms=_ms(record.gc_ns) or 0.0,
        stack=tuple(plain(frame, 160) for frame in record.stack[:_MOST_FRAMES]),
    )


def _ms(value: int | None) -> float | None:
    return value / NS_PER_MS if value is not None and 0 <= value <= _DAY_NS else None
