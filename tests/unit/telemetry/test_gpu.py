"""NVML's many ways of not answering, played by a stand-in for ``pynvml``."""

# ruff: noqa: N802 - the functions are named as in pynvml

import sys
import types
from typing import Any

import pytest

from loopscope.telemetry.gpu import GpuError, Nvml

NOT_SUPPORTED, NO_PERMISSION, NOT_LOADED, LIBRARY, LOST, MISMATCH, UNKNOWN = 3, 4, 9, 12, 15, 18, 999


class NVMLError(Exception):
    """As in pynvml: the code stands in ``value``."""

    def __init__(self, value: int) -> None:
        super().__init__(f"code {value}")
        self.value = value


class FakeNvml:
    """Two GPUs; ``failures`` maps a function's name (and GPU) to the code that it raises."""

    NVMLError = NVMLError

    def __init__(self, count: int = 2) -> None:
        self.count = count
        self.failures: dict[Any, int] = {}
        self.calls: list[str] = []
        self.mig = 0

    def _call(self, name: str, handle: int | None = None) -> None:
        self.calls.append(name)
        code = self.failures.get((name, handle), self.failures.get(name))
        if code is not None:
            raise NVMLError(code)

    def nvmlInit(self) -> None:
        self._call("nvmlInit")

    def nvmlShutdown(self) -> None:
        self._call("nvmlShutdown")

    def nvmlSystemGetDriverVersion(self) -> bytes:
        self._call("nvmlSystemGetDriverVersion")
        return b"570.1"

    def nvmlDeviceGetCount(self) -> int:
        self._call("nvmlDeviceGetCount")
        return self.count

    def nvmlDeviceGetHandleByIndex(self, index: int) -> int:
        self._call("nvmlDeviceGetHandleByIndex", index)
        return index

    def nvmlDeviceGetName(self, handle: int) -> str:
        self._call("nvmlDeviceGetName", handle)
        return "Imaginary \x1b[31mA1"

    def nvmlDeviceGetMigMode(self, handle: int) -> list[int]:
        self._call("nvmlDeviceGetMigMode", handle)
        return [self.mig, self.mig]

    def nvmlDeviceGetPowerUsage(self, handle: int) -> int:
        self._call("nvmlDeviceGetPowerUsage", handle)
        return 123_456 + handle

    def nvmlDeviceGetUtilizationRates(self, handle: int) -> object:
        self._call("nvmlDeviceGetUtilizationRates", handle)
        return types.SimpleNamespace(gpu=40, memory=3)

    def nvmlDeviceGetMemoryInfo(self, handle: int) -> object:
        self._call("nvmlDeviceGetMemoryInfo", handle)
        return types.SimpleNamespace(used=2 << 30, total=8 << 30, free=6 << 30)


@pytest.fixture
def fake() -> FakeNvml:
    return FakeNvml()


def test_reading_of_each_gpu_is_in_our_units(fake: FakeNvml) -> None:
    """Milliwatts become watts, percent becomes a share, and the name is made printable."""
    nvml = Nvml(fake)
    nvml.open()
    first, second = nvml.read()
    assert (first.watts, second.watts) == (123.456, 123.457)
    assert (first.share, first.memory_used, first.memory_total) == (0.4, 2 << 30, 8 << 30)
    assert first.name == "GPU 0: Imaginary ·[31mA1"
    assert first.words == ""


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (LIBRARY, "no NVIDIA driver library"),
        (NOT_LOADED, "driver is not loaded"),
        (NO_PERMISSION, "no permission"),
        (MISMATCH, "different versions"),
        (UNKNOWN, "code 999"),
    ],
)
def test_failed_start_is_told_in_words(fake: FakeNvml, code: int, words: str) -> None:
    """Each way in which NVML refuses to start has its own sentence, and nothing is left to shut down."""
    fake.failures["nvmlInit"] = code
    with pytest.raises(GpuError, match=words):
        Nvml(fake).open()
    assert "nvmlShutdown" not in fake.calls


def test_driver_without_gpu_is_told_and_shut_down() -> None:
    """A driver that knows of no GPU is no source of power."""
    fake = FakeNvml(count=0)
    with pytest.raises(GpuError, match="no GPU"):
        Nvml(fake).open()
    assert fake.calls[-1] == "nvmlShutdown"


def test_count_that_fails_shuts_down_again(fake: FakeNvml) -> None:
    """What was opened is closed when the next step fails."""
    fake.failures["nvmlDeviceGetCount"] = NO_PERMISSION
    with pytest.raises(GpuError, match="no permission"):
        Nvml(fake).open()
    assert fake.calls[-1] == "nvmlShutdown"


def test_gpu_without_power_meter_gives_the_rest_and_is_not_asked_again(fake: FakeNvml) -> None:
    """Power that is not supported is absent with a reason; the driver is asked for it once."""
    fake.failures["nvmlDeviceGetPowerUsage", 1] = NOT_SUPPORTED
    nvml = Nvml(fake)
    nvml.open()
    for _ in range(3):
        first, second = nvml.read()
    assert first.watts is not None
    assert (second.watts, second.share) == (None, 0.4)
    assert second.words == "no power: not supported by this GPU"
    assert fake.calls.count("nvmlDeviceGetPowerUsage") == 3 + 1


