"""The calibration: on emulators of its own, what this client and loop carry here, in some seconds; kept with a date."""

import dataclasses
import math
from collections.abc import Callable, Iterator, Mapping

import msgspec

from loopscope.core import format as fmt
from loopscope.core.errors import InputError, LoopscopeError
from loopscope.core.records import Record
from loopscope.experiments.bench import Bench, Step, bench_options
from loopscope.experiments.ramp import FIRST, Climber, Knob, rate_knob
from loopscope.experiments.ramp_result import setting_of
from loopscope.session.calibration_store import (
    Bound,
    Calibration,
    Shape,
    keep,
    machine,
    results,
    today,
)
from loopscope.session.options import SessionOptions
from loopscope.session.procedure import Host, Procedure, Task
from loopscope.settings.levers import canonical, of_ceiling
from loopscope.settings.levers.agents import MAX_AGENTS
from loopscope.stats.ceiling import fit_costs, full_point
from loopscope.stats.intervals import Interval, mean_interval

SHAPES = (2, 32)
"""Numbers of streams: between them a ceiling is read off, beyond them the interval grows."""
LOOK_S = 0.9
LIGHT = (100.0, 400.0)
"""chunks/s, all streams together, of the lightest loads: where idle wake-ups and cold caches cost most."""
_VERSIONS = ("python", "loop_version", "client_version")
USELESS = 0.7
"""Share of the time without a core from which an overload says nothing about the client."""


def calibrate(
    options: SessionOptions, task: Task, streams: tuple[int, ...] = SHAPES, tell: Callable[[Record], None] | None = None
) -> Calibration:
    """Measure with the levers of ``options``, keep what was found, and tell it.

    Raises:
        LoopscopeError: the bench cannot come up; others took the machine; the file cannot be written.
    """
    task.progress(0.0, "starting emulator and rig")
    numbers = tuple(sorted(set(streams)))
    own = bench_options(options, streams=numbers[0])
    shapes = []
    with Bench(own, None) as bench:
        for place, number in enumerate(numbers):
            bench.set_rate(LIGHT[0] / number)
            bench.set_streams(number)
            shapes.append(_shape(bench, number, task, place / len(numbers), 1 / len(numbers)))
        versions = bench.versions
    costs = fit_costs([load for shape in shapes for load in shape.rows])
    found = Calibration(
        date=today(),
        machine=machine(),
        versions={name: versions.get(name, "") for name in _VERSIONS},
        settings=dict(setting_of(own, 0, "").levers),
        shapes=shapes,
        costs=costs,
    )
    found = msgspec.structs.replace(found, words=_words(found))
    keep(found)
    if tell is not None:
        for record in results(found):
            tell(record)
    return found


def _shape(bench: Bench, streams: int, task: Task, from_share: float, share: float) -> Shape:
    knob = _quick(rate_knob(bench, streams))
    climber = Climber(bench, knob, task, "calibration", lambda done: from_share + share * min(done * 2, 1.0))
    for total in LIGHT:
        climber.step(total, LOOK_S, f"{streams} streams", 0.02)
    top = climber.climb()
    climber.relax(FIRST)
    if (top.load.runq or 0.0) > USELESS:
        raise LoopscopeError(
            f"not enough data: others took the core for {fmt.share(top.load.runq or 0)} of the time; try again when the"
            " machine is quieter"
        )
    hard = expected_from(climber.steps, top)
    full = full_point([step.load for step in climber.steps])
    return Shape(
        streams=streams,
        hard=_bound(hard),
        full=_bound(full) if full else None,
        limited_by=top.limited_by or "range",
        runq=top.load.runq,
        rows=[step.load for step in climber.steps],
    )


def _quick(knob: Knob) -> Knob:
    return dataclasses.replace(knob, first=FIRST)


def expected_from(steps: list[Step], top: Step) -> Interval:
    """The hard ceiling from one overload: what was delivered in the time in which the loop's thread had a core.

    The interval has a tenth to either side, and a quarter of the share of the time without a core more.
    """
    kept = max((step.asked or step.load.offered for step in steps if not step.fell), default=0.0)
    if not top.fell:
        return Interval(top.load.delivered, top.load.delivered, math.inf, float(len(steps)))
    runq = min(top.load.runq or 0.0, USELESS)
    mid = max(top.load.delivered / (1.0 - runq), kept)
    spread = mean_interval(top.slices) if len(top.slices) >= 4 else None
    noise = 0.1 + runq / 4
    if spread is not None and spread.mid > 0:
        noise = max(noise, min((spread.high - spread.low) / 2 / spread.mid, 0.3))
    return Interval(max(mid * (1 - noise), kept), mid, mid * (1 + noise), float(len(steps)))


def _bound(interval: Interval) -> Bound:
    return Bound(low=interval.low, mid=interval.mid, high=interval.high if math.isfinite(interval.high) else None)


def _words(found: Calibration) -> str:
    s = found.settings
    told = [
        f"{shape.streams} streams {fmt.rate(shape.hard.mid)} chunks/s"
        + (f" (others took the core for {fmt.share(shape.runq)} of the time)" if (shape.runq or 0) > 0.25 else "")
        for shape in found.shapes
    ]
    return f"{s['client']} on {s['loop']}: {', '.join(told)}"


def parse_streams(text: str) -> tuple[int, ...]:
    """Read ``2,32``. Raises InputError."""
    numbers = []
    for word in text.split(","):
        if not word.strip().isascii() or not word.strip().isdigit() or not 1 <= int(word[:9]) <= MAX_AGENTS:
            raise InputError(f"streams={text!r}: numbers from 1 to {MAX_AGENTS}, e.g. 2,32")
        numbers.append(int(word))
    return tuple(numbers)


def shapes_for(streams: int) -> tuple[int, ...]:
    """Give the numbers of streams to calibrate at, so that ``streams`` lies within."""
    return SHAPES if SHAPES[0] <= streams <= SHAPES[-1] else tuple(sorted({*SHAPES, streams}))


def _changes(args: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    for lever in of_ceiling():
        if lever.name in args:
            yield lever.name, canonical(lever.name, args[lever.name])


def run(host: Host, task: Task, args: Mapping[str, str]) -> Calibration:
    """Calibrate with the session's levers as they are now (or with another loop or client). Raises InputError."""
    options = host.options_now()
    options = dataclasses.replace(options, levers=options.levers | dict(_changes(args)))
    streams = parse_streams(args["streams"]) if "streams" in args else shapes_for(int(options.levers["agents"]))
    return calibrate(options, task, streams, host.emit)


PROCEDURE = Procedure(
    "calibration",
    "Calibration",
    "measures on emulators of its own what a wake-up, a read and a chunk cost with this client and loop",
    run,
    about_s=25.0,
    args={
        "streams": "numbers of streams, e.g. 2,32",
        **{lever.name: f"another {lever.name} than now" for lever in of_ceiling()},
    },
)
