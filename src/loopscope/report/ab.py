"""What A-B-B-A has found, as a table and as plain data."""

import math
from typing import Any

from loopscope.core.format import number, seconds, signed
from loopscope.experiments.ab import AbResult, Row
from loopscope.report.columns import Table, figure, word
from loopscope.report.grid import lines
from loopscope.stats.intervals import Interval


def render(result: AbResult, width: int) -> str:
    """Give the table, the sentence that sums it up, and what one must know of it."""
    table: Table[Row] = (
        word("figure", lambda row: row.title),
        word("unit", lambda row: row.unit, rank=3),
        figure(f"A {result.a}"[:24], lambda row: row.a, number),
        figure(f"B {result.b}"[:24], lambda row: row.b, number),
        word("B against A", lambda row: f"{mark(row)} {row.verdict}"),
        figure("drift of A", lambda row: row.drift_a, signed, rank=2),
        figure("drift of B", lambda row: row.drift_b, signed, rank=2),
    )
    head = (
        f"{result.lever}: {result.pairs} pairs A-B-B-A, {seconds(result.seconds)} each, settling times left out;"
        " drift is last less first"
    )
    told = lines(table, result.rows, width) if result.rows else ["not enough data"]
    return "\n".join([head, "", *told, "", result.words + ".", *(f"  {note}" for note in result.notes)])


def mark(row: Row) -> str:
    """A sign for better, worse, different, and for what cannot be told."""
    if not row.surely:
        return "?"
    return "~" if not row.better else "+" if row.surely == row.better else "-"


def data(result: AbResult) -> dict[str, Any]:
    """Give everything as it stands in ``--json``; ``null``: not known, or not bounded."""
    return {
        "lever": result.lever,
        "a": result.a,
        "b": result.b,
        "pairs": result.pairs,
        "seconds": result.seconds,
        "confidence": result.confidence,
        "finding": result.finding or None,
        "words": result.words,
        "notes": list(result.notes),
        "figures": [
            {
                "name": row.name,
                "title": row.title,
                "unit": row.unit,
                "better": row.better,
                "a": row.a,
                "b": row.b,
                "difference": _interval(row.difference),
                "ratio": _interval(row.ratio),
                "verdict": row.verdict,
                "surely": row.surely,
                "drift_a": row.drift_a,
                "drift_b": row.drift_b,
                "halves_a": list(row.halves_a),
                "halves_b": list(row.halves_b),
            }
            for row in result.rows
        ],
    }


def _interval(found: Interval | None) -> dict[str, float | None] | None:
    if found is None:
        return None
    low, high = (value if math.isfinite(value) else None for value in (found.low, found.high))
    return {"low": low, "mid": found.mid, "high": high}
