"""The export verb: where files go, what is refused, what a failure leaves behind."""

import builtins
import contextlib
import errno
import gc
import os
import sys
from pathlib import Path
from typing import Any

import pytest

from kit.exported import everything, written
from kit.tape import MS, Rig, S, header, hello, merged
from loopscope.cli import export, main
from loopscope.core.errors import LoopscopeError
from loopscope.core.records import AnyRecord
from loopscope.trace.exports import csvs, openmetrics, perfetto
from loopscope.trace.exports.output import Output
from loopscope.trace.exports.tables import TABLES

TARGETS = ["csv", "parquet", "perfetto", "openmetrics"]


@pytest.fixture
def trace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A trace in a folder of its own, which is the current one."""
    monkeypatch.chdir(tmp_path)
    return written(tmp_path / "run.jsonl", everything(2.0))


def said(capsys: pytest.CaptureFixture[str]) -> str:
    out, err = capsys.readouterr()
    assert out == "", "standard output holds results only"
    return err


@pytest.mark.parametrize(
    ("target", "name"),
    [
        ("csv", "run-csv"),
        ("parquet", "run-parquet"),
        ("perfetto", "run.pftrace"),
        ("openmetrics", "run.openmetrics.txt"),
    ],
)
def test_without_a_name_it_goes_here_under_the_trace_s(
    target: str, name: str, trace: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The default is the trace's name in the current folder; standard error says which."""
    assert main(["export", "run.jsonl", "--to", target]) == 0
    assert sorted(path.name for path in trace.parent.iterdir()) == sorted(["run.jsonl", name])
    assert said(capsys) == f"written: {name}\n"


