"""``loopscope run``: a program of one's own under the probe, in the live screen."""

import argparse
import shutil
import sys
import time
from pathlib import Path

from loopscope import ui
from loopscope.cli import headless
from loopscope.cli.options import add_finding_options
from loopscope.core.codec import as_json
from loopscope.core.errors import InputError, LoopscopeError
from loopscope.model.summary_types import Summary
from loopscope.session.program import ProgramOptions, ProgramSource

NAME = "run"
HELP = """Run an asyncio program of your own and look at it in the live screen; its HTTP streams are the agents.

  loopscope run my_agents.py --its --own --arguments
  loopscope run -m my_package                        as 'python -m my_package'
  loopscope run --record run.jsonl.zst my_agents.py

Nothing of the program has to change. Streams (newline-delimited JSON, server-sent events) of httpx and aiohttp are
seen, and with httpx the official clients of Ollama and OpenAI, on asyncio and uvloop. The program must be installed for
the same Python as loopscope. It reads from an empty standard input; what it prints goes to a file. Leaving the screen
ends it; its exit code is handed on."""

_STEP_S = 0.1


def configure(parser: argparse.ArgumentParser) -> None:
    """Add this verb's arguments."""
    parser.add_argument(
        "--record",
        type=Path,
        default=None,
        metavar="FILE",
        help="write a trace of it all (without it, what one can look back at is kept among the temporary files, at most"
        " 512 MB, and removed at the end)",
    )
    parser.add_argument("--force", action="store_true", help="write over a trace that is there")
    parser.add_argument(
        "--output",
        type=Path,
        default=None,
        metavar="FILE",
        help="where the program's standard output and error go (default: a file in the folder for temporary files)",
    )
    parser.add_argument("--theme", default=None, metavar="NAME", help="colours; see themes/, or cycle with y")
    parser.add_argument("--json", action="store_true", help="print the summary object on standard output at the end")
    add_finding_options(parser)
    parser.add_argument("-m", dest="module", nargs=argparse.REMAINDER, metavar="MODULE", help="a module, not a script")
    parser.add_argument(
        "program", nargs=argparse.REMAINDER, metavar="SCRIPT [ARGS]", help="all that follows is its own"
    )


def run(args: argparse.Namespace) -> int:
    """Run the program in the screen, or headless where there is none; give the program's exit code."""
    words = args.module if args.module is not None else args.program
    if not words:
        raise InputError("loopscope run needs a script, or -m and a module; e.g. loopscope run my_agents.py")
    ui.check_theme(args.theme)
    source = ProgramSource(
        ProgramOptions(
            program=words[0],
            args=tuple(words[1:]),
            module=args.module is not None,
            output=args.output,
            record=args.record,
            overwrite=args.force,
            findings=tuple(args.findings),
            thresholds=tuple(args.threshold),
        )
    )
    try:
        return _run(source, args)
    finally:
        source.tidy()


def _run(source: ProgramSource, args: argparse.Namespace) -> int:
    from loopscope.ui.terminal import usable

    why_not = usable()
    result: Summary | None
    if why_not:
        headless.say(f"loopscope: {why_not}; running headless (in a terminal this opens the live screen)")
        result = _headless(source)
    else:
        source.keep_past()
        result = ui.run(source, theme=args.theme)
    return _tell(source, result, args, report=bool(why_not))


def _headless(source: ProgramSource) -> Summary:
    from loopscope.report.line import one_line

    with headless.interruptible() as asked:
        try:
            source.start()
            headless.say(f"loopscope: the program's output is in {source.output}")
            next_s = time.monotonic() + 1.0
            while not asked.is_set() and not source.ended.wait(_STEP_S):
                if time.monotonic() >= next_s:
                    snapshot = headless.snapshot_of(source)
                    headless.say(one_line(snapshot) if snapshot else "no answer yet")
                    next_s += 1.0
        finally:
            result = source.stop()
    return result


def _tell(source: ProgramSource, result: Summary | None, args: argparse.Namespace, *, report: bool) -> int:
    """Print what there is to print; give the exit code."""
    failure = source.failure()
    if args.json:
        sys.stdout.write(as_json({} if result is None else result) + "\n")
    elif report and result is not None and source.loop_ran:
        from loopscope.report.text import render

        sys.stdout.write(render(result, source.fold, width=shutil.get_terminal_size((100, 40)).columns) + "\n")
    if failure:
        headless.say(f"loopscope: {failure}")
    if source.tidy():
        headless.say(f"loopscope: the program's output is in {source.output}")
    if source.recording_problem:
        raise LoopscopeError(f"the recording is not complete: {source.recording_problem}")
    code = source.exit_code
    if code is None:
        return 0  # we ended it, as asked
    if code == 0:
        return 0 if source.loop_ran else 1
    return code if code > 0 else 128 - code
