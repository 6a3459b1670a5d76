"""Telemetry as a real child: hello, records, and how it ends."""

import queue
import subprocess
import sys
import time

import psutil
import pytest

from kit.processes import PATIENCE_S
from loopscope.core.codec import decode
from loopscope.core.records import Bye, Hello, HostLoad, Power
from loopscope.wire.worker import Worker

COMMAND = [sys.executable, "-P", "-m", "loopscope.telemetry", "--proc", "telemetry", "--interval-ms", "50"]


def test_child_says_hello_and_then_power_and_load() -> None:
    """The hello tells what can be had; ticks carry a power record and the host's load; quit ends it with a bye."""
    lines: queue.Queue[bytes] = queue.Queue()
    ended: queue.Queue[int] = queue.Queue()
    worker = Worker("loopscope.telemetry", "telemetry", ["--interval-ms", "50"], on_line=lines.put, on_end=ended.put)
    worker.start()
    try:
        hello = worker.wait_ready()
        assert (hello.role, hello.proc, hello.pid) == ("telemetry", "telemetry", worker.pid)
        assert set(hello.signals) == {"nvml", "rapl", "cpu"}
        assert hello.signals["cpu"] == "ok"
        seen: dict[type, object] = {}
        while not {Power, HostLoad} <= seen.keys():
            record = decode(lines.get(timeout=PATIENCE_S))
            seen[type(record)] = record
        power, load = seen[Power], seen[HostLoad]
        assert isinstance(power, Power) and isinstance(load, HostLoad)
        assert power.source in {"nvml", "rapl", "cpu"}
        assert power.watts is not None or power.words
        assert load.cpu
    finally:
        worker.stop()
    assert ended.get(timeout=PATIENCE_S) == 0
    rest = [decode(line) for line in lines.queue]
    assert isinstance(rest[-1], Bye)


def test_telemetry_knows_the_session_and_itself() -> None:
    """Without being told, it names its parent and finds its own process by the name on the command line."""
    lines: queue.Queue[bytes] = queue.Queue()
    worker = Worker("loopscope.telemetry", "telemetry-9", ["--interval-ms", "50"], on_line=lines.put)
    worker.start()
    try:
        worker.wait_ready()
        names: set[str] = set()
        while not {"session", "telemetry-9"} <= names:
            record = decode(lines.get(timeout=PATIENCE_S))
            if isinstance(record, HostLoad):
                names |= record.procs.keys()
    finally:
        worker.stop()


@pytest.mark.parametrize("within_s", [PATIENCE_S, pytest.param(2.0, marks=pytest.mark.timing)])
def test_end_of_standard_input_ends_it(within_s: float) -> None:
    """When whoever holds the leash is gone, nothing is left; two seconds later on a quiet machine."""
    process = subprocess.Popen(COMMAND, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    try:
        assert process.stdout is not None
        assert isinstance(decode(process.stdout.readline()), Hello)
        assert process.stdin is not None
        process.stdin.close()
        assert process.wait(within_s) == 0
        assert process.stderr is not None
        assert process.stderr.read() == b""
    finally:
        process.kill()
        process.wait()
        for pipe in (process.stdin, process.stdout, process.stderr):
            if pipe is not None:
                pipe.close()


def test_sigterm_ends_it_with_a_bye() -> None:
    """Told to end by a signal, it hands out its last line and exits with 0."""
    process = subprocess.Popen(COMMAND, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    try:
        assert process.stdout is not None
        process.stdout.readline()
        process.terminate()
        *_, last = process.stdout.readlines()
        assert isinstance(decode(last), Bye)
        assert process.wait(PATIENCE_S) == 0
    finally:
        process.kill()
        process.wait()
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                pipe.close()


@pytest.mark.parametrize("bad", [["--watch", "x"], ["--watch", "x=-1"], ["--interval-ms", "1"], ["--interval-ms", "²"]])
def test_wrong_arguments_are_a_sentence(bad: list[str]) -> None:
    """A wrong argument ends with 2 and no traceback."""
    done = subprocess.run(
        [*COMMAND, *bad], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=PATIENCE_S
    )
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    assert bad[0] in done.stderr


@pytest.mark.timing
def test_own_cost_is_under_one_percent_of_a_core() -> None:
    """At its own interval the process costs less than 1 % of a core (CPU time, not wall time, so noise cannot show)."""
    lines: queue.Queue[bytes] = queue.Queue()
    worker = Worker("loopscope.telemetry", "telemetry", on_line=lines.put)
    worker.start()
    try:
        worker.wait_ready()
        process = psutil.Process(worker.pid)
        lines.get(timeout=PATIENCE_S)
        before, start_s = process.cpu_times(), time.monotonic()
        for _ in range(2 * 12):
            lines.get(timeout=PATIENCE_S)
        after, end_s = process.cpu_times(), time.monotonic()
        cost_s = after.user + after.system - before.user - before.system
        # The kernel counts in ticks of 10 ms: one tick of grace.
        assert cost_s <= 0.01 * (end_s - start_s) + 0.011
    finally:
        worker.stop()
