"""The terminal around the screen: may it be used, can it show our characters, what if it goes away.

Textual draws on stderr and reads stdin; stdout stays free for results.
"""

import asyncio
import contextlib
import locale
import os
import select
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from types import FrameType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from textual.driver import Driver

    from loopscope.model.summary_types import Summary

GONE = 129
"""What the process ends with when its terminal vanished: as a shell says for SIGHUP."""
_STOP_S = 8.0
"""How long the session may take to end once the terminal is gone. Textual itself would spin at 100 % for ever."""


def usable(environ: Mapping[str, str] | None = None) -> str:
    """Give an empty text if a live screen can be shown here, else the reason in words."""
    env = os.environ if environ is None else environ
    # Only these two: stdout may well be redirected, the screen does not use it.
    for name, stream in (("stdin", sys.__stdin__), ("stderr", sys.__stderr__)):
        try:
            tty = stream is not None and stream.isatty()
        except ValueError:
            tty = False
        if not tty:
            return f"{name} is no terminal"
    if env.get("TERM", "").lower() == "dumb":
        return "the terminal is dumb (TERM=dumb)"
    return ""


def needs_ascii(environ: Mapping[str, str] | None = None, encoding: str | None = None) -> bool:
    """Whether braille and blocks must be replaced: asked for, a locale that is not UTF-8, or the Linux console."""
    env = os.environ if environ is None else environ
    asked = env.get("LOOPSCOPE_ASCII", "")
    if asked:
        return asked != "0"
    if env.get("TERM", "") in {"linux", "vt100", "vt220", "ansi"}:
        return True
    if encoding is None:
        encoding = getattr(sys.__stderr__, "encoding", None) or locale.getpreferredencoding(False)
    return encoding.lower().replace("-", "").replace("_", "") != "utf8"


def sixteen_colours(color_system: str | None) -> bool:
    """Whether Rich found a terminal with 16 colours only."""
    return color_system == "standard"


def size() -> tuple[int, int] | None:
    """Width and height of the terminal that we draw on and read from; ``None`` where neither stream is one."""
    for stream in (sys.__stderr__, sys.__stdin__):
        try:
            width, height = os.get_terminal_size(stream.fileno() if stream is not None else -1)
        except (OSError, ValueError):
            continue
        if width and height:
            return width, height
    return None


def fitted(driver: "type[Driver]") -> "type[Driver]":
    """Return the driver with eyes for the terminal that it draws on, and with a way back from a stop.

    Textual asks stdout for the size, so with stdout redirected it would stay at 80 x 24 in any terminal. And at each
    SIGCONT it starts its threads anew, although nothing ended them where SIGSTOP came without SIGTSTP: then two threads
    read the keys, and the first is never joined, so that the app cannot end.
    """
    return _resumable(_sized(driver)) if hasattr(driver, "_sigcont_application") else _sized(driver)


def _sized(driver: "type[Driver]") -> "type[Driver]":
    class Sized(driver):  # type: ignore[misc, valid-type]
        def _get_terminal_size(self) -> tuple[int, int]:
            found: tuple[int, int] = size() or super()._get_terminal_size()
            return found

    return Sized


def _resumable(driver: "type[Driver]") -> "type[Driver]":
    import termios

    class Resumable(driver):  # type: ignore[misc, valid-type]
        _loop: asyncio.AbstractEventLoop | None = None
        _raw: Any = None

        def start_application_mode(self) -> None:
            super().start_application_mode()
            self._loop = asyncio.get_running_loop()
            with contextlib.suppress(termios.error):
                self._raw = termios.tcgetattr(self.fileno)

        def stop_application_mode(self) -> None:
            self._raw = None
            super().stop_application_mode()

        # Both handlers only leave word for the loop: they may have come between two lines that hold the writer's lock.

        def _sigtstp_application(self, *_: object) -> None:
            self._later(self._stop)

        def _sigcont_application(self, *_: object) -> None:
            self._later(self._go_on)

        def _later(self, what: Callable[[], None]) -> None:
            with contextlib.suppress(RuntimeError):
                if self._loop is not None:
                    self._loop.call_soon_threadsafe(what)

        def _stop(self) -> None:
            if self._raw is not None:
                self.suspend_application_mode()
                self._must_signal_resume = True
            os.kill(os.getpid(), signal.SIGSTOP)

        def _go_on(self) -> None:
            if self._raw is None:
                self.resume_application_mode()
                return
            # Nothing has been stopped but the process; a shell may have set the terminal up for itself meanwhile.
            with contextlib.suppress(termios.error):
                termios.tcsetattr(self.fileno, termios.TCSANOW, self._raw)
            self.write("\x1b[?1049h\x1b[?25l\x1b[?1004h\x1b[?2004h")
            self._enable_mouse_support()
            self.flush()
            for screen in self._app.screen_stack:
                screen.refresh(layout=True)

    return Resumable


class Stopper:
    """Stops the session once, whoever asks first: the end of the app, a signal, a terminal that vanished."""

    def __init__(self, stop: "Callable[[], Summary | None]") -> None:
        self._stop = stop
        self._lock = threading.Lock()
        self._summary: Summary | None = None
        self._stopped = False

    def __call__(self) -> "Summary | None":
        """Stop, or wait for the stop that is under way; the session's summary."""
        with self._lock:
            if not self._stopped:
                self._summary = self._stop()
                self._stopped = True
            return self._summary


@contextmanager
def signals(handle: Callable[[int], None]) -> Iterator[None]:
    """While inside, SIGTERM and SIGHUP call ``handle`` with their number instead of killing the process."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def caught(number: int, frame: FrameType | None) -> None:
        handle(number)

    names = [name for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name)]
    before = {name: signal.signal(getattr(signal, name), caught) for name in names}
    try:
        yield
    finally:
        for name, handler in before.items():
            signal.signal(getattr(signal, name), handler)


@contextmanager
def watched(stop: Callable[[], object], leave: Callable[[int], object] = os._exit) -> Iterator[None]:
    """While inside, a terminal that vanishes without a signal stops the session and ends the process with 129.

    On Linux only: elsewhere ``poll`` may call a healthy terminal invalid.
    """
    stdin = sys.__stdin__
    if sys.platform != "linux" or stdin is None or not stdin.isatty():
        yield
        return
    # A pipe wakes the thread, so that leaving in order neither waits for it nor leaves it watching.
    told, tell = os.pipe()
    thread = threading.Thread(target=_watch, args=(stdin.fileno(), told, stop, leave), name="terminal", daemon=True)
    thread.start()
    try:
        yield
    finally:
        os.close(tell)
        thread.join()
        os.close(told)


def _watch(fd: int, told: int, stop: Callable[[], object], leave: Callable[[int], object]) -> None:
    poll = select.poll()
    # No event is asked for: hang-up and error are reported all the same, and keys do not wake us.
    poll.register(fd, 0)
    poll.register(told, select.POLLIN)
    if any(ready == told for ready, _ in poll.poll()):
        return
    # The main thread may hang in a write that nobody reads, so the session is stopped from here.
    stopping = threading.Thread(target=stop, name="stop", daemon=True)
    stopping.start()
    stopping.join(_STOP_S)
    leave(GONE)
