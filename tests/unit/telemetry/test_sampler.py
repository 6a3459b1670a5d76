"""Which source of power a tick speaks of."""

import dataclasses

from loopscope.core.records import HostLoad, Power
from loopscope.telemetry.gpu import GpuReading
from loopscope.telemetry.host import HostReading
from loopscope.telemetry.sampler import Sampler


@dataclasses.dataclass
class Gpus:
    readings: list[GpuReading]

    def latest(self) -> list[GpuReading]:
        return self.readings

    def wait_opened(self, deadline_s: float) -> str:
        return "ok" if self.readings else "no driver"


@dataclasses.dataclass
class Counter:
    value: float | None = None
    reason: str = ""

    def watts(self, now_ns: int) -> float | None:
        return self.value


class Machine:
    def read(self) -> HostReading:
        return HostReading([0.25, 0.75], 3, 4, {"rig-1": 0.5})


def tick(gpus: list[GpuReading], counter: Counter) -> tuple[list[Power], HostLoad]:
    *power, load = Sampler("telemetry", Gpus(gpus), counter, Machine()).tick()  # type: ignore[arg-type]
    assert isinstance(load, HostLoad)
    return [record for record in power if isinstance(record, Power)], load


def test_gpus_come_first_one_record_each() -> None:
    """Where there are GPUs, each has a record, and the CPU packages are not mixed in."""
    gpus = [GpuReading(0, "GPU 0: A", 70.0, 0.3, 1, 2), GpuReading(1, "GPU 1: A", words="the GPU is lost")]
    power, load = tick(gpus, Counter(20.0))
    assert [(p.source, p.name, p.watts, p.share, p.words) for p in power] == [
        ("nvml", "GPU 0: A", 70.0, 0.3, ""),
        ("nvml", "GPU 1: A", None, None, "the GPU is lost"),
    ]
    assert (load.cpu, load.procs, load.memory_used, load.memory_total) == ([0.25, 0.75], {"rig-1": 0.5}, 3, 4)


def test_cpu_packages_come_next() -> None:
    """Without a GPU the packages' power is shown, with the machine's utilisation beside it."""
    (power,), _ = tick([], Counter(20.0))
    assert (power.source, power.watts, power.share) == ("rapl", 20.0, 0.5)


def test_first_reading_of_a_counter_is_no_power() -> None:
    """A counter that has been read once has no power yet: the tick says nothing rather than zero."""
    power, _ = tick([], Counter(None))
    assert power == []


def test_utilisation_stands_in_where_there_is_no_meter() -> None:
    """With neither, there is only a share, the watts are null, and the words say so."""
    (power,), _ = tick([], Counter(None, "no counters"))
    assert (power.source, power.watts, power.share) == ("cpu", None, 0.5)
    assert "utilisation only" in power.words


def test_signals_name_each_source_and_why_it_is_not_there() -> None:
    """The hello's signals say ok or the reason, source by source."""
    sampler = Sampler("telemetry", Gpus([]), Counter(None, "no counters"), Machine())  # type: ignore[arg-type]
    assert sampler.signals(0.0) == {"nvml": "no driver", "rapl": "no counters", "cpu": "ok"}
