"""Planted causes: on order, a rig disturbs itself in a known way, so that its probes can be tested. Not for daily use.

``block:MS:HZ`` a callback that sleeps; ``busy:MS:HZ`` a callback that computes; ``spin:SHARE`` own CPU on the loop in
short callbacks; ``gil:SHARE`` a thread that holds the GIL; ``gc:HZ`` full collections of a large heap.
"""

from dataclasses import dataclass

from loopscope.core.errors import InputError

_VALID = "block:MS:HZ, busy:MS:HZ, spin:SHARE, gil:SHARE, gc:HZ"
_NUMBERS = {"block": 2, "busy": 2, "spin": 1, "gil": 1, "gc": 1}
_MOST_MS = 10_000.0
_MOST_HZ = 1_000.0


@dataclass(frozen=True, slots=True)
class Plant:
    """One cause. ``ms`` and ``hz``: length and rate of its pieces; ``share`` of one core or of the time."""

    name: str
    ms: float = 0.0
    hz: float = 0.0
    share: float = 0.0


def parse_plant(text: str) -> Plant:
    """Read ``NAME:ARGS``.

    Raises:
        InputError: it is none; names those that there are.
    """
    name, *words = text.split(":")
    try:
        values = [float(word) for word in words]
    except ValueError:
        values = []
    if len(values) != _NUMBERS.get(name, -1):
        raise InputError(f"--plant {text}: there is no such cause; valid: {_VALID}")
    plant = Plant(name)
    if name in ("block", "busy"):
        plant = Plant(name, ms=values[0], hz=values[1])
    elif name == "gc":
        plant = Plant(name, hz=values[0])
    else:
        plant = Plant(name, share=values[0])
    timed = name in ("block", "busy")
    if (timed and not 0 < plant.ms <= _MOST_MS) or ((timed or name == "gc") and not 0 < plant.hz <= _MOST_HZ):
        raise InputError(f"--plant {text}: from 0 to {_MOST_MS:g} ms, from 0 to {_MOST_HZ:g} times a second")
    if name in ("spin", "gil") and not 0 < plant.share <= 1:
        raise InputError(f"--plant {text}: a share is above 0 and at most 1")
    return plant
