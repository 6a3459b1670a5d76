"""The machine's load: shares within bounds, our own processes by the names that the session gave them."""

import os
import subprocess
import sys
import time
import types
from collections.abc import Iterator

import psutil
import pytest

from loopscope.telemetry import host as module
from loopscope.telemetry.host import Host

SPIN = "import sys, time\nprint('up', flush=True)\nwhile True: pass"


@pytest.fixture
def spinner() -> Iterator[subprocess.Popen[bytes]]:
    """A child of this process that burns CPU, named like a child of a session."""
    process = subprocess.Popen([sys.executable, "-c", SPIN, "--proc", "rig-7"], stdout=subprocess.PIPE)
    assert process.stdout is not None
    with process.stdout:
        assert process.stdout.readline() == b"up\n"
        yield process
        process.kill()
        process.wait()


def read_until(host: Host, name: str, deadline_s: float = 20.0) -> float:
    """Read until there is a share above zero for that name."""
    end = time.monotonic() + deadline_s
    while time.monotonic() < end:
        if share := host.read().procs.get(name, 0.0):
            return share
        time.sleep(0.02)
    raise AssertionError(f"no share for {name}")


def test_reading_is_within_bounds() -> None:
    """One share a core, all in [0, 1], and memory used is part of what there is."""
    reading = Host().read()
    assert len(reading.cpu) == psutil.cpu_count()
    assert all(0.0 <= share <= 1.0 for share in reading.cpu)
    assert 0 < reading.memory_used < reading.memory_total
    assert 0.0 <= reading.busy <= 1.0


def test_child_is_found_by_its_parent_and_carries_its_given_name(spinner: subprocess.Popen[bytes]) -> None:
    """A descendant of the parent shows up under the name on its command line; the parent itself is the session."""
    host = Host(parent=os.getpid())
    assert 0.0 < read_until(host, "rig-7") <= 1.5
    assert "session" in host.read().procs


def test_child_started_later_is_found(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> None:
    """A rig that takes over long after the start is found by the next scan."""
    monkeypatch.setattr(module, "SCAN_S", 0.0)
    monkeypatch.setattr(module, "SCAN_COST", 0)
    host = Host(parent=os.getpid())
    assert "rig-7" not in host.read().procs
    request.getfixturevalue("spinner")
    assert read_until(host, "rig-7") > 0.0


def test_watched_pid_carries_the_name_it_was_given_and_vanishes_with_its_process(
    spinner: subprocess.Popen[bytes],
) -> None:
    """A process named by pid is read under that name, and is left out once it is gone."""
    host = Host(watch=[("mine", spinner.pid)])
    assert read_until(host, "mine") > 0.0
    spinner.kill()
    spinner.wait()
    assert "mine" not in host.read().procs


def test_watch_of_no_process_is_left_out() -> None:
    """A pid that nobody has is no error and no zero."""
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    host = Host(watch=[("gone", gone.pid)])
    host.read()
    assert "gone" not in host.read().procs


def test_inference_servers_are_found_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    """A process called ollama is summed up under that name, whoever started it; others are left alone."""
    names = {1: "ollama", 2: "ollama", 3: "llama-server", 4: "bash", 5: "python3.12"}
    seconds = {1: 1.0, 2: 2.0, 3: 4.0, 4: 8.0, 5: 16.0}

    class FakeProcess:
        def __init__(self, pid: int) -> None:
            self.pid = pid

        def ppid(self) -> int:
            return 99

        def name(self) -> str:
            return names[self.pid]

        def cmdline(self) -> list[str]:
            return ["python3", "-m", "loopscope.realpair"] if self.pid == 5 else []

        def cpu_times(self) -> object:
            seconds[self.pid] *= 2
            return types.SimpleNamespace(user=seconds[self.pid], system=0.0)

    monkeypatch.setattr(module.psutil, "pids", lambda: list(names))
    monkeypatch.setattr(module.psutil, "Process", FakeProcess)
    host = Host()
    assert host.read().procs == {}
    procs = host.read().procs
    assert set(procs) == {"ollama", "llama-server", "llama.cpp"}
    assert procs["ollama"] > 0.0
