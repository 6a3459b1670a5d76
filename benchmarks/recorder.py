"""The trace file: CPU of writing and reading it, and its bytes a chunk, at 5 000 chunks/s.

Lines are made beforehand, with the seconds and checkpoints that a session writes, and flushed as often as the recorder
does; only writing, reading and the making of checkpoints are timed, in CPU time.

    python benchmarks/recorder.py          one minute of 16 agents; some seconds
"""

import tempfile
import time
from pathlib import Path

from fold import records
from loopscope.core.codec import encode
from loopscope.core.records import Chunks, Second
from loopscope.model.fold import Fold
from loopscope.session.checkpoints import Checkpoints
from loopscope.session.recorder import TICK_S
from loopscope.trace.reader import last_ns, read
from loopscope.trace.writer import TraceWriter

SECONDS = 60
AGENTS, RATE = 16, 312.5


def main() -> None:
    """Print the table."""
    lines: list[tuple[int, bytes]] = []
    fold, checkpoints = Fold(), Checkpoints()
    told: list[Second] = []
    fold.seconds.hear = told.append
    chunks, made, made_s = 0, 0, 0.0
    for record in records(AGENTS, RATE, SECONDS):
        line = encode(record)
        lines.append((record.t_ns, line))
        checkpoints.line(len(line))
        fold.feed(record)
        chunks += len(record.agent) if isinstance(record, Chunks) else 0
        lines += [(record.t_ns, encode(second)) for second in told]
        told.clear()
        start = time.thread_time()
        checkpoint = checkpoints.make(fold, record.t_ns)
        made_s += time.thread_time() - start
        if checkpoint is not None:
            made += 1
            lines.append((record.t_ns, checkpoint))
    print(
        f"{chunks / SECONDS:.0f} chunks/s for {SECONDS} s, {AGENTS} agents, flushed every {TICK_S:g} s;"
        f" {made} checkpoints took {made_s / SECONDS:.2%} of a core\n"
    )
    print("file         bytes/chunk   writing, % of a core   reading, us/chunk   finding its end, ms")
    for name in ("it.jsonl", "it.jsonl.zst"):
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, name)
            start = time.thread_time()
            with TraceWriter(path) as writer:
                flushed_ns = lines[0][0]
                for t_ns, line in lines:
                    writer.write_line(line)
                    if t_ns - flushed_ns >= TICK_S * 1e9:
                        writer.flush()
                        flushed_ns = t_ns
            written = time.thread_time()
            with read(path) as reading:
                count = sum(1 for _ in reading)
            done = time.thread_time()
            assert count > len(lines), reading.outcome.words
            assert reading.outcome.whole, reading.outcome.words
            last_ns(path)
            found = time.thread_time()
            size = path.stat().st_size / chunks
        print(
            f"{name:<12} {size:>11.1f} {(written - start) / SECONDS:>22.2%} {(done - written) / chunks * 1e6:>19.2f}"
            f" {(found - done) * 1e3:>21.1f}"
        )


if __name__ == "__main__":
    main()
