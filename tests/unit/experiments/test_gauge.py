"""A stretch read exactly from raw records."""

import pytest

from kit.tape import MS, ZERO, Rig, S
from loopscope.core.records import AgentState, Bye, Hello
from loopscope.experiments.gauge import Gauge


def fed(*rigs: Rig) -> Gauge:
    gauge = Gauge()
    for rig in rigs:
        for record in rig.records():
            gauge.heard(record)
    return gauge


def test_what_happened_between_two_moments_is_counted_exactly() -> None:
    """100 chunks/s of each of two agents, 5 % busy, half a millisecond late."""
    seen = fed(Rig(0, 5 * S)).read(ZERO + S, ZERO + 3 * S)
    assert seen.chunks == 400
    assert seen.seconds == 2.0
    assert seen.elu == pytest.approx(0.05)
    assert seen.cpu == pytest.approx(0.04)
    assert seen.runq == 0.0
    assert seen.delay_p50_ms == seen.delay_p99_ms == pytest.approx(0.5, rel=0.006)
    assert seen.delay_max_ms == 0.5
    assert seen.trend is not None
    assert not seen.trend.grows
    assert seen.turns is None  # this rig does not tell
    assert seen.rigs == 1
    assert seen.slices[1:3] == (200.0, 200.0)


def test_pulses_count_as_far_as_they_lie_within() -> None:
    """Half a pulse at either end is half of what it tells."""
    seen = fed(Rig(0, 5 * S, more_pulse={"reads": 20, "turns": 30})).read(ZERO + S + 50 * MS, ZERO + 2 * S + 50 * MS)
    assert (seen.reads, seen.turns) == (200, 300)


def test_rigs_side_by_side_add_up() -> None:
    """Chunks and reads of both; ELU is the fullest loop's."""
    one = Rig(0, 3 * S, (0,), "rig-1", elu=0.1)
    two = Rig(0, 3 * S, (1,), "rig-2", elu=0.3)
    gauge = fed(one, two)
    seen = gauge.read(ZERO + S, ZERO + 2 * S)
    assert seen.chunks == 200
    assert seen.rigs == 2
    assert seen.elu == pytest.approx(0.3)
    assert gauge.streams() == 2
    assert gauge.told(ZERO + 2 * S, 0.0)
    assert not gauge.told(ZERO + 4 * S, 0.0)


def test_a_rig_that_has_ended_is_not_waited_for() -> None:
    """Its last pulse is its last."""
    gauge = fed(Rig(0, S, (0,), "rig-1"), Rig(0, 3 * S, (1,), "rig-2"))
    assert not gauge.told(ZERO + 2 * S, 0.0)
    gauge.heard(Bye(t_ns=ZERO + S, proc="rig-1"))
    assert gauge.told(ZERO + 2 * S, 0.0)
    assert gauge.streams() == 1


def test_nothing_is_not_zero() -> None:
    """Where nothing came, nothing is known."""
    seen = Gauge().read(ZERO, ZERO + S)
    assert seen.chunks == 0
    assert (seen.elu, seen.cpu, seen.delay_p50_ms, seen.trend, seen.turns) == (None, None, None, None, None)
    assert Gauge().delay_ms(ZERO) is None


def test_what_the_rig_says_of_itself_and_of_its_failures_is_kept() -> None:
    """For the result, and for the sentence when nothing streams."""
    gauge = Gauge()
    gauge.heard(Hello(t_ns=ZERO, proc="rig-1", role="rig", pid=1, perf_ns=0, wall_ns=0, info={"client": "httpx"}))
    gauge.heard(AgentState(t_ns=ZERO, proc="rig-1", agent=0, state="retrying", words="refused at x"))
    assert gauge.rig == {"client": "httpx"}
    assert gauge.problem == "refused at x"


def test_a_delay_that_grows_is_seen() -> None:
    """20 ms more in each second."""
    gauge = Gauge()
    rig = Rig(0, 4 * S)
    for record in rig.records():
        if hasattr(record, "delay"):
            import msgspec

            grown = [int(5 * MS + (record.t_ns - ZERO) * 0.02)] * len(record.delay)
            record = msgspec.structs.replace(record, delay=grown)
        gauge.heard(record)
    seen = gauge.read(ZERO + S, ZERO + 3 * S)
    assert seen.trend is not None
    assert seen.trend.slope_ms_s == pytest.approx(20, abs=1)
    assert seen.trend.grows
