"""What may be said of two intervals, and what a gate makes of it."""

from math import inf

import pytest

from loopscope.core.errors import InputError
from loopscope.model.comparison import Comparison, Difference, Side
from loopscope.model.metrics import METRICS
from loopscope.model.stretch import Stretch
from loopscope.report.gates import FAILED, PASSED, UNSURE, Gate, judge, parse_gate, span, verdict
from loopscope.stats.intervals import Interval, change_of, difference_of


def row(first: tuple[float, float, float] | None, second: tuple[float, float, float] | None) -> Difference:
    metric = METRICS["delay.p99"]
    a = None if first is None else Interval(*first, 20.0)
    b = None if second is None else Interval(*second, 20.0)
    if a is None or b is None:
        return Difference(metric, a, b, None, None)
    return Difference(metric, a, b, change_of(a, b), difference_of(a, b))


def side(**counts: int) -> Side:
    every = {"errors": 0, "requests": 9, "taken": 0, "chunks": 90, "tokens": 90}
    return Side("a", Stretch([]), {}, {}, {}, every | counts, "")


def comparison(*rows: Difference, errors: tuple[int, int] = (0, 0)) -> Comparison:
    return Comparison(side(errors=errors[0]), side(errors=errors[1]), rows, 0.95, (), (), ())


@pytest.mark.parametrize(
    ("first", "second", "words"),
    [
        ((9.9, 10, 10.1), (11.1, 11.2, 11.3), "higher by 12 % (11 to 14)"),
        ((9.9, 10, 10.1), (7.9, 8, 8.1), "lower by 20 % (19 to 21)"),
        ((9, 10, 11), (9.5, 10.5, 11.5), "cannot tell (-8.6 to +21 %)"),
        ((9.99, 10, 10.01), (9.99, 10, 10.01), "the same within 0.1 %"),
        ((10, 10, 10), (10, 10, 10), "the same"),
        ((0, 0, 0), (0, 0, 0), "none on either side"),
        ((0, 10, inf), (9, 10, 11), "cannot tell"),
        ((9, 10, 11), (80, 90, 100), "9 times as much (7.73 to 10.4)"),
        ((9, 10, 11), (15, 20, inf), "higher by 100 % (at least 48)"),
        ((9, 10, inf), (1, 2, 3), "lower by 80 % (at least 70)"),
        ((0, 0, 0), (1, 2, 3), "higher by 2 ms (1 to 3)"),
        ((0, 5, 60), (0, 0, 0), "cannot tell"),
        (None, (1, 2, 3), "not enough data on the first side"),
        ((1, 2, 3), None, "not enough data on the second side"),
        (None, None, "not enough data"),
    ],
)
def test_words_hold_no_more_than_is_known(first: object, second: object, words: str) -> None:
    """Surely more, surely less, the same as far as it matters, or that it cannot be told."""
    assert verdict(row(first, second)) == words  # type: ignore[arg-type]


def test_a_figure_stands_with_its_interval() -> None:
    """Ends that nothing bounds are said; a share is in percent; no data is no zero."""
    metric = METRICS["delay.p99"]
    assert span(metric, Interval(1.5, 2.0, inf, 9)) == "2 (1.5 to no bound)"
    assert span(metric, Interval(0.001, 0.02, 0.05, 9)) == "0.02 (0.001 to 0.05)"
    assert span(METRICS["elu"], Interval(0.1, 0.2, 0.3, 9)) == "20 % (10 % to 30 %)"
    assert span(metric, None) == "not enough data"


@pytest.mark.parametrize(
    ("text", "gate"),
    [
        ("delay.p99 > +10%", ("delay.p99", True, "change", 0.1)),
        ("chunks_s < -5 %", ("chunks_s", False, "change", -0.05)),
        ("lag.p99>+2ms", ("lag.p99", True, "difference", 2.0)),
        ("  delay.p99 > 20 ", ("delay.p99", True, "value", 20.0)),
        ("ERRORS > 0", ("errors", True, "value", 0.0)),
        ("errors > +2", ("errors", True, "difference", 2.0)),
        ("chunks_s < 100chunks/s", ("chunks_s", False, "value", 100.0)),
    ],
)
def test_gates_are_read(text: str, gate: tuple[str, bool, str, float]) -> None:
    """A sign means a change, percent a relative one, neither the second's own value."""
    read = parse_gate(text)
    assert (read.name, read.above, read.kind, read.limit) == gate


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "is no gate"),
        ("delay.p99 + 10%", "is no gate"),
        ("delay.p99 > +10% or so", "is no gate"),
        ("delay.p42 > +10%", "there is no figure 'delay.p42'"),
        ("delay.p99 > +2s", "is in ms"),
        ("delay.p99 > 10%", "has a sign"),
        ("errors > +10%", "is one of a figure"),
        ("errors > +3ms", "in counts"),
        ("\x1b[31m > 1", "is no gate"),
    ],
)
def test_what_is_no_gate_is_refused(text: str, says: str) -> None:
    """One sentence, and nothing of a terminal's language in it."""
    with pytest.raises(InputError, match=says.replace("+", r"\+")) as error:
        parse_gate(text)
    assert "\x1b" not in str(error.value)


@pytest.mark.parametrize(
    ("text", "first", "second", "outcome"),
    [
        ("delay.p99 > +10%", (9.9, 10, 10.1), (14, 15, 16), FAILED),
        ("delay.p99 > +10%", (9.9, 10, 10.1), (9.9, 10, 10.1), PASSED),
        ("delay.p99 > +10%", (9.9, 10, 10.1), (10.5, 11.5, 12.5), UNSURE),
        ("delay.p99 > +10%", (9.9, 10, inf), (14, 15, 16), UNSURE),
        ("delay.p99 > +10%", None, (14, 15, 16), UNSURE),
        ("delay.p99 < -10%", (9.9, 10, 10.1), (5, 5.5, 6), FAILED),
        ("delay.p99 < -10%", (9.9, 10, 10.1), (14, 15, 16), PASSED),
        ("delay.p99 > +2ms", (9.9, 10, 10.1), (12.5, 13, 13.5), FAILED),
        ("delay.p99 > 20", (9.9, 10, 10.1), (25, 26, 27), FAILED),
        ("delay.p99 > 20", (0, 0, 0), (1, 2, 3), PASSED),
        ("delay.p99 > 0", (0, 0, 0), (0, 0, 0), PASSED),
        ("delay.p99 > 20", (9.9, 10, 10.1), (18, 19, 22), UNSURE),
        ("lag.p99 > +10%", (9.9, 10, 10.1), (14, 15, 16), UNSURE),
    ],
)
def test_a_gate_fails_and_passes_only_for_sure(text: str, first: object, second: object, outcome: str) -> None:
    """The whole interval on one side of the limit, or it cannot be told; nor can a figure that is not there."""
    gate = parse_gate(text)
    assert judge(gate, comparison(row(first, second))).outcome == outcome  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("text", "errors", "outcome"),
    [
        ("errors > 0", (0, 0), PASSED),
        ("errors > 0", (0, 1), FAILED),
        ("errors > +1", (3, 4), PASSED),
        ("errors > +1", (3, 5), FAILED),
        ("requests < 5", (0, 0), PASSED),
    ],
)
def test_counts_are_what_they_are(text: str, errors: tuple[int, int], outcome: str) -> None:
    """What was counted has no interval."""
    judged = judge(parse_gate(text), comparison(errors=errors))
    assert judged.outcome == outcome
    assert isinstance(judged.gate, Gate)
