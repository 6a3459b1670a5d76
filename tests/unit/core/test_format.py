"""Numbers as people read them."""

import re
from collections.abc import Callable
from math import inf, nan

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from loopscope.core import format as fmt

ALL: dict[str, tuple[Callable[[float | None], str], int]] = {
    "rate": (fmt.rate, 9),
    "number": (fmt.number, 10),
    "count": (fmt.count, 9),
    "share": (fmt.share, 12),
    "tenths": (fmt.tenths, 12),
    "points": (fmt.points, 9),
    "ms": (fmt.ms, 11),
    "time": (fmt.time, 13),
    "seconds": (fmt.seconds, 13),
    "clock": (fmt.clock, 11),
    "size": (fmt.size, 12),
    "signed": (fmt.signed, 11),
}
"""Each with the most characters that it may take."""

ANY = st.one_of(
    st.none(), st.floats(), st.integers(), st.integers(10**300, 10**320), st.floats(-1e4, 1e4), st.floats(0, 1)
)
UNREADABLE = re.compile(r"e[+-]?\d|inf|nan|-0(\.0*)?$|-0(\.0*)? ", re.IGNORECASE)


@pytest.mark.parametrize("name", ALL)
@given(value=ANY)
@example(value=1e300)
@example(value=-5e-324)
@example(value=99_999.5)
@example(value=999_999.5)
@example(value=-0.0)
def test_no_output_has_an_exponent_or_an_infinity_and_each_is_short(name: str, value: float | None) -> None:
    say, most = ALL[name]
    text = say(value)
    assert text and not UNREADABLE.search(text)
    assert len(text) <= most, text


@given(low=ANY, high=ANY)
def test_what_is_told_of_two_figures_is_readable_too(low: float | None, high: float | None) -> None:
    for text in (fmt.change(low, high), fmt.interval(low, high), fmt.interval(low, high, fmt.ms)):
        assert not UNREADABLE.search(text)
        assert len(text) <= 32


@pytest.mark.parametrize("say", [say for say, _ in ALL.values()])
def test_what_is_not_known_has_one_sign(say: Callable[[float | None], str]) -> None:
    assert {say(value) for value in (None, nan, inf, -inf)} == {fmt.NONE}


@pytest.mark.parametrize(
    ("say", "value", "text"),
    [
        (fmt.rate, 0, "0.0"),
        (fmt.rate, 0.034, "0.03"),
        (fmt.rate, 98.44, "98.4"),
        (fmt.rate, 4210, "4 210"),
        (fmt.rate, 12_900, "12.9 k"),
        (fmt.rate, 129_000, "129 k"),
        (fmt.rate, 1_300_000, "1.3 M"),
        (fmt.rate, 2e12, "2 T"),
        (fmt.rate, 1e22, ">1 000 T"),
        (fmt.number, 0, "0"),
        (fmt.number, 0.0042, "0.0042"),
        (fmt.number, 12, "12"),
        (fmt.number, 12.34, "12.3"),
        (fmt.number, -2.36e3, "-2 360"),
        (fmt.count, 4210, "4 210"),
        (fmt.count, 129_345, "129 345"),
        (fmt.count, 1_300_000, "1.3 M"),
        (fmt.share, 0.38, "38 %"),
        (fmt.share, 0.008, "0.8 %"),
        (fmt.share, -0.0001, "0.0 %"),
        (fmt.tenths, 0.8624, "86.2 %"),
        (fmt.points, -0.135, "-13.5"),
        (fmt.ms, 0.337, "0.34"),
        (fmt.ms, 12.08, "12.1"),
        (fmt.ms, 59_999, "59 999"),
        (fmt.ms, 123_000, "123 s"),
        (fmt.time, 0.34, "340 us"),
        (fmt.time, 0.0004, "0.4 us"),
        (fmt.time, 12.08, "12.1 ms"),
        (fmt.time, 1234, "1.23 s"),
        (fmt.time, 0, "0 ms"),
        (fmt.seconds, 12.52, "12.5 s"),
        (fmt.seconds, 720, "12 min"),
        (fmt.seconds, 12_240, "3.4 h"),
        (fmt.clock, 83, "1:23"),
        (fmt.clock, 3723, "1:02:03"),
        (fmt.size, 812, "812 B"),
        (fmt.size, 12_700, "12.4 KiB"),
        (fmt.signed, 1.5, "+1.5"),
        (fmt.signed, -1.5, "-1.5"),
        (fmt.signed, 0.0, "0"),
    ],
)
def test_a_figure_reads_as_people_write_it(say: Callable[[float | None], str], value: float, text: str) -> None:
    assert say(value) == text


def test_a_change_is_told_in_percent_and_from_tenfold_on_in_times() -> None:
    assert fmt.change(100, 112) == "+12 %"
    assert fmt.change(100, 97) == "-3 %"
    assert fmt.change(100, 100.1) == "0 %"
    assert fmt.change(1, 12) == "x12"
    assert fmt.change(0, 12) == ""


def test_an_interval_with_one_end_is_a_bound() -> None:
    assert fmt.interval(1.2, 3.4) == "1.2 to 3.4"
    assert fmt.interval(1.2, inf) == "at least 1.2"
    assert fmt.interval(None, 3.4, fmt.ms) == "at most 3.40"
    assert fmt.interval(None, None) == fmt.NONE


def test_a_plural_counts_and_an_absence_gives_its_reason_where_there_is_room() -> None:
    assert fmt.plural(1, "agent") == "1 agent"
    assert fmt.plural(4210, "agent") == "4 210 agents"
    assert fmt.plural(2, "query", "queries") == "2 queries"
    assert fmt.absent() == fmt.NONE
    assert fmt.absent("no server stamp") == "not known: no server stamp"
