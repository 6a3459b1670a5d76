"""``loopscope ab``: one lever, two values, in turn: what differs, and how sure that is."""

import argparse
import json
import shutil
import sys

from loopscope.cli import headless
from loopscope.cli.options import add_session_options, options_from
from loopscope.cli.written import trace_file
from loopscope.core.errors import InputError, LoopscopeError

NAME = "ab"
HELP = """Set one lever to A and to B in turn in a running session (A B, B A, A B, ...), leave the settling times out,
and say for each figure what B does: higher, lower, or cannot tell. A drift of the machine falls out; it is shown.

  loopscope ab loop=asyncio,uvloop
  loopscope ab batch=off,read:50ms --pairs 8 --seconds 3 --agents 16
  loopscope ab loop=asyncio,asyncio                       the same twice: must come out as "cannot tell"
  loopscope ab --verify client-cpu --agents 64            the lever that this finding proposes, once it holds
  loopscope ab decoder=json,orjson -o ab.jsonl --json > ab.json

Six pairs of three seconds take about a minute, two with a lever that takes over (loop, client, placement). More pairs
make the intervals narrower."""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add this verb's arguments."""
    parser.add_argument(
        "flip", nargs="?", default="", metavar="LEVER=A,B", help="what is flipped, e.g. decoder=json,orjson"
    )
    group = parser.add_argument_group("A-B-B-A")
    group.add_argument("--pairs", default="6", metavar="N", help="pairs of stretches, an even number (6)")
    group.add_argument("--seconds", default="3", metavar="S", help="of each stretch, settling time not counted (3)")
    group.add_argument(
        "--verify",
        default="",
        metavar="FINDING",
        help="flip what this finding proposes, once it holds (docs/findings.md)",
    )
    group.add_argument("-o", "--output", type=trace_file, default=None, metavar="FILE", help="write a trace too")
    group.add_argument("--force", action="store_true", help="write over a file that is there")
    group.add_argument("--json", action="store_true", help="print one JSON object, nothing else")
    add_session_options(parser)


def run(args: argparse.Namespace) -> int:
    """Run the verb; gives the exit code: 0, or 130 after Ctrl-C."""
    from loopscope.experiments.ab import AbResult
    from loopscope.report.ab import data, render

    result, problem, unwritten = _flip(args)
    if isinstance(result, AbResult):
        if args.json:
            sys.stdout.write(json.dumps(data(result), indent=2, allow_nan=False) + "\n")
        else:
            width = max(80, min(160, shutil.get_terminal_size((120, 40)).columns))
            sys.stdout.write(render(result, width) + "\n")
    if args.output is not None and not unwritten:
        headless.say(f"written: {args.output}  (open it with: loopscope replay {args.output})")
    if problem == "cancelled":
        headless.say("loopscope ab: interrupted; no result")
        return 130
    if problem:
        raise LoopscopeError(problem)
    if unwritten:
        raise LoopscopeError(f"the recording is not complete: {unwritten}")
    return 0


def _asked(args: argparse.Namespace) -> tuple[dict[str, str], str, tuple[str, ...]]:
    """Give what the procedure is told, and the lever with both values. Raises InputError."""
    from loopscope.experiments.ab import parse_flip

    asked = {"pairs": args.pairs, "seconds": args.seconds}
    if args.verify:
        if args.flip and "=" not in args.flip:
            args.urls = [args.flip, *args.urls]  # the first word was a server
        elif args.flip:
            raise InputError("--verify and LEVER=A,B exclude each other: a finding names its own lever")
        return asked | {"verify": args.verify}, "", ()
    if not args.flip:
        raise InputError("what shall be flipped? E.g. loopscope ab loop=asyncio,uvloop, or --verify FINDING")
    lever, *values = parse_flip(args.flip)
    return asked | {"lever": args.flip}, lever, tuple(values)


def _flip(args: argparse.Namespace) -> tuple[object, str, str]:
    """Run the session and the procedure in it; give the result, why there is none, what is wrong with the trace."""
    import dataclasses

    from loopscope.cli.procedures import run_with_bar
    from loopscope.experiments.ab import check
    from loopscope.session.live import LiveSource

    asked, lever, values = _asked(args)
    check(asked)
    options = options_from(args, args.output, overwrite=args.force)
    for value in reversed(values):  # the session begins with the first
        options = dataclasses.replace(options, levers=options.levers | {lever: value})
        options.check()
    source = LiveSource(options)
    return *run_with_bar(source, "ab", asked), source.recording_problem
