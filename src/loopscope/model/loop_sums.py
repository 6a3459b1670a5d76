"""What the pulses of one loop add up to."""

from dataclasses import dataclass

from loopscope.core.records import Pulse

_PAUSE_TICKS = 16
_MOST_SWITCHES = 10_000_000
"""A second; a core cannot do more."""


@dataclass(slots=True, eq=False)
class LoopSums:
    """What pulses add up to. Durations in ns; ``x_dt`` is the time for which ``x`` is known."""

    seconds: float = 0.0
    """Time (s) of the bins that it was seen in."""
    dt: float = 0.0
    elu_dt: float = 0.0
    active: float = 0.0
    cpu_dt: float = 0.0
    cpu: float = 0.0
    runq_dt: float = 0.0
    runq: float = 0.0
    gc: float = 0.0
    observer: float = 0.0
    process: float = 0.0
    """CPU of the whole process; 0: not known."""
    switch_s: float = 0.0
    """Seconds for which context switches are known."""
    switches: float = 0.0
    preempted: float = 0.0
    gc_young: float = 0.0
    gc_middle: float = 0.0
    gc_old: float = 0.0
    turns_dt: float = 0.0
    turns: float = 0.0
    """How often the loop looked for events."""
    reads: float = 0.0
    """Deliveries of bytes by the transport."""
    backlog_dt: float = 0.0
    backlog: float = 0.0
    looks: float = 0.0
    """Wake-ups of the watchdog, ..."""
    taken: float = 0.0
    """... and those that found Python's lock taken."""
    chunks: float = 0.0
    """Chunks that came through the loops whose pulses these are."""

    def add(self, other: "LoopSums") -> None:
        """Add another one."""
        for name in LoopSums.__slots__:
            setattr(self, name, getattr(self, name) + getattr(other, name))

    def pulse(self, record: Pulse, share: float) -> None:
        """Add ``share`` of a pulse."""
        dt = record.dt_ns * share
        self.dt += dt
        if (active := _within(record.active_ns, record.dt_ns)) is not None:
            self.elu_dt += dt
            self.active += active * share
        if (cpu := _within(record.cpu_ns, 2 * record.dt_ns)) is not None:
            self.cpu_dt += dt
            self.cpu += cpu * share
        if (runq := _within(record.runq_ns, 2 * record.dt_ns)) is not None:
            self.runq_dt += dt
            self.runq += runq * share
        if record.turns is not None and 0 <= record.turns <= _MOST_SWITCHES:
            self.turns_dt += dt
            self.turns += record.turns * share
        self.reads += (_within(record.reads, _MOST_SWITCHES) or 0) * share
        # A pause is told when it is over, to the tick that ends then: that one may be shorter than the pause.
        self.gc += (_within(record.gc_ns, _PAUSE_TICKS * record.dt_ns) or 0) * share
        self.observer += (_within(record.observer_ns, 64 * record.dt_ns) or 0) * share
        self.process += (_within(record.process_ns, 1024 * record.dt_ns) or 0) * share
        for name, pause in zip(("gc_young", "gc_middle", "gc_old"), record.gc_gen_ns[:3], strict=False):
            setattr(self, name, getattr(self, name) + (_within(pause, _PAUSE_TICKS * record.dt_ns) or 0) * share)
        if record.switches is not None and 0 <= record.switches <= _MOST_SWITCHES:
            self.switch_s += share
            self.switches += record.switches * share
            self.preempted += (_within(record.preempted, _MOST_SWITCHES) or 0) * share
        looks = _within(record.looks, _MOST_SWITCHES) or 0
        self.looks += looks * share
        self.taken += (_within(record.taken, looks) or 0) * share
        if (backlog := _within(record.backlog_bytes, 1 << 62)) is not None:
            self.backlog_dt += dt
            self.backlog += backlog * dt


def _within(value: int | None, most: int) -> int | None:
    """Give a value that can be; a share slightly over 1 is the clocks' doing and is cut, nonsense is not known."""
    if value is None or not 0 <= value <= 16 * most:
        return None
    return min(value, most)
