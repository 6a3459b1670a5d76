"""Every case: the cause, what must be found of it, and what may be found beside it because it is true there as well."""

from loopscope.experiments.selftest import sizes
from loopscope.experiments.selftest.case import Case
from loopscope.settings.levers.loop import loops_here

_PACE = "server-bound"
"""A note, true wherever chunks are here as fast as they leave the server."""
_SLOW = "throughput"
"""A note, true wherever an agent decodes at under 80 tok/s, whoever is to blame."""


def _set(*names: str) -> frozenset[str]:
    return frozenset(names)


def _on_the_loop(loop: str) -> list[Case]:
    """Causes in the measured process and on its cores."""
    return [
        Case("idle", loop, may=_set(_PACE), sizes=sizes.idle(100.0)),
        Case("own CPU 25 %", loop, may=_set(_PACE), sizes=sizes.spin, plants=("spin:0.25",)),
        Case("own CPU 50 %", loop, may=_set(_PACE), sizes=sizes.spin, plants=("spin:0.5",)),
        Case("own CPU 90 %", loop, _set("client-cpu"), sizes=sizes.spin, plants=("spin:0.9",)),
        Case("block 5 ms", loop, _set("blocking-call"), _set(_PACE), sizes=sizes.short_blocks, plants=("block:5:40",)),
        Case(
            "block 40 ms",
            loop,
            _set("blocking-call"),
            sizes=sizes.blocks("block", "injected_sleep"),
            plants=("block:40:4",),
        ),
        Case(
            "block 300 ms",
            loop,
            _set("blocking-call"),
            sizes=sizes.blocks("block", "injected_sleep"),
            plants=("block:300:1",),
        ),
        Case(
            "computing 40 ms",
            loop,
            _set("blocking-call"),
            sizes=sizes.blocks("busy", "injected_work"),
            plants=("busy:40:4",),
        ),
        Case(
            "in data_received",
            loop,
            _set("blocking-call"),
            sizes=sizes.blocks("received", "planted_received"),
            plants=("received:60:3",),
        ),
        Case("GIL held", loop, _set("gil-held"), _set(_PACE), sizes=sizes.gil, plants=("gil:0.9",)),
        Case("GC pressure", loop, _set("gc-pauses"), sizes=sizes.collector, plants=("gc:10",)),
        # The loop must want the core to be kept from it: two that compute leave it a third.
        Case(
            "foreign processes",
            loop,
            _set("core-stolen"),
            _set(_PACE, "client-cpu"),
            plants=("neighbours:2", "spin:0.25"),
        ),
    ]


def _on_the_way(loop: str) -> list[Case]:
    """Causes in the servers and between them and us."""
    stall = ("--fault", "stall:after=50,for=1,times=0")
    return [
        Case("slow server", loop, _set(_SLOW), _set(_PACE), sizes=sizes.slow_server(25.0), rate=40.0),
        Case(
            "server stalls",
            loop,
            _set("server-stalls"),
            _set(_PACE, _SLOW),
            sizes=sizes.stalling_server(1_010.0),
            emulator=stall,
        ),
        Case(
            "clock ahead",
            loop,
            _set("server-clock"),
            sizes=sizes.figure("server-clock", "ahead_ms", 60_000.0, 0.1),
            emulator=("--fault", "skew:for=60,times=0"),
        ),
        Case(
            "clock behind",
            loop,
            _set("server-clock"),
            _set(_PACE),
            sizes=sizes.figure("server-clock", "behind_ms", 60_000.0, 0.1),
            emulator=("--fault", "skew:for=-60,times=0"),
            tokens=100,
        ),
        Case(
            "whole seconds",
            loop,
            sizes=sizes.whole_seconds,
            emulator=("--fault", "whole-second:times=0"),
            seconds=4.0,
        ),
        Case(
            "coalescing",
            loop,
            _set("backlog"),
            sizes=sizes.coalesced(30.0),
            levers={"batch": "read:300ms"},
            tokens=2_000,
        ),
        Case(
            "throttle",
            loop,
            _set("backlog"),
            _set(_SLOW),
            sizes=sizes.delayed,
            levers={"throttle": "50"},
            tokens=4_000,
        ),
        Case(
            "back-pressure",
            loop,
            _set("back-pressure"),
            _set("backlog", _SLOW, _PACE),
            sizes=sizes.delayed,
            # Small buffers, or it takes minutes until megabytes of them are full and the server must wait. Its late
            # stamps come through them as well, behind all that waits there: a second.
            emulator=("--send-buffer", "2048"),
            plants=("buffer:2048",),
            pulls=((4.0, "throttle", "60"),),
            rate=200.0,
            tokens=8_000,
            seconds=14.0,
        ),
        Case(
            "uneven agents",
            loop,
            _set("imbalance"),
            _set(_PACE, _SLOW),
            sizes=sizes.figure("imbalance", "slowest_share", 0.4, 0.05),
            each_emulator=((), ("--rate", "40")),
            tokens=2_000,
        ),
        Case(
            "cold start",
            loop,
            _set("cold-start"),
            _set(_PACE),
            sizes=sizes.figure("cold-start", "load_max_ms", 1_500.0, 0.1),
            emulator=("--load-ms", "1500"),
            tokens=100,
        ),
        Case(
            "queue",
            loop,
            _set("contention", "server-queue"),
            _set(_PACE),
            levers={"agents": "1"},
            pulls=((3.0, "agents", "6"),),
            emulator=("--parallel", "1"),
            tokens=20,
        ),
        Case(
            "localhost",
            loop,
            _set("localhost"),
            _set(_PACE),
            sizes=sizes.figure("localhost", "connect_max_ms", 150.0, 0.15),
            plants=("localhost:150",),
            host="localhost",
            tokens=100,
        ),
        Case(
            "100 connections",
            loop,
            _set("connection-cap"),
            _set(_PACE, _SLOW, "slow-first-token", "blocking-call"),
            sizes=sizes.figure("connection-cap", "connections", 100.0, 0.0),
            program_streams=120,
            rate=5.0,
        ),
    ]


def _ending(loop: str) -> list[Case]:
    """Causes that end: what was found goes by itself. A stall is held against the loop for ten seconds."""
    return [
        Case(
            "own CPU ends",
            loop,
            _set("client-cpu"),
            _set(_PACE),
            _set("client-cpu"),
            plants=("spin:0.9@7",),
            seconds=15.0,
        ),
        Case(
            "block ends",
            loop,
            _set("blocking-call"),
            _set(_PACE),
            _set("blocking-call"),
            plants=("block:300:1@5",),
            seconds=20.0,
        ),
        Case(
            "GIL held ends",
            loop,
            _set("gil-held"),
            _set(_PACE),
            _set("gil-held"),
            plants=("gil:0.9@7",),
            seconds=15.0,
        ),
        Case(
            "foreign processes end",
            loop,
            _set("core-stolen"),
            _set(_PACE, "client-cpu"),
            _set("core-stolen"),
            plants=("neighbours:2@7", "spin:0.25@7"),
            seconds=15.0,
        ),
        Case(
            "throttle ends",
            loop,
            _set("backlog"),
            _set(_PACE, _SLOW),
            _set("backlog"),
            levers={"throttle": "50"},
            pulls=((7.0, "throttle", "off"),),
            tokens=4_000,
            seconds=15.0,
        ),
    ]


def _cases() -> list[Case]:
    return [case for make in (_on_the_loop, _on_the_way, _ending) for loop in loops_here() for case in make(loop)]


CASES = tuple(_cases())
"""Every case, in the order in which they run; ``idle`` comes first on each loop."""
