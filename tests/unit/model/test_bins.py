"""Open and closed bins."""

import numpy as np
import pytest

from loopscope.core.records import Pulse
from loopscope.model.bins import BIN_NS, Grid, OpenBin, close, lags_of
from loopscope.model.loop_sums import LoopSums

MS = 1_000_000


def pulse(dt_ms: int = 100, **more: object) -> Pulse:
    given = {"t_ns": 0, "proc": "rig", "dt_ns": dt_ms * MS, "loop": "asyncio", "active_ns": dt_ms * MS // 2}
    return Pulse(**(given | more))


def drained(grid: Grid, horizon: int) -> list[OpenBin]:
    return list(grid.take_until(horizon))


def test_a_pulse_is_spread_over_the_bins_that_it_covers() -> None:
    """A tick from 200 to 300 ms lies half in the first and half in the second bin."""
    grid = Grid()
    grid.at(0)
    grid.pulse(pulse(), 300 * MS, 0)
    first, second = drained(grid, 2 * BIN_NS)
    assert first.loops["rig"].dt == pytest.approx(50 * MS)
    assert second.loops["rig"].dt == pytest.approx(50 * MS)
    assert first.loops["rig"].active == pytest.approx(25 * MS)


def test_a_pulse_that_ends_on_an_edge_stays_before_it() -> None:
    """A tick from 150 to 250 ms belongs to the first bin alone."""
    grid = Grid()
    grid.at(0)
    grid.pulse(pulse(lag_ns=[5]), BIN_NS, 0)
    (first,) = drained(grid, BIN_NS)
    assert first.loops["rig"].dt == 100 * MS
    assert first.lags["rig"][0].tolist() == [5.0]


def test_what_comes_late_falls_into_the_oldest_open_bin() -> None:
    """Nothing is left out, however late: a pulse of three seconds reported at their end."""
    grid = Grid()
    grid.at(0)
    drained(grid, 8 * BIN_NS)
    grid.pulse(pulse(3_000), 3_000 * MS, 0)
    held = drained(grid, 12 * BIN_NS)
    assert [opened.index for opened in held] == [8, 9, 10, 11]
    assert sum(opened.loops["rig"].dt for opened in held) == pytest.approx(3_000 * MS)


def test_every_bin_is_handed_out_once_in_order() -> None:
    """Also those in which nothing happened."""
    grid = Grid()
    grid.at(3 * BIN_NS)
    grid.at(5 * BIN_NS)
    assert [opened.index for opened in drained(grid, 5 * BIN_NS)] == [3, 4]
    assert [opened.index for opened in grid.rest()] == [5]
    assert list(grid.rest()) == []


def test_a_long_silence_is_skipped() -> None:
    """Days without a record cost nothing: only bins that hold something come out."""
    grid = Grid()
    grid.at(0)
    assert [opened.index for opened in drained(grid, 10**15)] == [0]
    assert grid.oldest == 10**15 // BIN_NS


def test_lags_are_above_the_floor() -> None:
    """The idle floor is subtracted and nothing falls below zero; values that cannot be are left out."""
    record = pulse(lag_ns=[50, 150, 100, 10**30])
    assert lags_of(record, 100).tolist() == [0.0, 50.0, 0.0]
    assert lags_of(pulse(lag_ns=[70]), None).tolist() == [70.0]
    assert lags_of(pulse(lag_ns=[10**400]), 0).tolist() == []


def test_shares_that_cannot_be_are_not_known() -> None:
    """Nonsense is unknown, which is not zero; slightly more than the whole is the whole."""
    sums = LoopSums()
    sums.pulse(pulse(active_ns=-5, cpu_ns=10**15, runq_ns=None), 1.0)
    assert (sums.elu_dt, sums.cpu_dt, sums.runq_dt) == (0, 0, 0)
    assert sums.dt == 100 * MS
    sums.pulse(pulse(active_ns=101 * MS), 1.0)
    assert sums.active == 100 * MS


def test_an_empty_bin_closes_to_nothing() -> None:
    """No chunk, no request: no column, no value."""
    closed = close(OpenBin(4), 16, 0.25, None)
    assert closed.chunks == 0
    assert closed.sums.shape[1] == 0
    assert np.isnan(closed.delay_most)


def test_a_pause_of_the_collector_may_be_longer_than_the_tick_that_tells_it() -> None:
    """The pause is told when it is over, to a tick that began late: 70 ms in a tick of 10 ms are 70 ms."""
    grid = Grid()
    grid.pulse(pulse(10, gc_ns=70_000_000, gc_gen_ns=[0, 0, 70_000_000]), 2 * BIN_NS - 1, None)
    (sums,) = (opened.loops["rig"] for opened in drained(grid, 3 * BIN_NS) if opened.loops)
    assert (sums.gc, sums.gc_old) == (70_000_000, 70_000_000)


def test_a_silence_is_one_bin() -> None:
    """Six hours with a record every 20 s took 90 s to fold: each empty quarter of a second was closed by itself."""
    grid = Grid()
    grid.at(0)
    grid.at(400 * BIN_NS)
    closed = list(grid.take_until(401 * BIN_NS))
    assert len(closed) < 8
    assert sum(opened.width for opened in closed) == 401
    assert next(opened.index for opened in closed if opened.width == 1) == 0


def test_a_silence_is_cut_where_a_lever_was_pulled() -> None:
    """What lies before the pull must not count for what came after it."""
    grid = Grid()
    grid.at(0)
    closed = list(grid.take_until(400 * BIN_NS, cuts=[101]))
    edges = {opened.index + 1 for opened in closed}
    assert 101 in edges
    assert sum(opened.width for opened in closed) == 400
