"""Levers that act at once, and the token bucket."""

import pytest

from loopscope.core.errors import InputError
from loopscope.rig import levers
from loopscope.rig.levers import Levers, TokenBucket


def test_the_two_kinds_of_batching_exclude_each_other() -> None:
    """read:T closes the gate of the sockets, decode:T holds bytes; setting one ends the other."""
    dials = Levers()
    dials.set("batch", "read:50ms")
    assert (dials.gate.every_ns, dials.batch.kind) == (50_000_000, "off")
    dials.set("batch", "decode:1KiB")
    assert (dials.gate.every_ns, dials.batch.size_bytes) == (0, 1024)
    dials.set("batch", "off")
    assert (dials.gate.every_ns, dials.batch.kind) == (0, "off")
    with pytest.raises(InputError):
        dials.set("batch", "nonsense")


def test_the_bucket_keeps_its_rate(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever waits as told takes exactly the rate, however unevenly the chunks come."""
    clock = [0]
    monkeypatch.setattr(levers, "perf_counter_ns", lambda: clock[0])
    bucket = TokenBucket()
    taken = 0
    for count in (1, 5, 1, 1, 20, 2) * 50:
        clock[0] += 1_000_000
        taken += count
        clock[0] += round(bucket.wait_s(count, 100.0) * 1e9)
    assert taken / (clock[0] / 1e9) == pytest.approx(100.0, rel=0.01)


def test_the_bucket_saves_up_a_tenth_of_a_second(monkeypatch: pytest.MonkeyPatch) -> None:
    """After a long rest ten chunks at 100/s pass at once, the eleventh waits."""
    clock = [0]
    monkeypatch.setattr(levers, "perf_counter_ns", lambda: clock[0])
    bucket = TokenBucket()
    clock[0] = 60_000_000_000
    assert bucket.wait_s(10, 100.0) == 0
    assert bucket.wait_s(1, 100.0) == pytest.approx(0.01)
