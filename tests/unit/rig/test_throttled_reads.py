"""What a throttle lets through: a little at a time, the same for each, with the real clients on both loops."""

import asyncio
import threading
from collections import Counter
from collections.abc import Callable, Iterator

from kit.servers import END, HEAD, Handler, chunk, final, line, read_request, serving
from loopscope.core.records import AgentSpec, AgentState, Record, Request, Server
from loopscope.probe.sample_buffer import ChunkRow, SampleBuffer
from loopscope.rig.agent import Agent
from loopscope.rig.clients import make_client
from loopscope.rig.clients.base import Client
from loopscope.rig.levers import Levers

OnLoop = Callable[..., object]
CHUNKS = 100
MOST = 2.0
"""A chunk may have so much fewer bytes than was thought: the ollama client does not tell, and 160 are taken."""


def _floods(go: threading.Event) -> Handler:
    """A server that sends one chunk, and all others at once when it is told to."""

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(HEAD + chunk(line()))
        await asyncio.to_thread(go.wait, 30)
        writer.write(b"".join(chunk(line()) for _ in range(CHUNKS - 1)) + chunk(final(CHUNKS)) + END)
        await reader.read()

    return handle


class _Watched(SampleBuffer):
    """Samples that tell when an agent has had its first chunk."""

    __slots__ = ("begun",)

    def __init__(self, proc: str) -> None:
        super().__init__(proc)
        self.begun = asyncio.Semaphore(0)

    def event(self, record: Record) -> None:
        super().event(record)
        if isinstance(record, AgentState) and record.state == "streaming":
            self.begun.release()


async def _flooded(kind: type[Client], agents: int, throttle: str) -> list[ChunkRow]:
    """Give the rows of agents with one request each, whose other chunks are sent once each has had its first."""
    levers, samples, go = Levers(), _Watched("rig-1"), threading.Event()
    levers.set("throttle", throttle)
    levers.agents = agents
    client = make_client(kind, levers.gate, secure=False)
    with serving(_floods(go)) as url:
        specs = [AgentSpec(agent=n, name="a", server=0, model="m", prompt="p", requests=1) for n in range(agents)]
        tasks = [asyncio.ensure_future(Agent(spec, Server(url=url), client, levers, samples).run()) for spec in specs]
        async with asyncio.timeout(30):
            for _ in range(agents):
                await samples.begun.acquire()
            go.set()
            await asyncio.gather(*tasks)
        await client.close()
    assert [e.chunks for e in samples.events if isinstance(e, Request)] == [CHUNKS] * agents
    return samples.chunks


def _increments(rows: list[ChunkRow], agents: int) -> Iterator[list[int]]:
    """How many chunks each has had, after every chunk, until the first has all."""
    had = [0] * agents
    for row in rows:
        had[row[0]] += 1
        if max(had) == CHUNKS:
            return
        yield list(had)


def test_a_read_under_a_throttle_brings_what_a_tenth_of_a_second_allows(on_loop: OnLoop, kind: type[Client]) -> None:
    """All that waits in one read would be paid for by not reading for so long, while more gathers."""
    rows = on_loop(_flooded(kind, 1, "300"))
    reads = Counter(row[1] for row in rows)  # type: ignore[attr-defined]
    assert max(reads.values()) <= 30 * MOST


def test_agents_that_share_a_throttle_get_the_same(on_loop: OnLoop, kind: type[Client]) -> None:
    """Four agents whose chunks all wait: none is ever ahead of another by more than two turns (of 10)."""
    rows = on_loop(_flooded(kind, 4, "shared:400"))
    ahead = max(max(had) - min(had) for had in _increments(rows, 4))  # type: ignore[arg-type]
    assert ahead <= 2 * 10 * MOST
