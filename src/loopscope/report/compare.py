"""A comparison as text, Markdown and data."""

from collections.abc import Sequence
from math import isfinite
from typing import Any

from loopscope.core.format import count, number, plural, seconds, tenths
from loopscope.model.comparison import COUNTED, Comparison, Difference, Side
from loopscope.report.chart import distributions
from loopscope.report.charts import Look
from loopscope.report.columns import Table, word
from loopscope.report.gates import Judged, span, unit, verdict
from loopscope.report.grid import lines
from loopscope.report.markdown import fenced, table
from loopscope.stats.intervals import Interval

FIGURES: Table[Difference] = (
    word("figure", lambda row: row.metric.title),
    word("unit", lambda row: row.metric.unit if unit(row.metric) else "%", rank=3),
    word("first", lambda row: span(row.metric, row.first), rank=2),
    word("second", lambda row: span(row.metric, row.second), rank=1),
    word("the second is", verdict),
)
GATES: Table[Judged] = (
    word("gate", lambda one: one.gate.text),
    word("outcome", lambda one: one.outcome),
    word("", lambda one: one.words),
)


def as_text(found: Comparison, gates: Sequence[Judged], width: int, look: Look | None = None) -> str:
    """Give it for a terminal, without a line end at its end."""
    parts = [
        _sides(found),
        lines(FIGURES, _shown(found), width),
        _drawn(found, look or Look(width)),
        [_counts(found)],
        _notes(found),
        _gates(gates),
    ]
    return "\n\n".join("\n".join(part) for part in parts if part)


def as_markdown(found: Comparison, gates: Sequence[Judged]) -> str:
    """Give it for a page or a comment."""
    parts = [
        "\n".join(f"- {line}" for line in _sides(found)),
        table(FIGURES, _shown(found)),
        fenced(_drawn(found, Look(96))),
        _counts(found),
        "\n".join(f"- {line}" for line in _notes(found)),
    ]
    if gates:
        parts.append(table(GATES, gates))
    return "\n\n".join(part for part in parts if part)


def as_data(found: Comparison, gates: Sequence[Judged]) -> dict[str, Any]:
    """Give it for programs; ``null``: not known, or (at an end of an interval) no bound."""
    return {
        "confidence": found.confidence,
        "first": _side(found.first),
        "second": _side(found.second),
        "unlike": list(found.unlike),
        "levers": [{"name": name, "first": first, "second": second} for name, first, second in found.levers],
        "figures": {row.metric.name: _figure(row) for row in found.rows},
        "notes": list(found.notes),
        "gates": [{"gate": one.gate.text, "outcome": one.outcome, "words": one.words} for one in gates],
    }


def _sides(found: Comparison) -> list[str]:
    told = [f"first   {_what(found.first)}", f"second  {_what(found.second)}"]
    if found.levers:
        told.append("levers  " + ", ".join(f"{name}: {first} -> {second}" for name, first, second in found.levers))
    else:
        told.append("levers  the same on both sides")
    if found.unlike:
        told.append("UNLIKE  " + "; ".join(found.unlike))
    return told


def _what(side: Side) -> str:
    levers = ", ".join(f"{name} {text}" for name, text in side.levers.items())
    return f"{side.label}: {seconds(side.stretch.seconds)} after settling{f'; {levers}' if levers else ''}"


def _shown(found: Comparison) -> list[Difference]:
    return [row for row in found.rows if not row.metric.detail]


def _drawn(found: Comparison, look: Look) -> list[str]:
    return distributions([(side.label, side.stretch) for side in (found.first, found.second)], look)


def _counts(found: Comparison) -> str:
    told = [f"{name} {count(found.first.counts[name])} and {count(found.second.counts[name])}" for name in COUNTED]
    return f"counted: {', '.join(told)}"


def _notes(found: Comparison) -> list[str]:
    shown = len(_shown(found))
    wrong = (1 - found.confidence) * shown
    return [
        *found.notes,
        f"Each interval holds with {tenths(found.confidence)}, as far as the scatter within these stretches tells: of"
        f" {plural(shown, 'figure')} {number(wrong)} may seem to differ by chance.",
        "What else changed between them (another program on the machine, a warm cache) is in the differences too.",
    ]


def _gates(gates: Sequence[Judged]) -> list[str]:
    return [f"gate {one.outcome}: {one.gate.text}: {one.words}" for one in gates]


def _side(side: Side) -> dict[str, Any]:
    return {
        "label": side.label,
        "seconds": side.stretch.seconds,
        "levers": dict(side.levers),
        "setup": dict(side.setup),
        "versions": dict(side.versions),
        "counts": dict(side.counts),
        "power": side.power or None,
    }


def _figure(row: Difference) -> dict[str, Any]:
    return {
        "title": row.metric.title,
        "unit": row.metric.unit,
        "first": _interval(row.first),
        "second": _interval(row.second),
        "change": _interval(row.change),
        "difference": _interval(row.difference),
        "surely": {1: "higher", -1: "lower", 0: None}[row.surely],
        "words": verdict(row),
    }


def _interval(interval: Interval | None) -> dict[str, float | None] | None:
    if interval is None:
        return None
    return {
        name: number if isfinite(number) else None
        for name, number in (
            ("low", interval.low),
            ("mid", interval.mid),
            ("high", interval.high),
            ("n_effective", interval.n_effective),
        )
    }
