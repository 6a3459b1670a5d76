"""What a sweep has come to: figures by combination, what goes with what, and what the data do not support."""

import csv
import io
import itertools
import math
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from loopscope.core.format import NONE, number, plural, points, signed, tenths
from loopscope.experiments.sweep import SweepRun
from loopscope.stats.intervals import Interval, paired_interval, student_t
from loopscope.stats.over import Over, over
from loopscope.stats.regression import Fit, fit, pearson, spearman

LINKED = ("lag_p99_ms", "chunks_s", "gap_p50_ms", "elu", "measured", "tok_s")
"""The figures of the matrix, in its order."""
CAUSES = ("imbalance", "elu", "lag_p99_ms")
"""What the regression explains efficiency by."""
UNITS = {"lag_p99_ms": "ms", "chunks_s": "/s", "gap_p50_ms": "ms", "elu": "", "measured": "", "tok_s": "tok/s"}
TABLE = ("measured", "wall", "tok_s", "elu", "lag_p99_ms", "delay_p99_ms")
_FRACTIONS = {"measured", "wall", "reported", "elu", "cpu", "imbalance"}


@dataclass(frozen=True, slots=True)
class CellFigures:
    """One combination: each figure over its runs."""

    settings: dict[str, str]
    n: int
    figures: dict[str, Over]


@dataclass(frozen=True, slots=True)
class Effect:
    """What one value of a setting did against another, in pairs with all other settings and the round the same."""

    setting: str
    base: str
    value: str
    figure: str
    pairs: int
    difference: Interval | None


@dataclass(frozen=True, slots=True)
class SweepReport:
    """Everything that is told. ``matrix[a][b]``: (Pearson, Spearman) of two figures over all runs that count."""

    runs: int
    left_out: tuple[str, ...]
    cells: tuple[CellFigures, ...]
    matrix: dict[str, dict[str, tuple[float | None, float | None]]]
    chance: float | None
    """Correlations of so many runs that are nearer to 0 than this are no more than chance would give (95 %)."""
    regression: Fit | None
    effects: tuple[Effect, ...]
    verdict: tuple[str, ...]


def report_of(runs: Sequence[SweepRun]) -> SweepReport:
    """Work the runs of a sweep up."""
    counted = [run for run in runs if not run.left_out]
    cells = tuple(_cells(counted))
    columns = {name: _column(counted, name) for name in LINKED}
    matrix = {
        a: {b: (pearson(columns[a], columns[b]), spearman(columns[a], columns[b])) for b in LINKED} for a in LINKED
    }
    chance = _chance(len(counted))
    regression = fit(_column(counted, "measured"), {name: _column(counted, name) for name in CAUSES})
    effects = tuple(_effects(counted))
    left_out = tuple(f"{_words(run.settings)}, round {run.round}: {run.left_out}" for run in runs if run.left_out)
    verdict = tuple(_verdict(counted, matrix, chance, regression, effects))
    return SweepReport(len(counted), left_out, cells, matrix, chance, regression, effects, verdict)


def _column(runs: Sequence[SweepRun], name: str) -> list[float]:
    return [math.nan if (value := run.figures.get(name)) is None else value for run in runs]


def _words(settings: dict[str, str]) -> str:
    return ", ".join(
        f"{name} {value}" if name not in ("scenario", "model") else value for name, value in settings.items() if value
    )


def _cells(runs: Sequence[SweepRun]) -> Iterator[CellFigures]:
    by_cell: dict[tuple[tuple[str, str], ...], list[SweepRun]] = defaultdict(list)
    for run in runs:
        by_cell[tuple(run.settings.items())].append(run)
    for settings, members in by_cell.items():
        figures = {}
        for name in dict.fromkeys(name for run in members for name in run.figures):
            values = [value for run in members if (value := run.figures.get(name)) is not None]
            if len(values) == len(members):
                figures[name] = over(values)
        yield CellFigures(dict(settings), len(members), figures)


def _chance(n: int) -> float | None:
    """|r| that chance exceeds in one of twenty tables of ``n`` rows without any link (t test of a correlation)."""
    if n < 4:
        return None
    t = student_t(0.95, n - 2)
    return t / math.sqrt(t * t + n - 2)


