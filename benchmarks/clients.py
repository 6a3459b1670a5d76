"""What each client costs: CPU of the loop's thread per chunk, an agent with all its probes on it, against the least.

The least is a bare ``asyncio.Protocol`` that splits the same bytes into lines and decodes those that are messages, and
does nothing else: no HTTP, no stamps, no samples. Paired: each round measures the least and every client, in turning
order, each on a fresh loop; the ratio is of the same round.

    python benchmarks/clients.py            2 streams x 1 000 chunks/s and 32 x 300, asyncio and uvloop
    python benchmarks/clients.py --thousand 1 000 agents x 20 chunks/s: what arrives and what is dropped
"""

import argparse
import asyncio
import statistics
import sys
import time
from urllib.parse import urlsplit

import orjson

from loopscope.core.records import AgentSpec, Server
from loopscope.probe.sample_buffer import SampleBuffer
from loopscope.rig.agent import Agent
from loopscope.rig.clients import client_class, make_client
from loopscope.rig.levers import Levers
from loopscope.rig.loops import make_loop
from loopscope.settings.clients import clients_here
from loopscope.settings.levers.loop import loops_here
from loopscope.wire.worker import Worker

_TOKENS = 100_000


class _Bare(asyncio.Protocol):
    seen = 0

    def __init__(self, request: bytes) -> None:
        self._request = request
        self._rest = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport
        transport.write(self._request)

    def data_received(self, data: bytes) -> None:
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            if line.startswith(b"{") and orjson.loads(line)["response"]:
                _Bare.seen += 1


class _Dropped:
    seen = 0


async def _count(seconds: float, seen, settle_s: float = 0.5) -> tuple[int, int]:
    await asyncio.sleep(settle_s)
    chunks, cpu_ns, start_s = seen(), time.thread_time_ns(), time.monotonic()
    await asyncio.sleep(seconds)
    # A loop that is full comes back late: both as if it had been in time.
    late = seconds / (time.monotonic() - start_s)
    return round((seen() - chunks) * late), round((time.thread_time_ns() - cpu_ns) * late)


async def _bare(url: str, streams: int, seconds: float) -> tuple[int, int]:
    parts = urlsplit(url)
    body = orjson.dumps({"model": "gemma3", "prompt": "p", "options": {"num_predict": _TOKENS}})
    request = b"POST /api/generate HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-length: %d\r\n\r\n%s" % (len(body), body)
    loop = asyncio.get_running_loop()
    _Bare.seen = 0
    made = [
        (await loop.create_connection(lambda: _Bare(request), parts.hostname, parts.port))[0] for _ in range(streams)
    ]
    found = await _count(seconds, lambda: _Bare.seen)
    for transport in made:
        transport.abort()
    await asyncio.sleep(0.05)
    return found


async def _client(name: str, url: str, streams: int, seconds: float, settle_s: float = 0.5) -> tuple[int, int]:
    samples, dials = SampleBuffer("rig-1"), Levers()
    dials.set("decoder", "orjson")
    client = make_client(client_class(name), dials.gate, secure=False)
    taken = 0

    def drain() -> None:
        nonlocal taken
        taken += len(samples.take_chunks())
        handle[0] = loop.call_later(0.1, drain)

    loop = asyncio.get_running_loop()
    handle = [loop.call_later(0.1, drain)]
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
    found = await _count(seconds, lambda: taken + len(samples.chunks), settle_s)
    _Dropped.seen = samples.dropped
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    handle[0].cancel()
    await client.close()
    await asyncio.sleep(0.05)
    return found


def _measure(name: str, loop: str, url: str, streams: int, seconds: float) -> tuple[float, float]:
    """CPU per chunk (us), chunks per second."""
    work = _bare(url, streams, seconds) if name == "bare" else _client(name, url, streams, seconds)
    with asyncio.Runner(loop_factory=lambda: make_loop(loop).loop) as runner:
        chunks, cpu_ns = runner.run(work)
    if not chunks:
        raise SystemExit(f"{name}: no chunk came")
    return cpu_ns / chunks / 1e3, chunks / seconds


def _thousand(clients: list[str], loops: list[str], seconds: float) -> None:
    """One process, 1 000 agents, 20 chunks a second each: connecting takes seconds, so counting begins after five."""
    agents, rate = 1000, 20
    print(f"{agents} agents x {rate} chunks/s   delivered/s  of offered  loop CPU  us a chunk  dropped")
    for loop in loops:
        for name in clients:
            worker = Worker(
                "loopscope.emulator",
                "emulator-1",
                ["--port", "0", "--parallel", "0", "--prefill-rate", "0", "--rate", str(rate)],
                on_line=lambda line: None,
            )
            worker.start()
            try:
                url = worker.wait_ready().info["url"]
                with asyncio.Runner(loop_factory=lambda loop=loop: make_loop(loop).loop) as runner:
                    chunks, cpu_ns = runner.run(_client(name, url, agents, seconds, 5.0))
            finally:
                worker.stop()
            got, cpu = chunks / seconds, cpu_ns / seconds / 1e9
            each = cpu_ns / chunks / 1e3 if chunks else float("nan")
            print(
                f"{loop:<8} {name:<20} {got:>11.0f}  {got / agents / rate:>9.1%}  {cpu:>8.1%}  {each:>10.1f}"
                f"  {_Dropped.seen:>7}",
                flush=True,
            )


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=2.0)
    parser.add_argument("--clients", nargs="+", choices=clients_here(), default=list(clients_here()))
    parser.add_argument("--loops", nargs="+", choices=loops_here(), default=list(loops_here()))
    parser.add_argument("--thousand", action="store_true", help="1 000 agents instead")
    args = parser.parse_args()
    if args.thousand:
        _thousand(args.clients, args.loops, args.seconds)
        return 0
    names = ["bare", *args.clients]
    print("loop     streams  chunks/s  " + "".join(f"{name:>28}" for name in names))
    for streams, rate in ((2, 1000), (32, 300)):
        worker = Worker(
            "loopscope.emulator",
            "emulator-1",
            ["--port", "0", "--parallel", "0", "--rate", str(rate)],
            on_line=lambda line: None,
        )
        worker.start()
        try:
            url = worker.wait_ready().info["url"]
            for loop in args.loops:
                rows = []
                for turn in range(args.rounds):
                    order = names if turn % 2 == 0 else names[::-1]
                    rows.append({name: _measure(name, loop, url, streams, args.seconds) for name in order})
                cells = []
                for name in names:
                    cost = statistics.median(row[name][0] for row in rows)
                    times = [row[name][0] / row["bare"][0] for row in rows]
                    cells.append(f"{cost:.1f} us x{statistics.median(times):.2f} ({min(times):.2f}-{max(times):.2f})")
                got = statistics.median(rate for row in rows for _, rate in row.values())
                print(f"{loop:<8} {streams:>7}  {got:>8.0f}  " + "".join(f"{cell:>28}" for cell in cells), flush=True)
        finally:
            worker.stop()
    return 0


if __name__ == "__main__":
    sys.exit(main())
