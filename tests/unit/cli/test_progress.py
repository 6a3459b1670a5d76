"""The bar for what takes long."""

import pytest

from loopscope.cli import progress
from loopscope.cli.progress import Progress


def at(monkeypatch: pytest.MonkeyPatch, times: list[float]) -> None:
    monkeypatch.setattr(progress.time, "monotonic", lambda: times.pop(0))


def test_two_seconds_are_silent_then_it_is_said(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nothing for what is quick; where no terminal is, a line every five seconds, without escape sequences."""
    at(monkeypatch, [0.0, 1.0, 1.9, 2.5, 3.0, 8.0])
    with Progress("reading \x1b[31mx") as told:
        for done in (0.1, 0.2, 0.3, 0.4, 0.9):
            told(done)
    said = capsys.readouterr().err
    assert said.splitlines() == ["loopscope: reading ·[31mx: 30 %", "loopscope: reading ·[31mx: 90 %"]


def test_in_a_terminal_it_is_a_bar_that_goes(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Drawn over itself, and wiped out at the end; never on standard output."""
    monkeypatch.setattr(progress.sys.stderr, "isatty", lambda: True)
    at(monkeypatch, [0.0, 2.5, 2.6, 3.0])
    with Progress("reading x") as told:
        for done in (0.5, 0.55, 1.0):
            told(done)
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.count("\r") == 3
    assert f"[{'#' * 15}{'.' * 15}]  50 %" in said.err
    assert said.err.endswith("\r\x1b[2K")
