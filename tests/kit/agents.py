"""One agent of a rig against a server of a test."""

import asyncio
from collections.abc import Callable

from loopscope.core.records import AgentSpec, AgentState, Record, Request, Server
from loopscope.probe.sample_buffer import ChunkRow, SampleBuffer
from loopscope.rig.agent import Agent
from loopscope.rig.clients import make_client
from loopscope.rig.clients.base import Client
from loopscope.rig.levers import Levers


class _Rows(list[ChunkRow]):
    """Rows that tell when one comes."""

    def __init__(self, news: asyncio.Event) -> None:
        super().__init__()
        self._news = news

    def append(self, row: ChunkRow) -> None:
        super().append(row)
        self._news.set()


class Watched(SampleBuffer):
    """Samples whose every new row or record wakes whoever waits."""

    __slots__ = ("_news",)

    def __init__(self, proc: str = "") -> None:
        super().__init__(proc)
        self._news = asyncio.Event()
        self.chunks = _Rows(self._news)

    def event(self, record: Record) -> None:
        super().event(record)
        self._news.set()

    async def until(self, condition: Callable[[], bool]) -> None:
        """Wait until a condition on what has come holds."""
        async with asyncio.timeout(20):
            while not condition():
                self._news.clear()
                await self._news.wait()


async def stream(
    kind: type[Client],
    url: str,
    samples: Watched,
    levers: dict[str, str] | None = None,
    ends: int = 1,
    state: str = "",
    prompt: str = "p",
    api: str = "ollama",
) -> None:
    """Run one agent until ``ends`` requests have ended and it has been in ``state``."""
    dials = Levers()
    for name, value in (levers or {}).items():
        dials.set(name, value)
    client = make_client(kind, dials.gate, secure=False)
    spec = AgentSpec(agent=3, name="a", server=0, model="m", prompt=prompt, tokens=3, api=api)
    agent = Agent(spec, Server(url=url, api=api), client, dials, samples)
    task = asyncio.ensure_future(agent.run())
    await samples.until(
        lambda: len(requests_of(samples)) >= ends and (not state or any(s.state == state for s in states_of(samples)))
    )
    agent.stop()
    await task
    await client.close()


def requests_of(samples: SampleBuffer) -> list[Request]:
    """Give the requests that have ended."""
    return [event for event in samples.events if isinstance(event, Request)]


def states_of(samples: SampleBuffer) -> list[AgentState]:
    """Give what the agent has said of itself."""
    return [event for event in samples.events if isinstance(event, AgentState)]
