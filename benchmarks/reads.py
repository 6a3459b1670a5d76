"""Do read size and TCP options of the client matter? CPU of the loop's thread per chunk, and chunks per read.

Two loads: 32 streams at 300 chunks/s, which is what servers do, and 2 streams as fast as the socket takes, which no
model does. ``read 4 KiB`` lowers the most bytes that one read takes, ``rcvbuf 16 KiB`` the socket's buffer,
``no NODELAY`` switches Nagle's algorithm on for what we send. Each case is a fresh loop; three rounds in turning order.

    python benchmarks/reads.py
"""

import argparse
import asyncio
import socket
import statistics
import sys
import time
from asyncio import selector_events

from httpcore._async.http11 import AsyncHTTP11Connection

from loopscope.core.records import AgentSpec, Server
from loopscope.rig.agent import Agent
from loopscope.rig.clients import client_class, make_client
from loopscope.rig.clients.base import Wires
from loopscope.rig.levers import Levers
from loopscope.rig.loops import make_loop
from loopscope.rig.samples import Samples
from loopscope.wire.worker import Worker

CASES = {
    "as it is": (0, 0, True), "read 4 KiB": (4096, 0, True), "read 1 MiB": (1 << 20, 0, True),
    "rcvbuf 16 KiB": (0, 16384, True), "no NODELAY": (0, 0, False),
}  # fmt: skip


class _Tuned(Wires):
    """Sets a socket's options as soon as its connection is counted."""

    def __init__(self, rcvbuf: int, nodelay: bool) -> None:
        super().__init__()
        self._rcvbuf, self._nodelay = rcvbuf, nodelay

    def add(self, wire) -> None:
        super().add(wire)
        if wire.fd >= 0:
            with socket.socket(fileno=socket.dup(wire.fd)) as sock:
                if self._rcvbuf:
                    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, self._rcvbuf)
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, int(self._nodelay))


async def _measure(client: str, url: str, streams: int, case: str, seconds: float) -> tuple[float, float]:
    size, rcvbuf, nodelay = CASES[case]
    AsyncHTTP11Connection.READ_NUM_BYTES = size or 64 * 1024
    selector_events._SelectorTransport.max_size = size or 256 * 1024
    samples, dials = Samples("rig-1"), Levers()
    dials.set("decoder", "orjson")
    made = make_client(client_class(client), dials.gate, secure=False)
    wires = _Tuned(rcvbuf, nodelay)
    made.wires = wires
    if client == "httpx":
        made._client._transport._pool._network_backend._wires = wires
    spec = {"server": 0, "name": "a", "model": "gemma3", "prompt": "p", "tokens": 200_000}
    agents = [Agent(AgentSpec(agent=i, **spec), Server(url=url), made, dials, samples) for i in range(streams)]
    tasks = [asyncio.ensure_future(agent.run()) for agent in agents]
    chunks = 0
    await asyncio.sleep(0.5)
    samples.take_chunks()
    reads, cpu_ns, end_s = wires.reads, time.thread_time_ns(), time.monotonic() + seconds
    while time.monotonic() < end_s:
        await asyncio.sleep(0.02)
        chunks += len(samples.take_chunks())
    cpu_ns, reads = time.thread_time_ns() - cpu_ns, wires.reads - reads
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    await made.close()
    return cpu_ns / chunks / 1e3, chunks / max(reads, 1)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=0.8)
    args = parser.parse_args()
    print(f"{'load':<18}{'client':<9}" + "".join(f"{case:>28}" for case in CASES))
    for load, streams, rate in (("32 x 300/s", 32, 300), ("2, flat out", 2, 0)):
        worker = Worker(
            "loopscope.emulator", "emulator-1",
            ["--port", "0", "--parallel", "0", "--prefill-rate", "0", "--rate", str(rate)], on_line=lambda line: None,
        )  # fmt: skip
        worker.start()
        try:
            url = worker.wait_ready().info["url"]
            for client in ("httpx", "streams"):
                rows: dict[str, list[tuple[float, float]]] = {case: [] for case in CASES}
                for turn in range(args.rounds):
                    for case in list(CASES) if turn % 2 == 0 else list(CASES)[::-1]:
                        with asyncio.Runner(loop_factory=lambda: make_loop("asyncio").loop) as runner:
                            rows[case].append(runner.run(_measure(client, url, streams, case, args.seconds)))
                cells = [
                    f"{statistics.median(c for c, _ in one):.1f} us, {statistics.median(n for _, n in one):.1f} a read"
                    for one in rows.values()
                ]
                print(f"{load:<18}{client:<9}" + "".join(f"{cell:>28}" for cell in cells), flush=True)
        finally:
            worker.stop()
    return 0


if __name__ == "__main__":
    sys.exit(main())
