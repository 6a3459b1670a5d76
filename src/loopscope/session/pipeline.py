"""Where all lines meet: one thread that records every line, folds it, and answers with snapshots.

The screen asks; late asks merge into one. Whatever arrives first is folded first, and the file holds the lines in that
same order, so that folding the file gives the same state.
"""

import queue
import threading
import time
from collections.abc import Callable

from loopscope.core.clock import now_ns
from loopscope.core.codec import decode, encode
from loopscope.core.errors import TraceError
from loopscope.core.records import AnyRecord, Header, Loss, Observer, Record, Second
from loopscope.model.fold import Fold
from loopscope.model.snapshot import Snapshot
from loopscope.session.checkpoints import Checkpoints
from loopscope.session.finding_monitor import FindingMonitor
from loopscope.session.recorder import Recorder
from loopscope.trace.seconds import SecondTable

_OBSERVE_S = 1.0


class Pipeline:
    """``on_record`` is called from the hub's thread after each record has been folded; ``dress`` may add to a snapshot
    what no record says (a lever that is being applied). ``judge`` is asked once a second.
    """

    def __init__(
        self,
        recorder: Recorder | None,
        *,
        on_record: Callable[[AnyRecord], None],
        dress: Callable[[Snapshot], Snapshot] = lambda snapshot: snapshot,
        judge: FindingMonitor | None = None,
    ) -> None:
        self.fold = Fold()
        self.folding = True
        """Without it lines are recorded and told of, and snapshots stay empty: at 60 000 chunks/s a third of a core."""
        self.seconds = SecondTable(0)
        """Sums of each second so far."""
        self._over: list[Second] = []
        self.fold.seconds.hear = self._over.append
        self._checkpoints = Checkpoints()
        self._recorder = recorder
        self._on_record = on_record
        self._dress = dress
        self._judge = judge
        self._lines: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
        self._held: list[bytes] | None = []
        self._lock = threading.Lock()
        self._answer: Callable[[Snapshot], None] | None = None
        self._bad_lines = 0
        self._thread = threading.Thread(target=self._run, name="hub", daemon=True)

    def record_to(self, recorder: Recorder) -> None:
        """Record there; to be said before the hub is opened."""
        self._recorder = recorder

    def open(self, header: Header) -> None:
        """Let the lines through, the header first; what came before it follows in its order."""
        with self._lock:
            self.seconds = SecondTable(header.t_ns)
            held, self._held = self._held or [], None
            self._lines.put(encode(header))
            for line in held:
                self._lines.put(line)
        self._thread.start()

    def put(self, line: bytes) -> None:
        """Take one line from a child; callable from any thread, never blocks."""
        with self._lock:
            if self._held is not None:
                self._held.append(line)
            else:
                self._lines.put(line)

    def emit(self, record: Record) -> None:
        """Take a record of our own."""
        self.put(encode(record))

    def ask(self, answer: Callable[[Snapshot], None]) -> None:
        """Answer once with a fresh snapshot from the hub's thread; an ask that still waits is replaced."""
        with self._lock:
            waiting, self._answer = self._answer is not None, answer
        if not waiting:
            self._lines.put(b"")

    def close(self) -> None:
        """Fold what has come, end the thread, close the recording."""
        if self._thread.is_alive():
            self._lines.put(None)
            self._thread.join()
        self.fold.seconds.end(self.fold.time.zero or 0)
        self._tell_seconds()
        if self._recorder is not None:
            self._recorder.close()

    def _run(self) -> None:
        last_ns, last_cpu_ns, last_recorder_ns = now_ns(), time.process_time_ns(), 0
        while True:
            try:
                line = self._lines.get(timeout=_OBSERVE_S / 4)
            except queue.Empty:
                line = b""
            if line is None:
                break
            if line:
                self._take(line)
            if self._answer is not None:
                self._reply()
            at_ns = now_ns()
            if at_ns - last_ns >= _OBSERVE_S * 1e9:
                cpu_ns = time.process_time_ns()
                recorder_ns = self._recorder.cpu_ns if self._recorder is not None else 0
                record = Observer(
                    t_ns=at_ns,
                    proc="session",
                    dt_ns=at_ns - last_ns,
                    cpu_ns=cpu_ns - last_cpu_ns,
                    recorder_ns=max(0, recorder_ns - last_recorder_ns),
                    lost_lines=self._bad_lines + (self._recorder.lost_lines if self._recorder is not None else 0),
                )
                self._take(encode(record))
                if self._judge is not None and self.folding:
                    for finding in self._judge.look(self.fold.snapshot(at_ns), at_ns):
                        self._take(encode(finding))
                self._checkpoint(at_ns)
                last_ns, last_cpu_ns, last_recorder_ns = at_ns, cpu_ns, recorder_ns

    def _take(self, line: bytes) -> None:
        try:
            record = decode(line)
        except TraceError as error:
            self._bad_lines += 1
            if self._bad_lines == 1:  # the rest is in the count
                record = Loss(t_ns=now_ns(), proc="session", what="lines", count=1, words=str(error)[:200])
                line = encode(record)
            else:
                return
        if self._recorder is not None:
            self._recorder.offer(line)
            self._checkpoints.line(len(line))
        if self.folding:
            self.fold.feed(record)
            if self._over:
                self._tell_seconds()
        self._on_record(record)

    def _tell_seconds(self) -> None:
        for second in self._over:
            self.seconds.add(second)
            if self._recorder is not None:
                self._recorder.offer(encode(second))
        self._over.clear()

    def _checkpoint(self, at_ns: int) -> None:
        # What the file lacks must not come back by a checkpoint: a seek shows what playing shows.
        if self._recorder is None or not self.folding or self._recorder.lost_lines:
            return
        line = self._checkpoints.make(self.fold, at_ns)
        if line is not None:
            self._recorder.offer(line)

    def _reply(self) -> None:
        # Lines that wait are folded first: under load an answer describes now, not the backlog. Only those that wait
        # at this moment: a flood must not keep the screen waiting.
        for _ in range(self._lines.qsize()):
            line = self._lines.get_nowait()
            if line is None:
                self._lines.put(None)
                break
            if line:
                self._take(line)
        with self._lock:
            answer, self._answer = self._answer, None
        if answer is not None:
            answer(self._dress(self.fold.snapshot(now_ns())))
