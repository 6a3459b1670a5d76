"""Read size and TCP options on the rig's real sockets, by what the kernel says and by counts of reads."""

import os
import socket
import sys
from collections import Counter
from collections.abc import Callable, Coroutine
from contextlib import closing
from typing import Any

import pytest

from kit.servers import END, HEAD, chunk, final, line, sends, serving
from loopscope.core.errors import InputError
from loopscope.core.records import AgentSpec, Request, Server
from loopscope.probe.sample_buffer import SampleBuffer
from loopscope.rig.agent import Agent
from loopscope.rig.clients import make_client
from loopscope.rig.clients.base import Client
from loopscope.rig.levers import Levers
from loopscope.settings.levers import canonical, defaults
from loopscope.settings.levers.read import read_refused
from loopscope.settings.levers.tcp import quickack_here

OnLoop = Callable[[Coroutine[Any, Any, Any]], Any]

LINES = 2048
BODY = HEAD + b"".join(chunk(line("x" * 60)) for _ in range(LINES)) + chunk(final(LINES)) + END
"""290 KiB in one write."""
SMALL = (HEAD + chunk(line()) + chunk(final(1)) + END,)


@pytest.fixture
def loop_name(on_loop: OnLoop, request: pytest.FixtureRequest) -> str:
    """Name of the loop that ``on_loop`` runs on."""
    return str(request.node.callspec.params["on_loop"])


async def _stream(
    kind: type[Client],
    url: str,
    requests: int,
    look: Callable[[int], None] | None = None,
    samples: SampleBuffer | None = None,
    **levers: str,
) -> list[Request]:
    """Let one agent stream with these levers; ``look(fd)`` is called when a request has ended."""
    samples, dials = samples or SampleBuffer("rig-1"), Levers()
    for name, value in levers.items():
        dials.set(name, value)
    client = make_client(kind, dials.gate, secure=False)
    spec = AgentSpec(agent=0, name="a", server=0, model="m", prompt="p", tokens=9, requests=1)
    for _ in range(requests):
        await Agent(spec, Server(url=url), client, dials, samples).run()
        for wire in client.wires.open if look is not None else ():
            look(wire.fd)
    await client.close()
    told = [event for event in samples.events if isinstance(event, Request)]
    assert [request.outcome for request in told] == ["ok"] * requests
    return told


def _options(found: list[tuple[int, int]]) -> Callable[[int], None]:
    def look(fd: int) -> None:
        with socket.socket(fileno=os.dup(fd)) as sock:
            found.append(
                (
                    sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY),
                    sock.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF),
                )
            )

    return look


def test_options_are_those_of_the_socket(on_loop: OnLoop, kind: type[Client]) -> None:
    """Nagle is off by default with every client, so that ``nagle`` changes something; the buffer is what was asked."""
    with closing(socket.socket()) as plain:
        plain.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 20 << 10)
        granted = plain.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF)
    usual: list[tuple[int, int]] = []
    ours: list[tuple[int, int]] = []
    with serving(sends(*SMALL)) as url:
        on_loop(_stream(kind, url, 1, _options(usual)))
        on_loop(_stream(kind, url, 2, _options(ours), tcp="nagle+rcvbuf:20k"))
    assert [bool(nodelay) for nodelay, _ in usual] == [True]
    assert [bool(nodelay) for nodelay, _ in ours] == [False, False]
    assert [size for _, size in ours] == [granted, granted]
    assert usual[0][1] != granted


@pytest.mark.skipif(not quickack_here(), reason="only Linux has TCP_QUICKACK")
def test_quick_acknowledgements_are_on_after_each_request(on_loop: OnLoop, kind: type[Client]) -> None:
    """Also on a connection on which requests and answers took turns, where the kernel left them by itself."""
    told: list[int] = []

    def look(fd: int) -> None:
        with socket.socket(fileno=os.dup(fd)) as sock:
            told.append(sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK))

    with serving(sends(*SMALL)) as url:
        on_loop(_stream(kind, url, 12, look, tcp="quickack"))
    assert told == [1] * 12


@pytest.mark.parametrize("read", ["4k", "16k"])
def test_a_read_takes_no_more_than_it_asks_for(on_loop: OnLoop, kind: type[Client], loop_name: str, read: str) -> None:
    """290 KiB take 73 reads of 4 KiB at least, and far fewer as the client has it. Where it cannot be had, it says so
    before anything runs.
    """
    if read_refused(defaults() | {"client": kind.name, "loop": loop_name, "read": read}):
        assert (kind.name, loop_name) in {("streams", "uvloop"), ("aiohttp", "uvloop")}
        return
    least = -(-len(BODY) // (int(read[:-1]) * 1024))
    with serving(sends(BODY)) as url:
        (usual,) = on_loop(_stream(kind, url, 1))
        (ours,) = on_loop(_stream(kind, url, 1, read=read))
    assert ours.chunks == usual.chunks == LINES
    assert ours.reads >= least
    assert usual.reads < 73 / 2


@pytest.mark.skipif(sys.platform == "win32", reason="asyncio reads 64 KiB at a time there")
def test_a_read_may_take_more_than_by_itself(kind: type[Client], on_loop: OnLoop, loop_name: str) -> None:
    """Of 1 MB that waits in the socket, left alone for 0.2 s, one read brings more than 256 KiB, which none can by
    itself.
    """
    if loop_name != "asyncio":
        assert read_refused(defaults() | {"client": kind.name, "loop": loop_name, "read": "1m"})
        return
    try:
        buffer = canonical("tcp", "rcvbuf:4m")
    except InputError as error:
        pytest.skip(str(error))
    levers = {"batch": "read:200ms", "tcp": buffer}
    body = HEAD + b"".join(chunk(line("x" * 4000)) for _ in range(240)) + chunk(final(240)) + END
    usual, ours = SampleBuffer("rig-1"), SampleBuffer("rig-1")
    with serving(sends(body)) as url:
        on_loop(_stream(kind, url, 1, samples=usual, **levers))
        on_loop(_stream(kind, url, 1, samples=ours, read="1m", **levers))
    by_itself, asked = (max(Counter(row[1] for row in one.chunks).values()) for one in (usual, ours))
    assert by_itself <= (256 << 10) // 4000 < asked
