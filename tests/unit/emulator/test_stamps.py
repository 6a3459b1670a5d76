"""created_at."""

from loopscope.core.clock import parse_stamp_ns
from loopscope.emulator.stamps import NS_PER_S, WallClock


def test_trailing_zeros_are_cut_as_go_does() -> None:
    """0 to 9 fraction digits; a whole second has no dot; the zeros of a whole ten seconds stay."""
    clock = WallClock()
    base = 1_795_241_830 * NS_PER_S
    assert clock.stamp(base) == b"2026-11-21T06:17:10Z"
    assert clock.stamp(base + 1) == b"2026-11-21T06:17:10.000000001Z"
    assert clock.stamp(base + 120_000_000) == b"2026-11-21T06:17:10.12Z"
    assert clock.stamp(base + 999_999_999) == b"2026-11-21T06:17:10.999999999Z"


def test_stamps_read_back_across_seconds_in_both_directions() -> None:
    """The kept second follows the clock forward and back."""
    clock = WallClock()
    base = 1_795_241_830 * NS_PER_S
    for moment in (base, base + NS_PER_S, base - 5 * NS_PER_S + 7, base + 86_400 * NS_PER_S + 10):
        assert parse_stamp_ns(clock.stamp(moment).decode()) == moment


def test_stamp_of_now_is_between_its_neighbours() -> None:
    """Without a moment it is the present one."""
    clock = WallClock()
    one, two = (parse_stamp_ns(clock.stamp().decode()) for _ in range(2))
    assert one is not None and two is not None and one <= two
