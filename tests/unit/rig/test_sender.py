"""Rows become columns."""

from loopscope.core.clock import Anchor
from loopscope.rig.sender import columns


def test_columns_give_back_the_rows() -> None:
    """Received, sent and handled times of every row can be had back from the record, to the nanosecond."""
    anchor = Anchor(perf_ns=1_000_000_000, wall_ns=1_795_229_881_000_000_000)
    rows = [
        (0, 1_123_456_999, "2026-11-21T02:58:01.123456789Z", 1_123_457_500, True),
        (1, 1_123_456_000, None, 1_123_460_000, False),
        (0, 1_200_000_000, "not a stamp", 1_200_000_001, False),
        (0, 1_200_000_000, 17, 1_200_000_002, False),
    ]
    record = columns("rig-1", 5, rows, anchor)  # type: ignore[arg-type]
    received, at_ns = [], record.base_ns
    for step_ns in record.recv:
        at_ns += step_ns
        received.append(at_ns)
    assert received == [row[1] for row in rows]
    assert record.delay == [210, None, None, None]
    assert [r + h for r, h in zip(received, record.handled, strict=True)] == [row[3] for row in rows]
    assert record.first == [0]
    assert record.agent == [0, 1, 0, 0]


def test_stamps_without_a_fraction_are_pointed_out() -> None:
    """An agent all of whose stamps are whole seconds is listed, one with a fraction or no stamp is not."""
    rows = [
        (0, 100, "2026-11-21T02:58:01Z", 110, True),
        (0, 200, "2026-11-21T02:58:02Z", 210, False),
        (1, 300, "2026-11-21T02:58:02Z", 310, True),
        (1, 400, "2026-11-21T02:58:02.5Z", 410, False),
        (2, 500, None, 510, True),
    ]
    assert columns("rig-1", 600, rows, Anchor(0, 0)).whole == [0]
