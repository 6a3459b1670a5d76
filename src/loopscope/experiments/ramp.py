"""The ramp: raise what is offered until the client falls behind, then close in on where it does.

Two shapes: the rate of each stream with their number fixed, and the number of streams with the rate of each fixed. The
emulators send on their schedule whether or not the client keeps up (an open loop), so that a client that is late
cannot slow down what it is measured by.
"""

import contextlib
import dataclasses
import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from loopscope.core.clock import NS_PER_S, now_ns
from loopscope.core.errors import InputError
from loopscope.core.format import number, rate
from loopscope.core.records import Record
from loopscope.experiments.bench import STOLEN, Bench, Step, bench_options
from loopscope.experiments.ramp_result import FRACTIONS, Ramp, Setting, outcome, point, sentence, setting_of
from loopscope.session.options import SessionOptions
from loopscope.session.procedure import Host, Procedure, Task
from loopscope.settings.levers.agents import MAX_AGENTS
from loopscope.stats.ceiling import bracket, fit_costs, full_point
from loopscope.stats.intervals import Interval, mean_interval

FIRST = 1_000.0
"""chunks/s, all streams together, at which a ramp over the rate begins."""
MOST = 400_000.0
"""chunks/s beyond which no client here is asked; an emulator gives about 200 000."""
CLOSE = 1.08
"""Bounds of the hard ceiling that are closer than this are close enough: a disturbed machine moves it by as much."""
MOST_STEPS = 5
"""Refining steps; each halves the bracket."""
REFINE_S = 30.0
QUICK_S, LOOK_S, LONGER_S, SETTLE_S = 1.0, 2.0, 2.0, 0.6
DISTURBED = 0.15
"""Share of the time without a core from which falling behind is looked at once more."""
SHALLOW = 0.9
"""Delivered / offered from which falling behind must be seen twice in a row: in a second, a pause of 50 ms of the
machine at its end leaves 5 % undelivered (seen: a ceiling 40 % too low). What is behind for good stays behind.
"""
MOST_STOLEN = 0.8
CALM = 0.1
"""Steps that had a core for that much less of the time than the calmest one do not count."""
LEAST_NOISE, MOST_NOISE = 0.06, 0.15
"""Relative uncertainty of a ceiling. The least is not in one ramp: the same ramp a minute later differed by 0 to 14 %
where the loop had a core (6 pairs on two shared cores; root mean square 8 %), so each of the two is off by 6.
"""
SHAPES = ("rate", "streams")


@dataclass(frozen=True, slots=True)
class Knob:
    """What is turned. ``set`` takes chunks/s of all streams together and gives what could be set."""

    name: str
    set: Callable[[float], float]
    first: float
    most: float


def rate_knob(bench: Bench, streams: int) -> Knob:
    """The rate of each stream, with their number fixed."""

    def set_rate(total: float) -> float:
        bench.set_rate(total / streams)
        return total

    return Knob("rate", set_rate, FIRST, MOST)


def streams_knob(bench: Bench, rate: float) -> Knob:
    """The number of streams, each at the same rate."""

    def set_streams(total: float) -> float:
        bench.set_streams(min(max(round(total / rate), 1), MAX_AGENTS))
        return bench.streams * rate

    return Knob("streams", set_streams, max(2 * rate, min(FIRST, MAX_AGENTS * rate / 8)), MAX_AGENTS * rate)


