"""One clock for durations, one anchor to the wall.

Every time in loopscope is ``time.perf_counter_ns()``: monotonic, integer nanoseconds, and on Linux, macOS and Windows
the same count in every process of one boot, so records of different processes line up. A server stamps its chunks with
its wall clock; an :class:`Anchor` (both clocks read at one moment) maps such a stamp onto ours.
"""

from calendar import timegm
from dataclasses import dataclass
from functools import lru_cache
from time import perf_counter_ns, time_ns

now_ns = perf_counter_ns

NS_PER_S = 1_000_000_000
NS_PER_MS = 1_000_000


@dataclass(frozen=True, slots=True)
class Anchor:
    """``perf_ns`` and ``wall_ns`` (Unix epoch) are the same moment, to within ``error_ns``."""

    perf_ns: int
    wall_ns: int
    error_ns: int = 0

    def perf_of(self, wall_ns: int) -> int:
        """Map a wall-clock stamp (ns since the epoch) onto the monotonic clock (ns)."""
        return wall_ns - self.wall_ns + self.perf_ns

    def wall_of(self, perf_ns: int) -> int:
        """Map a monotonic stamp (ns) onto the wall clock (ns since the epoch)."""
        return perf_ns - self.perf_ns + self.wall_ns

    def step_ns(self, later: "Anchor") -> int:
        """How far the wall clock moved against the monotonic one between two anchors (ns, signed)."""
        return (later.wall_ns - self.wall_ns) - (later.perf_ns - self.perf_ns)


_TIGHT_NS = 250
"""Half a bracket that is good enough. The first of a thread that slept is 2 us, as its caches are cold, each later one
0.2 us, so two readings do; the other three cost the sender 4 us a tick."""


def take_anchor(tries: int = 5) -> Anchor:
    """Read both clocks as close together as we can: the tightest of at most ``tries`` bracketed readings.

    The error is half the bracket; on Linux it is under 1 us, far below the 100 us of the smallest delay we report.
    """
    best: tuple[int, int, int] | None = None
    for _ in range(tries):
        before = perf_counter_ns()
        wall = time_ns()
        half = (perf_counter_ns() - before) // 2
        if best is None or half < best[2]:
            best = (before + half, wall, half)
            if half <= _TIGHT_NS:
                break
    assert best is not None  # noqa: S101 - tries >= 1
    return Anchor(*best)


_NS_OF_DIGIT: tuple[int, ...] = tuple(10 ** (9 - count) for count in range(10))
"""What the last of so many fraction digits counts for."""


@lru_cache(maxsize=64)
def _utc_second(text: str) -> int:
    """Epoch second of ``YYYY-MM-DDTHH:MM:SS``; a stream repeats each value hundreds of times, hence the cache."""
    return timegm(
        (int(text[0:4]), int(text[5:7]), int(text[8:10]), int(text[11:13]), int(text[14:16]), int(text[17:19]))
    )


def parse_stamp_ns(text: str) -> int | None:
    """Nanoseconds since the epoch of an RFC 3339 stamp with 0 to 9 fraction digits; ``None`` if it is none.

    ``datetime.fromisoformat`` keeps only microseconds; Ollama's stamps have nanoseconds, with trailing zeros cut.
    """
    try:
        second = _utc_second(text[:19])
        rest = text[19:]
        digits = rest[1:-1]
        if rest[:1] == "." and rest[-1] == "Z" and digits.isdecimal() and digits.isascii() and len(digits) <= 9:
            return second * NS_PER_S + int(digits) * _NS_OF_DIGIT[len(digits)]  # nearly every stamp
        fraction = 0
        if rest[:1] == ".":
            end = 1
            while end < len(rest) and "0" <= rest[end] <= "9":
                end += 1
            digits = rest[1:end]
            if not 1 <= len(digits) <= 9:
                return None
            fraction = int(digits) * 10 ** (9 - len(digits))
            rest = rest[end:]
        if rest == "Z":
            return second * NS_PER_S + fraction
        if len(rest) == 6 and rest[0] in "+-" and rest[3] == ":":
            offset_s = int(rest[1:3]) * 3600 + int(rest[4:6]) * 60
            return (second + (offset_s if rest[0] == "-" else -offset_s)) * NS_PER_S + fraction
    except (ValueError, IndexError, OverflowError):
        return None
    return None
