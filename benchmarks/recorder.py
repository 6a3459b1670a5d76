"""The trace file: CPU of writing and reading it, and its bytes a chunk, at 5 000 chunks/s.

Lines are made beforehand and flushed as often as the recorder does; only writing and reading are timed, in CPU time.

    python benchmarks/recorder.py          one minute of 16 agents; some seconds
"""

import tempfile
import time
from pathlib import Path

from fold import records
from loopscope.core.codec import encode
from loopscope.core.records import Chunks
from loopscope.session.recorder import TICK_S
from loopscope.trace.reader import last_ns, read
from loopscope.trace.writer import TraceWriter

SECONDS = 60
AGENTS, RATE = 16, 312.5


def main() -> None:
    """Print the table."""
    made = records(AGENTS, RATE, SECONDS)
    lines = [(record.t_ns, encode(record)) for record in made]
    chunks = sum(len(record.agent) for record in made if isinstance(record, Chunks))
    print(f"{chunks / SECONDS:.0f} chunks/s for {SECONDS} s, {AGENTS} agents, flushed every {TICK_S:g} s\n")
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
            assert count == len(lines) + 1, reading.outcome.words
            last_ns(path)
            found = time.thread_time()
            size = path.stat().st_size / chunks
        print(
            f"{name:<12} {size:>11.1f} {(written - start) / SECONDS:>22.2%} {(done - written) / chunks * 1e6:>19.2f}"
            f" {(found - done) * 1e3:>21.1f}"
        )


if __name__ == "__main__":
    main()
