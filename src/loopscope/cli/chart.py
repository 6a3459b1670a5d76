"""``loopscope chart``: one chart of a trace as text, for an issue or a chat."""

import argparse
import os
import shutil
import sys
from pathlib import Path

from loopscope.cli.progress import Progress
from loopscope.cli.replay import find
from loopscope.cli.written import write
from loopscope.core.text import plain

NAME = "chart"
KINDS = {
    "throughput": "chunks received a second, over time",
    "lag": "how late the event loop is, over time: the largest of each step",
    "delay": "how long after the server's stamp a chunk is in hand, over time: largest and median",
    "gap": "time between two chunks of a stream, over time: largest and median",
    "cdf": "which share of the chunks is at most so late (of the gaps, where no delay is known)",
}
HELP = f"""Draw one chart of a trace as text, to be pasted into an issue or a chat.

  loopscope chart run.jsonl.zst throughput
  loopscope chart calm-pair cdf --width 72
  loopscope chart run.jsonl delay --ascii > delay.txt     where braille dots cannot be shown

{chr(10).join(f"{name:<12}{words}" for name, words in KINDS.items())}

In an issue, put it between two lines of ``` so that its columns stand under each other. Colours are drawn in a terminal
only. The whole report, with all charts: loopscope report FILE."""
NARROWEST, WIDEST = 40, 240


def configure(parser: argparse.ArgumentParser) -> None:
    """Add this verb's arguments."""
    parser.add_argument("file", metavar="FILE", help="a trace, or the name of a recording that ships")
    parser.add_argument("kind", choices=tuple(KINDS), metavar="CHART", help=", ".join(KINDS))
    parser.add_argument("--width", type=_size(NARROWEST, WIDEST), metavar="N", help="columns (default: the terminal's)")
    parser.add_argument("--height", type=_size(6, 60), default=14, metavar="N", help="lines of the chart (14)")
    parser.add_argument("--ascii", action="store_true", help="no braille dots, no frames: ASCII only")
    parser.add_argument("-o", "--output", metavar="OUT", help="write into this file; - is standard output")


def run(args: argparse.Namespace) -> int:
    """Draw it; give the exit code."""
    from loopscope.report.chart import draw
    from loopscope.report.charts import Look
    from loopscope.report.text import speaks_unicode, to_ascii
    from loopscope.session.folding import fold_file

    path: Path = find(args.file)
    with Progress(f"reading {path.name}") as progress:
        folded = fold_file(path, progress)
    if not folded.outcome.whole:
        sys.stderr.write(f"loopscope: {plain(str(path))}: {folded.outcome.words}\n")
    to_file = args.output not in (None, "-")
    unicode = not args.ascii and (to_file or speaks_unicode())
    width = args.width or min(max(shutil.get_terminal_size((100, 40)).columns, NARROWEST), WIDEST)
    color = sys.stdout.isatty() and not to_file and not os.environ.get("NO_COLOR")
    text = "\n".join(draw(folded, args.kind, Look(width, color, unicode, args.height))) + "\n"
    write(text if unicode else to_ascii(text), args.output, path)
    return 0


def _size(least: int, most: int) -> "type[int]":
    def parse(text: str) -> int:
        number = int(text) if text.isascii() and text.isdigit() and len(text) < 6 else 0
        if not least <= number <= most:
            raise argparse.ArgumentTypeError(f"{plain(text, 20)!r}: a number from {least} to {most}")
        return number

    return parse  # type: ignore[return-value]
