"""Planted causes: on order, a rig disturbs itself in a known way, so that its probes can be tested. Not for daily use.

``block:MS:HZ`` a callback that sleeps; ``busy:MS:HZ`` a callback that computes; ``received:MS:HZ`` sleeps in the
transport's ``data_received``; ``spin:SHARE`` own CPU on the loop in short callbacks; ``gil:SHARE`` a thread that holds
the GIL; ``gc:HZ`` full collections of a large heap; ``neighbours:N`` so many processes that compute on the loop's core;
``localhost:MS`` the name leads first to an address where it takes so long to learn that nobody listens;
``buffer:BYTES`` the size of the receive buffer of new connections. ``@SECONDS`` after any of them: it ends then.
"""

import math
from dataclasses import dataclass

from loopscope.core.errors import InputError
from loopscope.core.format import number

_VALID = (
    "block:MS:HZ, busy:MS:HZ, received:MS:HZ, spin:SHARE, gil:SHARE, gc:HZ, neighbours:N, localhost:MS, buffer:BYTES,"
    " each with @SECONDS for when it ends"
)
_PARTS: dict[str, tuple[str, ...]] = {
    "block": ("ms", "hz"),
    "busy": ("ms", "hz"),
    "received": ("ms", "hz"),
    "spin": ("share",),
    "gil": ("share",),
    "gc": ("hz",),
    "neighbours": ("count",),
    "localhost": ("ms",),
    "buffer": ("count",),
}
_MOST = {"ms": 10_000.0, "hz": 1_000.0, "share": 1.0}
_MOST_COUNT = {"neighbours": 16, "buffer": 1 << 24}


@dataclass(frozen=True, slots=True)
class InjectedFault:
    """One cause. ``ms`` and ``hz``: length and rate of its pieces; ``share`` of one core or of the time; ``count`` of
    processes or bytes; ``until_s``: when it ends, in seconds from its start (0: with the rig).
    """

    name: str
    ms: float = 0.0
    hz: float = 0.0
    share: float = 0.0
    count: int = 0
    until_s: float = 0.0


def parse_injected_fault(text: str) -> InjectedFault:
    """Read ``NAME:ARGS`` or ``NAME:ARGS@SECONDS``.

    Raises:
        InputError: it is none; names those that there are.
    """
    cause, at, until = text.partition("@")
    name, *words = cause.split(":")
    parts = _PARTS.get(name, ())
    try:
        values = dict(zip(parts, map(float, words), strict=True))
        until_s = float(until) if at else 0.0
    except ValueError:
        values, until_s = {}, 0.0
    if not values:
        raise InputError(f"--plant {text}: there is no such cause; valid: {_VALID}")
    for part, value in values.items():
        most = _MOST.get(part, _MOST_COUNT.get(name, 0))
        if not 0 < value <= most or (part == "count" and value != int(value)):
            raise InputError(f"--plant {text}: {part} must be above 0 and at most {number(most)}")
    if not 0 <= until_s < math.inf:
        raise InputError(f"--plant {text}: the end is a number of seconds")
    count = int(values.pop("count", 0))
    return InjectedFault(name, count=count, until_s=until_s, **values)