def _effects(runs: Sequence[SweepRun]) -> Iterator[Effect]:
    for setting in dict.fromkeys(name for run in runs for name in run.settings):
        values = list(dict.fromkeys(run.settings.get(setting, "") for run in runs))
        for base, value in (
            itertools.pairwise(values) if len(values) == 2 else ((values[0], other) for other in values[1:])
        ):
            for figure in ("measured", "tok_s"):
                differences = list(_pairs(runs, setting, base, value, figure))
                if differences:
                    yield Effect(setting, base, value, figure, len(differences), paired_interval(np.array(differences)))


def _pairs(runs: Sequence[SweepRun], setting: str, base: str, value: str, figure: str) -> Iterator[float]:
    found: dict[tuple[object, ...], dict[str, float]] = defaultdict(dict)
    for run in runs:
        if (known := run.figures.get(figure)) is not None:
            others = tuple(sorted((name, word) for name, word in run.settings.items() if name != setting))
            found[others, run.round][run.settings.get(setting, "")] = known
    for pair in found.values():
        if base in pair and value in pair:
            yield pair[value] - pair[base]


def _verdict(
    runs: Sequence[SweepRun],
    matrix: dict[str, dict[str, tuple[float | None, float | None]]],
    chance: float | None,
    regression: Fit | None,
    effects: Sequence[Effect],
) -> Iterator[str]:
    if len(runs) < 8:
        yield f"{plural(len(runs), 'run')} that count: not enough to say what goes with what."
    for effect in effects:
        yield _of_effect(effect)
    if chance is not None and len(runs) >= 8:
        r, rank = matrix["lag_p99_ms"]["measured"]
        if r is None or rank is None:
            yield "Event-loop lag or efficiency does not vary in these runs: nothing can be said about a link."
        elif abs(rank) < chance:
            yield (
                f"These data do not support a link between event-loop lag and efficiency: rank correlation"
                f" {signed(rank)} over {len(runs)} runs, where chance alone gives up to {number(chance)}."
            )
        else:
            yield (
                f"Event-loop lag and efficiency go together here (rank correlation {signed(rank)}, Pearson {signed(r)},"
                f" {len(runs)} runs). That is no cause yet: see whether it stays within one scenario."
            )
    if regression is not None and regression.r2 is not None:
        half = student_t(0.95, regression.n - 1 - len(CAUSES))
        parts = [
            f"{name} {signed(slope)} (± {number(half * regression.errors[name])})"
            for name, slope in regression.slopes.items()
        ]
        yield (
            f"Efficiency fitted by {', '.join(CAUSES)} over {regression.n} runs: {'; '.join(parts)}; R2"
            f" {number(regression.r2)}, residuals spread by {points(regression.spread)} points."
        )
    elif len(runs) >= 8:
        yield f"No regression: {', '.join(CAUSES)} do not vary enough, or not independently of each other."


def _of_effect(effect: Effect) -> str:
    name = f"{effect.setting} {effect.value or '(default)'} against {effect.base or '(default)'}, {effect.figure}"
    interval = effect.difference
    if interval is None:
        return f"{name}: not enough data ({plural(effect.pairs, 'pair')})."
    factor, unit = (100.0, " points") if effect.figure in _FRACTIONS else (1.0, " tok/s")
    told = f"{signed(factor * interval.mid)}{unit} ({signed(factor * interval.low)} to {signed(factor * interval.high)}"
    word = "" if interval.excludes(0.0) else " Cannot tell whether there is a difference."
    return f"{name}: {told}, {plural(effect.pairs, 'pair')}).{word}"


def figure_words(name: str, value: float | None) -> str:
    """A figure as people read it."""
    if value is None or not math.isfinite(value):
        return NONE
    return tenths(value) if name in _FRACTIONS else number(value)


