"""What can be measured on this machine and what not, and why: asks the same child processes that a session starts."""

import contextlib
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from loopscope import __version__
from loopscope.core.clock import take_anchor
from loopscope.core.errors import WorkerError
from loopscope.core.format import share
from loopscope.core.format import time as time_of
from loopscope.core.records import Hello
from loopscope.core.text import plain
from loopscope.session.discover import PAIR_URLS, NoPair, find_pair, probe_all
from loopscope.session.hostfacts import host_facts
from loopscope.session.urls import short
from loopscope.settings.clients import CLIENTS
from loopscope.wire.worker import Worker

Say = Callable[[str], None]

LOOPS = ("asyncio", "uvloop")
SIGNALS = {
    "elu": "loop utilisation",
    "loop_cpu": "CPU of the loop's thread",
    "runq": "waiting for a core",
    "switches": "context switches",
    "lag": "lag",
    "stalls": "blocking frames",
    "backlog": "socket backlog",
}
"""What a rig tells of itself, in the order of the table; others follow."""
_STEP_NS = 1_000_000


@dataclass(frozen=True, slots=True)
class Check:
    """One line: ``ok``, or absent with the reason in ``words``. ``figures`` hold numbers whose names end in units."""

    group: str
    name: str
    ok: bool
    words: str
    figures: dict[str, float] = field(default_factory=dict)


def examine(say: Say) -> list[Check]:
    """Run every check, about two seconds. Absence is an answer, not an error; nothing raises."""
    say("starting a rig on each loop and telemetry")
    workers = {name: _child("loopscope.rig", f"rig-{name}", ["--loop", name]) for name in LOOPS}
    workers["telemetry"] = _child("loopscope.telemetry", "telemetry", [])
    with contextlib.ExitStack() as stack:
        for worker in workers.values():
            stack.callback(worker.stop)
            worker.start()
        say("looking for servers")
        servers = list(_servers())
        say("measuring the idle floor of each loop")
        checks = [check for name in LOOPS for check in _loop(name, workers[name])]
        power = list(_telemetry(workers["telemetry"]))
    return [*checks, *power, *servers, *_clients(), *_clock(), *_versions()]


def _child(module: str, proc: str, args: list[str]) -> Worker:
    return Worker(module, proc, args, on_line=lambda _line: None)


def _loop(name: str, worker: Worker) -> Iterator[Check]:
    try:
        hello = worker.wait_ready()
    except WorkerError as error:
        yield Check(name, "loop", False, plain(str(error)))
        return
    yield Check(name, "loop", True, f"version {hello.info.get('loop_version', 'not known')}")
    for signal in [*SIGNALS, *(other for other in hello.signals if other not in SIGNALS)]:
        words = hello.signals.get(signal, "this rig does not tell")
        figures, floor = _floor(signal, hello)
        told = (floor or "can be measured") if words == "ok" else plain(words)
        yield Check(name, SIGNALS.get(signal, plain(signal, 20)), words == "ok", told, figures)


def _floor(signal: str, hello: Hello) -> tuple[dict[str, float], str]:
    """The idle floor of a signal, as figures and in words."""
    if signal == "lag" and hello.lag_floor_ns is not None:
        floor_ms = hello.lag_floor_ns / 1e6
        return {"floor_ms": floor_ms}, f"an idle loop is {time_of(floor_ms)} late; taken off"
    if signal == "elu" and hello.elu_floor is not None:
        return {"floor_share": hello.elu_floor}, f"an idle loop is {share(hello.elu_floor)} busy"
    return {}, ""


def _telemetry(worker: Worker) -> Iterator[Check]:
    try:
        hello = worker.wait_ready()
    except WorkerError as error:
        yield Check("power", "telemetry", False, plain(str(error)))
        return
    for name, words in hello.signals.items():
        yield Check("power", plain(name, 20), words == "ok", "can be measured" if words == "ok" else plain(words))


def _servers() -> Iterator[Check]:
    for server in probe_all(PAIR_URLS):
        words = plain(server.title if server.reachable else server.reason)
        yield Check("servers", short(server.url), server.reachable, words)
    pair = find_pair()
    if isinstance(pair, NoPair):
        yield Check("servers", "pair", False, f"{plain(pair.reason)}; the embedded pair stands in")
    else:
        yield Check("servers", "pair", True, f"both have {plain(pair[0].model)}")


def _clock() -> Iterator[Check]:
    info = time.get_clock_info("perf_counter")
    resolution_ns = info.resolution * 1e9
    yield Check(
        "clock",
        "monotonic",
        resolution_ns <= 1_000,
        f"{info.implementation}, resolution {resolution_ns:.0f} ns",
        {"resolution_ns": resolution_ns},
    )
    before = take_anchor()
    time.sleep(0.2)
    after = take_anchor()
    step_ns = before.step_ns(after)
    steady = abs(step_ns) <= _STEP_NS
    words = f"tied to the monotonic clock within {time_of(after.error_ns / 1e6)}"
    yield Check(
        "clock",
        "wall clock",
        steady,
        words if steady else f"it stepped by {time_of(step_ns / 1e6)} within 0.2 s",
        {"anchor_error_ns": float(after.error_ns), "step_ns": float(step_ns)},
    )


def _clients() -> Iterator[Check]:
    for name, kind in CLIENTS.items():
        yield Check("clients", name, kind.here, "installed" if kind.here else kind.absent)


def _versions() -> Iterator[Check]:
    yield Check("versions", "loopscope", True, __version__)
    for name, value in host_facts().items():
        yield Check("versions", name, value != "absent", plain(value) if value != "absent" else "not installed")
