"""The JSON decoders that the lever ``decoder`` chooses from."""

import json

from loopscope.streams.dialect import Loads


def loads_of(decoder: str) -> Loads:
    """Return the function of the decoder lever: ``json`` or ``orjson``."""
    if decoder == "json":
        return json.loads
    import orjson

    return orjson.loads
