"""What the probes have no room for is counted to the chunk: sent by the server = seen + dropped."""

import asyncio

import pytest

from kit.emulators import emulator
from loopscope.core import codec
from loopscope.core.codec import decode
from loopscope.core.records import AgentSpec, Chunks, Pulse, Request, Server
from loopscope.probe.sample_buffer import SampleBuffer
from loopscope.probe.sender import Sender
from loopscope.probe.usage import GcClock, ThreadUsage
from loopscope.rig.agent import Agent
from loopscope.rig.clients import client_class, make_client
from loopscope.rig.levers import Levers
from loopscope.rig.loops import make_loop
from loopscope.settings.clients import clients_here
from loopscope.settings.levers.loop import loops_here

AGENTS, REQUESTS, TOKENS = 4, 3, 1_500


class _Pipe:
    """Keeps the lines instead of writing them."""

    proc = "rig-1"

    def __init__(self) -> None:
        self.data = b""

    def send_lines(self, data: bytes) -> None:
        self.data += data


async def _stream(url: str, client_name: str, samples: SampleBuffer, pipe: _Pipe) -> None:
    """Agents that end by themselves, so that every byte sent is read, and a sender that takes what they leave."""
    dials = Levers()
    dials.set("decoder", "orjson")
    client = make_client(client_class(client_name), dials.gate, secure=False)
    sender = Sender(
        pipe.send_lines,
        samples,
        loop_name="x",
        idle_ns=None,
        usage=ThreadUsage(),
        gc_clock=GcClock(),
        wires=lambda: client.wires,
        streams=lambda: 0,
        tasks=lambda: 0,
    )  # type: ignore[arg-type]
    sender.start()
    specs = [
        AgentSpec(agent=i, name="a", server=0, model="gemma3", prompt="p", tokens=TOKENS, requests=REQUESTS)
        for i in range(AGENTS)
    ]
    await asyncio.gather(*(Agent(spec, Server(url=url), client, dials, samples).run() for spec in specs))
    sender.finish()
    await client.close()


@pytest.mark.parametrize("client_name", clients_here())
@pytest.mark.parametrize("loop", loops_here())
@pytest.mark.parametrize("room", [50, 1 << 16])
def test_sent_is_seen_and_dropped(loop: str, client_name: str, room: int) -> None:
    """An emulator flat out, and room for 50 rows a tick: most are dropped, not one is missing from the count."""
    samples, pipe = SampleBuffer("rig-1", room, lines=codec), _Pipe()
    with (
        emulator("--rate", "0") as server,
        asyncio.Runner(loop_factory=lambda: make_loop(loop).loop) as runner,
    ):
        runner.run(_stream(server.url, client_name, samples, pipe))
        sent = server.stats()["chunks"]
    records = [decode(line) for line in pipe.data.splitlines()]
    seen = sum(len(record.agent) for record in records if isinstance(record, Chunks))
    dropped = [record.dropped for record in records if isinstance(record, Pulse)][-1]
    requests = [record for record in records if isinstance(record, Request)]
    assert [request.outcome for request in requests] == ["ok"] * (AGENTS * REQUESTS)
    assert sent == sum(request.chunks for request in requests) == seen + dropped
    assert sent == AGENTS * REQUESTS * TOKENS
    assert (dropped > 0) == (room == 50)
