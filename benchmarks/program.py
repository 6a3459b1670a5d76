"""What the probe costs a program of one's own: CPU of the loop's thread per chunk, under it against without it.

The same script in a process of its own each time, reading the same streams of one emulator, A-B-B-A; the ratio is per
pair, with the interval that holds its median with 95 %. The process's whole CPU stands beside it: the sender's thread
and the watchdog work there too. Much of what they and the heartbeat cost is fixed per second, so what is added is told
as a share of a core as well.

    python benchmarks/program.py           httpx and aiohttp, asyncio and uvloop, at 200, 2 000 and 5 000 chunks/s
"""

import argparse
import asyncio
import contextlib
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from pathlib import Path

from loopscope.settings.levers.loop import loops_here
from loopscope.wire.worker import Worker
from probes import of_pairs


async def _httpx(url: str, body: dict) -> AsyncIterator[bytes]:
    import httpx

    limits = httpx.Limits(max_connections=None)
    async with (
        httpx.AsyncClient(timeout=60, limits=limits, trust_env=False) as client,
        client.stream("POST", url + "/api/generate", json=body) as response,
    ):
        async for piece in response.aiter_raw():
            yield piece


async def _aiohttp(url: str, body: dict) -> AsyncIterator[bytes]:
    import aiohttp

    async with aiohttp.ClientSession() as session, session.post(url + "/api/generate", json=body) as response:
        async for piece in response.content.iter_any():
            yield piece


async def _program(url: str, client: str, streams: int, seconds: float) -> None:
    """The measured program: splits, decodes, counts; prints its CPU per chunk (us): of the loop's thread, of all."""
    seen = running = 0
    all_run = asyncio.Event()
    open_stream = {"httpx": _httpx, "aiohttp": _aiohttp}[client]

    async def one() -> None:
        nonlocal seen, running
        fresh = True
        body = {"model": "gemma3", "prompt": "p", "options": {"num_predict": 100_000}}
        rest = b""
        async for piece in open_stream(url, body):
            *lines, rest = (rest + piece).split(b"\n")
            for line in lines:
                seen += bool(json.loads(line)["response"])
            if fresh and lines:
                fresh, running = False, running + 1
                if running == streams:
                    all_run.set()

    tasks = [asyncio.ensure_future(one()) for _ in range(streams)]
    await all_run.wait()  # imports and TLS contexts, 25 ms a client, are over
    await asyncio.sleep(0.3)
    chunks, thread_ns, process_ns = seen, time.thread_time_ns(), time.process_time_ns()
    await asyncio.sleep(seconds)
    chunks, thread_ns = seen - chunks, time.thread_time_ns() - thread_ns
    process_ns = time.process_time_ns() - process_ns
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    print(thread_ns / chunks / 1000, process_ns / chunks / 1000)


def _measure(kind: str, words: list[str], out: Path) -> tuple[float, float]:
    script = [str(Path(__file__).resolve()), "--child", *words]
    if kind == "bare":
        text = subprocess.run([sys.executable, *script], capture_output=True, text=True, check=True).stdout
    else:
        out.write_text("")
        worker = Worker("loopscope.inject", "program", ["--output", str(out), *script], on_line=lambda line: None)
        worker.start()
        worker.wait_ready()
        while worker.alive():
            time.sleep(0.05)
        worker.stop()
        text = out.read_text()
    thread_us, process_us = text.split()
    return float(thread_us), float(process_us)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", type=int, default=10)
    parser.add_argument("--seconds", type=float, default=2.0)
    parser.add_argument("--clients", nargs="+", choices=("httpx", "aiohttp"), default=["httpx", "aiohttp"])
    parser.add_argument("--loops", nargs="+", choices=loops_here(), default=list(loops_here()))
    parser.add_argument("--streams", nargs="+", type=int, default=[2, 20, 50], help="of 100 chunks/s each")
    parser.add_argument("--child", nargs=5, metavar=("URL", "CLIENT", "STREAMS", "SECONDS", "LOOP"))
    args = parser.parse_args()
    if args.child:
        url, client, streams, seconds, loop = args.child
        run = asyncio.run
        if loop == "uvloop":
            from uvloop import run
        run(_program(url, client, int(streams), float(seconds)))
        return 0
    print("                            loop's thread, us a chunk                     whole process")
    print("client   loop     chunks/s     bare  probed   ratio (95 %)              ratio   of a core")
    with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as stack:
        worker = Worker(
            "loopscope.emulator",
            "emulator-1",
            ["--port", "0", "--parallel", "0", "--rate", "100"],
            on_line=lambda line: None,
        )
        worker.start()
        stack.callback(worker.stop)
        url = worker.wait_ready().info["url"]
        for client in args.clients:
            for loop in args.loops:
                for streams in args.streams:
                    words = [url, client, str(streams), str(args.seconds), loop]
                    rows = []
                    for pair in range(args.pairs):
                        order = ("bare", "probed") if pair % 2 == 0 else ("probed", "bare")
                        both = {kind: _measure(kind, words, Path(folder) / "out") for kind in order}
                        rows.append((*both["bare"], *both["probed"]))
                    ratio, low, high = of_pairs([probed / bare for bare, _, probed, _ in rows])
                    whole = statistics.median(probed / bare for _, bare, _, probed in rows)
                    more = statistics.median((probed - bare) * streams * 100e-6 for _, bare, _, probed in rows)
                    print(
                        f"{client:<8} {loop:<8} {100 * streams:>8}  {statistics.median(r[0] for r in rows):>7.1f} "
                        f"{statistics.median(r[2] for r in rows):>7.1f}   {ratio:.3f} ({low:.3f} to {high:.3f})   "
                        f"{whole:>7.3f}   {more:>8.2%}",
                        flush=True,
                    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
