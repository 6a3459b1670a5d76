"""``report`` and ``compare`` as commands: what they print, what they refuse, what their exit codes say."""

import json
from pathlib import Path

import pytest

from kit.processes import run
from loopscope.settings.places import recordings_dir


def shipped(name: str) -> Path:
    folder = recordings_dir()
    assert folder is not None
    return folder / f"{name}.jsonl.zst"


def one_sentence(text: str) -> bool:
    return text.startswith("loopscope") and text.count("\n") == 1 and "Traceback" not in text


def test_report_in_the_terminal_has_tables_charts_and_sentences() -> None:
    """Over time: throughput, delay, lag, ELU, power; and what it cost, and how the file was."""
    done = run("report", "calm-pair")
    assert done.returncode == 0, done.stderr
    for part in (
        "throughput, chunks/s",
        "delivery delay, ms",
        "loop lag, ms",
        "event loop, share of time",
        "SIMULATED GPU power",
        "segments, each without its settling time",
        "where the time of a request goes",
        "levers, before → after",
        "% of a core",
        "file      whole:",
        "No sample was dropped",
    ):
        assert part in done.stdout
    assert "\x1b" not in done.stdout


def test_report_as_markdown_has_whole_tables() -> None:
    """Every row has as many cells as its heading."""
    done = run("report", "busy-sixteen", "--md")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("# loopscope: busy-sixteen.jsonl.zst\n")
    tables = [block for block in done.stdout.split("\n\n") if block.startswith("|")]
    assert len(tables) == 6
    for block in tables:
        assert len({line.replace("\\|", "").count("|") for line in block.splitlines()}) == 1


def test_report_as_json_is_the_summary_the_file_and_the_lines() -> None:
    """One object, and the summary in it is the one that replay prints."""
    done = run("report", "calm-pair", "--json")
    result = json.loads(done.stdout)
    assert result["file"]["whole"] is True
    lines = result["timeline"]
    assert len({len(values) for name, values in lines.items() if name != "step_s"}) == 1
    assert set(lines) == {
        "step_s",
        "t_s",
        "chunks_s",
        "delay_max_ms",
        "delay_p50_ms",
        "gap_max_ms",
        "gap_p50_ms",
        "lag_max_ms",
        "elu",
        "cpu",
        "power",
    }
    replayed = json.loads(run("replay", "calm-pair", "--json").stdout)
    assert {name: result[name] for name in replayed} == replayed


def test_report_goes_where_it_is_sent(tmp_path: Path) -> None:
    """--html OUT, --html -o OUT and standard output hold the same page; nothing else is written."""
    one, other = tmp_path / "one.html", tmp_path / "other.html"
    assert run("report", "calm-pair", "--html", str(one)).stdout == ""
    assert run("report", "calm-pair", "-o", str(other), "--html").stdout == ""
    assert one.read_text("utf-8") == other.read_text("utf-8") == run("report", "calm-pair", "--html").stdout
    assert one.read_text("utf-8").startswith("<!doctype html>")
    text = tmp_path / "report.md"
    assert run("report", "calm-pair", "--md", "-o", str(text)).returncode == 0
    assert text.read_text("utf-8").startswith("# loopscope")


def test_a_damaged_trace_is_reported_with_what_is_missing(tmp_path: Path) -> None:
    """Cut off in the middle: every face says so, and shows the rest."""
    trace = tmp_path / "cut.jsonl.zst"
    trace.write_bytes(shipped("calm-pair").read_bytes()[:60_000])
    for form, words in (
        ((), "NOT WHOLE"),
        (("--md",), "This file is not whole"),
        (("--html",), "This file is not whole"),
    ):
        done = run("report", str(trace), *form)
        assert done.returncode == 0
        assert words in done.stdout
        assert one_sentence(done.stderr)
    result = json.loads(run("report", str(trace), "--json").stdout)
    assert result["file"]["whole"] is False
    assert result["file"]["words"]
    assert result["chunks"] > 100


@pytest.mark.parametrize("verb", [("report",), ("compare", "calm-pair")])
@pytest.mark.parametrize(
    "content", [None, b"", b"\x00" * 50, b"hello\n", b'{"k":"header","format":99}\n', b"(\xb5/\xfd" + b"x" * 90]
)
def test_what_is_no_trace_is_one_sentence(tmp_path: Path, verb: tuple[str, ...], content: bytes | None) -> None:
    """Not there, empty, something else, newer, broken: exit code 2, no traceback."""
    path = tmp_path / "x.jsonl"
    if content is not None:
        path.write_bytes(content)
    done = run(*verb, str(path))
    assert done.returncode == 2
    assert done.stdout == ""
    assert one_sentence(done.stderr), done.stderr


