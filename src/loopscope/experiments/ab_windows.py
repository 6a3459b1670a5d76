"""Stretches of a running session with one value of one lever each, without the settling time, from the fold's bins."""

import threading
import time
from collections.abc import Callable
from math import ceil
from typing import Protocol

from loopscope.core.errors import InputError, LoopscopeError, WorkerError
from loopscope.core.records import AnyRecord, Loss
from loopscope.model.aggregate import Aggregate, aggregate_of
from loopscope.model.bins import BINS_PER_S, ClosedBin
from loopscope.model.fold import Fold
from loopscope.model.ledger import SETTLE_NS, Pull
from loopscope.session.procedure import Host, Task

TAKEOVER_S = 45.0
"""A takeover (20 s to start, 10 s to drain) is over by then, or it has failed."""
_SILENT_S = 20.0
"""No bin for so long: no agent streams, or the rig is gone."""
_LOOK_S = 0.05
_SETTLE_BINS = ceil(SETTLE_NS / 1e9 * BINS_PER_S)


class AbWindowsHost(Host, Protocol):
    """A session that folds."""

    @property
    def fold(self) -> Fold:
        """What the hub's thread folds into."""


class AbWindows:
    """Sets a lever and takes stretches, for one thread. A context: what it found is set again, whatever ends it."""

    def __init__(self, host: AbWindowsHost, task: Task, lever: str) -> None:
        self._host = host
        self._task = task
        self._lever = lever
        self._ledger = host.fold.ledger
        self._lock = threading.Lock()
        self._heard: list[tuple[Pull | None, ClosedBin]] = []
        self._failed = ""
        self.found = host.options_now().levers[lever]
        """The value that it was set to."""
        self._value = self.found
        self._expected: Pull | None = None

    def __enter__(self) -> "AbWindows":
        ledger, lock, heard = self._ledger, self._lock, self._heard

        # A plain function: a summary copies the fold, and what it holds with it.
        def hear(segment: int | None, closed: ClosedBin) -> None:
            if segment is not None:
                with lock:
                    heard.append((ledger.now, closed))

        self._end = self._host.listen(self._record)
        ledger.hear = hear
        return self

    def __exit__(self, *_: object) -> None:
        self._ledger.hear = None
        self._end()
        if self._value != self.found:
            self._restore()

    def _record(self, record: AnyRecord) -> None:
        if isinstance(record, Loss) and record.what in ("takeover", "rig"):
            self._failed = record.words

    def _restore(self) -> None:
        end_s = time.monotonic() + TAKEOVER_S
        while time.monotonic() < end_s:
            try:
                self._host.pull(self._lever, self.found, by="script")
                return
            except InputError:  # a takeover is under way
                time.sleep(_LOOK_S)
            except LoopscopeError:
                return

    def set(self, value: str) -> None:
        """Set the lever, and leave the settling time out of what is taken next.

        Raises:
            WorkerError: it could not be set, or somebody else pulled a lever meanwhile.
            CancelledError: by the operator.
        """
        if value == self._value:
            self._expected = self._ledger.last
            self._skip(_SETTLE_BINS)
            return
        number = len(self._ledger.pulls)
        self._pull(value)
        self._value = value
        self._wait(lambda: len(self._ledger.pulls) > number, TAKEOVER_S, f"{self._lever}={value} was not set")
        pull = self._ledger.pulls[number]
        if (pull.name, pull.new) != (self._lever, value):
            raise WorkerError(f"{pull.name}={pull.new} was pulled meanwhile: nothing can be compared")
        self._expected = pull
        with self._lock:
            self._heard.clear()

    def _pull(self, value: str) -> None:
        end_s = time.monotonic() + TAKEOVER_S
        while True:
            try:
                self._host.pull(self._lever, value, by="script")
                return
            except InputError:
                if time.monotonic() > end_s:
                    raise
                self._task.wait(_LOOK_S)

    def _skip(self, bins: int) -> None:
        with self._lock:
            self._heard.clear()
        self._wait(lambda: self._ready(bins), TAKEOVER_S, "no agent streams")
        with self._lock:
            del self._heard[:bins]

    def take(self, seconds: float) -> Aggregate:
        """Take the next stretch of settled time.

        Raises:
            WorkerError: no data come, or somebody else pulled a lever meanwhile.
            CancelledError: by the operator.
        """
        number = max(1, round(seconds * BINS_PER_S))
        unsettled = self._expected is not None and self._expected.settled_at is None
        most_s = (TAKEOVER_S if unsettled else _SILENT_S) + seconds
        self._wait(lambda: self._ready(number), most_s, "not enough data: no agent streams")
        with self._lock:
            taken, self._heard[:] = self._heard[:number], self._heard[number:]
        found = aggregate_of(closed for _, closed in taken)
        found.words = self._host.fold.rigs.words
        return found.settled()

    def _ready(self, number: int) -> bool:
        """Say whether so many bins of the stretch that was asked for are there. Raises WorkerError: it is over."""
        last, expected = self._ledger.last, self._expected
        if last is not expected and last is not None:
            raise WorkerError(f"{last.name}={last.new} was pulled meanwhile: nothing can be compared")
        with self._lock:
            # What closes late still belongs to the stretch before.
            self._heard[:] = [one for one in self._heard if one[0] is expected]
            return len(self._heard) >= number

    def _wait(self, there: Callable[[], bool], most_s: float, words: str) -> None:
        end_s = time.monotonic() + most_s
        while not there():
            if self._failed:
                raise WorkerError(self._failed)
            if time.monotonic() > end_s:
                raise WorkerError(f"{words} within {most_s:.0f} s")
            self._task.wait(_LOOK_S)
