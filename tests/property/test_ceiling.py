"""The arithmetic of ceilings, on loops that are made of arithmetic too."""

import math

import numpy as np
from hypothesis import assume, given
from hypothesis import strategies as st

from loopscope.stats.ceiling import (
    FULL,
    Costs,
    Load,
    at_rate,
    between,
    bracket,
    fit_costs,
    full_point,
    rising,
    saturation,
    scale_of,
    trend,
)
from loopscope.stats.intervals import Interval

COST = st.floats(0.5, 200.0)
READ_MOST = 600.0


def synthetic(costs: Costs, streams: int, offered: float) -> Load:
    """A loop that takes all that is there at each turn: the exact fixed point of its own costs.

    Below one chunk a stream and turn each chunk is a read of its own; above it reads coalesce, up to READ_MOST.
    """
    limit = saturation(costs, streams, READ_MOST)
    rate = min(offered, limit * (1 - 1e-9))
    idle_turn_us = costs.us(1.0, 1.0)  # one chunk, one read, one turn
    if rate * idle_turn_us < 1e6:
        return Load(streams, offered, rate, rate * idle_turn_us / 1e6, idle_turn_us, 1.0, 1.0)
    # Full: k chunks a turn with k * 1e6 / rate = cost of the turn. Reads: one a chunk until every stream has one.
    spare = 1e6 / rate - costs.chunk_us - costs.read_us
    k = costs.wakeup_us / spare if spare > 0 else math.inf
    reads = 1.0
    if k > streams:
        k = (costs.wakeup_us + costs.read_us * streams) / (1e6 / rate - costs.chunk_us)
        reads = streams / k
    return Load(streams, offered, rate, 1.0, 1e6 / rate, 1 / k, reads)


LOADS = (0.05, 0.3, 0.7, 0.9, 0.97, 0.999)


@given(COST, COST, COST)
def test_planted_costs_come_back(wakeup: float, read: float, chunk: float) -> None:
    """Fitted over several loads and two shapes, the three costs are those that were planted."""
    planted = Costs(wakeup, read, chunk, 0.0, 0)
    loads = [synthetic(planted, n, saturation(planted, n, READ_MOST) * x) for n in (2, 32) for x in LOADS]
    mixes = np.array([(load.turns, load.reads, 1.0) for load in loads])
    assume(np.linalg.svd(mixes)[1][-1] > 0.05)
    found = fit_costs(loads)
    assert found is not None
    for got, want in ((found.wakeup_us, wakeup), (found.read_us, read), (found.chunk_us, chunk)):
        assert math.isclose(got, want, rel_tol=0.02, abs_tol=0.02 * (wakeup + read + chunk))
    assert found.error < 0.01
    assert all(math.isclose(scale_of(found, load), 1.0, rel_tol=0.03) for load in loads)


@given(st.lists(st.tuples(st.floats(0, 2), st.floats(0, 2), st.floats(1, 1e3)), min_size=3, max_size=20))
def test_no_cost_is_below_zero(rows: list[tuple[float, float, float]]) -> None:
    """Whatever was measured, no cost is negative and no miss is worse than saying nothing."""
    found = fit_costs([Load(2, 1, 1, turns=t, reads=r, cpu_us=us) for t, r, us in rows])
    assert found is not None
    assert min(found.wakeup_us, found.read_us, found.chunk_us) >= 0
    assert 0 <= found.error <= 1


def test_two_loads_are_not_enough_to_split_costs() -> None:
    """Three unknowns need three loads, with all their figures."""
    some = Load(2, 1, 1, turns=1.0, reads=1.0, cpu_us=100.0)
    assert fit_costs([some, some, Load(2, 1, 1, reads=1.0, cpu_us=5.0)]) is None
    assert scale_of(Costs(1, 1, 1, 0, 3), Load(2, 1, 1)) is None


@given(COST, COST, COST, st.integers(1, 64), st.floats(0.02, 0.9))
def test_at_least_never_exceeds_the_hard_ceiling(w: float, r: float, c: float, streams: int, part: float) -> None:
    """rate / ELU at any load that a loop carries is at most what it carries in the end."""
    costs = Costs(w, r, c, 0.0, 0)
    hard = saturation(costs, streams, READ_MOST)
    load = synthetic(costs, streams, hard * part)
    assert load.elu is not None
    assert load.delivered / load.elu <= hard * (1 + 1e-6)


@given(COST, COST, COST, st.integers(1, 64))
def test_the_full_point_lies_where_it_was_planted(w: float, r: float, c: float, streams: int) -> None:
    """A loop that pays the same for each chunk until it is full is full at 0.95 of 1 / that cost."""
    costs = Costs(w, r, c, 0.0, 0)
    hard, true = saturation(costs, streams, READ_MOST), FULL * 1e6 / costs.us(1.0, 1.0)
    rates = np.geomspace(true / 50, hard * 0.999, 60)
    found = full_point([synthetic(costs, streams, float(rate)) for rate in rates])
    assert found is not None
    assert found.low <= found.mid <= found.high
    assert found.low * 0.999 <= true <= found.high * 1.001


