"""Loops whose waiting time is known."""

import asyncio
import ctypes
from time import perf_counter_ns, thread_time_ns

import pytest

from kit.servers import HEAD, chunk, line, read_request, serving
from loopscope.core.errors import InputError
from loopscope.core.records import AgentSpec, Server
from loopscope.probe.loop_meter import LoopMeter, libuv_of, self_test
from loopscope.probe.sample_buffer import SampleBuffer
from loopscope.probe.usage import ThreadUsage
from loopscope.rig.agent import Agent
from loopscope.rig.clients.httpx_client import HttpxClient
from loopscope.rig.levers import Levers
from loopscope.rig.loops import make_loop
from loopscope.settings.levers.loop import loops_here


@pytest.mark.timing
@pytest.mark.parametrize("name", loops_here())
def test_injected_work_comes_back_as_elu(name: str) -> None:
    """A loop that spins for half of its own time has an ELU of that half, on asyncio and on uvloop."""
    metered = make_loop(name)
    assert metered.meter.idle_ns is not None
    idle_ns = metered.meter.idle_ns

    async def run() -> tuple[float, float]:
        before_ns, start_ns, busy_ns = idle_ns(), perf_counter_ns(), 0
        for _ in range(25):
            await asyncio.sleep(0.01)
            woke_ns = perf_counter_ns()
            while perf_counter_ns() - woke_ns < 10_000_000:
                pass
            busy_ns += perf_counter_ns() - woke_ns
        wall_ns = perf_counter_ns() - start_ns
        return 1 - (idle_ns() - before_ns) / wall_ns, busy_ns / wall_ns

    with asyncio.Runner(loop_factory=lambda: metered.loop) as runner:
        elu, planted = runner.run(run())
    # Not work of ours but of the loop, and of whoever takes the core between: at most a tenth on a busy machine.
    assert planted - 0.01 <= elu <= planted + 0.1


@pytest.mark.timing
@pytest.mark.parametrize("name", loops_here())
def test_the_wait_under_way_is_counted(name: str) -> None:
    """A reader in another thread sees the idle time grow while the loop still waits."""
    metered = make_loop(name)
    assert metered.meter.idle_ns is not None
    idle_ns = metered.meter.idle_ns

    async def run() -> int:
        def watch() -> int:
            first_ns = idle_ns()
            cpu_ns = thread_time_ns()
            while thread_time_ns() - cpu_ns < 20_000_000:
                pass
            return idle_ns() - first_ns

        return await asyncio.get_running_loop().run_in_executor(None, watch)

    with asyncio.Runner(loop_factory=lambda: metered.loop) as runner:
        # The loop needs the GIL once more (a switch takes up to 5 ms) before it waits.
        assert runner.run(run()) >= 10_000_000


@pytest.mark.timing
@pytest.mark.parametrize("name", loops_here())
def test_the_self_test_passes_on_a_true_counter(name: str) -> None:
    """What the loop waited is what the counter says, within a tenth."""
    metered = make_loop(name)
    with asyncio.Runner(loop_factory=lambda: metered.loop) as runner:
        assert "" in [runner.run(self_test(metered.meter)) for _ in range(3)]


@pytest.mark.parametrize("name", loops_here())
def test_the_self_test_fails_on_a_false_counter(name: str) -> None:
    """One that stands still is found out."""
    metered = make_loop(name)
    with asyncio.Runner(loop_factory=lambda: metered.loop) as runner:
        broken = LoopMeter(lambda: 0)
        assert "idle counter gave 0.0 ms" in runner.run(self_test(broken))


def test_an_unknown_loop_is_refused() -> None:
    """The refusal names the loops that there are."""
    with pytest.raises(InputError, match="asyncio, uvloop"):
        make_loop("trio")


@pytest.mark.timing
@pytest.mark.parametrize("lever", [("batch", "read:50ms"), ("throttle", "20")])
@pytest.mark.parametrize("name", loops_here())
def test_a_socket_that_is_left_unread_is_no_work(name: str, lever: tuple[str, str]) -> None:
    """While chunks wait in the socket because a lever keeps us from reading, the loop counts as idle.

    libuv forgets the time it has waited when an event comes for a socket whose reading is paused: without parking it,
    this stream read 13 % busy where the loop's thread used 1 %.
    """
    metered = make_loop(name)
    assert metered.meter.idle_ns is not None
    idle_ns = metered.meter.idle_ns

    async def paced(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(HEAD)
        while True:
            writer.write(chunk(line()))
            await writer.drain()
            await asyncio.sleep(0.01)

    async def run(url: str) -> float:
        dials, samples = Levers(metered.park), SampleBuffer()
        dials.set(*lever)
        client = HttpxClient(dials.gate, secure=False)
        agent = Agent(AgentSpec(agent=0, name="a", server=0), Server(url=url), client, dials, samples)
        task = asyncio.ensure_future(agent.run())
        await asyncio.sleep(0.3)
        usage = ThreadUsage()
        before = (idle_ns(), perf_counter_ns(), (usage.cpu_ns() or 0) + (usage.runq_ns() or 0))
        await asyncio.sleep(1.5)
        idle, wall, own = (
            idle_ns() - before[0],
            perf_counter_ns() - before[1],
            (usage.cpu_ns() or 0) + (usage.runq_ns() or 0) - before[2],
        )
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await client.close()
        assert len(samples.chunks) > 15
        return (wall - idle - own) / wall

    with serving(paced) as url, asyncio.Runner(loop_factory=lambda: metered.loop) as runner:
        unexplained = runner.run(run(url))
    assert -0.03 < unexplained < 0.03


@pytest.mark.parametrize("name", loops_here())
def test_turns_are_counted(name: str) -> None:
    """Each wait is at least one turn, and a loop that only waits makes few more."""
    metered = make_loop(name)
    assert metered.meter.turns is not None
    turns = metered.meter.turns

    async def run() -> int:
        before = turns()
        for _ in range(20):
            await asyncio.sleep(0.002)
        return turns() - before

    with asyncio.Runner(loop_factory=lambda: metered.loop) as runner:
        assert 20 <= runner.run(run()) <= 90


@pytest.mark.skipif("uvloop" not in loops_here(), reason="there is no uvloop")
def test_libuv_is_asked_without_giving_the_gil_away() -> None:
    """Beside a thread that computes, who gives it away waits milliseconds to have it back. By kind: how often that
    happens is the machine's doing.
    """
    loop = make_loop("uvloop").loop
    try:
        library, _ = libuv_of(loop)
    finally:
        loop.close()
    assert isinstance(library, ctypes.PyDLL)
