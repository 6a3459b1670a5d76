"""Batching in a rig: ``read:T`` closes the gate of the sockets, ``decode`` holds bytes; one ends the other."""

from loopscope.rig.levers import Levers
from loopscope.settings.levers.batch import Batch, parse_batch


def batch(levers: Levers, value: str) -> None:
    """Set the gate of the sockets, or how long bytes are held."""
    parsed = parse_batch(value)
    levers.gate.every_ns = parsed.every_ns if parsed.kind == "read" else 0
    levers.batch = parsed if parsed.kind == "decode" else Batch()


APPLY = batch
