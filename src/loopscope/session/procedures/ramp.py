"""The ramp: raise what is offered until the client falls behind, then close in on where it does.

Two shapes: the rate of each stream with their number fixed, and the number of streams with the rate of each fixed. The
emulators send on their schedule whether or not the client keeps up (an open loop), so that a client that is late
cannot slow down what it is measured by.
"""

import contextlib
import dataclasses
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from loopscope.core.clock import NS_PER_S, now_ns
from loopscope.core.errors import InputError
from loopscope.core.records import Record, Result
from loopscope.session.options import SessionOptions
from loopscope.session.procedures import Host, Task
from loopscope.session.procedures.bench import SENT, STOLEN, Bench, Step, bench_options
from loopscope.settings.levers import MAX_AGENTS
from loopscope.stats.ceiling import Costs, bracket, fit_costs, full_point
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
FRACTIONS = (0.01, 0.1, 0.5)
"""Parts of the hard ceiling at which the cost of a chunk is told."""
SHAPES = ("rate", "streams")


@dataclass(frozen=True, slots=True)
class Setting:
    """What a ceiling belongs to: it is never told without these."""

    client: str
    loop: str
    decoder: str
    batch: str
    placement: str
    read: str
    tcp: str
    streams: int
    """With shape "streams" and "servers": at the ceiling, once it is known."""
    shape: str = "rate"
    rate: float | None = None
    """chunks/s of each stream, where their number was raised."""
    versions: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Ramp:
    """What a ramp found."""

    setting: Setting
    steps: tuple[Step, ...]
    """In the order in which they were taken."""
    hard: Interval | None
    """chunks/s; its upper end is infinite when the client never fell behind."""
    full: Interval | None
    limited_by: str
    """``client``, ``server``, ``core``, ``instrument``, ``range`` (no more could be asked)."""
    words: str
    noise: float
    """Relative uncertainty of a rate, by which the interval was widened."""
    runq: float | None
    """Share of the time without a core where the ceiling was found: it would be higher by so much on free cores. The
    emulator's, where the client kept up with all that this could send."""
    costs: Costs | None
    at: dict[float, Step]
    """The steps at 1, 10 and 50 % of the hard ceiling."""
    seconds: float

    @property
    def at_least(self) -> float | None:
        """The lower bound that half of the load gives."""
        half = self.at.get(FRACTIONS[-1])
        return half.at_least if half else None


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
        self._task.progress(self._share(done), f"{words}: {total:,.0f} chunks/s offered")
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
    bench: Bench, knob: Knob, task: Task, setting: Setting, what: str = "ramp",
    share: Callable[[float], float] = lambda done: done,
) -> Ramp:  # fmt: skip
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
            at[part] = climber.step(total, QUICK_S * 1.5, f"at {part:.0%} of the ceiling", 0.86 + 0.04 * count)
    keeping = [step.load for step in climber.steps]
    setting = dataclasses.replace(setting, versions=bench.versions)
    if knob.name == "streams" and bench.rate:
        reached = 0.0 if hard is None else hard.low if math.isinf(hard.high) else hard.mid
        setting = dataclasses.replace(setting, rate=bench.rate, streams=max(1, round(reached / bench.rate)))
    ramp = Ramp(
        setting=setting, steps=tuple(climber.steps), hard=hard,
        full=full_point(keeping), limited_by=limited, words="", noise=noise, runq=runq, costs=fit_costs(keeping),
        at=at, seconds=(now_ns() - began_ns) / 1e9,
    )  # fmt: skip
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
    """How well a rate is known: from the quarters of a second of the calmest step that fell behind, 2 to 10 %.

    What others took is not in it: by that the upper bound is raised, see :func:`hard_of`.
    """
    found = []
    for step in steps:
        interval = mean_interval(step.slices) if step.fell and len(step.slices) >= 4 else None
        if interval is not None and interval.mid > 0:
            found.append((interval.high - interval.low) / 2 / interval.mid)
    return min(max(min(found, default=0.02), 0.02), 0.1)


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


def sentence(ramp: Ramp) -> str:
    """Say the result, with what it belongs to."""
    s = ramp.setting
    each = "" if s.rate is None else f" of {s.rate:,.0f} chunks/s each"
    where = f"{s.client} on {s.loop}, {'about ' if each else ''}{s.streams} streams{each}"
    hard = ramp.hard
    if hard is None:
        return f"{where}: fell behind at the lowest load that was offered"
    if math.isinf(hard.high):
        why = {
            "server": f"the server is the limit: it sends less than {SENT:.0%} of its schedule beyond",
            "core": f"the cores are used up: what sends had none for {ramp.runq or 0:.0%} of the time beyond",
        }.get(ramp.limited_by, "no more could be offered")
        return f"{where}: keeps up with {hard.mid:,.0f} chunks/s; {why}"
    words = f"{where}: hard ceiling {hard.low:,.0f} to {hard.high:,.0f} chunks/s"
    if ramp.full is not None:
        words += f", full from {ramp.full.mid:,.0f}"
    if ramp.limited_by == "core":
        words += f"; others took the core for {ramp.runq or 0:.0%} of the time, so it is known no better"
    elif ramp.limited_by == "instrument":
        words += "; loopscope itself could not keep up: the client may carry more"
    return words


