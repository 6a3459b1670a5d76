"""The line a second."""

from dataclasses import replace

from kit.tape import S, calm, hello
from loopscope.model.fold import Fold
from loopscope.report.line import one_line


def test_a_line_says_how_it_goes() -> None:
    """Time, rate, agents, loop, ceiling, delay and lag in one line."""
    fold = Fold()
    for record in calm(12.0):
        fold.feed(record)
    line = one_line(fold.snapshot())
    for part in ("12.0 s", "200 chunks/s", "2 agents at 100 tok/s", "asyncio 5.0 % busy", "at least 4 000/s"):
        assert part in line
    assert "\n" not in line
    assert "error" not in line


def test_what_is_wrong_is_added() -> None:
    """Errors, dropped samples, a loop that drains and a problem are said, each when there is one."""
    fold = Fold()
    for record in calm(12.0, more_pulse={"dropped": 1}):
        fold.feed(record)
    fold.feed(hello(12 * S, "rig-2", "uvloop"))
    snapshot = replace(fold.snapshot(), errors=3, problem="the disk is full")
    line = one_line(snapshot)
    for part in ("3 errors", "1 sample dropped", "draining asyncio", "the disk is full"):
        assert part in line


def test_a_line_of_nothing() -> None:
    """Before the first record there is a line too."""
    assert "– chunks/s" in one_line(Fold().snapshot())
