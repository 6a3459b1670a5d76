"""``loopscope scenario``: rounds of agents alone and together, and where the missing percent went."""

import argparse
import json
import shutil
import sys
from pathlib import Path

from loopscope.cli import headless
from loopscope.cli.options import add_session_options, options_from
from loopscope.cli.written import trace_file
from loopscope.core.errors import LoopscopeError
from loopscope.settings import scenario as scenarios

NAME = "scenario"
HELP = """Run a scenario in rounds: a warm-up that counts nowhere, each agent alone, then all together. Prints a row a
round, the three efficiencies by their names, and an exact sum of what was lost.

  measured   what each agent's work took alone, over the round: the headline
  wall       the agents' own wall times, over the round (a published formula)
  reported   what the servers reported in the same round (the other published formula)

  loopscope scenario                                     list the scenarios that ship
  loopscope scenario chimera-homo --rounds 5             on two Ollama servers if they answer, else the embedded pair
  loopscope scenario tr116 --embedded                    the published 86 %, rebuilt and taken apart
  loopscope scenario my.toml http://127.0.0.1:11434 --json > rounds.json
  loopscope audit rounds.json                            what those rounds can and cannot show"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add this verb's arguments."""
    parser.add_argument(
        "name", nargs="?", default="", metavar="NAME|FILE", help="a scenario; without one they are listed"
    )
    group = parser.add_argument_group("rounds (default: as the scenario says)")
    group.add_argument("--rounds", default="", metavar="N", help="concurrent rounds")
    group.add_argument(
        "--solo", default="", metavar="N", help="requests of each agent alone; 0: no 'measured' efficiency"
    )
    group.add_argument("--warm-up", default="", metavar="N", help="rounds before anything counts")
    group.add_argument("-o", "--output", type=trace_file, default=None, metavar="FILE", help="write a trace too")
    group.add_argument("--force", action="store_true", help="write over a file that is there")
    how = group.add_mutually_exclusive_group()
    how.add_argument("--json", action="store_true", help="print one JSON object, nothing else")
    how.add_argument("--md", action="store_true", help="Markdown, for a page or an issue")
    add_session_options(parser, scenario=False)


def run(args: argparse.Namespace) -> int:
    """Run the verb; gives the exit code: 0, or 130 after Ctrl-C."""
    if not args.name:
        return _list()
    from loopscope.experiments.round_results import ScenarioResult
    from loopscope.report.procedure_results.markdown import scenario as markdown
    from loopscope.report.rounds import data, render

    args.scenario = args.name
    result, problem, unwritten = _rounds(args)
    if isinstance(result, ScenarioResult):
        if args.json:
            sys.stdout.write(json.dumps(data(result), indent=2, allow_nan=False) + "\n")
        elif args.md:
            sys.stdout.write(markdown(result) + "\n")
        else:
            width = max(60, min(120, shutil.get_terminal_size((110, 40)).columns))
            sys.stdout.write(render(result, width) + "\n")
    if args.output is not None and not unwritten:
        headless.say(f"written: {args.output}  (open it with: loopscope replay {args.output})")
    if problem == "cancelled":
        headless.say("loopscope scenario: interrupted; no result")
        return 130
    if problem:
        raise LoopscopeError(problem)
    if unwritten:
        raise LoopscopeError(f"the recording is not complete: {unwritten}")
    return 0


def _list() -> int:
    for name in scenarios.names():
        sys.stdout.write(f"  {name:<22}{scenarios.load(name).words}\n")
    sys.stdout.write("\nloopscope scenario NAME runs one; loopscope scenario --help teaches the rest.\n")
    return 0


def _rounds(args: argparse.Namespace) -> tuple[object, str, str]:
    """Run all rounds; give the result, why there is none, and what is wrong with the trace."""
    import dataclasses

    from loopscope.cli.procedures import run_with_bar
    from loopscope.experiments.rounds import check
    from loopscope.session.live import LiveSource

    options = options_from(args, args.output, overwrite=args.force)
    plan = scenarios.load(options.scenario)
    asked = {"called": Path(args.name).stem}
    for name in ("rounds", "solo", "warm_up"):
        if word := getattr(args, name):
            asked[name] = word
    check(asked, plan)
    levers = options.levers | {"agents": str(max(plan.agent_counts))}
    source = LiveSource(dataclasses.replace(options, idle=True, levers=levers))
    return *run_with_bar(source, "scenario", asked), source.recording_problem
