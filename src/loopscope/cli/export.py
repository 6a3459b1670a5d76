"""``loopscope export``: a trace in the formats of other tools."""

import argparse
import shutil
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from loopscope.cli.written import STDOUT
from loopscope.core.errors import InputError, TraceError
from loopscope.core.text import plain
from loopscope.trace.exports import EXPORTS
from loopscope.trace.exports.export import Export, Exporter

if TYPE_CHECKING:
    from loopscope.trace.reader import Reading

NAME = "export"
CAST = "asciicast"
"""The replay as the screen shows it: drawn by the screen itself, so it is none of the exports of records."""
_CAST_HELP = "the replay as a terminal recording, for asciinema play"
_EXAMPLES = {name: export.help for name, export in EXPORTS.items()} | {CAST: _CAST_HELP}
HELP = "\n".join(
    (
        "Write a trace in the format of another tool. What each file holds, column by column: docs/exports.md.\n",
        *(f"  loopscope export run.jsonl.zst --to {name:<15} {words}" for name, words in _EXAMPLES.items()),
        "\nOf a damaged trace the good part is exported, and standard error says so.",
    )
)
_PROGRESS_S = 2.0
_LOOK_EVERY = 256
"""Records between two looks at the clock: 256 of them take some 20 ms."""


_TO_STDOUT = "loopscope-stdout-"


def configure(parser: argparse.ArgumentParser) -> None:
    """Add this verb's arguments."""
    folders = " and ".join(name for name, export in EXPORTS.items() if export.files)
    parser.add_argument("file", metavar="FILE", help="a trace, or the name of a recording that ships")
    parser.add_argument("--to", required=True, choices=tuple(_EXAMPLES), metavar="FORMAT", help=", ".join(_EXAMPLES))
    parser.add_argument(
        "-o",
        "--output",
        type=Path,
        metavar="OUT",
        default=None,
        help=f"file to write (- is standard output), or folder for {folders} (default: the trace's name, here)",
    )
    parser.add_argument("--force", action="store_true", help="write over files that are there")
    cast = parser.add_argument_group("asciicast")
    cast.add_argument("--size", type=_size, default=(120, 40), metavar="WxH", help="of the terminal (120x40)")
    cast.add_argument("--fps", type=_fps, default=5.0, metavar="N", help="pictures a second of the trace, 1 to 10 (5)")
    cast.add_argument("--theme", default=None, metavar="NAME", help="colours; see themes/")


def run(args: argparse.Namespace) -> int:
    """Export; say on standard error what was written, and what of the trace could not be used."""
    from loopscope.cli.replay import find, short_name

    path = find(args.file)
    short = short_name(path)
    target: Path | None = args.output
    if target is not None and str(target) == STDOUT:
        return _to_stdout(path, args)
    if args.to == CAST:
        return _film(path, target or Path(f"{short}.cast"), args)
    export = EXPORTS[args.to]
    target = target or Path(f"{short}-{export.name}" if export.files else short + export.ending)
    paths = [target / name for name in export.files] or [target]
    return _write(export, path, paths, target, force=args.force)


def _to_stdout(path: Path, args: argparse.Namespace) -> int:
    """Export into a file that goes to standard output when it is whole, and then away."""
    if args.to != CAST and EXPORTS[args.to].files:
        raise InputError(f"-o -: {args.to} is a folder of files, which standard output is not; name a folder")
    with tempfile.TemporaryDirectory(prefix=_TO_STDOUT) as folder:
        made = Path(folder) / "export"
        cast = args.to == CAST
        code = _film(path, made, args) if cast else _write(EXPORTS[args.to], path, [made], made, force=False)
        with made.open("rb") as file:
            shutil.copyfileobj(file, sys.stdout.buffer)
        sys.stdout.buffer.flush()
    return code


def _write(export: Export, path: Path, paths: list[Path], target: Path, *, force: bool) -> int:
    from loopscope.trace.exports.output import Output
    from loopscope.trace.reader import read

    with read(path) as reading:
        if export.files and target.exists() and not target.is_dir():
            raise InputError(f"cannot write {plain(str(target))}: it is a file, and {export.name} is a folder of files")
        with Output(paths, force=force) as output:
            exporter = export.make(output.files, reading.header)
            try:
                with Progress(path) as progress:
                    _copy(reading, exporter, progress)
                exporter.finish()
            except BaseException:
                getattr(exporter, "abandon", lambda: None)()
                raise
        _say(reading.outcome.words, path, target, getattr(exporter, "left_out", 0))
    return 0


def _copy(reading: "Reading", exporter: Exporter, progress: "Progress") -> None:
    origin = reading.header.t_ns
    for count, record in enumerate(reading):
        exporter.feed(record)
        if not count % _LOOK_EVERY:
            progress.at((record.t_ns - origin) / 1e9)


def _film(path: Path, target: Path, args: argparse.Namespace) -> int:
    from loopscope.trace.exports.output import Output
    from loopscope.ui.film import shoot

    with Output([target], force=args.force) as output, Progress(path) as progress:
        problem = shoot(path, output.files[0], size=args.size, fps=args.fps, theme=args.theme, each_picture=progress.at)
    _say(problem, path, target, 0)
    return 0


def _say(problem: str, path: Path, target: Path, left_out: int) -> None:
    if problem:
        sys.stderr.write(f"loopscope: {plain(str(path))}: {problem}\n")
    if left_out:
        sys.stderr.write(
            f"loopscope: {left_out} slices are not drawn: too many of one agent overlap; the counters have them all\n"
        )
    if target.parent.name.startswith(_TO_STDOUT):
        return
    sys.stderr.write(f"written: {plain(str(target))}\n")


class Progress:
    """A bar on standard error for what takes over two seconds; nothing where that is no terminal."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._from_s = time.monotonic()
        self._bar: Any = None
        self._task: Any = None

    def __enter__(self) -> "Progress":
        return self

    def __exit__(self, *exc: object) -> None:
        if self._bar is not None:
            self._bar.stop()

    def at(self, seconds: float) -> None:
        """Tell how many seconds of the trace are done."""
        if self._bar is None:
            if time.monotonic() - self._from_s < _PROGRESS_S:
                return
            self._start()
        self._bar.update(self._task, completed=seconds)

    def _start(self) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn

        from loopscope.trace.reader import last_ns, read

        try:
            with read(self._path) as reading:
                total_s = max(0.0, (last_ns(self._path) - reading.header.t_ns) / 1e9)
        except TraceError:
            total_s = 0.0
        console = Console(stderr=True, highlight=False, markup=False)
        columns = (
            TextColumn("{task.description}", markup=False),
            BarColumn(30),
            TaskProgressColumn(),
            TimeElapsedColumn(),
        )
        self._bar = Progress(*columns, console=console, disable=not console.is_terminal, transient=True)
        self._task = self._bar.add_task("exporting", total=total_s or None)
        self._bar.start()


def _size(text: str) -> tuple[int, int]:
    width, _, height = text.lower().partition("x")
    try:
        size = int(width), int(height)
    except ValueError:
        size = (0, 0)
    if not (60 <= size[0] <= 400 and 16 <= size[1] <= 150):
        raise argparse.ArgumentTypeError(f"{text!r} is no size; width x height from 60x16 to 400x150, e.g. 120x40")
    return size


def _fps(text: str) -> float:
    try:
        fps = float(text)
    except ValueError:
        fps = 0.0
    if not 1 <= fps <= 10:
        raise argparse.ArgumentTypeError(f"{text!r} is no rate; from 1 to 10 pictures a second")
    return fps
