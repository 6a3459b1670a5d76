"""Plain facts about this machine for the header of a trace. No host name, no user name, no path."""

import os
import platform
from importlib import metadata
from pathlib import Path

_PACKAGES = ("httpx", "httpcore", "anyio", "aiohttp", "uvloop", "orjson", "msgspec", "textual", "numpy")


def _cpu_model() -> str:
    try:
        for line in Path("/proc/cpuinfo").read_text("utf-8", "replace").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        pass  # not Linux: the platform module knows a shorter name
    return platform.processor() or platform.machine()


def host_facts() -> dict[str, str]:
    """Operating system, CPU, Python and the versions of the packages that a figure may depend on."""
    facts = {
        "os": f"{platform.system()} {platform.release()}",
        "cpu": _cpu_model(),
        "cores": str(os.cpu_count() or 0),
        "python": f"{platform.python_implementation()} {platform.python_version()}",
    }
    for package in _PACKAGES:
        try:
            facts[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            facts[package] = "absent"
    return facts
