"""What a clean interpreter loads: the deferrals and the floor plan, seen from outside."""

import json
import subprocess
import sys

import pytest

PROBE = """
import importlib, json, pkgutil, sys
before = set(sys.modules)
for name in sys.argv[1:]:
    package = importlib.import_module(name)
    for found in pkgutil.walk_packages(getattr(package, "__path__", []), name + "."):
        if not found.name.endswith("__main__"):
            importlib.import_module(found.name)
print(json.dumps(sorted({name.partition(".")[0] for name in set(sys.modules) - before})))
print(json.dumps(sorted(name for name in sys.modules if name.startswith("loopscope."))))
"""


def loaded(*names: str) -> tuple[set[str], set[str]]:
    """Import packages with all their modules in a child; give the foreign packages and our modules that came along."""
    child = subprocess.run(
        [sys.executable, "-P", "-c", PROBE, *names], capture_output=True, text=True, check=False, timeout=60
    )
    assert child.returncode == 0, child.stderr
    foreign, ours = map(json.loads, child.stdout.splitlines())
    # msgspec looks for typing_extensions where that is installed.
    known = sys.stdlib_module_names | {"loopscope", "typing_extensions"}
    return {name for name in foreign if name not in known and not name.startswith("_")}, set(ours)


def entry(module: str) -> tuple[set[str], set[str]]:
    """Import one module alone, without those beside it."""
    code = PROBE.replace('getattr(package, "__path__", [])', "[]")
    child = subprocess.run(
        [sys.executable, "-P", "-c", code, module], capture_output=True, text=True, check=False, timeout=60
    )
    assert child.returncode == 0, child.stderr
    foreign, ours = map(json.loads, child.stdout.splitlines())
    return set(foreign), set(ours)


@pytest.mark.parametrize(
    ("package", "allowed"),
    [
        ("loopscope.core", {"msgspec"}),
        ("loopscope.streams", set()),
        ("loopscope.wire", {"msgspec"}),
        ("loopscope.settings", {"msgspec", "platformdirs"}),
        ("loopscope.trace", {"msgspec", "zstandard"}),
        ("loopscope.stats", {"numpy"}),
        # zstandard: a checkpoint of the fold is packed where it is made.
        ("loopscope.model", {"msgspec", "numpy", "zstandard"}),
        ("loopscope.telemetry", {"msgspec", "psutil", "pynvml"}),
    ],
)
def test_the_lower_floors_stand_on_little(package: str, allowed: set[str]) -> None:
    """Each package loads, with all its modules, nothing foreign beyond what its floor is allowed."""
    foreign, _ = loaded(package)
    assert foreign <= allowed


@pytest.mark.parametrize(
    ("package", "forbidden"),
    [
        # Not rich and zstandard: httpx loads them where they are installed (its command line, a decoder).
        ("loopscope.rig", {"textual", "numpy", "psutil", "pynvml", "plotext"}),
        ("loopscope.inject", {"textual", "numpy", "psutil", "pynvml", "plotext", "httpx", "aiohttp", "uvloop"}),
        ("loopscope.emulator", {"textual", "rich", "numpy", "psutil", "pynvml", "plotext", "zstandard", "httpx"}),
        ("loopscope.session", {"textual", "rich", "psutil", "pynvml", "plotext"}),
        ("loopscope.experiments", {"textual", "rich", "psutil", "pynvml", "plotext"}),
        ("loopscope.report", {"textual", "psutil", "pynvml"}),
        ("loopscope.cli", {"textual", "psutil", "pynvml"}),
        ("loopscope.ui", {"psutil", "pynvml", "plotext", "httpx"}),
    ],
)
def test_nobody_loads_what_is_another_process_business(package: str, forbidden: set[str]) -> None:
    """The measured process, the servers, the screen: none of them carries the weight of the others."""
    foreign, _ = loaded(package)
    assert not foreign & forbidden


@pytest.mark.parametrize("process", ["rig", "inject", "emulator", "telemetry"])
def test_a_child_process_knows_only_the_wire(process: str) -> None:
    """A child loads itself, core, wire, settings, streams and the probe, and nothing of those who start it."""
    _, ours = loaded(f"loopscope.{process}")
    floors = {name.split(".")[1] for name in ours}
    assert floors <= {process, "core", "wire", "settings", "streams", "probe"}


def test_the_command_line_starts_light() -> None:
    """Before a verb is chosen, nothing that takes time to import is loaded: no screen, no numbers, no network."""
    foreign, ours = entry("loopscope.cli")
    heavy = {"textual", "rich", "numpy", "httpx", "msgspec", "orjson", "psutil", "plotext", "zstandard", "asyncio"}
    assert not foreign & heavy
    assert len(ours) <= 6


@pytest.mark.parametrize("verb", ["live", "record", "replay"])
def test_a_verb_can_be_asked_for_help_without_a_screen(verb: str) -> None:
    """A verb's module, imported for its help, loads neither the screen nor the charts nor a client."""
    foreign, _ = entry(f"loopscope.cli.{verb}")
    assert not foreign & {"textual", "rich", "plotext", "httpx", "orjson"}
