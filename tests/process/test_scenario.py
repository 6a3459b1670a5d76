"""``loopscope scenario`` and ``sweep`` as a person runs them: results as data, ended early, gone on with."""

import json
import os
import signal
from pathlib import Path

import pytest

from kit.processes import PATIENCE_S, end, exists, run, start, wait_for_children, wait_until
from loopscope.core.records import Phase, Result
from loopscope.trace.reader import read

SMALL = """
rounds = 2
pause_s = 0.1
[embedded]
rate = 400
[[agent]]
name = "one"
prompt = "p"
tokens = 100
[[agent]]
name = "two"
prompt = "p"
tokens = 200
"""


def write(path: Path, text: str) -> Path:
    path.write_text(text, "utf-8")
    return path


@pytest.mark.parametrize("api", ["ollama", "openai"])
def test_rounds_are_printed_as_data_and_written_as_a_trace(tmp_path: Path, api: str) -> None:
    """Efficiencies, an exact sum, rounds; OpenAI's dialect reports no durations, and the sum says so."""
    scenario, trace = write(tmp_path / "small.toml", SMALL), tmp_path / "run.jsonl"
    done = run("scenario", str(scenario), "--embedded", "--api", api, "-o", str(trace), "--json")
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert [made["round"] for made in told["rounds"]] == [1, 2]
    assert not any(made["left_out"] for made in told["rounds"])
    parts = {name: value for name, value in told["loss"].items() if value is not None}
    assert sum(parts.values()) == pytest.approx(1 - told["efficiency"]["measured"], abs=1e-9)
    # 100 of 200 tokens: a quarter of the round's two shares is idle.
    assert told["loss"]["imbalance"] == pytest.approx(0.25, abs=0.03)
    if api == "openai":
        assert set(parts) == {"imbalance", "unsplit"}
        assert told["efficiency"]["reported"] is None
        assert any("no durations" in note for note in told["notes"])
    else:
        assert told["client"]["loop"] is not None
    with read(trace) as reading:
        records = list(reading)
    assert reading.outcome.whole
    results = [record.what for record in records if isinstance(record, Result)]
    assert [what for what in results if what in ("round", "scenario")] == ["round", "round", "scenario"]
    assert sum(isinstance(record, Phase) for record in records) == 2 * (1 + 2 * 2 + 2)


@pytest.mark.parametrize("workflow", ["loop", "thread"])
def test_a_workflow_asks_twice_and_leaves_no_files(tmp_path: Path, workflow: str) -> None:
    """Its file work is the client's part, and its folder goes with it."""
    text = SMALL.replace("tokens = 100", f'tokens = 50\nworkflow = "{workflow}"\nfiles = 20').replace("200", "100")
    scenario = write(tmp_path / "small.toml", text.replace("rounds = 2", "rounds = 1"))
    scratch = tmp_path / "tmp"
    scratch.mkdir()
    trace = tmp_path / "run.jsonl"
    done = run(
        "scenario", str(scenario), "--embedded", "--json", "-o", str(trace), env=os.environ | {"TMPDIR": str(scratch)}
    )
    assert done.returncode == 0, done.stderr
    (made,) = json.loads(done.stdout)["rounds"]
    assert made["agents"][0]["tokens"] == 100
    assert made["left_out"] == ""
    assert not list(scratch.rglob("*.log"))


def test_ctrl_c_ends_the_rounds_and_every_process(tmp_path: Path) -> None:
    """130, no result, the trace complete."""
    scenario, trace = write(tmp_path / "small.toml", SMALL.replace("= 200", "= 4000")), tmp_path / "run.jsonl"
    process = start("scenario", str(scenario), "--embedded", "-o", str(trace), "--json")
    try:
        children = wait_for_children(process, 4)
        assert wait_until(lambda: trace.exists() and b'"k":"phase"' in trace.read_bytes())
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=PATIENCE_S)
    finally:
        end(process)
    assert process.returncode == 130, err
    assert out == ""
    assert "interrupted" in err
    assert wait_until(lambda: not any(exists(child) for child in children))
    with read(trace) as reading:
        list(reading)
    assert reading.outcome.whole


def test_a_sweep_that_was_killed_goes_on(tmp_path: Path) -> None:
    """Two combinations: killed after the first run, the second start runs what is missing, no more."""
    scenario = write(tmp_path / "small.toml", SMALL)
    spec = write(
        tmp_path / "s.toml",
        f'scenarios = ["{scenario}"]\nrounds = 1\nembedded = true\n[levers]\nloop = ["asyncio", "uvloop"]\n',
    )
    runs = tmp_path / "s-sweep" / "runs.jsonl"
    process = start("sweep", str(spec))
    try:
        assert wait_until(lambda: runs.exists() and runs.read_bytes().count(b"\n") == 2)
        first = runs.read_bytes()
        children = wait_for_children(process, 1)
        process.kill()
        process.wait()
        # Nobody told them: the leash does.
        assert wait_until(lambda: not any(exists(child) for child in children))
    finally:
        end(process)
    done = run("sweep", str(spec), "--json")
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["runs"] == 2
    assert runs.read_bytes().startswith(first)
    assert runs.read_bytes().count(b"\n") == 3
    assert (tmp_path / "s-sweep" / "report.md").read_text("utf-8").startswith("# Sweep")
    assert "loop uvloop" in (tmp_path / "s-sweep" / "report.md").read_text("utf-8")
