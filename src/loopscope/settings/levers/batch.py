"""How bytes are taken in: as they come, decoded in batches, or read in batches."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from loopscope.core.errors import InputError
from loopscope.settings.clients import decodes_itself
from loopscope.settings.levers.lever import Lever

_VALID = "off, decode:50ms, decode:1KiB, read:50ms (any time or size)"
_BATCH = re.compile(r"(?:(decode|read):)?([0-9]+(?:\.[0-9]+)?)\s*(ms|s|B|KiB|MiB)", re.IGNORECASE)
_TIME_NS = {"ms": 1_000_000, "s": 1_000_000_000}
_SIZE_B = {"b": 1, "kib": 1024, "mib": 1024 * 1024}


@dataclass(frozen=True, slots=True)
class Batch:
    """How bytes are taken in. ``kind``: ``off``, ``decode``, ``read``; ``every_ns`` or ``size_bytes`` is set."""

    kind: str = "off"
    every_ns: int = 0
    size_bytes: int = 0

    def __str__(self) -> str:
        """Give the canonical string."""
        if self.kind == "off":
            return "off"
        if self.every_ns:
            return f"{self.kind}:{self.every_ns / 1e6:g}ms"
        whole, rest = divmod(self.size_bytes, 1024)
        return f"{self.kind}:{whole}KiB" if not rest else f"{self.kind}:{self.size_bytes}B"


def parse_batch(text: str) -> Batch:
    """Read a batch value: ``off``, ``decode:T``, ``decode:B``, ``read:T``.

    Raises:
        InputError: with the values that are valid.
    """
    if text.strip().lower() == "off":
        return Batch()
    match = _BATCH.fullmatch(text.strip())
    if match is None:
        raise InputError(f"batch={text!r} is not known; valid: {_VALID}")
    kind, number, unit = (match[1] or "decode").lower(), float(match[2]), match[3].lower()
    if unit in _TIME_NS:
        every_ns = round(number * _TIME_NS[unit])
        if not 1_000_000 <= every_ns <= 10_000_000_000:
            raise InputError(f"batch={text!r}: a time from 1 ms to 10 s")
        return Batch(kind, every_ns=every_ns)
    if kind == "read":
        raise InputError(f"batch={text!r}: read batching takes a time, e.g. read:50ms; sizes are for decode")
    size = round(number * _SIZE_B[unit])
    if not 1 <= size <= 1 << 20:
        raise InputError(f"batch={text!r}: a size from 1 B to 1 MiB")
    return Batch(kind, size_bytes=size)


class _BatchLever(Lever):
    name = "batch"
    place = 50
    key = "b"
    ask_key = "B"
    ask_help = "enter a batching: type a time or a size"
    default = "off"
    at_once = True
    rank = 1
    ceiling_place = 40
    founding = True
    presets = ("off", "decode:50ms", "read:50ms", "decode:1KiB")
    valid = _VALID
    help = (
        "decode: read as it comes, decode later (saves only decoding); read: let the socket coalesce (saves wake-ups,"
        " costs delay)"
    )

    def parse(self, text: str) -> str:
        return str(parse_batch(text))

    def no_effect(self, levers: Mapping[str, str]) -> str:
        return decodes_itself(levers["client"]) if levers["batch"].startswith("decode:") else ""


LEVER = _BatchLever()
