"""Opening and seeking in a long trace: how long until the first full picture, how long a seek takes, in what memory.

A trace of five million chunks (16 agents at 100 chunks/s: 52 minutes) is generated, by the batch, with the checkpoints
and seconds that a session writes; that takes a minute or two. Then a process of its own opens it as the screen does.

    python benchmarks/seek.py                          five million chunks
    python benchmarks/seek.py --chunks 500000          a tenth; some ten seconds
    python benchmarks/seek.py --keep /tmp/it.jsonl.zst write it there, or use it if it is there
"""

import argparse
import json
import random
import resource
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import loopscope.trace.writer as writer_module
from loopscope.core.codec import encode
from loopscope.core.records import AgentSpec, AnyRecord, Chunks, Finding, Header, Hello, Mark, Pulse, Request, Server
from loopscope.model.fold import Fold
from loopscope.model.snapshot import Snapshot
from loopscope.session.checkpoints import Checkpoints
from loopscope.session.replay import ReplaySource
from loopscope.trace.index import index_of
from loopscope.trace.reader import read
from loopscope.trace.writer import TraceWriter

AGENTS, RATE = 16, 100
TICK_NS, S, ZERO = 100_000_000, 10**9, 10**13
PATTERNS = 61
SEEKS = 60


def ticks(seconds: int) -> Iterator[AnyRecord]:
    """Records of a session, made of a few ticks again and again: random enough for a compressor and a histogram."""
    draw = random.Random(5)
    rows = AGENTS * RATE // 10
    patterns = []
    for _ in range(PATTERNS):
        steps = sorted(draw.randrange(TICK_NS) for _ in range(rows))
        patterns.append(
            (
                [later - sooner for sooner, later in zip([0, *steps], steps, strict=False)],
                draw.sample([agent for agent in range(AGENTS) for _ in range(rows // AGENTS)], rows),
                [int(draw.lognormvariate(12.5, 0.6)) for _ in range(rows)],
                [int(draw.lognormvariate(9.9, 0.3)) for _ in range(rows)],
                [int(draw.expovariate(1e-5)) for _ in range(10)],
            )
        )
    for tick in range(1, seconds * 10 + 1):
        end = ZERO + tick * TICK_NS
        recv, agent, delay, handled, lag = patterns[draw.randrange(PATTERNS)]
        base = end - TICK_NS
        first = [agent.index(tick // 26 % AGENTS)] if tick % 26 == 0 else []
        yield Chunks(
            t_ns=end, proc="rig-1", base_ns=base, agent=agent, recv=recv, delay=delay, handled=handled, first=first
        )
        if tick % 2 == 0:
            yield Request(
                t_ns=end,
                proc="rig-1",
                agent=tick // 2 % AGENTS,
                request=tick // 32,
                outcome="ok",
                start_ns=end - 3 * S,
                first_ns=end - 2 * S,
                last_ns=end,
                end_ns=end,
                chunks=256,
                tokens=256,
            )
        yield Pulse(
            t_ns=end,
            proc="rig-1",
            dt_ns=TICK_NS,
            loop="asyncio",
            active_ns=20_000_000 + lag[0],
            cpu_ns=18_000_000,
            runq_ns=lag[1],
            lag_ns=lag,
            beat_ns=10_000_000,
            streams=AGENTS,
        )
        if tick % 600 == 0:
            yield Mark(t_ns=end, proc="session", words=f"minute {tick // 600}")
            yield Finding(t_ns=end, proc="session", name="gc", on=tick % 1200 == 0, sentence="planted")


def generate(path: Path, chunks: int) -> None:
    """Write the trace, and what a session writes beside the records."""
    specs = [AgentSpec(agent=n, name=f"agent-{n + 1}", server=n % 2) for n in range(AGENTS)]
    servers = [Server(url=f"http://127.0.0.1:{9000 + n}", model="m") for n in range(2)]
    header = Header(t_ns=ZERO, proc="session", source="urls", servers=servers, agents=specs, levers={"loop": "asyncio"})
    hello = Hello(t_ns=ZERO, proc="rig-1", role="rig", pid=1, perf_ns=0, wall_ns=0, lag_floor_ns=50_000)
    fold, checkpoints = Fold(), Checkpoints()
    # The recording ends when its last record was made, not when it was generated.
    writer_module.now_ns = lambda: ZERO + chunks // (AGENTS * RATE) * S
    with TraceWriter(path, force=True) as writer:
        fold.seconds.hear = writer.write
        for number, record in enumerate((header, hello, *ticks(chunks // (AGENTS * RATE)))):
            line = encode(record)
            writer.write_line(line)
            checkpoints.line(len(line))
            fold.feed(record)
            if number % 20 == 0 and (made := checkpoints.make(fold, record.t_ns)):
                writer.write_line(made)


def ask(source: ReplaySource, at_s: float | None) -> tuple[float, float, Snapshot]:
    """Ask until the moment is there; give the seconds that it took, and those of CPU."""
    begun, cpu = time.perf_counter(), time.process_time()
    while True:
        arrived = threading.Event()
        answers: list[Snapshot] = []
        source.ask(lambda snapshot, to=answers, done=arrived: (to.append(snapshot), done.set()))
        arrived.wait()
        if at_s is None or abs(source.playback().position_s - at_s) < 0.3:
            return time.perf_counter() - begun, time.process_time() - cpu, answers[0]


def measure(path: Path) -> None:
    """In a process of its own: open, look, seek; print the figures as JSON."""
    base_kb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    begun = time.perf_counter()
    source = ReplaySource(path)
    source.start()
    ask(source, None)
    while source.overview() is None or not source.playback().length_s:
        time.sleep(0.005)
    opened_s = time.perf_counter() - begun
    source.play(False)
    length_s = source.playback().length_s
    draw = random.Random(3)
    took = []
    for _ in range(SEEKS):
        at_s = draw.uniform(0, length_s)
        source.seek(at_s)
        took.append(ask(source, at_s)[:2])
    overview = source.overview()
    assert overview is not None
    source.seek(length_s)
    *_, last = ask(source, length_s)
    memory_kb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    source.stop()
    took.sort()
    print(
        json.dumps(
            {
                "open_s": opened_s,
                "seek_p50_s": took[SEEKS // 2][0],
                "seek_max_s": took[-1][0],
                "cpu_max_s": max(cpu for _, cpu in took),
                "base_kb": base_kb,
                "memory_kb": memory_kb,
                "length_s": length_s,
                "steps": overview.t_s.size,
                "chunks": last.chunks,
                "marks": len(overview.marks),
            }
        )
    )


def main() -> None:
    """Print one row."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--chunks", type=int, default=5_000_000)
    parser.add_argument("--keep", type=Path)
    parser.add_argument("--measure", type=Path, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.measure is not None:
        measure(args.measure)
        return
    with tempfile.TemporaryDirectory() as folder:
        path = args.keep or Path(folder, "it.jsonl.zst")
        if not path.exists():
            begun = time.perf_counter()
            print(f"generating {args.chunks} chunks ...", file=sys.stderr)
            generate(path, args.chunks)
            print(f"... took {time.perf_counter() - begun:.0f} s", file=sys.stderr)
        with read(path) as reading:
            checkpoints = len(index_of(reading).places)
        done = subprocess.run(
            [sys.executable, __file__, "--measure", str(path)], check=True, capture_output=True, text=True
        )
        found = json.loads(done.stdout)
        size = path.stat().st_size
    rows = {
        "chunks": f"{found['chunks']}",
        "length, s": f"{found['length_s']:.0f}",
        "checkpoints": f"{checkpoints}",
        "file, MB": f"{size / 1e6:.1f}",
        "bytes/chunk": f"{size / max(found['chunks'], 1):.1f}",
        "open, s": f"{found['open_s']:.2f}",
        "seek p50, ms": f"{found['seek_p50_s'] * 1e3:.0f}",
        "seek max, ms": f"{found['seek_max_s'] * 1e3:.0f}",
        "most CPU of a seek, ms": f"{found['cpu_max_s'] * 1e3:.0f}",
        "memory, MB": f"{found['memory_kb'] / 1e3:.0f}",
        "steps of the overview": f"{found['steps']}",
        "marks": f"{found['marks']}",
    }
    for name, value in rows.items():
        print(f"{name:<24}{value:>10}")


if __name__ == "__main__":
    main()
