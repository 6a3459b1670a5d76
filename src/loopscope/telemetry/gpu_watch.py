"""A thread that reads the GPUs, so that a driver that hangs cannot hold up the rest of the telemetry.

Opening NVML takes 1 to 2 s where no program keeps the driver awake, and a call to a GPU that has just fallen off the
bus may not return for many seconds.
"""

import threading
import time

from loopscope.telemetry.gpu import GpuError, GpuReading, Nvml

RETRY_S = 10.0
"""A lost GPU or a replaced driver is looked for again this often: an answer takes the driver up to a second."""
SILENT_S = 2.0
"""Readings older than this are not shown as if they were of now."""


class GpuWatch:
    """Reads all GPUs every ``interval_s`` in a thread of its own; the latest readings wait in :meth:`latest`."""

    def __init__(self, nvml: Nvml, interval_s: float) -> None:
        self._nvml = nvml
        self._interval_s = interval_s
        self._stop = threading.Event()
        self._opened = threading.Event()
        self._lock = threading.Lock()
        self._readings: list[GpuReading] = []
        self._read_at = time.monotonic()
        self._reason = "the NVIDIA driver has not answered yet"
        self._thread = threading.Thread(target=self._run, name="gpu", daemon=True)

    def start(self) -> None:
        """Begin; returns at once."""
        self._thread.start()

    def wait_opened(self, deadline_s: float) -> str:
        """Wait until NVML is open or refused: gives ``ok`` or the reason."""
        self._opened.wait(deadline_s)
        with self._lock:
            return self._reason or "ok"

    def facts(self) -> dict[str, str]:
        """Name of each GPU and version of the driver, for the header of a recording; nothing where there is none."""
        facts = {"gpu": ", ".join(self._nvml.names), "driver": self._nvml.driver}
        return {name: words for name, words in facts.items() if words}

    def latest(self) -> list[GpuReading]:
        """Latest reading of each GPU, empty when there is none to be had; old ones have lost their figures."""
        with self._lock:
            readings, age_s = self._readings, time.monotonic() - self._read_at
        if age_s <= max(SILENT_S, 2 * self._interval_s):
            return readings
        words = f"the NVIDIA driver has not answered for {age_s:.0f} s"
        return [GpuReading(reading.index, reading.name, words=words) for reading in readings]

    @property
    def reason(self) -> str:
        """Why there are no GPUs; empty when there are."""
        with self._lock:
            return self._reason

    def stop(self) -> None:
        """End the thread, which shuts NVML down; does not wait for a driver that hangs."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(0.5)

    def _run(self) -> None:
        try:
            try:
                self._open()
            except GpuError as error:
                # What is missing at the start stays missing: no library, no driver, no permission.
                self._tell([], str(error))
                return
            finally:
                self._opened.set()
            self._watch()
        finally:
            self._nvml.close()

    def _watch(self) -> None:
        look_at = time.monotonic() + RETRY_S
        while not self._stop.wait(self._interval_s):
            try:
                if time.monotonic() >= look_at:
                    self._nvml.look_again()
                    look_at = time.monotonic() + RETRY_S
                self._tell(self._nvml.read(), "")
            except GpuError as error:
                self._tell([], str(error))
                self._reopen()

    def _reopen(self) -> None:
        while not self._stop.wait(RETRY_S):
            try:
                self._open()
            except GpuError as error:
                self._tell([], str(error))
            else:
                return

    def _open(self) -> None:
        self._nvml.open()
        self._tell(self._nvml.read(), "")

    def _tell(self, readings: list[GpuReading], reason: str) -> None:
        with self._lock:
            self._readings, self._reason, self._read_at = readings, reason, time.monotonic()
