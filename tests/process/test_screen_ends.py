"""However the live screen ends, no process is left (after 2 s, on a quiet machine) and the terminal is as it was."""

import fcntl
import os
import pty
import select
import signal
import struct
import subprocess
import termios
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pyte
import pytest

from kit.processes import PATIENCE_S, children_of, command, exists, wait_until


class Terminal:
    """A terminal of 120x36 with the command in it; everything it writes is read all the time."""

    def __init__(self, *words: str, controlling: bool = True, size: tuple[int, int] = (36, 120)) -> None:
        self.master, self.slave = pty.openpty()
        fcntl.ioctl(self.slave, termios.TIOCSWINSZ, struct.pack("HHHH", *size, 0, 0))
        self.before = termios.tcgetattr(self.slave)
        self.written = bytearray()
        self.screen = pyte.Screen(size[1], size[0])
        self._stream = pyte.ByteStream(self.screen)
        self._reading = True

        def take_terminal() -> None:
            os.setsid()
            if controlling:
                fcntl.ioctl(0, termios.TIOCSCTTY, 0)

        self.process = subprocess.Popen(
            command(*words),
            stdin=self.slave,
            stdout=self.slave,
            stderr=self.slave,
            preexec_fn=take_terminal,
            env={**os.environ, "TERM": "xterm-256color", "COLORTERM": "truecolor"},
        )
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def _read(self) -> None:
        while self._reading:
            if select.select([self.master], [], [], 0.05)[0]:
                try:
                    data = os.read(self.master, 1 << 16)
                except OSError:
                    return
                self.written += data
                self._stream.feed(data)

    def shows(self, text: str) -> bool:
        """Whether a text is on the screen now."""
        return any(text in line for line in self.screen.display)

    def type(self, keys: str) -> None:
        """Press keys."""
        os.write(self.master, keys.encode())

    def vanish(self) -> None:
        """The terminal goes away without a word: its other end is closed."""
        self._reading = False
        self._thread.join()
        os.close(self.slave)
        os.close(self.master)
        self.master = self.slave = -1

    def close(self) -> None:
        """End what is left."""
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait(PATIENCE_S)
        self._reading = False
        self._thread.join()
        for fd in (self.slave, self.master):
            if fd >= 0:
                os.close(fd)


@pytest.fixture
def open_terminal() -> Iterator[Callable[..., Terminal]]:
    """Open terminals, end what is in them afterwards."""
    opened: list[Terminal] = []

    def make(*words: str, **more: object) -> Terminal:
        terminal = Terminal(*words, **more)  # type: ignore[arg-type]
        opened.append(terminal)
        return terminal

    yield make
    for terminal in opened:
        terminal.close()


def _live(open_terminal: Callable[..., Terminal], **more: object) -> tuple[Terminal, list[int]]:
    """Open the live screen and wait until it streams; give it with the ids of its children."""
    terminal = open_terminal("--embedded", **more)
    assert wait_until(lambda: terminal.shows("EMBEDDED") and terminal.shows("streaming")), terminal.screen.display
    children = children_of(terminal.process.pid)
    assert len(children) >= 4
    return terminal, children


def _all_gone(terminal: Terminal, children: list[int], within_s: float = PATIENCE_S) -> bool:
    return wait_until(lambda: not any(map(exists, children)) and terminal.process.poll() is not None, within_s)


def _is_as_it_was(terminal: Terminal) -> bool:
    """Modes as before, the alternate screen left after it was entered, cursor shown, mouse reports off."""
    return wait_until(
        lambda: (
            termios.tcgetattr(terminal.slave) == terminal.before
            and terminal.written.rfind(b"\x1b[?1049l") > terminal.written.rfind(b"\x1b[?1049h") > -1
            and terminal.written.rfind(b"\x1b[?25h") > terminal.written.rfind(b"\x1b[?25l")
            and terminal.written.rfind(b"\x1b[?1003l") > terminal.written.rfind(b"\x1b[?1003h")
        )
    )


WITHIN_S = pytest.mark.parametrize("within_s", [PATIENCE_S, pytest.param(2.0, marks=pytest.mark.timing)])


@WITHIN_S
@pytest.mark.parametrize("keys", ["q", "\x03"])
def test_leaving_by_key(open_terminal: Callable[..., Terminal], keys: str, within_s: float) -> None:
    """q and Ctrl-C end it with 0, leave nothing behind and give the terminal back."""
    terminal, children = _live(open_terminal)
    terminal.type(keys)
    assert _all_gone(terminal, children, within_s)
    assert terminal.process.returncode == 0
    assert _is_as_it_was(terminal)


@WITHIN_S
@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGTERM, 143), (signal.SIGHUP, 129), (signal.SIGKILL, -9), (signal.SIGSEGV, -11)]
)
def test_ending_by_signal(open_terminal: Callable[..., Terminal], number: int, code: int, within_s: float) -> None:
    """A signal, kill -9 and a crash of the interpreter included, leaves nothing behind and gives the terminal back."""
    terminal, children = _live(open_terminal)
    os.kill(terminal.process.pid, number)
    assert _all_gone(terminal, children, within_s)
    assert terminal.process.returncode == code
    assert _is_as_it_was(terminal)


def test_what_a_kill_leaves_is_swept(
    open_terminal: Callable[..., Terminal], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of a killed screen only the past that one could look back at is left, and the next start removes it."""
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    terminal, children = _live(open_terminal)
    os.kill(terminal.process.pid, signal.SIGKILL)
    assert _all_gone(terminal, children)
    left = [path.name for path in tmp_path.iterdir()]
    assert len(left) == 1 and left[0].startswith("loopscope-past-"), left
    terminal, children = _live(open_terminal)
    assert left[0] not in {path.name for path in tmp_path.iterdir()}
    terminal.type("q")
    assert _all_gone(terminal, children)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("controlling", [True, False])
def test_a_terminal_that_vanishes(open_terminal: Callable[..., Terminal], controlling: bool) -> None:
    """When the terminal goes away, with a SIGHUP or without any signal, everything ends."""
    terminal, children = _live(open_terminal, controlling=controlling)
    terminal.vanish()
    assert _all_gone(terminal, children)
    assert terminal.process.returncode == 129


def test_leaving_while_it_starts(open_terminal: Callable[..., Terminal]) -> None:
    """q before the first data ends it all the same."""
    terminal = open_terminal("--embedded")
    assert wait_until(lambda: len(children_of(terminal.process.pid)) >= 2)
    children = children_of(terminal.process.pid)
    assert wait_until(lambda: b"\x1b[?1049h" in terminal.written)
    terminal.type("q")
    assert wait_until(lambda: terminal.process.poll() is not None)
    assert wait_until(lambda: not any(map(exists, children)))
    assert _is_as_it_was(terminal)


def test_a_small_terminal_says_so_and_recovers(open_terminal: Callable[..., Terminal]) -> None:
    """Below 60x16 the screen asks to be enlarged; enlarged, it shows the session that went on meanwhile."""
    terminal = open_terminal("--embedded", size=(12, 50))
    assert wait_until(lambda: terminal.shows("60"))
    terminal.screen.resize(36, 120)
    fcntl.ioctl(terminal.slave, termios.TIOCSWINSZ, struct.pack("HHHH", 36, 120, 0, 0))
    os.kill(terminal.process.pid, signal.SIGWINCH)
    assert wait_until(lambda: terminal.shows("streaming"))
    terminal.type("q")
    assert wait_until(lambda: terminal.process.poll() == 0)
