"""Where a trace can be entered, and its seconds, without reading all of it.

What a trailer says is a hint: a place counts only if a checkpoint of that moment begins there. A trace without a
trailer (killed, or still being written) is searched for the beginnings of checkpoints.
"""

import mmap
import re
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from itertools import islice

from loopscope.core import zstd
from loopscope.core.codec import decode
from loopscope.core.errors import TraceError
from loopscope.core.records import Checkpoint, Seconds, Trailer
from loopscope.trace.lines import Lines
from loopscope.trace.reader import Reading, trailer_of
from loopscope.trace.seconds import SecondTable
from loopscope.trace.vet import SPAN_NS, Vetter

_MOST_PLACES = 100_000
_MOST_LOOKS = 20_000
"""Beginnings of frames that are looked at where there is no trailer: two days of them, a second of looking."""
_MOST_RECORDS = 1_000
_HEAD_BYTES = 80
_HEAD = re.compile(rb'\{"k":"checkpoint","t_ns":(\d{1,19}),')
_LINE = re.compile(rb'\n\{"k":"checkpoint","t_ns":(\d{1,19}),')


@dataclass(slots=True)
class Index:
    """What a trace says of itself at its end."""

    places: list[tuple[int, int]] = field(default_factory=list)
    """Moment (ns since the header) and place (bytes) of each checkpoint, in order."""
    seconds: SecondTable | None = None
    """Sums of each second; ``None`` where the trace does not have them in one place."""
    closed: bool = False


def index_of(reading: Reading) -> Index:
    """Give the index of an open trace. Whatever its bytes are, nothing is raised; what cannot be used is left out."""
    trailer = trailer_of(reading)
    if trailer is None:
        return Index(_searched(reading))
    origin_ns = reading.header.t_ns
    try:
        checked = Vetter(origin_ns).check(trailer)
    except TraceError:
        return Index(_searched(reading))
    assert isinstance(checked, Trailer)  # noqa: S101 - check() keeps the kind
    places = [
        (t_ns, at)
        for t_ns, at in islice(zip(checked.index_ns, checked.index_at, strict=False), _MOST_PLACES)
        if 0 <= t_ns <= SPAN_NS and at > 0
    ]
    return Index(sorted(places), _seconds(reading, checked.seconds_at), closed=True)


def checkpoint_at(reading: Reading, t_ns: int, at: int) -> Checkpoint | None:
    """Read the checkpoint that an index promises; ``None`` if there is none of that moment at that place."""
    try:
        with closing(Lines(reading.path, at, one_frame=True)) as lines:
            record = decode(next(iter(lines), b""))
    except TraceError:
        return None
    good = isinstance(record, Checkpoint) and record.t_ns == reading.header.t_ns + t_ns
    return record if good and isinstance(record, Checkpoint) else None


def _seconds(reading: Reading, at: int) -> SecondTable | None:
    if at <= 0:
        return None
    table, vetter = SecondTable(reading.header.t_ns), Vetter(reading.header.t_ns)
    try:
        with closing(Lines(reading.path, at)) as lines:
            for line in islice(lines, _MOST_RECORDS):
                record = vetter.check(decode(line))
                if isinstance(record, Trailer):
                    break
                if not isinstance(record, Seconds):
                    return None
                table.add(record)
    except TraceError:
        return None
    return table if table.begin_ns else None


def _searched(reading: Reading) -> list[tuple[int, int]]:
    """Look for checkpoints in the bytes of a file that has no trailer."""
    origin_ns = reading.header.t_ns
    try:
        with reading.path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
            found = _frames(reading, data) if reading.compressed else _lines(data)
            places = [(t_ns - origin_ns, at) for t_ns, at in islice(found, _MOST_PLACES)]
    except (OSError, ValueError):
        return []
    return sorted(place for place in places if 0 <= place[0] <= SPAN_NS)


def _lines(data: mmap.mmap) -> Iterator[tuple[int, int]]:
    for match in _LINE.finditer(data):
        yield int(match[1]), match.start() + 1


def _frames(reading: Reading, data: mmap.mmap) -> Iterator[tuple[int, int]]:
    at = data.find(zstd.MAGIC)
    looked = 0
    while at >= 0 and looked < _MOST_LOOKS:
        looked += 1
        try:
            with closing(Lines(reading.path, at, one_frame=True)) as lines:
                head = _HEAD.match(lines.head(_HEAD_BYTES))
        except TraceError:
            head = None
        if head:
            yield int(head[1]), at
        at = data.find(zstd.MAGIC, at + 1)