def test_there_is_no_full_point_where_the_loop_was_never_or_always_full() -> None:
    """Nothing is made up beyond the loads that were seen."""
    assert full_point([Load(2, 1, 10, elu=0.1), Load(2, 1, 20, elu=0.5)]) is None
    assert full_point([Load(2, 1, 10, elu=0.99), Load(2, 1, 20, elu=1.0)]) is None
    assert full_point([Load(2, 1, 10, elu=0.5)]) is None


@given(st.floats(100, 1e5), st.lists(st.floats(0.2, 5.0), min_size=1, max_size=30), st.floats(0, 0.2))
def test_the_bracket_holds_the_ceiling(hard: float, parts: list[float], noise: float) -> None:
    """Without contradictions the true ceiling lies in the interval, and the middle between what held and what fell."""
    kept = [hard * part for part in parts if part <= 1]
    fell = [hard * part for part in parts if part > 1]
    found = bracket(kept, fell, noise)
    if not kept:
        assert found is None
        return
    assert found is not None
    assert found.low <= found.mid <= found.high
    assert found.low <= hard * (1 + 1e-9)
    assert hard * (1 - 1e-9) <= found.high
    assert math.isinf(found.high) == (not fell)
    guessed = bracket(kept, fell, noise, hard)
    assert guessed is not None
    if fell:
        assert math.isclose(guessed.mid, min(max(hard, guessed.low), guessed.high))


@given(st.lists(st.floats(1, 1e5), min_size=1, max_size=10), st.lists(st.floats(1, 1e5), min_size=1, max_size=10))
def test_contradictions_widen_the_bracket(kept: list[float], fell: list[float]) -> None:
    """Every rate on the wrong side of another one lies within."""
    found = bracket(kept, fell)
    assert found is not None
    wrong = [rate for rate in kept if rate > min(fell)] + [rate for rate in fell if rate < max(kept)]
    assert all(found.low <= rate <= found.high for rate in wrong)


@given(st.lists(st.tuples(st.floats(1, 1e5), st.floats(0, 1)), min_size=1, max_size=40))
def test_rising_rises_and_keeps_the_mean(points: list[tuple[float, float]]) -> None:
    """Sorted by x, never falling, the same on the average."""
    x, y = rising(*zip(*points, strict=True))
    assert (np.diff(x) >= 0).all()
    assert (np.diff(y) >= -1e-12).all()
    assert math.isclose(float(y.mean()), sum(point[1] for point in points) / len(points), abs_tol=1e-9)


@given(st.integers(1, 1024), st.floats(100, 1e5), st.floats(1, 10))
def test_between_two_shapes(streams: int, low: float, times: float) -> None:
    """Within the known numbers of streams a value lies between theirs; beyond them the interval grows."""
    known = {2: Interval(low * 0.9, low, low * 1.1, 5), 32: Interval(low * times * 0.9, low * times, low * times, 5)}
    found = between(known, streams)
    assert found is not None
    assert found.low <= found.mid <= found.high
    assert low * (1 - 1e-9) <= found.mid <= low * times * (1 + 1e-9)
    if streams > 32:
        assert found.high > known[32].high
    assert between({}, streams) is None


@given(st.floats(-50, 500), st.floats(0, 200), st.integers(0, 1000))
def test_a_planted_trend_comes_back(slope: float, level: float, seed: int) -> None:
    """Delays that grow by so many ms a second, with noise of 1 ms, are seen to."""
    rng = np.random.default_rng(seed)
    t = np.sort(rng.uniform(0, 2.0, 4000)) + 100.0
    found = trend(t, level + slope * (t - 100.0) + rng.normal(0, 1.0, t.size))
    assert found is not None
    assert abs(found.slope_ms_s - slope) < 2.0 + 0.01 * abs(slope)
    assert found.grows == (slope > 5) or abs(slope - 5) < 3


def test_a_trend_needs_data() -> None:
    """Four tenths of a second say nothing."""
    assert trend(np.empty(0), np.empty(0)) is None
    assert trend(np.linspace(0, 0.39, 40), np.zeros(40)) is None


def test_the_curve_is_read_between_its_points_only() -> None:
    """Beyond the measured rates there is no answer."""
    loads = [Load(2, 1, 100, delay_p50_ms=1.0), Load(2, 1, 10_000, delay_p50_ms=3.0)]
    middle = at_rate(loads, "delay_p50_ms", 1_000)
    assert middle is not None
    assert math.isclose(middle, 2.0)
    assert at_rate(loads, "delay_p50_ms", 10) is None
    assert at_rate(loads, "delay_p50_ms", 20_000) is None
    assert at_rate(loads, "elu", 1_000) is None
