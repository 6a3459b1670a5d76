"""The terminal around the screen."""

import io
import os
import pty
import signal
import sys
import threading

import pytest

from loopscope.ui import terminal


class Tty(io.StringIO):
    """A stream that says whether it is a terminal."""

    def __init__(self, tty: bool) -> None:
        super().__init__()
        self.tty = tty

    def isatty(self) -> bool:
        return self.tty


@pytest.mark.parametrize(
    ("stdin", "stderr", "term", "reason"),
    [
        (True, True, "xterm-256color", ""),
        (True, True, "", ""),
        (False, True, "xterm", "stdin is no terminal"),
        (True, False, "xterm", "stderr is no terminal"),
        (True, True, "dumb", "dumb"),
        (None, True, "xterm", "stdin is no terminal"),
    ],
)
def test_usable(monkeypatch: pytest.MonkeyPatch, stdin: bool | None, stderr: bool, term: str, reason: str) -> None:
    """Only stdin and stderr matter, and TERM=dumb; stdout may go anywhere."""
    monkeypatch.setattr(sys, "__stdin__", None if stdin is None else Tty(stdin))
    monkeypatch.setattr(sys, "__stderr__", Tty(stderr))
    monkeypatch.setattr(sys, "__stdout__", Tty(False))
    answer = terminal.usable({"TERM": term})
    assert reason in answer
    assert bool(answer) == bool(reason)


@pytest.mark.parametrize(
    ("environ", "encoding", "ascii_only"),
    [
        ({}, "utf-8", False),
        ({}, "UTF8", False),
        ({}, "ISO-8859-1", True),
        ({"TERM": "linux"}, "utf-8", True),
        ({"TERM": "linux", "LOOPSCOPE_ASCII": "0"}, "utf-8", False),
        ({"LOOPSCOPE_ASCII": "1"}, "utf-8", True),
    ],
)
def test_needs_ascii(environ: dict[str, str], encoding: str, ascii_only: bool) -> None:
    """Asked for, another encoding, or the Linux console; and it can be forbidden."""
    assert terminal.needs_ascii(environ, encoding) is ascii_only


def test_stopping_happens_once() -> None:
    """Whoever comes second, also from another thread while the first stop runs, gets the same summary."""
    calls, inside, go = [], threading.Event(), threading.Event()

    def stop() -> dict[str, int]:
        calls.append(1)
        inside.set()
        go.wait(10)
        return {"n": len(calls)}

    stopper, got = terminal.Stopper(stop), []
    first = threading.Thread(target=lambda: got.append(stopper()))
    first.start()
    inside.wait(10)
    second = threading.Thread(target=lambda: got.append(stopper()))
    second.start()
    go.set()
    first.join(10)
    second.join(10)
    assert got == [{"n": 1}, {"n": 1}]


def test_signals_are_handed_on_and_given_back() -> None:
    """SIGTERM reaches the handler while inside; afterwards the old handler stands again."""
    before, seen = signal.getsignal(signal.SIGTERM), []
    with terminal.signals(seen.append):
        os.kill(os.getpid(), signal.SIGTERM)
    assert seen == [signal.SIGTERM]
    assert signal.getsignal(signal.SIGTERM) is before


def test_a_terminal_that_vanishes_stops_and_leaves(monkeypatch: pytest.MonkeyPatch) -> None:
    """When the other end is closed, the session is stopped and the process left with 129."""
    leader, follower = pty.openpty()
    left, stopped, codes = threading.Event(), threading.Event(), []

    def leave(code: int) -> None:
        codes.append(code)
        left.set()

    with os.fdopen(follower, closefd=True) as stream:
        monkeypatch.setattr(sys, "__stdin__", stream)
        with terminal.watched(stopped.set, leave):
            os.close(leader)
            assert left.wait(10)
    assert stopped.is_set()
    assert codes == [129]


def test_a_terminal_that_stays_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is stopped when the watch ends in order."""
    leader, follower = pty.openpty()
    stopped = threading.Event()
    with os.fdopen(follower, closefd=True) as stream:
        monkeypatch.setattr(sys, "__stdin__", stream)
        with terminal.watched(stopped.set, lambda code: stopped.set()):
            os.write(leader, b"keys do not matter\n")
    os.close(leader)
    assert not stopped.is_set()


def test_the_size_is_that_of_the_screen(monkeypatch: pytest.MonkeyPatch) -> None:
    """Asked of the stream that is drawn on, whatever stdout is; unknown where no stream is a terminal."""
    import fcntl
    import struct
    import termios

    leader, follower = pty.openpty()
    fcntl.ioctl(follower, termios.TIOCSWINSZ, struct.pack("HHHH", 48, 160, 0, 0))
    with os.fdopen(follower, closefd=True) as stream:
        monkeypatch.setattr(sys, "__stderr__", stream)
        assert terminal.size() == (160, 48)
    os.close(leader)
    monkeypatch.setattr(sys, "__stderr__", None)
    monkeypatch.setattr(sys, "__stdin__", None)
    assert terminal.size() is None
