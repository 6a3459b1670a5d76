"""The heartbeat gives back a planted block, by its size and weighted by time."""

import asyncio
import itertools
from collections.abc import Callable
from time import perf_counter_ns

import pytest

from loopscope.probe.heartbeat import BEAT_NS, Heartbeat, idle_floor_ns
from loopscope.probe.sample_buffer import SampleBuffer


def _block(ms: float) -> int:
    start_ns = perf_counter_ns()
    while perf_counter_ns() - start_ns < ms * 1e6:
        pass
    return perf_counter_ns() - start_ns


@pytest.mark.timing
def test_a_block_is_back_filled(on_loop: Callable[..., object]) -> None:
    """A block of 400 ms gives about eight late beats from nearly 400 ms down to nothing, not one."""

    async def run() -> tuple[list[int], int]:
        samples = SampleBuffer()
        heart = Heartbeat(asyncio.get_running_loop(), samples)
        heart.start()
        await asyncio.sleep(0.11)
        samples.take_beats()
        blocked_ns = _block(400)
        await asyncio.sleep(0.06)
        heart.stop()
        return samples.take_beats(), blocked_ns

    beats, blocked_ns = on_loop(run())  # type: ignore[misc]
    late = [beat for beat in beats if beat > BEAT_NS]
    assert blocked_ns - BEAT_NS - 5_000_000 <= max(beats) <= blocked_ns + 4 * BEAT_NS
    # Every beat that fell into the block is there, each one period less late than the one before.
    assert abs(len(late) - (max(beats) // BEAT_NS)) <= 1
    assert all(a - b == BEAT_NS for a, b in itertools.pairwise(late))


def test_the_schedule_does_not_drift(on_loop: Callable[..., object]) -> None:
    """Beats are due at start + k periods: their count follows the clock, however late each one was."""

    async def run() -> tuple[int, int]:
        samples = SampleBuffer()
        heart = Heartbeat(asyncio.get_running_loop(), samples)
        start_ns = perf_counter_ns()
        heart.start()
        for _ in range(12):
            await asyncio.sleep(0.03)
            _block(15)
        await asyncio.sleep(0.02)
        heart.stop()
        return len(samples.take_beats()), (heart.last_ns - start_ns) // BEAT_NS

    beats, due = on_loop(run())  # type: ignore[misc]
    assert abs(beats - due) <= 1


def test_the_floor_needs_eight_beats(on_loop: Callable[..., object]) -> None:
    """An idle floor is a median of at least eight beats, else it is not known."""

    async def run() -> tuple[int | None, int | None]:
        samples = SampleBuffer()
        heart = Heartbeat(asyncio.get_running_loop(), samples)
        none = await idle_floor_ns(samples, 0.02)
        heart.start()
        floor = await idle_floor_ns(samples, 0.6)
        heart.stop()
        return none, floor

    none, floor = on_loop(run())  # type: ignore[misc]
    assert none is None
    assert floor is not None
    assert floor >= 0
