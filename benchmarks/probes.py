"""What the probes cost: an agent with every probe on, against the same client bare.

Both read the same streams of one emulator. **Bare** is what the program would be without loopscope: a plain loop, the
client as it comes, and the work that any agent has to do: split the bytes into lines, decode each with orjson,
see whether it has content, is the last one or an error, count it. **Probed** is a rig: the same, with the clock read
at each read and chunk, a row kept for each, the loop's selector timed, the heartbeat, the watchdog, the collector's
clock and the sender's thread, which encodes and writes ten times a second.

A-B-B-A in one process, each stretch on a fresh loop. The ratio is taken per pair; of the ratios the median is printed,
and the interval that holds it with 95 % (by the order of the pairs, whatever their distribution). Beside the loop's
thread, which is what a chunk waits for, stands the whole process: there the sender and the watchdog count too. Much of
what they cost is fixed per second (`fixed.py` tells it by thread), so what is added is told as a share of a core as
well, and the least and the highest rate of a client give both parts: us a chunk, and the share of a core at no chunk.

httpx is full at 10 000 chunks/s here: what is more than 5 000 is read with aiohttp, bare and probed.

The delay is measured in stretches of its own, as bare must then read the clock and keep the stamps too.

    python benchmarks/probes.py                         about 15 minutes; --seconds, --pairs, --rates, --loops for less
"""

import argparse
import asyncio
import gc
import math
import os
import statistics
import sys
import threading
import time
from collections.abc import Callable
from functools import partial
from time import perf_counter_ns

import aiohttp
import httpx
import orjson

from loopscope.core import codec
from loopscope.core.clock import parse_stamp_ns, take_anchor
from loopscope.core.records import AgentSpec, Server
from loopscope.probe.heartbeat import Heartbeat
from loopscope.probe.sample_buffer import ChunkRow, SampleBuffer
from loopscope.probe.sender import Sender
from loopscope.probe.usage import GcClock, ThreadUsage
from loopscope.probe.watchdog import Watchdog
from loopscope.rig.agent import Agent
from loopscope.rig.clients import client_class, make_client
from loopscope.rig.levers import Levers
from loopscope.rig.loops import MeteredLoop, make_loop
from loopscope.settings.levers.loop import loops_here
from loopscope.streams.dialect import Account
from loopscope.streams.dialects import DIALECTS
from loopscope.streams.framing import LineSplitter
from loopscope.wire.child import ChildPipe
from loopscope.wire.worker import Worker

_TOKENS = 100_000
_WARM_S, _WARM_STREAM_S = 0.2, 0.006
"""Until every stream runs and what gathered meanwhile has been read: a new connection of httpx takes 1 to 3 ms."""
_STREAM_HZ = 100
_HTTPX_HZ = 5_000


class Stretch:
    """What was counted between two moments while all streams ran."""

    def __init__(self, keep_delays: bool) -> None:
        self.chunks = 0
        self.thread_ns = 0
        self.process_ns = 0
        self.wall_ns = 0
        self.delays: list[tuple[int, str]] | None = [] if keep_delays else None

    async def count(self, streams: int, seconds: float, seen: Callable[[], int]) -> None:
        """Wait until every stream runs, then count."""
        await asyncio.sleep(_WARM_S + streams * _WARM_STREAM_S)
        if self.delays is not None:
            self.delays.clear()
        before = seen(), time.thread_time_ns(), time.process_time_ns(), perf_counter_ns()
        await asyncio.sleep(seconds)
        after = seen(), time.thread_time_ns(), time.process_time_ns(), perf_counter_ns()
        self.chunks, self.thread_ns, self.process_ns, self.wall_ns = (b - a for a, b in zip(before, after, strict=True))
        if not self.chunks:
            raise SystemExit("no chunk came: is the emulator fine?")

    def p99_ms(self) -> float:
        """Delivery delay."""
        anchor = take_anchor()
        delays = sorted(recv_ns - anchor.perf_of(parse_stamp_ns(stamp) or 0) for recv_ns, stamp in self.delays or [])
        return delays[int(len(delays) * 0.99)] / 1e6


def _httpx() -> tuple:
    timeout, limits = httpx.Timeout(120, connect=5, pool=None), httpx.Limits(max_connections=None)
    client = httpx.AsyncClient(timeout=timeout, limits=limits, headers={"accept-encoding": "identity"}, trust_env=False)
    return client, partial(client.stream, "POST"), lambda response: response.aiter_raw()


def _aiohttp() -> tuple:
    timeout = aiohttp.ClientTimeout(total=None, sock_read=120, sock_connect=5)
    client = aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0), timeout=timeout)
    return client, client.post, lambda response: response.content.iter_any()


