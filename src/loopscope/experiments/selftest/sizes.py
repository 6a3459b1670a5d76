"""The sizes that are asked back: ELU within 0.05, CPU, delays and shares within 10 %, lengths of blocks within 15 %."""

from collections.abc import Callable
from statistics import median

from loopscope.experiments.selftest.case import Evidence, Size

Sizes = Callable[[Evidence], list[Size]]
_ELU = 0.05
_CPU = 0.1
_BLOCK = 0.15
_DELAY = 0.1
_BEGUN_S = 1.5
_LEAST_DELAY_MS = 0.3
"""The emulator stamps a chunk, then hands it to the socket: on a busy core 0.05 to 0.15 ms lie between."""


def near(name: str, found: float | None, truth: float | None, part: float, *, calm: bool = False) -> Size:
    """A size that may be off by a part of what is true."""
    return Size(name, found, truth, part * abs(truth or 0.0), calm)


def _share(evidence: Evidence, plant: str, name: str) -> float | None:
    """A plant's seconds, as a share of the time for which it acted."""
    part, whole = evidence.did(plant, name), evidence.did(plant, "seconds")
    return None if part is None or not whole else part / whole


def _with_idle(evidence: Evidence, planted: float | None, name: str) -> float | None:
    """What is planted, and what the agents themselves take: they have the same chunks to handle beside it."""
    return None if planted is None else min(1.0, planted + evidence.idle.get(name, 0.0))


def accused(evidence: Evidence) -> Size:
    """Nobody is blamed, once the first requests are on their way: those load what their client needs, on the loop."""
    places = [one for one in evidence.summary.stalls.places if one.why == "callback" and one.last_s >= _BEGUN_S]
    who = f" ({places[0].where})" if places else ""
    return Size(f"accused{who}", float(sum(one.count for one in places)), 0.0, 0.0, calm=True)


def _elu(evidence: Evidence, plant: str, *, computes: bool = False) -> Size:
    """A loop is busy while the plant acts, by the plant's own clock, and while the agents' chunks are handled. Where
    neighbours take its core, that is longer than the idle session had it: by no more than the kernel counted as waiting
    for a core, less what of that the plant met itself. Some of it passes inside the selector, so it is a range.
    """
    loop = evidence.summary.loop
    planted, computed = _share(evidence, plant, "wall_s"), _share(evidence, plant, "cpu_s")
    if planted is None:
        return Size("elu", loop.elu, None, _ELU)
    met = planted - (computed or 0.0) if computes else 0.0
    idle = sorted((evidence.idle.get("elu", 0.0), evidence.idle.get("cpu", 0.0)))
    least = min(1.0, planted + idle[0])
    most = min(1.0, planted + idle[1] + max(0.0, (loop.runq or 0.0) - met))
    return Size("elu", loop.elu, least, _ELU, upto=most)


def delay(evidence: Evidence, *, calm: bool = False) -> Size:
    """The mean delay, against the emulators' log."""
    truth = evidence.delay_ms.get("truth")
    within = max(_LEAST_DELAY_MS, _DELAY * (truth or 0.0))
    return Size("delay_mean_ms", evidence.delay_ms.get("found"), truth, within, calm)


def idle(rate: float) -> Sizes:
    """Nothing was planted: a free loop, the rate that the servers have, the delays that they logged."""

    def sizes(evidence: Evidence) -> list[Size]:
        summary, loop = evidence.summary, evidence.summary.loop
        return [
            # Nothing blocks: the loop is busy for as long as it computes or waits for a core.
            Size("elu", loop.elu, (loop.cpu or 0.0) + (loop.runq or 0.0), _ELU, calm=True),
            near("tok_s", summary.tok_s, rate, 0.03, calm=True),
            delay(evidence, calm=True),
            accused(evidence),
        ]

    return sizes


