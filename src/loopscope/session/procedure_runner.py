"""Runs one procedure at a time in a thread of its own; the screen asks how far it is."""

import threading
import time
from collections.abc import Callable, Mapping
from typing import Any

from loopscope.core.errors import InputError, LoopscopeError
from loopscope.core.text import plain
from loopscope.session.procedure import CancelledError, Host, Procedure
from loopscope.session.source import Progress

_JOIN_S = 5.0


class Handle:
    """One run: the :class:`~loopscope.session.procedure.Task` of the procedure, and what is known of it outside.

    ``on_progress`` is called from the procedure's thread.
    """

    def __init__(self, on_progress: Callable[[float, str], None] | None = None) -> None:
        self.done = 0.0
        self.words = "starting"
        self._on_progress = on_progress
        self._cancelled = threading.Event()

    def progress(self, done: float, words: str) -> None:
        """See :meth:`Task.progress`; never goes back."""
        self.done, self.words = min(max(done, self.done), 1.0), words
        if self._on_progress is not None:
            self._on_progress(self.done, words)
        self.check()

    def check(self) -> None:
        """See :meth:`Task.check`."""
        if self._cancelled.is_set():
            raise CancelledError

    def wait(self, seconds: float) -> None:
        """See :meth:`Task.wait`."""
        if self._cancelled.wait(max(0.0, seconds)):
            raise CancelledError

    def cancel(self) -> None:
        """Make the procedure end; callable from any thread."""
        self._cancelled.set()


class Runner:
    """What stands behind ``Source.run``, ``procedure`` and ``cancel`` of a running source."""

    def __init__(self, host: Host) -> None:
        self._host = host
        self._lock = threading.Lock()
        self._procedure: Procedure | None = None
        self._handle = Handle()
        self._thread: threading.Thread | None = None
        self._running = False
        self._began_s = self._ended_s = 0.0
        self._result: object | None = None
        self._problem = ""
        self._closed = False

    def run(self, procedure: Procedure, args: Mapping[str, str]) -> None:
        """Start a procedure. Raises InputError: it takes no such argument, or another one runs."""
        procedure.check(args)
        with self._lock:
            if self._closed:
                raise InputError("the session has ended")
            if self._running and self._procedure is not None:
                raise InputError(f"{self._procedure.title} is running; wait for it or cancel it")
            self._procedure, self._handle, self._running = procedure, Handle(), True
            self._result, self._problem, self._began_s = None, "", time.monotonic()
            self._thread = threading.Thread(
                target=self._work, args=(procedure, self._handle, dict(args)), name=procedure.name, daemon=True
            )
            self._thread.start()

    def view(self) -> Progress | None:
        """Give how far the procedure is that runs, or how the last one ended; ``None`` before the first."""
        with self._lock:
            procedure = self._procedure
            if procedure is None:
                return None
            until_s = time.monotonic() if self._running else self._ended_s
            return Progress(
                name=procedure.name,
                title=procedure.title,
                running=self._running,
                done=self._handle.done,
                words=self._handle.words,
                seconds=until_s - self._began_s,
                about_s=procedure.about_s,
                result=self._result,
                problem=self._problem,
            )

    def cancel(self) -> None:
        """Make the procedure end that runs; nothing when none does."""
        with self._lock:
            self._handle.cancel()

    def close(self) -> None:
        """Cancel and wait: the session ends."""
        with self._lock:
            self._closed = True
            self._handle.cancel()
            thread = self._thread
        if thread is not None and thread is not threading.current_thread():
            thread.join(_JOIN_S)

    def _work(self, procedure: Procedure, handle: Handle, args: dict[str, str]) -> None:
        result: Any = None
        problem = ""
        try:
            result = procedure.run(self._host, handle, args)
        except CancelledError:
            problem = "cancelled"
        except LoopscopeError as error:
            problem = plain(str(error))
        except Exception as error:
            problem = plain(f"our own fault: {type(error).__name__}: {error}")
        with self._lock:
            self._result, self._problem = result, problem
            self._running, self._ended_s = False, time.monotonic()
