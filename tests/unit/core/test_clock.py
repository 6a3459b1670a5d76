"""Clocks: anchors and server stamps."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loopscope.core import clock
from loopscope.core.clock import Anchor, parse_stamp_ns, take_anchor


@pytest.mark.parametrize(
    ("text", "expected_ns"),
    [
        ("1970-01-01T00:00:00Z", 0),
        ("1970-01-01T00:00:01.5Z", 1_500_000_000),
        ("2026-11-21T02:58:01.123456789Z", 1795229881123456789),
        ("2026-11-21T03:58:01.1234+01:00", 1795229881123400000),
        ("2026-11-20T21:28:01-05:30", 1795229881000000000),
    ],
)
def test_stamps_are_read_to_the_nanosecond(text: str, expected_ns: int) -> None:
    """0 to 9 fraction digits and an offset are read exactly."""
    assert parse_stamp_ns(text) == expected_ns


@pytest.mark.parametrize(
    "text", ["", "now", "2026-11-21", "2026-11-21T02:58:01", "2026-11-21T02:58:01.Z", "2026-11-21T02:58:01.1234567890Z"]
)
def test_what_is_no_stamp_gives_none(text: str) -> None:
    """Anything else is no stamp, and no error."""
    assert parse_stamp_ns(text) is None


@given(st.datetimes(min_value=datetime(1970, 1, 1), max_value=datetime(2200, 1, 1)), st.integers(0, 999))
def test_stamps_agree_with_datetime(moment: datetime, extra_ns: int) -> None:
    """Our reader gives what datetime gives, and the nanoseconds on top."""
    text = moment.strftime("%Y-%m-%dT%H:%M:%S.%f") + f"{extra_ns:03d}Z"
    whole_s = int(moment.replace(tzinfo=UTC, microsecond=0).timestamp())
    assert parse_stamp_ns(text) == whole_s * 10**9 + moment.microsecond * 1000 + extra_ns


@given(st.text(max_size=40))
def test_no_text_raises(text: str) -> None:
    """Whatever a server sends as a stamp, reading it does not raise."""
    parse_stamp_ns(text)


def test_an_anchor_maps_both_ways() -> None:
    """perf -> wall -> perf is the identity, and a step is the difference of what both clocks went."""
    anchor = Anchor(1000, 5000)
    assert anchor.perf_of(anchor.wall_of(1234)) == 1234
    assert anchor.step_ns(Anchor(2000, 6500)) == 500


def test_an_anchor_is_taken_within_a_bracket() -> None:
    """Two anchors of one process agree about the difference of the clocks to well under a millisecond."""
    assert abs(take_anchor().step_ns(take_anchor())) < 1_000_000


@pytest.mark.parametrize(
    ("brackets_ns", "read", "chosen"),
    [
        ([4_000, 400, 200, 200, 200], 2, 1),  # the second is tight enough
        ([100, 50], 1, 0),
        ([4_000, 9_000, 2_000, 3_000, 8_000], 5, 2),  # none is: the tightest of five
    ],
)
def test_an_anchor_is_the_first_tight_bracket(
    monkeypatch: pytest.MonkeyPatch, brackets_ns: list[int], read: int, chosen: int
) -> None:
    """Readings end with the first that is tight; without one the tightest of all counts, and its error is told."""
    ticks = [tick for at, long in enumerate(brackets_ns) for tick in (1_000_000 * at, 1_000_000 * at + long)]
    walls = iter(range(7_000_000, 8_000_000))
    perf = iter(ticks)
    monkeypatch.setattr(clock, "perf_counter_ns", lambda: next(perf))
    monkeypatch.setattr(clock, "time_ns", lambda: next(walls))
    anchor = take_anchor()
    half_ns = brackets_ns[chosen] // 2
    assert anchor == Anchor(1_000_000 * chosen + half_ns, 7_000_000 + chosen, half_ns)
    assert next(walls) == 7_000_000 + read
