"""Plain facts about this machine for the header of a trace. No host name, no user name, no path."""

import os
import platform
import re
from importlib import metadata
from pathlib import Path

_PACKAGES = ("httpx", "httpcore", "anyio", "aiohttp", "uvloop", "orjson", "msgspec", "textual", "numpy")
_HASH = re.compile(r"[0-9a-f]{40}([0-9a-f]{24})?")


def _cpu_model() -> str:
    try:
        for line in Path("/proc/cpuinfo").read_text("utf-8", "replace").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        pass  # not Linux: the platform module knows a shorter name
    return platform.processor() or platform.machine()


def commit(folder: Path | None = None) -> str:
    """The commit that the working copy around a folder stands at; empty where there is none. Runs nothing."""
    here = (folder or Path.cwd()).absolute()
    for root in (here, *here.parents):
        git = root / ".git"
        try:
            if git.is_file():  # a work tree apart, or a submodule
                git = root / git.read_text("utf-8").removeprefix("gitdir:").strip()
            if git.is_dir():
                return _commit_of(git)
        except (OSError, ValueError):
            return ""
    return ""


def _commit_of(git: Path) -> str:
    head = _line(git / "HEAD")
    if not head.startswith("ref: "):
        return head if _HASH.fullmatch(head) else ""
    name = head.removeprefix("ref: ")
    if ".." in name or not name.startswith("refs/"):
        return ""
    common = git / _line(git / "commondir") if (git / "commondir").is_file() else git
    for place in (git, common):
        if (place / name).is_file() and _HASH.fullmatch(found := _line(place / name)):
            return found
    for line in (common / "packed-refs").read_text("ascii", "replace").splitlines():
        found, _, packed = line.partition(" ")
        if packed == name and _HASH.fullmatch(found):
            return found
    return ""


def _line(path: Path) -> str:
    with path.open("r", encoding="ascii", errors="replace") as file:
        return file.readline(1000).strip()


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
