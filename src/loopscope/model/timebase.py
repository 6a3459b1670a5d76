"""Which moment is zero, and which records are from a believable time."""

from loopscope.core.clock import NS_PER_S

EARLIEST_NS = -60 * NS_PER_S
"""Children say hello shortly before the session's header is stamped."""
LATEST_NS = 10 * 366 * 86_400 * NS_PER_S
"""Ten years: everything within is exact in int64 and far inside float64."""
LEAP_NS = 3_600 * NS_PER_S
"""A record more than an hour past the latest one is a flipped byte, unless ``WITNESSES`` records in a row agree with it
(a laptop that slept: its clock may go on counting)."""
WITNESSES = 16


class Timebase:
    """Turns ``t_ns`` into ns since the session began, or refuses it."""

    def __init__(self) -> None:
        self.zero: int | None = None
        self.latest = 0
        """Latest believable time so far, ns since zero."""
        self._tentative = False
        self._leaped_to = 0
        self._witnesses = 0

    def accept(self, t_ns: int, *, header: bool = False) -> int | None:
        """Give the time since zero, or ``None`` when it cannot be believed.

        The header's stamp is zero, if the first record after it agrees within an hour; without a header the first
        record is.
        """
        if self.zero is None:
            if abs(t_ns) > 1 << 62:
                return None
            self.zero, self._tentative = t_ns, header
            return 0
        since = t_ns - self.zero
        if self._tentative:
            self._tentative = False
            if not EARLIEST_NS <= since <= LEAP_NS and abs(t_ns) <= 1 << 62:
                self.zero, since = t_ns, 0
        if not EARLIEST_NS <= since <= LATEST_NS:
            return None
        if since > self.latest + LEAP_NS and not self._witnessed(since):
            return None
        self._witnesses = 0
        self.latest = max(self.latest, since)
        return since

    def _witnessed(self, since: int) -> bool:
        agrees = abs(since - self._leaped_to) <= LEAP_NS
        self._witnesses = self._witnesses + 1 if agrees else 1
        self._leaped_to = since
        return self._witnesses >= WITNESSES
