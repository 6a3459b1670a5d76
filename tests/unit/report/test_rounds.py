"""Rounds of a scenario as text and data."""

import json
from dataclasses import replace

import pytest

from loopscope.experiments.round_results import (
    AgentRound,
    RoundResult,
    RoundSet,
    ScenarioResult,
    figures_over,
)
from loopscope.report.rounds import data, render, waterfall
from loopscope.stats.attribution import Work, efficiency

ALONE = Work(wall_s=5.0, tokens=100, prompt_tokens=10, total_s=4.9, load_s=0.0, prompt_s=0.1, eval_s=4.7)


def round_of(number: int, wall_s: float, left_out: str = "") -> RoundResult:
    """Two agents with the work of ALONE, of which one is idle in the end."""
    slow = replace(ALONE, wall_s=wall_s, total_s=wall_s - 0.1, eval_s=wall_s - 0.3)
    agent = AgentRound(name="one", server=0, tokens=100, tok_s=20.0, ttft_ms=100.0, wall_s=wall_s)
    found = efficiency([ALONE, slow], [ALONE, ALONE], wall_s)
    return RoundResult(
        number=number,
        agents=(agent, agent),
        wall_s=wall_s,
        efficiency=found,
        throughput_delta_tok_s=0.0,
        ttft_delta_ms=0.0,
        contention=False,
        left_out=left_out,
    )


def result(rounds: tuple[RoundResult, ...]) -> ScenarioResult:
    made = RoundSet(agents=2, solo=(rounds[0].agents[0], None), rounds=rounds, figures=figures_over(rounds))
    return ScenarioResult(name="planted", words="two agents", warm_up=1, sets=(made,), notes=("one note",))


def test_the_text_names_each_formula_and_each_part() -> None:
    """Nobody has to know which efficiency is meant."""
    text = render(result((round_of(1, 6.0), round_of(2, 6.2))), 110)
    for word in ("measured", "wall", "reported", "imbalance", "decode", "queue", "client", "one note"):
        assert word in text
    assert "2 of 2 rounds count" in text
    assert all(len(line) <= 110 for line in text.splitlines())


def test_a_round_that_is_left_out_counts_nowhere() -> None:
    """It stands in the table with its reason, and the mean is that of the others."""
    made = result((round_of(1, 6.0), round_of(2, 50.0, "one failed: cut")))
    assert "left out: one failed: cut" in render(made, 120)
    assert made.sets[0].figures["measured"].mean == pytest.approx(10 / 12)
    told = data(made)
    assert told["rounds"][1]["efficiency"] is None
    assert told["rounds"][1]["left_out"] == "one failed: cut"
    assert told["sets"][0]["counted"] == 1


def test_the_parts_of_the_data_sum_to_the_loss() -> None:
    """1 - measured, as a program that reads the JSON would add it up."""
    told = json.loads(json.dumps(data(result((round_of(1, 6.0), round_of(2, 6.5)))), allow_nan=False))
    parts = [value for value in told["loss"].values() if value is not None]
    assert sum(parts) == pytest.approx(1 - told["efficiency"]["measured"], abs=1e-9)
    assert set(told["efficiency"]) == {"measured", "wall", "reported"}
    assert set(told["loss"]) >= {"imbalance", "cold_start", "prompt", "decode", "queue", "client"}
    client = [value for value in told["client"].values() if value is not None]
    assert sum(client) == pytest.approx(told["loss"]["client"], abs=1e-9)


def test_the_waterfall_goes_from_the_largest_loss_to_the_gains() -> None:
    """A negative part is shown as what it is."""
    text = list(waterfall({"imbalance": 0.1, "decode": 0.3, "queue": -0.05, "measured": 0.65}, 100))
    names = [line.split()[0] for line in text[1:]]
    assert names == ["decode", "imbalance", "queue", "measured"]
    assert "+5.0" in text[3]


def test_a_figure_that_not_every_round_has_is_not_averaged() -> None:
    """One round without durations: no mean of 'reported' over the other alone."""
    bare = replace(ALONE, total_s=None, eval_s=None)
    without = replace(round_of(2, 6.0), efficiency=efficiency([bare, bare], [bare, bare], 6.0))
    figures = figures_over([round_of(1, 6.0), without])
    assert "reported" not in figures
    assert figures["wall"].n == 2
    assert "not enough data" in render(result((round_of(1, 6.0), without)), 100)
