"""Record ground truth: what the emulator meant to send and when it did, and its counters."""

from array import array
from collections import deque
from itertools import islice
from pathlib import Path
from time import perf_counter_ns, process_time_ns
from typing import NamedTuple

from loopscope.core.records import Truth

SEGMENT_ROWS = 1 << 14
"""Rows of one piece of the log, 384 KiB: made in 0.4 ms when the one before is full (one of 65 536 took 1 to 2 ms)."""
REQUEST_ROWS = 1 << 16
_MASK = SEGMENT_ROWS - 1
_SAMPLE = 2048
Row = tuple[int, int, int]


_SCHEDSTAT = Path("/proc/thread-self/schedstat")


def runq_ns() -> int | None:
    """Time for which the calling thread could have run but had no core, so far; ``None``: not told here."""
    try:
        return int(_SCHEDSTAT.read_bytes().split()[1])
    except (OSError, IndexError, ValueError):
        return None


class Segment:
    """A piece of the log: row n says that a chunk of ``request[n]`` was due at ``meant[n]`` and had been handed to the
    socket whole at ``sent[n]`` (ns, monotonic clock)."""

    __slots__ = ("meant", "request", "sent")

    def __init__(self) -> None:
        self.request = array("q", (0,)) * SEGMENT_ROWS
        self.meant = array("q", (0,)) * SEGMENT_ROWS
        self.sent = array("q", (0,)) * SEGMENT_ROWS


class RequestRow(NamedTuple):
    """One request that has ended; times in ns on the monotonic clock."""

    request: int
    accepted_ns: int
    """Its connection was accepted."""
    parsed_ns: int
    """All of it had been read and parsed."""
    ended_ns: int
    chunks: int
    """Messages with content that were sent whole."""
    outcome: str


class Ledger:  # its members are written up to 100 000 times a second: plain attributes, no properties
    """Counters since the start, the log of the latest chunks and that of the latest requests.

    The log grows by a segment at a time up to ``log_rows``; from there on, or where memory ends, the oldest is lost.
    """

    def __init__(self, log_rows: int = SEGMENT_ROWS) -> None:
        self.rows = 0
        """Rows ever logged. Equal to the chunks sent."""
        self._most_segments = max(1, log_rows // SEGMENT_ROWS)
        self._segments = deque([Segment()])
        self.lost_rows = 0
        """Rows that the log holds no longer: row n is in it from this number on."""
        self._open()
        self.ended_requests: deque[RequestRow] = deque(maxlen=REQUEST_ROWS)
        self.ended_count = 0
        """Requests ever put there."""
        self.requests = 0
        """Generation requests taken in."""
        self.outcomes: dict[str, int] = {}
        """How they ended: ``done``, ``gone`` (the client left), ``error`` (refused before the stream), or a fault."""
        self.streams = 0
        """Requests under way."""
        self.waiting = 0
        """Those of them that wait for a slot or for the model."""
        self.messages_final = 0
        """Messages without content at the end of a stream."""
        self.tokens = 0
        """Tokens generated, whether or not they gave a chunk."""
        self.silent_tokens = 0
        self.abandoned_chunks = 0
        """Chunks sent on streams whose client hung up before it had read the end: it has seen the first of them, and
        the rest is unread."""
        self.unsent_chunks = 0
        """Chunks that were made and could not be sent, because the client had gone."""
        self.bytes = 0
        """Bytes of streams."""
        self.blocked = 0
        """How often a stream had to wait for its client to read."""
        self.connections = 0
        self._reported = 0

    @property
    def chunks(self) -> int:
        """Messages with content that were sent whole."""
        return self.rows

    @property
    def messages(self) -> int:
        """All messages of streams."""
        return self.rows + self.messages_final

    def _open(self) -> None:
        """Write into the last segment from now on."""
        segment = self._segments[-1]
        self.log_request, self.log_meant, self.log_sent = segment.request, segment.meant, segment.sent

    def roll(self) -> None:
        """Begin another segment, once the last row of one is written."""
        if len(self._segments) < self._most_segments:
            try:
                self._segments.append(Segment())
            except MemoryError:
                self._most_segments = len(self._segments)
        if len(self._segments) == self._most_segments and self.rows - self.lost_rows == SEGMENT_ROWS * len(
            self._segments
        ):
            self._segments.append(self._segments.popleft())
            self.lost_rows += SEGMENT_ROWS
        self._open()

    def sent(self, request: int, meant_ns: int, sent_ns: int) -> None:
        """Log a chunk."""
        row = self.rows & _MASK
        self.log_request[row] = request
        self.log_meant[row] = meant_ns
        self.log_sent[row] = sent_ns
        self.rows += 1
        if row == _MASK:
            self.roll()

    def sent_together(self, request: int, now: int, count: int) -> None:
        """Log chunks without a schedule that left in one write."""
        row = self.rows & _MASK
        end = row + count
        if end > _MASK:
            for _ in range(count):
                self.sent(request, now, now)
            return
        stamps = array("q", (now,)) * count
        self.log_request[row:end] = array("q", (request,)) * count
        self.log_meant[row:end] = stamps
        self.log_sent[row:end] = stamps
        self.rows += count

    def ended(self, outcome: str) -> None:
        """Count the end of a request."""
        self.outcomes[outcome] = self.outcomes.get(outcome, 0) + 1

    def request_ended(self, row: RequestRow) -> None:
        """Log a request that was taken in and has ended."""
        self.ended_requests.append(row)
        self.ended_count += 1

    def requests_since(self, number: int, limit: int = 8192) -> tuple[int, list[RequestRow]]:
        """Return ended requests from the one of that number on: the number of the first one returned, and they."""
        oldest = self.ended_count - len(self.ended_requests)
        first = min(max(number, oldest), self.ended_count)
        return first, list(islice(self.ended_requests, first - oldest, first - oldest + limit))

    def since(self, row: int, limit: int = 8192) -> tuple[int, list[Row]]:
        """Return rows from number ``row`` on: the number of the first one returned (older ones are lost), and they."""
        first = min(max(row, self.lost_rows, 0), self.rows)
        return first, [self._row(n) for n in range(first, min(self.rows, first + limit))]

    def _row(self, number: int) -> Row:
        place = number - self.lost_rows
        segment, row = self._segments[place // SEGMENT_ROWS], place & _MASK
        return segment.request[row], segment.meant[row], segment.sent[row]

    def lateness(self, since: int) -> tuple[int | None, int | None, int | None]:
        """Return p50, p99 and maximum of sent - meant (ns) over rows from ``since`` on, of at most 2 048 of them."""
        end = self.rows
        first = max(since, self.lost_rows)
        if first >= end:
            return None, None, None
        stride = max(1, (end - first) // _SAMPLE)
        late = sorted(sent - meant for _, meant, sent in map(self._row, range(first, end, stride)))
        return late[len(late) // 2], late[min(len(late) - 1, len(late) * 99 // 100)], late[-1]

    def record(self, proc: str, watts: float | None) -> Truth:
        """Return the record of this moment; lateness is that since the record before."""
        p50, p99, _ = self.lateness(self._reported)
        self._reported = self.rows
        return Truth(
            t_ns=perf_counter_ns(),
            proc=proc,
            requests=self.requests,
            streams=self.streams,
            chunks=self.chunks,
            messages=self.messages,
            tokens=self.tokens,
            bytes=self.bytes,
            late_p50_ns=p50,
            late_p99_ns=p99,
            watts=watts,
            cpu_ns=process_time_ns(),
            blocked=self.blocked,
            runq_ns=runq_ns(),
            abandoned=self.abandoned_chunks,
        )
