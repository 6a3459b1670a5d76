"""Where calibrations are kept: one JSON file each, per machine and the levers that a ceiling depends on."""

import datetime
import hashlib
import os
import platform
import re
import sys
from importlib import metadata
from pathlib import Path

import msgspec

from loopscope.core.clock import now_ns
from loopscope.core.errors import InputError, LoopscopeError
from loopscope.core.files import read_small
from loopscope.core.records import Result
from loopscope.core.text import plain
from loopscope.settings.clients import CLIENTS
from loopscope.settings.levers import of_ceiling
from loopscope.settings.places import data_dir
from loopscope.stats.ceiling import Costs, Load

VERSION = 1
MOST_BYTES = 1 << 20
MOST_FILES = 200


class Bound(msgspec.Struct, frozen=True, kw_only=True):
    """chunks/s with an interval; an end that is not known is ``null``."""

    low: float | None
    mid: float | None
    high: float | None


class Shape(msgspec.Struct, frozen=True, kw_only=True):
    """What was found for one number of streams."""

    streams: int
    hard: Bound
    full: Bound | None = None
    limited_by: str = "client"
    runq: float | None = None
    rows: list[Load] = []


class Calibration(msgspec.Struct, frozen=True, kw_only=True):
    """What one calibration found."""

    version: int = VERSION
    date: str
    """ISO 8601, UTC."""
    machine: dict[str, str]
    settings: dict[str, str]
    """By the names of the levers that a ceiling depends on."""
    versions: dict[str, str]
    shapes: list[Shape]
    costs: Costs | None = None
    words: str = ""

    @property
    def stale(self) -> str:
        """Why it is no longer true here; empty while it is."""
        now = versions_now(self.settings.get("client", ""), self.settings.get("loop", ""))
        changed = [
            f"{name} was {plain(self.versions[name], 20)}, is {value}"
            for name, value in now.items()
            if value and self.versions.get(name, value) != value
        ]
        return "; ".join(changed)


def machine() -> dict[str, str]:
    """Say what makes this machine another one: CPU model, cores that we may use, Python, system."""
    return {
        "cpu": _cpu_model(),
        "cores": str(len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 0),
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.machine()}",
    }


def _cpu_model() -> str:
    try:
        with Path("/proc/cpuinfo").open(encoding="utf-8", errors="replace") as lines:
            for line in lines:
                if line.startswith(("model name", "Model", "Processor")):
                    return plain(line.partition(":")[2].strip(), 80)
    except OSError:
        pass
    return plain(platform.processor() or "unknown", 80)


def machine_hash() -> str:
    """Give a short name for :func:`machine`."""
    return hashlib.sha256(repr(sorted(machine().items())).encode()).hexdigest()[:12]


def versions_now(client: str, loop: str) -> dict[str, str]:
    """Give the versions that a calibration depends on, as they are installed now."""
    python = platform.python_version()
    package = CLIENTS[client].package if client in CLIENTS else client
    return {
        "python": python,
        "loop_version": _version("uvloop") if loop == "uvloop" else ".".join(map(str, sys.version_info[:3])),
        "client_version": _version(package) if package else python,
    }


def _version(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return ""


def folder() -> Path:
    """Give the folder of this machine's calibrations; it need not exist."""
    return data_dir() / "calibrations" / machine_hash()


def path_of(settings: dict[str, str]) -> Path:
    """Give the file of a calibration."""
    # Levers that came later are named where they are not as usual: a calibration from before them is replaced.
    values = [(lever, settings.get(lever.name, "")) for lever in of_ceiling()]
    words = [value for lever, value in values if lever.founding or value not in ("", lever.default)]
    name = "_".join(re.sub(r"[^\w.]+", "-", word) for word in words)
    return folder() / f"{name}.json"


def keep(calibration: Calibration) -> Path:
    """Write a calibration over the one before it.

    Raises:
        LoopscopeError: the file cannot be written.
    """
    path = path_of(calibration.settings)
    beside = path.with_suffix(f".{os.getpid()}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        beside.write_bytes(msgspec.json.format(msgspec.json.encode(calibration), indent=1))
        beside.replace(path)
    except OSError as error:
        raise LoopscopeError(f"cannot keep the calibration in {path.parent}: {error.strerror or error}") from error
    return path


def kept() -> list[Calibration]:
    """Read every calibration of this machine; what cannot be read is as good as not there."""
    found = []
    try:
        paths = sorted(folder().glob("*.json"))[:MOST_FILES]
    except OSError:
        return []
    for path in paths:
        try:
            calibration = msgspec.json.decode(read_small(path, MOST_BYTES, "a calibration"), type=Calibration)
        except (OSError, InputError, msgspec.DecodeError):
            continue
        if calibration.version == VERSION and calibration.shapes:
            found.append(calibration)
    return found


def today() -> str:
    """Give this moment, UTC, as it stands in a calibration."""
    return datetime.datetime.now(datetime.UTC).isoformat(timespec="minutes")


def results(calibration: Calibration) -> list[Result]:
    """Give a calibration as the records that a session tells its trace: every load, then what was found."""
    told = []
    common = {
        **{lever.name: plain(calibration.settings.get(lever.name, ""), 40) for lever in of_ceiling()},
        "date": plain(calibration.date, 40),
        "stale": calibration.stale,
    }
    costs = calibration.costs
    for shape in calibration.shapes:
        here = {**common, "streams": str(shape.streams)}
        told += [
            Result(
                t_ns=now_ns(),
                proc="session",
                what="calibration",
                settings={**here, "kind": "point"},
                figures={
                    "offered_chunks_s": row.offered,
                    "delivered_chunks_s": row.delivered,
                    "elu": row.elu,
                    "cpu_us": row.cpu_us,
                    "turns_per_chunk": row.turns,
                    "reads_per_chunk": row.reads,
                    "runq": row.runq,
                    "delay_p50_ms": row.delay_p50_ms,
                    "delay_p99_ms": row.delay_p99_ms,
                },
            )
            for row in shape.rows
        ]
        full = shape.full or Bound(low=None, mid=None, high=None)
        told.append(
            Result(
                t_ns=now_ns(),
                proc="session",
                what="calibration",
                words=plain(calibration.words, 400),
                settings={**here, "kind": "outcome", "limited_by": plain(shape.limited_by, 20)},
                figures={
                    "hard_lo_chunks_s": shape.hard.low,
                    "hard_mid_chunks_s": shape.hard.mid,
                    "hard_hi_chunks_s": shape.hard.high,
                    "full_lo_chunks_s": full.low,
                    "full_mid_chunks_s": full.mid,
                    "full_hi_chunks_s": full.high,
                    "runq": shape.runq,
                    "wakeup_us": costs.wakeup_us if costs else None,
                    "read_us": costs.read_us if costs else None,
                    "chunk_us": costs.chunk_us if costs else None,
                    "cost_error": costs.error if costs else None,
                    "loads": float(costs.loads) if costs else None,
                },
            )
        )
    return told