_BARE = {"httpx": _httpx, "aiohttp": _aiohttp}
"""A client, how it opens a stream, and what gives the stream's bytes."""


async def _bare(client_name: str, url: str, streams: int, seconds: float, stretch: Stretch) -> None:
    seen = 0
    delays = stretch.delays
    client, opened, pieces = _BARE[client_name]()

    async def one() -> None:
        nonlocal seen
        splitter, account, read, loads = LineSplitter(), Account(), DIALECTS["ollama"].read, orjson.loads
        body = {"model": "gemma3", "prompt": "p", "options": {"num_predict": _TOKENS}}
        async with opened(url + "/api/generate", json=body) as response:
            async for piece in pieces(response):
                recv_ns = perf_counter_ns() if delays is not None else 0
                for line in splitter.feed(piece):
                    has_content, stamp = read(line, loads, account)
                    if has_content:
                        seen += 1
                        if delays is not None:
                            delays.append((recv_ns, str(stamp)))

    async with client:
        tasks = [asyncio.ensure_future(one()) for _ in range(streams)]
        await stretch.count(streams, seconds, lambda: seen)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


class _Counted(SampleBuffer):
    """Samples that count what the sender's thread has taken."""

    __slots__ = ("delays", "taken")

    def __init__(self, proc: str, delays: list[tuple[int, str]] | None) -> None:
        super().__init__(proc, lines=codec)
        self.taken = 0
        self.delays = delays

    def take_chunks(self) -> list[ChunkRow]:
        rows = super().take_chunks()
        self.taken += len(rows)
        if self.delays is not None:
            self.delays.extend((row[1], str(row[2])) for row in rows)
        return rows


async def _probed(
    client_name: str, url: str, streams: int, seconds: float, stretch: Stretch, pipe: ChildPipe, loop: MeteredLoop
) -> None:
    samples, dials = _Counted("rig-1", stretch.delays), Levers()
    dials.set("decoder", "orjson")
    client = make_client(client_class(client_name), dials.gate, secure=False)
    heart, usage, gc_clock = Heartbeat(asyncio.get_running_loop(), samples), ThreadUsage(), GcClock()
    heart.start()
    gc_clock.install()
    sender = Sender(
        pipe.send_lines,
        samples,
        loop_name=loop.name,
        idle_ns=loop.meter.idle_ns,
        usage=usage,
        gc_clock=gc_clock,
        wires=lambda: client.wires,
        streams=lambda: streams,
        tasks=lambda: streams,
        turns=loop.meter.turns,
    )
    assert loop.meter.busy_since is not None and loop.meter.idle_ns is not None
    watchdog = Watchdog(
        ident=threading.get_ident(),
        busy_since=loop.meter.busy_since,
        idle_ns=loop.meter.idle_ns,
        usage=usage,
        gc_clock=gc_clock,
        emit=samples.emit,
    )
    sender.start()
    watchdog.start()
    agents = [
        Agent(
            AgentSpec(agent=i, name="a", server=0, model="gemma3", prompt="p", tokens=_TOKENS),
            Server(url=url),
            client,
            dials,
            samples,
        )
        for i in range(streams)
    ]
    tasks = [asyncio.ensure_future(agent.run()) for agent in agents]
    await stretch.count(streams, seconds, lambda: samples.taken + len(samples.chunks))
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    heart.stop()
    watchdog.finish()
    sender.finish()
    gc.callbacks.remove(gc_clock)
    await client.close()


def _measure(
    kind: str, client: str, loop: str, url: str, streams: int, seconds: float, pipe: ChildPipe, delays: bool
) -> Stretch:
    stretch = Stretch(delays)
    if kind == "bare":
        import uvloop

        with asyncio.Runner(loop_factory=uvloop.new_event_loop if loop == "uvloop" else None) as runner:
            runner.run(_bare(client, url, streams, seconds, stretch))
    else:
        metered = make_loop(loop)
        with asyncio.Runner(loop_factory=lambda: metered.loop) as runner:
            runner.run(_probed(client, url, streams, seconds, stretch, pipe, metered))
    gc.collect()
    return stretch


def of_pairs(values: list[float]) -> tuple[float, float, float]:
    """Median, and the interval that holds it with 95 %."""
    ranked, n = sorted(values), len(values)
    reach = 1.96 * math.sqrt(n) / 2
    low, high = max(0, math.floor(n / 2 - reach)), min(n - 1, math.ceil(n / 2 + reach))
    return statistics.median(ranked), ranked[low], ranked[high]


