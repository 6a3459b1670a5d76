"""What a rule is, and the three answers that it may give."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from loopscope.model.snapshot import Snapshot
from loopscope.settings.levers.loop import loops_here
from loopscope.settings.thresholds import Limits

WARN, NOTE, ALLOW = "warn", "note", "allow"
"""Levels of a rule: it warns; it says what is worth knowing and no harm; it is not asked."""


@dataclass(frozen=True, slots=True)
class Fine:
    """There was enough to look at, and it does not hold."""


@dataclass(frozen=True, slots=True)
class NotEnough:
    """It cannot be said: ``missing`` names what there would have to be."""

    missing: str


@dataclass(frozen=True, slots=True)
class Found:
    """It holds: one sentence with its number, what it rests on (in words and as numbers), and what to try."""

    sentence: str
    evidence: str
    figures: dict[str, float]
    lever: str = ""


Answer = Fine | NotEnough | Found
FINE = Fine()


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule: a pure function of a snapshot and the thresholds, its name, and how loud it is by default."""

    name: str
    level: str
    limits: tuple[str, ...]
    """The thresholds that it looks at."""
    ask: Callable[[Snapshot, Limits], Answer]
    event: bool = False
    """It looks for what has happened, not for what goes on. One pause of a server is in sight for the three seconds
    that rules look at, which is too short to hold for two of them each time (seen: told in 1 of 6 sessions): such a
    rule is told at first sight.
    """
    follows: tuple[str, ...] = ()
    """Rules that cause this one: while one of them holds, it is told under that, not beside it."""


Figure = tuple[str, float | None, str]
"""A number behind a finding: its name with the unit, its value, and how people read it."""


def found(sentence: str, figures: Iterable[Figure], lever: str = "") -> Found:
    """Make a finding; figures that are not known are left out."""
    known = [(name, value, words) for name, value, words in figures if value is not None]
    return Found(
        sentence, ", ".join(words for _, _, words in known), {name: float(value) for name, value, _ in known}, lever
    )


def lever(snapshot: Snapshot, name: str) -> str:
    """Value of a lever now; empty when the session has no such lever."""
    return next((view.value for view in snapshot.levers if view.name == name), "")


def lighten(snapshot: Snapshot) -> str:
    """Give the lever that takes most off the loop and is not pulled yet; words where there is none."""
    if lever(snapshot, "loop") == "asyncio" and "uvloop" in loops_here():
        return "loop=uvloop"
    if lever(snapshot, "decoder") == "json":
        return "decoder=orjson"
    if lever(snapshot, "batch") == "off":
        return "batch=read:50ms"
    return fewer_agents(snapshot) or "less work a chunk on the loop (uvloop, larger reads), or a second process"


def fewer_agents(snapshot: Snapshot) -> str:
    """Give the lever that halves the agents; empty when there is only one, or no such lever."""
    agents = lever(snapshot, "agents")
    return f"agents={int(agents) // 2}" if agents.isdecimal() and int(agents) > 1 else ""
