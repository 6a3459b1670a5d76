"""Figures of one thread, read from another."""

import gc
import sys
import threading
import time
from time import thread_time_ns

import pytest

from kit.processes import wait_until
from loopscope.probe.usage import GcClock, ThreadUsage


def test_cpu_is_that_of_the_watched_thread() -> None:
    """The CPU time read from outside is the thread's own, not the reader's."""
    usage: list[ThreadUsage] = []
    own: list[int] = []
    made, spin, spun, end = (threading.Event() for _ in range(4))

    def watched() -> None:
        usage.append(ThreadUsage())
        made.set()
        spin.wait()
        start_ns = thread_time_ns()
        while thread_time_ns() - start_ns < 30_000_000:
            pass
        own.append(thread_time_ns() - start_ns)
        spun.set()
        end.wait()

    thread = threading.Thread(target=watched)
    thread.start()
    made.wait()
    before_ns = usage[0].cpu_ns()
    if before_ns is None:
        end.set()
        spin.set()
        pytest.skip(usage[0].cpu_words)
    spin.set()
    spun.wait()
    after_ns = usage[0].cpu_ns()
    end.set()
    thread.join()
    assert after_ns is not None
    assert own[0] <= after_ns - before_ns <= own[0] + 10_000_000


@pytest.mark.skipif(sys.platform != "linux", reason="schedstat is Linux's")
def test_run_queue_wait_is_known_on_linux() -> None:
    """On Linux the wait for a core is a number that does not fall."""
    usage = ThreadUsage()
    first = usage.runq_ns()
    second = usage.runq_ns()
    assert first is not None
    assert second is not None
    assert 0 <= first <= second


def test_collections_are_timed() -> None:
    """A collection adds to the clock."""
    clock = GcClock()
    clock.install()
    try:
        gc.collect()
    finally:
        gc.callbacks.remove(clock)
    assert clock.total_ns > 0


def test_a_wait_is_a_switch_of_its_own() -> None:
    """Each sleep leaves the core once by itself; where the platform does not tell, there are words."""
    usage = ThreadUsage()
    before = usage.switches()
    for _ in range(5):
        time.sleep(0.001)
    after = usage.switches()
    if before is None or after is None:
        assert usage.switch_words
        return
    assert after[0] >= before[0] + 5
    assert after[1] >= before[1]


def test_collections_are_told_by_generation() -> None:
    """A full collection counts for the oldest generation."""
    clock = GcClock()
    clock("start", {"generation": 2})
    clock("stop", {"generation": 2})
    assert clock.by_generation_ns[2] == clock.total_ns > 0
    assert clock.by_generation_ns[:2] == [0, 0]


def test_the_run_queue_is_read_without_giving_the_gil_away() -> None:
    """Beside a thread that computes, five hundred readings are not five hundred waits for one's turn."""
    usage = ThreadUsage()
    if usage.runq_ns() is None:
        pytest.skip(usage.runq_words)
    resource = pytest.importorskip("resource")
    halt = threading.Event()

    def compute() -> None:
        while not halt.is_set():
            pass

    thread = threading.Thread(target=compute)
    thread.start()
    try:
        before = resource.getrusage(resource.RUSAGE_THREAD).ru_nvcsw
        for _ in range(500):
            usage.runq_ns()
        waits = resource.getrusage(resource.RUSAGE_THREAD).ru_nvcsw - before
    finally:
        halt.set()
        thread.join()
    assert waits < 100


def test_the_files_of_a_thread_that_has_ended_tell_nothing() -> None:
    """No figure of its run queue, none of its switches, no error."""
    made: list[ThreadUsage] = []
    thread = threading.Thread(target=lambda: made.append(ThreadUsage()))
    thread.start()
    thread.join()
    assert wait_until(lambda: made[0].runq_ns() is None and made[0].switches() is None)
