"""What two intervals allow to be said, in words; and gates: conditions on a difference that a build may rest on."""

import re
from dataclasses import dataclass
from math import inf

from loopscope.core.errors import InputError
from loopscope.core.format import count, rate, share
from loopscope.core.format import number as figure
from loopscope.core.text import plain
from loopscope.model.comparison import COUNTED, Comparison, Difference
from loopscope.model.metrics import ALIASES, METRICS, Metric
from loopscope.stats.intervals import Interval

SAME = 0.02
"""A change that is surely smaller than that is called none."""
_MANY = 3.0
"""From four times as much on, "times" reads better than percent."""
_ALL = 0.995
_ENDLESS = 20.0
"""An interval that reaches to nothing, or to twenty times as much, says nothing that its ends would add to."""
PASSED, FAILED, UNSURE = "passed", "failed", "cannot tell"


def value(metric: Metric, number: float | None) -> str:
    """Say a figure in its unit, without the unit."""
    if number is None:
        return "not enough data"
    if number == inf:
        return "no bound"
    if metric.unit.startswith("share"):
        return share(number)
    if metric.unit == "bytes":
        return count(number)
    return rate(number) if metric.unit.endswith("/s") else figure(number)


def unit(metric: Metric) -> str:
    """Say the unit as it stands behind a figure: shares are told in percent."""
    return "" if metric.unit.startswith("share") else f" {metric.unit}"


def span(metric: Metric, interval: Interval | None) -> str:
    """Say a figure with its interval."""
    if interval is None:
        return "not enough data"
    if interval.low == interval.high:
        return value(metric, interval.mid)
    ends = f"{value(metric, max(interval.low, 0.0))} to {value(metric, interval.high)}"
    return f"{value(metric, interval.mid)} ({ends})"


def verdict(row: Difference) -> str:
    """Say what can be said, and no more."""
    if row.first is None or row.second is None:
        return "not enough data" if row.first is None and row.second is None else f"not enough data {_where(row)}"
    change = row.change
    if change is None:
        return _absolute(row)
    if change.low == change.high == 0:
        return "the same"
    if change.low > -SAME and change.high < SAME:
        return f"the same within {_percent(max(-change.low, change.high, 0.001))} %"
    if not row.surely:
        open_end = change.low <= -_ALL or change.high > _ENDLESS
        return "cannot tell" if open_end else f"cannot tell ({_signed(change.low)} to {_signed(change.high)} %)"
    if change.mid > _MANY:
        return f"{_times(change.mid)} times as much ({_ends(_times(change.low), _times(change.high), change.high)})"
    if change.mid > 0:
        ends = _ends(_percent(change.low), _percent(change.high), change.high)
        return f"higher by {_percent(change.mid)} % ({ends})"
    low, high = _percent(-change.high), _percent(-change.low)
    ends = f"at least {low}" if change.low <= -_ALL else f"{low} to {high}"
    return f"lower by {_percent(-change.mid)} % ({ends})"


def _ends(low: str, high: str, number: float) -> str:
    return f"at least {low}" if number == inf else f"{low} to {high}"


def _absolute(row: Difference) -> str:
    """Where the first is nothing there is no percentage."""
    moved, metric = row.difference, row.metric
    if moved is None:
        return "not enough data"
    if moved.low == moved.high == 0:
        return "none on either side"
    if not row.surely:
        return "cannot tell"
    low, high = sorted((abs(moved.low), abs(moved.high)))
    word = "higher" if moved.mid > 0 else "lower"
    return f"{word} by {value(metric, abs(moved.mid))}{unit(metric)} ({value(metric, low)} to {value(metric, high)})"


def _where(row: Difference) -> str:
    return "on the first side" if row.first is None else "on the second side"


def _percent(number: float) -> str:
    return share(abs(number)).removesuffix(" %")


def _signed(number: float) -> str:
    return ("-" if number < 0 else "+") + _percent(number)


def _times(number: float) -> str:
    return figure(number + 1)


