"""The loss of a round is an exact sum, whatever the timings."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loopscope.stats.attribution import PARTS, Work, efficiency, scaled

SECONDS = st.floats(0, 1e4, allow_nan=False)
TOKENS = st.integers(1, 10**6) | st.none()


@st.composite
def works(draw: st.DrawFn, *, reported: bool = True) -> Work:
    """Any timings, also such that cannot be: a server that says more than the client saw."""
    return Work(
        wall_s=draw(SECONDS),
        tokens=draw(TOKENS),
        prompt_tokens=draw(TOKENS),
        total_s=draw(SECONDS) if reported else None,
        load_s=draw(SECONDS | st.none()) if reported else None,
        prompt_s=draw(SECONDS | st.none()) if reported else None,
        eval_s=draw(SECONDS) if reported else None,
        connect_s=draw(SECONDS),
        loop_s=draw(SECONDS),
        handling_s=draw(SECONDS),
        throttle_s=draw(SECONDS),
        batching_s=draw(SECONDS),
    )


PAIRS = st.lists(st.tuples(works(), works()), min_size=1, max_size=8)


@given(PAIRS, st.floats(1e-3, 1e5))
def test_the_parts_sum_to_the_loss(pairs: list[tuple[Work, Work]], wall_s: float) -> None:
    """``1 - measured`` is the sum of its six parts, and the client part the sum of its own, to 1e-9 of their size."""
    work, solo = [pair[0] for pair in pairs], [pair[1] for pair in pairs]
    made = efficiency(work, solo, wall_s)
    assert made.measured is not None
    assert made.loss is not None
    assert made.client is not None
    parts = made.loss.parts()
    assert list(parts) == list(PARTS)
    size = max(1.0, *(abs(part) for part in parts.values()), made.measured)
    assert math.fsum(parts.values()) == pytest.approx(1 - made.measured, abs=1e-9 * size)
    of_client = max(1.0, *(abs(part) for part in made.client.values()))
    assert math.fsum(made.client.values()) == pytest.approx(parts["client"], abs=1e-9 * of_client)
    by_agent = [math.fsum(loss.parts().values()) for loss in made.by_agent]
    assert math.fsum(by_agent) == pytest.approx(1 - made.measured, abs=1e-9 * size)


@given(st.lists(st.tuples(works(reported=False), works()), min_size=1, max_size=8), st.floats(1e-3, 1e5))
def test_without_durations_imbalance_and_the_rest_sum_to_the_loss(
    pairs: list[tuple[Work, Work]], wall_s: float
) -> None:
    """One server that reports nothing makes server and client parts one; nothing is guessed."""
    made = efficiency([pair[0] for pair in pairs], [pair[1] for pair in pairs], wall_s)
    assert made.loss is not None
    assert made.measured is not None
    assert set(made.loss.parts()) == {"imbalance", "unsplit"}
    assert made.reported is None
    assert made.client is None
    size = max(1.0, *map(abs, made.loss.parts().values()))
    assert math.fsum(made.loss.parts().values()) == pytest.approx(1 - made.measured, abs=1e-9 * size)


@given(works(), st.integers(1, 10**6), st.integers(1, 10**6))
def test_scaling_keeps_the_parts_of_the_wall_time(solo: Work, tokens: int, prompt_tokens: int) -> None:
    """What is not decoding or prompt does not change when solo work is scaled; decoding goes with the tokens."""
    now = scaled(solo, Work(wall_s=1.0, tokens=tokens, prompt_tokens=prompt_tokens))
    assert now.load_s == solo.load_s
    size = max(1.0, now.wall_s, now.eval_s or 0, now.prompt_s or 0)
    assert now.wall_s - (now.total_s or 0) == pytest.approx(solo.wall_s - (solo.total_s or 0), abs=1e-9 * size)
    if solo.tokens:
        assert (now.eval_s or 0) * solo.tokens == pytest.approx((solo.eval_s or 0) * tokens, rel=1e-9)
