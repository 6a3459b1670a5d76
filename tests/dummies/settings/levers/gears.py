"""A lever that a test adds."""

from loopscope.settings.levers.lever import Lever


class _Gears(Lever):
    name = "gears"
    key = "z"
    ask_key = "Z"
    ask_help = "enter gears: type them"
    default = "low"
    at_once = True
    ceiling_place = 80
    presets = ("low", "high")
    help = "how fast the agents turn their pages"


LEVER = _Gears()
