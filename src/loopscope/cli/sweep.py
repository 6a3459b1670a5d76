"""``loopscope sweep``: models x scenarios x levers x rounds, in random order, to be resumed after a kill."""

import argparse
import json
import sys
from pathlib import Path

from loopscope.cli import headless
from loopscope.cli.written import trace_file
from loopscope.core.errors import InputError
from loopscope.core.format import seconds
from loopscope.core.text import plain

NAME = "sweep"
HELP = """Run every combination of models, scenarios and lever values in a file, several times, in random order within
each round. Each run is on the disk before the next one begins: start the same command again after a kill, and it goes
on where it was. Prints figures by combination (mean, sd, CV, interval), what goes with what (Pearson, Spearman), a
regression, and a verdict that says what the data do not support.

  loopscope sweep my.toml                  results go to my-sweep/: runs.jsonl, runs.csv, report.md
  loopscope sweep my.toml -o out --json

my.toml:
  scenarios = ["chimera-homo", "chimera-hetero"]
  rounds = 5
  embedded = true                 # or: urls = ["http://127.0.0.1:11434", "http://127.0.0.1:11435"]
  [levers]
  loop = ["asyncio", "uvloop"]
  client = ["httpx", "streams"]"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add this verb's arguments."""
    parser.add_argument("spec", metavar="SPEC.toml", type=Path, help="what to run")
    parser.add_argument(
        "-o", "--output", type=trace_file, default=None, metavar="DIR", help="folder (default: SPEC-sweep)"
    )
    parser.add_argument("--force", action="store_true", help="begin anew: forget what is in the folder")
    parser.add_argument("--json", action="store_true", help="print one JSON object, nothing else")


def run(args: argparse.Namespace) -> int:
    """Run the verb; gives the exit code: 0, 1 when no run counts, 130 after Ctrl-C."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    from loopscope.experiments.sweep import SweepState, run_sweep
    from loopscope.report.sweep import csv_of, data, markdown, report_of
    from loopscope.session.urls import normalise
    from loopscope.settings.sweep import load

    sweep = load(args.spec)
    for url in sweep.urls:
        normalise(url)
    folder: Path = args.output or args.spec.with_name(f"{args.spec.stem}-sweep")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if args.force:
            (folder / "runs.jsonl").unlink(missing_ok=True)
    except OSError as error:
        raise InputError(f"cannot write to {plain(str(folder))}: {error.strerror}") from error
    console = Console(stderr=True, highlight=False, markup=False)
    columns = (
        BarColumn(24),
        MofNCompleteColumn(),
        TextColumn("{task.description}", markup=False),
        TimeElapsedColumn(),
    )
    with (
        Progress(*columns, console=console, disable=not console.is_terminal, transient=True) as progress,
        headless.interruptible() as interrupted,
    ):
        bar = progress.add_task("starting", total=1)

        def tell(state: SweepState) -> None:
            left = "" if state.eta_s is None else f", about {seconds(state.eta_s)} left"
            progress.update(bar, completed=state.done, total=state.total, description=plain(state.words) + left)

        runs = run_sweep(sweep, folder / "runs.jsonl", tell=tell, stopped=interrupted.is_set)
    made = report_of(runs)
    text = markdown(made, plain(sweep.words or args.spec.stem))
    try:
        (folder / "runs.csv").write_text(csv_of(runs), "utf-8")
        (folder / "report.md").write_text(text, "utf-8")
    except OSError as error:
        raise InputError(f"cannot write to {plain(str(folder))}: {error.strerror}") from error
    sys.stdout.write(json.dumps(data(made), indent=2, allow_nan=False) + "\n" if args.json else text)
    headless.say(f"written: {folder}/runs.jsonl, runs.csv, report.md")
    if interrupted.is_set():
        headless.say("loopscope sweep: interrupted; the same command goes on from here")
        return 130
    return 0 if made.runs else 1
