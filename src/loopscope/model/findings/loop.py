"""Rules about the event loop: what keeps it from delivering at once."""

from loopscope.core.format import number, plural, rate, seconds, share, time
from loopscope.model.findings.rule import (
    FINE,
    WARN,
    Answer,
    Found,
    NotEnough,
    Rule,
    found,
    lighten,
)
from loopscope.model.snapshot import Snapshot
from loopscope.settings.thresholds import Limits

ENOUGH_S = 2.5
"""Of the last three seconds: a rig that has just started is measured by its start."""
_STALLS_S = 10.0
"""How long a stall is held against the loop."""
_MOST_STALLS = 20
_CORES_TAKEN = 0.8
"""With the machine's cores less busy than this, no process of this machine can be what takes them."""
"""So many of the latest are in a snapshot."""
_OFF_THE_LOOP = "move the call off the loop: await asyncio.to_thread(...)"
_ITS_OWN_PROCESS = "give that work to a process of its own"
_NO_GARBAGE = "gc.freeze() once the program has started, or fewer objects that refer to each other"


def loop_missing(snapshot: Snapshot, *names: str) -> str:
    """Say which of these signals is not there; empty when all are, over long enough."""
    recent, words = snapshot.recent, snapshot.loop.words
    if recent.seconds < ENOUGH_S:
        return f"{number(recent.seconds)} of {number(ENOUGH_S)} s of the loop's own figures"
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
    late = f"; 1 % of the chunks come {time(delay)} late or later" if delay is not None else ""
    return found(
        f"The loop is {share(elu)} full and {share(cpu)} of its time is our own CPU{late}.",
        [
            ("elu", elu, f"loop busy {share(elu)}"),
            ("loop_cpu", cpu, f"loop CPU {share(cpu)}"),
            ("runq", recent.runq, f"waiting for a core {share(recent.runq)}"),
            ("chunks_s", recent.chunks / recent.seconds, f"{rate(recent.chunks / recent.seconds)} chunks/s"),
            ("delay_p99_ms", delay, f"delay p99 {time(delay)}"),
            ("gap_p50_ms", recent.gap_p50_ms, f"gap p50 {time(recent.gap_p50_ms)}"),
            ("server_gap_p50_ms", recent.server_gap_p50_ms, f"server's {time(recent.server_gap_p50_ms)}"),
        ],
        lighten(snapshot),
    )


def _blocking_call(snapshot: Snapshot, limits: Limits) -> Answer:
    if named := named_stall(snapshot, "callback", limits):
        return named
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
            ("lag_max_ms", recent.lag_ms.max, f"lag up to {time(recent.lag_ms.max)}"),
        ],
        _OFF_THE_LOOP,
    )


def named_stall(snapshot: Snapshot, why: str, limits: Limits) -> Found | None:
    """Give the finding of the line that held the loop longest lately, if it did so for long enough."""
    begin_s = snapshot.t_s - _STALLS_S
    lately = [stall for stall in snapshot.stalls if stall.t_s + stall.ms / 1e3 >= begin_s]
    # Only the latest are known one by one: with many of them, the stretch is as long as they reach.
    stretch_s = min(_STALLS_S, max(snapshot.t_s, 1.0))
    if len(lately) >= _MOST_STALLS and len(lately) == len(snapshot.stalls):
        stretch_s = max(snapshot.t_s - lately[0].t_s, lately[-1].ms / 1e3, 0.1)
    # Where no line could be named, the code was loopscope's own or the loop's: nobody's call blocks.
    blamed = [stall for stall in lately if stall.why == why and not (stall.own and not stall.where)]
    total = sum(stall.ms for stall in blamed) / 1e3 / stretch_s if blamed else 0.0
    worst = max(blamed, key=lambda stall: stall.ms, default=None)
    if worst is None or not (worst.ms >= limits["stall_ms"] or (len(blamed) > 1 and total >= limits["stall_share"])):
        return None
    by_place: dict[str, float] = {}
    for stall in blamed:
        by_place[stall.where] = by_place.get(stall.where, 0.0) + stall.ms
    where = max(by_place, key=lambda place: by_place[place])
    there = [stall for stall in blamed if stall.where == where]
    longest = max(there, key=lambda stall: stall.ms)
    computing = (longest.cpu_ms or 0.0) >= longest.ms / 2
    times = f"{plural(len(there), 'time') if len(there) > 1 else 'once'} in {seconds(stretch_s)}"
    cause = "Python's garbage collector, run" if why == "gc" else f"{where or 'A callback'}"
    return found(
        f"{cause}{f' from {where}' if why == 'gc' and where else ''} holds the loop for up to {time(longest.ms)},"
        f" {times}{', computing' if computing else ', waiting'}.",
        [
            ("stall_max_ms", longest.ms, f"longest {time(longest.ms)}"),
            ("stalls", len(there), times),
            ("stall_share", total, f"{share(total)} of the time"),
            ("stall_cpu_ms", longest.cpu_ms, f"CPU in the longest {time(longest.cpu_ms)}"),
            ("last_s", there[-1].t_s, f"last at {seconds(there[-1].t_s)}"),
        ],
        _NO_GARBAGE if why == "gc" else _ITS_OWN_PROCESS if computing else _OFF_THE_LOOP,
    )


