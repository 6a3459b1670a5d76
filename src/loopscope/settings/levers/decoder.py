"""What turns a line into a message."""

from collections.abc import Mapping

from loopscope.settings.clients import decodes_itself
from loopscope.settings.levers.lever import Lever


class _Decoder(Lever):
    name = "decoder"
    place = 60
    key = "d"
    default = "orjson"
    at_once = True
    rank = 1
    ceiling_place = 30
    founding = True
    speaks_alone = True
    presets = ("orjson", "json")
    valid = "json, orjson"
    help = "what turns a line into a message"

    def no_effect(self, levers: Mapping[str, str]) -> str:
        return decodes_itself(levers["client"])


LEVER = _Decoder()
