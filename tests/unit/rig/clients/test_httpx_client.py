"""How httpx is probed: in place of httpcore's own read where we know it, around it where we do not."""

import asyncio

import httpcore
import pytest

from kit.servers import END, HEAD, chunk, final, line, sends, serving
from loopscope.rig.clients import httpx_client
from loopscope.rig.clients.base import ReadGate
from loopscope.rig.clients.httpx_client import HttpxClient


async def _read(url: str) -> tuple[str, bytes, int]:
    client = HttpxClient(ReadGate(), secure=False)
    exchange = await client.open(url + "/api/generate", b"{}", "*/*")
    stream = exchange._response.extensions["network_stream"]
    body = b"".join([piece async for piece in exchange.pieces()])
    reads = client.wires.reads
    await exchange.close()
    await client.close()
    return type(stream).__name__, body, reads


@pytest.mark.parametrize("known", [True, False])
def test_both_ways_bring_the_same(known: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """The installed httpcore is one that we know; a stream of another one is wrapped, and counts the same reads."""
    if not known:
        monkeypatch.setattr(httpx_client, "reads_as_known", lambda stream: False)
    lines = [line("a"), line("b"), final(2)]
    with serving(sends(HEAD, *map(chunk, lines[:2]), chunk(lines[2]) + END)) as url:
        name, body, reads = asyncio.run(_read(url))
    assert name == ("_DirectStream" if known else "_ProbedStream")
    assert (body, reads) == (b"".join(lines), 4)


@pytest.mark.parametrize("known", [True, False])
def test_a_server_that_breaks_off_is_told_as_httpcore_would(known: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """A reset under the read is httpcore's ReadError, so that httpx makes its own of it."""
    if not known:
        monkeypatch.setattr(httpx_client, "reads_as_known", lambda stream: False)

    async def run(url: str) -> None:
        client = HttpxClient(ReadGate(), secure=False)
        exchange = await client.open(url + "/api/generate", b"{}", "*/*")
        try:
            with pytest.raises(client.errors) as caught:
                async for _ in exchange.pieces():
                    pass
            assert isinstance(caught.value.__cause__, httpcore.ReadError)
        finally:
            await exchange.close()
            await client.close()

    with serving(sends(HEAD, chunk(line()), reset=True)) as url:
        asyncio.run(run(url))
