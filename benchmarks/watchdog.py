"""What the watchdog costs while all is well: CPU of the loop's thread per chunk and of its own thread.

One process reads an emulator's streams with the rig's agents; A-B-B-A with and without the watchdog, each stretch on a
fresh loop, the ratio per pair. Goal: under 0.1 % of a core, nothing measurable on the loop. The first is not reached
where a wake-up alone costs 58 us, as on a virtual machine: `fixed.py` has the figures, and the least that it can be.

    python benchmarks/watchdog.py            200 and 2 000 chunks/s, asyncio and uvloop, about a minute
"""

import argparse
import asyncio
import statistics
import sys
import threading
import time

from loopscope.core.records import AgentSpec, Server
from loopscope.probe.sample_buffer import SampleBuffer
from loopscope.probe.usage import GcClock, ThreadUsage
from loopscope.probe.watchdog import Watchdog
from loopscope.rig.agent import Agent
from loopscope.rig.clients.httpx_client import HttpxClient
from loopscope.rig.levers import Levers
from loopscope.rig.loops import make_loop
from loopscope.settings.levers.loop import loops_here
from loopscope.wire.worker import Worker

_TOKENS = 100_000


class _Counted(Watchdog):
    """Leaves its own CPU time behind."""

    cpu_ns = 0

    def run(self) -> None:
        super().run()
        self.cpu_ns = time.thread_time_ns()


def _measure(watched: bool, loop: str, url: str, streams: int, seconds: float) -> tuple[float, float, int]:
    """CPU of the loop per chunk (us), share of a core of the watchdog, stalls told."""
    metered = make_loop(loop)
    told: list[str] = []

    async def run() -> tuple[float, float]:
        samples, dials = SampleBuffer(), Levers()
        dials.set("decoder", "orjson")
        client = HttpxClient(dials.gate, secure=False)
        spec = AgentSpec(agent=0, name="a", server=0, model="gemma3", prompt="p", tokens=_TOKENS)
        agents = [Agent(spec, Server(url=url), client, dials, samples) for _ in range(streams)]
        tasks = [asyncio.ensure_future(agent.run()) for agent in agents]
        await asyncio.sleep(0.5)
        dog = _Counted(
            ident=threading.get_ident(),
            busy_since=metered.meter.busy_since,
            idle_ns=metered.meter.idle_ns,
            usage=ThreadUsage(),
            gc_clock=GcClock(),
            emit=lambda kind, **members: told.append(kind),
        )
        if watched:
            dog.start()
        chunks, cpu_ns, at_ns = len(samples.chunks), time.thread_time_ns(), time.perf_counter_ns()
        await asyncio.sleep(seconds)
        chunks, cpu_ns = len(samples.chunks) - chunks, time.thread_time_ns() - cpu_ns
        wall_ns = time.perf_counter_ns() - at_ns
        if watched:
            dog.finish()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await client.close()
        return cpu_ns / chunks / 1000, dog.cpu_ns / wall_ns

    with asyncio.Runner(loop_factory=lambda: metered.loop) as runner:
        us, share = runner.run(run())
    return us, share, len(told)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", type=int, default=4)
    parser.add_argument("--seconds", type=float, default=1.5)
    args = parser.parse_args()
    print("loop     chunks/s   without us/chunk   with us/chunk   ratio (median, min-max)    its own CPU   stalls told")
    for streams in (2, 20):
        worker = Worker(
            "loopscope.emulator",
            "emulator-1",
            ["--port", "0", "--parallel", "0", "--rate", "100"],
            on_line=lambda line: None,
        )
        worker.start()
        url = worker.wait_ready().info["url"]
        for loop in loops_here():
            bare, dog, ratios, shares, stalls = [], [], [], [], 0
            for pair in range(args.pairs):
                order = (False, True) if pair % 2 == 0 else (True, False)
                both = {watched: _measure(watched, loop, url, streams, args.seconds) for watched in order}
                bare.append(both[False][0])
                dog.append(both[True][0])
                ratios.append(both[True][0] / both[False][0])
                shares.append(both[True][1])
                stalls += both[True][2]
            print(
                f"{loop:<8} {streams * 100:>8}   {statistics.median(bare):>16.1f}   {statistics.median(dog):>13.1f}   "
                f"{statistics.median(ratios):.3f} ({min(ratios):.3f}-{max(ratios):.3f})    "
                f"{statistics.median(shares):>10.2%}   {stalls:>11}"
            )
        worker.stop()
    return 0


if __name__ == "__main__":
    sys.exit(main())