@pytest.mark.parametrize("target", TARGETS)
def test_what_is_there_is_kept_without_force(target: str, trace: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A second export is refused and changes nothing; with --force it replaces just its own files."""
    words = ["export", "run.jsonl", "--to", target, "-o", "out"]
    assert main(words) == 0
    out = Path("out")
    files = sorted(out.iterdir()) if out.is_dir() else [out]
    files[0].write_text("mine")
    if out.is_dir():
        (out / "notes.txt").write_text("mine, too")
    capsys.readouterr()
    assert main(words) == 2
    assert "exists: choose another name, or replace it with --force" in said(capsys)
    assert files[0].read_text() == "mine"
    assert main([*words, "--force"]) == 0
    assert files[0].read_bytes() != b"mine"
    assert not out.is_dir() or (out / "notes.txt").read_text() == "mine, too"


@pytest.mark.parametrize(
    "words",
    [
        ("run.jsonl", "--to", "csv", "-o", "run.jsonl"),
        ("run.jsonl", "--to", "perfetto", "-o", "."),
        ("run.jsonl", "--to", "perfetto", "-o", "no/such/folder/x"),
        ("run.jsonl", "--to", "csv", "-o", "no/such/folder/x"),
        ("none.jsonl", "--to", "csv"),
        ("empty", "--to", "csv"),
        ("run.jsonl", "--to", "perfetto", "-o", "a\0b"),
    ],
)
def test_wrong_input_is_one_sentence_and_nothing_is_written(
    words: tuple[str, ...], trace: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit code 2, one line, no file."""
    Path("empty").touch()
    before = sorted(Path().rglob("*"))
    assert main(["export", *words]) == 2
    assert said(capsys).count("\n") == 1
    assert sorted(Path().rglob("*")) == before


def test_a_format_that_is_none_is_refused(trace: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The usage error names those that there are."""
    with pytest.raises(SystemExit, match="2"):
        main(["export", "run.jsonl", "--to", "xlsx"])
    err = said(capsys)
    assert all(name in err for name in (*TARGETS, "asciicast"))


@pytest.mark.parametrize("target", TARGETS)
def test_the_good_part_of_a_damaged_trace_is_exported(
    target: str, trace: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Cut in the middle, with a line of nonsense: what can be read is there, the rest is said, the exit code is 0."""
    whole = trace.read_bytes()
    lines = whole[: len(whole) * 2 // 3].splitlines(keepends=True)
    trace.write_bytes(b"".join([*lines[:5], b"nonsense\n", *lines[5:]]))
    assert main(["export", "run.jsonl", "--to", target, "-o", "out"]) == 0
    err = said(capsys)
    assert "1 damaged lines were left out" in err
    assert err.endswith("written: out\n")
    out = Path("out")
    assert all(path.stat().st_size for path in (out.iterdir() if out.is_dir() else [out]))


def test_parquet_without_pyarrow_says_what_to_install(
    trace: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """One sentence with the command; nothing is left."""
    find = builtins.__import__

    def without(name: str, *args: Any, **more: Any) -> Any:
        if name.partition(".")[0] == "pyarrow":
            raise ImportError(name)
        return find(name, *args, **more)

    monkeypatch.setattr(builtins, "__import__", without)
    assert main(["export", "run.jsonl", "--to", "parquet"]) == 2
    assert "python3 -m pip install 'loopscope[parquet]'" in said(capsys)
    assert sorted(path.name for path in Path().iterdir()) == ["run.jsonl"]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full here")
@pytest.mark.parametrize("target", TARGETS)
def test_a_full_disk_is_one_sentence_and_leaves_nothing(
    target: str, trace: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit code 1; what was there before is as it was."""
    first = Path("out") / "loop_lag.csv" if target == "csv" else Path("out")
    if target == "csv":
        first.parent.mkdir()
    if target != "parquet":
        first.write_text("before")
    real = Path.open

    def full(self: Path, mode: str = "r", *args: Any, **more: Any) -> Any:
        return real(Path("/dev/full") if self.name.endswith(".part") else self, mode, *args, **more)

    monkeypatch.setattr(Path, "open", full)
    before = {path: path.read_bytes() for path in Path().rglob("*") if path.is_file()}
    assert main(["export", "run.jsonl", "--to", target, "-o", "out", "--force"]) == 1
    err = said(capsys)
    assert "No space left on device; nothing of it was kept" in err
    assert err.count("\n") == 1
    assert {path: path.read_bytes() for path in Path().rglob("*") if path.is_file()} == before


def test_ctrl_c_leaves_nothing(trace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Exit code 130, and no half file."""

    def interrupted(self: object, record: AnyRecord) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(perfetto.PerfettoExport, "feed", interrupted)
    assert main(["export", "run.jsonl", "--to", "perfetto"]) == 130
    assert sorted(path.name for path in Path().iterdir()) == ["run.jsonl"]


def test_a_failure_that_is_no_disk_s_is_not_called_one(tmp_path: Path) -> None:
    """Other errors come through as they are; the disk's become a sentence."""
    with pytest.raises(KeyError), Output([tmp_path / "a"]):
        raise KeyError
    with pytest.raises(LoopscopeError, match="nothing of it was kept"), Output([tmp_path / "a"]):
        raise OSError(errno.ENOSPC, "No space left on device")
    assert not list(tmp_path.iterdir())


def test_what_takes_long_shows_how_far_it_is(
    trace: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """After two seconds a bar runs on a terminal's standard error."""
    monkeypatch.setattr(export, "_PROGRESS_S", -1.0)
    monkeypatch.setattr(export, "_LOOK_EVERY", 1)
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    monkeypatch.setenv("TERM", "xterm")
    assert main(["export", "run.jsonl", "--to", "openmetrics"]) == 0
    err = said(capsys)
    assert "exporting" in err
    assert "100%" in err


@pytest.mark.parametrize("new", [csvs.CsvExport, perfetto.PerfettoExport, openmetrics.OpenMetricsExport])
def test_memory_does_not_grow_with_the_chunks(new: Any) -> None:
    """Ten times the chunks in the same time leave as many objects behind: no chunk is kept."""

    def kept(gap: int) -> int:
        with contextlib.ExitStack() as stack:
            files = [stack.enter_context(Path(os.devnull).open("wb")) for _ in TABLES]
            exporter = new(files, header())
            records = merged(header(), hello(1), Rig(S, 6 * S, gap=gap, length=100_000))
            gc.collect()
            before = len(gc.get_objects())
            for record in records:
                exporter.feed(record)
            gc.collect()
            after = len(gc.get_objects())
            exporter.finish()
        return after - before

    few, many = kept(20 * MS), kept(2 * MS)
    assert many - few < 50


def test_every_table_has_its_file() -> None:
    """The folder's files are the tables'."""
    assert [name.removesuffix(".csv") for name in csvs.NAMES] == list(TABLES)