# What the trace is told


def point(what: str, step: Step, shape: str) -> Result:
    """Put a step into a record."""
    load = step.load
    return Result(
        t_ns=now_ns(), proc="session", what=what, words="",
        settings={"kind": "point", "shape": shape, "streams": str(load.streams), "limited_by": step.limited_by},
        figures={
            "asked_chunks_s": step.asked, "offered_chunks_s": load.offered, "delivered_chunks_s": load.delivered,
            "elu": load.elu, "cpu_us": load.cpu_us, "process_us": step.process_us, "turns_per_chunk": load.turns,
            "reads_per_chunk": load.reads, "runq": load.runq, "delay_p50_ms": load.delay_p50_ms,
            "delay_p99_ms": load.delay_p99_ms, "slope_ms_s": step.slope_ms_s, "fell": float(step.fell),
            "late_p99_ms": step.late_p99_ms, "server_cpu": step.server_cpu, "server_runq": step.server_runq,
            "seconds": step.seconds,
        },
    )  # fmt: skip


def settings_of(setting: Setting) -> dict[str, str]:
    """Give what a ceiling belongs to, for a record."""
    return {
        "client": setting.client, "loop": setting.loop, "decoder": setting.decoder, "batch": setting.batch,
        "placement": setting.placement, "read": setting.read, "tcp": setting.tcp, "streams": str(setting.streams),
        "shape": setting.shape,
    }  # fmt: skip


def figures_of(name: str, interval: Interval | None) -> dict[str, float | None]:
    """Give an interval's three figures by name; an open end is not known."""
    if interval is None:
        return {f"{name}_{end}_chunks_s": None for end in ("lo", "mid", "hi")}
    ends = (("lo", interval.low), ("mid", interval.mid), ("hi", interval.high))
    return {f"{name}_{end}_chunks_s": value if math.isfinite(value) else None for end, value in ends}


def outcome(what: str, ramp: Ramp) -> Result:
    """Put the result into a record."""
    costs = ramp.costs
    return Result(
        t_ns=now_ns(), proc="session", what=what, words=ramp.words,
        settings={"kind": "outcome", **settings_of(ramp.setting), "limited_by": ramp.limited_by},
        figures={
            **figures_of("hard", ramp.hard), **figures_of("full", ramp.full), "at_least_chunks_s": ramp.at_least,
            "noise": ramp.noise, "runq": ramp.runq, "wakeup_us": costs.wakeup_us if costs else None,
            "read_us": costs.read_us if costs else None, "chunk_us": costs.chunk_us if costs else None,
            "cost_error": costs.error if costs else None, "loads": float(len(ramp.steps)),
        },
    )  # fmt: skip


# How it is asked for


def setting_of(options: SessionOptions, streams: int, shape: str) -> Setting:
    """Give the setting that options mean."""
    levers = options.levers
    return Setting(
        client=levers.get("client", "httpx"), loop=levers["loop"], decoder=levers["decoder"], batch=levers["batch"],
        placement=levers.get("placement", "loop"), read=levers["read"], tcp=levers["tcp"], streams=streams, shape=shape,
    )  # fmt: skip


@contextlib.contextmanager
def own_bench(options: SessionOptions, tell: Callable[[Record], None] | None, record: Path | None) -> Iterator[Bench]:
    """Bring a bench up, with a trace of its own where ``record`` says so."""
    options = dataclasses.replace(options, record=record, overwrite=record is not None)
    with Bench(options, tell) as bench:
        yield bench


def measure(
    options: SessionOptions, task: Task, *, streams: int, shape: str = "rate", rate: float = 0.0,
    tell: Callable[[Record], None] | None = None, record: Path | None = None,
    share: Callable[[float], float] = lambda done: done,
) -> Ramp:  # fmt: skip
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
    options: SessionOptions, task: Task, tell: Callable[[Record], None] | None = None, record: Path | None = None,
    share: Callable[[float], float] = lambda done: done,
) -> Ramp:  # fmt: skip
    """Run a ramp over the number of streams against given servers; their own pace is what it is."""
    task.progress(share(0.0), "starting a rig")
    own = dataclasses.replace(
        options, levers=options.levers | {"agents": "1", "throttle": "off"}, findings=(("allow", "all"),), drain_s=0.5,
        tokens=max(options.tokens, 2048),
    )  # fmt: skip
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


def run(host: Host, task: Task, args: dict[str, str]) -> tuple[Ramp, ...]:
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
        raise InputError(f"{name}={text!r}: a number from 1 to {most:g}")
    return value
