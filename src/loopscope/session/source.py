"""What a screen stands on: live or replay, it cannot tell which, but for what :class:`Abilities` allow."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from loopscope.model.snapshot import EMPTY, Floats, MarkView, Snapshot
from loopscope.model.summary_types import Summary
from loopscope.session.procedure import Procedure


@dataclass(frozen=True, slots=True)
class Abilities:
    """What this source lets the operator do."""

    levers: bool = False
    """Levers act (live)."""
    playback: bool = False
    """Play, pause, seek, step, speed, loop: a replay, or a live session of which the past can be looked at."""
    procedures: bool = False
    """Calibration, ramp, A-B-B-A can be run here: see :meth:`Source.run`."""


@dataclass(frozen=True, slots=True)
class Playback:
    """Where a replay stands. ``length_s`` is the whole trace (live: what has been recorded so far)."""

    position_s: float
    length_s: float
    playing: bool
    speed: float = 1.0
    live: bool = False
    """What is shown is now; the position follows the session."""
    loop: bool = False
    """Begins anew at the end."""


SPEEDS = (0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0)


@dataclass(frozen=True, slots=True, eq=False)
class Overview:
    """The whole run at a glance, for a time line that one can seek on: equal steps, nan where there is nothing.

    Shapes: every array has one entry a step.
    """

    t_s: Floats = field(default_factory=lambda: EMPTY)
    """Starts of the steps."""
    step_s: float = 1.0
    chunks_s: Floats = field(default_factory=lambda: EMPTY)
    lag_ms: Floats = field(default_factory=lambda: EMPTY)
    """Largest lag in the step, above the idle floor."""
    delay_ms: Floats = field(default_factory=lambda: EMPTY)
    """Largest delivery delay in the step."""
    elu: Floats = field(default_factory=lambda: EMPTY)
    marks: tuple[MarkView, ...] = ()
    """Levers, marks, findings (when they began), losses: of the whole run, oldest first."""


@dataclass(frozen=True, slots=True, eq=False)
class Progress:
    """How far a procedure is, or how the last one ended."""

    name: str
    """See :class:`loopscope.session.procedure.Procedure`."""
    title: str
    running: bool
    done: float
    """Share in [0, 1]."""
    words: str
    """What it does just now."""
    seconds: float
    """Since it began; how long it took, once it is over."""
    about_s: float
    """How long it takes with its defaults, about."""
    result: object | None = None
    """The frozen dataclass that it gave; ``None`` while it runs and where it has none."""
    problem: str = ""
    """Why there is no result: one sentence, or "cancelled"."""


class Source(Protocol):
    """Gives snapshots, takes orders. Every method returns at once; none may be called before :meth:`start`."""

    abilities: Abilities
    title: str
    """One line for the header: what is looked at ("embedded pair", "calm-pair.jsonl")."""
    recording: str
    """Path of the trace being written, or empty."""
    steps: list[tuple[str, float]]
    """What :meth:`start` has done so far: each step in words, and when it began (``time.monotonic``)."""

    def start(self) -> None:
        """Begin. Raises LoopscopeError when the session cannot come up."""

    def ask(self, answer: Callable[[Snapshot], None]) -> None:
        """Ask for a fresh snapshot: ``answer`` is called once from a thread of the source; late asks merge."""

    def pull(self, lever: str, value: str, by: str = "key") -> None:
        """Pull a lever. Raises InputError for a value that it does not have."""

    def mark(self, words: str) -> None:
        """Put a word on the time line."""

    def playback(self) -> Playback | None:
        """Where a replay stands; ``None`` where there is no past to look at."""

    def play(self, playing: bool) -> None:
        """Play or pause. Live: pausing stays at this moment of the recording, while it goes on."""

    def seek(self, position_s: float) -> None:
        """Go to a moment (clamped to what there is). Live: leaves now; the session goes on and is recorded."""

    def step(self, seconds: float) -> None:
        """Pause, and move by so much."""

    def set_speed(self, speed: float) -> None:
        """Play so many times as fast; one of :data:`SPEEDS`."""

    def set_loop(self, loop: bool) -> None:
        """Begin anew at the end, or stay there."""

    def now(self) -> None:
        """Back to the present (live), to the end (replay)."""

    def overview(self) -> Overview | None:
        """The whole run at a glance, as far as it is known at this moment; ``None`` while nothing is."""

    def run(self, procedure: Procedure, /, **args: str) -> None:
        """Start a procedure in a thread of its own; returns at once.

        Raises InputError: it takes no such argument, another one runs, or none can be run here.
        """

    def procedure(self) -> Progress | None:
        """How far the procedure is that runs, or how the last one ended; ``None`` before the first."""

    def cancel(self) -> None:
        """Cancel the procedure that runs; it ends within some tenths of a second. Nothing when none does."""

    def stop(self) -> Summary:
        """End every process, close the file; give the summary object (what ``--json`` prints)."""
