"""The session's end of the pipe: start a child with ``python -m``, wait for its hello, read its lines, end it."""

import collections
import contextlib
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence

from loopscope.core.codec import MAX_LINE_BYTES, decode
from loopscope.core.commands import Command, Quit, encode_command
from loopscope.core.errors import TraceError, WorkerError
from loopscope.core.records import Hello
from loopscope.core.text import plain

READY_S = 20.0
"""A cold start of the slowest child takes 1 s here; 20 s leaves room for a loaded machine and a cold disk."""
STOP_S = 1.2
"""A child ends in 0.1 s; the screen promises that nothing is left two seconds after it ended."""


class Worker:
    """One child process.

    ``on_line`` is called from the reader thread with every line after the hello; ``on_end`` once, when the pipe ends,
    with the exit code. With ``hold`` the lines wait until :meth:`admit` has passed the hello on: a pulse that overtakes
    its hello made the whole loop side of a session vanish.
    """

    def __init__(
        self,
        module: str,
        proc: str,
        args: Sequence[str] = (),
        *,
        on_line: Callable[[bytes], None],
        on_end: Callable[[int], None] = lambda code: None,
        hold: bool = False,
    ) -> None:
        self.module = module
        self.proc = proc
        self.args = tuple(args)
        self.hello: Hello | None = None
        self.hello_line = b""
        self.stopping = False
        self._on_line = on_line
        self._on_end = on_end
        self._held: list[bytes] | None = [] if hold else None
        self._order = threading.Lock()
        self._ready = threading.Event()
        self._stderr: collections.deque[str] = collections.deque(maxlen=20)
        self._process: subprocess.Popen[bytes] | None = None
        self._threads: list[threading.Thread] = []
        self._write_lock = threading.Lock()

    @property
    def pid(self) -> int:
        """Process id of the child (0 before the start)."""
        return self._process.pid if self._process else 0

    def start(self) -> None:
        """Start the child; returns at once, see :meth:`wait_ready`."""
        # -P: a file named httpx.py in the operator's folder must not become the child's httpx.
        # A session of its own: Ctrl-C in the terminal is for us, we end the children in order.
        command = [sys.executable, "-P", "-m", self.module, "--proc", self.proc, *self.args]
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True
        )
        for target in (self._read_lines, self._read_stderr):
            thread = threading.Thread(target=target, name=f"{self.proc}-{target.__name__[6:]}", daemon=True)
            thread.start()
            self._threads.append(thread)

    def wait_ready(self, deadline_s: float = READY_S) -> Hello:
        """Wait for the child's hello.

        Raises:
            WorkerError: it ended first, or did not speak in time; names what it last said.
        """
        arrived = self._ready.wait(deadline_s)
        if self.hello is None:
            self.kill()
            how = "ended before it was ready" if arrived else f"was not ready after {deadline_s:g} s"
            raise WorkerError(f"{self.proc} ({self.module}) {how}{self.last_words()}")
        return self.hello

    def admit(self) -> None:
        """Pass the hello on, then every line that came after it; a second call does nothing."""
        with self._order:
            held, self._held = self._held, None
            if held is not None:
                for line in (self.hello_line, *held):
                    self._on_line(line)

    def _pass(self, line: bytes) -> None:
        with self._order:
            if self._held is None:
                self._on_line(line)
            else:
                self._held.append(line)

    def last_words(self) -> str:
        """What the child last wrote to its standard error, as the tail of a sentence."""
        return f": {self._stderr[-1]}" if self._stderr else ""

    def send(self, command: Command) -> None:
        """Give the child a command; silently nothing when it is gone (its end is told through ``on_end``)."""
        stdin = self._process.stdin if self._process else None
        if stdin is not None:
            with self._write_lock, contextlib.suppress(BrokenPipeError, ValueError, OSError):
                stdin.write(encode_command(command))
                stdin.flush()

    def alive(self) -> bool:
        """Say whether the process still runs."""
        return self._process is not None and self._process.poll() is None

    def stop(self, deadline_s: float = STOP_S) -> None:
        """Ask it to end, cut the leash, and kill it when it has not ended after ``deadline_s``."""
        process = self._process
        if process is None:
            return
        self.stopping = True
        self.send(Quit())
        try:
            process.wait(deadline_s)
        except subprocess.TimeoutExpired:
            self.kill()
        self._cut_leash()
        for thread in self._threads:
            if thread is not threading.current_thread():
                thread.join(deadline_s)

    def kill(self) -> None:
        """End it now."""
        if self._process is not None:
            self.stopping = True
            with contextlib.suppress(OSError):
                self._process.kill()
            self._process.wait()
            self._cut_leash()

    def _cut_leash(self) -> None:
        if self._process is not None and self._process.stdin is not None:
            with self._write_lock, contextlib.suppress(OSError, ValueError):
                self._process.stdin.close()

    def _read_lines(self) -> None:
        process = self._process
        assert process is not None and process.stdout is not None  # noqa: S101 - set in start()
        with process.stdout as lines:
            while line := lines.readline(MAX_LINE_BYTES + 1):
                if self.hello is None:
                    try:
                        record = decode(line)
                    except TraceError as error:
                        self._stderr.append(plain(str(error)))
                        break
                    if not isinstance(record, Hello):
                        self._stderr.append("its first line is no hello")
                        break
                    self.hello, self.hello_line = record, line
                    self._ready.set()
                else:
                    self._pass(line)
        code = process.wait()
        # Nobody stops a child that has died by itself: its pipe would stay open for as long as the session.
        self._cut_leash()
        self._ready.set()
        self._on_end(code)

    def _read_stderr(self) -> None:
        process = self._process
        assert process is not None and process.stderr is not None  # noqa: S101 - set in start()
        with process.stderr as lines:
            while line := lines.readline(4096):
                text = plain(line.decode("utf-8", "replace").strip())
                if text:
                    self._stderr.append(text)
