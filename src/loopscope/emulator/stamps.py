"""``created_at`` as Go prints it: RFC 3339 with up to nine fraction digits, trailing zeros cut."""

from time import gmtime, strftime, time_ns

NS_PER_S = 1_000_000_000


class WallClock:
    """The current second as bytes, made once a second instead of once a chunk."""

    def __init__(self) -> None:
        self.base_ns = 0
        self.second = b""
        """``2026-11-21T02:58:01.``, with the dot."""

    def roll(self, wall_ns: int) -> int:
        """Move to the second of ``wall_ns``; give the nanoseconds within it."""
        second, rest = divmod(wall_ns, NS_PER_S)
        self.base_ns = second * NS_PER_S
        self.second = strftime("%Y-%m-%dT%H:%M:%S.", gmtime(second)).encode()
        return rest

    def stamp(self, wall_ns: int | None = None) -> bytes:
        """Return the stamp of a moment (default: now), with its ``Z``; a whole second has no dot."""
        wall_ns = time_ns() if wall_ns is None else wall_ns
        rest = wall_ns - self.base_ns
        if not 0 <= rest < NS_PER_S:
            rest = self.roll(wall_ns)
        return (self.second + b"%09d" % rest).rstrip(b"0").rstrip(b".") + b"Z"


clock = WallClock()
"""The one of this process."""
