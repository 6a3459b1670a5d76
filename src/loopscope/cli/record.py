"""``loopscope record``: the same session without a screen, written to a trace."""

import argparse
import shutil
import sys

from loopscope.cli import headless
from loopscope.cli.options import add_session_options, options_from, parse_script, seconds
from loopscope.cli.written import trace_file
from loopscope.core.codec import as_json
from loopscope.core.errors import LoopscopeError

NAME = "record"
HELP = """Run a session without a screen and write everything to a trace, which 'loopscope replay' opens in the screen.

  loopscope record -o run.jsonl --seconds 30
  loopscope record -o run.jsonl.zst --agents 16 --at 10 loop=uvloop --at 20 batch=read:50ms --json > run.json

Ctrl-C ends it early; the file is complete then too."""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add this verb's arguments."""
    add_session_options(parser)
    group = parser.add_argument_group("recording")
    group.add_argument(
        "-o",
        "--output",
        type=trace_file,
        metavar="FILE",
        required=True,
        help="trace to write; compressed when it ends in .zst",
    )
    group.add_argument("--force", action="store_true", help="write over a file that is there")
    group.add_argument(
        "--seconds", type=seconds, default=None, metavar="S", help="how long (default: until Ctrl-C); e.g. 30, 5m"
    )
    group.add_argument(
        "--at",
        nargs=2,
        action="append",
        default=[],
        metavar=("SECONDS", "LEVER=VALUE"),
        help="pull a lever at this time; may be given often",
    )
    group.add_argument("--json", action="store_true", help="print one summary object on standard output")


def run(args: argparse.Namespace) -> int:
    """Record; print the report, or the summary with ``--json``."""
    from loopscope.cli.bar import bar
    from loopscope.report.line import one_line
    from loopscope.report.text import render
    from loopscope.session.live import LiveSource
    from loopscope.session.running import RunningSource

    script = parse_script(args.at, args.seconds)
    options = options_from(args, args.output, overwrite=args.force)
    with bar() as progress:
        shown = progress.add_task("starting", total=args.seconds)

        def each_second(source: RunningSource, gone_s: float) -> None:
            snapshot = headless.snapshot_of(source)
            progress.update(shown, completed=gone_s, description=one_line(snapshot) if snapshot else "no answer")

        ran = headless.run(lambda: LiveSource(options), args.seconds, script, each_second=each_second)
    source = ran.source
    if not source.fold.header:
        headless.say("loopscope record: interrupted before the session had begun; nothing was recorded")
        return 130
    if args.json:
        sys.stdout.write(as_json(ran.summary) + "\n")
    else:
        sys.stdout.write(render(ran.summary, source.fold, width=shutil.get_terminal_size((100, 40)).columns) + "\n")
    if source.recording_problem:
        raise LoopscopeError(f"the recording is not complete: {source.recording_problem}")
    headless.say(f"written: {args.output}  (open it with: loopscope replay {args.output})")
    return headless.tell(NAME, ran.failed)
