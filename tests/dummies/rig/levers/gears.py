"""What a rig does with the lever that a test adds."""

from loopscope.rig.levers import Levers


def gears(levers: Levers, value: str) -> None:
    """Throttle in low gear."""
    levers.throttle_hz = 1.0 if value == "low" else 1000.0


APPLY = gears
