"""The replay verb: which file is meant, and what is shown where there is no screen."""

import argparse
import json
from pathlib import Path
from types import SimpleNamespace

import pytest

from loopscope import ui
from loopscope.cli import main, replay
from loopscope.core.errors import InputError
from loopscope.core.records import AgentSpec, Header, Mark
from loopscope.session.replay import ReplaySource
from loopscope.trace.writer import TraceWriter
from loopscope.ui import terminal as terminal_module

T0 = 10**12


def make_trace(path: Path, *, closed: bool = True) -> Path:
    with TraceWriter(path) as writer:
        agents = [AgentSpec(agent=number, name="a", server=0) for number in range(2)]
        writer.write(Header(t_ns=T0, source="embedded", scenario="pair", agents=agents))
        writer.write(Mark(t_ns=T0 + 2 * 10**9, proc="session", words="here"))
    if not closed:
        path.write_bytes(path.read_bytes().rpartition(b'{"k":"trailer"')[0])
    return path


@pytest.fixture
def shipped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of recordings with two traces and a file that is none of them."""
    folder = tmp_path / "recordings"
    folder.mkdir()
    make_trace(folder / "calm-pair.jsonl.zst")
    make_trace(folder / "stall.jsonl", closed=False)
    (folder / "README.md").write_text("words")
    monkeypatch.setattr(replay, "recordings_dir", lambda: folder)
    return folder


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """Stands in for the screen: ``why_not`` is what the terminal lacks, ``opened`` what was opened."""
    state = SimpleNamespace(why_not="", opened=[])
    monkeypatch.setattr(terminal_module, "usable", lambda: state.why_not)
    monkeypatch.setattr(ui, "run", lambda source, theme: state.opened.append((source, theme)))
    return state


def run(*words: str) -> int:
    """Run the verb as main() does once it has found it."""
    parser = argparse.ArgumentParser()
    replay.configure(parser)
    return replay.run(parser.parse_args(words))


def test_a_name_is_a_file_or_a_recording(shipped: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that is there comes first; a bare name, with its endings or without, is one of those that ship."""
    monkeypatch.chdir(tmp_path)
    for name in ("calm-pair", "calm-pair.jsonl.zst"):
        assert replay.find(name) == shipped / "calm-pair.jsonl.zst"
    mine = make_trace(tmp_path / "calm-pair")
    assert replay.find("calm-pair") == Path("calm-pair")
    assert replay.find(str(mine)) == mine
    assert replay.find("folder/none.jsonl") == Path("folder/none.jsonl")
    with pytest.raises(InputError, match=r"no file 'nothing'.*recordings: calm-pair, stall$"):
        replay.find("nothing")


def test_without_a_file_the_recordings_are_listed(shipped: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Each trace stands there with its length and what it is of; one that is damaged says so, the rest is listed."""
    (shipped / "broken.jsonl").write_text("hello\n")
    assert run() == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines if line.startswith("  ")] == ["broken", "calm-pair", "stall"]
    assert "not a loopscope trace" in lines[2]
    assert "2 s   2 agents  embedded, pair" in lines[4]


def test_the_list_says_what_a_recording_shows(shipped: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """In the words of the file beside them, made plain; a file that cannot be read is as if it were not there."""
    (shipped / "about.toml").write_text('stall = "it\\u001b[2J stalls"\ncalm-pair = 3\n')
    assert run() == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[2].endswith("2 agents  embedded, pair")
    assert lines[3].endswith("2 agents  it·[2J stalls")
    (shipped / "about.toml").write_text("nonsense")
    assert run() == 0


def test_an_installation_without_recordings_says_so(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """No folder is no error: it tells how to make a recording."""
    monkeypatch.setattr(replay, "recordings_dir", lambda: None)
    assert run() == 0
    assert "loopscope record" in capsys.readouterr().out


def test_in_a_terminal_the_screen_opens(shipped: Path, terminal: SimpleNamespace) -> None:
    """The screen gets a replay of that file and the theme."""
    assert run("calm-pair", "--theme", "light") == 0
    ((source, theme),) = terminal.opened
    assert isinstance(source, ReplaySource)
    assert (source.path, theme) == (shipped / "calm-pair.jsonl.zst", "light")


def test_json_prints_the_summary_alone(
    shipped: Path, terminal: SimpleNamespace, capsys: pytest.CaptureFixture[str]
) -> None:
    """Standard output is one object; what is amiss with the file stands on standard error."""
    assert run("stall", "--json") == 0
    said = capsys.readouterr()
    assert json.loads(said.out)["source"] == "embedded"
    assert "it was not closed properly" in said.err
    assert not terminal.opened


def test_without_a_terminal_the_report_is_printed(
    shipped: Path, terminal: SimpleNamespace, capsys: pytest.CaptureFixture[str]
) -> None:
    """The whole file is folded and reported, and the exit code is 0: it did what can be done here."""
    terminal.why_not = "stdin is no terminal"
    assert run("calm-pair") == 0
    said = capsys.readouterr()
    assert said.err.startswith("loopscope: stdin is no terminal")
    assert "in a terminal" in said.err
    assert said.out.strip()


def test_what_is_no_trace_ends_with_2(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """One sentence on standard error, nothing on standard output."""
    (tmp_path / "it").write_text("hello\n")
    assert main(["replay", str(tmp_path / "it"), "--json"]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.count("\n") == 1
    assert "not a loopscope trace" in said.err
