"""What the probes cost a second, whatever the load: CPU and wake-ups of each thread on a loop that does nothing else.

One probe at a time and all together, in turns (forwards, then backwards), each stretch on a fresh loop; medians over
the turns. This is the part of `probes.py` that does not grow with the rate, without the noise of streams: a wake-up
finds cold caches, so most of it is the wake-up itself. "bare wait" is the least that it can be: a thread of Python that
only waits, as often as the watchdog looks.

    python benchmarks/fixed.py              asyncio and uvloop, about a minute and a half
"""

import argparse
import asyncio
import os
import statistics
import sys
import threading
import time
from dataclasses import dataclass

from loopscope.core import codec
from loopscope.probe.heartbeat import Heartbeat
from loopscope.probe.sample_buffer import SampleBuffer
from loopscope.probe.sender import Sender
from loopscope.probe.usage import GcClock, ThreadUsage
from loopscope.probe.watchdog import PERIOD_S, Watchdog
from loopscope.probe.wires import Wires
from loopscope.rig.loops import make_loop
from loopscope.settings.levers.loop import loops_here
from loopscope.wire.child import ChildPipe

_KINDS = ("nothing", "heart", "sender", "watchdog", "all", "bare wait")
_SETTLE_S = 0.15


@dataclass(frozen=True, slots=True)
class _Meter:
    """CPU (ns) and waits of one thread so far."""

    cpu_ns: int
    waits: int


class _Waits(threading.Thread):
    """Does nothing but wait."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.halt = threading.Lock()
        self.halt.acquire()

    def run(self) -> None:
        while not self.halt.acquire(timeout=PERIOD_S):
            pass


def _read(usages: dict[str, ThreadUsage]) -> dict[str, _Meter]:
    return {name: _Meter(usage.cpu_ns() or 0, (usage.switches() or (0, 0))[0]) for name, usage in usages.items()}


def _measure(kind: str, loop: str, seconds: float, pipe: ChildPipe) -> dict[str, tuple[float, float]]:
    """Share of a core and waits a second of each thread."""
    metered = make_loop(loop)
    usages: dict[str, ThreadUsage] = {}

    def told(thread: type[threading.Thread], name: str) -> type[threading.Thread]:
        class Told(thread):  # type: ignore[misc, valid-type]
            def run(self) -> None:
                usages[name] = ThreadUsage()
                super().run()

        return Told

    async def run() -> dict[str, tuple[float, float]]:
        usages["loop"] = usage = ThreadUsage()
        samples, gc_clock, wires = SampleBuffer("rig-1", lines=codec), GcClock(), Wires()
        heart = Heartbeat(asyncio.get_running_loop(), samples)
        threads: list[tuple[threading.Thread, object]] = []
        if kind in ("heart", "all"):
            heart.start()
        if kind in ("sender", "all"):
            sender = told(Sender, "sender")(
                pipe.send_lines,
                samples,
                loop_name=loop,
                idle_ns=metered.meter.idle_ns,
                usage=usage,
                gc_clock=gc_clock,
                wires=lambda: wires,
                streams=lambda: 0,
                tasks=lambda: 0,
                turns=metered.meter.turns,
            )
            threads.append((sender, sender.finish))
        if kind in ("watchdog", "all"):
            dog = told(Watchdog, "watchdog")(
                ident=threading.get_ident(),
                busy_since=metered.meter.busy_since,
                idle_ns=metered.meter.idle_ns,
                usage=usage,
                gc_clock=gc_clock,
                emit=samples.emit,
            )
            threads.append((dog, dog.finish))
        if kind == "bare wait":
            waits = told(_Waits, "waits")()
            threads.append((waits, waits.halt.release))
        for thread, _ in threads:
            thread.start()
        await asyncio.sleep(_SETTLE_S)
        before, start_ns = _read(usages), time.perf_counter_ns()
        await asyncio.sleep(seconds)
        after, wall_ns = _read(usages), time.perf_counter_ns() - start_ns
        heart.stop()
        for _, finish in threads:
            finish()
        return {
            name: ((after[name].cpu_ns - meter.cpu_ns) / wall_ns, (after[name].waits - meter.waits) * 1e9 / wall_ns)
            for name, meter in before.items()
        }

    with asyncio.Runner(loop_factory=lambda: metered.loop) as runner:
        return runner.run(run())


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--turns", type=int, default=6)
    parser.add_argument("--seconds", type=float, default=1.0)
    parser.add_argument("--loops", nargs="+", choices=loops_here(), default=list(loops_here()))
    args = parser.parse_args()
    out = os.fdopen(os.dup(1), "w")
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, 1)  # the sender's lines go to nowhere, our table to where it was
    pipe = ChildPipe("bench")
    out.write("loop     on          thread     of a core (median, min-max)   wake-ups/s   us a wake-up\n")
    for loop in args.loops:
        seen: dict[tuple[str, str], list[tuple[float, float]]] = {}
        for turn in range(args.turns):
            for kind in _KINDS if turn % 2 == 0 else reversed(_KINDS):
                for name, figures in _measure(kind, loop, args.seconds, pipe).items():
                    seen.setdefault((kind, name), []).append(figures)
        for kind, name in sorted(seen, key=lambda key: _KINDS.index(key[0])):
            shares, waits = zip(*seen[kind, name], strict=True)
            share, often = statistics.median(shares), statistics.median(waits)
            each = f"{share / often * 1e6:>12.0f}" if often > 2 else f"{'-':>12}"
            out.write(
                f"{loop:<8} {kind:<11} {name:<9} {share:>10.3%} ({min(shares):.3%}-{max(shares):.3%})   "
                f"{often:>10.1f}   {each}\n"
            )
        out.flush()
    return 0


if __name__ == "__main__":
    sys.exit(main())
