"""Counters and the log of chunks."""

import pytest

from loopscope.emulator import truth
from loopscope.emulator.truth import SEGMENT_ROWS, Ledger, RequestRow, Segment


def test_log_grows_to_its_bound_and_says_what_it_lost() -> None:
    """Rows are numbered from 0; those that are lost are not given under a wrong number."""
    ledger = Ledger(2 * SEGMENT_ROWS)
    assert ledger.since(0) == (0, [])
    for n in range(2 * SEGMENT_ROWS - 1):
        ledger.sent(n, 2 * n, 2 * n + 5)
    assert (ledger.lost_rows, ledger.since(0, 1)) == (0, (0, [(0, 0, 5)]))
    for n in range(2 * SEGMENT_ROWS - 1, 2 * SEGMENT_ROWS + 10):
        ledger.sent(n, 2 * n, 2 * n + 5)
    assert ledger.chunks == 2 * SEGMENT_ROWS + 10
    assert ledger.lost_rows == SEGMENT_ROWS
    first, rows = ledger.since(0, 2)
    assert (first, [row[0] for row in rows]) == (SEGMENT_ROWS, [SEGMENT_ROWS, SEGMENT_ROWS + 1])
    last = 2 * SEGMENT_ROWS + 9
    assert ledger.since(last) == (last, [(last, 2 * last, 2 * last + 5)])
    assert ledger.since(last + 50) == (last + 1, [])
    assert [row[0] for row in ledger.since(2 * SEGMENT_ROWS - 1, 2)[1]] == [2 * SEGMENT_ROWS - 1, 2 * SEGMENT_ROWS]


def test_log_stays_as_large_as_memory_lets(monkeypatch: pytest.MonkeyPatch) -> None:
    """A segment that cannot be had makes the log lose the oldest one earlier."""
    ledger = Ledger(4 * SEGMENT_ROWS)

    def none_left() -> Segment:
        raise MemoryError

    monkeypatch.setattr(truth, "Segment", none_left)
    for n in range(SEGMENT_ROWS + 3):
        ledger.sent(n, n, n)
    assert (ledger.lost_rows, len(ledger.since(0)[1])) == (SEGMENT_ROWS, 3)


def test_ended_requests_are_numbered_and_kept() -> None:
    """From a number on, at most so many."""
    ledger = Ledger()
    rows = [RequestRow(n, n, n + 1, n + 2, 3, "done") for n in range(5)]
    for row in rows:
        ledger.request_ended(row)
    assert ledger.requests_since(3) == (3, rows[3:])
    assert ledger.requests_since(0, 2) == (0, rows[:2])
    assert ledger.requests_since(9) == (5, [])


def test_chunks_that_left_together_are_rows_like_others() -> None:
    """Also where the log wraps round."""
    ledger = Ledger(2 * SEGMENT_ROWS)
    for n in range(SEGMENT_ROWS // 3 + 2):
        ledger.sent_together(n, 10 * n, 3)
    first, rows = ledger.since(ledger.rows - 9)
    assert first == ledger.rows - 9 == SEGMENT_ROWS - 4
    assert ledger.lost_rows == 0
    last = SEGMENT_ROWS // 3 + 1
    assert rows == [(n, 10 * n, 10 * n) for n in (last - 2, last - 1, last) for _ in range(3)]


def test_lateness_is_that_of_the_rows_asked_for() -> None:
    """p50, p99 and maximum; nothing where there are no rows."""
    ledger = Ledger()
    assert ledger.lateness(0) == (None, None, None)
    for late in range(100):
        ledger.sent(1, 1000, 1000 + late)
    assert ledger.lateness(0) == (50, 99, 99)
    assert ledger.lateness(99) == (99, 99, 99)


def test_record_tells_lateness_since_the_record_before() -> None:
    """Counters are totals, lateness is of the last interval."""
    ledger = Ledger()
    ledger.sent(1, 0, 7)
    ledger.tokens = 3
    ledger.messages_final = 1
    first = ledger.record("emulator-1", 12.5)
    assert (first.chunks, first.messages, first.tokens, first.late_p50_ns, first.watts) == (1, 2, 3, 7, 12.5)
    assert first.cpu_ns > 0
    again = ledger.record("emulator-1", None)
    assert (again.chunks, again.late_p50_ns, again.late_p99_ns) == (1, None, None)
