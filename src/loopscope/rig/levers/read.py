"""The size of a read in a rig."""

from loopscope.rig.levers import Levers
from loopscope.settings.levers.read import parse_read


def read(levers: Levers, value: str) -> None:
    """Set it for connections that are opened from now on."""
    levers.gate.read_bytes = parse_read(value)


APPLY = read
