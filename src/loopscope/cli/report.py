"""``loopscope report``: what a trace shows, as text, Markdown, JSON or one HTML page."""

import argparse
import os
import shutil
import sys

from loopscope.cli.progress import Progress
from loopscope.cli.replay import find
from loopscope.cli.written import target, write
from loopscope.core.codec import as_json
from loopscope.core.errors import InputError
from loopscope.core.text import plain
from loopscope.session.folding import Folded, fold_file

NAME = "report"
HELP = """Say what a trace shows: tables, charts, findings, and what it all means in sentences.

  loopscope report run.jsonl.zst                     in the terminal
  loopscope report calm-pair --html report.html      one page with charts to point at; it needs no network
  loopscope report run.jsonl --md -o report.md       Markdown, for a page or an issue
  loopscope report run.jsonl --json                  one JSON object: summary, file, lines over time

Every report says what loopscope itself cost, what was dropped, and what of the file was damaged or is missing. What the
words mean: docs/definitions.md, and in the page wherever one points at a word."""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add this verb's arguments."""
    parser.add_argument("file", metavar="FILE", help="a trace, or the name of a recording that ships")
    how = parser.add_mutually_exclusive_group()
    how.add_argument("--md", action="store_true", help="Markdown")
    how.add_argument("--json", action="store_true", help="one JSON object")
    how.add_argument("--html", nargs="?", const="", metavar="OUT", help="one HTML page, into OUT (or -o)")
    parser.add_argument("-o", "--output", metavar="OUT", help="write into this file, instead of standard output")


def run(args: argparse.Namespace) -> int:
    """Write the report; gives the exit code."""
    name = _output(args)
    path = find(args.file)
    to_file = target(name, path) is not None
    with Progress(f"reading {path.name}") as progress:
        folded = fold_file(path, progress)
    if not folded.outcome.whole:
        sys.stderr.write(f"loopscope: {plain(str(path))}: {folded.outcome.words}\n")
    write(_text(args, folded, to_file=to_file), name, path)
    return 0


def _output(args: argparse.Namespace) -> str | None:
    if args.html and args.output:
        raise InputError("--html OUT and -o OUT name two files; give one")
    name: str | None = args.html or args.output
    if name is None and args.html == "" and sys.stdout.isatty():
        raise InputError("--html needs a file: --html report.html")
    return name


def _text(args: argparse.Namespace, folded: Folded, *, to_file: bool) -> str:
    if args.html is not None:
        from loopscope.report.html import render as render_html

        return render_html(folded)
    if args.json:
        from loopscope.report.trace_report import as_data

        return as_json(as_data(folded)) + "\n"
    if args.md:
        from loopscope.report.trace_report import as_markdown

        return as_markdown(folded) + "\n"
    from loopscope.report.trace_report import as_text

    color = sys.stdout.isatty() and not to_file and not os.environ.get("NO_COLOR")
    return as_text(folded, width=shutil.get_terminal_size((100, 40)).columns, color=color) + "\n"
