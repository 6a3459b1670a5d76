"""Counters and the log of chunks."""

from loopscope.emulator.truth import LOG_ROWS, Ledger


def test_log_keeps_the_latest_rows_and_says_what_it_lost() -> None:
    """Rows are numbered from 0; those that were overwritten are not given under a wrong number."""
    ledger = Ledger()
    assert ledger.since(0) == (0, [])
    for n in range(LOG_ROWS + 10):
        ledger.sent(n, 2 * n, 2 * n + 5)
    assert ledger.chunks == LOG_ROWS + 10
    first, rows = ledger.since(0, 3)
    assert (first, rows) == (10, [(10, 20, 25), (11, 22, 27), (12, 24, 29)])
    assert ledger.since(LOG_ROWS + 9) == (LOG_ROWS + 9, [(LOG_ROWS + 9, 2 * (LOG_ROWS + 9), 2 * (LOG_ROWS + 9) + 5)])
    assert ledger.since(LOG_ROWS + 50) == (LOG_ROWS + 10, [])


def test_chunks_that_left_together_are_rows_like_others() -> None:
    """Also where the log wraps round."""
    ledger = Ledger()
    for n in range(LOG_ROWS // 3 + 2):
        ledger.sent_together(n, 10 * n, 3)
    first, rows = ledger.since(ledger.rows - 9)
    assert first == ledger.rows - 9 == LOG_ROWS - 4
    last = LOG_ROWS // 3 + 1
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
