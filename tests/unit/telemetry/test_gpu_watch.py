"""The GPU thread: what it knows, what it says when the driver is slow, and that it ends."""

import threading

import pytest

from loopscope.telemetry import gpu_watch
from loopscope.telemetry.gpu import GpuError, GpuReading
from loopscope.telemetry.gpu_watch import GpuWatch


class Driver:
    """Stands in for ``Nvml``: each opening and each reading waits for its turn and then does what it is told."""

    def __init__(self) -> None:
        self.may_open = threading.Event()
        self.may_open.set()
        self.may_read = threading.Event()
        self.may_read.set()
        self.open_fails: str = ""
        self.read_fails: str = ""
        self.read_done = threading.Semaphore(0)
        self.opened = 0
        self.closed = threading.Event()

    def open(self) -> None:
        self.may_open.wait()
        if self.open_fails:
            raise GpuError(self.open_fails)
        self.opened += 1

    def read(self) -> list[GpuReading]:
        self.may_read.wait()
        self.read_done.release()
        if self.read_fails:
            raise GpuError(self.read_fails)
        return [GpuReading(0, "GPU 0", watts=50.0, share=0.5)]

    def look_again(self) -> None:
        return

    def close(self) -> None:
        self.closed.set()


def watch_of(driver: Driver) -> GpuWatch:
    watch = GpuWatch(driver, 0.01)  # type: ignore[arg-type]
    watch.start()
    return watch


def test_readings_are_there_as_soon_as_it_is_open() -> None:
    """Once open, the first readings are there without waiting for a tick, and stopping shuts NVML down."""
    driver = Driver()
    watch = watch_of(driver)
    assert watch.wait_opened(10) == "ok"
    assert [reading.watts for reading in watch.latest()] == [50.0]
    watch.stop()
    assert driver.closed.wait(10)


def test_refusal_at_the_start_is_final() -> None:
    """A missing driver is told once and not asked for again."""
    driver = Driver()
    driver.open_fails = "no driver"
    watch = watch_of(driver)
    assert watch.wait_opened(10) == "no driver"
    assert watch.latest() == []
    assert driver.closed.wait(10)
    assert driver.opened == 0


def test_slow_driver_does_not_hold_up_the_hello() -> None:
    """A driver that takes long to wake is "not answered yet", and its GPUs join when it has."""
    driver = Driver()
    driver.may_open.clear()
    watch = watch_of(driver)
    assert "not answered yet" in watch.wait_opened(0.01)
    assert watch.latest() == []
    driver.may_open.set()
    assert watch.wait_opened(10) == "ok"
    assert len(watch.latest()) == 1
    watch.stop()


def test_silent_driver_loses_its_figures(monkeypatch: pytest.MonkeyPatch) -> None:
    """Readings that have grown old are not shown as of now: figures go, the name stays, the words say how long."""
    driver = Driver()
    watch = watch_of(driver)
    assert watch.wait_opened(10) == "ok"
    driver.may_read.clear()
    monkeypatch.setattr(gpu_watch, "SILENT_S", -1.0)
    while not (words := watch.latest()[0].words):
        pass
    assert "has not answered" in words
    assert watch.latest()[0].watts is None
    driver.may_read.set()
    watch.stop()


def test_driver_that_goes_away_is_told_and_looked_for_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """When NVML as a whole fails there are no readings but a reason, until opening it works again."""
    monkeypatch.setattr(gpu_watch, "RETRY_S", 0.01)
    driver = Driver()
    watch = watch_of(driver)
    assert watch.wait_opened(10) == "ok"
    driver.open_fails = "still away"
    driver.read_fails = "driver replaced"
    while watch.reason != "still away":
        pass
    assert watch.latest() == []
    driver.read_fails = driver.open_fails = ""
    while watch.reason:
        pass
    assert len(watch.latest()) == 1
    watch.stop()
    assert driver.closed.wait(10)
