"""Do read size and TCP options of the client matter? CPU of the loop's thread per chunk, against the client's own.

Two loads: 32 streams at 300 chunks/s, which is what servers do, and 2 streams as fast as the socket takes, which no
model does. Each case sets a lever as a session does (``read``, ``tcp``) and is held against the client as it is, in
pairs of which every second one is taken the other way round; each stretch is a fresh loop. The ratio of the pairs has
an interval that holds for itself alone with 95 %: of twenty such cells one is told apart by chance.

    python benchmarks/reads.py
    python benchmarks/reads.py --client streams --cases read=4k --pairs 12
"""

import argparse
import asyncio
import statistics
import sys
import time
from math import exp, log

from loopscope.core.records import AgentSpec, Server
from loopscope.probe.sample_buffer import SampleBuffer
from loopscope.rig.agent import Agent
from loopscope.rig.clients import client_class, make_client
from loopscope.rig.levers import Levers
from loopscope.rig.loops import make_loop
from loopscope.settings.clients import clients_here
from loopscope.settings.levers import canonical, defaults
from loopscope.settings.levers.read import read_refused
from loopscope.stats.pairs import ALIKE_AT_ONCE, pairs_interval
from loopscope.wire.worker import Worker

CASES = ("as it is", "read=4k", "read=1m", "tcp=quickack", "tcp=rcvbuf:16k")
"""The first one is held against itself: what it shows is chance."""
LOADS = (("32 x 300/s", 32, 300), ("2, flat out", 2, 0))


async def _measure(client: str, url: str, streams: int, case: str, seconds: float) -> tuple[float, float]:
    """CPU us a chunk, and chunks a read."""
    samples, dials = SampleBuffer("rig-1"), Levers()
    name, sign, value = case.partition("=")
    if sign:
        dials.set(name, value)
    made = make_client(client_class(client), dials.gate, secure=False)
    spec = {"server": 0, "name": "a", "model": "gemma3", "prompt": "p", "tokens": 200_000}
    agents = [Agent(AgentSpec(agent=i, **spec), Server(url=url), made, dials, samples) for i in range(streams)]
    tasks = [asyncio.ensure_future(agent.run()) for agent in agents]
    chunks = 0
    await asyncio.sleep(0.4)
    samples.take_chunks()
    reads, cpu_ns, end_s = made.wires.reads, time.thread_time_ns(), time.monotonic() + seconds
    while time.monotonic() < end_s:
        await asyncio.sleep(0.02)
        chunks += len(samples.take_chunks())
    cpu_ns, reads = time.thread_time_ns() - cpu_ns, made.wires.reads - reads
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    await made.close()
    return cpu_ns / chunks / 1e3, chunks / max(reads, 1)


def _pairs(args: argparse.Namespace, client: str, url: str, streams: int, case: str) -> str:
    """One line: medians of both sides, the ratio and its interval."""
    sides: dict[str, list[tuple[float, float]]] = {CASES[0]: [], case: []} if case != CASES[0] else {case: []}
    ratios = []
    for pair in range(args.pairs):
        found = {}
        for side in "AB" if pair % 2 == 0 else "BA":
            name = CASES[0] if side == "A" else case
            with asyncio.Runner(loop_factory=lambda: make_loop(args.loop).loop) as runner:
                one = found[side] = runner.run(_measure(client, url, streams, name, args.seconds))
            sides[name].append(one)
        ratios.append(log(found["B"][0] / found["A"][0]))
    interval = pairs_interval(ratios, 0.95, alike=ALIKE_AT_ONCE)
    cells = [
        f"{statistics.median(cpu for cpu, _ in one):6.1f} us {statistics.median(read for _, read in one):6.1f} a read"
        for one in sides.values()
    ]
    words = (
        "not enough data"
        if interval is None
        else (f"x{exp(interval.mid):.2f} ({exp(interval.low):.2f} to {exp(interval.high):.2f})")
    )
    return f"{cells[0]}   {cells[-1]}   {words}"


def main() -> int:
    """Print one line a load, client and case."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", type=int, default=6)
    parser.add_argument("--seconds", type=float, default=0.6)
    parser.add_argument("--loop", default="asyncio")
    parser.add_argument("--client", nargs="+", choices=clients_here(), default=["httpx", "streams"])
    parser.add_argument("--cases", nargs="+", default=list(CASES))
    args = parser.parse_args()
    for case in args.cases:
        if case != CASES[0]:
            canonical(*case.split("=", 1))
    print(f"{'load':<12} {'client':<8} {'case':<15} {'as it is':>22}   {'with it':>22}   CPU a chunk, with / without")
    for load, streams, rate in LOADS:
        worker = Worker(
            "loopscope.emulator",
            "emulator-1",
            ["--port", "0", "--parallel", "0", "--prefill-rate", "0", "--rate", str(rate)],
            on_line=lambda line: None,
        )
        worker.start()
        try:
            url = worker.wait_ready().info["url"]
            for client in args.client:
                for case in args.cases:
                    name, _, value = case.partition("=")
                    wanted = defaults() | {"loop": args.loop, "client": client} | ({name: value} if value else {})
                    told = read_refused(wanted) or _pairs(args, client, url, streams, case)
                    print(f"{load:<12} {client:<8} {case:<15} {told}", flush=True)
        finally:
            worker.stop()
    return 0


if __name__ == "__main__":
    sys.exit(main())