class Climber:
    """Takes steps, tells of each, and keeps what held and what fell."""

    def __init__(self, bench: Bench, knob: Knob, task: Task, what: str, share: Callable[[float], float]) -> None:
        self._bench, self._knob, self._task, self._what = bench, knob, task, what
        self._share = share
        self.steps: list[Step] = []
        self.kept: list[float] = []
        self.fell: list[float] = []
        self.fallen: list[Step] = []
        """The steps behind ``fell``."""
        self.last = 0.0

    def step(self, total: float, dwell_s: float, words: str, done: float) -> Step:
        """Set a load and measure it; a look that leaves it open, or shows little, lasts longer."""
        number = len(self.steps) + 1
        self._task.progress(self._share(done), f"{words}: {rate(total)} chunks/s offered")
        real = self.last = self._knob.set(total)
        settings = {"offered_chunks_s": f"{real:.0f}", "streams": str(self._bench.streams), "shape": self._knob.name}
        self._bench.phase(self._what, True, number, words, settings)
        try:
            step = self._bench.take(self._task, SETTLE_S, dwell_s)
            if (step.open and dwell_s >= LOOK_S) or (step.fell and step.kept >= SHALLOW):
                step = self._bench.take(self._task, 0.0, LONGER_S)
        finally:
            self._bench.phase(self._what, False, number, words, settings)
        self.steps.append(step)
        offered = step.asked or step.load.offered
        if step.fell:
            self.fell.append(offered)
            self.fallen.append(step)
        else:
            # Where the server gave less than asked, the client kept up with what it gave.
            self.kept.append(min(offered, step.load.offered) if step.limited_by == "server" else offered)
        self._bench.emit(point(self._what, step, self._knob.name))
        return step

    def forgiving(self, total: float, dwell_s: float, words: str, done: float) -> Step:
        """Take a step; a client that fell behind without a core may not be told to be slow, and has a second look."""
        step = self.step(total, dwell_s, words, done)
        if step.limited_by == "server" and (step.server_runq or 0.0) >= DISTURBED:
            return self.step(total, dwell_s, f"{words}, once more", done)  # nor may an emulator that had none
        if not step.fell or (step.load.runq or 0.0) < DISTURBED:
            return step
        self.relax(step.load.delivered / 3)
        again = self.step(total, dwell_s, f"{words}, once more", done)
        first = self.fallen.index(step)
        if not again.fell or (again.load.runq or 0.0) < (step.load.runq or 0.0):
            # The second look is the better one.
            del self.fell[first], self.fallen[first]
        return again

    def relax(self, total: float) -> None:
        """Go to a light load and wait until nothing is left of an overload."""
        self._knob.set(total)
        self._bench.drain(self._task, 15.0)

    def climb(self) -> Step:
        """Raise the load in large steps until the client falls behind, or no more can be asked."""
        total = self._knob.first
        while True:
            done = 0.05 + 0.4 * min(1.0, math.log(total) / math.log(MOST))
            step = self.forgiving(total, QUICK_S, "climbing", done)
            if step.fell or step.limited_by == "server" or self.last >= self._knob.most * 0.999:
                return step
            elu = step.load.elu or 0.5
            total = min(self._knob.most, max(self.last * min(max(0.5 / elu, 1.6), 4.0), self.last + 1))

    def refine(self, capacity: float) -> None:
        """Close in on the ceiling; begins around ``capacity``, which an overload has delivered."""
        end_ns = now_ns() + int(REFINE_S * NS_PER_S)
        for count in range(MOST_STEPS):
            if now_ns() > end_ns:
                return  # on a disturbed machine more steps say little: the interval is as wide as it is
            low, high = max(self.kept, default=0.0), min(self.fell)
            if not self.kept:
                low = high / 4
            if high <= low * CLOSE and count:
                return
            middle = math.sqrt(low * high)
            if count < 2 and low * 1.02 < capacity < high / 1.02:
                # What an overload delivered is close to the truth: one step below it and one above often settle it.
                middle = capacity * (0.96 if count == 0 else 1.05 if capacity * 0.96 in self._near() else 0.9)
                middle = min(max(middle, low * 1.02), high / 1.02)
            self.relax(min(low, high / 3))
            self.forgiving(middle, LOOK_S, "closing in", 0.45 + 0.4 * count / MOST_STEPS)
            if self.last == low or self.last == high:  # whole streams: nothing lies between
                return

    def _near(self) -> list[float]:
        return [rate for rate in self.kept if rate == self.last]


