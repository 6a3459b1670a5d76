"""CPU of the fold: microseconds a chunk to feed, milliseconds a snapshot, share of a core at 10 Hz.

Records are made beforehand; only feeding and snapshots are timed, in CPU time.

    python benchmarks/fold.py              six cases, about half a minute; --quick: five seconds
"""

import argparse
import itertools
import random
import time

from loopscope.core.codec import as_dict, decode, encode
from loopscope.core.records import AgentSpec, AnyRecord, Chunks, Header, Hello, Pulse, Request, Server
from loopscope.model.fold import Fold
from loopscope.model.summary import summary

TICK_NS = 100_000_000
ZERO_NS = 10**12
CASES = ((2, 100.0), (16, 100.0), (64, 30.0), (64, 625.0), (1_000, 1.6), (1_000, 40.0))
"""Agents, chunks/s each."""


def records(agents: int, rate: float, seconds: int) -> list[AnyRecord]:
    """A session with jitter in every gap and delay, as lines a rig would write, in order."""
    draw = random.Random(7)
    servers = [Server(url=f"http://127.0.0.1:{9000 + n}", model="m") for n in range(2)]
    specs = [AgentSpec(agent=n, name=f"agent-{n}", server=n % 2) for n in range(agents)]
    made: list[AnyRecord] = [
        Header(t_ns=ZERO_NS, proc="session", source="urls", servers=servers, agents=specs, levers={"loop": "asyncio"}),
        Hello(t_ns=ZERO_NS, proc="rig-1", role="rig", pid=1, perf_ns=0, wall_ns=0, lag_floor_ns=50_000),
    ]
    gap_ns = 1e9 / rate
    due = [ZERO_NS + draw.random() * gap_ns for _ in range(agents)]
    seen = [0] * agents
    for tick in range(1, seconds * 10 + 1):
        end = ZERO_NS + tick * TICK_NS
        rows: list[tuple[int, int]] = []
        ended: list[AnyRecord] = []
        for agent in range(agents):
            while due[agent] < end:
                rows.append((int(due[agent]), agent))
                due[agent] += gap_ns * draw.uniform(0.8, 1.2)
                seen[agent] += 1
                if seen[agent] % 256 == 0:
                    at = int(due[agent])
                    ended.append(
                        Request(
                            t_ns=end,
                            proc="rig-1",
                            agent=agent,
                            request=seen[agent] // 256,
                            outcome="ok",
                            end_ns=at,
                            start_ns=at - 3 * 10**9,
                            first_ns=at - 2 * 10**9,
                            last_ns=at,
                            chunks=256,
                            tokens=256,
                        )
                    )
        rows.sort()
        if rows:
            times = [t for t, _ in rows]
            steps = [0, *(later - sooner for sooner, later in itertools.pairwise(times))]
            made.append(
                Chunks(
                    t_ns=end,
                    proc="rig-1",
                    base_ns=times[0],
                    agent=[agent for _, agent in rows],
                    recv=steps,
                    delay=[int(draw.lognormvariate(12.5, 0.6)) for _ in rows],
                    handled=[20_000] * len(rows),
                )
            )
        made += ended
        made.append(
            Pulse(
                t_ns=end,
                proc="rig-1",
                dt_ns=TICK_NS,
                loop="asyncio",
                active_ns=20_000_000,
                cpu_ns=18_000_000,
                runq_ns=0,
                lag_ns=[int(draw.expovariate(1e-5)) for _ in range(10)],
                beat_ns=10_000_000,
            )
        )
    return made


def measure(agents: int, rate: float, seconds: int) -> tuple[float, float, float, float, float]:
    """us a chunk to feed and to decode, ms a snapshot, share of a core at ten snapshots a second, ms a summary."""
    lines = [encode(record) for record in records(agents, rate, seconds)]
    begin = time.process_time()
    made = [decode(line) for line in lines]
    decode_s = time.process_time() - begin
    fold = Fold()
    feed_s = look_s = 0.0
    looks = 0
    for record in made:
        begin = time.process_time()
        fold.feed(record)
        feed_s += time.process_time() - begin
        if isinstance(record, Pulse):
            begin = time.process_time()
            fold.snapshot()
            look_s += time.process_time() - begin
            looks += 1
    begin = time.process_time()
    result = as_dict(summary(fold))
    summary_s = time.process_time() - begin
    chunks = result["chunks"]
    return (
        feed_s / chunks * 1e6,
        decode_s / chunks * 1e6,
        look_s / looks * 1e3,
        (feed_s + look_s) / seconds,
        summary_s * 1e3,
    )


def main() -> None:
    """Print one row a case."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="4 s of records a case instead of 20")
    seconds = 4 if parser.parse_args().quick else 20
    print("agents  chunks/s   feed us/chunk  decode us/chunk  snapshot ms  feed + 10 snapshots/s  summary ms")
    for agents, rate in CASES:
        feed, read, look, share, whole = measure(agents, rate, seconds)
        print(
            f"{agents:6d}  {agents * rate:8.0f}  {feed:14.3f}  {read:15.3f}  {look:11.3f}  {share:20.2%}  {whole:10.1f}"
        )


if __name__ == "__main__":
    main()
