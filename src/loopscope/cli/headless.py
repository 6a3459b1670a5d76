"""A session without a screen: wait, pull scripted levers, show progress, end cleanly whatever ends it."""

import contextlib
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from types import FrameType

from loopscope.cli.outcome import failures
from loopscope.core.errors import InputError
from loopscope.model.snapshot import Snapshot
from loopscope.model.summary_types import Summary
from loopscope.session.running import RunningSource
from loopscope.session.source import Source


@dataclass(frozen=True, slots=True)
class Ran:
    """A session that is over."""

    source: RunningSource
    summary: Summary
    failed: tuple[str, ...]
    """A sentence for each thing that failed."""


_STEP_S = 0.1
_ANSWER_S = 5.0


@contextlib.contextmanager
def interruptible() -> Iterator[threading.Event]:
    """Turn SIGINT, SIGTERM and SIGHUP into an event, so that whoever waits on it ends in order.

    A second SIGINT is the default again: it interrupts even what hangs.
    """
    asked = threading.Event()

    def ask(number: int, frame: FrameType | None) -> None:
        asked.set()
        signal.signal(signal.SIGINT, signal.default_int_handler)

    names = [name for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)]
    before = {name: signal.signal(getattr(signal, name), ask) for name in names}
    try:
        yield asked
    finally:
        for name, handler in before.items():
            signal.signal(getattr(signal, name), handler)


def snapshot_of(source: Source) -> Snapshot | None:
    """Ask for one snapshot and wait for it; ``None`` when none came within five seconds."""
    arrived = threading.Event()
    answers: list[Snapshot] = []

    def answer(snapshot: Snapshot) -> None:
        answers.append(snapshot)
        arrived.set()

    source.ask(answer)
    arrived.wait(_ANSWER_S)
    return answers[0] if answers else None


def run(
    make: Callable[[], RunningSource],
    seconds: float | None,
    script: list[tuple[float, str, str]],
    *,
    each_second: Callable[[RunningSource, float], None],
) -> Ran:
    """Make a source and run it for ``seconds`` (``None``: until interrupted), pull the script's levers.

    A source that nothing streams in any more is ended. ``each_second`` is called with the seconds gone. Everything is
    ended and the file is complete on return, also after Ctrl-C; a signal that comes while the source is made (its file
    is open then) leaves no file. Raises LoopscopeError when the session cannot come up.
    """
    why_left = ""
    todo = list(script)
    with interruptible() as asked:
        source = make()
        try:
            if not asked.is_set():
                source.start()
            start_s = time.monotonic()
            next_s = 1.0
            while not asked.is_set() and not source.failed:
                gone_s = time.monotonic() - start_s
                if seconds is not None and gone_s >= seconds:
                    break
                while todo and todo[0][0] <= gone_s:
                    try:
                        source.pull(todo[0][1], todo[0][2], by="script")
                    except InputError as error:
                        why_left = str(error)
                        break  # its value was checked: a takeover is under way, so it waits for that
                    todo.pop(0)
                if gone_s >= next_s:
                    each_second(source, gone_s)
                    next_s += 1.0
                asked.wait(_STEP_S if seconds is None else min(_STEP_S, max(0.0, seconds - gone_s)))
        finally:
            summary = source.stop()
    # Who ends it early by hand has not asked for the rest of the script.
    left = [] if asked.is_set() else todo
    return Ran(source, summary, tuple(failures(source.fold, left, why_left)))


def tell(verb: str, sentences: Iterable[str]) -> int:
    """Say what failed on standard error; return the exit code."""
    code = 0
    for sentence in sentences:
        say(f"loopscope {verb}: {sentence}")
        code = 1
    return code


def say(text: str) -> None:
    """Print a line for people: to standard error, so that standard output holds results only."""
    sys.stderr.write(text + "\n")
    sys.stderr.flush()
