"""Everything that a client imports at its first request, imported before there is an agent.

httpx asks for its backend, the loop for a thread and for the codec of host names, and so on: 50 to 80 ms on the loop in
the first request of a rig, at the start of a session and right after every takeover. A list of these modules would be
one of a release; so an agent streams once from a server of our own, in the same process, and nobody hears of it.
"""

import asyncio
import contextlib

from loopscope.core.records import AgentSpec, Server
from loopscope.probe.sample_buffer import SampleBuffer
from loopscope.rig.agent import Agent
from loopscope.rig.clients import make_client
from loopscope.rig.clients.base import Client
from loopscope.rig.levers import APPLIED, Levers
from loopscope.settings.levers import LEVERS

_MOST_S = 2.0
_STAMP = b"2026-01-01T00:00:00.000000001Z"
_LINES = (
    b'{"model":"m","created_at":"%s","response":"a","done":false}\n' % _STAMP,
    b'{"model":"m","created_at":"%s","response":"","done":true,"eval_count":1,"total_duration":1}\n' % _STAMP,
)
_HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: application/x-ndjson\r\ntransfer-encoding: chunked\r\n\r\n"


async def warm_up(kind: type[Client], host: str = "127.0.0.1") -> str:
    """Let one agent of this client stream once, out of every count; give how it ended, ``ok`` when well."""
    samples = SampleBuffer()
    # All presets of all levers, each decoder among them: pulling a lever must not import on the loop either.
    levers = Levers()
    for name in APPLIED:
        for value in LEVERS[name].presets:
            with contextlib.suppress(ImportError):
                levers.set(name, value)
    try:
        async with asyncio.timeout(_MOST_S):
            server = await asyncio.start_server(_answer, host, 0)
            async with server:
                port = server.sockets[0].getsockname()[1]
                client = make_client(kind, Levers().gate, secure=False)
                # By name, as most servers are called: a name is looked up in a thread, with a codec of its own.
                spec = AgentSpec(agent=0, name="warm-up", server=0, model="m", prompt="p", tokens=1, requests=2)
                await Agent(spec, Server(url=f"http://localhost:{port}"), client, Levers(), samples).run()
                await client.close()
    except (OSError, TimeoutError) as error:
        return f"{type(error).__name__}: {error}"
    outcomes = [getattr(event, "outcome", "") for event in samples.events]
    return next((outcome for outcome in outcomes if outcome not in ("", "ok")), "ok")


async def _answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError, asyncio.IncompleteReadError, ValueError):
        while True:
            head = await reader.readuntil(b"\r\n\r\n")
            fields = dict(line.split(b":", 1) for line in head.lower().split(b"\r\n")[1:] if b":" in line)
            await reader.readexactly(int(fields.get(b"content-length", b"0")))
            writer.write(_HEAD + b"".join(b"%x\r\n%s\r\n" % (len(line), line) for line in _LINES) + b"0\r\n\r\n")
            await writer.drain()
    writer.close()
