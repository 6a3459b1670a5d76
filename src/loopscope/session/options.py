"""What a session is asked to do, checked before anything starts."""

from dataclasses import dataclass, field
from pathlib import Path

from loopscope.core.errors import InputError
from loopscope.settings import levers, scenario

MAX_RATE = 1_000_000.0


@dataclass(frozen=True, slots=True)
class SessionOptions:
    """Everything that the command line can say about a session."""

    urls: tuple[str, ...] = ()
    api: str = ""
    """``ollama``, ``openai``, or empty: find out."""
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

    def check(self) -> None:
        """Raise InputError for what cannot be meant."""
        if not 0 <= self.tokens <= scenario.MAX_TOKENS:
            raise InputError(f"--tokens {self.tokens}: from 1 to {scenario.MAX_TOKENS}")
        if not 0 <= self.rate <= MAX_RATE:
            raise InputError(f"--rate {self.rate:g}: from 0 (the model's own) to {MAX_RATE:g} tokens per second")
        if self.rate and self.urls:
            raise InputError("--rate sets the speed of the embedded pair; servers of your own have their own speed")
        if self.embedded and self.urls:
            raise InputError("--embedded and URLs exclude each other")
        for name, value in self.levers.items():
            levers.canonical(name, value)
