"""The published table audited, and tables in which the answer is planted."""

import json
from pathlib import Path

import numpy as np
import pytest

from loopscope.core.errors import InputError
from loopscope.report.audit import audit
from loopscope.report.runs_table import RunsTable, read_runs
from loopscope.settings.places import recordings_dir


@pytest.fixture(scope="module")
def published() -> RunsTable:
    folder = recordings_dir()
    assert folder is not None
    return read_runs(folder / "published" / "tr116.csv")


def test_the_published_figures_come_back(published: RunsTable) -> None:
    """60 runs; the warm Python ones average 86.5 % and one line over imbalance explains 98 % of their variance."""
    made = audit(published)
    assert made.runs == 60
    line = next(one for one in made.dependences if one.formula == "reported").line
    assert line.n == 24
    assert line.intercept == pytest.approx(96.3, abs=0.05)
    assert line.slopes["imbalance"] == pytest.approx(-0.80, abs=0.005)
    assert line.r2 == pytest.approx(0.980, abs=0.001)
    assert any("average 86.5 %" in sentence for sentence in made.sentences)


def test_the_cold_first_runs_are_told_apart(published: RunsTable) -> None:
    """All six first runs of the Python rows are cold, none of the Rust rows."""
    cold = audit(published).cold
    assert len(cold) == 6
    assert {run.configuration[0] for run in cold} == {"python"}
    assert min(run.efficiency for run in cold) == pytest.approx(0.5531)


def test_each_formula_says_what_it_cannot_see(published: RunsTable) -> None:
    """And a table without solo baselines is told so."""
    text = " ".join(audit(published).sentences)
    assert "cannot see agents that slow each other down" in text
    assert "no solo baseline" in text


def write(path: Path, rows: list[str]) -> Path:
    path.write_text("\n".join(["name,run,efficiency_pct,throughput_delta_tok_s,formula", *rows]), "utf-8")
    return path


def test_a_planted_slope_comes_back_and_an_even_first_run_is_not_cold(tmp_path: Path) -> None:
    """98 - 0.5 x imbalance with a spread of 0.2 points."""
    random = np.random.default_rng(5)
    rows = []
    for run in range(1, 21):
        apart = random.uniform(-20, 20)
        rows.append(f"a,{run},{98 - 0.5 * abs(apart) + random.normal(0, 0.2):.4f},{apart:.4f},measured")
    made = audit(read_runs(write(tmp_path / "t.csv", rows)))
    assert made.cold == ()
    (found,) = made.dependences
    assert found.line.slopes["imbalance"] == pytest.approx(-0.5, abs=0.03)
    assert found.slope.low < -0.5 < found.slope.high
    assert "solo baseline" not in " ".join(made.sentences)


def test_efficiency_that_does_not_depend_on_imbalance_is_said_not_to(tmp_path: Path) -> None:
    """Chance alone: no line is offered as an explanation."""
    random = np.random.default_rng(6)
    rows = [f"a,{n},{random.normal(90, 2):.3f},{random.uniform(0, 20):.3f},wall" for n in range(1, 31)]
    text = " ".join(audit(read_runs(write(tmp_path / "t.csv", rows))).sentences)
    assert "does not decide the figure" in text
    assert "One straight line" not in text


def test_json_of_rounds_is_a_table_too(tmp_path: Path) -> None:
    """Fractions and percent mean the same; rows without a figure are counted."""
    path = tmp_path / "t.json"
    rounds = [{"scenario": "x", "round": n, "efficiency": 0.9} for n in (1, 2)] + [{"scenario": "x", "round": 3}]
    path.write_text(json.dumps({"rounds": rounds}), "utf-8")
    table = read_runs(path)
    assert [run.efficiency for run in table.runs] == [0.9, 0.9]
    assert table.skipped == 1
    assert audit(table).groups[0].over.n == 2


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"\x00\xff\xfe",
        b"[1, 2]",
        b"{}",
        b"a,b\n1,2\n",
        b"efficiency_pct\nnan\n",
        b"efficiency_pct\n1e308\n",
        b"[" * 100_000,
        b'"' + b"x" * 200_000,
        b'[{"efficiency": true}]',
    ],
)
def test_what_is_no_table_of_runs_is_one_sentence(tmp_path: Path, text: bytes) -> None:
    """Whatever the bytes: an InputError, nothing else."""
    path = tmp_path / "t"
    path.write_bytes(text)
    with pytest.raises(InputError):
        read_runs(path)


def test_hostile_names_are_made_plain(tmp_path: Path) -> None:
    """No escape sequence of a table reaches the terminal."""
    table = read_runs(write(tmp_path / "t.csv", ["\x1b[31mred\x1b[0m,1,90,1,wall", "b,2,91,2,wall"]))
    made = audit(table)
    assert "\x1b" not in repr(made.groups[0].configuration[0])
    assert all("\x1b" not in sentence for sentence in made.sentences)
