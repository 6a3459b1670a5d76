"""From which share of time on a loop is called busy, and from which full: colour and word have one home."""

AMBER, RED = 0.75, 0.95
"""A loop that is three quarters full still delivers in time, and has no room for twice as much; from 0.95 on chunks
clump and wait."""


def style(share: float | None, calm: str = "elu") -> str:
    """Return the style of a bar or figure of so busy a loop."""
    if share is None or share < AMBER:
        return calm
    return "busy" if share < RED else "stall"


def word(share: float | None) -> str:
    """Return what the colour says, for those who do not see it."""
    if share is None or share < AMBER:
        return ""
    return "nearly full" if share < RED else "full"
