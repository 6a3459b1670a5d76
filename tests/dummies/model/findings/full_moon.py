"""A finding that a test adds."""

from loopscope.model.findings.rule import WARN, Answer, Rule, found
from loopscope.model.snapshot import Snapshot
from loopscope.settings.thresholds import Limits


def _full_moon(snapshot: Snapshot, limits: Limits) -> Answer:
    return found("The moon is full.", [("moons", 1.0, "1 moon")], "gears=high")


RULES = (Rule("full-moon", WARN, (), _full_moon),)
