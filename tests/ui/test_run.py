"""``loopscope.ui.run`` on a terminal of its own: what it returns, what it raises, how it ends."""

import fcntl
import json
import os
import pty
import select
import signal
import struct
import subprocess
import sys
import termios
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import loopscope.ui
from kit.processes import PATIENCE_S, wait_until
from loopscope.core.errors import InputError
from ui.fakes import FakeSource

TESTS = Path(__file__).resolve().parents[1]
PROGRAM = """
import json, sys
sys.path.insert(0, {tests!r})
import loopscope.ui
from loopscope.core.errors import LoopscopeError, WorkerError
from ui.fakes import FakeSource

class Source(FakeSource):
    def stop(self):
        print("stopped", file=sys.__stdout__, flush=True)
        return super().stop()

{setup}
source = Source(2, threaded=True, **more)
try:
    print(json.dumps(loopscope.ui.run(source)), flush=True)
except LoopscopeError as error:
    print("raised", type(error).__name__, error, flush=True)
    sys.exit(error.exit_code)
"""


GATE = """
import time
class Gate:
    def wait(self, seconds):
        print("at the gate", file=sys.__stderr__, flush=True)
        time.sleep(1.0)
more = {'gate': Gate()}
"""


class Screen:
    """A child with a terminal on stdin and stderr and a pipe on stdout, drained all the time."""

    def __init__(self, setup: str = "more = {}", size: tuple[int, int] = (160, 48)) -> None:
        self.leader, self.follower = pty.openpty()
        fcntl.ioctl(self.follower, termios.TIOCSWINSZ, struct.pack("HHHH", size[1], size[0], 0, 0))
        self.before = termios.tcgetattr(self.follower)
        self.process = subprocess.Popen(
            [sys.executable, "-c", PROGRAM.format(tests=str(TESTS), setup=setup)],
            stdin=self.follower,
            stderr=self.follower,
            stdout=subprocess.PIPE,
            start_new_session=True,
            env={**os.environ, "TERM": "xterm-256color", "LOOPSCOPE_ASCII": "1"},
        )
        self.written = b""
        self.over = False
        self.thread = threading.Thread(target=self.drain, daemon=True)
        self.thread.start()

    def drain(self) -> None:
        while not self.over:
            if select.select([self.leader], [], [], 0.05)[0]:
                try:
                    self.written += os.read(self.leader, 1 << 16)
                except OSError:
                    return

    def wait_for(self, words: bytes) -> None:
        """Until the terminal has been sent some words."""
        assert wait_until(lambda: words in self.written or self.process.poll() is not None), self.written[-2000:]
        assert words in self.written, self.written[-2000:]

    def output(self) -> tuple[int, str]:
        """Exit code and stdout, once it has ended."""
        out, _ = self.process.communicate(timeout=PATIENCE_S)
        return self.process.returncode, out.decode()

    def restored(self) -> bool:
        """Modes as before, alternate screen left, cursor shown."""
        modes = termios.tcgetattr(self.follower) == self.before
        return modes and self.written.rfind(b"\x1b[?1049l") > self.written.rfind(b"\x1b[?1049h")

    def close(self) -> None:
        self.over = True
        self.thread.join()
        if self.process.poll() is None:
            self.process.kill()
        self.process.communicate()
        for fd in (self.leader, self.follower):
            if fd >= 0:
                os.close(fd)


@pytest.fixture
def screen() -> Iterator[Callable[..., Screen]]:
    """Open screens, close them afterwards."""
    opened: list[Screen] = []

    def make(*args: object, **more: object) -> Screen:
        opened.append(Screen(*args, **more))  # type: ignore[arg-type]
        return opened[-1]

    yield make
    for one in opened:
        one.close()


def test_the_summary_comes_back_and_stdout_is_free(screen: Callable[..., Screen]) -> None:
    """With stdout redirected the screen has the terminal's size, stdout holds the caller's words alone, exit code 0."""
    one = screen()
    one.wait_for(b"event-loop lag")
    os.write(one.leader, b"q")
    code, out = one.output()
    assert code == 0
    stopped, summary = out.splitlines()
    assert stopped == "stopped"
    assert json.loads(summary)["source"] == "fake"
    assert one.restored()


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGHUP, 129)])
def test_signals_end_it_in_order(screen: Callable[..., Screen], number: int, code: int) -> None:
    """The source is stopped once, the terminal restored, and the exit code tells the signal."""
    one = screen()
    one.wait_for(b"agent-1")
    os.kill(one.process.pid, number)
    assert one.output() == (code, "stopped\n")
    assert one.restored()


