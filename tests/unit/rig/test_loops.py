"""Loops whose waiting time is known."""

import asyncio
from time import perf_counter_ns, thread_time_ns

import pytest

from loopscope.core.errors import InputError
from loopscope.rig.loops import make_loop, self_test
from loopscope.settings.levers import loops_here


@pytest.mark.parametrize("name", loops_here())
def test_planted_work_comes_back_as_elu(name: str) -> None:
    """A loop that spins for half of its own time has an ELU of that half, on asyncio and on uvloop."""
    metered = make_loop(name)
    assert metered.idle_ns is not None
    idle_ns = metered.idle_ns

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


@pytest.mark.parametrize("name", loops_here())
def test_the_wait_under_way_is_counted(name: str) -> None:
    """A reader in another thread sees the idle time grow while the loop still waits."""
    metered = make_loop(name)
    assert metered.idle_ns is not None
    idle_ns = metered.idle_ns

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


@pytest.mark.parametrize("name", loops_here())
def test_the_self_test_passes_on_a_true_counter_and_fails_on_a_false_one(name: str) -> None:
    """A counter that stands still is found out."""
    metered = make_loop(name)
    with asyncio.Runner(loop_factory=lambda: metered.loop) as runner:
        assert "" in [runner.run(self_test(metered)) for _ in range(3)]
        broken = type(metered)(metered.loop, name, "", lambda: 0, "")
        assert "idle counter gave 0.0 ms" in runner.run(self_test(broken))


def test_an_unknown_loop_is_refused() -> None:
    """The refusal names the loops that there are."""
    with pytest.raises(InputError, match="asyncio, uvloop"):
        make_loop("trio")
