"""The JSON decoders that the lever ``decoder`` chooses from."""

import json

from loopscope.rig.levers import Levers
from loopscope.streams.dialect import Loads


def loads_of(name: str) -> Loads:
    """Return the function of a decoder: ``json`` or ``orjson``."""
    if name == "json":
        return json.loads
    import orjson

    return orjson.loads


def decoder(levers: Levers, value: str) -> None:
    """Decode with it from the next line on."""
    levers.loads = loads_of(value)


APPLY = decoder
