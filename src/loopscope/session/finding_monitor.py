"""The judge: asks every rule about once a second, and says what began to hold and what has ceased to."""

from collections.abc import Mapping
from dataclasses import dataclass

from loopscope.core.clock import NS_PER_S
from loopscope.core.records import Finding
from loopscope.model.findings import ALLOW, RULES, Found
from loopscope.model.snapshot import Snapshot
from loopscope.settings.thresholds import Limits

HOLD_NS = 2 * NS_PER_S
"""A rule must hold for so long without a break before it is told: one bad second is none. Not for events."""
KEEP_NS = 3 * NS_PER_S
"""What is told stays for so long at least, or nobody could read it ..."""
CLEAR_NS = 2 * NS_PER_S
"""... and goes when the rule has not held for so long without a break."""
RENEW_NS = 5 * NS_PER_S
"""While it holds, its numbers are told anew that often."""


@dataclass(slots=True)
class _Case:
    """What is known of one rule."""

    held_since_ns: int | None = None
    free_since_ns: int | None = None
    on_at_ns: int | None = None
    told_at_ns: int = 0
    told: Found | None = None
    under: str = ""
    """The cause that it was last told under."""


class FindingMonitor:
    """Not for several threads. ``levels`` says for each rule whether it warns, notes, or is not asked."""

    def __init__(self, levels: Mapping[str, str], limits: Limits) -> None:
        self._levels = {name: level for name, level in levels.items() if level != ALLOW and name in RULES}
        self._limits = limits
        self._cases = {name: _Case() for name in self._levels}

    def look(self, snapshot: Snapshot, at_ns: int) -> list[Finding]:
        """Ask the rules; give the records of what changed."""
        records = []
        answers = {name: RULES[name].ask(snapshot, self._limits) for name in self._cases}
        # Where there is no longer enough to look at (the streams have ended), nothing holds either.
        held = {name: answer for name, answer in answers.items() if isinstance(answer, Found)}
        for name, case in self._cases.items():
            under = next((cause for cause in RULES[name].follows if cause in held), "")
            record = self._weigh(name, case, held.get(name), under, at_ns)
            if record is not None:
                records.append(record)
        return records

    def _weigh(self, name: str, case: _Case, held: Found | None, under: str, at_ns: int) -> Finding | None:
        if held is None:
            case.held_since_ns = None
            case.free_since_ns = at_ns if case.free_since_ns is None else case.free_since_ns
            if case.on_at_ns is None or at_ns - case.on_at_ns < KEEP_NS or at_ns - case.free_since_ns < CLEAR_NS:
                return None
            case.on_at_ns = case.told = None
            return Finding(t_ns=at_ns, proc="session", name=name, on=False, severity=self._levels[name])
        case.free_since_ns = None
        case.held_since_ns = at_ns if case.held_since_ns is None else case.held_since_ns
        if case.on_at_ns is None:
            if at_ns - case.held_since_ns < HOLD_NS and not RULES[name].event:
                return None
            case.on_at_ns = at_ns
        elif under == case.under and (at_ns - case.told_at_ns < RENEW_NS or case.told == held):
            return None
        case.told, case.told_at_ns, case.under = held, at_ns, under
        return Finding(
            t_ns=at_ns,
            proc="session",
            name=name,
            on=True,
            sentence=held.sentence,
            evidence=held.evidence,
            lever=held.lever,
            severity=self._levels[name],
            figures=held.figures,
            under=under,
        )
