"""``loopscope replay``: a trace in the same screen; without a usable terminal its report; without a file a list."""

import argparse
import os
import shutil
import sys
import tomllib
from pathlib import Path
from typing import Any

from loopscope.core.codec import as_json
from loopscope.core.errors import InputError, TraceError
from loopscope.core.text import plain
from loopscope.model.summary_types import Summary
from loopscope.settings.places import recordings_dir

NAME = "replay"
HELP = """Open a trace in the same screen. Without FILE, list the recordings that ship with loopscope.

  loopscope replay run.jsonl.zst
  loopscope replay calm-pair            one of those that ship
  loopscope replay run.jsonl --json     no screen: fold it all and print the summary object"""

_ENDINGS = (".jsonl", ".jsonl.zst")


def configure(parser: argparse.ArgumentParser) -> None:
    """Add this verb's arguments."""
    parser.add_argument("file", nargs="?", metavar="FILE", help="a trace, or the name of a recording that ships")
    parser.add_argument("--theme", default=None, metavar="NAME", help="colours; see themes/, or cycle with y")
    parser.add_argument("--json", action="store_true", help="print one summary object on standard output, no screen")


def run(args: argparse.Namespace) -> int:
    """Open the screen; or print the report, the summary, or the list."""
    from loopscope import ui

    if args.file is None:
        return _list()
    ui.check_theme(args.theme)
    path = find(args.file)
    if args.json:
        result, _ = _whole(path)
        sys.stdout.write(as_json(result) + "\n")
        return 0
    from loopscope.ui import terminal

    why_not = terminal.usable()
    if why_not:
        return _report(path, why_not)
    from loopscope.session.replay import ReplaySource

    ui.run(ReplaySource(path), theme=args.theme)
    return 0


def find(name: str) -> Path:
    """Give the file of that name, or the recording that ships under it.

    Raises:
        InputError: there is neither; names the recordings that ship.
    """
    path = Path(name)
    try:
        if path.exists() or path.name != name:
            return path
    except (OSError, ValueError) as error:  # too long, or with a zero byte
        raise InputError(f"{plain(name, 80)!r} is no name of a file") from error
    shipped = recordings()
    for recording in shipped:
        if name in (recording.name, short_name(recording)):
            return recording
    known = ", ".join(short_name(recording) for recording in shipped) or "none"
    raise InputError(f"there is no file {plain(name, 160)!r}, and no recording of that name; recordings: {known}")


def recordings() -> list[Path]:
    """Give the traces that ship, by name."""
    folder = recordings_dir()
    if folder is None:
        return []
    return sorted(path for path in folder.iterdir() if path.name.endswith(_ENDINGS))


def short_name(path: Path) -> str:
    """Give the name without what says that it is a trace."""
    return path.name.removesuffix(".zst").removesuffix(".jsonl")


def _list() -> int:
    from loopscope.trace.reader import last_ns, read

    found = recordings()
    if not found:
        sys.stdout.write("No recordings were installed with loopscope; 'loopscope record -o FILE' makes one.\n")
        return 0
    width = max(len(short_name(path)) for path in found)
    shows = _about(found[0].parent)
    sys.stdout.write("Recordings that ship with loopscope (open one with: loopscope replay NAME):\n\n")
    for path in found:
        try:
            with read(path) as reading:
                header = reading.header
            seconds = (last_ns(path) - header.t_ns) / 1e9
            agents = f"{len(header.agents)} agent{'s' if len(header.agents) != 1 else ''}"
            said = shows.get(short_name(path)) or ", ".join(filter(None, (header.source, header.scenario)))
            words = f"{seconds:5.0f} s  {agents:>9}  {said}"
        except TraceError as error:
            words = str(error)
        sys.stdout.write(f"  {short_name(path):<{width}}  {words}\n")
    return 0


def _about(folder: Path) -> dict[str, str]:
    """What each recording shows, as the file beside them says."""
    try:
        told = tomllib.loads((folder / "about.toml").read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return {name: plain(words) for name, words in told.items() if isinstance(words, str)}


def _whole(path: Path) -> "tuple[Summary, Any]":
    """Fold a whole trace; says on standard error what of it could not be used."""
    from loopscope.model.summary import summary
    from loopscope.session.replay import fold_whole

    fold, outcome = fold_whole(path)
    if not outcome.whole:
        sys.stderr.write(f"loopscope: {plain(str(path))}: {outcome.words}\n")
    return summary(fold), fold


def _report(path: Path, why_not: str) -> int:
    from loopscope.report.text import render

    result, fold = _whole(path)
    sys.stderr.write(f"loopscope: {why_not}; this is the report (in a terminal, this opens the screen)\n")
    color = sys.stdout.isatty() and not os.environ.get("NO_COLOR")
    sys.stdout.write(render(result, fold, width=shutil.get_terminal_size((100, 40)).columns, color=color) + "\n")
    return 0
