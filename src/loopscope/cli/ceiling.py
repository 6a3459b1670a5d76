"""``loopscope ceiling``: one ramp, or a matrix of them, without a screen."""

import argparse
import itertools
import os
import shutil
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from loopscope.cli import headless
from loopscope.core.errors import InputError, LoopscopeError
from loopscope.core.format import number
from loopscope.settings import levers

if TYPE_CHECKING:
    from loopscope.experiments.ramp_result import Ramp
    from loopscope.model.standing import Standing
    from loopscope.report.ceiling import CeilingCell
    from loopscope.report.charts import Look
    from loopscope.session.options import SessionOptions
    from loopscope.session.procedure_runner import Handle

NAME = "ceiling"
HELP = """Find the ceiling of a client on this machine: an emulator offers more and more chunks a second, whether or not
the client keeps up, until it falls behind for good. A ceiling belongs to its client, loop, decoder, batching,
placement, read size, TCP options and shape of load; several values, joined by commas, make a matrix (about 30 s a
cell).

  loopscope ceiling                                              this client, two streams
  loopscope ceiling --loop asyncio,uvloop --client httpx,streams --streams 2,32
  loopscope ceiling --shape streams --rate 100                   more and more streams at 100 chunks/s each
  loopscope ceiling http://127.0.0.1:11434                       more and more streams from a server of yours
  loopscope ceiling --calibrate --json --out ramps/ > ceiling.json

full: the loop is busy 95 % of the time, chunks begin to wait. hard ceiling: the client falls behind. expected: from a
calibration (loopscope calibrate). at least: the bound that half of the load gives. docs/ceiling.md explains each."""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add this verb's arguments."""
    parser.add_argument(
        "urls", nargs="*", metavar="URL", help="servers to ask instead of an emulator (only the number of streams)"
    )
    group = parser.add_argument_group("what is measured (several values make a matrix)")
    for lever in levers.of_ceiling():
        group.add_argument(
            f"--{lever.name}", default=lever.default, metavar="V[,..]", help=f"{lever.valid} (default: {lever.default})"
        )
    group.add_argument("--streams", default="2", metavar="N[,..]", help="concurrent streams (default: 2)")
    group.add_argument(
        "--shape",
        choices=("rate", "streams", "both"),
        default="rate",
        help="raise the rate of each stream, or the number of streams from --streams on (default: rate)",
    )
    group.add_argument(
        "--rate", type=float, default=100.0, metavar="R", help="chunks/s of each stream with --shape streams (100)"
    )
    group.add_argument("--model", default="", metavar="NAME", help="model to ask servers for")
    group.add_argument("--calibrate", action="store_true", help="calibrate each client and loop first (30 s each)")
    group.add_argument("--out", type=Path, default=None, metavar="DIR", help="write a trace of each cell there")
    group.add_argument("--json", action="store_true", help="print one object on standard output")


def run(args: argparse.Namespace) -> int:
    """Measure every cell; print the table, or the object with ``--json``."""
    from loopscope.core.codec import as_json
    from loopscope.report.ceiling import data, drawn, table

    cells = _cells(args)
    if args.out is not None:
        try:
            args.out.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise InputError(f"--out {args.out}: {error.strerror or error}") from error
    found: list[CeilingCell] = []
    complete = with_progress(len(cells), lambda handle, place: found.append(_measure(args, *cells[place], handle)))
    if args.json:
        sys.stdout.write(as_json({"cells": [data(one) for one in found], "complete": complete}) + "\n")
    elif found:
        sys.stdout.write(table(found, shutil.get_terminal_size((120, 40)).columns) + "\n")
        for one in found:
            sys.stdout.write(one.words + "\n")
        for one in found:
            sys.stdout.write("".join(f"\n{line}" for line in drawn(one, _look())) + "\n")
    return 0 if complete else 130


def _look() -> "Look":
    from loopscope.report.charts import Look
    from loopscope.report.text import speaks_unicode

    width = min(max(shutil.get_terminal_size((100, 40)).columns, 60), 160)
    color = sys.stdout.isatty() and not os.environ.get("NO_COLOR")
    return Look(width, color, speaks_unicode())


