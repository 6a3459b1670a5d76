"""Planted causes do what they say, keep account of it, and end."""

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest

from kit.processes import children_of
from loopscope.core.records import Record, Result
from loopscope.rig.injected_faults import InjectedFaults
from loopscope.rig.loops import make_loop
from loopscope.settings.injected_faults import parse_injected_fault
from loopscope.settings.levers.loop import loops_here

Body = Callable[[], Awaitable[None]]


def acts(loop_name: str, plant: str, body: Body) -> dict[str, float | None]:
    """Plant something on a loop for as long as a coroutine takes; give what it says it did."""
    told: list[Record] = []

    async def main() -> None:
        plants = InjectedFaults(asyncio.get_running_loop(), [parse_injected_fault(plant)], told.append, "rig-1")
        plants.start()
        await body()
        plants.stop()

    with asyncio.Runner(loop_factory=lambda: make_loop(loop_name).loop) as runner:
        runner.run(main())
    (record,) = told
    assert isinstance(record, Result)
    assert record.settings == {"name": plant.partition(":")[0]}
    return record.figures


@asynccontextmanager
async def server(host: str = "127.0.0.1") -> AsyncIterator[int]:
    """A server that sends ten pieces; gives its port."""

    async def answer(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for _ in range(10):
            writer.write(b"piece")
            await writer.drain()
            await asyncio.sleep(0.01)
        writer.close()
        await writer.wait_closed()

    listening = await asyncio.start_server(answer, host, 0)
    async with listening:
        yield listening.sockets[0].getsockname()[1]


@pytest.mark.parametrize("loop", loops_here())
def test_a_block_in_data_received_happens_where_bytes_come(loop: str) -> None:
    """Not at all while nothing comes; then for its length, on the loop's thread, whoever made the connection."""

    async def body() -> None:
        await asyncio.sleep(0.05)
        async with server() as port:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            assert await reader.read() == b"piece" * 10
            writer.close()
            await writer.wait_closed()

    figures = acts(loop, "received:20:1000", body)
    assert figures["count"]
    assert figures["wall_s"] is not None
    assert figures["wall_s"] >= 0.02 * figures["count"]


@pytest.mark.parametrize("loop", loops_here())
def test_localhost_leads_to_the_wrong_address_first(loop: str) -> None:
    """A connection by that name takes the detour, one to the address does not; both arrive."""
    took_s: dict[str, float] = {}

    async def body() -> None:
        async with server() as port:
            for host in ("127.0.0.1", "localhost"):
                begin_s = asyncio.get_running_loop().time()
                reader, writer = await asyncio.open_connection(host, port)
                took_s[host] = asyncio.get_running_loop().time() - begin_s
                assert await reader.read() == b"piece" * 10
                writer.close()
                await writer.wait_closed()

    acts(loop, "localhost:300", body)
    assert took_s["localhost"] >= 0.2


def test_neighbours_come_and_go() -> None:
    """Processes of our own, ended by their ids when the plant's time is over; the thread has its cores back."""
    mine = set(children_of(os.getpid()))
    cores = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else None
    seen: list[int] = []

    async def body() -> None:
        seen.append(len(set(children_of(os.getpid())) - mine))
        while set(children_of(os.getpid())) - mine:  # noqa: ASYNC110 - no event of ours tells that a process has ended
            await asyncio.sleep(0.02)

    acts("asyncio", "neighbours:2@0.3", body)
    assert seen == [2]
    if cores is not None:
        assert os.sched_getaffinity(0) == cores


@pytest.mark.timing
def test_a_plant_ends_when_its_time_is_over() -> None:
    """Blocks of 1 ms for a tenth of a second, and none after it."""

    async def body() -> None:
        await asyncio.sleep(0.4)

    figures = acts("asyncio", "block:1:100@0.1", body)
    assert figures["count"]
    assert figures["count"] <= 11
    assert figures["seconds"] is not None
    assert figures["seconds"] < 0.4
