"""The loop's time as a stack that adds up to one."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loopscope.model.loop_stack import loop_stack
from loopscope.model.loop_sums import LoopSums


def sums(active: float, cpu: float, runq: float, gc: float = 0.0, dt: float = 1e9) -> LoopSums:
    return LoopSums(
        dt=dt, elu_dt=dt, cpu_dt=dt, runq_dt=dt, active=active * dt, cpu=cpu * dt, runq=runq * dt, gc=gc * dt
    )


shares = st.floats(0, 1)


@given(shares, shares, shares, shares)
def test_parts_add_up_to_one_whatever_the_clocks_say(active: float, cpu: float, runq: float, gc: float) -> None:
    """Also where CPU and the wait for a core overlap, or the collector's wall time is longer than all CPU."""
    stack = loop_stack(sums(active, cpu, runq, gc))
    assert stack is not None
    parts = [value for _, value in stack.parts()]
    assert sum(parts) == pytest.approx(1.0, abs=1e-9)
    assert min(parts) >= -1e-12


def test_a_loop_that_computes_half_the_time_waits_for_the_other_half() -> None:
    stack = loop_stack(sums(0.5, 0.5, 0.0, gc=0.1))
    assert stack is not None
    assert [value for _, value in stack.parts()] == pytest.approx([0.4, 0.1, 0.0, 0.0, 0.5])


def test_a_sleep_on_the_loop_is_blocked_and_no_cpu() -> None:
    stack = loop_stack(sums(0.8, 0.1, 0.0))
    assert stack is not None
    assert (stack.blocked, stack.waiting) == pytest.approx((0.7, 0.2))


def test_a_stolen_core_is_not_a_full_loop() -> None:
    """13 % CPU and 84 % without a core: the bar was red at "100 % full" there."""
    stack = loop_stack(sums(1.0, 0.13, 0.84))
    assert stack is not None
    assert (stack.cpu, stack.no_core, stack.blocked) == pytest.approx((0.13, 0.84, 0.03))


def test_a_wait_for_a_core_inside_the_selector_is_not_waiting() -> None:
    """Ready in select and without a core: the selector's clock calls that idle, the kernel does not."""
    stack = loop_stack(sums(0.1, 0.1, 0.6))
    assert stack is not None
    assert (stack.no_core, stack.waiting, stack.blocked) == pytest.approx((0.6, 0.3, 0.0))


def test_the_collectors_pause_is_as_long_as_it_computed() -> None:
    """A pause of 20 % of the time with the core for a fifth of it is 4 % of work."""
    stack = loop_stack(sums(1.0, 0.2, 0.8, gc=0.2))
    assert stack is not None
    assert stack.gc == pytest.approx(0.04)


@pytest.mark.parametrize("missing", ["elu_dt", "cpu_dt", "runq_dt"])
def test_without_one_of_its_signals_there_is_no_stack(missing: str) -> None:
    one = sums(0.5, 0.4, 0.1)
    setattr(one, missing, 0.0)
    assert loop_stack(one) is None
