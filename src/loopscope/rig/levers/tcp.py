"""TCP options in a rig."""

from loopscope.rig.levers import Levers
from loopscope.settings.levers.tcp import parse_tcp


def tcp(levers: Levers, value: str) -> None:
    """Set them for connections that are opened from now on."""
    levers.gate.tcp = parse_tcp(value)


APPLY = tcp
