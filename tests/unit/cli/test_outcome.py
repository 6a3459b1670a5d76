"""What failed is not exit code 0, and each failure is one sentence."""

from kit.tape import ZERO, S, header, hello
from loopscope.cli.headless import tell
from loopscope.cli.outcome import failures
from loopscope.core.records import Loss, Request
from loopscope.model.fold import Fold


def ended(agent: int, number: int, outcome: str = "ok", words: str = "") -> Request:
    at = ZERO + number * S
    return Request(
        t_ns=at, proc="rig-1", agent=agent, request=number, outcome=outcome, words=words, start_ns=at - S, end_ns=at
    )


def folded(*records: object) -> Fold:
    fold = Fold()
    for record in (header(), hello(), *records):
        fold.feed(record)  # type: ignore[arg-type]
    return fold


def test_a_session_in_which_something_worked_has_not_failed() -> None:
    """One failure among requests that work is a finding, not the end."""
    fold = folded(ended(0, 1), ended(0, 2, "http", "HTTP 503"), ended(1, 1), ended(1, 2))
    assert failures(fold, []) == []
    assert tell("record", []) == 0


def test_all_requests_failing_is_told_with_the_newest_reason() -> None:
    fold = folded(ended(0, 1, "refused", "no connection"), ended(1, 2, "http", "HTTP 503"))
    assert failures(fold, []) == ["all 2 requests failed: HTTP 503"]


def test_a_server_that_was_gone_at_the_end_is_named() -> None:
    """The other server works on; each agent of this one failed twice at the last."""
    fold = folded(ended(0, 1), ended(1, 1), ended(1, 2, "refused", "no connection"), ended(1, 3, "refused", "gone"))
    assert failures(fold, []) == ["http://127.0.0.1:9002 failed at the end, for each of its 1 agent: gone"]


def test_what_died_for_good_and_what_came_too_late_is_told(capsys) -> None:
    lost = Loss(t_ns=ZERO + S, proc="session", what="rig", count=1, words="rig-1 ended by itself (signal 9)")
    fold = folded(ended(0, 1), lost)
    told = failures(fold, [(20.0, "loop", "uvloop")], "a takeover is under way")
    assert told == [
        "rig-1 ended by itself (signal 9)",
        "loop=uvloop was to be set at 20 s and was not: a takeover is under way",
    ]
    assert tell("record", told) == 1
    assert capsys.readouterr().err.count("\n") == 2
