"""What a session is asked to do, checked before anything starts."""

from dataclasses import dataclass, field
from pathlib import Path

from loopscope.core.errors import InputError
from loopscope.core.format import number
from loopscope.model.findings import levels_from
from loopscope.session.urls import normalise
from loopscope.settings import dialects, levers, scenario
from loopscope.settings.injected_faults import parse_injected_fault
from loopscope.settings.levers.placement import loops_of
from loopscope.settings.thresholds import limits_from

MAX_RATE = 1_000_000.0


@dataclass(frozen=True, slots=True)
class SessionOptions:
    """Everything that the command line can say about a session."""

    urls: tuple[str, ...] = ()
    api: str = ""
    """A dialect of :mod:`loopscope.settings.dialects`, or empty: find out."""
    model: str = ""
    tokens: int = 0
    """Tokens a request; 0: as the scenario says."""
    rate: float = 0.0
    """Tokens per second of each embedded stream; 0: as the emulated model has it."""
    embedded: bool = False
    """Do not look for servers, start the embedded pair."""
    scenario: str = scenario.DEFAULT
    levers: dict[str, str] = field(default_factory=levers.defaults)
    record: Path | None = None
    overwrite: bool = False
    drain_s: float = 10.0
    findings: tuple[tuple[str, str], ...] = ()
    """Orders of level and names, as :func:`loopscope.model.findings.levels_from` takes them."""
    thresholds: tuple[str, ...] = ()
    """``name=value``, as :func:`loopscope.settings.thresholds.limits_from` takes them."""
    emulator_args: tuple[str, ...] = ()
    """More options for both emulators of the embedded pair, also for the bench."""
    each_emulator: tuple[tuple[str, ...], ...] = ()
    """More options for the first of them, for the second, for the bench."""
    emulators: int = 2
    """How many emulators stand in for servers: one costs a small machine less, where only the client is measured."""
    embedded_host: str = ""
    """The name by which agents call the embedded pair; empty: 127.0.0.1. For the bench."""
    idle: bool = False
    """No agent streams until a procedure starts some."""
    plants: tuple[str, ...] = ()
    """Planted causes, for the self-test bench: see :mod:`loopscope.settings.injected_faults`."""

    @property
    def family(self) -> str:
        """What the servers must speak: ``ollama``, ``openai``, or empty: find out."""
        return dialects.FAMILY.get(self.api, "")

    def check(self) -> None:
        """Raise InputError for what cannot be meant."""
        if not 0 <= self.tokens <= scenario.MAX_TOKENS:
            raise InputError(f"--tokens {self.tokens}: from 1 to {scenario.MAX_TOKENS}")
        if not 0 <= self.rate <= MAX_RATE:
            raise InputError(f"--rate {number(self.rate)}: from 0 (the model's own) to {number(MAX_RATE)} tokens/s")
        if self.rate and self.urls:
            raise InputError("--rate sets the speed of the embedded pair; servers of your own have their own speed")
        if self.embedded and self.urls:
            raise InputError("--embedded and URLs exclude each other")
        if not dialects.emulated(self.api) and not self.urls:
            raise InputError(f"--api {self.api} is no dialect of the embedded pair: give the URL of such a server")
        for name, value in self.levers.items():
            levers.canonical(name, value)
        loops_of(self.levers["placement"], int(self.levers["agents"]))
        if words := levers.refused(self.levers, urls=self.urls):
            raise InputError(words)
        levels_from(self.findings)
        limits_from(self.thresholds)
        for url in self.urls:
            normalise(url)
        for text in self.plants:
            parse_injected_fault(text)
