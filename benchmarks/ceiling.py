"""Where each client's ceiling is, whether the bound holds, the expectation is right, and a second ramp agrees.

    python benchmarks/ceiling.py --into cells.json            every cell: about 100 s each
    python benchmarks/ceiling.py --into cells.json --most 2   two stages more (for a machine that is shared)
    python benchmarks/ceiling.py --into cells.json --show     the table and what was reached

Each cell of {asyncio, uvloop} x {httpx, aiohttp, streams} x {2, 32 streams} is a calibration (one for both numbers of
streams), a ramp, and the same ramp again. What must be reached:

- "at least", at any load that the client carried, never exceeds the measured hard ceiling (its upper end);
- "expected" lies within 20 % of the measured interval;
- the second ramp's ceiling lies in the first one's interval (the intervals overlap and its middle is within).

A cell that cannot says by how much, and how long the loop had no core meanwhile: on a machine that others use, the
ceiling moves with what they leave.
"""

import argparse
import json
import sys
from pathlib import Path

from loopscope.cli.ceiling import expected
from loopscope.core.errors import LoopscopeError
from loopscope.experiments.calibration import calibrate
from loopscope.experiments.ramp import measure
from loopscope.report.ceiling import cell, table
from loopscope.session.calibration_store import kept
from loopscope.session.options import SessionOptions
from loopscope.session.procedure_runner import Handle
from loopscope.settings import levers

LOOPS = ("asyncio", "uvloop")
CLIENTS = ("httpx", "aiohttp", "streams")
STREAMS = (2, 32)
NEAR = 0.2


def stages(names: list[tuple[str, str, int]]) -> list[tuple[str, str, int, str]]:
    """What there is to do, in order: a calibration for each client and loop, two ramps for each cell."""
    found = []
    for loop, client, streams in names:
        if (loop, client, 0, "calibration") not in found:
            found.append((loop, client, 0, "calibration"))
        found += [(loop, client, streams, "first"), (loop, client, streams, "second")]
    return found


def run_stage(held: dict, loop: str, client: str, streams: int, stage: str) -> None:
    """Do one of them and keep what came of it."""
    options = SessionOptions(levers=levers.defaults() | {"loop": loop, "client": client})
    if stage == "calibration":
        calibrate(options, Handle())
        held["calibrated"].append([loop, client])
        return
    ramp = measure(options, Handle(), streams=streams)
    place = find(held, loop, client, streams)
    if place is None:
        place = {"loop": loop, "client": client, "streams": streams}
        held["cells"].append(place)
    place[stage] = cell(ramp, expected(ramp))


def find(held: dict, loop: str, client: str, streams: int) -> dict | None:
    """A cell, where it is there."""
    same = [one for one in held["cells"] if (one["loop"], one["client"], one["streams"]) == (loop, client, streams)]
    return same[0] if same else None


def done(held: dict, loop: str, client: str, streams: int, stage: str) -> bool:
    """Whether it has been done."""
    if stage == "calibration":
        return [loop, client] in held["calibrated"]
    return stage in (find(held, loop, client, streams) or {})


def judge(held: dict) -> list[str]:
    """What a cell did not reach, each with by how much."""
    first, second = held["first"], held["second"]
    hard = first["hard_chunks_s"]
    if hard is None or second["hard_chunks_s"] is None:
        return ["no ceiling was found"]
    if hard["hi"] is None:
        return [f"the {first['limited_by']} was the limit first: the client carries {hard['lo']:,.0f} and more"]
    high = hard["hi"]
    missed = []
    bounds = [
        step["at_least_chunks_s"]
        for step in first["steps"]
        if not step["fell"] and step["at_least_chunks_s"] is not None
    ]
    if bounds and max(bounds) > high:
        missed.append(f"at least {max(bounds):,.0f} exceeds {high:,.0f} by {max(bounds) / high - 1:.0%}")
    told = first["expected_chunks_s"]
    if told is None:
        missed.append("nothing to expect: no calibration")
    elif not hard["lo"] * (1 - NEAR) <= told <= high * (1 + NEAR):
        off = told / high - 1 if told > high else told / hard["lo"] - 1
        missed.append(f"expected {told:,.0f} is {off:+.0%} from {hard['lo']:,.0f} - {high:,.0f}")
    again = second["hard_mid_chunks_s"]
    if not hard["lo"] <= again <= high:
        off = again / high - 1 if again > high else again / hard["lo"] - 1
        missed.append(f"second ramp {again:,.0f} is {off:+.0%} from {hard['lo']:,.0f} - {high:,.0f}")
    return missed


def show(cells: list[dict], width: int = 150) -> bool:
    """Print the table and the judgement; true when every cell reached everything."""
    print(table([held["first"] for held in cells], width))
    print()
    good = True
    for held in cells:
        missed = judge(held)
        good = good and not missed
        waits = [one["runq"] for one in (held["first"], held["second"]) if one["runq"] is not None]
        noise = f" (no core for {', '.join(f'{wait:.0%}' for wait in waits)} of the time)" if waits else ""
        name = f"{held['client']} on {held['loop']}, {held['streams']} streams"
        again = held["second"]["hard_mid_chunks_s"]
        print(
            f"{name}: {'reached' if not missed else 'NOT: ' + '; '.join(missed)}; second ramp {again or 0:,.0f}{noise}"
        )
    return good


def main() -> int:
    """Run what is missing, then show."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--into", type=Path, default=None, metavar="FILE", help="keep all here; skip what is there")
    parser.add_argument("--most", type=int, default=99, metavar="N", help="this many stages (30 to 60 s), then stop")
    parser.add_argument("--show", action="store_true", help="measure nothing")
    parser.add_argument("--cell", default="", metavar="LOOP,CLIENT,STREAMS", help="only this cell")
    args = parser.parse_args()
    held = {"calibrated": [], "cells": []}
    if args.into and args.into.exists():
        held = json.loads(args.into.read_text())
    names = [(loop, client, streams) for loop in LOOPS for client in CLIENTS for streams in STREAMS]
    if args.cell:
        loop, client, streams = args.cell.split(",")
        names = [(loop, client, int(streams))]
    todo = [stage for stage in stages(names) if not done(held, *stage)]
    for stage in todo[: 0 if args.show else args.most]:
        print(*stage, "...", file=sys.stderr, flush=True)
        try:
            run_stage(held, *stage)
        except LoopscopeError as error:
            print(f"  {error}", file=sys.stderr)
            continue
        if args.into:
            args.into.write_text(json.dumps(held, indent=1))
    for kept_one in kept():
        for shape in kept_one.shapes:
            light, heavy = (pick(shape.rows, key=lambda row: row.offered) for pick in (min, max))
            name = f"{kept_one.settings['client']} on {kept_one.settings['loop']}, {shape.streams} streams, calibrated"
            costs = [f"{row.cpu_us or 0:.0f} us of CPU a chunk at {row.offered:,.0f} offered" for row in (light, heavy)]
            print(f"{name}: {', '.join(costs)}; no core for {heavy.runq or 0:.0%} of the time there")
    whole = [one for one in held["cells"] if "first" in one and "second" in one]
    return 0 if whole and show(whole) else 1


if __name__ == "__main__":
    sys.exit(main())
