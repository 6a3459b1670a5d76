"""What each face of loopscope shows, printed as one JSON object: run where things were added to the package."""

import argparse
import contextlib
import io
import json
import sys
import tempfile
from pathlib import Path

from kit.tape import Rig, S, header, hello, lever, merged
from loopscope.cli import live, main
from loopscope.cli.options import options_from
from loopscope.core.records import Header
from loopscope.draw.ink import text_of
from loopscope.model.findings import levels_from
from loopscope.model.fold import Fold
from loopscope.model.snapshot import Snapshot
from loopscope.rig.clients import client_class
from loopscope.rig.levers import Levers
from loopscope.session import doctor
from loopscope.session.finding_monitor import FindingMonitor
from loopscope.session.source import Abilities
from loopscope.settings.levers import defaults, no_effect, refused
from loopscope.streams.dialects import DIALECTS
from loopscope.trace.writer import TraceWriter
from loopscope.ui import actions
from loopscope.ui.panes import findings, ledger, levers
from loopscope.ui.view import View


def said(*words: str) -> str:
    """What a verb prints."""
    out = io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.suppress(SystemExit):
        main(words)
    return out.getvalue()


def options(*words: str) -> dict[str, str]:
    """The levers and the dialect that a command line means."""
    parser = argparse.ArgumentParser()
    live.configure(parser)
    chosen = options_from(parser.parse_args(words), None)
    return {**chosen.levers, "api": chosen.api}


def tape() -> list[object]:
    """A session in which the added lever is pulled, and the added finding told."""
    monitor = FindingMonitor(levels_from([("allow", "all"), ("warn", "full-moon")]), {})
    start = header(levers=defaults())
    found = [record for at in range(4) for record in monitor.look(Snapshot(), start.t_ns + (4 + at) * S)]
    pull = lever(8 * S, "gears", "low", "high")
    return list(merged(start, hello(), Rig(S // 2, 8 * S), *found, pull, Rig(8 * S, 24 * S)))


def faces() -> dict[str, str]:
    """Each face by its name."""
    records = tape()
    fold = Fold()
    for record in records:
        fold.feed(record)
    view = View(fold.snapshot(), abilities=Abilities(levers=True))
    dials = Levers()
    dials.set("gears", "high")
    shown = {
        "--help": said("--help"),
        "ceiling --help": said("ceiling", "--help"),
        "export --help": said("export", "--help"),
        "options": json.dumps(options("--gears", "high", "--client", "parrot", "--api", "morse")),
        "keys": " ".join(f"{act.id} {act.keys} {act.about}" for act in actions.ACTIONS),
        "levers pane": "\n".join(text_of(levers.draw(view, 120, 20)).splitlines()),
        "ledger": "\n".join(text_of(ledger.draw(view, 120, 20)).splitlines()),
        "findings": "\n".join(text_of(findings.listing(view, 120, 20)).splitlines()),
        "doctor": json.dumps([(check.name, check.ok) for check in doctor._clients()]),
        "rig": json.dumps([dials.throttle_hz, client_class("parrot").name, DIALECTS["morse"].path]),
        "rules": json.dumps([no_effect("gears", defaults()), refused(defaults() | {"client": "parrot"}, ["morse"])]),
    }
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "run.jsonl"
        with TraceWriter(path) as writer:
            for record in records:
                writer.write(record)
        assert isinstance(records[0], Header)
        shown["report"] = said("report", str(path))
        shown["--json"] = said("replay", str(path), "--json")
        main(["export", str(path), "--to", "tally", "-o", str(path.with_suffix(".txt"))])
        shown["export"] = path.with_suffix(".txt").read_text()
    return shown


if __name__ == "__main__":
    json.dump(faces(), sys.stdout)