def test_passing_failure_is_asked_again(fake: FakeNvml) -> None:
    """A failure that may pass leaves one gap, not a blind GPU."""
    nvml = Nvml(fake)
    nvml.open()
    fake.failures["nvmlDeviceGetPowerUsage"] = UNKNOWN
    assert nvml.read()[0].words == "no power: NVML: code 999"
    fake.failures.clear()
    assert nvml.read()[0].watts == 123.456


def test_mig_says_why_there_is_no_utilisation(fake: FakeNvml) -> None:
    """With MIG on, the card has power and memory but no utilisation, and the words name MIG."""
    fake.mig = 1
    fake.failures["nvmlDeviceGetUtilizationRates"] = NOT_SUPPORTED
    nvml = Nvml(fake)
    nvml.open()
    reading = nvml.read()[0]
    assert reading.watts is not None
    assert reading.share is None
    assert "MIG is on" in reading.words


def test_old_driver_without_mig_question_is_no_failure(fake: FakeNvml) -> None:
    """A driver that does not know the question for MIG gives its readings all the same."""
    fake.failures["nvmlDeviceGetMigMode"] = 13
    nvml = Nvml(fake)
    nvml.open()
    assert nvml.read()[0].words == ""


def test_lost_gpu_is_told_while_the_other_goes_on_and_it_may_return(fake: FakeNvml) -> None:
    """A GPU that falls off the bus keeps its row with the reason; looking again finds it once it is back."""
    nvml = Nvml(fake)
    nvml.open()
    fake.failures["nvmlDeviceGetPowerUsage", 0] = LOST
    first, second = nvml.read()
    assert (first.watts, first.share, first.memory_used) == (None, None, None)
    assert first.name == "GPU 0: Imaginary ·[31mA1"
    assert "lost" in first.words
    assert second.watts is not None
    asked = len(fake.calls)
    assert "lost" in nvml.read()[0].words
    assert len(fake.calls) == asked + 3  # the lost one is left alone
    fake.failures.clear()
    nvml.look_again()
    assert nvml.read()[0].watts == 123.456


def test_gpu_that_this_user_may_not_see_is_told(fake: FakeNvml) -> None:
    """One GPU that may not be opened does not hide the other."""
    fake.failures["nvmlDeviceGetHandleByIndex", 0] = NO_PERMISSION
    nvml = Nvml(fake)
    nvml.open()
    first, second = nvml.read()
    assert "no permission" in first.words
    assert second.watts is not None


def test_no_gpu_that_can_be_had_is_a_refusal(fake: FakeNvml) -> None:
    """When every GPU is refused there is no source, and NVML is shut down."""
    fake.failures["nvmlDeviceGetHandleByIndex"] = NO_PERMISSION
    with pytest.raises(GpuError, match="no permission"):
        Nvml(fake).open()
    assert fake.calls[-1] == "nvmlShutdown"


def test_driver_replaced_while_running_closes_and_can_be_opened_again(fake: FakeNvml) -> None:
    """After a driver update NVML as a whole fails; it is shut down and may be opened anew."""
    nvml = Nvml(fake)
    nvml.open()
    fake.failures["nvmlDeviceGetPowerUsage"] = MISMATCH
    with pytest.raises(GpuError, match="different versions"):
        nvml.read()
    assert fake.calls[-1] == "nvmlShutdown"
    fake.failures.clear()
    nvml.open()
    assert len(nvml.read()) == 2


def test_close_is_idempotent_and_outlives_its_driver(fake: FakeNvml) -> None:
    """Closing twice, or after the driver has gone, does nothing and raises nothing."""
    nvml = Nvml(fake)
    nvml.open()
    fake.failures["nvmlShutdown"] = 1
    nvml.close()
    nvml.close()
    assert fake.calls.count("nvmlShutdown") == 1


def test_real_module_has_every_function_and_code_that_we_use() -> None:
    """The package that is installed knows each function that we call and gives the codes their meaning."""
    pynvml = pytest.importorskip("pynvml")
    for name in dir(FakeNvml):
        if name.startswith("nvml"):
            assert callable(getattr(pynvml, name)), name
    assert pynvml.NVMLError(LIBRARY).value == pynvml.NVML_ERROR_LIBRARY_NOT_FOUND == LIBRARY
    assert (
        pynvml.NVML_ERROR_UNINITIALIZED,
        pynvml.NVML_ERROR_NOT_SUPPORTED,
        pynvml.NVML_ERROR_NO_PERMISSION,
        pynvml.NVML_ERROR_NOT_FOUND,
        pynvml.NVML_ERROR_DRIVER_NOT_LOADED,
        pynvml.NVML_ERROR_FUNCTION_NOT_FOUND,
        pynvml.NVML_ERROR_GPU_IS_LOST,
        pynvml.NVML_ERROR_RESET_REQUIRED,
        pynvml.NVML_ERROR_LIB_RM_VERSION_MISMATCH,
        pynvml.NVML_ERROR_GPU_NOT_FOUND,
    ) == (1, 3, 4, 6, 9, 13, 15, 16, 18, 28)


def test_missing_package_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without nvidia-ml-py the reason names the package."""
    monkeypatch.setitem(sys.modules, "pynvml", None)
    with pytest.raises(GpuError, match="nvidia-ml-py"):
        Nvml().open()