def spin(evidence: Evidence) -> list[Size]:
    """Own CPU on the loop."""
    truth = _with_idle(evidence, _share(evidence, "spin", "cpu_s"), "cpu")
    return [_elu(evidence, "spin", computes=True), near("cpu", evidence.summary.loop.cpu, truth, _CPU)]


def short_blocks(evidence: Evidence) -> list[Size]:
    """Blocks too short for a line to be named: the loop is busy, but on no core."""
    loop = evidence.summary.loop
    return [
        _elu(evidence, "block"),
        Size("cpu", loop.cpu, evidence.idle.get("cpu", 0.05), 0.05, calm=True),
        accused(evidence),
    ]


def blocks(plant: str, function: str) -> Sizes:
    """Blocks that are named: how long, how often. What computes may be met without its core by a busy machine: that is
    said then, and counts as met.
    """

    def sizes(evidence: Evidence) -> list[Size]:
        stalls = evidence.summary.stalls
        lengths = [
            one.ms
            for one in stalls.latest
            if one.why == "callback" and one.over and any(function in frame for frame in one.stack)
        ]
        met = [
            one.count
            for one in stalls.places
            if (plant == "busy" and one.why == "core")
            or (one.why == "callback" and any(function in frame for frame in one.stack))
        ]
        count, wall_s = evidence.did(plant, "count"), evidence.did(plant, "wall_s")
        each_ms = wall_s / count * 1e3 if wall_s and count else None
        return [
            near("block_ms", median(lengths) if lengths else None, each_ms, _BLOCK),
            near("blocks", float(sum(met)), count, 0.25),
            _elu(evidence, plant, computes=plant == "busy"),
        ]

    return sizes


def gil(evidence: Evidence) -> list[Size]:
    """CPU of the thread that holds the GIL."""
    found = evidence.figure("gil-held", "other_threads_cpu")
    return [near("others_cpu", found, _share(evidence, "gil", "cpu_s"), _CPU)]


def collector(evidence: Evidence) -> list[Size]:
    """Time in the collector."""
    return [near("gc", evidence.summary.loop.gc, _share(evidence, "gc", "wall_s"), _CPU)]


def slow_server(gap_ms: float) -> Sizes:
    """The server's gaps are ours."""

    def sizes(evidence: Evidence) -> list[Size]:
        gap, server = evidence.summary.gap_ms.p50, evidence.summary.server_gap_ms.p50
        return [near("gap_p50_ms", gap, gap_ms, 0.03), near("server_gap_p50_ms", server, gap_ms, 0.03)]

    return sizes


def stalling_server(pause_ms: float) -> Sizes:
    """The longest gap is the pause, here and there; nobody here is blamed for it."""

    def sizes(evidence: Evidence) -> list[Size]:
        gap, server = evidence.summary.gap_ms.max, evidence.summary.server_gap_ms.max
        return [
            near("gap_max_ms", gap, pause_ms, 0.1),
            near("server_gap_max_ms", server, pause_ms, 0.1),
            accused(evidence),
        ]

    return sizes


def delayed(evidence: Evidence) -> list[Size]:
    """Chunks wait on the way, for as long as the emulators' log says."""
    return [delay(evidence)]


def coalesced(chunks_per_read: float) -> Sizes:
    """So many chunks come in one read."""

    def sizes(evidence: Evidence) -> list[Size]:
        found = evidence.summary.loop.chunks_per_read
        return [near("chunks_per_read", found, chunks_per_read, 0.15), delay(evidence)]

    return sizes


def figure(finding: str, name: str, truth: float, part: float) -> Sizes:
    """A number behind a finding."""
    return lambda evidence: [near(name, evidence.figure(finding, name), truth, part)]


def whole_seconds(evidence: Evidence) -> list[Size]:
    """No delay is told where stamps have no fraction."""
    told = [agent.delay_words.startswith("whole seconds") for agent in evidence.summary.agents]
    return [
        Size("agents_told", float(sum(told)), float(len(told)), 0.0),
        Size("delays", float(evidence.summary.delay_ms.n), 0.0, 0.0),
    ]
