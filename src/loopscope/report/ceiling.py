"""Ceilings as a table, and as plain data."""

import math
from collections.abc import Callable, Sequence
from typing import Any

from msgspec import structs

from loopscope.core.format import count, interval, ms, number, plural, rate, share
from loopscope.experiments.bench import Step
from loopscope.experiments.ramp_result import FRACTIONS, Ramp
from loopscope.model.standing import Standing
from loopscope.model.summary_types import Part
from loopscope.report.charts import Look, Point, against_rate
from loopscope.report.columns import Column, Table, figure, word
from loopscope.report.grid import lines
from loopscope.settings import levers
from loopscope.settings.levers import where
from loopscope.settings.levers.lever import Lever
from loopscope.stats.intervals import Interval


class Ends(Part, frozen=True, kw_only=True):
    """An interval in chunks/s; ``hi`` is ``null`` where nothing bounds it."""

    lo: float | None
    hi: float | None


class Costs(Part, frozen=True, kw_only=True):
    """CPU (us) of a wake-up, a read, a chunk, as fitted over so many loads, and how far the fit misses."""

    wakeup_us: float
    read_us: float
    chunk_us: float
    error: float
    loads: int


class StepSummary(Part, frozen=True, kw_only=True):
    """One load. ``share``: of the ceiling, where the load was chosen by it."""

    share: float | None = None
    offered_chunks_s: float | None
    delivered_chunks_s: float | None
    elu: float | None
    at_least_chunks_s: float | None
    cpu_us_per_chunk: float | None
    process_us_per_chunk: float | None
    turns_per_chunk: float | None
    reads_per_chunk: float | None
    delay_p50_ms: float | None
    delay_p99_ms: float | None
    runq: float | None
    fell: bool
    limited_by: str


class CeilingCell(Part, frozen=True, kw_only=True):
    """One ramp of ``ceiling --json``."""

    levers: dict[str, str]
    """In ``--json`` each is a member of its own."""
    streams: int
    shape: str
    stream_chunks_s: float | None
    full_chunks_s: float | None
    full_interval_chunks_s: Ends | None
    hard_chunks_s: Ends | None
    hard_mid_chunks_s: float | None
    expected_chunks_s: float | None
    expected_interval_chunks_s: Ends | None
    expected_words: str
    at_least_chunks_s: float | None
    cpu_us_per_chunk: float | None
    delay_p99_ms: float | None
    at: list[StepSummary]
    costs: Costs | None
    steps: list[StepSummary]
    limited_by: str
    noise: float | None
    runq: float | None
    seconds: float
    versions: dict[str, str]
    words: str
    trace: str


def cell(ramp: Ramp, expected: Standing | None, trace: str = "") -> CeilingCell:
    """Return one cell as it stands in ``--json``; ``null``: not known."""
    setting = ramp.setting
    half = ramp.at.get(FRACTIONS[-1])
    costs = ramp.costs
    return CeilingCell(
        levers=dict(setting.levers),
        streams=setting.streams,
        shape=setting.shape,
        stream_chunks_s=setting.rate,
        full_chunks_s=None if ramp.full is None else ramp.full.mid,
        full_interval_chunks_s=_ends(ramp.full),
        hard_chunks_s=_ends(ramp.hard),
        hard_mid_chunks_s=None if ramp.hard is None else ramp.hard.mid,
        expected_chunks_s=None if expected is None else expected.mid,
        expected_interval_chunks_s=None if expected is None else Ends(lo=expected.low, hi=expected.high),
        expected_words="" if expected is None else expected.words,
        at_least_chunks_s=ramp.at_least,
        cpu_us_per_chunk=None if half is None else half.load.cpu_us,
        delay_p99_ms=None if half is None else half.load.delay_p99_ms,
        at=[_step(step, part) for part, step in ramp.at.items()],
        costs=None
        if costs is None
        else Costs(
            wakeup_us=costs.wakeup_us,
            read_us=costs.read_us,
            chunk_us=costs.chunk_us,
            error=costs.error,
            loads=costs.loads,
        ),
        steps=[_step(step) for step in ramp.steps],
        limited_by=ramp.limited_by,
        noise=ramp.noise,
        runq=ramp.runq,
        seconds=ramp.seconds,
        versions=dict(setting.versions),
        words=ramp.words,
        trace=trace,
    )


