"""What is said of a sweep: effects and links that were planted, and none that were not."""

import csv
import io
import json
from pathlib import Path

import numpy as np
import pytest

from loopscope.experiments.sweep import SweepRun
from loopscope.report.audit import audit
from loopscope.report.runs_table import read_runs
from loopscope.report.sweep import csv_of, data, markdown, report_of


def runs(n: int, *, effect: float = 0.0, slope: float = 0.0, seed: int = 3) -> list[SweepRun]:
    """n rounds on two loops; uvloop is better by ``effect``; efficiency falls by ``slope`` for each ms of lag."""
    draw = np.random.default_rng(seed)
    made = []
    for number in range(1, n + 1):
        for loop in ("asyncio", "uvloop"):
            lag, uneven = draw.uniform(0, 10), draw.uniform(0, 0.1)
            efficiency = 0.9 - slope * lag - uneven + effect * (loop == "uvloop") + draw.normal(0, 0.005)
            figures: dict[str, float | None] = {"measured": efficiency, "wall": 0.95, "tok_s": 200 * efficiency}
            figures |= {"lag_p99_ms": lag, "elu": draw.random(), "imbalance": uneven, "delay_p99_ms": None}
            figures |= {"chunks_s": draw.uniform(190, 210), "gap_p50_ms": 10.0}
            settings = {"scenario": "pair", "model": "", "loop": loop}
            made.append(SweepRun(settings=settings, round=number, figures=figures, seconds=2.0))
    return made


def test_a_planted_difference_is_found_in_pairs() -> None:
    """Two points for uvloop."""
    made = report_of(runs(60, effect=0.02))
    effect = next(one for one in made.effects if one.setting == "loop" and one.figure == "measured")
    assert (effect.base, effect.value, effect.pairs) == ("asyncio", "uvloop", 60)
    assert effect.difference is not None
    assert effect.difference.low < 0.02 < effect.difference.high
    assert "Cannot tell" not in next(
        line for line in made.verdict if line.startswith("loop uvloop against asyncio, meas")
    )


def test_no_difference_is_not_told_as_one() -> None:
    """And few runs are said to be few."""
    assert "Cannot tell" in " ".join(report_of(runs(10)).verdict)
    assert "not enough" in " ".join(report_of(runs(2)).verdict)


def test_a_planted_link_is_found_and_its_slope_too() -> None:
    """One point for each ms of lag; imbalance counts once."""
    made = report_of(runs(60, slope=0.01))
    rank = made.matrix["lag_p99_ms"]["measured"][1]
    assert rank is not None
    assert rank < -0.5
    assert made.regression is not None
    assert made.regression.slopes["lag_p99_ms"] == pytest.approx(-0.01, abs=0.001)
    assert made.regression.slopes["imbalance"] == pytest.approx(-1, abs=0.1)
    assert any("go together" in line for line in made.verdict)


def test_without_a_link_the_verdict_says_that_the_data_do_not_support_one() -> None:
    """Chance gives correlations too, and the limit of chance is told."""
    made = report_of(runs(60, seed=11))
    assert any("do not support a link" in line for line in made.verdict)
    assert made.chance == pytest.approx(0.179, abs=0.002)


def test_what_does_not_vary_goes_with_nothing() -> None:
    """The gap is the same in every run: no number is made up for it."""
    made = report_of(runs(10))
    assert made.matrix["gap_p50_ms"]["measured"] == (None, None)
    assert "| – / –" in markdown(made, "x")


def test_left_out_runs_stand_in_the_report_and_count_nowhere(tmp_path: Path) -> None:
    """With their reason; the CSV can be audited, and has no efficiency for them."""
    bad = SweepRun(settings={"scenario": "pair", "model": "", "loop": "asyncio"}, round=99, left_out="refused | gone")
    every = [*runs(10), bad]
    made = report_of(every)
    assert made.runs == 20
    assert "refused / gone" in markdown(made, "x")
    text = csv_of(every)
    rows = list(csv.DictReader(io.StringIO(text)))
    assert rows[-1]["efficiency"] == ""
    path = tmp_path / "runs.csv"
    path.write_text(text, "utf-8")
    assert audit(read_runs(path)).runs == 20


def test_the_data_are_plain_json() -> None:
    """No NaN, no infinity."""
    told = json.loads(json.dumps(data(report_of(runs(10))), allow_nan=False))
    assert told["runs"] == 20
    assert len(told["regression"]["residuals"]) == 20