@dataclass(frozen=True, slots=True)
class Gate:
    """A condition that must not hold. ``kind``: ``change`` (relative), ``difference`` or ``value`` of the second."""

    text: str
    name: str
    above: bool
    kind: str
    limit: float


@dataclass(frozen=True, slots=True)
class Judged:
    """A gate and what came of it: ``passed``, ``failed``, ``cannot tell``; ``words`` says why."""

    gate: Gate
    outcome: str
    words: str


_GATE = re.compile(r"\s*([a-z][a-z0-9_.]*)\s*([<>])\s*([+-]?)\s*([0-9]+(?:\.[0-9]+)?)\s*([%a-z/]*)\s*", re.IGNORECASE)
GATE_HELP = """gates: --fail-if 'NAME > LIMIT' (or <), as often as you like
  'delay.p99 > +10%'     the second is more than 10 % above the first
  'chunks_s < -5%'       ... more than 5 % below it
  'lag.p99 > +2ms'       ... more than 2 ms above it (in the figure's own unit; shares as 0.05)
  'delay.p99 > 20ms'     the second's own value is above 20 ms, whatever the first
  'errors > 0'           counts (errors, requests, taken, chunks, tokens) have no interval
A gate fails only when its whole interval lies beyond the limit, and passes only when all of it lies within; else the
outcome is "cannot tell": measure longer.

exit code: 0 every gate passed (or there was none), 1 a gate failed, 2 wrong input or unlike runs, 3 no gate failed but
at least one cannot be told (with --unsure-ok: 0)"""


def parse_gate(text: str) -> Gate:
    """Read a gate.

    Raises:
        InputError: it is none, or there is no such figure, or the unit is another.
    """
    match = _GATE.fullmatch(text)
    if match is None:
        raise InputError(f"--fail-if {plain(text, 60)!r} is no gate; e.g. 'delay.p99 > +10%', 'errors > 0'")
    name, sign, signed, number, told = match.groups()
    name = ALIASES.get(name.lower(), name.lower())
    if name not in METRICS and name not in COUNTED:
        known = ", ".join([*METRICS, *COUNTED])
        raise InputError(f"--fail-if: there is no figure {plain(name, 40)!r}; figures: {known}")
    unit_of = METRICS[name].unit if name in METRICS else ""
    if told not in ("", "%", unit_of):
        raise InputError(f"--fail-if: {name} is in {unit_of or 'counts'}, not in {plain(told, 20)!r}")
    limit = float(number) * (-1 if signed == "-" else 1)
    if told == "%":
        if not signed or name in COUNTED:
            raise InputError(
                f"--fail-if {plain(text, 60)!r}: a change in percent has a sign, and is one of a figure; e.g. '+10%'"
            )
        return Gate(plain(text, 80), name, sign == ">", "change", limit / 100)
    return Gate(plain(text, 80), name, sign == ">", "difference" if signed else "value", limit)


def judge(gate: Gate, comparison: Comparison) -> Judged:
    """Hold a gate against a comparison."""
    if gate.name in COUNTED:
        first, second = comparison.first.counts[gate.name], comparison.second.counts[gate.name]
        number = second - first if gate.kind == "difference" else second
        failed = number > gate.limit if gate.above else number < gate.limit
        return Judged(gate, FAILED if failed else PASSED, f"{count(first)} and {count(second)}")
    row = next((row for row in comparison.rows if row.metric.name == gate.name), None)
    if row is None:
        return Judged(gate, UNSURE, "not enough data")
    interval = {"change": row.change, "difference": row.difference, "value": row.second}[gate.kind]
    words = f"{span(row.metric, row.second)}{unit(row.metric)}" if gate.kind == "value" else verdict(row)
    if interval is None:
        return Judged(gate, UNSURE, words)
    if interval.low > gate.limit:
        return Judged(gate, FAILED if gate.above else PASSED, words)
    if interval.high < gate.limit:
        return Judged(gate, PASSED if gate.above else FAILED, words)
    if interval.low == interval.high == gate.limit:
        return Judged(gate, PASSED, words)
    return Judged(gate, UNSURE, words)
