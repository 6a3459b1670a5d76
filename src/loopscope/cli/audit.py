"""``loopscope audit``: what a published table of runs can and cannot show."""

import argparse
import json
import shutil
import sys
import textwrap
from dataclasses import asdict
from pathlib import Path
from typing import Any

from loopscope.core.errors import InputError
from loopscope.core.format import count, interval, plural, points, tenths
from loopscope.core.text import plain
from loopscope.report.audit import Audit, Dependence, Group, audit
from loopscope.report.columns import Column, Table, figure, word
from loopscope.report.grid import lines
from loopscope.report.runs_table import read_runs
from loopscope.settings.places import recordings_dir
from loopscope.stats.intervals import Interval

NAME = "audit"
HELP = """Look over a table of runs (CSV or JSON, one row a run): how far they spread, which first runs were cold,
what efficiency depends on, and what the formula behind it can and cannot see. In plain words.

The table needs a column efficiency_pct (or efficiency, as a fraction). Known beside it: run (or round), speedup,
throughput_delta_tok_s (how much faster one agent was), ttft_delta_ms, contention (yes/no), formula (measured, wall or
reported). All other columns with words in them make up the configuration. What 'loopscope scenario --json' prints can
be read too.

  loopscope audit tr116                the 60 published runs that ship with loopscope
  loopscope audit runs.csv --json      one JSON object"""


GROUPS: Table[Group] = (
    word("configuration (warm runs)", lambda one: " · ".join(one.configuration)),
    word("formula", lambda one: one.formula, rank=2),
    figure("n", lambda one: one.over.n, count),
    figure("mean", lambda one: one.over.mean, tenths),
    figure("sd", lambda one: one.over.sd, points, "points", rank=1),
    figure("least", lambda one: one.over.least, tenths, rank=3),
    figure("most", lambda one: one.over.most, tenths, rank=3),
    Column("95 %", lambda one: _interval(one.over.interval), rank=1),
)


def configure(parser: argparse.ArgumentParser) -> None:
    """Add this verb's arguments."""
    parser.add_argument("file", metavar="FILE", help="the table, or the name of one that ships (tr116)")
    parser.add_argument("--json", action="store_true", help="print one JSON object, nothing else")


def run(args: argparse.Namespace) -> int:
    """Run the verb; gives the exit code."""
    made = audit(read_runs(_path(args.file)))
    if args.json:
        sys.stdout.write(json.dumps(_data(made), indent=2, allow_nan=False) + "\n")
        return 0
    width = max(60, min(120, shutil.get_terminal_size((120, 40)).columns))
    sys.stdout.write(
        f"{made.name}: {plural(made.runs, 'run')}"
        + (f", {plural(made.skipped, 'row')} without a figure" if made.skipped else "")
    )
    sys.stdout.write("\n\n" + "\n".join(lines(GROUPS, made.groups, width)) + "\n\n")
    for sentence in made.sentences:
        sys.stdout.write(textwrap.fill(sentence, width, initial_indent="- ", subsequent_indent="  ") + "\n")
    return 0


def _interval(found: Interval | None) -> str | None:
    return None if found is None else interval(found.low, found.high, tenths)


def _path(word: str) -> Path:
    folder = recordings_dir()
    shipped = folder / "published" if folder is not None else Path("published")
    try:
        if "/" in word or "." in word or Path(word).exists():
            return Path(word)
    except (OSError, ValueError) as error:  # too long, or with a zero byte
        raise InputError(f"{plain(word, 80)!r} is no name of a file") from error
    if word.replace("-", "").isalnum() and (path := shipped / f"{word}.csv").exists():
        return path
    names = ", ".join(sorted(path.stem for path in shipped.glob("*.csv"))) or "none"
    raise InputError(f"there is no file {plain(word, 160)!r}, and no table of that name ships (shipped: {names})")


def _data(made: Audit) -> dict[str, Any]:
    return {
        "name": made.name,
        "runs": made.runs,
        "skipped": made.skipped,
        "columns": list(made.columns),
        "groups": [
            {"configuration": group.configuration, "formula": group.formula, **asdict(group.over)}
            for group in made.groups
        ],
        "cold": [asdict(run) for run in made.cold],
        "dependences": [_dependence(one) for one in made.dependences],
        "sentences": list(made.sentences),
    }


def _dependence(made: Dependence) -> dict[str, Any]:
    return {
        "formula": made.formula,
        "n": made.line.n,
        "intercept_points": made.line.intercept,
        "slope_points_per_tok_s": asdict(made.slope),
        "r2": made.line.r2,
        "residual_sd_points": made.line.spread,
        "mean_imbalance_tok_s": made.means,
    }