def _gil_held(snapshot: Snapshot, limits: Limits) -> Answer:
    if missing := loop_missing(snapshot, "cpu"):
        return NotEnough(missing)
    recent = snapshot.recent
    if recent.others is None or recent.gil_taken is None:
        return NotEnough("the watchdog's looks" if recent.gil_taken is None else "the CPU of the whole process")
    # The loop itself can have held it for no longer than it computed; whoever computes without it is not in the looks.
    taken = max(0.0, recent.gil_taken - (recent.cpu or 0.0))
    if taken < limits["gil_share"] or recent.others < limits["gil_cpu"]:
        return FINE
    lag = recent.lag_ms.p90
    return found(
        f"Another thread of this process computes {share(recent.others)} of the time and holds the GIL:"
        f" {share(recent.gil_taken)} of the wake-ups in this process must wait for it.",
        [
            ("gil_taken", recent.gil_taken, f"GIL taken at {share(recent.gil_taken)} of the looks"),
            ("other_threads_cpu", recent.others, f"other threads' CPU {share(recent.others)}"),
            ("lag_p90_ms", lag, f"lag p90 {time(lag)}"),
            ("loop_cpu", recent.cpu, f"loop CPU {share(recent.cpu)}"),
            ("elu", recent.elu, f"loop busy {share(recent.elu)}"),
            ("runq", recent.runq, f"waiting for a core {share(recent.runq)}"),
        ],
        _ITS_OWN_PROCESS,
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
    screen = snapshot.observer.screen_share
    if busy is not None and busy < _CORES_TAKEN:
        who = (
            f"Nobody here takes the loop's core, and yet it had none for {share(runq)} of the time: a CPU quota of this"
            " container (cgroup), or the host of this virtual machine."
        )
    else:
        ours = "; the emulated servers and loopscope itself are among them" if snapshot.embedded else ""
        who = f"Others take the loop's core: {share(runq)} of the time it could have run and had none{ours}."
    return found(
        who,
        [
            ("runq", runq, f"waiting for a core {share(runq)}"),
            ("loop_cpu", recent.cpu, f"loop CPU {share(recent.cpu)}"),
            ("lag_p99_ms", recent.lag_ms.p99, f"lag p99 {time(recent.lag_ms.p99)}"),
            ("host_cpu", busy, f"the machine's {len(cores)} cores are {share(busy)} busy"),
            ("screen_share", screen, f"loopscope itself {share(screen)} of a core"),
        ],
        "fewer busy processes on this machine, or the servers on another one",
    )


def _gc_pauses(snapshot: Snapshot, limits: Limits) -> Answer:
    if missing := loop_missing(snapshot):
        return NotEnough(missing)
    recent = snapshot.recent
    if recent.gc is None:
        return NotEnough("the collector's time")
    if named := named_stall(snapshot, "gc", limits):
        return named
    # Of its pauses only what it computed: with others on the core a pause of 4 ms lasts 20, and is no more work.
    gc = recent.gc if recent.stack is None else recent.stack.gc
    if gc < limits["gc_share"]:
        return FINE
    return found(
        f"Python's garbage collector takes {share(gc)} of the time.",
        [
            ("gc", gc, f"GC {share(gc)}"),
            ("loop_cpu", recent.cpu, f"loop CPU {share(recent.cpu)}"),
            ("lag_p99_ms", recent.lag_ms.p99, f"lag p99 {time(recent.lag_ms.p99)}"),
        ],
        _NO_GARBAGE,
    )


PLACE = 20
RULES = (
    Rule("client-cpu", WARN, ("full_elu", "full_cpu"), _client_cpu),
    Rule("blocking-call", WARN, ("stall_ms", "stall_share", "blocked_share", "gil_cpu"), _blocking_call),
    Rule("gil-held", WARN, ("gil_share", "gil_cpu"), _gil_held),
    Rule("core-stolen", WARN, ("runq_share",), _core_stolen),
    Rule("gc-pauses", WARN, ("gc_share", "stall_ms", "stall_share"), _gc_pauses),
)
