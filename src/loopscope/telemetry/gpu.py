"""NVIDIA GPUs through NVML. The only import of ``pynvml``.

Everything here may be missing: the package, the library, the driver, the permission, one GPU's power meter. Each
absence is told in words, and none of them is an error of the process.
"""

import contextlib
import importlib
from dataclasses import dataclass
from typing import Any

from loopscope.core.text import plain

NOT_SUPPORTED = 3
_FINAL = {NOT_SUPPORTED, 4, 13}
"""Codes that will not change while we run: not supported, no permission, driver too old for the question."""
_GONE = {1, 9, 18}
"""Codes after which no call can succeed until NVML is opened anew: not initialised, driver unloaded or replaced."""
_LOST = {6, 15, 16, 28}
"""Codes after which one GPU needs a new handle, if it ever comes back."""

_WORDS = {
    1: "NVML is not initialised",
    3: "not supported by this GPU",
    4: "no permission to ask the NVIDIA driver (in a container: is the device passed in?)",
    6: "the GPU is not there any more",
    9: "the NVIDIA driver is not loaded",
    10: "the NVIDIA driver did not answer in time",
    12: "no NVIDIA driver library here (libnvidia-ml)",
    13: "the NVIDIA driver is too old for this question",
    14: "the GPU's configuration memory is corrupted",
    15: "the GPU is lost: it fell off the bus or cannot be reached",
    16: "the GPU needs a reset",
    17: "the operating system refused access to the NVIDIA driver",
    18: "the NVIDIA driver and its library have different versions (an update without a restart)",
    28: "the GPU is not there any more",
}


class GpuError(Exception):
    """NVML as a whole cannot be used; the text says why. Never leaves this package."""


@dataclass(frozen=True, slots=True)
class GpuReading:
    """One GPU at one moment: ``watts``, ``share`` in [0, 1], memory in bytes; ``None`` where it does not tell."""

    index: int
    name: str
    watts: float | None = None
    share: float | None = None
    memory_used: int | None = None
    memory_total: int | None = None
    words: str = ""


def words_of(error: Exception) -> str:
    """Say an NVML error for people; a code that we do not know keeps the library's own text."""
    code = getattr(error, "value", None)
    known = _WORDS.get(code) if isinstance(code, int) else None
    return known or f"NVML: {plain(str(error))}"


class _Gpu:
    """One GPU: its handle, and what it has already said it cannot tell (asking again costs a driver call)."""

    def __init__(self, nvml: Any, index: int) -> None:
        self.nvml = nvml
        self.index = index
        self.name = f"GPU {index}"
        self.handle: Any = None
        self.words = ""
        self.mig = False
        self.never: dict[str, str] = {}

    def find(self) -> None:
        """Take the handle and the name; leaves the reason in ``words`` when this GPU cannot be had."""
        self.words = ""
        self.never.clear()
        try:
            self.handle = self.nvml.nvmlDeviceGetHandleByIndex(self.index)
            name = self.nvml.nvmlDeviceGetName(self.handle)
            text = name.decode("utf-8", "replace") if isinstance(name, bytes) else str(name)
            self.name = f"GPU {self.index}: {plain(text, 60)}"
        except self.nvml.NVMLError as error:
            self._lose(error)
            return
        try:
            current, _pending = self.nvml.nvmlDeviceGetMigMode(self.handle)
            self.mig = current == 1
        except self.nvml.NVMLError:
            self.mig = False  # GPUs without MIG say "not supported", old drivers do not know the question

    def read(self) -> GpuReading:
        """Ask for everything that it can tell.

        Raises:
            GpuError: NVML as a whole is gone.
        """
        missing = dict(self.never)
        milliwatts = self._ask("power", "nvmlDeviceGetPowerUsage", missing)
        rates = self._ask("utilisation", "nvmlDeviceGetUtilizationRates", missing)
        memory = self._ask("memory", "nvmlDeviceGetMemoryInfo", missing)
        if self.handle is None:
            return GpuReading(self.index, self.name, words=self.words)
        return GpuReading(
            self.index,
            self.name,
            watts=None if milliwatts is None else milliwatts / 1000,
            share=None if rates is None else min(1.0, max(0.0, rates.gpu / 100)),
            memory_used=None if memory is None else int(memory.used),
            memory_total=None if memory is None else int(memory.total),
            words="; ".join(f"no {what}: {words}" for what, words in missing.items()),
        )

    def _ask(self, what: str, function: str, missing: dict[str, str]) -> Any:
        if self.handle is None or what in self.never:
            return None
        try:
            return getattr(self.nvml, function)(self.handle)
        except self.nvml.NVMLError as error:
            code = getattr(error, "value", None)
            if code in _GONE:
                raise GpuError(words_of(error)) from error
            if code in _LOST:
                self._lose(error)
            elif code == NOT_SUPPORTED and self.mig:
                missing[what] = "MIG is on, the card as a whole does not tell"
            else:
                missing[what] = words_of(error)
            if code in _FINAL:
                self.never[what] = missing[what]
            return None

    def _lose(self, error: Exception) -> None:
        self.handle = None
        self.words = words_of(error)


class Nvml:
    """NVML, opened. ``module`` stands in for ``pynvml`` in tests."""

    def __init__(self, module: Any = None) -> None:
        self._module = module
        self._gpus: list[_Gpu] = []
        self._open = False
        self.driver = ""
        """Version of the driver; empty: not known."""

    @property
    def names(self) -> list[str]:
        """The name of each GPU, with its number."""
        return [gpu.name for gpu in self._gpus]

    def open(self) -> None:
        """Load the library and find the GPUs.

        Raises:
            GpuError: there is nothing to be had; says why.
        """
        if self._module is None:
            try:
                self._module = importlib.import_module("pynvml")
            except ImportError as error:
                raise GpuError("the Python package nvidia-ml-py is not installed") from error
        nvml = self._module
        try:
            nvml.nvmlInit()
        except nvml.NVMLError as error:
            raise GpuError(words_of(error)) from error
        self._open = True
        with contextlib.suppress(nvml.NVMLError, AttributeError):
            driver = nvml.nvmlSystemGetDriverVersion()
            self.driver = plain(driver.decode("ascii", "replace") if isinstance(driver, bytes) else str(driver), 40)
        try:
            count = int(nvml.nvmlDeviceGetCount())
        except nvml.NVMLError as error:
            self.close()
            raise GpuError(words_of(error)) from error
        self._gpus = [_Gpu(nvml, index) for index in range(count)]
        for gpu in self._gpus:
            gpu.find()
        if all(gpu.handle is None for gpu in self._gpus):
            words = self._gpus[0].words if self._gpus else "the NVIDIA driver is here, but it knows of no GPU"
            self.close()
            raise GpuError(words)

    def read(self) -> list[GpuReading]:
        """Read every GPU; one that cannot be read is there with its reason.

        Raises:
            GpuError: NVML as a whole is gone (driver unloaded or replaced); :meth:`open` may be tried again.
        """
        try:
            return [gpu.read() for gpu in self._gpus]
        except GpuError:
            self.close()
            raise

    def look_again(self) -> None:
        """Try to take a handle of each GPU that was lost."""
        for gpu in self._gpus:
            if gpu.handle is None:
                gpu.find()

    def close(self) -> None:
        """Shut NVML down; it may be closed already, or its driver gone."""
        if not self._open:
            return
        self._open = False
        self._gpus = []
        try:
            self._module.nvmlShutdown()
        except self._module.NVMLError:
            return  # the driver went away first: nothing is held any more
