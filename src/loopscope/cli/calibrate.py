"""``loopscope calibrate``: some seconds for what the screen then expects."""

import argparse
import itertools
import json
import sys

import msgspec

from loopscope.cli.ceiling import with_progress
from loopscope.core.format import rate, share
from loopscope.settings import levers

NAME = "calibrate"
HELP = """Measure for 25 to 40 seconds, on an emulator of its own, what a client carries on this machine: what a
wake-up, a read and a chunk cost it, and at which rate it falls behind. It is kept, with its date and the versions that
it was made with; from then on the live screen says how much of the ceiling is used and what another loop or client
would give.

  loopscope calibrate
  loopscope calibrate --loop asyncio,uvloop --client httpx,aiohttp,streams
  loopscope calibrate --list"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add this verb's arguments."""
    group = parser.add_argument_group("what is calibrated (several values: each of them)")
    for lever in levers.of_ceiling():
        group.add_argument(
            f"--{lever.name}", default=lever.default, metavar="V[,..]", help=f"{lever.valid} (default: {lever.default})"
        )
    group.add_argument(
        "--streams", default="2,32", metavar="N[,..]", help="numbers of streams to calibrate with (default: 2,32)"
    )
    group.add_argument(
        "--list", action="store_true", help="show what is kept for this machine, and what is out of date"
    )
    group.add_argument("--json", action="store_true", help="print one object on standard output")


def run(args: argparse.Namespace) -> int:
    """Calibrate, or list."""
    from loopscope.experiments.calibration import calibrate, parse_streams
    from loopscope.session.calibration_store import Calibration, folder, kept
    from loopscope.session.options import SessionOptions

    found: list[Calibration] = []
    complete = True
    if args.list:
        found = kept()
    else:
        streams = parse_streams(args.streams)
        names = [lever.name for lever in levers.of_ceiling()]
        values = [[levers.canonical(name, word) for word in str(getattr(args, name)).split(",")] for name in names]
        combined = list(itertools.product(*values))
        complete = with_progress(
            len(combined),
            lambda handle, place: found.append(
                calibrate(
                    SessionOptions(levers=levers.defaults() | dict(zip(names, combined[place], strict=True))),
                    handle,
                    streams,
                )
            ),
        )
    if args.json:
        told = {"calibrations": [msgspec.to_builtins(one) for one in found], "folder": str(folder())}
        sys.stdout.write(json.dumps(told, indent=2) + "\n")
    else:
        for one in found:
            stale = f"  out of date: {one.stale}" if one.stale else ""
            sys.stdout.write(f"{one.date}  {one.words}{stale}\n")
            if one.costs is not None:
                c = one.costs
                sys.stdout.write(
                    f"  a wake-up {rate(c.wakeup_us)} us, a read {rate(c.read_us)} us, a chunk"
                    f" {rate(c.chunk_us)} us of CPU (fitted on {c.loads} loads, misses by {share(c.error)})\n"
                )
        if not found:
            sys.stdout.write(f"nothing is kept for this machine in {folder()}\n")
    return 0 if complete else 130
