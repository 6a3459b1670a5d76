"""Histograms on a log axis."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from loopscope.draw.axes import LogAxis
from loopscope.draw.ink import text_of
from loopscope.model.quantiles import drawn, of_hist
from loopscope.model.snapshot import Histogram, Quantiles
from loopscope.stats.loghist import LogHist
from loopscope.ui.panes import histogram
from loopscope.ui.view import View
from ui.fakes import FakeSource

BASE = FakeSource(2).snapshot()


def one(value_ms: float, n: float = 100, floor_ms: float | None = None) -> Histogram:
    """All values in one narrow bucket."""
    return Histogram(
        np.array([value_ms * 0.999, value_ms * 1.001]),
        np.array([n]),
        Quantiles(int(n), value_ms, value_ms, value_ms, value_ms),
        floor_ms,
        10.0,
    )


def lag(data: Histogram, width: int = 52, height: int = 10) -> list[str]:
    """The lag pane over one histogram."""
    return text_of(histogram.lag(View(replace(BASE, lag=data)), width, height)).splitlines()


@given(st.lists(st.integers(0, 1000), min_size=1, max_size=60), st.integers(5, 200), st.integers(0, 1000))
def test_no_count_is_lost(counts: list[int], columns: int, below: int) -> None:
    """However buckets and columns lie to each other: what is not on the axis is counted under it."""
    edges = np.geomspace(1e-5, 1e6, len(counts) + 1)
    data = Histogram(edges, np.array(counts, float), below=below)
    shares = histogram.rebin(data, LogAxis(1e-2, 1e3, columns))
    assert len(shares) == columns
    assert shares.sum() + histogram._below(data, 1e-2) == pytest.approx(sum(counts) + below)


def test_zeros_have_a_place_of_their_own() -> None:
    """6 000 zeros beside 300 values around 160 ms, as they come from the model: no bar where nothing is."""
    hist = LogHist()
    hist.add(np.concatenate([np.zeros(6000), np.random.default_rng(1).normal(160e6, 20e6, 300)]))
    data = drawn(hist.counts, of_hist(hist), 10.0)
    assert (data.below, data.counts.sum()) == (6000, 300)
    rows = text_of(histogram.gap(View(replace(BASE, gap=data)), 60, 12)).splitlines()
    labels, axis, bars = rows[-2], rows[-3], rows[1:-3]
    assert labels[1:5] == "<0.1"
    columns = {x for row in bars for x, sign in enumerate(row) if sign not in " │┊"}
    at = labels.index("100") + 1
    assert {x for x in columns if x < 8} == {1, 2, 3, 4, 5}
    assert all(at - 1 <= x <= at + 6 for x in columns if x >= 8)
    assert axis.index("△") in range(1, 6)


@pytest.mark.parametrize(("value_ms", "label"), [(0.1, "0.1"), (1.0, "1 ms"), (10.0, "10"), (100.0, "100")])
def test_a_bar_stands_over_its_value(value_ms: float, label: str) -> None:
    """The bar of a power of ten is over that label, and so is the mark of the quantile."""
    rows = lag(one(value_ms))
    labels, axis, bars = rows[-2], rows[-3], rows[1:-3]
    at = labels.index(label) + len(label) // 2
    drawn = {x for row in bars for x, c in enumerate(row) if c not in " │┊"}
    assert drawn and all(abs(x - at) <= 2 for x in drawn)
    assert abs(axis.index("△") - at) <= 2


def test_the_idle_floor_is_marked_and_told() -> None:
    """As a line in the picture and a figure in the frame."""
    rows = lag(one(5.0, floor_ms=0.062))
    assert sum("┊" in row for row in rows[1:-3]) >= 3
    assert "idle floor 0.06 ms" in rows[-1]
    assert "idle floor" not in lag(one(5.0))[-1]


def test_a_rare_stall_is_seen() -> None:
    """One beat in ten thousand still shows."""
    edges = np.array([0.099, 0.101, 99.0, 101.0])
    data = Histogram(edges, np.array([9999.0, 0.0, 1.0]), Quantiles(10_000, 0.1, 0.1, 0.1, 100.0), None, 10.0)
    bottom = lag(data)[-4]
    assert sum(c not in " │" for c in bottom[35:]) >= 1


def test_the_axis_grows_only_for_larger_values() -> None:
    """Beyond a second there is another decade; what lies below is counted in the first column, and said."""
    assert "10 s" not in lag(one(5.0))[-2]
    assert "10 s" in lag(one(4000.0))[-2]
    small = lag(one(0.0005))
    assert "<0.01" in small[-2]
    assert small[-4][1] == "█"


def test_quantiles_at_every_width() -> None:
    """p50, p99 and max are on an edge of the frame, whatever room there is."""
    data = one(5.0)
    data = replace(data, quantiles=Quantiles(100, 0.12, 1.0, 3.4, 41.0))
    for width in (40, 48, 53, 80, 160):
        shown = "\n".join(lag(data, width))
        assert "p50 0.12" in shown and "p99 3.40" in shown and "max 41.0 ms" in shown, width


def test_absence_is_words() -> None:
    """No data, and a signal that cannot be had here."""
    assert "not enough data" in "\n".join(lag(Histogram()))
    snap = replace(BASE, lag=Histogram(), loop=replace(BASE.loop, words={"lag": "no heartbeat on this loop"}))
    assert "no heartbeat on this loop" in text_of(histogram.lag(View(snap), 52, 10))
    agents = tuple(replace(a, delay_words="server clock ahead") for a in BASE.agents)
    snap = replace(BASE, delay=Histogram(), agents=agents)
    assert "server clock ahead" in text_of(histogram.delay(View(snap), 52, 10))
