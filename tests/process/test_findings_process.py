"""Findings of real sessions: a planted cause is named, a calm pair has only its note, and a replay shows the same."""

import json
from pathlib import Path
from typing import Any

import pytest

from kit.processes import record_until, run
from loopscope.core.codec import decode
from loopscope.core.records import Finding
from loopscope.model.findings import RULES
from loopscope.settings.thresholds import defaults

_MACHINE = {"core-stolen", "client-cpu"}
"""What a machine that others use as well may truly show; each must then have its number."""


def session(path: Path, *words: str) -> dict[str, Any]:
    done = run("record", "--embedded", "-o", str(path), "--rate", "100", "--json", *words)
    assert done.returncode == 0, done.stderr
    result: dict[str, Any] = json.loads(done.stdout)
    return result


def warnings(result: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {one["name"]: one for one in result["findings"] if one["severity"] == "warn"}


@pytest.mark.timing
def test_a_throttle_is_found_as_a_backlog_and_a_replay_shows_it(tmp_path: Path) -> None:
    """20 tok/s taken of 100 offered: the backlog is found by name with its lever, and is in the file."""
    path = tmp_path / "run.jsonl"
    result = session(path, "--seconds", "9", "--throttle", "20")
    backlog = warnings(result)["backlog"]
    assert backlog["lever"] == "throttle=off"
    assert "throttle=20" in backlog["sentence"]
    assert backlog["figures"]["waited_p50_ms"] >= defaults()["backlog_ms"]
    assert backlog["active"] is True
    assert "client-cpu" not in warnings(result)
    replayed = run("replay", str(path), "--json")
    assert replayed.returncode == 0, replayed.stderr
    assert json.loads(replayed.stdout)["findings"] == result["findings"]


@pytest.mark.timing
def test_a_calm_pair_has_no_finding_but_notes(tmp_path: Path) -> None:
    """Two agents at 100 tok/s: no warning; if the machine took the loop's core, the figures say so."""
    result = session(tmp_path / "run.jsonl", "--seconds", "8", "--allow", "throughput")
    assert set(warnings(result)) <= _MACHINE
    for name, one in warnings(result).items():
        figures = one["figures"]
        bad = {"core-stolen": figures.get("runq", 0) >= 0.15, "client-cpu": figures.get("elu", 0) >= 0.9}
        assert bad[name], one
    notes = {one["name"] for one in result["findings"] if one["severity"] == "note"}
    assert notes <= {"server-bound"}
    loop = result["loop"]
    if max(loop["lag_ms"]["p99"], result["delay_ms"]["p99"]) < 8 and loop["runq"] < 0.1:  # the machine was calm, too
        assert notes == {"server-bound"}


@pytest.mark.timing
@pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
def test_a_call_that_blocks_is_named(tmp_path: Path, loop: str) -> None:
    """A callback that sleeps for 300 ms each second: found by its function, on both loops, and not as anything else."""
    result = session(tmp_path / "run.jsonl", "--seconds", "6", "--loop", loop, "--plant", "block:300:1")
    found = warnings(result)
    assert "injected_sleep" in found["blocking-call"]["sentence"]
    assert found["blocking-call"]["figures"]["stall_max_ms"] >= 290
    assert set(found) <= {"blocking-call", "core-stolen"}


def test_levels_and_thresholds_are_obeyed(tmp_path: Path) -> None:
    """All allowed but one note that warns: it is the only record; a threshold of the operator's decides."""
    path = tmp_path / "run.jsonl"
    words = ("--allow", "all", "--warn", "throughput", "--threshold", "tok_s=1000")
    done = record_until(path, lambda data: b'"k":"finding"' in data, "--embedded", "--rate", "100", *words)
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)
    (one,) = result["findings"]
    assert (one["name"], one["severity"], one["until_s"]) == ("throughput", "warn", None)
    assert "less than 1 000" in one["sentence"]
    records = [decode(line) for line in path.read_bytes().splitlines()]
    assert {record.name for record in records if isinstance(record, Finding)} == {"throughput"}


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--warn", "slowness"), f"findings: all, {', '.join(RULES)}"),
        (("--allow", "errors,slowness"), "there is no finding 'slowness'"),
        (("--threshold", "speed=3"), "there is no threshold 'speed'; thresholds: full_elu"),
        (("--threshold", "tok_s=fast"), "a number from 0 on, in tok/s"),
    ],
)
def test_a_name_that_is_none_is_one_sentence(tmp_path: Path, words: tuple[str, ...], message: str) -> None:
    """Exit 2 before anything starts, with what there is."""
    done = run("record", "--embedded", "-o", str(tmp_path / "run.jsonl"), *words)
    assert done.returncode == 2
    assert message in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
