"""Keeps one foreign program (an ``ollama serve``) on a leash that it does not know of itself.

A child of the session: starts the program in a process group of its own, with its output in a log file, and ends the
whole group when it is told to, or when the session is gone by whatever death.
"""

import argparse
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Sequence
from pathlib import Path

from loopscope.core.clock import now_ns
from loopscope.core.commands import AnyCommand, Quit
from loopscope.core.records import Bye
from loopscope.core.text import plain
from loopscope.wire.child import ChildPipe

TERM_S = 0.7
"""From asking the program to end to ending it: less than the second that the leash gives us."""
MAX_LOG_BYTES = 8 << 20
"""A log that has grown beyond this is put aside (one old one is kept) when the program is started anew."""


def last_line(log: Path) -> str:
    """Last line that the program wrote, made safe to show; empty when there is none."""
    try:
        with log.open("rb") as file:
            file.seek(0, os.SEEK_END)
            file.seek(max(0, file.tell() - 4096))
            lines = file.read().decode("utf-8", "replace").split("\n")
    except OSError:
        return ""
    return next((plain(line.strip()) for line in reversed(lines) if line.strip()), "")


class _Kept:
    """The program, and how to end all of it."""

    def __init__(self, command: Sequence[str], settings: dict[str, str], log: Path) -> None:
        log.parent.mkdir(parents=True, exist_ok=True)
        if log.exists() and log.stat().st_size > MAX_LOG_BYTES:
            log.replace(log.with_name(log.name + ".old"))
        with log.open("ab") as output:
            self._process = subprocess.Popen(
                list(command),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env=os.environ | settings,
                start_new_session=True,
            )
        self.pid = self._process.pid
        self.ending = threading.Event()

    def end(self) -> None:
        """Ask the program and its children to end, and see to it a little later; returns at once."""
        if self.ending.is_set():
            return
        self.ending.set()
        self._signal(signal.SIGTERM)
        timer = threading.Timer(TERM_S, self._kill)
        timer.daemon = True
        timer.start()

    def wait(self) -> int:
        """Wait for the program's end, end what it left behind, give its exit code."""
        if hasattr(os, "waitid"):  # not on Windows, on macOS from Python 3.13
            # Looked at, not yet collected: until then nobody else can get its number, and the group is surely its own.
            os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOWAIT)
            self._kill()
            return self._process.wait()
        code = self._process.wait()
        self._kill()
        return code

    def _kill(self) -> None:
        self._signal(signal.SIGKILL if os.name == "posix" else signal.SIGTERM)

    def _signal(self, number: signal.Signals) -> None:
        try:
            if os.name == "posix":
                os.killpg(self.pid, number)
            else:
                self._process.terminate()
        except ProcessLookupError:
            return


def _setting(text: str) -> tuple[str, str]:
    name, sign, value = text.partition("=")
    if not sign or not name:
        raise argparse.ArgumentTypeError(f"{text!r} is not of the form NAME=VALUE")
    return name, value


def main(argv: Sequence[str] | None = None) -> int:
    """Run one program until it ends or we are told to end it; gives the exit code."""
    parser = argparse.ArgumentParser(prog="python -m loopscope.session.supervisor", description=__doc__)
    parser.add_argument("--proc", default="keeper", help="name that the records carry")
    parser.add_argument("--log", type=Path, required=True, help="file that takes the program's output")
    parser.add_argument("--set", type=_setting, action="append", default=[], metavar="NAME=VALUE", help="environment")
    parser.add_argument("command", nargs="+", help="the program and its arguments, after --")
    args = parser.parse_args(argv)
    pipe = ChildPipe(args.proc)
    try:
        kept = _Kept(args.command, dict(args.set), args.log)
    except OSError as error:
        sys.stderr.write(f"{plain(str(args.command[0]))} cannot be started: {error.strerror or error}\n")
        return 1
    for name in ("SIGINT", "SIGTERM", "SIGHUP"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), lambda *_: kept.end())

    def on_command(command: AnyCommand) -> None:
        if isinstance(command, Quit):
            kept.end()

    pipe.ready("keeper", {"pid": str(kept.pid), "log": str(args.log)})
    pipe.listen(on_command, kept.end)
    code = kept.wait()
    if kept.ending.is_set():
        pipe.send(Bye(t_ns=now_ns(), proc=args.proc))
        return 0
    sys.stderr.write(f"it ended by itself with code {code}: {last_line(args.log) or 'it said nothing'}\n")
    return 1


if __name__ == "__main__":
    sys.exit(main())