def test_a_report_never_overwrites_its_trace(tmp_path: Path) -> None:
    """And a place where nothing can be written is one sentence."""
    trace = tmp_path / "run.jsonl.zst"
    trace.write_bytes(shipped("calm-pair").read_bytes())
    before = trace.read_bytes()
    done = run("report", str(trace), "--html", str(trace))
    assert done.returncode == 2
    assert one_sentence(done.stderr)
    assert trace.read_bytes() == before
    done = run("report", str(trace), "-o", str(tmp_path / "no" / "such" / "folder"))
    assert done.returncode == 2
    assert one_sentence(done.stderr)


def test_compare_says_what_differs_between_segments() -> None:
    """Batched reading costs delay for sure; the verdicts are words, the object has the intervals behind them."""
    done = run("compare", "calm-pair", "--segments", "2,3")
    assert done.returncode == 0, done.stderr
    assert "levers  batch: off -> read:50ms" in done.stdout
    assert "times as much" in done.stdout
    assert "cannot tell" in done.stdout
    result = json.loads(run("compare", "calm-pair", "--segments", "2,3", "--json").stdout)
    delay = result["figures"]["delay.p50"]
    assert delay["surely"] == "higher"
    assert 0 < delay["change"]["low"] <= delay["change"]["mid"] <= delay["change"]["high"]
    assert result["levers"] == [{"name": "batch", "first": "off", "second": "read:50ms"}]
    assert run("compare", "calm-pair", "--segments", "2,3", "--md").stdout.count("\n| ") > 15


def test_a_run_compared_with_itself_differs_in_nothing() -> None:
    """Not one figure is surely higher or lower."""
    result = json.loads(run("compare", "calm-pair", "calm-pair", "--json").stdout)
    assert [name for name, figure in result["figures"].items() if figure["surely"]] == []
    assert not result["unlike"]


@pytest.mark.parametrize(
    ("gates", "code", "outcomes"),
    [
        (["delay.p50 > +1000%"], 1, ["failed"]),
        (["chunks_s < -50%", "errors > 0"], 0, ["passed", "passed"]),
        (["joules_token > +1%"], 3, ["cannot tell"]),
        (["joules_token > +1%", "delay.p50 > 5ms"], 1, ["cannot tell", "failed"]),
        (["errors > 0"], 0, ["passed"]),
    ],
)
def test_gates_decide_the_exit_code(gates: list[str], code: int, outcomes: list[str]) -> None:
    """0: all passed, 1: one failed, 3: none failed but one cannot be told."""
    asked = [word for gate in gates for word in ("--fail-if", gate)]
    done = run("compare", "calm-pair", "--segments", "2,3", "--json", *asked)
    assert [gate["outcome"] for gate in json.loads(done.stdout)["gates"]] == outcomes
    assert done.returncode == code
    if code == 3:
        assert run("compare", "calm-pair", "--segments", "2,3", "--unsure-ok", *asked).returncode == 0


@pytest.mark.parametrize(
    ("args", "says"),
    [
        (["calm-pair"], "needs two traces"),
        (["calm-pair", "busy-sixteen"], "choose one of each with --segments"),
        (["calm-pair", "busy-sixteen", "--segments", "1,1"], "agents: 2 and 16"),
        (["calm-pair", "--segments", "1,9"], "there is no segment 9"),
        (["calm-pair", "--segments", "1"], "two numbers"),
        (["calm-pair", "--segments", "0,1"], "count from 1"),
        (["calm-pair", "--segments", "1,2", "--confidence", "2"], "no confidence"),
        (["calm-pair", "--segments", "1,2", "--fail-if", "speed > 3"], "there is no figure 'speed'"),
        (["calm-pair", "--segments", "1,2", "--fail-if", "delay.p99 > +10% and more"], "is no gate"),
    ],
)
def test_what_cannot_be_compared_is_refused_in_one_sentence(args: list[str], says: str) -> None:
    """By naming what is wrong; exit code 2."""
    done = run("compare", *args)
    assert done.returncode == 2
    assert says in done.stderr
    assert one_sentence(done.stderr), done.stderr
    assert done.stdout == ""


def test_unlike_runs_can_be_compared_anyway() -> None:
    """Then what differs stands above the table."""
    done = run("compare", "calm-pair", "busy-sixteen", "--segments", "1,1", "--anyway")
    assert done.returncode == 0
    unlike = next(line for line in done.stdout.splitlines() if line.startswith("UNLIKE  "))
    assert "agents: 2 and 16" in unlike
