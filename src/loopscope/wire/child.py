"""The child's end of the pipe: records out on a private descriptor, commands in, and a leash.

The leash: standard input of a child is a pipe that only its session holds. End of file there means that the session is
gone, by whatever death, so the child ends by itself within ``GRACE_S``. This works the same after ``kill -9`` of the
session and on every platform.
"""

import os
import sys
import threading
from collections.abc import Callable

from loopscope.core.clock import now_ns, take_anchor
from loopscope.core.codec import encode
from loopscope.core.commands import AnyCommand, decode_command
from loopscope.core.errors import WorkerError
from loopscope.core.records import Hello, Record

GRACE_S = 1.0
"""From the loss of the session to the hard end: nothing may be left two seconds after a session died."""


class ChildPipe:
    """Records out, commands in. Takes standard output away from the rest of the process, whose prints go to stderr.

    ``leash_fd`` is where the commands come in: standard input, unless the process has put that aside.
    """

    def __init__(self, proc: str, leash_fd: int = 0) -> None:
        self.proc = proc
        self._leash_fd = leash_fd
        self._fd = os.dup(1)
        os.dup2(2, 1)
        self._lock = threading.Lock()

    def send(self, *records: Record) -> None:
        """Write records; blocks when the session is slow, so never call it on a measured loop."""
        self.send_lines(b"".join(map(encode, records)))

    def send_lines(self, data: bytes) -> None:
        """Write whole lines that are encoded already."""
        view = memoryview(data)
        with self._lock:
            try:
                while view:
                    view = view[os.write(self._fd, view) :]
            except (BrokenPipeError, OSError):
                self.broken()

    def broken(self) -> None:
        """Nobody reads: the session is gone, and so are we."""
        os._exit(0)

    def ready(
        self,
        role: str,
        info: dict[str, str] | None = None,
        signals: dict[str, str] | None = None,
        lag_floor_ns: int | None = None,
        elu_floor: float | None = None,
    ) -> None:
        """Say hello: from now on the session may count on us."""
        anchor = take_anchor()
        self.send(
            Hello(
                t_ns=now_ns(),
                proc=self.proc,
                role=role,
                pid=os.getpid(),
                perf_ns=anchor.perf_ns,
                wall_ns=anchor.wall_ns,
                info=info or {},
                signals=signals or {},
                lag_floor_ns=lag_floor_ns,
                elu_floor=elu_floor,
            )
        )

    def listen(self, on_command: Callable[[AnyCommand], None], on_gone: Callable[[], None]) -> threading.Thread:
        """Read commands in a thread; call ``on_gone`` at end of file and end the process ``GRACE_S`` later at most."""
        thread = threading.Thread(target=self._listen, args=(on_command, on_gone), name="leash", daemon=True)
        thread.start()
        return thread

    def close(self) -> None:
        """Let go of both ends, in a fork of the process: the session must see the end of the process it started."""
        os.close(self._fd)
        if self._leash_fd:
            os.close(self._leash_fd)

    def _listen(self, on_command: Callable[[AnyCommand], None], on_gone: Callable[[], None]) -> None:
        with os.fdopen(os.dup(self._leash_fd), "rb") as lines:
            for line in lines:
                try:
                    on_command(decode_command(line))
                except WorkerError as error:
                    print(f"{self.proc}: {error}", file=sys.stderr)  # noqa: T201 - the session keeps our stderr
        hard_end = threading.Timer(GRACE_S, os._exit, args=(0,))
        hard_end.daemon = True
        hard_end.start()
        on_gone()
