"""What a case is, what is known when it has run, and how it is judged."""

from collections.abc import Callable
from dataclasses import dataclass, field

from loopscope.core.format import number
from loopscope.model.summary_types import FindingSummary, Summary

Figures = dict[str, float]


@dataclass(frozen=True, slots=True)
class Evidence:
    """All that is known of one session when it is over."""

    summary: Summary
    plants: dict[str, Figures] = field(default_factory=dict)
    """What each plant says it did, by its own clocks: see :class:`loopscope.rig.injected_faults.Account`."""
    delay_ms: Figures = field(default_factory=dict)
    """Mean delay as the rig has it (``found``), and by the emulators' log of what they sent (``truth``)."""
    others: float | None = None
    """Cores that processes other than ours used meanwhile, the hypervisor included; ``None``: this system does not
    tell."""
    idle: Figures = field(default_factory=dict)
    """``elu`` and ``cpu`` of the same agents on the same loop with nothing planted."""

    def finding(self, name: str) -> FindingSummary | None:
        """Give a finding of the session, the latest of its name."""
        return next((one for one in reversed(self.summary.findings) if one.name == name), None)

    def figure(self, finding: str, name: str) -> float | None:
        """A number behind a finding; ``None`` when it did not fire."""
        found = self.finding(finding)
        return None if found is None else found.figures.get(name)

    def did(self, plant: str, name: str) -> float | None:
        """What a plant did; ``None`` when it never acted."""
        return self.plants.get(plant, {}).get(name)


@dataclass(frozen=True, slots=True)
class Size:
    """A measured number, what is true, and how far apart they may be. ``calm``: it holds in an idle session too; it is
    asked for because a cause must leave it as it is.
    """

    name: str
    found: float | None
    truth: float | None
    within: float
    calm: bool = False
    upto: float | None = None
    """Where it can only be said between which two values the truth lies: the larger one."""

    def holds(self, slack: float = 1.0) -> bool:
        """Whether they are near enough; what is not known is not."""
        if self.found is None or self.truth is None:
            return False
        nearest = self.truth if self.upto is None else min(max(self.found, self.truth), self.upto)
        return abs(self.found - nearest) <= self.within * slack

    @property
    def words(self) -> str:
        """Both, for people."""
        found = f"{self.name} " + ("not known" if self.found is None else number(self.found))
        if self.truth is None:
            return found
        ends = dict.fromkeys(number(end) for end in (self.truth, self.upto) if end is not None)
        return f"{found} (true {' to '.join(ends)})"


@dataclass(frozen=True, slots=True)
class Case:
    """One cause on one loop."""

    name: str
    loop: str
    fires: frozenset[str] = frozenset()
    """Findings that must be told."""
    may: frozenset[str] = frozenset()
    """Findings that may be told as well, because they are true there."""
    ends: frozenset[str] = frozenset()
    """Findings that must have gone again by the end."""
    sizes: Callable[[Evidence], list[Size]] = lambda evidence: []
    seconds: float = 8.0
    plants: tuple[str, ...] = ()
    emulator: tuple[str, ...] = ()
    each_emulator: tuple[tuple[str, ...], ...] = ()
    host: str = ""
    levers: dict[str, str] = field(default_factory=dict)
    pulls: tuple[tuple[float, str, str], ...] = ()
    """Levers pulled meanwhile: seconds after the start, lever, value."""
    rate: float = 100.0
    tokens: int = 256
    program_streams: int = 0
    """Not agents of ours, but a program with so many streams under ``loopscope run``."""


MACHINE = "core-stolen"
"""True wherever somebody takes the cores: our own emulators and the neighbours of a shared machine do so, too. It has
the kernel's own count behind it, so it is never wrong; a case that is not about it may have it."""


def judge(case: Case, evidence: Evidence, slack: float = 1.0) -> list[str]:
    """Say what is wrong, in sentences; empty when all came back as it was planted. ``slack`` widens the sizes."""
    told = {one.name: one for one in evidence.summary.findings}
    wrong = [f"no finding {name!r}" for name in sorted(case.fires - set(told))]
    others = sorted(set(told) - case.fires - case.may - {MACHINE})
    wrong += [f"it says {name!r}: {told[name].sentence}" for name in others]
    held = [name for name in sorted(case.ends & set(told)) if told[name].until_s is None]
    wrong += [f"{name!r} still holds when its cause has gone" for name in held]
    return [*wrong, *(f"{size.words} is off" for size in case.sizes(evidence) if not size.holds(slack))]
