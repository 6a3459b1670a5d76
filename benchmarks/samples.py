"""How many samples a second the whole path takes without dropping one: loop, rows, sender, pipe, hub, fold, trace file.

First a synthetic producer: a process whose loop hands ready-made lines to the very code that an agent runs for each
read (decode, stamp, keep a row), for 32 agents, once a millisecond. Its sender, pipe and all behind are the real ones.
Then real streams: two emulators that send as fast as the sockets take, read by `loopscope record`.

Nothing may vanish unseen: *made* (or sent) = *folded* + *dropped*, to the chunk, and *in the file* = *folded*. Real
streams are cut at the end, so what then lay unread in the sockets was sent and is not in the sum.

    python benchmarks/samples.py           about a minute; --rates, --seconds, --no-streams
"""

import argparse
import asyncio
import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from time import perf_counter_ns

from loopscope import __version__
from loopscope.core import codec
from loopscope.core.clock import now_ns, take_anchor
from loopscope.core.records import AgentSpec, AnyRecord, Chunks, Header, Mark, Pulse, Server
from loopscope.probe.heartbeat import Heartbeat
from loopscope.probe.sample_buffer import SampleBuffer
from loopscope.probe.sender import Sender
from loopscope.probe.usage import GcClock, ThreadUsage
from loopscope.probe.wires import Wires
from loopscope.rig.levers import Levers, TokenBucket
from loopscope.rig.loops import make_loop
from loopscope.rig.request_recorder import RequestRecorder
from loopscope.session.pipeline import Pipeline
from loopscope.session.recorder import Recorder
from loopscope.settings.levers.loop import loops_here
from loopscope.streams.dialects import DIALECTS
from loopscope.trace.reader import read
from loopscope.wire.child import ChildPipe
from loopscope.wire.worker import Worker

AGENTS = 32
_TICK_S = 0.001


