"""The event loop."""

import sys

from loopscope.settings.levers.lever import Lever


def loops_here() -> tuple[str, ...]:
    """Names of the event loops that can run on this platform."""
    return ("asyncio",) if sys.platform == "win32" else ("asyncio", "uvloop")


class _Loop(Lever):
    name = "loop"
    place = 20
    key = "u"
    default = "asyncio"
    rank = 1
    ceiling_place = 20
    founding = True
    speaks_alone = True
    presets = ("asyncio", "uvloop")
    help = "the event loop: a new rig process takes over, the old one drains"

    def here(self) -> tuple[str, ...]:
        return loops_here()


LEVER = _Loop()
