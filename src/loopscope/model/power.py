"""Power, or what stands in for it: which of several sources is shown, and its time line."""

from collections import deque
from math import isfinite

import numpy as np

from loopscope.core.clock import NS_PER_S
from loopscope.core.records import HostLoad, Power, Truth
from loopscope.core.text import plain
from loopscope.model.snapshot import CardMemory, PowerView

_FRESH_NS = 3 * NS_PER_S
_SHOWN_NS = 120 * NS_PER_S
_MOST_VALUES = 1_200
"""Two minutes at 10 Hz."""
_MOST_PARTS = 16
_MOST_WATTS = 1e6
_MOST_BYTES = 1 << 50


class Meter:
    """One source: the sum (or mean) over its parts, e.g. several cards, and its last two minutes."""

    def __init__(self, label: str, several: str, *, watts: bool, mean: bool = False) -> None:
        self.label = label
        self.watts = watts
        self.values: deque[tuple[int, float]] = deque(maxlen=_MOST_VALUES)
        self._several = several
        self._mean = mean
        self._parts: dict[str, tuple[int, float]] = {}
        self._name = ""
        self._readings = 0
        self._sum = 0.0

    def add(self, part: str, t: int, value: float) -> None:
        """Take a reading of one part."""
        if not (isfinite(value) and 0 <= value <= (_MOST_WATTS if self.watts else 1.0 + 1e-6)):
            return
        if part not in self._parts and len(self._parts) >= _MOST_PARTS:
            return
        self._parts[part] = (t, value)
        self._name = plain(part, 40)
        together = self.now(t) or 0.0
        self.values.append((t, together))
        self._readings += 1
        self._sum += together

    def now(self, t: int) -> float | None:
        """Reading of all parts together; ``None`` when there is none from the last three seconds."""
        fresh = [value for at, value in self._parts.values() if at >= t - _FRESH_NS]
        if not fresh:
            return None
        return sum(fresh) / len(fresh) if self._mean else sum(fresh)

    def mean(self) -> float | None:
        """Mean of all readings of the session."""
        return self._sum / self._readings if self._readings else None

    def words(self) -> str:
        """Say exactly what the series is."""
        if len(self._parts) > 1:
            return self._several.format(n=len(self._parts))
        return self.label.format(name=self._name or "GPU")


class PowerBook:
    """All sources. A real card comes before a simulated one, but not beside embedded servers, which do not use it."""

    def __init__(self) -> None:
        self.embedded = False
        self.host_cpu: tuple[float, ...] = ()
        self._said = ""
        self._cards: dict[str, tuple[int, CardMemory]] = {}
        self._meters = {
            "nvml": Meter("{name} power, W", "power of {n} GPUs, W", watts=True),
            "simulated": Meter("SIMULATED GPU power, W", "SIMULATED GPU power of {n} servers, W", watts=True),
            "rapl": Meter("CPU package power (RAPL), W", "power of {n} CPU packages (RAPL), W", watts=True),
            "gpu": Meter("{name} utilisation, share", "mean utilisation of {n} GPUs, share", watts=False, mean=True),
            "cpu": Meter("host CPU, share of all cores", "host CPU, share of all cores", watts=False, mean=True),
            "host": Meter("host CPU, share of all cores", "host CPU, share of all cores", watts=False, mean=True),
        }

    def power(self, record: Power, t: int) -> None:
        """Take in a reading."""
        if record.words:
            self._said = plain(record.words)
        used, total = record.memory_used, record.memory_total
        if used is not None and total is not None and 0 <= used <= total <= _MOST_BYTES:
            name = plain(record.name, 40)
            if name in self._cards or len(self._cards) < _MOST_PARTS:
                self._cards[name] = (t, CardMemory(name, used, total))
        if record.watts is not None and record.source in {"nvml", "simulated", "rapl"}:
            self._meters[record.source].add(record.name, t, record.watts)
        elif record.share is not None:
            self._meters["gpu" if record.source == "nvml" else "cpu"].add(record.name, t, record.share)

    def truth(self, record: Truth, t: int) -> None:
        """Take in what an emulator draws in its power model."""
        if record.watts is not None:
            self._meters["simulated"].add(record.proc, t, record.watts)

    def host(self, record: HostLoad, t: int) -> None:
        """Take in the load of the machine's cores."""
        cores = tuple(min(max(core, 0.0), 1.0) for core in record.cpu[:1024] if isfinite(core))
        self.host_cpu = cores
        if cores:
            self._meters["host"].add("host", t, sum(cores) / len(cores))

    def source(self) -> str:
        """Name of the source that is shown; empty when there is none."""
        order = ["nvml", "simulated", "rapl", "gpu", "cpu", "host"]
        if self.embedded:
            order.remove("simulated")
            order.insert(0, "simulated")
        return next((name for name in order if self._meters[name].values), "")

    def shown(self) -> Meter | None:
        """Give the meter that is shown."""
        source = self.source()
        return self._meters[source] if source else None

    def watts(self, t: int) -> float | None:
        """Power of the source that is shown, if it is one of power."""
        meter = self.shown()
        return meter.now(t) if meter is not None and meter.watts else None

    def view(self, t: int) -> PowerView:
        """Give what is shown."""
        source = self.source()
        if not source:
            return PowerView(words=self._said or "no reading of power or load yet")
        meter = self._meters[source]
        now = meter.now(t)
        shown = np.array([value for value in meter.values if value[0] >= t - _SHOWN_NS], dtype=np.float64)
        shown = shown.reshape(-1, 2)
        return PowerView(
            source=source,
            label=meter.words(),
            simulated=source == "simulated",
            watts=now if meter.watts else None,
            share=None if meter.watts else now,
            words=self._said,
            t_s=shown[:, 0] / NS_PER_S,
            values=shown[:, 1],
            cards=tuple(card for at, card in self._cards.values() if at >= t - _FRESH_NS),
        )
