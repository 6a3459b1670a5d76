"""Charts as text: round ticks, bounded cost, readable without colour."""

import re
import time
from math import inf

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from loopscope.cli.main import main
from loopscope.cli.replay import find
from loopscope.report import ticks
from loopscope.report.charts import Distribution, Look, Point, against_rate, cumulative
from loopscope.report.trace_report import as_markdown
from loopscope.session.folding import fold_file
from loopscope.stats.loghist import buckets_of

ROUND = re.compile(r"-?(0|[125]0*|[0-9]*[05]0*|0\.0*[125]|[1-9][0-9]*)( [0-9]{3})*( [kM%])?")


@given(st.floats(), st.floats())
def test_ticks_are_few_and_round_whatever_the_figures(low: float, high: float) -> None:
    marks = ticks.linear(low, high)
    assert 2 <= len(marks) <= ticks.MOST + 1
    assert len(ticks.log(low, high)) <= 3 * ticks.MOST
    step = marks[1] - marks[0]
    assert step > 0


@pytest.mark.parametrize("least", [0.3, 7, 11, 130, 4e5, 1e-7])
def test_a_step_is_one_two_or_five(least: float) -> None:
    digits = f"{ticks.nice(least):.0e}"[0]
    assert digits in "125"
    assert least * 0.99 <= ticks.nice(least) <= 2.6 * least


@pytest.mark.parametrize("kind", ["throughput", "lag", "delay", "gap", "cdf"])
def test_a_chart_fits_its_width_and_has_no_colour_where_nobody_sees_it(
    kind: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["chart", "calm-pair", kind, "--width", "70", "--ascii"]) == 0
    drawn = capsys.readouterr().out
    assert drawn.isascii()
    assert "\x1b" not in drawn
    assert max(map(len, drawn.splitlines())) <= 70
    labels = [line.split("+")[0].strip() for line in drawn.splitlines() if re.match(r"^ *[0-9.]+[^|]*\+", line)]
    assert labels
    assert not [label for label in labels if not ROUND.fullmatch(label)]


def test_markdown_holds_charts_in_a_fence() -> None:
    text = as_markdown(fold_file(find("calm-pair")))
    assert text.count("\n```\n") == 6
    assert "throughput, chunks/s" in text


def _sizes(*values_ms: float) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    return np.bincount(buckets_of(np.array(values_ms) * 1e6), minlength=1730).astype(np.int64)


def test_two_distributions_can_be_told_apart_without_colour() -> None:
    first = Distribution("before", _sizes(1, 2, 3), 3e6)
    second = Distribution("after", _sizes(10, 20, 30), 3e7)
    drawn = "\n".join(cumulative("delivery delay", [first, second], Look(80)))
    assert "1 before, 2 after" in drawn
    assert drawn.count("1") > 10 and drawn.count("2") > 10


def test_a_ceiling_is_points_in_no_order() -> None:
    drawn = "\n".join(against_rate("httpx", [Point(1000, 2, False), Point(9000, 900, True)], Look(80)))
    assert "●" in drawn and "x" in drawn
    assert against_rate("httpx", [Point(1000, 2, False)], Look(80)) == []


def test_hostile_figures_cost_nothing() -> None:
    started = time.process_time()
    against_rate("x", [Point(1e-300, 1e300, False), Point(1e300, 1e-300, True)], Look(80))
    assert ticks.linear(-inf, 1e300)[-1] >= 1e15
    assert time.process_time() - started < 5