def _ends(found: Interval | None) -> Ends | None:
    return None if found is None else Ends(lo=found.low, hi=found.high if math.isfinite(found.high) else None)


def _step(step: Step, part: float | None = None) -> StepSummary:
    load = step.load
    return StepSummary(
        share=part,
        offered_chunks_s=load.offered,
        delivered_chunks_s=load.delivered,
        elu=load.elu,
        at_least_chunks_s=step.at_least,
        cpu_us_per_chunk=load.cpu_us,
        process_us_per_chunk=step.process_us,
        turns_per_chunk=load.turns,
        reads_per_chunk=load.reads,
        delay_p50_ms=load.delay_p50_ms,
        delay_p99_ms=load.delay_p99_ms,
        runq=load.runq,
        fell=step.fell,
        limited_by=step.limited_by,
    )


def _cost_at(part: float) -> Callable[[CeilingCell], float | None]:
    return lambda one: next((at.cpu_us_per_chunk for at in one.at if at.share == part), None)


_LIMITS = {"core": "the cores (taken)", "instrument": "loopscope itself", "range": "nothing up to here"}


def _limited(one: CeilingCell) -> str:
    told = _LIMITS.get(one.limited_by, one.limited_by)
    return f"{told}, {share(one.runq)} without a core" if one.runq is not None and one.runq > 0.1 else told


FIGURES: Table[CeilingCell] = (
    figure("streams", lambda one: one.streams, count),
    word("shape", lambda one: one.shape, rank=8),
    *(figure(f"at {number(100 * part)} %", _cost_at(part), rate, "us", rank=3) for part in FRACTIONS),
    figure("full", lambda one: one.full_chunks_s, rate, "/s", rank=1),
    Column(
        "hard ceiling",
        lambda one: None if (found := one.hard_chunks_s) is None else interval(found.lo, found.hi, rate),
        "/s",
    ),
    figure("expected", lambda one: one.expected_chunks_s, rate, "/s", rank=1),
    figure("at least", lambda one: one.at_least_chunks_s, lambda bound: f"≥{rate(bound)}", "/s", rank=4),
    figure("p99", lambda one: one.delay_p99_ms, ms, "ms", rank=2),
    word("limited by", _limited),
)


def table(cells: Sequence[CeilingCell], width: int) -> str:
    """Set the cells as one table; columns that do not fit go."""
    usual = {lever.name for lever in levers.of_ceiling() if _goes(lever) and _all(cells, lever.name, lever.default)}
    columns = (
        *(_lever(lever) for lever in levers.of_ceiling() if lever.name not in usual),
        *(one for one in FIGURES if one.title != "shape" or any(cell.shape != "rate" for cell in cells)),
    )
    return "\n".join(lines(columns, cells, width))


def _lever(lever: Lever) -> Column[CeilingCell]:
    name = lever.name
    return word(name, lambda one: one.levers[name], rank=_goes(lever))


def _goes(lever: Lever) -> int:
    """Return how soon a lever's column goes where there is no room; 0: never."""
    return 0 if lever.name in ("client", "loop") else 7 if lever.speaks_alone else 5


def _all(cells: Sequence[CeilingCell], name: str, value: str) -> bool:
    """Levers that are at their default in every cell need no column."""
    return all(one.levers[name] == value for one in cells)


def data(cell: CeilingCell) -> dict[str, Any]:
    """Return a cell as it stands in ``--json``."""
    members = structs.asdict(cell)
    return {**members.pop("levers"), **members}


def drawn(cell: CeilingCell, look: Look) -> list[str]:
    """Draw how late chunks were at each load of a ramp; empty where fewer than two have a delay."""
    points = [
        Point(one.delivered_chunks_s, one.delay_p99_ms, one.fell)
        for one in cell.steps
        if one.delivered_chunks_s is not None and one.delay_p99_ms is not None
    ]
    return against_rate(f"{where(cell.levers)}, {plural(cell.streams, 'stream')}", points, look)
