"""The measured processes: which one takes new requests, which ones still drain, what each last said of itself."""

from dataclasses import dataclass, field

from loopscope.core.clock import NS_PER_S
from loopscope.core.records import Hello, Pulse
from loopscope.core.text import plain

SILENT_NS = 5 * NS_PER_S
"""An older rig that has not spoken for so long is gone, even if nobody heard its ``bye``."""
_MOST_RIGS = 160
_MOST_TOGETHER = 64
"""Loops that work side by side."""
_MOST_WORDS = 32
_DAY_NS = 86_400 * NS_PER_S
NEVER = -(1 << 62)
"""Earlier than any hello: a hello lies before the header, so its time is below zero."""


@dataclass(slots=True, eq=False)
class Rig:
    """One measured process, as of its last record."""

    proc: str
    hello_at: int
    """:data:`NEVER` for one that was heard before its hello."""
    name: str = ""
    """Its event loop."""
    client: str = ""
    group: str = ""
    """Rigs of the same takeover have the same word; empty: it works alone."""
    floor_ns: int | None = None
    words: dict[str, str] = field(default_factory=dict)
    last_at: int = 0
    ended: bool = False
    serves: bool = True
    """Its loop's figures count. ``False`` for the rig of a takeover until its first chunk, or until the older rigs are
    gone: the seconds in which it waits for agents would make it look idle (8.2 % read 1.5 % for 12 s)."""
    streams: int = 0
    tasks: int = 0
    backlog_bytes: int | None = None
    connections: int | None = None
    queued: int | None = None
    dropped: int = 0


class Rigs:
    """Every rig by its process name. ``current`` is the first of those that serve now, ``group`` are all of them."""

    def __init__(self) -> None:
        self.current: Rig | None = None
        self.group: list[Rig] = []
        self.started = 0
        """How often a rig, or several together, has begun to serve."""
        self.dropped_at: int | None = None
        """When a sample was last told to be dropped (ns since zero)."""
        self._rigs: dict[str, Rig] = {}
        self._dropped_before = 0

    @property
    def dropped(self) -> int:
        """Samples that found no room, of all rigs."""
        return self._dropped_before + sum(rig.dropped for rig in self._rigs.values())

    def hello(self, record: Hello, t: int) -> None:
        """Take in a rig's hello: the latest one is current, together with those that began with it."""
        known = self._rigs.get(record.proc)
        overtaken = known is not None and known.hello_at == NEVER
        rig = known if known is not None and overtaken else self._new(record.proc, t)
        rig.hello_at = t
        rig.name = plain(record.info.get("loop", ""), 20)
        rig.client = plain(record.info.get("client", ""), 20)
        rig.group = plain(record.info.get("group", ""), 20)
        floor = record.lag_floor_ns
        rig.floor_ns = floor if floor is not None and 0 <= floor <= _DAY_NS else None
        signals = list(record.signals.items())[:_MOST_WORDS]
        rig.words = {plain(name, 20): plain(words) for name, words in signals if words != "ok"}
        if rig in self.group:
            # Its pulses came first and made it the current one; this is the hello that belongs to them.
            self.started = max(self.started, 1)
            return
        if self.current is not None and rig.group and rig.group == self.current.group:
            rig.serves = self.current.serves
            if len(self.group) < _MOST_TOGETHER:
                self.group.append(rig)
            return
        self.started += 1
        if self.current is None or t >= self.current.hello_at:
            self.current, self.group = rig, [rig]
            rig.serves = not self.older(t)

    def alone(self) -> None:
        """Take in that no older rig is left: whoever serves now counts from here on."""
        for rig in self.group:
            rig.serves = True

    def of(self, proc: str, t: int) -> Rig:
        """Give the rig that a pulse or chunks came from; one that never said hello is known from then on."""
        rig = self._rigs.get(proc)
        if rig is None:
            rig = self._new(proc, NEVER)
            if self.current is None:
                self.current, self.group = rig, [rig]
        rig.last_at = max(rig.last_at, t)
        return rig

    def pulse(self, rig: Rig, record: Pulse) -> None:
        """Take in what a pulse says of its rig's state now."""
        rig.name = plain(record.loop, 20) or rig.name
        rig.streams, rig.tasks = _count(record.streams), _count(record.tasks)
        rig.connections = None if record.connections is None else _count(record.connections)
        rig.queued = None if record.queued is None else _count(record.queued)
        rig.backlog_bytes = None if record.backlog_bytes is None else _count(record.backlog_bytes)
        if _count(record.dropped) > rig.dropped:
            rig.dropped, self.dropped_at = _count(record.dropped), rig.last_at

    def bye(self, proc: str) -> None:
        """Take in the end of a rig."""
        rig = self._rigs.get(proc)
        if rig is not None:
            rig.ended, rig.streams, rig.tasks, rig.backlog_bytes = True, 0, 0, None
            if rig in self.group and len(self.group) > 1:  # the others go on
                self.group.remove(rig)
                self.current = self.group[0] if rig is self.current else self.current

    @property
    def words(self) -> dict[str, str]:
        """Why the current rig cannot measure something, by the signal's name."""
        return {} if self.current is None else self.current.words

    @property
    def procs(self) -> tuple[str, ...]:
        """Names of the rigs that serve now."""
        return tuple(rig.proc for rig in self.group)

    def draining(self, latest: int) -> tuple[str, ...]:
        """Loop names of the older rigs that still finish requests."""
        return tuple(rig.name or rig.proc for rig in self.older(latest))

    def older(self, latest: int) -> list[Rig]:
        """Rigs that no longer serve, and have not ended."""
        return [
            rig
            for rig in self._rigs.values()
            if rig not in self.group and not rig.ended and rig.hello_at != NEVER and rig.last_at >= latest - SILENT_NS
        ]

    def _new(self, proc: str, t: int) -> Rig:
        if len(self._rigs) >= _MOST_RIGS:
            oldest = min((rig for rig in self._rigs.values() if rig not in self.group), key=lambda rig: rig.last_at)
            self._dropped_before += self._rigs.pop(oldest.proc).dropped
        earlier = self._rigs.get(proc)
        if earlier is not None:
            self._dropped_before += earlier.dropped
            if earlier in self.group and len(self.group) > 1:
                self.group.remove(earlier)
        rig = self._rigs[proc] = Rig(proc, t, last_at=t)
        return rig


def _count(value: int) -> int:
    return value if 0 <= value < 1 << 62 else 0