def markdown(report: SweepReport, words: str) -> str:
    """Give the report as Markdown; plain enough to be read as it is."""
    lines = [f"# Sweep: {words or 'without a name'}", "", f"{plural(report.runs, 'run')} count."]
    lines += [f"- left out: {_cell(one)}" for one in report.left_out]
    lines += [
        "",
        "## By combination",
        "",
        "mean ± standard deviation (coefficient of variation) [95 % of the mean]",
        "",
    ]
    lines += _table(["combination", "n", *TABLE], [_row(cell) for cell in report.cells])
    lines += ["", "## What goes with what", "", "Pearson / Spearman over all runs that count."]
    if report.chance is not None:
        lines[-1] += f" Nearer to 0 than {number(report.chance)} is no more than chance gives."
    lines += ["", *_table(["", *LINKED], [[a, *(_pair(report.matrix[a][b]) for b in LINKED)] for a in LINKED])]
    if report.regression is not None:
        lines += ["", "## Regression of 'measured'", "", *_regression(report.regression)]
    lines += ["", "## Verdict", "", *(f"- {sentence}" for sentence in report.verdict)]
    return "\n".join(lines) + "\n"


def _row(cell: CellFigures) -> list[str]:
    row = [_words(cell.settings), str(cell.n)]
    for name in TABLE:
        known = cell.figures.get(name)
        if known is None:
            row.append(NONE)
            continue
        text = figure_words(name, known.mean)
        if known.sd is not None:
            text += f" ± {figure_words(name, known.sd)}"
        if known.cv is not None:
            text += f" ({tenths(known.cv)})"
        if known.interval is not None:
            low, high = known.interval.low, known.interval.high
            text += f" [{figure_words(name, low)} to {figure_words(name, high)}]"
        row.append(text)
    return row


def _pair(pair: tuple[float | None, float | None]) -> str:
    return " / ".join(signed(value) for value in pair)


def _regression(made: Fit) -> Iterator[str]:
    half = student_t(0.95, made.n - len(made.errors))
    rows = [
        [name, signed(value), f"± {number(half * made.errors[name])}"]
        for name, value in {"intercept": made.intercept, **made.slopes}.items()
    ]
    yield from _table(["", "coefficient", "95 %"], rows)
    r2 = number(made.r2)
    largest = ", ".join(signed(value, points) for value in sorted(made.residuals, key=abs, reverse=True)[:5])
    yield ""
    yield f"n {made.n}, R2 {r2}, residuals spread by {points(made.spread)} points; the largest: {largest} points."


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    table = [[_cell(text) for text in row] for row in [head, *rows]]
    sizes = [max(3, *(len(row[n]) for row in table)) for n in range(len(head))]
    for place, row in enumerate(table):
        yield "| " + " | ".join(text.ljust(size) for text, size in zip(row, sizes, strict=True)) + " |"
        if place == 0:
            yield "| " + " | ".join("-" * size for size in sizes) + " |"


def _cell(text: str) -> str:
    return text.replace("|", "/").replace("\n", " ")


def csv_of(runs: Sequence[SweepRun]) -> str:
    """Give every run as a row of CSV, left-out ones with their reason."""
    settings = list(dict.fromkeys(name for run in runs for name in run.settings))
    figures = list(dict.fromkeys(name for run in runs for name in run.figures))
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow([*settings, "round", "formula", "efficiency", *figures, "seconds", "left_out"])
    for run in runs:
        efficiency = None if run.left_out else run.figures.get("measured")
        writer.writerow(
            [
                *(run.settings.get(name, "") for name in settings),
                run.round,
                "measured",
                *("" if value is None else repr(value) for value in (efficiency, *map(run.figures.get, figures))),
                f"{run.seconds:.3f}",
                run.left_out,
            ]
        )
    return out.getvalue()


def data(report: SweepReport) -> dict[str, Any]:
    """Give the report as a JSON object."""
    regression = report.regression
    return {
        "runs": report.runs,
        "left_out": list(report.left_out),
        "cells": [asdict(cell) for cell in report.cells],
        "matrix": {
            a: {b: {"pearson": pair[0], "spearman": pair[1]} for b, pair in row.items()}
            for a, row in report.matrix.items()
        },
        "chance": report.chance,
        "regression": None
        if regression is None
        else {
            "n": regression.n,
            "intercept": regression.intercept,
            "slopes": regression.slopes,
            "errors": regression.errors,
            "r2": regression.r2,
            "residual_sd": regression.spread,
            "residuals": [float(value) for value in regression.residuals],
        },
        "effects": [asdict(effect) for effect in report.effects],
        "verdict": list(report.verdict),
    }
