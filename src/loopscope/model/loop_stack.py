"""The loop's time as a stack that adds up to one: own CPU, garbage collector, blocked, no core, waiting."""

from dataclasses import dataclass

from loopscope.model.loop_sums import LoopSums

SIGNALS = ("elu", "loop_cpu", "runq")
"""Without these three the time cannot be taken apart."""


@dataclass(frozen=True, slots=True)
class LoopStack:
    """Shares of wall time that add up to 1.

    Three of them are measured: CPU of the loop's thread, the wait for a core (the kernel's run queue) and the time in
    the selector. A thread that became ready inside the selector and got no core is in both of the latter. So
    ``blocked`` is the busy time less CPU and less all of the wait for a core: a lower bound.
    """

    cpu: float = 0.0
    """Computing, the garbage collector left out."""
    gc: float = 0.0
    """In Python's garbage collector, as far as it computed."""
    blocked: float = 0.0
    """In a call that neither computes nor returns: a lock, a file, the GIL."""
    no_core: float = 0.0
    """Ready, but somebody else had the core."""
    waiting: float = 0.0
    """Nothing to do."""

    def parts(self) -> tuple[tuple[str, float], ...]:
        """Return every part by name, in the order in which the bar shows them."""
        return (
            ("own CPU", self.cpu),
            ("GC", self.gc),
            ("blocked", self.blocked),
            ("no core", self.no_core),
            ("waiting", self.waiting),
        )


def loop_stack(sums: LoopSums) -> LoopStack | None:
    """Return the stack of one loop; ``None`` where one of :data:`SIGNALS` is not known."""
    if not (sums.elu_dt > 0 and sums.cpu_dt > 0 and sums.runq_dt > 0):
        return None
    active = min(sums.active / sums.elu_dt, 1.0)
    cpu, no_core = sums.cpu / sums.cpu_dt, sums.runq / sums.runq_dt
    # Two clocks that are read one after the other may add up to slightly more than the time between.
    scale = max(cpu + no_core, 1.0)
    cpu, no_core = cpu / scale, no_core / scale
    blocked = max(active - cpu - no_core, 0.0)
    gc = min(sums.gc / sums.dt * _on_core(cpu, no_core), cpu) if sums.dt > 0 else 0.0
    return LoopStack(cpu - gc, gc, blocked, no_core, 1.0 - cpu - no_core - blocked)


def _on_core(cpu: float, no_core: float) -> float:
    """Return the share of its runnable time in which the thread had a core.

    The collector's pauses are wall time: with others on the core a pause of 4 ms lasts 20, and is no more work.
    """
    runnable = cpu + no_core
    return cpu / runnable if runnable > 0 else 1.0
