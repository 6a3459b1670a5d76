"""``loopscope doctor``: what can be measured here, what not, and why; ``--selftest``: do planted causes come back?"""

import argparse
import json
import shutil
import sys
import time
from dataclasses import asdict
from typing import TYPE_CHECKING

from loopscope.core.errors import InputError
from loopscope.core.format import NONE, rate, seconds
from loopscope.report.columns import Table, figure, word
from loopscope.report.grid import lines
from loopscope.session.doctor import Check, examine

if TYPE_CHECKING:
    from loopscope.experiments.selftest import Result

NAME = "doctor"
HELP = """Say what can be measured on this machine and what not, and why. Takes about two seconds.

  loopscope doctor               loops and their floors, power, servers, clock, terminal, versions
  loopscope doctor --json        the same as one JSON object
  loopscope doctor --selftest    plant known causes in short sessions on every loop, and say whether they come back:
                                 the right finding and no other, with the right size (eleven minutes)
  loopscope doctor --selftest --cause 'GIL held' --cause idle    only these

On a machine that others use as well a size may not come back. The self-test measures how much of the cores others had
meanwhile, tries such a case again, and says 'noisy' where it cannot be judged."""

_START_S = 1.6
"""From the start of a session to its first chunk, and its end."""
_CASES: "Table[Result]" = (
    word("", lambda one: one.verdict),
    word("cause", lambda one: one.name),
    word("loop", lambda one: one.loop),
    word("found", lambda one: ", ".join(one.findings) or NONE),
    word("sizes", lambda one: one.words or NONE),
    figure("others", lambda one: one.others, rate),
)
_CHECKS: Table[tuple[str, Check]] = (
    word("", lambda row: row[0]),
    word("", lambda row: row[1].name),
    word("", lambda row: "ok" if row[1].ok else NONE),
    word("", lambda row: row[1].words),
)
"""Each check behind its group, which is named once."""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add this verb's arguments."""
    parser.add_argument("--json", action="store_true", help="print one JSON object, nothing else")
    parser.add_argument("--selftest", action="store_true", help="plant known causes and see whether they come back")
    parser.add_argument(
        "--cause",
        action="append",
        metavar="NAME",
        help="with --selftest: only this one; may be given again ('list' tells them all)",
    )


def run(args: argparse.Namespace) -> int:
    """Run the verb; gives the exit code: 0, or 1 when a planted cause did not come back.

    Raises:
        InputError: there is no such cause.
    """
    if args.cause and not args.selftest:
        raise InputError("--cause belongs to --selftest")
    if args.selftest:
        return _selftest(args.cause or [], as_json=args.json)
    checks = [*examine(_progress), *terminal()]
    if args.json:
        data = {"checks": [asdict(check) for check in checks], "absent": [c.name for c in checks if not c.ok]}
        sys.stdout.write(json.dumps(data, indent=2) + "\n")
        return 0
    rows = [
        ("" if place and checks[place - 1].group == check.group else check.group, check)
        for place, check in enumerate(checks)
    ]
    width = max(60, shutil.get_terminal_size((120, 40)).columns)
    sys.stdout.write("\n".join(lines(_CHECKS, rows, width)[1:]) + "\n")
    absent = sum(not check.ok for check in checks)
    sys.stdout.write(f"\n{len(checks) - absent} of {len(checks)} are there; '{NONE}' stands where something is not.\n")
    return 0


def terminal() -> list[Check]:
    """What the terminal around us can show."""
    from rich.console import Console

    from loopscope.ui.terminal import needs_ascii, usable

    why_not = usable()
    ascii_only = needs_ascii()
    colours = Console(stderr=True).color_system
    size = shutil.get_terminal_size((0, 0))
    cells = f"{size.columns} x {size.lines} cells" if size.columns else "its size is not known"
    return [
        Check("terminal", "live screen", not why_not, why_not or cells),
        Check("terminal", "colours", colours is not None, colours or "none: no terminal, or NO_COLOR is set"),
        Check(
            "terminal",
            "unicode",
            not ascii_only,
            "plain ASCII stands in for braille and blocks" if ascii_only else "braille and blocks can be drawn",
        ),
    ]


def _selftest(wanted: list[str], *, as_json: bool) -> int:
    from loopscope.experiments.selftest import CASES, run_case

    names = list(dict.fromkeys(case.name for case in CASES))
    if wanted == ["list"]:
        sys.stdout.write("\n".join(names) + "\n")
        return 0
    unknown = sorted(set(wanted) - set(names))
    if unknown:
        raise InputError(f"there is no cause {unknown[0]!r}; causes: {', '.join(names)}")
    # The idle case comes along: the others stand on what the agents alone cost.
    cases = [case for case in CASES if not wanted or case.name in wanted or case.name == "idle"]
    long_s = sum(case.seconds + _START_S for case in cases)
    _progress(f"{len(cases)} sessions, about {max(1, round(long_s / 60))} min; more where others use the machine")
    idle: dict[str, dict[str, float]] = {}
    results = []
    began_s = time.monotonic()
    for number, case in enumerate(cases, 1):
        _progress(f"{number} of {len(cases)}: {case.name} on {case.loop}")
        result = run_case(case, idle.get(case.loop))
        if case.name == "idle":
            idle[case.loop] = result.idle
        results.append(result)
    counts = {verdict: sum(one.verdict == verdict for one in results) for verdict in ("ok", "miss", "noisy")}
    good = counts["ok"] == len(results)
    took_s = time.monotonic() - began_s
    if as_json:
        data = {"ok": good, "counts": counts, "seconds": round(took_s, 1), "cases": [asdict(one) for one in results]}
        sys.stdout.write(json.dumps(data, indent=2) + "\n")
        return 0 if good else 1
    width = max(100, shutil.get_terminal_size((200, 40)).columns)
    sys.stdout.write("\n".join(lines(_CASES, results, width)) + "\n")
    for one in results:
        sys.stdout.writelines(f"\n{one.verdict}: {one.name} on {one.loop}: {wrong}" for wrong in one.wrong)
    told = f"{counts['ok']} of {len(results)} planted causes came back as planted, in {seconds(took_s)}."
    if counts["noisy"]:
        told += f" {counts['noisy']} could not be judged: others used the cores; run it again when the machine is free."
    if counts["miss"]:
        told += f" {counts['miss']} did not come back as they should."
    sys.stdout.write(f"\n\n{told} Under 'others': cores that other processes used meanwhile.\n")
    return 0 if good else 1


def _progress(text: str) -> None:
    sys.stderr.write(f"loopscope: {text}\n")
    sys.stderr.flush()
