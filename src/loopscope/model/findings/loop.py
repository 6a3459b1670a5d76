"""Rules about the event loop: what keeps it from delivering at once."""

from loopscope.model.findings.rule import (
    FINE,
    WARN,
    Answer,
    NotEnough,
    Rule,
    found,
    lighten,
    ms,
    share,
)
from loopscope.model.snapshot import Snapshot
from loopscope.settings.thresholds import Limits

ENOUGH_S = 2.5
"""Of the last three seconds: a rig that has just started is measured by its start."""


def loop_missing(snapshot: Snapshot, *names: str) -> str:
    """Say which of these signals is not there; empty when all are, over long enough."""
    recent, words = snapshot.recent, snapshot.loop.words
    if recent.seconds < ENOUGH_S:
        return f"{recent.seconds:.1f} of {ENOUGH_S:g} s of the loop's own figures"
    signal = {"elu": "elu", "cpu": "loop_cpu", "runq": "runq"}
    for name in names:
        if getattr(recent, name) is None:
            return f"{signal[name]}: {words.get(signal[name], 'no signal')}"
    return ""


def _client_cpu(snapshot: Snapshot, limits: Limits) -> Answer:
    if missing := loop_missing(snapshot, "elu", "cpu"):
        return NotEnough(missing)
    recent = snapshot.recent
    elu, cpu = recent.elu or 0.0, recent.cpu or 0.0
    if elu < limits["full_elu"] or cpu < limits["full_cpu"] * elu:
        return FINE
    delay = recent.delay_ms.p99
    late = f"; 1 % of the chunks come {ms(delay)} late or later" if delay is not None else ""
    return found(
        f"The loop is {share(elu)} full and {share(cpu)} of its time is our own CPU{late}.",
        [
            ("elu", elu, f"loop busy {share(elu)}"),
            ("loop_cpu", cpu, f"loop CPU {share(cpu)}"),
            ("runq", recent.runq, f"waiting for a core {share(recent.runq)}"),
            ("chunks_s", recent.chunks / recent.seconds, f"{recent.chunks / recent.seconds:.0f} chunks/s"),
            ("delay_p99_ms", delay, f"delay p99 {ms(delay)}"),
            ("gap_p50_ms", recent.gap_p50_ms, f"gap p50 {ms(recent.gap_p50_ms)}"),
            ("server_gap_p50_ms", recent.server_gap_p50_ms, f"server's {ms(recent.server_gap_p50_ms)}"),
        ],
        lighten(snapshot),
    )


def _blocking_call(snapshot: Snapshot, limits: Limits) -> Answer:
    if missing := loop_missing(snapshot, "elu", "cpu", "runq"):
        return NotEnough(missing)
    recent = snapshot.recent
    # What the probes' thread holds the GIL for is no blocking call of the program.
    blocked = (recent.elu or 0.0) - (recent.cpu or 0.0) - (recent.runq or 0.0) - (recent.observer or 0.0)
    if blocked < limits["blocked_share"] or (recent.others or 0.0) >= limits["gil_cpu"]:
        return FINE
    return found(
        f"Something holds the loop without computing: {share(blocked)} of the time it was busy, but on no core.",
        [
            ("blocked_share", blocked, f"held {share(blocked)} of the time"),
            ("elu", recent.elu, f"loop busy {share(recent.elu)}"),
            ("loop_cpu", recent.cpu, f"loop CPU {share(recent.cpu)}"),
            ("runq", recent.runq, f"waiting for a core {share(recent.runq)}"),
            ("lag_max_ms", recent.lag_ms.max, f"lag up to {ms(recent.lag_ms.max)}"),
        ],
        "move the blocking call off the loop: await asyncio.to_thread(...)",
    )


def _gil_held(snapshot: Snapshot, limits: Limits) -> Answer:
    if missing := loop_missing(snapshot, "cpu"):
        return NotEnough(missing)
    recent = snapshot.recent
    lag = recent.lag_ms.p50
    if recent.others is None or lag is None:
        return NotEnough("the lag of the loop" if lag is None else "the CPU of the whole process")
    stolen = recent.runq or 0.0
    if lag < limits["gil_lag_ms"] or recent.others < limits["gil_cpu"] or stolen >= recent.others:
        return FINE
    return found(
        f"Another thread of this process computes {share(recent.others)} of the time and holds the GIL:"
        f" the loop wakes {ms(lag)} late.",
        [
            ("lag_p50_ms", lag, f"lag p50 {ms(lag)}"),
            ("other_threads_cpu", recent.others, f"other threads' CPU {share(recent.others)}"),
            ("loop_cpu", recent.cpu, f"loop CPU {share(recent.cpu)}"),
            ("elu", recent.elu, f"loop busy {share(recent.elu)}"),
            ("runq", recent.runq, f"waiting for a core {share(recent.runq)}"),
        ],
        "give that thread's work to a process of its own",
    )


def _core_stolen(snapshot: Snapshot, limits: Limits) -> Answer:
    if missing := loop_missing(snapshot, "runq"):
        return NotEnough(missing)
    recent = snapshot.recent
    runq = recent.runq or 0.0
    if runq < limits["runq_share"]:
        return FINE
    cores = snapshot.host_cpu
    busy = sum(cores) / len(cores) if cores else None
    return found(
        f"Others take the loop's core: {share(runq)} of the time it could have run and had none.",
        [
            ("runq", runq, f"waiting for a core {share(runq)}"),
            ("loop_cpu", recent.cpu, f"loop CPU {share(recent.cpu)}"),
            ("lag_p99_ms", recent.lag_ms.p99, f"lag p99 {ms(recent.lag_ms.p99)}"),
            ("host_cpu", busy, f"the machine's {len(cores)} cores are {share(busy)} busy"),
        ],
        "fewer busy processes on this machine, or the servers on another one",
    )


def _gc_pauses(snapshot: Snapshot, limits: Limits) -> Answer:
    if missing := loop_missing(snapshot):
        return NotEnough(missing)
    recent = snapshot.recent
    if recent.gc is None:
        return NotEnough("the collector's time")
    if recent.gc < limits["gc_share"]:
        return FINE
    return found(
        f"Python's garbage collector takes {share(recent.gc)} of the time.",
        [
            ("gc", recent.gc, f"GC {share(recent.gc)}"),
            ("loop_cpu", recent.cpu, f"loop CPU {share(recent.cpu)}"),
            ("lag_p99_ms", recent.lag_ms.p99, f"lag p99 {ms(recent.lag_ms.p99)}"),
        ],
        "gc.freeze() once the program has started, or fewer objects that refer to each other",
    )


RULES = (
    Rule("client-cpu", WARN, ("full_elu", "full_cpu"), _client_cpu),
    Rule("blocking-call", WARN, ("blocked_share", "gil_cpu"), _blocking_call),
    Rule("gil-held", WARN, ("gil_lag_ms", "gil_cpu"), _gil_held),
    Rule("core-stolen", WARN, ("runq_share",), _core_stolen),
    Rule("gc-pauses", WARN, ("gc_share",), _gc_pauses),
)
