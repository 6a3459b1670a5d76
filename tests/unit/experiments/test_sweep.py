"""A sweep goes on where it was, whatever ended it."""

from pathlib import Path

import msgspec
import pytest

from loopscope.core.errors import InputError
from loopscope.experiments import sweep as module
from loopscope.experiments.sweep import SweepRun, SweepState, read_runs, run_sweep
from loopscope.settings.sweep import Cell, Sweep

SWEEP = Sweep(scenarios=["pair"], levers={"loop": ["asyncio", "uvloop"]}, rounds=3)


@pytest.fixture
def ran(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, int]]:
    """Sessions are not started: what would have been run is written down."""
    done: list[tuple[str, int]] = []

    def run(sweep: Sweep, cell: Cell, number: int, *rest: object) -> SweepRun:
        done.append((dict(cell.levers)["loop"], number))
        return SweepRun(settings=cell.settings, round=number, figures={"measured": 0.9}, seconds=1.0)

    monkeypatch.setattr(module, "_run", run)
    return done


def go(path: Path, stop_after: int = 99) -> tuple[list[SweepRun], list[SweepState]]:
    told: list[SweepState] = []
    runs = run_sweep(SWEEP, path, tell=told.append, stopped=lambda: len(told) > stop_after)
    return runs, told


def test_what_is_done_is_not_done_again(tmp_path: Path, ran: list[tuple[str, int]]) -> None:
    """Stopped after two of six, started again: four more, all six in the end."""
    path = tmp_path / "runs.jsonl"
    assert len(go(path, stop_after=2)[0]) == 2
    runs, told = go(path)
    assert len(runs) == 6
    assert len(ran) == len(set(ran)) == 6
    assert told[0].done == 2
    assert told[-1].eta_s is not None


def test_a_torn_last_line_costs_that_run(tmp_path: Path, ran: list[tuple[str, int]]) -> None:
    """As after a kill in the middle of a write: it is run again, and the file can be read ever after."""
    path = tmp_path / "runs.jsonl"
    go(path)
    data = path.read_bytes()
    path.write_bytes(data[:-20])
    assert len(read_runs(path, SWEEP)) == 5
    go(path)
    assert len(ran) == 7
    assert len(read_runs(path, SWEEP)) == 6


def test_what_failed_is_run_again_and_its_last_word_counts(tmp_path: Path, ran: list[tuple[str, int]]) -> None:
    """A server that was down for one run does not cost the sweep."""
    path = tmp_path / "runs.jsonl"
    runs, _ = go(path)
    with path.open("ab") as file:
        file.write(msgspec.json.encode(msgspec.structs.replace(runs[0], left_out="refused")) + b"\n")
    again, _ = go(path)
    assert len(ran) == 7
    assert len(again) == 6
    assert not any(run.left_out for run in again)


def test_runs_of_another_sweep_are_not_mixed_in(tmp_path: Path, ran: list[tuple[str, int]]) -> None:
    """Another seed is another sweep; so is a file that is none."""
    path = tmp_path / "runs.jsonl"
    go(path)
    with pytest.raises(InputError, match="not of this sweep"):
        read_runs(path, msgspec.structs.replace(SWEEP, seed=9))
    path.write_bytes(b"\x00\xff")
    with pytest.raises(InputError, match="not of this sweep"):
        read_runs(path, SWEEP)


def test_runs_come_in_the_order_of_the_file_not_of_chance(tmp_path: Path, ran: list[tuple[str, int]]) -> None:
    """So that the first value of a lever is the one that others are held against."""
    runs, _ = go(tmp_path / "runs.jsonl")
    assert [run.settings["loop"] for run in runs] == ["asyncio"] * 3 + ["uvloop"] * 3
