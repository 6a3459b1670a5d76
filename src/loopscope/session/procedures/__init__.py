"""Procedures: what the session does by itself in steps (calibration, ramp, A-B-B-A), each in a module of its own.

A procedure is a function ``run(host, task, args) -> result`` (a frozen dataclass). It runs in a thread of its own,
looks at ``task`` often enough to be cancelled within a tenth of a second, and tells the host's trace of its steps
(:class:`~loopscope.core.records.Phase`) and of what it finds (:class:`~loopscope.core.records.Result`).
"""

import contextlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from loopscope.core.clock import now_ns
from loopscope.core.errors import InputError
from loopscope.core.records import AnyRecord, Phase, Record
from loopscope.session.options import SessionOptions


@dataclass(frozen=True, slots=True)
class Procedure:
    """One procedure by its name."""

    name: str
    title: str
    """For people: "Calibration"."""
    help: str
    """One sentence."""
    module: str
    """Where its ``run`` stands; imported when it is asked for."""
    about_s: float
    """About how long it takes with its defaults."""
    args: Mapping[str, str] = field(default_factory=dict)
    """What it may be told, each with what it means; values are strings, as on the command line."""


PROCEDURES: dict[str, Procedure] = {
    procedure.name: procedure
    for procedure in (
        Procedure(
            "calibration",
            "Calibration",
            "measures on emulators of its own what a wake-up, a read and a chunk cost with this client and loop",
            "loopscope.session.procedures.calibration",
            25.0,
            {
                "streams": "numbers of streams, e.g. 2,32",
                "loop": "another loop than now",
                "client": "another client than now",
            },
        ),
        Procedure(
            "ramp",
            "Ramp",
            "raises the offered rate past the hard ceiling, on emulators of its own or on the servers",
            "loopscope.session.procedures.ramp",
            45.0,
            {
                "shape": "rate (of each stream), streams (how many), or both",
                "streams": "how many, for shape=rate",
                "rate": "chunks/s of each stream, for shape=streams",
                "against": "own (emulators, the default) or servers (those of the session; shape=streams only)",
            },
        ),
        Procedure(
            "scenario",
            "Scenario rounds",
            "runs the session's scenario in rounds: each agent alone, then all together",
            "loopscope.session.procedures.rounds",
            60.0,
            {
                "rounds": "how many",
                "solo": "requests of each agent alone",
                "warm_up": "rounds before anything counts",
                "called": "its name in the trace",
            },
        ),
        Procedure(
            "ab",
            "A-B-B-A",
            "sets one lever to A and to B in turn and says what differs, with intervals",
            "loopscope.session.procedures.ab",
            60.0,
            {
                "lever": "lever=A,B (default: the last pull, its old and its new value)",
                "pairs": "how many, even (6)",
                "seconds": "length of each stretch, settling time not counted (3)",
                "verify": "name of a finding that holds: flips the lever that it proposes",
            },
        ),
    )
}


class CancelledError(Exception):
    """The operator (or the end of the session) has cancelled a procedure."""


class Task(Protocol):
    """The procedure's side of its own run."""

    def progress(self, done: float, words: str) -> None:
        """Tell how far it is (a share in [0, 1]) and what it does."""

    def check(self) -> None:
        """Raise CancelledError when it shall end."""

    def wait(self, seconds: float) -> None:
        """Sleep; raises CancelledError as soon as it shall end."""


class Host(Protocol):
    """The running session as a procedure sees it; a :class:`~loopscope.session.running.RunningSource` is one."""

    def emit(self, record: Record) -> None:
        """Put a record of the session's own into the trace and the fold."""

    def pull(self, lever: str, value: str, by: str = "key") -> None:
        """Pull a lever. Raises InputError."""

    def listen(self, heard: Callable[[AnyRecord], None]) -> Callable[[], None]:
        """Have every record from now on told to ``heard``, from the hub's thread; call what is given to end that."""

    def options_now(self) -> SessionOptions:
        """Give the session's options with the levers as they are now."""


def of_name(name: str, args: Mapping[str, str]) -> Procedure:
    """Give a procedure.

    Raises:
        InputError: there is none of that name, or it takes no such argument.
    """
    found = PROCEDURES.get(name)
    if found is None:
        raise InputError(f"there is no procedure {name!r}; procedures: {', '.join(PROCEDURES)}")
    for word in args:
        if word not in found.args:
            raise InputError(f"{name} takes no {word!r}; it takes: {', '.join(found.args) or 'nothing'}")
    return found


@contextlib.contextmanager
def phase(
    host: Host, what: str, number: int = 0, of: int = 0, words: str = "", settings: dict[str, str] | None = None
) -> Iterator[None]:
    """Put the beginning and the end of a step into the trace."""

    def tell(on: bool) -> None:
        host.emit(
            Phase(
                t_ns=now_ns(),
                proc="session",
                what=what,
                on=on,
                number=number,
                of=of,
                words=words,
                settings=settings or {},
            )
        )

    tell(True)
    try:
        yield
    finally:
        tell(False)
