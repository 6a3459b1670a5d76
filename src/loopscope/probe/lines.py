"""How what was measured becomes lines: handed in, so that the probe needs no library for it.

A rig hands in :mod:`loopscope.core.codec`; where nothing is installed, :data:`PLAIN` makes the same lines of the same
members with the standard library.
"""

import json
from typing import Any, Protocol


class Lines(Protocol):
    """Makes records, and lines of them. Kinds and members are those of :mod:`loopscope.core.records`."""

    def make(self, kind: str, /, **members: Any) -> Any:
        """Return a record of this kind (``pulse``, ``chunks``, ``anchor``, ``stall``)."""

    def encode(self, record: Any, /) -> bytes:
        """Return the line of a record, with its line end."""


class _Plain:
    """Dictionaries, and JSON of the standard library."""

    def make(self, kind: str, /, **members: Any) -> dict[str, Any]:
        """Return the members, with the kind."""
        return {"k": kind, **members}

    def encode(self, record: Any, /) -> bytes:
        """Return the line of a record, with its line end."""
        return json.dumps(record, separators=(",", ":")).encode() + b"\n"


PLAIN = _Plain()
