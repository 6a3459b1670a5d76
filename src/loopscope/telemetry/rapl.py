"""CPU package power from the kernel's energy counters (RAPL), where they are there and may be read.

Linux only; since 2020 the counters are readable by root alone unless somebody has changed their mode.
"""

from dataclasses import dataclass
from pathlib import Path

from loopscope.core.clock import NS_PER_S

POWERCAP = Path("/sys/class/powercap")


@dataclass(slots=True)
class _Package:
    """One package: its counter, where it wraps (uJ), and the last reading."""

    counter: Path
    wrap_uj: int
    last_uj: int


class Rapl:
    """Sum of all CPU packages. ``reason`` is empty, or says why there is no power to be had."""

    def __init__(self, root: Path = POWERCAP) -> None:
        self.reason = ""
        self._last_ns: int | None = None
        self._packages: list[_Package] = []
        try:
            zones = sorted(root.glob("intel-rapl:*"))
            names = {zone: (zone / "name").read_text().strip() for zone in zones if zone.name.count(":") == 1}
            # "psys" is the whole board and contains the packages; AMD's packages carry the intel-rapl name too.
            for zone in (zone for zone, name in names.items() if name.startswith("package")):
                wrap_uj = int((zone / "max_energy_range_uj").read_text())
                counter = zone / "energy_uj"
                self._packages.append(_Package(counter, wrap_uj, int(counter.read_text())))
        except PermissionError:
            self._give_up("the energy counters are readable by root alone (sudo chmod a+r the energy_uj files)")
        except (OSError, ValueError):
            self._give_up("the energy counters cannot be read")
        else:
            if not self._packages:
                self._give_up("this kernel shows no energy counters (/sys/class/powercap)")

    def watts(self, now_ns: int) -> float | None:
        """Mean power of all packages since the last call; ``None`` for the first call, or when it cannot be had."""
        if self.reason:
            return None
        joules = 0.0
        try:
            for package in self._packages:
                value_uj = int(package.counter.read_text())
                step_uj = value_uj - package.last_uj
                joules += (step_uj if step_uj >= 0 else step_uj + package.wrap_uj) / 1e6
                package.last_uj = value_uj
        except (OSError, ValueError):
            self._give_up("the energy counters can no longer be read")
            return None
        last_ns, self._last_ns = self._last_ns, now_ns
        if last_ns is None or now_ns <= last_ns:
            return None
        return joules / ((now_ns - last_ns) / NS_PER_S)

    def _give_up(self, reason: str) -> None:
        self.reason = reason
        self._packages = []
