"""What the probes cost: CPU of the loop's thread per chunk, the agent with every probe against the same client bare.

Both read the same streams of one emulator with httpx's ``aiter_raw``, split on the line feed and decode with orjson;
bare does nothing else. A-B-B-A in one process, each stretch on a fresh loop; the ratio is per pair.

    python benchmarks/probes.py            200 and 2 000 chunks/s, asyncio and uvloop, about two minutes
"""

import argparse
import asyncio
import os
import statistics
import sys
import time

import httpx
import orjson

from loopscope.core.records import AgentSpec, Server
from loopscope.rig.agent import Agent
from loopscope.rig.clients.httpx_client import HttpxClient
from loopscope.rig.heart import Heart
from loopscope.rig.levers import Levers
from loopscope.rig.loops import make_loop
from loopscope.rig.samples import ChunkRow, Samples
from loopscope.rig.sender import Sender
from loopscope.rig.usage import GcClock, ThreadUsage
from loopscope.settings.levers import loops_here
from loopscope.wire.child import ChildPipe
from loopscope.wire.worker import Worker

_TOKENS = 100_000


class _Stretch:
    """CPU of this thread and chunks, counted between two moments while all streams run."""

    def __init__(self) -> None:
        self.chunks = 0
        self.cpu_ns = 0

    def us_per_chunk(self) -> float:
        if not self.chunks:
            raise SystemExit("no chunk came: is the emulator fine?")
        return self.cpu_ns / self.chunks / 1000


async def _between(stretch: _Stretch, seconds: float, count) -> None:
    """Wait until every stream runs, then count for ``seconds``."""
    await asyncio.sleep(0.4)
    chunks, cpu_ns = count(), time.thread_time_ns()
    await asyncio.sleep(seconds)
    stretch.chunks, stretch.cpu_ns = count() - chunks, time.thread_time_ns() - cpu_ns


async def _bare(url: str, streams: int, seconds: float, stretch: _Stretch) -> None:
    seen = 0

    async def one(client: httpx.AsyncClient) -> None:
        nonlocal seen
        body = {"model": "gemma3", "prompt": "p", "options": {"num_predict": _TOKENS}}
        rest = b""
        async with client.stream("POST", url + "/api/generate", json=body) as response:
            async for piece in response.aiter_raw():
                *lines, rest = (rest + piece).split(b"\n")
                for line in lines:
                    message = orjson.loads(line)
                    if message["response"]:
                        seen += 1

    limits = httpx.Limits(max_connections=None)
    async with httpx.AsyncClient(timeout=60, limits=limits, trust_env=False) as client:
        tasks = [asyncio.ensure_future(one(client)) for _ in range(streams)]
        await _between(stretch, seconds, lambda: seen)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


class _Counted(Samples):
    """Samples that count what the sender's thread has taken."""

    __slots__ = ("taken",)

    def __init__(self, proc: str) -> None:
        super().__init__(proc)
        self.taken = 0

    def take_chunks(self) -> list[ChunkRow]:
        rows = super().take_chunks()
        self.taken += len(rows)
        return rows


async def _probed(url: str, streams: int, seconds: float, stretch: _Stretch, pipe: ChildPipe, idle_ns) -> None:
    samples, dials = _Counted("rig-1"), Levers()
    dials.set("decoder", "orjson")
    client = HttpxClient(dials.gate, secure=False)
    heart = Heart(asyncio.get_running_loop(), samples)
    heart.start()
    sender = Sender(
        pipe, samples, loop_name="x", idle_ns=idle_ns, usage=ThreadUsage(), gc_clock=GcClock(),
        wires=lambda: client.wires, streams=lambda: streams, tasks=lambda: streams,
    )  # fmt: skip
    sender.start()
    agents = [
        Agent(
            AgentSpec(agent=i, name="a", server=0, model="gemma3", prompt="p", tokens=_TOKENS), Server(url=url), client,
            dials, samples,
        )
        for i in range(streams)
    ]  # fmt: skip
    tasks = [asyncio.ensure_future(agent.run()) for agent in agents]
    await _between(stretch, seconds, lambda: samples.taken + len(samples.chunks))
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    heart.stop()
    sender.finish()
    await client.close()


def _measure(kind: str, loop: str, url: str, streams: int, seconds: float, pipe: ChildPipe) -> float:
    metered, stretch = make_loop(loop), _Stretch()
    with asyncio.Runner(loop_factory=lambda: metered.loop) as runner:
        if kind == "bare":
            runner.run(_bare(url, streams, seconds, stretch))
        else:
            runner.run(_probed(url, streams, seconds, stretch, pipe, metered.idle_ns))
    return stretch.us_per_chunk()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", type=int, default=4)
    parser.add_argument("--seconds", type=float, default=2.0)
    args = parser.parse_args()
    out = os.fdopen(os.dup(1), "w")
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, 1)  # the sender's lines go to nowhere, our table to where it was
    pipe = ChildPipe("bench")
    out.write("loop     chunks/s  streams   bare us/chunk   probed us/chunk   ratio (median of pairs, min-max)\n")
    for rate, streams in ((100, 2), (100, 20)):
        worker = Worker(
            "loopscope.emulator", "emulator-1", ["--port", "0", "--parallel", "0", "--rate", str(rate)],
            on_line=lambda line: None,
        )  # fmt: skip
        worker.start()
        url = worker.wait_ready().info["url"]
        for loop in loops_here():
            bare, probed, ratios = [], [], []
            for pair in range(args.pairs):
                order = ("bare", "probed") if pair % 2 == 0 else ("probed", "bare")
                both = {kind: _measure(kind, loop, url, streams, args.seconds, pipe) for kind in order}
                bare.append(both["bare"])
                probed.append(both["probed"])
                ratios.append(both["probed"] / both["bare"])
            out.write(
                f"{loop:<8} {rate * streams:>8}  {streams:>7}   {statistics.median(bare):>13.1f}   "
                f"{statistics.median(probed):>15.1f}   {statistics.median(ratios):.3f} "
                f"({min(ratios):.3f}-{max(ratios):.3f})\n"
            )
            out.flush()
        worker.stop()
    return 0


if __name__ == "__main__":
    sys.exit(main())
