"""Gives the terminal back after a death that leaves no time for it (kill -9, a crash of the interpreter).

A process of its own, run by its path with nothing but the standard library (8 ms, 9 MB), in a session of its own so
that no signal of the terminal reaches it. It holds the terminal on its standard error and waits on its standard input:
a word there means that the screen has put everything back itself; end of file without it means that it could not.
"""

import contextlib
import json
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

LEAVE = (
    "\x1b[?2026l"  # end of a synchronised update: else nothing more is drawn
    "\x1b[<u\x1b[?2048l"  # keyboard protocol and resize reports
    "\x1b[?1000l\x1b[?1002l\x1b[?1003l\x1b[?1015l\x1b[?1006l\x1b[?1016l"  # mouse
    "\x1b[?1004l\x1b[?2004l"  # focus reports, bracketed paste
    "\x1b[0m\x1b[?1049l\x1b[?25h"  # colours, alternate screen, cursor
)


@contextlib.contextmanager
def guarded(died: Callable[[], None] = lambda: None) -> Iterator[None]:
    """While inside, the terminal on standard error is put back even after a kill -9 of this process.

    ``died`` is called from a thread when the guard has ended before its time.
    """
    guard = _start()
    leaving = threading.Event()

    def watch() -> None:
        if guard is not None:
            guard.wait()
            if not leaving.is_set():
                died()

    threading.Thread(target=watch, name="guard", daemon=True).start()
    try:
        yield
    finally:
        leaving.set()
        if guard is not None and guard.stdin is not None:
            with contextlib.suppress(OSError), guard.stdin as leash:
                leash.write(b"done\n")
            guard.wait()


def _start() -> "subprocess.Popen[bytes] | None":
    try:
        import termios

        stream = sys.__stderr__
        if stream is None or not stream.isatty():
            return None
        *flags, characters = termios.tcgetattr(stream.fileno())
        # The control characters come as bytes, but for two that are numbers while the terminal is raw.
        modes = [*flags, [c if isinstance(c, int) else c[0] for c in characters]]
        guard = subprocess.Popen(
            [sys.executable, "-I", "-S", str(Path(__file__))],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            start_new_session=True,
        )
        assert guard.stdin is not None  # noqa: S101 - a pipe was asked for
        guard.stdin.write(json.dumps(modes).encode() + b"\n")
        guard.stdin.flush()
    except (ImportError, OSError, ValueError):
        return None  # no such terminal here: nothing to give back
    return guard


def main() -> None:
    """Wait for the word; without it put the terminal back."""
    import termios

    modes = sys.stdin.readline()
    if sys.stdin.readline() or not modes:
        return
    with contextlib.suppress(OSError, ValueError, termios.error):
        *flags, characters = json.loads(modes)
        mode = [*flags, [bytes([c]) for c in characters]]
        termios.tcsetattr(2, termios.TCSAFLUSH, mode)
        sys.stderr.write(LEAVE + "loopscope was killed; its processes have ended, the terminal is as it was\r\n")
        sys.stderr.flush()


if __name__ == "__main__":
    main()