def climb(
    bench: Bench,
    knob: Knob,
    task: Task,
    setting: Setting,
    what: str = "ramp",
    share: Callable[[float], float] = lambda done: done,
) -> Ramp:
    """Find the ceiling with one knob on a bench that is up."""
    began_ns = now_ns()
    climber = Climber(bench, knob, task, what, share)
    top = climber.climb()
    if top.fell and climber.fell:
        climber.refine(top.load.delivered)
    noise = _noise(climber.steps)
    hard = hard_of(climber.kept, climber.fallen, noise)
    limited, runq = _limit(climber.steps, climber.fallen)
    at: dict[float, Step] = {}
    if hard is not None:
        # Parts of what it carries here and now: on a disturbed machine that is less than the ceiling.
        now = min(hard.mid, max(climber.kept))
        climber.relax(now * 0.1)
        for count, part in enumerate(FRACTIONS):
            total = now * part
            at[part] = climber.step(total, QUICK_S * 1.5, f"at {share(part)} of the ceiling", 0.86 + 0.04 * count)
    keeping = [step.load for step in climber.steps]
    setting = dataclasses.replace(setting, versions=bench.versions)
    if knob.name == "streams" and bench.rate:
        reached = 0.0 if hard is None else hard.low if math.isinf(hard.high) else hard.mid
        setting = dataclasses.replace(setting, rate=bench.rate, streams=max(1, round(reached / bench.rate)))
    ramp = Ramp(
        setting=setting,
        steps=tuple(climber.steps),
        hard=hard,
        full=full_point(keeping),
        limited_by=limited,
        words="",
        noise=noise,
        runq=runq,
        costs=fit_costs(keeping),
        at=at,
        seconds=(now_ns() - began_ns) / 1e9,
    )
    ramp = dataclasses.replace(ramp, words=sentence(ramp))
    bench.emit(outcome(what, ramp))
    return ramp


