"""Resources that everything shares that serves a request: the event loop, the counters and the card."""

from dataclasses import dataclass

from loopscope.emulator.power import Card
from loopscope.emulator.reactor import Reactor
from loopscope.emulator.truth import Ledger


@dataclass(frozen=True, slots=True)
class Resources:
    """The shared parts of one emulator."""

    reactor: Reactor
    ledger: Ledger
    card: Card
