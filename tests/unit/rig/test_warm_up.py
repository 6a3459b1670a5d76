"""What a rig does before it says hello, so that its first request imports nothing."""

import json
import subprocess
import sys

import pytest

from kit.servers import END, HEAD, chunk, final, line, sends, serving
from loopscope.settings.clients import clients_here
from loopscope.settings.levers.loop import loops_here

_FIRST_REQUEST = """
import asyncio, json, sys
from loopscope.core.records import AgentSpec, Server
from loopscope.rig.agent import Agent
from loopscope.rig.clients import client_class, make_client
from loopscope.rig.levers import Levers
from loopscope.rig.loops import make_loop
from loopscope.rig.rig import Rig
from loopscope.probe.sample_buffer import SampleBuffer
from loopscope.rig.warm_up import warm_up

async def main(loop, client, url, warm):
    kind = client_class(client)
    dials, samples = Levers(), SampleBuffer()
    dials.set("decoder", "orjson")
    if warm:
        assert await warm_up(kind) == "ok"
    before = set(sys.modules)
    made = make_client(kind, dials.gate, secure=False)
    spec = AgentSpec(agent=0, name="a", server=0, model="m", prompt="p", tokens=1, requests=2)
    await Agent(spec, Server(url=url.replace("127.0.0.1", "localhost")), made, dials, samples).run()
    await made.close()
    assert [event.outcome for event in samples.events if hasattr(event, "outcome")] == ["ok", "ok"]
    print(json.dumps(sorted(set(sys.modules) - before)))

loop, client, url, warm = sys.argv[1:]
with asyncio.Runner(loop_factory=lambda: make_loop(loop).loop) as runner:
    runner.run(main(loop, client, url, warm == "warm"))
"""


def _imported(loop: str, client: str, warm: str) -> list[str]:
    with serving(sends(HEAD, chunk(line()), chunk(final(1)) + END)) as url:
        done = subprocess.run(
            [sys.executable, "-c", _FIRST_REQUEST, loop, client, url, warm], capture_output=True, text=True, timeout=30
        )
    assert done.returncode == 0, done.stderr
    names: list[str] = json.loads(done.stdout)
    return names


@pytest.mark.parametrize("client", clients_here())
@pytest.mark.parametrize("loop", loops_here())
def test_the_first_request_of_a_warm_rig_imports_nothing(loop: str, client: str) -> None:
    """Whatever the client and the loop: after the warm-up an agent's first request finds everything imported."""
    assert _imported(loop, client, "warm") == []


def test_a_cold_one_does() -> None:
    """Without it, httpx looks for its backend in the first request: the warm-up is not in vain."""
    assert "anyio._backends._asyncio" in _imported("asyncio", "httpx", "cold")
