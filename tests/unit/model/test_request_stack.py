"""One request's wall time as a stack that adds up."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loopscope.core.records import Request
from loopscope.model.request_stack import MeanStack, request_stack

MS = 1_000_000


def ended(wall: int, **known: int | None) -> Request:
    return Request(t_ns=0, proc="rig-1", agent=0, request=1, outcome="ok", start_ns=0, end_ns=wall, **known)


durations = st.none() | st.integers(0, 10**12)


@given(st.integers(0, 10**12), st.integers(0, 10**12), durations, durations, durations, durations)
def test_the_parts_add_up_to_the_wall_time(wall, total, load, prompt, decode, connect) -> None:
    """Whatever the server says: what it cannot have done in that time is negative somewhere, and is shown so."""
    stack = request_stack(
        ended(wall, total_ns=total, load_ns=load, prompt_ns=prompt, eval_ns=decode, connect_ns=connect)
    )
    assert stack is not None
    assert stack.wall_ms == pytest.approx(wall / MS, abs=1e-6)


def test_the_wait_for_a_slot_is_what_the_total_holds_beyond_its_parts() -> None:
    """Four agents on one slot: 1.2 of 1.6 s."""
    stack = request_stack(
        ended(1_600 * MS, total_ns=1_590 * MS, load_ns=2 * MS, prompt_ns=48 * MS, eval_ns=340 * MS, connect_ns=1 * MS)
    )
    assert stack is not None
    assert dict(stack.parts()) == pytest.approx(
        {"connect": 1.0, "queue": 1_200.0, "load": 2.0, "prompt": 48.0, "decode": 340.0, "client": 9.0}
    )


def test_a_server_without_durations_has_no_stack() -> None:
    """OpenAI's dialect: the server's part and the client's stay one."""
    assert request_stack(ended(MS)) is None


def test_means_of_an_agent_add_up_too() -> None:
    """Two requests: each part is a mean, and so is the whole."""
    held = MeanStack()
    assert held.mean() is None
    for wall in (100 * MS, 300 * MS):
        stack = request_stack(ended(wall, total_ns=wall - 10 * MS, eval_ns=50 * MS))
        assert stack is not None
        held.add(stack)
    mean = held.mean()
    assert mean is not None
    assert (mean.decode, mean.queue, mean.client, mean.wall_ms) == pytest.approx((50.0, 140.0, 10.0, 200.0))
