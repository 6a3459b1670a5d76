"""What a ramp found: what it belongs to, in words, and as records for a trace."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

from loopscope.core.clock import now_ns
from loopscope.core.format import interval, rate, share
from loopscope.core.records import Result
from loopscope.experiments.bench import SENT, Step
from loopscope.session.options import SessionOptions
from loopscope.settings.levers import of_ceiling
from loopscope.stats.ceiling import Costs
from loopscope.stats.intervals import Interval

FRACTIONS = (0.01, 0.1, 0.5)
"""Parts of the hard ceiling at which the cost of a chunk is told."""


@dataclass(frozen=True, slots=True)
class Setting:
    """What a ceiling belongs to: it is never told without these."""

    levers: Mapping[str, str]
    """Those that a ceiling depends on, by name."""
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


def setting_of(options: SessionOptions, streams: int, shape: str) -> Setting:
    """Give the setting that options mean."""
    levers = {lever.name: options.levers.get(lever.name, lever.default) for lever in of_ceiling()}
    return Setting(levers=levers, streams=streams, shape=shape)


def sentence(ramp: Ramp) -> str:
    """Say the result, with what it belongs to."""
    s = ramp.setting
    each = "" if s.rate is None else f" of {rate(s.rate)} chunks/s each"
    client, loop = s.levers["client"], s.levers["loop"]
    where = f"{client} on {loop}, {'about ' if each else ''}{s.streams} streams{each}"
    hard = ramp.hard
    if hard is None:
        return f"{where}: fell behind at the lowest load that was offered"
    if math.isinf(hard.high):
        why = {
            "server": f"the server is the limit: it sends less than {share(SENT)} of its schedule beyond",
            "core": f"the cores are used up: what sends had none for {share(ramp.runq or 0)} of the time beyond",
        }.get(ramp.limited_by, "no more could be offered")
        return f"{where}: keeps up with {rate(hard.mid)} chunks/s; {why}"
    words = f"{where}: hard ceiling {interval(hard.low, hard.high, rate)} chunks/s"
    if ramp.full is not None:
        words += f", full from {rate(ramp.full.mid)}"
    if ramp.limited_by == "core":
        words += f"; others took the core for {share(ramp.runq or 0)} of the time, so it is known no better"
    elif ramp.limited_by == "instrument":
        words += "; loopscope itself could not keep up: the client may carry more"
    return words


def point(what: str, step: Step, shape: str) -> Result:
    """Put a step into a record."""
    load = step.load
    return Result(
        t_ns=now_ns(),
        proc="session",
        what=what,
        words="",
        settings={"kind": "point", "shape": shape, "streams": str(load.streams), "limited_by": step.limited_by},
        figures={
            "asked_chunks_s": step.asked,
            "offered_chunks_s": load.offered,
            "delivered_chunks_s": load.delivered,
            "elu": load.elu,
            "cpu_us": load.cpu_us,
            "process_us": step.process_us,
            "turns_per_chunk": load.turns,
            "reads_per_chunk": load.reads,
            "runq": load.runq,
            "delay_p50_ms": load.delay_p50_ms,
            "delay_p99_ms": load.delay_p99_ms,
            "slope_ms_s": step.slope_ms_s,
            "fell": float(step.fell),
            "late_p99_ms": step.late_p99_ms,
            "server_cpu": step.server_cpu,
            "server_runq": step.server_runq,
            "seconds": step.seconds,
        },
    )


def settings_of(setting: Setting) -> dict[str, str]:
    """Give what a ceiling belongs to, for a record."""
    return {**setting.levers, "streams": str(setting.streams), "shape": setting.shape}


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
        t_ns=now_ns(),
        proc="session",
        what=what,
        words=ramp.words,
        settings={"kind": "outcome", **settings_of(ramp.setting), "limited_by": ramp.limited_by},
        figures={
            **figures_of("hard", ramp.hard),
            **figures_of("full", ramp.full),
            "at_least_chunks_s": ramp.at_least,
            "noise": ramp.noise,
            "runq": ramp.runq,
            "wakeup_us": costs.wakeup_us if costs else None,
            "read_us": costs.read_us if costs else None,
            "chunk_us": costs.chunk_us if costs else None,
            "cost_error": costs.error if costs else None,
            "loads": float(len(ramp.steps)),
        },
    )
