"""The replay as a terminal recording: what a terminal shows of it is the real screen, at the trace's times."""

import json
import os
from io import BytesIO
from pathlib import Path
from typing import Any

import pyte
import pytest

from kit.exported import everything, exported, written
from kit.tape import S, header
from loopscope.cli import main
from loopscope.core.errors import InputError
from loopscope.ui.film import shoot


def cast(path: Path) -> tuple[dict[str, Any], list[tuple[float, str, str]]]:
    """Header and events of an asciicast, held to its specification (version 2)."""
    first, *rest = path.read_text("utf-8").splitlines()
    head = json.loads(first)
    assert head["version"] == 2
    assert all(isinstance(head[name], int) and head[name] > 0 for name in ("width", "height"))
    events = [(time, code, data) for time, code, data in map(json.loads, rest)]
    assert all(code == "o" and isinstance(data, str) for _, code, data in events)
    times = [time for time, *_ in events]
    assert times == sorted(times)
    assert times[0] == 0
    return head, events


def screen_at(path: Path, seconds: float) -> list[str]:
    """What a terminal shows at a time of a recording."""
    head, events = cast(path)
    screen = pyte.Screen(head["width"], head["height"])
    stream = pyte.Stream(screen)
    for time, _, data in events:
        if time <= seconds:
            stream.feed(data)
    return list(screen.display)


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The recording of a trace of six seconds."""
    return exported(tmp_path_factory.mktemp("film"), "asciicast", everything())


def test_a_terminal_shows_the_screen_at_the_trace_s_times(film: Path) -> None:
    """The panes are there from the first picture on; throughput, the lever and the finding come when they came."""
    first, third, last = ("\n".join(screen_at(film, seconds)) for seconds in (0.0, 3.4, 6.0))
    for text in (first, third, last):
        assert "REPLAY" in text
        assert "╭─ ceiling" in text
        assert "agent-1" in text
    assert "uvloop" not in first.partition("╭─ agents")[0].partition("loop     ")[2].splitlines()[0]
    assert "loop=uvloop" in third
    assert "blocking-call" not in third
    assert "0:03 / 0:0" in third
    assert "0:06 / 0:06" in last or "0:05 / 0:05" in last


def test_it_lasts_as_long_as_the_trace(film: Path) -> None:
    """Five pictures a second of the trace's time, its wall time and its size in the header."""
    head, events = cast(film)
    assert (head["width"], head["height"]) == (120, 40)
    assert head["timestamp"] == 1_800_000_000
    assert 5.5 <= events[-1][0] <= 6.2
    assert len(events) <= 6.2 * 5 + 2


def test_no_picture_has_what_the_terminal_does_not_show(film: Path) -> None:
    """Fed at once or picture by picture, the terminal ends with the same screen: updates only change what changed."""
    head, events = cast(film)
    screen = pyte.Screen(head["width"], head["height"])
    pyte.Stream(screen).feed("".join(data for *_, data in events))
    assert list(screen.display) == screen_at(film, 99)


def test_size_theme_and_rate_are_as_asked_for(tmp_path: Path) -> None:
    """Every option is seen in the file; the environment is as before."""
    path, out = written(tmp_path / "t.jsonl", everything(2.0)), tmp_path / "t.cast"
    before = dict(os.environ)
    words = ["export", str(path), "--to", "asciicast", "-o", str(out)]
    assert main([*words, "--size", "80x24", "--fps", "10", "--theme", "light"]) == 0
    head, events = cast(out)
    assert (head["width"], head["height"]) == (80, 24)
    assert len(events) > 15
    assert dict(os.environ) == before


@pytest.mark.parametrize("words", [("--size", "10x10"), ("--size", "big"), ("--fps", "0"), ("--fps", "1e9")])
def test_a_wrong_option_is_one_sentence(
    words: tuple[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit code 2, nothing written."""
    with pytest.raises(SystemExit, match="2"):
        main(["export", "calm-pair", "--to", "asciicast", "-o", str(tmp_path / "x.cast"), *words])
    assert capsys.readouterr().err.count("\n") == 1
    assert not list(tmp_path.iterdir())


def test_a_theme_that_is_none_is_refused(tmp_path: Path) -> None:
    """Before anything is started."""
    path = written(tmp_path / "t.jsonl", [header()])
    with pytest.raises(InputError, match="theme"):
        shoot(path, BytesIO(), size=(80, 24), fps=5, theme="no such", each_picture=lambda seconds: None)


def test_the_good_part_of_a_damaged_trace_is_filmed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """And standard error says what is amiss."""
    path = written(tmp_path / "t.jsonl", everything(3.0))
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    out = tmp_path / "t.cast"
    assert main(["export", str(path), "--to", "asciicast", "-o", str(out)]) == 0
    assert "cut off" in capsys.readouterr().err
    assert 0 < cast(out)[1][-1][0] < 3 * S
