"""What a screen stands on: live or replay, it cannot tell which, but for what :class:`Abilities` allow."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from loopscope.model.snapshot import Snapshot


@dataclass(frozen=True, slots=True)
class Abilities:
    """What this source lets the operator do."""

    levers: bool = False
    """Levers act (live)."""
    playback: bool = False
    """Play, pause (replay)."""


@dataclass(frozen=True, slots=True)
class Playback:
    """Where a replay stands. ``length_s`` is the whole trace."""

    position_s: float
    length_s: float
    playing: bool
    speed: float = 1.0


class Source(Protocol):
    """Gives snapshots, takes orders. Every method returns at once; none may be called before :meth:`start`."""

    abilities: Abilities
    title: str
    """One line for the header: what is looked at ("embedded pair", "calm-pair.jsonl")."""
    recording: str
    """Path of the trace being written, or empty."""

    def start(self) -> None:
        """Begin. Raises LoopscopeError when the session cannot come up."""

    def ask(self, answer: Callable[[Snapshot], None]) -> None:
        """Ask for a fresh snapshot: ``answer`` is called once from a thread of the source; late asks merge."""

    def pull(self, lever: str, value: str, by: str = "key") -> None:
        """Pull a lever. Raises InputError for a value that it does not have."""

    def mark(self, words: str) -> None:
        """Put a word on the time line."""

    def playback(self) -> Playback | None:
        """Where a replay stands; ``None`` when live."""

    def play(self, playing: bool) -> None:
        """Play or pause a replay."""

    def stop(self) -> dict[str, Any]:
        """End every process, close the file; give the summary object (what ``--json`` prints)."""
