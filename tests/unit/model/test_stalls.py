"""Stalls are kept, counted by place, and marked without flooding the time line."""

import pytest

from kit.tape import MS, ZERO, S, calm, header, hello
from loopscope.core.codec import as_dict
from loopscope.core.records import Stall
from loopscope.model.fold import Fold
from loopscope.model.summary import summary
from loopscope.report.text import render


def stall(at: int, ms: float, **more: object) -> Stall:
    """A stall that began ``at`` ns after zero and is told when it is over."""
    given: dict[str, object] = {
        "file": "app.py",
        "line": 12,
        "function": "work",
        "stack": ["app.py:12 work"],
        "runq_ns": 0,
        "cpu_ns": 0,
    }
    dur = int(ms * MS)
    return Stall(
        t_ns=ZERO + at + dur,
        proc="rig-1",
        start_ns=ZERO + at,
        dur_ns=dur,
        **(given | more),  # type: ignore[arg-type]
    )


def fold(*stalls: Stall) -> Fold:
    made = Fold()
    for record in [header(), hello(), *stalls]:
        made.feed(record)
    return made


def test_a_stall_is_shown_with_place_and_length() -> None:
    """Time, length and the line that held the loop."""
    snapshot = fold(stall(S, 40)).snapshot()
    assert [(view.t_s, view.ms, view.where, view.why) for view in snapshot.stalls] == [
        (1.0, 40.0, "app.py:12 in work", "callback")
    ]
    assert [(mark.t_s, mark.label, mark.kind) for mark in snapshot.marks] == [(1.0, "stall 40.0 ms", "stall")]


def test_places_are_counted_over_the_session() -> None:
    """Lines of one function are one place; those that nobody is to blame for are one place by cause."""
    snapshot = fold(
        stall(S, 40),
        stall(2 * S, 60, line=13),
        stall(3 * S, 30, function="other"),
        stall(4 * S, 50, why="core"),
        stall(5 * S, 50, why="core", function="other"),
    ).snapshot()
    places = {
        (place.why, place.where): (place.count, place.total_ms, place.worst_ms) for place in snapshot.stall_places
    }
    assert places == {
        ("callback", "app.py:13 in work"): (2, 100.0, 60.0),
        ("core", "app.py:12 in other"): (2, 100.0, 50.0),
        ("callback", "app.py:12 in other"): (1, 30.0, 30.0),
    }


def test_a_stall_that_lasts_is_one() -> None:
    """Told each second and at its end, it counts once, with its whole length, and has one mark."""
    parts = [stall(S, 1000, over=False), stall(S, 2000, over=False), stall(S, 2500)]
    made = fold(*parts)
    snapshot = made.snapshot()
    assert [(view.ms, view.over) for view in snapshot.stalls] == [(2500.0, True)]
    assert [(place.count, place.total_ms, place.worst_ms) for place in snapshot.stall_places] == [(1, 2500.0, 2500.0)]
    assert (made.stalls.count, made.stalls.total_ns) == (1, 2500 * MS)
    assert len(snapshot.marks) == 1


def test_marks_do_not_flood() -> None:
    """Twenty stalls in ten seconds leave a mark each five seconds, and all of them in the count."""
    made = fold(*(stall(S + n * S // 2, 40) for n in range(20)))
    assert made.stalls.count == 20
    assert [round(mark.t_s) for mark in made.snapshot().marks] == [1, 6]
    assert len(made.snapshot().stalls) == 20


@pytest.mark.parametrize(
    "record", [stall(S, -5), stall(S, 40, why="magic"), stall(S, 25 * 3_600_000)], ids=["length", "why", "days"]
)
def test_what_cannot_be_is_left_out_and_counted(record: Stall) -> None:
    """It neither counts nor marks."""
    made = fold(record)
    assert made.stalls.count == 0
    assert made.ignored == 1


def test_a_calm_session_has_none_and_the_report_is_silent_about_it() -> None:
    """No stall, no line."""
    made = Fold()
    for record in calm():
        made.feed(record)
    assert as_dict(summary(made))["stalls"]["count"] == 0
    assert "stood still" not in render(summary(made), made)


def test_the_report_names_the_place() -> None:
    """How often, where, how long at most and in all."""
    made = Fold()
    for record in sorted([*calm(), stall(3 * S, 40), stall(5 * S, 60)], key=lambda record: record.t_ns):
        made.feed(record)
    text = render(summary(made), made)
    assert "the loop stood still for over 25 ms 2 times" in text
    assert "one callback ran  app.py:12 in work      2        60.0        100" in text
