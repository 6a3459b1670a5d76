"""``loopscope compare``: two traces, or two segments of one, and what can be said of their differences."""

import argparse
import json
import os
import shutil
import sys
from pathlib import Path

from loopscope.cli.progress import Progress
from loopscope.cli.replay import find
from loopscope.core.errors import InputError
from loopscope.core.format import seconds
from loopscope.core.text import plain
from loopscope.model.comparison import Comparison, Side, compare, segment_side, whole_side
from loopscope.report import gates
from loopscope.report.charts import Look
from loopscope.report.compare import as_data, as_markdown, as_text
from loopscope.report.gates import FAILED, GATE_HELP, UNSURE
from loopscope.report.text import speaks_unicode, to_ascii
from loopscope.session.folding import Folded, fold_file
from loopscope.settings.levers import is_load

NAME = "compare"
HELP = f"""Say what differs between two runs, by how much, and how sure that is; "cannot tell" when it cannot.

  loopscope compare before.jsonl.zst after.jsonl.zst
  loopscope compare run.jsonl.zst --segments 1,2         two stretches between levers of one trace
  loopscope compare a.jsonl b.jsonl --segments 2,3       segment 2 of a, segment 3 of b
  loopscope compare a.jsonl b.jsonl --fail-if 'delay.p99 > +10%' --fail-if 'errors > 0'

Start-up and settling times are left out. Levers of the client (loop, batch, decoder, throttle, client) may differ: they
are what is compared. Runs of another source, machine, API, model, scenario, number of servers, agents or tokens are
refused, by naming what differs.

{GATE_HELP}"""

_UNSURE_CODE = 3
NARROWEST, WIDEST = 60, 200


def configure(parser: argparse.ArgumentParser) -> None:
    """Add this verb's arguments."""
    parser.add_argument("first", metavar="A", help="a trace, or the name of a recording that ships")
    parser.add_argument("second", nargs="?", metavar="B", help="another one; without it, two segments of A")
    parser.add_argument("--segments", type=_segments, metavar="N,M", help="which segment of each, counted from 1")
    parser.add_argument("--anyway", action="store_true", help="compare runs that are unlike")
    parser.add_argument("--fail-if", action="append", default=[], metavar="GATE", help="see below; repeatable")
    parser.add_argument(
        "--unsure-ok", action="store_true", help='a gate that "cannot tell" does not change the exit code'
    )
    parser.add_argument(
        "--confidence", type=_confidence, default=0.95, metavar="P", help="of each interval, 0.5 to 0.999 (0.95)"
    )
    how = parser.add_mutually_exclusive_group()
    how.add_argument("--json", action="store_true", help="print one JSON object")
    how.add_argument("--md", action="store_true", help="print Markdown")


def run(args: argparse.Namespace) -> int:
    """Compare; give the exit code."""
    wanted = [gates.parse_gate(text) for text in args.fail_if]
    if args.second is None and args.segments is None:
        raise InputError("compare needs two traces, or one with --segments N,M")
    found = compare(*_sides(args), args.confidence)
    if found.unlike and not args.anyway:
        raise InputError(f"these are different experiments ({'; '.join(found.unlike)}); --anyway compares them")
    judged = [gates.judge(gate, found) for gate in wanted]
    sys.stdout.write(_printed(args, found, judged) + "\n")
    outcomes = {one.outcome for one in judged}
    if FAILED in outcomes:
        return 1
    return _UNSURE_CODE if UNSURE in outcomes and not args.unsure_ok else 0


def _printed(args: argparse.Namespace, found: Comparison, judged: list[gates.Judged]) -> str:
    if args.json:
        return json.dumps(as_data(found, judged), indent=2, allow_nan=False)
    if args.md:
        return as_markdown(found, judged)
    width = min(max(shutil.get_terminal_size((120, 40)).columns, NARROWEST), WIDEST)
    color = sys.stdout.isatty() and not os.environ.get("NO_COLOR")
    text = as_text(found, judged, width, Look(width, color, speaks_unicode()))
    return text if speaks_unicode() else to_ascii(text)


def _sides(args: argparse.Namespace) -> tuple[Side, Side]:
    first = _folded(args.first)
    second = first if args.second is None else _folded(args.second)
    one = args.second is None
    if args.segments is None:
        _same_settings(first, second)
        return _whole(first), _whole(second)
    return (
        _segment(first, args.segments[0], one=one),
        _segment(second, args.segments[1], one=one),
    )


def _folded(name: str) -> Folded:
    path = find(name)
    with Progress(f"reading {path.name}") as progress:
        return fold_file(path, progress)


def _words(folded: Folded) -> list[str]:
    return [] if folded.outcome.whole else [plain(folded.outcome.words)]


def _whole(folded: Folded) -> Side:
    return whole_side(_label(folded.path), folded.fold, folded.kept, folded.summary, _words(folded))


def _segment(folded: Folded, number: int, *, one: bool) -> Side:
    segments = folded.summary.segments
    if number > len(segments):
        raise InputError(f"{_label(folded.path)} has {_listed(folded)}; there is no segment {number}")
    if segments[number - 1].loop is None:
        raise InputError(
            f"segment {number} of {_label(folded.path)} is too short: {segments[number - 1].words or 'no data'}"
        )
    label = f"segment {number}" if one else f"{_label(folded.path)}, segment {number}"
    return segment_side(label, folded.fold, folded.kept, folded.summary, number, _words(folded))


def _same_settings(first: Folded, second: Folded) -> None:
    """Whole runs are compared only where each has one setting, or both have the same ones, in the same order."""
    orders = [_settings(folded) for folded in (first, second)]
    if all(len(order) == 1 for order in orders) or orders[0] == orders[1]:
        return
    folded = first if len(orders[0]) > 1 else second
    raise InputError(
        f"{_label(folded.path)} has {_listed(folded)}, which would be mixed up; choose one of each with --segments N,M"
    )


def _settings(folded: Folded) -> list[dict[str, str]]:
    kept = [
        {name: text for name, text in segment.levers.items() if not is_load(name) or text}
        for segment in folded.summary.segments
        if segment.loop is not None
    ]
    return [levers for place, levers in enumerate(kept) if place == 0 or levers != kept[place - 1]]


def _listed(folded: Folded) -> str:
    segments = folded.summary.segments
    told = ", ".join(
        f"{number} from {seconds(segment.t0_s)} ({segment.opened_by or 'the start'})"
        for number, segment in enumerate(segments[:12], 1)
    )
    return f"{len(segments)} segments: {told}{', ...' if len(segments) > 12 else ''}"


def _label(path: Path) -> str:
    return plain(path.name.removesuffix(".zst").removesuffix(".jsonl"), 60)


def _segments(text: str) -> tuple[int, int]:
    words = text.split(",")
    if len(words) != 2 or not all(word.strip().isascii() and word.strip().isdigit() for word in words):
        raise argparse.ArgumentTypeError(f"{plain(text, 40)!r}: two numbers, e.g. 1,2")
    first, second = (int(word.strip()[:9]) for word in words)
    if not first or not second:
        raise argparse.ArgumentTypeError("segments count from 1")
    return first, second


def _confidence(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0.5 <= value <= 0.999:
        raise argparse.ArgumentTypeError(f"{plain(text, 40)!r} is no confidence from 0.5 to 0.999")
    return value
