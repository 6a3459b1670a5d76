"""The process: hello with what can be had, then a few records a tick, until told to quit or left alone."""

import argparse
import os
import signal
import threading
from collections.abc import Sequence

from loopscope.core.clock import NS_PER_S, now_ns
from loopscope.core.commands import AnyCommand, Quit
from loopscope.core.records import Bye
from loopscope.telemetry.gpu import Nvml
from loopscope.telemetry.gpu_watch import GpuWatch
from loopscope.telemetry.host import Host
from loopscope.telemetry.rapl import Rapl
from loopscope.telemetry.sampler import Sampler
from loopscope.wire.child import ChildPipe

INTERVAL_MS = 250
"""Four ticks a second: NVML averages power over 1 s on recent GPUs, so more would add lines and no knowledge."""
HELLO_S = 0.5
"""The hello waits this long for the NVIDIA driver; a slower one joins later, the screen does not wait for it."""


def _watch(text: str) -> tuple[str, int]:
    name, sign, pid = text.rpartition("=")
    if not sign or not name or not pid.isascii() or not pid.isdigit() or not 0 < int(pid[:10]) < 2**31:
        raise argparse.ArgumentTypeError(f"{text!r} is not of the form NAME=PID")
    return name, int(pid)


def _interval(text: str) -> int:
    if not text.isascii() or not text.isdigit() or not 50 <= int(text[:6]) <= 60_000:
        raise argparse.ArgumentTypeError(f"{text!r} is no time from 50 to 60000 ms")
    return int(text)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the telemetry process; gives its exit code."""
    parser = argparse.ArgumentParser(prog="python -m loopscope.telemetry", description=__doc__)
    parser.add_argument("--proc", default="telemetry", help="name that the records carry")
    parser.add_argument("--interval-ms", type=_interval, default=INTERVAL_MS, help="time between ticks")
    parser.add_argument(
        "--watch",
        type=_watch,
        action="append",
        default=[],
        metavar="NAME=PID",
        help="a process whose CPU share is wanted; descendants of the parent are found without it",
    )
    args = parser.parse_args(argv)
    stop = threading.Event()
    for name in ("SIGINT", "SIGTERM", "SIGHUP"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), lambda *_: stop.set())
    pipe = ChildPipe(args.proc)
    interval_s = args.interval_ms / 1000
    gpus = GpuWatch(Nvml(), interval_s)
    gpus.start()
    sampler = Sampler(args.proc, gpus, Rapl(), Host(args.watch, os.getppid()))
    signals = sampler.signals(HELLO_S)
    pipe.ready("telemetry", {"interval_ms": str(args.interval_ms)} | gpus.facts(), signals)

    def on_command(command: AnyCommand) -> None:
        if isinstance(command, Quit):
            stop.set()

    pipe.listen(on_command, stop.set)
    _run(pipe, sampler, interval_s, stop)
    gpus.stop()
    pipe.send(Bye(t_ns=now_ns(), proc=args.proc))
    return 0


def _run(pipe: ChildPipe, sampler: Sampler, interval_s: float, stop: threading.Event) -> None:
    """One tick every ``interval_s`` on a fixed schedule; ticks that were missed (suspend) are left out."""
    interval_ns = round(interval_s * NS_PER_S)
    due_ns = now_ns() + interval_ns
    while not stop.wait(max(0, due_ns - now_ns()) / NS_PER_S):
        pipe.send(*sampler.tick())
        due_ns += interval_ns
        if due_ns < now_ns():
            due_ns = now_ns() + interval_ns
