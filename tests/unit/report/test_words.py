"""Numbers for people."""

import pytest

from loopscope.report.words import change, count, ms, plural, rate, share


@pytest.mark.parametrize(
    ("say", "value", "text"),
    [
        (ms, None, "-"),
        (ms, 0.123, "0.12"),
        (ms, 12.34, "12.3"),
        (ms, 1234.5, "1234"),
        (rate, None, "-"),
        (rate, 99.96, "100.0"),
        (rate, 1234.4, "1234"),
        (rate, 12_345, "12.3k"),
        (rate, 9_999, "10.0k"),
        (rate, 345_678, "346k"),
        (share, None, "-"),
        (share, 0.0123, "1.2%"),
        (share, 0.856, "86%"),
        (share, 0.0999, "10%"),
        (count, None, "-"),
        (count, 1_234_567, "1 234 567"),
    ],
)
def test_three_figures_and_a_unit(say: object, value: float | None, text: str) -> None:
    """As many figures as can be read, a dash where nothing is known."""
    assert say(value) == text


def test_one_is_singular() -> None:
    """1 agent, 2 agents, 0 agents."""
    assert [plural(n, "agent") for n in (0, 1, 2)] == ["0 agents", "1 agent", "2 agents"]


def test_changes_are_relative() -> None:
    """In percent of what it was; nothing where that cannot be said."""
    assert change(100.0, 150.0) == "+50%"
    assert change(100.0, 50.0) == "-50%"
    assert change(0.0, 5.0) == change(None, 5.0) == change(5.0, None) == ""


def test_changes_that_percent_cannot_say() -> None:
    """Nothing has no sign, and ten times as much is said as such."""
    assert change(100.0, 100.2) == change(100.0, 99.9) == "0%"
    assert change(0.2, 47.0) == "x235"
