"""What a table of runs can and cannot show: spread, cold first runs, what efficiency depends on, what formulas see."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from statistics import fmean, stdev

import numpy as np

from loopscope.core.format import number, plural, points, share, signed, tenths
from loopscope.report.runs_table import Run, RunsTable
from loopscope.stats.intervals import Interval, student_t
from loopscope.stats.over import Over, over
from loopscope.stats.regression import Fit, fit

COLD_SPREADS = 4.0
"""A first run is called cold when it lies this many standard deviations of the others below where they lie: by chance
that happens to one run in 30 000."""
COLD_LEAST = 0.01
"""... and at least one point below."""
EXPLAINS = 0.5
"""From this share of the variance on, efficiency is said to depend on imbalance."""

SEES = {
    "reported": "sums what the servers report as prompt and eval time in the same concurrent run. It sees agents that"
    " finish at different times and whatever the servers' figures leave out (load, connect, HTTP). It cannot see"
    " agents that slow each other down on the GPU: their longer eval times count as work done",
    "wall": "sums the agents' own wall times in the same concurrent run. It sees agents that finish at different times"
    " and nothing else: slower decoding, a busy event loop and queueing lengthen both sides alike",
    "measured": "sets what each agent's work took alone against the round. It sees imbalance, contention, queueing and"
    " the client alike; its solo rounds must be of the same machine and the same state",
    "unknown": "is not named in the table (a column 'formula' with measured, wall or reported would): what its figures"
    " can see depends on it",
}


@dataclass(frozen=True, slots=True)
class Group:
    """The runs of one configuration; efficiencies as fractions."""

    configuration: tuple[str, ...]
    formula: str
    over: Over


@dataclass(frozen=True, slots=True)
class Cold:
    """A first run that lies apart from the others; ``expected`` is where these lie."""

    configuration: tuple[str, ...]
    efficiency: float
    expected: float


@dataclass(frozen=True, slots=True)
class Dependence:
    """Efficiency (points) against imbalance (tokens/s apart), warm runs of one formula."""

    formula: str
    line: Fit
    slope: Interval
    """Points of efficiency for each token/s by which the agents differ, 95 %."""
    means: float
    """Mean size of the imbalance (tokens/s)."""


@dataclass(frozen=True, slots=True)
class Audit:
    """Everything that was found; ``sentences`` says it in plain words, in the order of importance."""

    name: str
    runs: int
    skipped: int
    columns: tuple[str, ...]
    groups: tuple[Group, ...]
    cold: tuple[Cold, ...]
    dependences: tuple[Dependence, ...]
    sentences: tuple[str, ...]


def audit(table: RunsTable) -> Audit:
    """Look a table of runs over."""
    by_formula: dict[str, list[Run]] = defaultdict(list)
    for run in table.runs:
        by_formula[run.formula].append(run)
    cold = {id(run): (run, where) for runs in by_formula.values() for run, where in _cold(runs)}
    warm = {formula: [run for run in runs if id(run) not in cold] for formula, runs in by_formula.items()}
    dependences = tuple(made for formula, runs in warm.items() if (made := _dependence(formula, runs)) is not None)
    groups = tuple(_groups(run for runs in warm.values() for run in runs))
    colds = tuple(Cold(run.configuration, run.efficiency, where) for run, where in cold.values())
    return Audit(
        name=table.name,
        runs=len(table.runs),
        skipped=table.skipped,
        columns=table.columns,
        groups=groups,
        cold=colds,
        dependences=dependences,
        sentences=tuple(_sentences(table, warm, colds, dependences)),
    )


def _imbalances(runs: Sequence[Run]) -> list[float]:
    return [np.nan if run.throughput_delta_tok_s is None else abs(run.throughput_delta_tok_s) for run in runs]


def _firsts(runs: Sequence[Run]) -> list[Run]:
    least: dict[tuple[str, ...], int] = {}
    for run in runs:
        if run.number is not None:
            least[run.configuration] = min(run.number, least.get(run.configuration, run.number))
    return [run for run in runs if run.number is not None and run.number == least[run.configuration]]


def _level(runs: Sequence[Run]) -> tuple[Fit | None, float, float] | None:
    """Where later runs lie: on a line over imbalance if there is one, else at their mean; and how far they spread."""
    if len(runs) < 3:
        return None
    values = [run.efficiency for run in runs]
    line = fit(values, {"imbalance": _imbalances(runs)})
    if line is not None and line.r2 is not None and line.r2 >= EXPLAINS:
        return line, fmean(values), line.spread
    return None, fmean(values), stdev(values)


def _where(run: Run, level: tuple[Fit | None, float, float]) -> float:
    line, mean, _ = level
    if line is not None and run.throughput_delta_tok_s is not None:
        return line.at({"imbalance": abs(run.throughput_delta_tok_s)})
    return mean


def _cold(runs: Sequence[Run]) -> Iterator[tuple[Run, float]]:
    """Give first runs that lie below where the later runs of this formula lie, each with where that is."""
    firsts = _firsts(runs)
    first_ids = {id(run) for run in firsts}
    level = _level([run for run in runs if id(run) not in first_ids])
    if level is None:
        return
    limit = max(COLD_LEAST, COLD_SPREADS * level[2])
    for run in firsts:
        where = _where(run, level)
        if run.efficiency < where - limit:
            yield run, where


def _dependence(formula: str, runs: Sequence[Run]) -> Dependence | None:
    sizes = _imbalances(runs)
    line = fit([run.efficiency * 100 for run in runs], {"imbalance": sizes})
    if line is None or line.r2 is None:
        return None
    slope = line.slopes["imbalance"]
    half = student_t(0.95, line.n - 2) * line.errors["imbalance"]
    return Dependence(formula, line, Interval(slope - half, slope, slope + half, line.n), float(np.nanmean(sizes)))


def _groups(runs: Iterable[Run]) -> Iterable[Group]:
    groups: dict[tuple[tuple[str, ...], str], list[float]] = defaultdict(list)
    for run in runs:
        groups[run.configuration, run.formula].append(run.efficiency)
    for (configuration, formula), values in groups.items():
        yield Group(configuration, formula, over(values))


def _sentences(
    table: RunsTable, warm: dict[str, list[Run]], cold: Sequence[Cold], dependences: Sequence[Dependence]
) -> Iterable[str]:
    if cold:
        worst = min(cold, key=lambda run: run.efficiency - run.expected)
        configurations = len({run.configuration for run in table.runs if run.number is not None})
        yield (
            f"{plural(len(cold), 'first run')} of {plural(configurations, 'configuration')}"
            f" {'is' if len(cold) == 1 else 'are'} cold: up to {points(worst.expected - worst.efficiency)} points"
            f" below where the later runs lie ({', '.join(worst.configuration)}: {tenths(worst.efficiency)} against"
            f" {tenths(worst.expected)}). They are left out of everything below; a mean with them measures loading."
        )
    for formula, runs in warm.items():
        values = [run.efficiency for run in runs]
        spread = f", from {tenths(min(values))} to {tenths(max(values))}" if len(values) > 1 else ""
        yield (
            f"The {plural(len(values), 'warm run')} of formula '{formula}' average {tenths(fmean(values))}{spread}. The"
            f" formula {SEES[formula]}."
        )
    for made in dependences:
        yield _of_line(made)
    ratios = [run.speedup / run.efficiency for run in table.runs if run.speedup is not None and run.efficiency > 0]
    if len(ratios) > 1 and max(ratios) - min(ratios) < 0.01 * fmean(ratios):
        yield (
            f"Speed-up is {number(fmean(ratios))} x efficiency in every row: it is the same figure told twice, and"
            " rests on the same formula."
        )
    seen = [run.contention for runs in warm.values() for run in runs if run.contention is not None]
    if seen and not any(seen):
        yield (
            f"Contention is 'no' in all {len(seen)} warm runs. A flag that never says yes shows that its rule never"
            " fired, not that the agents did not slow each other down."
        )
    if not any(formula == "measured" for formula in warm):
        yield (
            "There is no solo baseline in this table, so it cannot say how much faster the pair was than one agent"
            " after the other: two agents that halve each other's speed look as good as two that do not touch."
        )


def _of_line(made: Dependence) -> str:
    line = made.line
    slope, r2 = line.slopes["imbalance"], line.r2 or 0.0
    if r2 < EXPLAINS:
        return (
            f"Imbalance (how many tokens/s one agent was faster) explains {share(r2)} of the variance of"
            f" '{made.formula}' over the warm runs: it does not decide the figure."
        )
    left, uneven = 100.0 - line.intercept, -slope * made.means
    return (
        f"One straight line, efficiency = {number(line.intercept)} {signed(slope)} x imbalance (tokens/s; slope 95 %:"
        f" {number(made.slope.low)} to {number(made.slope.high)}), explains {share(r2)} of the variance of"
        f" '{made.formula}' over {line.n} warm runs of all configurations; what is left spreads by"
        f" {number(line.spread)} points. Of the {number(left + uneven)} points that are lost on average,"
        f" {number(uneven)} go with agents that finish at different times, and {number(left)} would be lost"
        " by agents that are even."
        + (
            " Nothing here needs an event loop to explain it."
            if r2 >= 0.9
            else " The rest of the variance has causes that are not in this table."
        )
    )
