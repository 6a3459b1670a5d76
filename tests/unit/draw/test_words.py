"""Numbers as people read them."""

import pytest

from loopscope.draw import words


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "–"),
        (float("nan"), "–"),
        (0.0, "0.00"),
        (0.344, "0.34"),
        (9.994, "9.99"),
        (9.996, "10.0"),
        (12.12, "12.1"),
        (99.96, "100"),
        (212.4, "212"),
        (12_040.0, "12040"),
        (123_456.0, "123s"),
        (-0.3, "-0.30"),
    ],
)
def test_milliseconds(value: float | None, text: str) -> None:
    """Three digits or so, no jump in width at a power of ten."""
    assert words.ms(value) == text
    assert len(text) <= 5


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "–"),
        (0.0, "0.0"),
        (98.44, "98.4"),
        (99.96, "100"),
        (1612.3, "1612"),
        (9999.6, "10.0k"),
        (12_940, "12.9k"),
        (99_960, "100k"),
        (999_600, "1.0M"),
        (1_300_000, "1.3M"),
    ],
)
def test_rates(value: float | None, text: str) -> None:
    """At most five characters, whatever the rate."""
    assert words.rate(value) == text
    assert len(text) <= 5


def test_shares_clocks_sizes_counts() -> None:
    """Each with its unit, and a dash where nothing is known."""
    assert [words.share(x) for x in (None, 0.0, 0.008, 0.0996, 0.384, 1.0)] == [
        "–",
        "0.0 %",
        "0.8 %",
        "10 %",
        "38 %",
        "100 %",
    ]
    assert [words.clock(x) for x in (-1, 0, 83.9, 3723)] == ["0:00", "0:00", "1:23", "1:02:03"]
    assert [words.size(x) for x in (None, 812, 12_698, 5 << 20)] == ["–", "812 B", "12.4 KiB", "5.0 MiB"]
    assert [words.count(x) for x in (0, 99_999, 100_001)] == ["0", "99999", "100k"]
    assert (words.plural(1, "agent"), words.plural(2, "agent")) == ("1 agent", "2 agents")