def _row(
    args: argparse.Namespace, client: str, loop: str, url: str, streams: int, pipe: ChildPipe
) -> tuple[str, list[float]]:
    """A line of the table, and of each pair what is added (shares of a core)."""
    ratios, whole, bare_us, probed_us, extra, late = [], [], [], [], [], []
    for pair in range(args.pairs):
        order = ("bare", "probed") if pair % 2 == 0 else ("probed", "bare")
        got = {kind: _measure(kind, client, loop, url, streams, args.seconds, pipe, False) for kind in order}
        us = {kind: one.thread_ns / one.chunks / 1000 for kind, one in got.items()}
        bare_us.append(us["bare"])
        probed_us.append(us["probed"])
        ratios.append(us["probed"] / us["bare"])
        bare, probed = got["bare"], got["probed"]
        whole.append(probed.process_ns / probed.chunks / (bare.process_ns / bare.chunks))
        extra.append(probed.process_ns / probed.wall_ns - bare.process_ns / bare.wall_ns)
    for pair in range(0 if args.no_delay else args.pairs // 2):
        order = ("bare", "probed") if pair % 2 == 0 else ("probed", "bare")
        delay = {kind: _measure(kind, client, loop, url, streams, args.seconds, pipe, True).p99_ms() for kind in order}
        late.append((delay["bare"], delay["probed"] - delay["bare"]))
    ratio, low, high = of_pairs(ratios)
    words = (
        f"{client:<8} {loop:<8} {streams * _STREAM_HZ:>8}  {statistics.median(bare_us):>7.1f} "
        f"{statistics.median(probed_us):>7.1f}   {ratio:.3f} ({low:.3f} to {high:.3f})   "
        "{:.3f} ({:.3f} to {:.3f})   ".format(*of_pairs(whole))
        + f"{statistics.median(extra):>8.2%}"
    )
    if late:
        more, more_low, more_high = of_pairs([difference for _, difference in late])
        words += (
            f"   {statistics.median(bare for bare, _ in late):>8.2f}  {more:+.2f} ({more_low:+.2f} to {more_high:+.2f})"
        )
    return words + "\n", extra


def _parts(client: str, loop: str, by_rate: dict[int, list[float]]) -> str:
    """What grows with the rate and what does not, from the least and the highest rate, pair by pair."""
    low_hz, high_hz = min(by_rate), max(by_rate)
    each = [(high - low) / (high_hz - low_hz) for low, high in zip(by_rate[low_hz], by_rate[high_hz], strict=True)]
    fixed = [low - one * low_hz for low, one in zip(by_rate[low_hz], each, strict=True)]
    return f"{client:<8} {loop:<8} whole process: {{:+.1f}} us a chunk ({{:+.1f}} to {{:+.1f}}), ".format(
        *(one * 1e6 for one in of_pairs(each))
    ) + "{:+.2%} of a core at no chunk ({:+.2%} to {:+.2%})\n".format(*of_pairs(fixed))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", type=int, default=60)
    parser.add_argument("--seconds", type=float, default=0.6)
    parser.add_argument("--client", choices=sorted(_BARE), default="httpx")
    parser.add_argument("--rates", nargs="+", type=int, default=[200, 2_000, 10_000], help="chunks/s of all streams")
    parser.add_argument("--loops", nargs="+", choices=loops_here(), default=list(loops_here()))
    parser.add_argument("--no-delay", action="store_true", help="CPU only, in two thirds of the time")
    args = parser.parse_args()
    out = os.fdopen(os.dup(1), "w")
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, 1)  # the sender's lines go to nowhere, our table to where it was
    pipe = ChildPipe("bench")
    out.write(
        "                            loop's thread, us a chunk                  whole process"
        "                        p99 delay, ms\n"
        "client   loop     chunks/s     bare  probed   ratio (95 %)             ratio (95 %)             of a core"
        "       bare  more (95 %)\n"
    )
    out.flush()
    worker = Worker(
        "loopscope.emulator",
        "emulator-1",
        ["--port", "0", "--parallel", "0", "--rate", str(_STREAM_HZ)],
        on_line=lambda line: None,
    )
    worker.start()
    url = worker.wait_ready().info["url"]
    seen: dict[tuple[str, str], dict[int, list[float]]] = {}
    for rate in args.rates:
        client = args.client if rate <= _HTTPX_HZ else "aiohttp"
        for loop in args.loops:
            words, extra = _row(args, client, loop, url, max(1, rate // _STREAM_HZ), pipe)
            seen.setdefault((client, loop), {})[rate] = extra
            out.write(words)
            out.flush()
    for (client, loop), by_rate in seen.items():
        if len(by_rate) > 1:
            out.write(_parts(client, loop, by_rate))
    out.flush()
    worker.stop()
    return 0


if __name__ == "__main__":
    sys.exit(main())
