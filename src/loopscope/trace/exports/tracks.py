"""Tracks and events of a Perfetto trace, as packets. Field numbers are those of Perfetto's ``trace_packet.proto``."""

from collections.abc import Hashable, Mapping
from typing import BinaryIO

from loopscope.core.text import plain
from loopscope.trace.exports.protobuf import double, integer, message, text, varint

DELIVERY, HANDLING = 1, 2
"""Interned names of the two slices of a chunk: sent -> received, received -> handled."""
_NAMES = {DELIVERY: "delivery", HANDLING: "handling"}
_BEGIN, _END, _INSTANT, _COUNTER = 1, 2, 3, 4
_BOOTTIME, _REALTIME = 6, 1
_EXPLICIT = 3
_MOST_TEXT = 500
_SEQUENCE = integer(10, 1)
_CLEARED = integer(13, 1)
_NEEDS_NAMES = integer(13, 2)


class Tracks:
    """Writes packets into ``file``; every track is described before its first event."""

    def __init__(self, file: BinaryIO, title: str) -> None:
        self._file = file
        self._uuids: dict[Hashable, int] = {}
        self._last = 0
        names = b"".join(message(2, integer(1, iid), text(2, name)) for iid, name in _NAMES.items())
        self._packet(_SEQUENCE, _CLEARED, integer(87, 1), message(12, names))
        self._title = title

    def clocks(self, at_ns: int, wall_ns: int) -> None:
        """Say which moment of the wall clock (Unix, ns) a moment of the trace is."""
        pairs = ((_BOOTTIME, at_ns), (_REALTIME, wall_ns))
        body = b"".join(message(1, integer(1, clock), integer(2, ns)) for clock, ns in pairs)
        self._packet(_SEQUENCE, message(6, body, integer(2, _BOOTTIME)))

    def group(self, key: str, name: str = "") -> int:
        """Give the track that others stand below; the first name counts."""
        if key not in self._uuids:
            self._uuids[key] = self._describe(text(2, f"{name or key} · {self._title}"), integer(11, _EXPLICIT))
        return self._uuids[key]

    def track(self, key: Hashable, group: str, name: str, rank: int) -> int:
        """Give a track of slices and instants below a group."""
        if key not in self._uuids:
            parent = self.group(group)
            self._uuids[key] = self._describe(integer(5, parent), text(2, plain(name, 160)), integer(12, rank))
        return self._uuids[key]

    def lane(self, parent: int, name: str) -> int:
        """Give a new track below another; Perfetto draws those of one name together."""
        return self._describe(integer(5, parent), text(2, name))

    def counter(self, group: str | None, name: str) -> int:
        """Give a track of numbers."""
        key = (group, name)
        if key not in self._uuids:
            parent = self.group(group) if group else self.group("counters")
            self._uuids[key] = self._describe(integer(5, parent), text(2, plain(name, 160)), message(8))
        return self._uuids[key]

    def quick(self, track: int, start_ns: int, end_ns: int, name: int) -> None:
        """Write a slice with an interned name."""
        # By hand, as one write: there are two of these for every chunk.
        uuid = b"\x58" + varint(track)
        begin = b"\x48\x01" + uuid + b"\x50" + varint(name)
        end = b"\x48\x02" + uuid
        first = b"\x40" + varint(start_ns) + _SEQUENCE + _NEEDS_NAMES + b"\x5a" + varint(len(begin)) + begin
        second = b"\x40" + varint(end_ns) + _SEQUENCE + _NEEDS_NAMES + b"\x5a" + varint(len(end)) + end
        self._file.write(b"\x0a" + varint(len(first)) + first + b"\x0a" + varint(len(second)) + second)

    def slice(
        self, track: int, start_ns: int, end_ns: int, name: str, told: Mapping[str, object] | None = None
    ) -> None:
        """Write a slice."""
        self.begin(track, start_ns, name, told)
        self.end(track, end_ns)

    def begin(self, track: int, at_ns: int, name: str, told: Mapping[str, object] | None = None) -> None:
        """Begin a slice; ``told`` is what is said of it, without what is not known."""
        self._event(at_ns, _BEGIN, track, name, told)

    def end(self, track: int, at_ns: int) -> None:
        """End the slice that began last on a track."""
        self._event(at_ns, _END, track)

    def instant(self, track: int, at_ns: int, name: str, told: Mapping[str, object]) -> None:
        """Write a moment."""
        self._event(at_ns, _INSTANT, track, name, told)

    def count(self, track: int, at_ns: int, value: float) -> None:
        """Write a counter's value, which holds until its next one."""
        event = message(11, integer(9, _COUNTER), integer(11, track), double(44, value))
        self._packet(integer(8, at_ns), _SEQUENCE, event)

    def _event(
        self, at_ns: int, kind: int, track: int, name: str = "", told: Mapping[str, object] | None = None
    ) -> None:
        parts = [integer(9, kind), integer(11, track)]
        if name:
            parts.append(text(23, plain(name, 200)))
        parts += [_annotation(key, value) for key, value in (told or {}).items() if value not in {None, ""}]
        self._packet(integer(8, at_ns), _SEQUENCE, message(11, *parts))

    def _describe(self, *parts: bytes) -> int:
        self._last += 1
        self._packet(_SEQUENCE, message(60, integer(1, self._last), *parts))
        return self._last

    def _packet(self, *parts: bytes) -> None:
        self._file.write(message(1, *parts))


def _annotation(name: str, value: object) -> bytes:
    if isinstance(value, int):
        held = integer(4, value)
    elif isinstance(value, float):
        held = double(5, value)
    else:
        held = text(6, plain(str(value), _MOST_TEXT))
    return message(4, text(10, plain(name, 60)), held)