def hard_of(kept: list[float], fallen: list[Step], noise: float) -> Interval | None:
    """The hard ceiling of a client that has a core to itself.

    What it kept up with it would also keep up with on a free core; what it fell behind at without a core for a part of
    the time, it might have carried: so that bound is raised by that part, and the interval is as wide as others were
    busy. The middle is what overloads have delivered in the time that they had. Only the calmest of these steps count:
    one that others trampled on says least, and would else set the bound.
    """
    calmest = max((_had(step) for step in fallen), default=1.0)
    calm = [step for step in fallen if _had(step) >= calmest - CALM]
    free = [(step.asked or step.load.offered) / _had(step) for step in calm]
    carried = sorted(step.load.delivered / _had(step) for step in calm)
    return bracket(kept, free, noise, carried[len(carried) // 2] if carried else None)


def _had(step: Step) -> float:
    """Share of the time in which the loop's thread had a core when it wanted one."""
    return 1.0 - min(max(step.load.runq or 0.0, 0.0), MOST_STOLEN)


def _noise(steps: list[Step]) -> float:
    """How well a rate is known: from the quarters of a second of the calmest step that fell behind, 6 to 15 %.

    What others took is not in it: by that the upper bound is raised, see :func:`hard_of`.
    """
    found = []
    for step in steps:
        interval = mean_interval(step.slices) if step.fell and len(step.slices) >= 4 else None
        if interval is not None and interval.mid > 0:
            found.append((interval.high - interval.low) / 2 / interval.mid)
    return min(max(min(found, default=LEAST_NOISE), LEAST_NOISE), MOST_NOISE)


def _limit(steps: list[Step], fell: list[Step]) -> tuple[str, float | None]:
    """What the limit was at the steps that fell next to the ceiling, and how long the loop had no core there."""
    if not fell:
        server = [step for step in steps if step.limited_by == "server"]
        # An emulator that waits for a core is no slow one: rigs side by side leave it a third of two cores.
        without = min((step.server_runq or 0.0 for step in server), default=0.0)
        return ("core", without) if without > STOLEN else ("server" if server else "range", None)
    near = sorted(fell, key=lambda step: step.asked or step.load.offered)[:3]
    waits = sorted(step.load.runq for step in near if step.load.runq is not None)
    reasons = [step.limited_by for step in near]
    return max(set(reasons), key=reasons.count), waits[len(waits) // 2] if waits else None


# How it is asked for


@contextlib.contextmanager
def own_bench(options: SessionOptions, tell: Callable[[Record], None] | None, record: Path | None) -> Iterator[Bench]:
    """Bring a bench up, with a trace of its own where ``record`` says so."""
    options = dataclasses.replace(options, record=record, overwrite=record is not None)
    with Bench(options, tell) as bench:
        yield bench


def measure(
    options: SessionOptions,
    task: Task,
    *,
    streams: int,
    shape: str = "rate",
    rate: float = 0.0,
    tell: Callable[[Record], None] | None = None,
    record: Path | None = None,
    share: Callable[[float], float] = lambda done: done,
) -> Ramp:
    """Run one ramp on a bench of its own, with the levers in ``options``.

    ``shape`` "rate": ``streams`` streams, their rate is raised; "streams": streams of ``rate`` chunks/s each, their
    number is raised, from ``streams`` on.
    """
    task.progress(share(0.0), "starting emulator and rig")
    own = bench_options(options, streams=streams)
    if shape == "streams":
        own = dataclasses.replace(own, rate=rate)
    with own_bench(own, tell, record) as bench:
        knob = rate_knob(bench, streams) if shape == "rate" else streams_knob(bench, rate)
        return climb(bench, knob, task, setting_of(own, streams, shape), share=share)


def measure_servers(
    options: SessionOptions,
    task: Task,
    tell: Callable[[Record], None] | None = None,
    record: Path | None = None,
    share: Callable[[float], float] = lambda done: done,
) -> Ramp:
    """Run a ramp over the number of streams against given servers; their own pace is what it is."""
    task.progress(share(0.0), "starting a rig")
    own = dataclasses.replace(
        options,
        levers=options.levers | {"agents": "1", "throttle": "off"},
        findings=(("allow", "all"),),
        drain_s=0.5,
        tokens=max(options.tokens, 2048),
    )
    with own_bench(own, tell, record) as bench:
        solo = bench.take(task, 2.0, 2.0).load.delivered
        bench.rate = solo or None
        if solo <= 0:
            raise InputError("the servers sent nothing in two seconds: is the model loaded?")

        def set_streams(total: float) -> float:
            bench.set_streams(min(max(round(total / solo), 1), MAX_AGENTS))
            return bench.streams * solo

        knob = Knob("streams", set_streams, solo, MAX_AGENTS * solo)
        return climb(bench, knob, task, setting_of(own, 1, "servers"), share=share)


def run(host: Host, task: Task, args: Mapping[str, str]) -> tuple[Ramp, ...]:
    """Run the ramps that the operator asks for, beside the session that goes on. Raises InputError."""
    options = host.options_now()
    streams = _number(args.get("streams", options.levers["agents"]), "streams", MAX_AGENTS)
    rate = _number(args.get("rate", "100"), "rate", MOST)
    if args.get("against", "own") == "servers":
        if not options.urls:
            raise InputError("against=servers needs a session on servers of your own (loopscope URL)")
        return (measure_servers(options, task, host.emit),)
    shapes = SHAPES if args.get("shape", "both") == "both" else (args["shape"],)
    found = []
    for place, shape in enumerate(shapes):
        if shape not in SHAPES:
            raise InputError(f"shape={shape!r} is not known; valid: rate, streams, both")

        def share(done: float, place: int = place) -> float:
            return (place + done) / len(shapes)

        found.append(measure(options, task, streams=int(streams), shape=shape, rate=rate, tell=host.emit, share=share))
    return tuple(found)


def _number(text: str, name: str, most: float) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 1 <= value <= most:
        raise InputError(f"{name}={text!r}: a number from 1 to {number(most)}")
    return value


PROCEDURE = Procedure(
    "ramp",
    "Ramp",
    "raises the offered rate past the hard ceiling, on emulators of its own or on the servers",
    run,
    about_s=45.0,
    args={
        "shape": "rate (of each stream), streams (how many), or both",
        "streams": "how many, for shape=rate",
        "rate": "chunks/s of each stream, for shape=streams",
        "against": "own (emulators, the default) or servers (those of the session; shape=streams only)",
    },
)
