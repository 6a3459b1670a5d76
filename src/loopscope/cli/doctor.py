"""``loopscope doctor``: what can be measured here, what not, and why; ``--selftest``: do planted causes come back?"""

import argparse
import importlib
import json
import shutil
import sys
from dataclasses import asdict

from loopscope.report.grid import Column, lines
from loopscope.session.doctor import Check, examine

NAME = "doctor"
HELP = """Say what can be measured on this machine and what not, and why. Takes about two seconds.

  loopscope doctor               loops and their floors, power, servers, clock, terminal, versions
  loopscope doctor --json        the same as one JSON object
  loopscope doctor --selftest    plant known causes in short sessions and say whether they come back (two minutes)"""

_COLUMNS = (Column("", left=True), Column("", left=True), Column("", left=True), Column("", left=True))


def configure(parser: argparse.ArgumentParser) -> None:
    """Add this verb's arguments."""
    parser.add_argument("--json", action="store_true", help="print one JSON object, nothing else")
    parser.add_argument("--selftest", action="store_true", help="plant known causes and see whether they come back")


def run(args: argparse.Namespace) -> int:
    """Run the verb; gives the exit code: 0, or 1 when a planted cause did not come back."""
    if args.selftest:
        return _selftest(as_json=args.json)
    checks = [*examine(_progress), *terminal()]
    if args.json:
        data = {"checks": [asdict(check) for check in checks], "absent": [c.name for c in checks if not c.ok]}
        sys.stdout.write(json.dumps(data, indent=2) + "\n")
        return 0
    rows, last = [], ""
    for check in checks:
        rows.append(["" if check.group == last else check.group, check.name, "ok" if check.ok else "-", check.words])
        last = check.group
    width = max(60, shutil.get_terminal_size((120, 40)).columns)
    sys.stdout.write("\n".join(lines(_COLUMNS, rows, width)[1:]) + "\n")
    absent = sum(not check.ok for check in checks)
    sys.stdout.write(f"\n{len(checks) - absent} of {len(checks)} are there; '-' stands where something is not.\n")
    return 0


def terminal() -> list[Check]:
    """What the terminal around us can show."""
    from rich.console import Console

    module = importlib.import_module("loopscope.ui.terminal")
    why_not: str = module.usable()
    ascii_only: bool = module.needs_ascii()
    colours = Console(stderr=True).color_system
    size = shutil.get_terminal_size((0, 0))
    cells = f"{size.columns} x {size.lines} cells" if size.columns else "its size is not known"
    return [
        Check("terminal", "live screen", not why_not, why_not or cells),
        Check("terminal", "colours", colours is not None, colours or "none: no terminal, or NO_COLOR is set"),
        Check(
            "terminal", "unicode", not ascii_only,
            "plain ASCII stands in for braille and blocks" if ascii_only else "braille and blocks can be drawn",
        ),
    ]  # fmt: skip


def _selftest(*, as_json: bool) -> int:
    from loopscope.session.selftest import CASES, run_case

    results = []
    for number, case in enumerate(CASES, 1):
        _progress(f"{number} of {len(CASES)}: {case.name} on {case.loop}")
        results.append(run_case(case))
    good = all(result.ok for result in results)
    if as_json:
        sys.stdout.write(json.dumps({"ok": good, "cases": [asdict(result) for result in results]}, indent=2) + "\n")
        return 0 if good else 1
    for result in results:
        sys.stdout.write(f"{'ok  ' if result.ok else 'MISS'}  {result.name:<22} {result.loop:<8} {result.words}\n")
    missed = sum(not result.ok for result in results)
    sys.stdout.write(
        "\nEvery planted cause came back.\n"
        if good
        else f"\n{missed} of {len(results)} planted causes did not come back as they should: is the machine busy?\n"
    )
    return 0 if good else 1


def _progress(text: str) -> None:
    sys.stderr.write(f"loopscope: {text}\n")
    sys.stderr.flush()
