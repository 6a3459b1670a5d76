"""Where the hot path leaves its samples: bounded, counted when full, never waiting.

One thread appends (the loop), one takes (the sender). ``list.append``, slicing and ``del list[:n]`` are each atomic
under the GIL, so neither needs a lock.
"""

from typing import Any

from loopscope.probe.lines import PLAIN, Lines

ROOM = 1 << 16
"""Rows between two sends: at 100 ms that is 655 360 chunks/s, 15 times the fastest client here; 20 MB at most."""

ChunkRow = tuple[int, int, object, int, bool]
"""agent, received ns, server's stamp (its text, or None), handled ns, first chunk of its request."""


class SampleBuffer:
    """Rows and records that wait to be sent. ``proc`` is the name that records made here carry, ``lines`` makes them.

    ``chunks`` stays the same list for ever: the hot path appends to it without asking here, and looks at ``room`` first
    (``RequestRecorder.take`` of the rig).
    """

    __slots__ = ("beats", "chunks", "dropped", "events", "lines", "proc", "room")

    def __init__(self, proc: str = "", room: int = ROOM, lines: Lines = PLAIN) -> None:
        self.proc = proc
        self.lines = lines
        self.room = room
        self.chunks: list[ChunkRow] = []
        self.events: list[Any] = []
        self.beats: list[int] = []
        self.dropped = 0

    def chunk(self, row: ChunkRow) -> None:
        """Keep a chunk, or count it as dropped."""
        if len(self.chunks) < self.room:
            self.chunks.append(row)
        else:
            self.dropped += 1

    def beat(self, late_ns: int) -> None:
        """Keep the lateness of one heartbeat, or count it as dropped."""
        if len(self.beats) < self.room:
            self.beats.append(late_ns)
        else:
            self.dropped += 1

    def event(self, record: Any) -> None:
        """Keep a record; requests and states are few, but a server that refuses at once must not fill the memory."""
        if len(self.events) < self.room:
            self.events.append(record)
        else:
            self.dropped += 1

    def emit(self, kind: str, /, **members: Any) -> None:
        """Make a record of this process, and keep it."""
        self.event(self.lines.make(kind, proc=self.proc, **members))

    def take_events(self) -> list[Any]:
        """Take the records that wait."""
        taken = self.events[:]
        del self.events[: len(taken)]
        return taken

    def take_chunks(self) -> list[ChunkRow]:
        """Take the chunk rows that wait."""
        taken = self.chunks[:]
        del self.chunks[: len(taken)]
        return taken

    def take_beats(self) -> list[int]:
        """Take the heartbeats that wait."""
        taken = self.beats[:]
        del self.beats[: len(taken)]
        return taken