def _cells(args: argparse.Namespace) -> "list[tuple[SessionOptions, int, str]]":
    """Give every combination, each value checked. Raises InputError."""
    from loopscope.experiments.calibration import parse_streams
    from loopscope.session.options import SessionOptions

    names = [lever.name for lever in levers.of_ceiling()]
    values = [[levers.canonical(name, word) for word in str(getattr(args, name)).split(",")] for name in names]
    shapes = ("rate", "streams") if args.shape == "both" else (args.shape,)
    if not 1 <= args.rate <= 1e5:
        raise InputError(f"--rate {number(args.rate)}: from 1 to 100 000 chunks per second")
    streams = parse_streams(args.streams)
    found = []
    for combined in itertools.product(*values):
        options = SessionOptions(
            urls=tuple(args.urls),
            model=args.model,
            levers=levers.defaults() | dict(zip(names, combined, strict=True)),
        )
        options.check()
        if args.urls:
            found.append((options, 1, "servers"))
        else:
            found += [(options, number, shape) for number in streams for shape in shapes]
    return found


def _measure(
    args: argparse.Namespace, options: "SessionOptions", streams: int, shape: str, handle: "Handle"
) -> "CeilingCell":
    from loopscope.experiments.calibration import calibrate, shapes_for
    from loopscope.experiments.ramp import measure, measure_servers
    from loopscope.report.ceiling import cell

    if args.calibrate and shape != "servers":
        calibrate(options, handle, shapes_for(streams))
        handle.done = 0.0
    trace: Path | None = None
    if args.out is not None:
        words = [options.levers[lever.name].replace(":", "-") for lever in levers.of_ceiling()]
        trace = args.out / f"{'_'.join(words)}_{streams}_{shape}.jsonl.zst"
    ramp: Ramp
    if shape == "servers":
        ramp = measure_servers(options, handle, record=trace)
    else:
        ramp = measure(options, handle, streams=streams, shape=shape, rate=args.rate, record=trace)
    return cell(ramp, expected(ramp), str(trace or ""))


def expected(ramp: "Ramp") -> "Standing | None":
    """Give what the kept calibration lets expect, scaled by what chunks cost today at the loads that it carried."""
    from loopscope.experiments.ramp_result import settings_of
    from loopscope.model.ceiling import CeilingBook
    from loopscope.model.snapshot import ResultView
    from loopscope.session.calibration_store import kept, results

    if ramp.setting.shape == "servers":
        return None
    book = CeilingBook()
    for calibration in kept():
        for record in results(calibration):
            book.take(ResultView(0.0, record.what, record.words, record.settings, record.figures))
    carried = [step.load for step in ramp.steps if not step.fell]
    return book.look(settings_of(ramp.setting), ramp.setting.streams, carried).expected


def with_progress(cells: int, work: "Callable[[Handle, int], None]") -> bool:
    """Do ``work(handle, place)`` for each cell under a progress bar; ``False`` when Ctrl-C has ended it early."""
    from loopscope.cli.bar import bar
    from loopscope.session.procedure import CancelledError
    from loopscope.session.procedure_runner import Handle

    with headless.interruptible() as asked, bar() as progress:
        shown = progress.add_task("starting", total=float(cells))
        for place in range(cells):
            said = [""]

            def tell(done: float, words: str, place: int = place, said: list[str] = said) -> None:
                text = f"{place + 1}/{cells} {words}"
                progress.update(shown, completed=place + done, description=text)
                if not progress.console.is_terminal and words.partition(":")[0] != said[0]:
                    said[0] = words.partition(":")[0]
                    headless.say(f"loopscope: {text}")

            handle = Handle(tell)
            over = threading.Event()
            watch = threading.Thread(target=_watch, args=(asked, over, handle), daemon=True)
            watch.start()
            try:
                work(handle, place)
            except CancelledError:
                return False
            except LoopscopeError as error:
                if cells == 1:
                    raise
                headless.say(f"loopscope: cell {place + 1} of {cells}: {error}")
            finally:
                over.set()
    return True


def _watch(asked: threading.Event, over: threading.Event, handle: "Handle") -> None:
    while not over.wait(0.1):
        if asked.is_set():
            handle.cancel()
            return
