"""The judge: a cause must last to be told, what is told can be read, and it goes by itself."""

import contextlib
from collections.abc import Iterator

import pytest

from loopscope.core.codec import as_dict
from loopscope.core.records import Finding
from loopscope.model.findings import RULES, levels_from
from loopscope.model.findings.rule import FINE, Answer, Found, NotEnough, Rule
from loopscope.model.fold import Fold
from loopscope.model.snapshot import Snapshot
from loopscope.model.summary import summary
from loopscope.session.finding_monitor import FindingMonitor
from loopscope.settings.thresholds import defaults

S = 1_000_000_000


class Bench:
    """A judge with one rule that answers what it is told to, asked once a second."""

    def __init__(self, level: str = "warn") -> None:
        self.answer: Answer = FINE
        self.second = 0
        self.judge = FindingMonitor({"errors": level}, {})

    def ask(self, snapshot: Snapshot, limits: dict[str, float]) -> Answer:
        return self.answer

    def second_of(self, answer: Answer) -> list[Finding]:
        self.answer = answer
        self.second += 1
        return self.judge.look(Snapshot(), self.second * S)

    def row(self, *answers: Answer) -> list[str]:
        """What each second brings: a word for each record."""
        told = [self.second_of(answer) for answer in answers]
        return ["+".join("on" if record.on else "off" for record in records) for records in told]


@pytest.fixture
def bench() -> Iterator[Bench]:
    made = Bench()
    with RULES.holding(Rule("errors", "warn", (), made.ask)):
        yield made


BAD = Found("3 of 4 failed.", "3 errors", {"errors": 3.0}, "agents=1")


def test_it_is_told_when_it_has_held_for_two_seconds(bench: Bench) -> None:
    """Not at first sight, and once."""
    assert bench.row(FINE, BAD, BAD, BAD, BAD) == ["", "", "", "on", ""]


def test_a_consequence_is_told_under_its_cause() -> None:
    """While others have the cores, uneven agents follow from that; they stand for themselves once it is over."""
    answers: dict[str, Answer] = {"core-stolen": BAD, "imbalance": BAD}
    with contextlib.ExitStack() as stack:
        for name, follows in (("core-stolen", ()), ("imbalance", ("core-stolen",))):
            rule = Rule(name, "warn", (), lambda snapshot, limits, name=name: answers[name], follows=follows)
            stack.enter_context(RULES.holding(rule))
        judge = FindingMonitor({"core-stolen": "warn", "imbalance": "warn"}, {})
        told = [record for second in range(4) for record in judge.look(Snapshot(), second * S)]
        assert [(one.name, one.under) for one in told] == [("core-stolen", ""), ("imbalance", "core-stolen")]
        answers["core-stolen"] = FINE
        told = [record for second in range(4, 9) for record in judge.look(Snapshot(), second * S)]
        assert [(one.name, one.under) for one in told if one.on] == [("imbalance", "")]


def test_an_event_is_told_at_first_sight(bench: Bench) -> None:
    """It is in sight for three looks at most; then it goes as others do."""
    with RULES.holding(Rule("errors", "warn", (), bench.ask, event=True)):
        assert bench.row(FINE, BAD, FINE, FINE, FINE, FINE) == ["", "on", "", "", "off", ""]


def test_a_bad_second_is_none(bench: Bench) -> None:
    """What holds for two looks of three is not told: each break begins anew."""
    assert bench.row(BAD, BAD, FINE, BAD, BAD, FINE, BAD, FINE) == [""] * 8


def test_it_goes_when_it_has_not_held_for_two_seconds(bench: Bench) -> None:
    """But a good second is none either."""
    assert bench.row(*[BAD] * 7, FINE, BAD, FINE, FINE, FINE)[7:] == ["", "", "", "", "off"]


def test_it_stays_for_three_seconds(bench: Bench) -> None:
    """What was over as soon as it was told can be read all the same."""
    assert bench.row(BAD, BAD, BAD, FINE, FINE, FINE, FINE) == ["", "", "on", "", "", "off", ""]


def test_no_data_ends_it_too(bench: Bench) -> None:
    """Streams that have ended have no back-pressure."""
    assert bench.row(BAD, BAD, BAD, *[NotEnough("chunks")] * 4) == ["", "", "on", "", "", "off", ""]


def test_it_may_come_again(bench: Bench) -> None:
    """A second time needs two seconds as the first did."""
    assert bench.row(*[BAD] * 3, *[FINE] * 3, *[BAD] * 3) == ["", "", "on", "", "", "off", "", "", "on"]


def test_fresh_numbers_are_told_every_five_seconds(bench: Bench) -> None:
    """Not each second, and not when they are the same."""
    worse = [Found(f"{n} of 9 failed.", "", {}) for n in range(12)]
    assert bench.row(*worse) == ["", "", "on", "", "", "", "", "on", "", "", "", ""]
    same = Bench()
    with RULES.holding(Rule("errors", "warn", (), same.ask)):
        assert same.row(*[BAD] * 12) == ["", "", "on", *[""] * 9]


def test_a_record_holds_it_all(bench: Bench) -> None:
    """Sentence, evidence, numbers, lever, severity."""
    bench.row(BAD, BAD)
    (record,) = bench.second_of(BAD)
    assert record == Finding(
        t_ns=3 * S,
        proc="session",
        name="errors",
        on=True,
        sentence="3 of 4 failed.",
        evidence="3 errors",
        lever="agents=1",
        severity="warn",
        figures={"errors": 3.0},
    )


def test_what_is_allowed_is_not_asked(bench: Bench) -> None:
    """``--allow`` means that nobody looks."""
    bench.judge = FindingMonitor({"errors": "allow"}, {})
    bench.ask = None  # type: ignore[assignment,method-assign]
    assert bench.row(BAD, BAD, BAD, BAD) == [""] * 4


def test_a_session_of_nothing_has_no_finding() -> None:
    """All rules are asked, again and again, and none has enough to look at."""
    judge = FindingMonitor(levels_from([]), defaults())
    assert [judge.look(Snapshot(), second * S) for second in range(5)] == [[]] * 5


def test_the_summary_holds_what_came_and_went() -> None:
    """Folded, a finding has a beginning and an end; one that still holds has none."""
    fold = Fold()
    for second, name, on in ((1, "errors", True), (4, "backlog", True), (6, "errors", False)):
        fold.feed(
            Finding(t_ns=S * (100 + second), name=name, on=on, sentence="s", figures={"a_ms": 1.0, "b": float("inf")})
        )
    fold.feed(Finding(t_ns=S * 107, name="server-bound", on=True, sentence="n", severity="note"))
    listed = as_dict(summary(fold))["findings"]
    assert [(one["name"], one["since_s"], one["until_s"], one["active"]) for one in listed] == [
        ("errors", 0.0, 5.0, False),
        ("backlog", 3.0, None, True),
        ("server-bound", 6.0, None, True),
    ]
    assert listed[0]["figures"] == {"a_ms": 1.0}
    assert {"name", "sentence", "evidence", "lever", "since_s", "severity"} <= set(listed[0])
    assert [one.name for one in fold.snapshot().findings] == ["backlog", "server-bound"]
    assert [mark.label for mark in fold.snapshot().marks] == ["errors", "backlog"]
