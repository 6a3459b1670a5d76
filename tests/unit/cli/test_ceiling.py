"""``loopscope ceiling`` and ``loopscope calibrate``: what they refuse, what they print."""

import json

import pytest

from loopscope.cli.main import main
from loopscope.core.codec import as_dict
from loopscope.experiments.bench import Step
from loopscope.experiments.ramp_result import FRACTIONS, Ramp, setting_of
from loopscope.report.ceiling import cell, data, table
from loopscope.session import calibration_store
from loopscope.session.options import SessionOptions
from loopscope.stats.ceiling import Costs, Load
from loopscope.stats.intervals import Interval


@pytest.mark.parametrize(
    "words",
    [
        ["ceiling", "--loop", "trio"],
        ["ceiling", "--streams", "0"],
        ["ceiling", "--client", "curl"],
        ["ceiling", "--rate", "0"],
        ["calibrate", "--streams", "x"],
        ["calibrate", "--batch", "often"],
    ],
)
def test_wrong_input_is_one_sentence(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """Before anything is started."""
    assert main(words) == 2
    assert capsys.readouterr().err.count("\n") == 1


def found(hard: Interval | None, limited_by: str = "client") -> Ramp:
    setting = setting_of(SessionOptions(), 2, "rate")
    load = Load(
        2, 5_000.0, 5_000.0, elu=0.5, cpu_us=60.0, turns=0.5, reads=0.5, runq=0.0, delay_p50_ms=0.2, delay_p99_ms=1.5
    )
    step = Step(
        asked=5_000.0,
        rate=2_500.0,
        load=load,
        seconds=1.5,
        process_us=70.0,
        slope_ms_s=0.0,
        fell=False,
        open=False,
        limited_by="",
        late_p99_ms=0.1,
        server_cpu=0.1,
        server_runq=0.0,
    )
    return Ramp(
        setting=setting,
        steps=(step,),
        hard=hard,
        full=Interval(7_000, 8_000, 9_000, 5),
        limited_by=limited_by,
        words="words",
        noise=0.02,
        runq=0.12,
        costs=Costs(60, 20, 10, 0.1, 8),
        at=dict.fromkeys(FRACTIONS, step),
        seconds=30.0,
    )


def test_a_cell_has_every_member_that_was_promised() -> None:
    """And what is not known is null, never zero, in JSON that every reader takes."""
    one = cell(found(Interval(9_000, 10_000, 11_000, 9)), None, "x.jsonl.zst")
    told = as_dict(data(one))
    promised = (
        "client",
        "loop",
        "decoder",
        "batch",
        "placement",
        "streams",
        "full_chunks_s",
        "hard_chunks_s",
        "expected_chunks_s",
        "at_least_chunks_s",
        "cpu_us_per_chunk",
        "delay_p99_ms",
        "limited_by",
    )
    assert set(promised) <= set(told)
    assert told["hard_chunks_s"] == {"lo": 9_000, "hi": 11_000}
    assert told["expected_chunks_s"] is None
    assert told["at_least_chunks_s"] == 10_000
    assert (told["cpu_us_per_chunk"], told["delay_p99_ms"]) == (60.0, 1.5)
    open_end = cell(found(Interval(9_000, 10_000, float("inf"), 9), "server"), None)
    assert as_dict(data(open_end))["hard_chunks_s"] == {"lo": 9_000, "hi": None}
    assert cell(found(None), None).hard_chunks_s is None


def test_the_table_says_what_the_limit_was() -> None:
    """And leaves out the levers that are at their default everywhere."""
    text = table([cell(found(Interval(9_000, 10_000, 11_000, 9)), None)], 160)
    assert "9 000 to 11.0 k" in text
    assert "client, 12 % without a core" in text
    assert "decoder" not in text
    assert "≥10.0 k" in text
    server = table([cell(found(Interval(9_000, 10_000, float("inf"), 9), "server"), None)], 160)
    assert "at least 9 000" in server
    assert "server" in server


def test_the_list_of_calibrations_says_when_there_is_none(tmp_path, monkeypatch, capsys) -> None:
    """And where it would be."""
    monkeypatch.setattr(calibration_store, "data_dir", lambda: tmp_path)
    assert main(["calibrate", "--list"]) == 0
    assert "nothing is kept for this machine" in capsys.readouterr().out
    assert main(["calibrate", "--list", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["calibrations"] == []
