"""A session without a screen: wait, pull scripted levers, show progress, end cleanly whatever ends it."""

import contextlib
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from types import FrameType

from loopscope.core.errors import InputError
from loopscope.model.snapshot import Snapshot
from loopscope.model.summary_types import Summary
from loopscope.session.source import Source

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
    source: Source,
    seconds: float | None,
    script: list[tuple[float, str, str]],
    *,
    each_second: Callable[[float], None],
) -> Summary:
    """Run a source for ``seconds`` (``None``: until interrupted), pull the script's levers, give its summary.

    ``each_second`` is called with the seconds gone. Everything is ended and the file is complete on return, also after
    Ctrl-C. Raises LoopscopeError when the session cannot come up.
    """
    with interruptible() as asked:
        try:
            source.start()
            start_s = time.monotonic()
            next_s = 1.0
            todo = list(script)
            while not asked.is_set():
                gone_s = time.monotonic() - start_s
                if seconds is not None and gone_s >= seconds:
                    break
                while todo and todo[0][0] <= gone_s:
                    try:
                        source.pull(todo[0][1], todo[0][2], by="script")
                    except InputError:
                        break  # its value was checked: a takeover is under way, so it waits for that
                    todo.pop(0)
                if gone_s >= next_s:
                    each_second(gone_s)
                    next_s += 1.0
                asked.wait(_STEP_S if seconds is None else min(_STEP_S, max(0.0, seconds - gone_s)))
        finally:
            result = source.stop()
    return result


def say(text: str) -> None:
    """Print a line for people: to standard error, so that standard output holds results only."""
    sys.stderr.write(text + "\n")
    sys.stderr.flush()
