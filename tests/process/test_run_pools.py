"""Requests that wait in a program's own pool of connections are counted, with httpx and with aiohttp."""

import sys
from pathlib import Path

import pytest

from kit.emulators import emulator
from kit.processes import run
from loopscope.core.codec import decode
from loopscope.core.records import Pulse

pytestmark = [
    pytest.mark.skipif(sys.platform != "linux", reason="looks at processes through /proc"),
]

HTTPX = """
import asyncio, httpx
async def one(client):
    body = {"model": "gemma3", "prompt": "Why?", "options": {"num_predict": 60}}
    async with client.stream("POST", "URL/api/generate", json=body) as response:
        async for _ in response.aiter_lines():
            pass
async def main():
    limits = httpx.Limits(max_connections=2)
    async with httpx.AsyncClient(limits=limits, timeout=None) as client:
        await asyncio.gather(*(one(client) for _ in range(6)))
asyncio.run(main())
"""
AIOHTTP = """
import aiohttp, asyncio
async def one(session):
    body = {"model": "gemma3", "prompt": "Why?", "options": {"num_predict": 60}}
    async with session.post("URL/api/generate", json=body) as response:
        async for _ in response.content:
            pass
async def main():
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=2)) as session:
        await asyncio.gather(*(one(session) for _ in range(6)))
asyncio.run(main())
"""


@pytest.mark.parametrize("text", [HTTPX, AIOHTTP], ids=["httpx", "aiohttp"])
def test_who_waits_for_a_connection_is_counted(tmp_path: Path, text: str) -> None:
    """Six streams over two connections: four wait, then two, then none; never more than there are."""
    path = tmp_path / "own.py"
    with emulator("--rate", "100") as server:
        path.write_text(text.replace("URL", server.url))
        trace = tmp_path / "run.jsonl"
        done = run("run", "--record", str(trace), "--output", str(tmp_path / "out.txt"), "--json", str(path))
    assert done.returncode in (0, 1), done.stderr
    pulses = [record for line in trace.read_bytes().splitlines() if isinstance(record := decode(line), Pulse)]
    queued = [pulse.queued for pulse in pulses if pulse.queued is not None]
    assert max(queued) == 4
    assert 2 in queued
    assert queued[-1] == 0
    assert max(pulse.connections or 0 for pulse in pulses) == 2
