"""``loopscope``: the live screen; without a usable terminal the same session headless, for a while."""

import argparse
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from loopscope.cli import headless
from loopscope.cli.options import add_session_options, options_from, seconds
from loopscope.core.codec import as_json
from loopscope.core.errors import LoopscopeError

if TYPE_CHECKING:
    from loopscope.session.options import SessionOptions
    from loopscope.session.running import RunningSource

NAME = "live"
HELP = "Open the live screen: agents stream from the servers, you pull levers and watch the ceiling move."
_HEADLESS_S = 10.0


def configure(parser: argparse.ArgumentParser) -> None:
    """Add this verb's arguments."""
    add_session_options(parser)
    group = parser.add_argument_group("screen")
    group.add_argument(
        "--record",
        type=Path,
        default=None,
        metavar="FILE",
        help="write a trace of it all (without it, what one can look back at is kept among the temporary files, at"
        " most 512 MB, and removed at the end)",
    )
    group.add_argument("--force", action="store_true", help="write over a file that is there")
    group.add_argument("--theme", default=None, metavar="NAME", help="colours; see themes/, or cycle with y")
    group.add_argument(
        "--seconds",
        type=seconds,
        default=_HEADLESS_S,
        metavar="S",
        help=f"without a terminal: how long to run headless ({_HEADLESS_S:g})",
    )
    group.add_argument("--json", action="store_true", help="print the summary object on standard output at the end")
    group.add_argument("--version", action="store_true", help="print the version")


def run(args: argparse.Namespace) -> int:
    """Open the screen, or run headless where there is none."""
    from loopscope import ui
    from loopscope.session.live import LiveSource
    from loopscope.ui.terminal import usable

    if args.version:
        from loopscope import __version__

        sys.stdout.write(f"loopscope {__version__}\n")
        return 0
    ui.check_theme(args.theme)
    options = options_from(args, args.record, overwrite=args.force)
    why_not = usable()
    if why_not:
        return _headless(options, args, why_not)
    source = LiveSource(options)
    source.keep_past()
    result = ui.run(source, theme=args.theme)
    if args.json:
        sys.stdout.write(as_json({} if result is None else result) + "\n")
    _check_recording(source)
    return 0


def _headless(options: "SessionOptions", args: argparse.Namespace, why_not: str) -> int:
    from loopscope.report.line import one_line
    from loopscope.report.text import render
    from loopscope.session.live import LiveSource

    headless.say(
        f"loopscope: {why_not}; running headless for {args.seconds:g} s (in a terminal this opens the live screen)"
    )

    def each_second(source: "RunningSource", gone_s: float) -> None:
        snapshot = headless.snapshot_of(source)
        if snapshot is not None and gone_s < 2 and snapshot.source_reason:
            headless.say(f"loopscope: {snapshot.source_reason}")
        headless.say(one_line(snapshot) if snapshot else "no answer yet")

    ran = headless.run(lambda: LiveSource(options), args.seconds, [], each_second=each_second)
    if not ran.source.fold.header:
        headless.say("loopscope: interrupted before the session had begun")
        return 130
    if args.json:
        sys.stdout.write(as_json(ran.summary) + "\n")
    else:
        columns = shutil.get_terminal_size((100, 40)).columns
        sys.stdout.write(render(ran.summary, ran.source.fold, width=columns) + "\n")
    _check_recording(ran.source)
    return headless.tell("live", ran.failed)


def _check_recording(source: "RunningSource") -> None:
    if source.recording_problem:
        raise LoopscopeError(f"the recording is not complete: {source.recording_problem}")
