"""Run the command as a person would, and look at which processes are left."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

PATIENCE_S = 150.0
"""How long a test waits for what must come. Only a defect takes so long: beside eight busy processes on two cores a
session of ours is up after 20 s."""


def command(*words: str) -> list[str]:
    """The loopscope command of the interpreter that runs the tests."""
    return [sys.executable, "-m", "loopscope", *words]


def run(*words: str, timeout_s: float = PATIENCE_S, **more: object) -> subprocess.CompletedProcess[str]:
    """Run to the end with no terminal."""
    return subprocess.run(  # type: ignore[call-overload]
        command(*words), capture_output=True, text=True, timeout=timeout_s, stdin=subprocess.DEVNULL, **more
    )


def start(*words: str, **more: object) -> subprocess.Popen[str]:
    """Start with no terminal, output on pipes, in a process group of its own."""
    return subprocess.Popen(  # type: ignore[call-overload]
        command(*words),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        **more,
    )


def children_of(pid: int) -> list[int]:
    """Process ids whose parent is ``pid`` (Linux)."""
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = path.read_text().rsplit(")", 1)[1].split()
        except OSError:
            continue
        if int(fields[1]) == pid:
            found.append(int(path.parent.name))
    return found


def sessions_children() -> list[int]:
    """Children of ours that a session has started. Servers that other tests share are not meant: they live on."""
    return [pid for pid in children_of(os.getpid()) if b"loopscope.realpair" not in _command_line(pid)]


def _command_line(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""


def exists(pid: int) -> bool:
    """Say whether a process runs; one that has ended and waits to be reaped does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


def wait_until(condition, timeout_s: float = PATIENCE_S) -> bool:
    """Wait until a condition holds; give whether it did."""
    end_s = time.monotonic() + timeout_s
    while not condition():
        if time.monotonic() > end_s:
            return False
        time.sleep(0.02)
    return True


def record_until(
    path: Path, holds: Callable[[bytes], object], *words: str, number: int = signal.SIGINT
) -> subprocess.CompletedProcess[str]:
    """Record to ``path`` until what is in it suffices, then end it by a signal. Give how it ended."""
    process = start("record", "-o", str(path), "--json", *words)
    try:
        assert wait_until(lambda: process.poll() is not None or (path.exists() and holds(path.read_bytes())))
        if process.poll() is None:
            process.send_signal(number)
        out, err = process.communicate(timeout=PATIENCE_S)
    finally:
        end(process)
    return subprocess.CompletedProcess(process.args, process.returncode, out, err)


def wait_for_children(process: subprocess.Popen[str], count: int) -> list[int]:
    """Wait until a command has at least this many children; give their ids."""
    assert wait_until(lambda: len(children_of(process.pid)) >= count or process.poll() is not None)
    return children_of(process.pid)


def end(process: subprocess.Popen[str], number: int = signal.SIGKILL) -> None:
    """End a process that a test started, if it still runs, and close its pipes."""
    if process.poll() is None:
        os.kill(process.pid, number)
    process.communicate(timeout=PATIENCE_S)
