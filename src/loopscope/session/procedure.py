"""What a procedure is (calibration, ramp, A-B-B-A, rounds), and what it and the running session owe each other.

A procedure is a function ``run(host, task, args) -> result`` (a frozen dataclass). It runs in a thread of its own,
looks at ``task`` often enough to be cancelled within a tenth of a second, and tells the host's trace of its steps
(:class:`~loopscope.core.records.Phase`) and of what it finds (:class:`~loopscope.core.records.Result`). The procedures
themselves stand above the session, in :mod:`loopscope.experiments`.
"""

import contextlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from loopscope.core.clock import now_ns
from loopscope.core.errors import InputError
from loopscope.core.records import AnyRecord, Phase, Record
from loopscope.session.options import SessionOptions


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


@dataclass(frozen=True, slots=True)
class Procedure:
    """What a session can be put through: its name, what it may be told, and the function that does it."""

    name: str
    title: str
    """For people: "Calibration"."""
    help: str
    """One sentence."""
    run: Callable[[Any, Task, Mapping[str, str]], object]
    """Called as ``run(host, task, args)``. The host is ``Any``: each procedure asks for more than :class:`Host`, and
    names that in a protocol of its own."""
    about_s: float
    """About how long it takes with its defaults."""
    args: Mapping[str, str] = field(default_factory=dict)
    """What it may be told, each with what it means; values are strings, as on the command line."""

    def check(self, args: Mapping[str, str]) -> None:
        """Raise InputError for an argument that it does not take."""
        for word in args:
            if word not in self.args:
                raise InputError(f"{self.name} takes no {word!r}; it takes: {', '.join(self.args) or 'nothing'}")


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
