"""The recorder: a thread that owns the trace writer, so that a slow or full disk costs lines and never time.

``offer`` appends to a queue bounded in bytes and returns. The thread takes everything every 0.2 s and hands it to the
operating system, so that a killed session loses less than the promised half second. What does not fit is counted, and a
Loss record says so at the place in the file where the lines are missing.
"""

import threading
import time
from collections.abc import Callable
from pathlib import Path

from loopscope.core.clock import now_ns
from loopscope.core.codec import encode
from loopscope.core.errors import TraceError
from loopscope.core.records import Loss
from loopscope.core.text import plain
from loopscope.trace.writer import TraceWriter

TICK_S = 0.2
QUEUE_BYTES = 32 << 20
"""Two minutes of 5 000 chunks/s (115 kB/s as lines): longer than any disk that comes back at all stays away."""
CLOSE_S = 5.0
_CHECKPOINT = b'{"k":"checkpoint"'


class Recorder:
    """Records lines into ``path``, the header first. The file is opened here; the thread starts with the first line.

    ``on_problem`` is called with a sentence when something is wrong with the recording, and with an empty one when it
    is right again; from the recorder's thread, or from the thread that offers a line when the queue is full, so it must
    return at once.

    ``most_bytes``: what comes once the file is as large as that is left out, and not counted as lost.

    Raises:
        TraceError: the path cannot be written to, or holds something and ``overwrite`` is not set.
    """

    def __init__(
        self,
        path: str | Path,
        *,
        overwrite: bool = False,
        on_problem: Callable[[str], None] = lambda words: None,
        queue_bytes: int = QUEUE_BYTES,
        most_bytes: int | None = None,
    ) -> None:
        self.cpu_ns = 0
        """CPU that the thread has used so far."""
        self.lost_lines = 0
        """Lines that are not in the file, since the beginning."""
        self.problem = ""
        """What is wrong with the recording now, in one sentence; empty when it is right."""
        self._writer = TraceWriter(path, force=overwrite)
        self._path = plain(str(path))
        self._on_problem = on_problem
        self._room = queue_bytes
        self._most_bytes = most_bytes
        self._lock = threading.Lock()
        self._queue: list[bytes] = []
        self._free = queue_bytes
        self._told = 0
        self._why = ""
        self._wake = threading.Event()
        self._closing = False
        self._thread: threading.Thread | None = None

    def offer(self, line: bytes) -> bool:
        """Take one encoded line; never waits. ``False``: there was no room and the line is counted as lost."""
        with self._lock:
            taken = len(line) <= self._free and not self._closing
            if taken and self.lost_lines and line.startswith(_CHECKPOINT):
                return True  # it tells of lines that are not in the file
            if taken:
                self._queue.append(line)
                self._free -= len(line)
            else:
                self.lost_lines += 1
                self._why = f"{self._path} does not take data as fast as it comes: lines are left out"
            half_full = self._free < self._room // 2
            if self._thread is None and not self._closing:
                self._thread = threading.Thread(target=self._run, name="recorder", daemon=True)
                self._thread.start()
        if half_full:
            self._wake.set()
        if not taken:
            self._tell(self._why)
        return taken

    @property
    def index(self) -> list[tuple[int, int]]:
        """Moment (ns since the header) and place (bytes) of each checkpoint in the file so far."""
        return self._writer.index

    def close(self, deadline_s: float = CLOSE_S) -> None:
        """Write what waits and the trailer, close the file. Gives up on a disk that hangs; a second call does nothing.

        What could not be written is told through ``on_problem``; the file can be read up to there.
        """
        with self._lock:
            self._closing = True
            thread = self._thread
        self._wake.set()
        if thread is None:
            self._writer.close()
            return
        thread.join(deadline_s)
        if thread.is_alive():
            with self._lock:
                self.lost_lines += len(self._queue)
                self._queue.clear()
            self._tell(f"{self._path} takes no data: its end is missing")

    def _run(self) -> None:
        last = False
        while not last:
            self._wake.wait(TICK_S)
            self._wake.clear()
            with self._lock:
                last = self._closing
                batch, self._queue, self._free = self._queue, [], self._room
            self._write(batch)
            self.cpu_ns = time.thread_time_ns()
        try:
            self._writer.close()
        except TraceError as error:
            with self._lock:
                self.lost_lines += self._writer.waiting_lines
            self._tell(f"{error}; the end of the recording is missing")

    def _write(self, batch: list[bytes]) -> None:
        if self._most_bytes is not None and self._writer.taken_bytes > self._most_bytes:
            return
        refused, why = 0, ""
        for line in batch:
            if refused and line.startswith(_CHECKPOINT):
                continue
            try:
                self._writer.write_line(line)
            except TraceError as error:
                refused += 1
                why = str(error)
        with self._lock:
            self.lost_lines += refused
            new, why, self._why = self.lost_lines - self._told, why or self._why, ""
        try:
            if new and self._writer.lines:
                loss = Loss(t_ns=now_ns(), proc="session", what="lines", count=new, words=plain(why))
                self._writer.write_line(encode(loss))
                self._told += new
            self._writer.flush()
        except TraceError as error:
            why = str(error)
        self._tell(why)

    def _tell(self, words: str) -> None:
        if words != self.problem:
            self.problem = words
            self._on_problem(words)
