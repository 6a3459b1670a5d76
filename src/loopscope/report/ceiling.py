"""Ceilings as a table, and as plain data."""

import math
from collections.abc import Sequence
from typing import Any

from loopscope.core.format import NONE, interval, ms, rate, share
from loopscope.experiments.bench import Step
from loopscope.experiments.ramp_result import FRACTIONS, Ramp
from loopscope.model.standing import Standing
from loopscope.report.grid import Column, lines
from loopscope.settings import levers
from loopscope.settings.levers.lever import Lever
from loopscope.stats.intervals import Interval

_FIGURES = (
    Column("streams", 0),
    Column("shape", 8, True),
    Column("us at 1%", 3),
    Column("10%", 3),
    Column("50%", 2),
    Column("full", 1),
    Column("hard ceiling", 0),
    Column("expected", 1),
    Column("at least", 4),
    Column("p99 ms at 50%", 2),
    Column("limited by", 0, left=True),
)


def cell(ramp: Ramp, expected: Standing | None, trace: str = "") -> dict[str, Any]:
    """Give one cell as it stands in ``--json``; ``null``: not known."""
    setting = ramp.setting
    half = ramp.at.get(FRACTIONS[-1])
    return {
        **setting.levers,
        "streams": setting.streams,
        "shape": setting.shape,
        "stream_chunks_s": setting.rate,
        "full_chunks_s": None if ramp.full is None else ramp.full.mid,
        "full_interval_chunks_s": _ends(ramp.full),
        "hard_chunks_s": _ends(ramp.hard),
        "hard_mid_chunks_s": None if ramp.hard is None else ramp.hard.mid,
        "expected_chunks_s": None if expected is None else expected.mid,
        "expected_interval_chunks_s": None if expected is None else {"lo": expected.low, "hi": expected.high},
        "expected_words": "" if expected is None else expected.words,
        "at_least_chunks_s": ramp.at_least,
        "cpu_us_per_chunk": None if half is None else half.load.cpu_us,
        "delay_p99_ms": None if half is None else half.load.delay_p99_ms,
        "at": [_at(part, step) for part, step in ramp.at.items()],
        "costs": None
        if ramp.costs is None
        else {
            "wakeup_us": ramp.costs.wakeup_us,
            "read_us": ramp.costs.read_us,
            "chunk_us": ramp.costs.chunk_us,
            "error": ramp.costs.error,
            "loads": ramp.costs.loads,
        },
        "steps": [_step(step) for step in ramp.steps],
        "limited_by": ramp.limited_by,
        "noise": ramp.noise,
        "runq": ramp.runq,
        "seconds": ramp.seconds,
        "versions": ramp.setting.versions,
        "words": ramp.words,
        "trace": trace,
    }


def _ends(interval: Interval | None) -> dict[str, float | None] | None:
    if interval is None:
        return None
    return {"lo": interval.low, "hi": interval.high if math.isfinite(interval.high) else None}


def _at(part: float, step: Step) -> dict[str, float | None]:
    return {"share": part, "offered_chunks_s": step.load.offered} | _step(step)


def _step(step: Step) -> dict[str, Any]:
    load = step.load
    return {
        "offered_chunks_s": load.offered,
        "delivered_chunks_s": load.delivered,
        "elu": load.elu,
        "at_least_chunks_s": step.at_least,
        "cpu_us_per_chunk": load.cpu_us,
        "process_us_per_chunk": step.process_us,
        "turns_per_chunk": load.turns,
        "reads_per_chunk": load.reads,
        "delay_p50_ms": load.delay_p50_ms,
        "delay_p99_ms": load.delay_p99_ms,
        "runq": load.runq,
        "fell": step.fell,
        "limited_by": step.limited_by,
    }


def table(cells: Sequence[dict[str, Any]], width: int) -> str:
    """Set the cells as one table; columns that do not fit go."""
    rows = [_row(one) for one in cells]
    columns = (*(Column(lever.name, _goes(lever), left=True) for lever in levers.of_ceiling()), *_FIGURES)
    kept = [n for n, column in enumerate(columns) if column.title not in _same(cells)]
    return "\n".join(lines([columns[n] for n in kept], [[row[n] for n in kept] for row in rows], width))


def _goes(lever: Lever) -> int:
    """How soon a lever's column goes where there is no room; 0: never."""
    return 0 if lever.name in ("client", "loop") else 7 if lever.speaks_alone else 5


def _same(cells: Sequence[dict[str, Any]]) -> set[str]:
    """Levers that are at their default in every cell need no column."""
    usual = {lever.name: lever.default for lever in levers.of_ceiling() if _goes(lever)} | {"shape": "rate"}
    return {name for name, value in usual.items() if all(one[name] == value for one in cells)}


def _row(one: dict[str, Any]) -> list[str]:
    costs = {at["share"]: at["cpu_us_per_chunk"] for at in one["at"]}
    hard = one["hard_chunks_s"]
    words = {"core": "the cores (taken)", "instrument": "loopscope itself", "range": "nothing up to here"}
    limited = words.get(one["limited_by"], one["limited_by"])
    if one["runq"] is not None and one["runq"] > 0.1:
        limited += f", {share(one['runq'])} without a core"
    return [
        *(one[lever.name] for lever in levers.of_ceiling()),
        str(one["streams"]),
        one["shape"],
        *(rate(costs.get(part)) for part in FRACTIONS),
        rate(one["full_chunks_s"]),
        NONE if hard is None else interval(hard["lo"], hard["hi"], rate),
        rate(one["expected_chunks_s"]),
        NONE if one["at_least_chunks_s"] is None else f"≥{rate(one['at_least_chunks_s'])}",
        ms(one["delay_p99_ms"]),
        limited,
    ]
