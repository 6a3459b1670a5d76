"""Ground truth: what the emulator meant to send and when it did, and its counters."""

from array import array
from pathlib import Path
from time import perf_counter_ns, process_time_ns

from loopscope.core.records import Truth

LOG_ROWS = 1 << 16
"""Rows kept, 1.5 MiB: 6 s at 10 000 chunks/s. Older rows are overwritten, and a reader is told how many it missed."""
_MASK = LOG_ROWS - 1
_SAMPLE = 2048


_SCHEDSTAT = Path("/proc/thread-self/schedstat")


def runq_ns() -> int | None:
    """Time for which the calling thread could have run but had no core, so far; ``None``: not told here."""
    try:
        return int(_SCHEDSTAT.read_bytes().split()[1])
    except (OSError, IndexError, ValueError):
        return None


class Ledger:  # its members are written up to 100 000 times a second: plain attributes, no properties
    """Counters since the start, and the log of the latest chunks.

    Row n of the log says that a chunk of request ``log_request[n]`` was due at ``log_meant[n]`` and had been handed to
    the socket whole at ``log_sent[n]`` (ns, monotonic clock).
    """

    def __init__(self) -> None:
        self.rows = 0
        """Rows ever logged; row n stands at ``n & (LOG_ROWS - 1)``. Equal to the chunks sent."""
        self.log_request = array("q", bytes(8 * LOG_ROWS))
        self.log_meant = array("q", bytes(8 * LOG_ROWS))
        self.log_sent = array("q", bytes(8 * LOG_ROWS))
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

    def sent(self, request: int, meant_ns: int, sent_ns: int) -> None:
        """Log a chunk."""
        row = self.rows & _MASK
        self.log_request[row] = request
        self.log_meant[row] = meant_ns
        self.log_sent[row] = sent_ns
        self.rows += 1

    def sent_together(self, request: int, now: int, count: int) -> None:
        """Log chunks without a schedule that left in one write."""
        row = self.rows & _MASK
        end = row + count
        if end > LOG_ROWS:
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

    def since(self, row: int, limit: int = 8192) -> tuple[int, list[tuple[int, int, int]]]:
        """Rows from number ``row`` on: the number of the first one given (later rows were overwritten) and the rows."""
        first = min(max(row, self.rows - LOG_ROWS, 0), self.rows)
        places = (n & _MASK for n in range(first, min(self.rows, first + limit)))
        return first, [(self.log_request[p], self.log_meant[p], self.log_sent[p]) for p in places]

    def lateness(self, since: int) -> tuple[int | None, int | None, int | None]:
        """p50, p99 and maximum of sent - meant (ns) over the rows from ``since`` on, from at most 2 048 of them."""
        end = self.rows
        first = max(since, end - LOG_ROWS)
        if first >= end:
            return None, None, None
        stride = max(1, (end - first) // _SAMPLE)
        late = sorted(self.log_sent[n & _MASK] - self.log_meant[n & _MASK] for n in range(first, end, stride))
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
        )
