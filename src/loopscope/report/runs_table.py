"""A table of runs, as people publish them: read from CSV or JSON, one row a run."""

import csv
import io
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from loopscope.core.errors import InputError
from loopscope.core.files import read_small
from loopscope.core.text import plain

MAX_BYTES = 64 << 20
MAX_ROWS = 200_000
FORMULAS = ("measured", "wall", "reported", "unknown")

_EFFICIENCY = (("efficiency_pct", 0.01), ("efficiency", 1.0))
_RUN = ("run", "round")
_NUMBERS = {
    "speedup": ("speedup",),
    "throughput_delta_tok_s": ("throughput_delta_tok_s", "throughput_delta"),
    "ttft_delta_ms": ("ttft_delta_ms", "ttft_delta"),
}
_TAKEN = {"formula", "contention", *_RUN, *(name for name, _ in _EFFICIENCY)}.union(*_NUMBERS.values())
_TRUE = {"yes", "true", "1", "y"}


@dataclass(frozen=True, slots=True)
class Run:
    """One row. ``configuration`` is what the row's text columns say, ``number`` its place among the runs of it."""

    configuration: tuple[str, ...]
    number: int | None
    efficiency: float
    """As a fraction of one."""
    speedup: float | None = None
    throughput_delta_tok_s: float | None = None
    """By how much one agent was faster than the other (tokens/s); its size is the imbalance."""
    ttft_delta_ms: float | None = None
    contention: bool | None = None
    formula: str = "unknown"


@dataclass(frozen=True, slots=True)
class RunsTable:
    """All runs of a file. ``columns`` names what makes a configuration; ``skipped`` counts rows without a figure."""

    name: str
    columns: tuple[str, ...]
    runs: tuple[Run, ...]
    skipped: int = 0


def read_runs(path: str | Path) -> RunsTable:
    """Read a table of runs: CSV with a header line, or JSON (a list of objects, or an object with ``rounds``/``runs``).

    Needs a column ``efficiency_pct`` or ``efficiency``; knows ``run``/``round``, ``speedup``,
    ``throughput_delta_tok_s``, ``ttft_delta_ms``, ``contention``, ``formula``; every other column with text in it is
    part of the configuration.

    Raises:
        InputError: no such file, no table, or no efficiency in it.
    """
    name = plain(str(path))
    try:
        data = read_small(path, MAX_BYTES, "a table of runs")
    except FileNotFoundError as error:
        raise InputError(f"cannot read {name}: {error.strerror}") from error
    try:
        text = data.decode("utf-8-sig")
        rows = _json(text) if text.lstrip()[:1] in {"[", "{"} else _csv(text)
    except (UnicodeDecodeError, ValueError, RecursionError, csv.Error) as error:
        raise InputError(f"{name} is neither CSV nor JSON with a table of runs: {plain(str(error), 100)}") from error
    if len(rows) > MAX_ROWS:
        raise InputError(f"{name} has {len(rows)} rows; {MAX_ROWS} at most")
    if not rows:
        raise InputError(f"{name} has no rows")
    known = {key for row in rows for key in row}
    if not known & {column for column, _ in _EFFICIENCY}:
        raise InputError(f"{name} has no column efficiency_pct or efficiency; it has {plain(', '.join(sorted(known)))}")
    columns = tuple(key for key in rows[0] if key not in _TAKEN and _is_text(rows, key))
    runs = [run for row in rows if (run := _run(row, columns)) is not None]
    if not runs:
        raise InputError(f"no row of {name} has an efficiency that is a number")
    return RunsTable(name, tuple(plain(column, 40) for column in columns), tuple(runs), len(rows) - len(runs))


def _csv(text: str) -> list[dict[str, Any]]:
    reader = csv.DictReader(io.StringIO(text), strict=True)
    return [{str(key).strip(): value for key, value in row.items() if key is not None} for row in reader]


def _json(text: str) -> list[dict[str, Any]]:
    data = json.loads(text)
    if isinstance(data, dict):
        data = data.get("rounds", data.get("runs"))
    if not isinstance(data, list) or not all(isinstance(row, dict) for row in data):
        raise ValueError("a list of objects is expected, or an object with one under 'rounds' or 'runs'")
    return data


def _is_text(rows: list[dict[str, Any]], key: str) -> bool:
    """Whether a column says something in words: numbers that we do not know are figures, not configurations."""
    return any(isinstance(value := row.get(key), str) and value.strip() and _number(value) is None for row in rows)


def _run(row: Mapping[str, Any], columns: tuple[str, ...]) -> Run | None:
    efficiency = next(
        (value * factor for column, factor in _EFFICIENCY if (value := _number(row.get(column))) is not None), None
    )
    if efficiency is None or not -10 <= efficiency <= 100:
        return None
    number = next((value for column in _RUN if (value := _number(row.get(column))) is not None), None)
    figures = {
        name: next((value for column in named if (value := _number(row.get(column))) is not None), None)
        for name, named in _NUMBERS.items()
    }
    formula = str(row.get("formula") or "unknown").strip().lower()
    said = row.get("contention")
    return Run(
        configuration=tuple(plain(str(row.get(column, "")), 40) for column in columns),
        number=int(number) if number is not None and abs(number) < 1e9 else None,
        efficiency=efficiency,
        contention=None if said is None or said == "" else str(said).strip().lower() in _TRUE,
        formula=formula if formula in FORMULAS else "unknown",
        **figures,
    )


def _number(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None
