"""The throttle in all its forms, with real children."""

import time
from collections import Counter

import pytest

from kit.processes import sessions_children, wait_until
from loopscope.core.clock import now_ns
from loopscope.core.records import Chunks, Mark, Result
from loopscope.experiments.gauge import Gauge
from loopscope.session.live import LiveSource
from loopscope.session.options import SessionOptions
from loopscope.settings import levers
from loopscope.settings.levers.loop import loops_here

pytestmark = pytest.mark.timing

S = 1_000_000_000


def session(**pulled: str) -> tuple[LiveSource, Gauge, list[object]]:
    """Servers that send 60 chunks/s a stream, in one request without end."""
    source = LiveSource(
        SessionOptions(embedded=True, rate=60.0, tokens=100_000, drain_s=0.5, levers=levers.defaults() | pulled)
    )
    gauge, told = Gauge(), []
    source.listen(gauge.heard)
    source.listen(told.append)
    source.start()
    until = time.monotonic() + 20
    while gauge.streams() < int(pulled.get("agents", "2")) and time.monotonic() < until:
        time.sleep(0.02)
    return source, gauge, told


def stretch(gauge: Gauge, seconds: float):
    begin = now_ns()
    end = begin + int(seconds * S)
    while now_ns() < end:
        time.sleep(0.05)
    assert gauge.told(end, 10.0)
    return gauge.read(begin, end)


@pytest.mark.parametrize("loop", loops_here())
def test_an_adaptive_throttle_opens_until_the_delay_that_it_causes_is_gone(loop: str) -> None:
    """40 of 60 chunks/s: the delay grows without end. Adaptive: it comes under its target, and the trace says why."""
    source, gauge, told = session(loop=loop, throttle="40")
    try:
        assert stretch(gauge, 2.0).delay_p99_ms > 200
        source.pull("throttle", "adaptive:delay=200ms")
        until = time.monotonic() + 60
        while time.monotonic() < until:
            if any(isinstance(record, Mark) and record.words.endswith("nothing is held back") for record in told):
                break
            time.sleep(0.05)
        after = stretch(gauge, 2.0)
        assert after.delay_p99_ms < 200
        assert after.chunks / after.seconds == pytest.approx(120, rel=0.1)
        steps = [record for record in told if isinstance(record, Result) and record.what == "throttle"]
        assert steps[0].figures["old_chunks_s"] == 40.0
        assert all(step.figures["new_chunks_s"] > step.figures["old_chunks_s"] for step in steps)
    finally:
        source.stop()
    assert not sessions_children()


@pytest.mark.parametrize("loop", loops_here())
def test_an_adaptive_throttle_looks_at_the_efficiency_and_tries_less(loop: str) -> None:
    """A second agent takes half of the one card from the first: 50 % efficiency, and the trace says what is done.

    What the window held from before the second agent came (an efficiency of 70 %, 57 chunks/s) decides nothing.
    """
    told: list[object] = []
    throttle = levers.defaults() | {"loop": loop, "agents": "1", "throttle": "adaptive:eff=90%"}
    source = LiveSource(
        SessionOptions(
            embedded=True,
            rate=60.0,
            tokens=40,
            drain_s=0.5,
            emulator_args=("--share-factor", "2"),
            levers=throttle,
        )
    )
    source.listen(told.append)
    source.start()
    try:
        assert wait_until(
            lambda: any(isinstance(r, Mark) and r.words.endswith("kept without a throttle") for r in told)
        )
        source.pull("agents", "2")
        assert wait_until(lambda: any(isinstance(r, Result) for r in told))
    finally:
        source.stop()
    step = next(record for record in told if isinstance(record, Result))
    assert (step.what, step.settings["throttle"]) == ("throttle", "adaptive:eff=90%")
    assert step.figures["eff"] == pytest.approx(0.5, rel=0.15)
    assert step.figures["fastest_chunks_s"] == pytest.approx(30, rel=0.15)
    assert step.figures["new_chunks_s"] == pytest.approx(0.9 * step.figures["fastest_chunks_s"])
    assert step.words.endswith("missed, and nothing is held back: trying less")
    assert not sessions_children()


@pytest.mark.parametrize("placement", ["loop", "process:2"])
def test_a_shared_throttle_is_one_for_all_agents(placement: str) -> None:
    """Four agents of 60 chunks/s each: 100 a second together, on one loop and on two, and none has more than others."""
    source, gauge, told = session(agents="4", placement=placement)
    try:
        assert stretch(gauge, 1.0).chunks == pytest.approx(240, rel=0.15)
        source.pull("throttle", "shared:100")
        stretch(gauge, 1.0)
        before = Counter(agent for record in told if isinstance(record, Chunks) for agent in record.agent)
        seen = stretch(gauge, 4.0)
        assert seen.chunks / seen.seconds == pytest.approx(100, rel=0.08)
        after = Counter(agent for record in told if isinstance(record, Chunks) for agent in record.agent)
        assert [after[agent] - before[agent] for agent in range(4)] == pytest.approx([100] * 4, rel=0.2)
        words = [record.words for record in told if getattr(record, "name", "") == "throttle"]
        assert words == (["50/s for each of 2 processes"] if placement == "process:2" else [""])
    finally:
        source.stop()
    assert not sessions_children()
