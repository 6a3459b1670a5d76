"""What a clean interpreter loads: the deferrals and the floor plan, seen from outside."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

import loopscope
from loopscope.core.codec import decode
from loopscope.core.records import Chunks, Pulse, Stall

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

BARE = """
import sys
sys.path.insert(0, sys.argv[1])
import asyncio, os, pkgutil, threading
import loopscope.probe, loopscope.streams
for package in (loopscope.probe, loopscope.streams):
    for found in pkgutil.iter_modules(package.__path__, package.__name__ + "."):
        if not found.name.endswith("__main__"):
            __import__(found.name)
from loopscope.probe import heartbeat, loop_meter, sample_buffer, sender, usage, watchdog, wires

async def main(meter):
    samples, none = sample_buffer.SampleBuffer("bare"), wires.Wires()
    used, collector = usage.ThreadUsage(), usage.GcClock()
    heart = heartbeat.Heartbeat(asyncio.get_running_loop(), samples)
    heart.start()
    sends = sender.Sender(lambda data: os.write(1, data), samples, loop_name="asyncio", idle_ns=meter.idle_ns,
                          usage=used, gc_clock=collector, wires=lambda: none, streams=lambda: 0, tasks=lambda: 0,
                          turns=meter.turns)
    sends._read_meters()
    watches = watchdog.Watchdog(ident=threading.get_ident(), busy_since=meter.busy_since, idle_ns=meter.idle_ns,
                                usage=used, gc_clock=collector, emit=samples.emit)
    watches._turn = watchdog._Turn(1, watches._meters(0), 0, looks=2, places={watchdog.Place(): 2},
                                   stacks={watchdog.Place(): []})
    watches._tell(watches._turn, 26_000_001, over=True)
    samples.chunk((7, 1, None, 2, True))
    await asyncio.sleep(0.05)
    heart.stop()
    sends.finish()

loop = asyncio.SelectorEventLoop()
loop.run_until_complete(main(loop_meter.meter_of(loop)))
loop.close()
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
        ("loopscope.core", {"msgspec", "backports"}),
        ("loopscope.streams", set()),
        ("loopscope.probe", set()),
        ("loopscope.wire", {"msgspec"}),
        ("loopscope.settings", {"msgspec", "platformdirs"}),
        ("loopscope.trace", {"msgspec", "backports"}),
        ("loopscope.stats", {"numpy"}),
        # backports.zstd: a checkpoint of the fold is packed where it is made.
        ("loopscope.model", {"msgspec", "numpy", "backports"}),
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
        # Not rich: httpx loads it where it is installed (its command line).
        ("loopscope.rig", {"textual", "numpy", "psutil", "pynvml", "plotext"}),
        ("loopscope.inject", {"textual", "numpy", "psutil", "pynvml", "plotext", "httpx", "aiohttp", "uvloop"}),
        ("loopscope.emulator", {"textual", "rich", "numpy", "psutil", "pynvml", "plotext", "backports", "httpx"}),
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


def test_the_probe_and_the_reader_of_streams_need_no_installed_package() -> None:
    """With no site-packages at all a loop is metered, and the lines are records as everywhere."""
    source = str(Path(loopscope.__file__).parents[1])
    child = subprocess.run(
        [sys.executable, "-I", "-S", "-c", BARE, source], capture_output=True, check=False, timeout=60
    )
    assert child.returncode == 0, child.stderr.decode()
    chunks, stall, pulse = [decode(line) for line in child.stdout.splitlines()]
    assert isinstance(chunks, Chunks)
    assert (chunks.proc, chunks.agent, chunks.handled) == ("bare", [7], [1])
    assert isinstance(stall, Stall)
    assert stall.dur_ns == 26_000_000
    assert isinstance(pulse, Pulse)
    assert pulse.turns
    assert pulse.active_ns is not None
    assert 0 < pulse.active_ns <= pulse.dt_ns


def test_the_command_line_starts_light() -> None:
    """Before a verb is chosen, nothing that takes time to import is loaded: no screen, no numbers, no network."""
    foreign, ours = entry("loopscope.cli")
    heavy = {"textual", "rich", "numpy", "httpx", "msgspec", "orjson", "psutil", "plotext", "backports", "asyncio"}
    assert not foreign & heavy
    assert len(ours) <= 6


@pytest.mark.parametrize("verb", ["live", "record", "replay"])
def test_a_verb_can_be_asked_for_help_without_a_screen(verb: str) -> None:
    """A verb's module, imported for its help, loads neither the screen nor the charts nor a client."""
    foreign, _ = entry(f"loopscope.cli.{verb}")
    assert not foreign & {"textual", "rich", "plotext", "httpx", "orjson"}