def test_what_was_seen_is_left_in_the_terminal(screen: Callable[..., Screen]) -> None:
    """After q: how long, what it carried, where the recording lies and the command that replays it."""
    one = screen("more = {'recording': '/tmp/calm pair.jsonl'}")
    one.wait_for(b"event-loop lag")
    os.write(one.leader, b"q")
    assert one.output()[0] == 0
    one.wait_for(b"loopscope replay '/tmp/calm pair.jsonl'")
    said = one.written.rpartition(b"\x1b[?1049l")[2].decode()
    assert "loopscope saw 2 agents for 1:1" in said and "delivery delay p99" in said


@pytest.mark.skipif(sys.platform != "linux", reason="finds the guard in /proc")
def test_a_guard_that_was_killed_is_told(screen: Callable[..., Screen]) -> None:
    """On the line of messages; everything else goes on."""
    one = screen()
    one.wait_for(b"event-loop lag")
    children = Path(f"/proc/{one.process.pid}/task/{one.process.pid}/children").read_text().split()
    guards = [n for n in children if b"guard.py" in Path(f"/proc/{n}/cmdline").read_bytes()]
    os.kill(int(guards[0]), signal.SIGKILL)
    one.wait_for(b"type reset")
    os.write(one.leader, b"q")
    assert one.output()[0] == 0


def state(number: int) -> str:
    """What the kernel says a process does: ``T`` for stopped."""
    return Path(f"/proc/{number}/stat").read_text().rpartition(")")[2].split()[0]


@pytest.mark.skipif(sys.platform != "linux", reason="asks /proc whether it has stopped")
@pytest.mark.parametrize("number", [signal.SIGSTOP, signal.SIGTSTP])
def test_it_goes_on_after_a_stop(screen: Callable[..., Screen], number: int) -> None:
    """Stopped (from outside, or as a shell does) and continued, twice: keys act, q ends, the terminal is restored."""
    one = screen()
    one.wait_for(b"event-loop lag")
    for _ in range(2):
        os.kill(one.process.pid, number)
        assert wait_until(lambda: state(one.process.pid) == "T")
        one.written = b""
        os.kill(one.process.pid, signal.SIGCONT)
        one.wait_for(b"event-loop lag")
        assert termios.tcgetattr(one.follower) != one.before
    os.write(one.leader, b"q")
    code, out = one.output()
    assert (code, out.splitlines()[0]) == (0, "stopped")
    assert one.restored()


def test_a_signal_while_starting(screen: Callable[..., Screen]) -> None:
    """The start comes to its end, then the source is stopped."""
    one = screen(GATE)
    one.wait_for(b"at the gate")
    os.kill(one.process.pid, signal.SIGTERM)
    assert one.output() == (143, "stopped\n")
    assert one.restored()


def test_a_start_that_fails(screen: Callable[..., Screen]) -> None:
    """Its error is raised to the caller once the terminal is restored; nothing is stopped that never ran."""
    one = screen("more = {'failure': WorkerError('emulator-1 did not start')}")
    assert one.output() == (1, "raised WorkerError emulator-1 did not start\n")
    assert one.restored()


def test_a_screen_that_breaks(screen: Callable[..., Screen]) -> None:
    """A defect of ours ends with an error, and the session is still stopped in order."""
    one = screen("def edit(snapshot): return 7\nmore = {'edit': edit}")
    code, out = one.output()
    assert code == 1
    assert out.startswith("stopped\nraised LoopscopeError the screen broke")
    assert one.restored()


def test_a_terminal_that_vanishes(screen: Callable[..., Screen]) -> None:
    """Without any signal: the source is stopped and the process ends with 129."""
    one = screen()
    one.wait_for(b"agent-1")
    one.over = True
    one.thread.join()
    os.close(one.follower)
    os.close(one.leader)
    one.leader = one.follower = -1
    assert one.output() == (129, "stopped\n")


def test_an_unknown_theme_is_refused_before_anything_starts() -> None:
    """The error lists the themes that there are."""
    source = FakeSource()
    with pytest.raises(InputError, match=r"no theme 'drak'.*themes: dark, high-contrast, light"):
        loopscope.ui.run(source, theme="drak")
    assert source.events == []