async def _produce(samples: SampleBuffer, rate: float, seconds: float) -> int:
    """Hand out lines at ``rate``, whatever the loop's timers do; give how many."""
    dials, bucket = Levers(), TokenBucket()
    dials.set("decoder", "orjson")
    intakes = [RequestRecorder(1, i, DIALECTS["ollama"], dials, samples, bucket, lambda: None) for i in range(AGENTS)]
    start_ns, made, turn = perf_counter_ns(), 0, 0
    end_ns = start_ns + int(seconds * 1e9)
    while (at_ns := perf_counter_ns()) < end_ns:
        stamp = f"{time.strftime('%Y-%m-%dT%H:%M:%S', time.gmtime())}.{time.time_ns() % 10**9:09d}Z"
        line = f'{{"model":"gemma3","created_at":"{stamp}","response":" word","done":false}}\n'.encode()
        due = int((at_ns - start_ns) * rate / 1e9) - made
        each = max(1, due // AGENTS)
        while due > 0:
            intake = intakes[turn % AGENTS]
            turn += 1
            count = min(each, due)
            intake.wire.recv_ns = perf_counter_ns()
            intake.wire.reads += 1
            intake.take(line * count)
            made += count
            due -= count
        await asyncio.sleep(_TICK_S)
    return made


def _producer(rate: float, seconds: float, loop: str) -> None:
    """The child: a rig without a network."""
    pipe, metered = ChildPipe("rig-1"), make_loop(loop)
    samples, wires = SampleBuffer("rig-1", lines=codec), Wires()

    async def run() -> int:
        heart = Heartbeat(asyncio.get_running_loop(), samples)
        heart.start()
        sender = Sender(
            pipe.send_lines,
            samples,
            loop_name=loop,
            idle_ns=metered.meter.idle_ns,
            usage=ThreadUsage(),
            gc_clock=GcClock(),
            wires=lambda: wires,
            streams=lambda: AGENTS,
            tasks=lambda: AGENTS,
        )
        pipe.ready("rig", info={"loop": loop}, signals={})
        sender.start()
        made = await _produce(samples, rate, seconds)
        heart.stop()
        sender.finish()
        return made

    with asyncio.Runner(loop_factory=lambda: metered.loop) as runner:
        made = runner.run(run())
    pipe.send(Mark(t_ns=now_ns(), proc="rig-1", words=str(made)))


def _synthetic(rate: int, seconds: float, loop: str, folder: Path) -> str:
    path = folder / "run.jsonl"
    folded = dropped = made = 0
    cpu: list[float] = []
    observer: list[float] = []

    def on_record(record: AnyRecord) -> None:
        nonlocal folded, dropped, made
        if isinstance(record, Chunks):
            folded += len(record.agent)
        elif isinstance(record, Pulse):
            dropped = record.dropped
            cpu.append((record.cpu_ns or 0) / record.dt_ns)
            observer.append(record.observer_ns / record.dt_ns)
        elif isinstance(record, Mark):
            made = int(record.words)

    recorder = Recorder(path, overwrite=True)
    hub = Pipeline(recorder, on_record=on_record)
    anchor = take_anchor()
    command = [sys.executable, str(Path(__file__).resolve()), "--producer", str(rate), str(seconds), loop]
    child = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert child.stdout is not None
    hub.open(
        Header(
            t_ns=now_ns(),
            proc="session",
            loopscope=__version__,
            anchor_perf_ns=anchor.perf_ns,
            anchor_wall_ns=anchor.wall_ns,
            source="urls",
            servers=[Server(url="http://127.0.0.1:1")],
            agents=[AgentSpec(agent=i, name=f"a{i}", server=0) for i in range(AGENTS)],
        )
    )
    start_s, used_s = time.monotonic(), time.process_time()
    for line in child.stdout:
        hub.put(line)
    took_s = time.monotonic() - start_s
    hub.close()
    folded -= hub.fold.ignored  # rows that the fold refused
    behind_s = time.monotonic() - start_s - took_s
    used_s = time.process_time() - used_s
    child.wait()
    assert child.stdin is not None
    child.stdin.close()
    with read(path) as reading:
        kept = sum(len(record.agent) for record in reading if isinstance(record, Chunks))
    exact = "yes" if made == folded + dropped and kept == folded and not recorder.lost_lines else "NO"
    return (
        f"{loop:<8} {rate:>9}   {made / seconds:>9.0f} {made:>9} {folded:>9} {dropped:>8} {kept:>9}   {exact:<5}"
        f"  {statistics.median(cpu):>9.0%} {statistics.median(observer):>7.1%} {used_s / (took_s + behind_s):>9.0%}"
        f"   {behind_s * 1e3:>6.0f}"
    )


def _streams(client: str, loop: str, seconds: float, agents: int, folder: Path) -> str:
    path = folder / "run.jsonl"
    workers = [
        Worker(
            "loopscope.emulator",
            f"emulator-{number}",
            ["--port", "0", "--parallel", "0", "--rate", "0"],
            on_line=lambda line: None,
        )
        for number in (1, 2)
    ]
    for worker in workers:
        worker.start()
    urls = [worker.wait_ready().info["url"] for worker in workers]
    command = [
        sys.executable,
        "-m",
        "loopscope",
        "record",
        "-o",
        str(path),
        "--force",
        "--json",
        "--seconds",
        str(seconds),
        "--client",
        client,
        "--loop",
        loop,
        "--agents",
        str(agents),
        "--tokens",
        "20000",
        *urls,
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=True, stdin=subprocess.DEVNULL)
    summary = json.loads(done.stdout)
    seen = dropped = first_ns = last_ns = 0
    with read(path) as reading:
        for record in reading:
            if isinstance(record, Chunks):
                seen += len(record.agent)
                first_ns, last_ns = first_ns or record.t_ns, record.t_ns
            elif isinstance(record, Pulse):
                dropped = record.dropped
    for worker in workers:
        worker.stop()
    span_s = (last_ns - first_ns) / 1e9
    return (
        f"{client:<8} {loop:<8} {agents:>6}   {seen / span_s:>9.0f} {seen:>9} {dropped:>8}"
        f"   {summary['observer']['dropped']:>8}"
    )


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rates", nargs="+", type=int, default=[50_000, 100_000, 150_000])
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--no-streams", action="store_true")
    parser.add_argument("--producer", nargs=3, metavar=("RATE", "SECONDS", "LOOP"), help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.producer:
        _producer(float(args.producer[0]), float(args.producer[1]), args.producer[2])
        return 0
    with tempfile.TemporaryDirectory() as name:
        print("                                                                        CPU, share of a core")
        print(
            "loop       offered     made/s      made    folded  dropped   in file   exact       loop  sender   session"
            "   behind, ms"
        )
        for rate in args.rates:
            for loop in loops_here():
                print(_synthetic(rate, args.seconds, loop, Path(name)), flush=True)
        if not args.no_streams:
            print("\nclient   loop     agents    chunks/s      seen  dropped   (shown)")
            for client in ("streams", "aiohttp"):
                for loop in loops_here():
                    print(_streams(client, loop, args.seconds, 8, Path(name)), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
