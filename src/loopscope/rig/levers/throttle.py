"""The throttle in a rig. An adaptive one is the session's doing: it tells the rate, and until then there is none."""

from loopscope.rig.levers import Levers, TokenBucket
from loopscope.settings.levers.throttle import parse_throttle


def throttle(levers: Levers, value: str) -> None:
    """Set the rate, and whether one bucket is for all agents."""
    parsed = parse_throttle(value)
    if parsed.kind != "shared":
        levers.shared = None
    elif levers.shared is None:
        levers.shared = TokenBucket()
    levers.throttle_hz = parsed.rate_hz


APPLY = throttle
