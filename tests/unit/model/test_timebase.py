"""Which moment is zero, which times are believed."""

from loopscope.model.timebase import LEAP_NS, Timebase

S = 1_000_000_000


def test_the_header_is_zero() -> None:
    """Times count from the header's stamp; what was made a little earlier is negative."""
    base = Timebase()
    assert base.accept(500 * S, header=True) == 0
    assert base.accept(499 * S) == -S
    assert base.accept(503 * S) == 3 * S
    assert base.latest == 3 * S


def test_without_a_header_the_first_record_is_zero() -> None:
    """A stream that lost its head still has a beginning."""
    base = Timebase()
    assert base.accept(77 * S) == 0
    assert base.accept(78 * S) == S


def test_a_header_with_a_broken_stamp_is_overruled_by_the_next_record() -> None:
    """One flipped digit in the first line must not make every other line unbelievable."""
    for broken in (-(10**17), 10**17):
        base = Timebase()
        base.accept(broken, header=True)
        assert base.accept(500 * S) == 0
        assert base.accept(501 * S) == S


def test_one_record_from_far_ahead_is_refused() -> None:
    """It alone cannot move the end of the session; the next one goes on as before."""
    base = Timebase()
    base.accept(0, header=True)
    assert base.accept(S) == S
    assert base.accept(LEAP_NS * 50) is None
    assert base.accept(2 * S) == 2 * S
    assert base.latest == 2 * S


def test_many_records_that_agree_are_believed() -> None:
    """A clock that went on while the machine slept: the sixteenth witness is enough, and it stays that way."""
    base = Timebase()
    base.accept(0, header=True)
    base.accept(S)
    day = 86_400 * S
    heard = [base.accept(day + n * S) for n in range(20)]
    assert heard[:15] == [None] * 15
    assert heard[15:] == [day + n * S for n in range(15, 20)]


def test_refused_records_that_disagree_are_no_witnesses() -> None:
    """Noise stays refused however much of it there is."""
    base = Timebase()
    base.accept(0, header=True)
    base.accept(S)
    assert all(base.accept((2 + n) * 3 * LEAP_NS) is None for n in range(100))


def test_times_that_cannot_be_are_refused() -> None:
    """Long before the beginning, after ten years, beyond 64 bits: never believed."""
    base = Timebase()
    assert base.accept(10**30) is None
    assert base.accept(0) == 0
    assert base.accept(-100 * S) is None
    assert base.accept(10**30) is None
    assert base.accept(-(10**30)) is None
