"""The thresholds of the findings: names, defaults, units, and where each default comes from."""

import math
from collections.abc import Iterable
from dataclasses import dataclass

from loopscope.core.errors import InputError

GIB = 1 << 30


@dataclass(frozen=True, slots=True)
class Threshold:
    """One threshold. ``unit`` is empty for a ratio; ``source`` says where the default comes from."""

    name: str
    default: float
    unit: str
    means: str
    source: str


_PUBLISHED = "published alert level"

THRESHOLDS: dict[str, Threshold] = {
    threshold.name: threshold
    for threshold in (
        Threshold(
            "full_elu",
            0.9,
            "share",
            "loop utilisation from which on a loop counts as full",
            "measured: from here on chunks clump and their p99 delay grows from under 3 ms to 5-35 ms",
        ),
        Threshold(
            "full_cpu",
            0.6,
            "share",
            "least part of the utilisation that is CPU, for the CPU to be the cause",
            "a full loop that computes shows 0.8-1.0 here, on a machine with stolen cores less",
        ),
        Threshold(
            "stall_ms",
            200.0,
            "ms",
            "a single turn of the loop that is worth telling",
            "twenty tokens at 100 tok/s come at once after it",
        ),
        Threshold(
            "stall_share",
            0.02,
            "share",
            "part of ten seconds that stalls of one kind take together",
            "two stalls of 100 ms or eight of the shortest that is seen (25 ms)",
        ),
        Threshold(
            "blocked_share",
            0.1,
            "share",
            "time in which the loop was busy, but neither on a core nor waiting for one",
            "the meters of these three disagree by some hundredths on a busy machine",
        ),
        Threshold(
            "gil_share",
            0.25,
            "share",
            "wake-ups that had a core but found the GIL taken, less the loop's own CPU",
            "measured: 0.01 on a calm loop, 0.9 beside a thread that computes for nine tenths of the time; each waits"
            " 5 ms (the switch interval)",
        ),
        Threshold(
            "gil_cpu",
            0.25,
            "share",
            "CPU of other threads of the measured process",
            "below a quarter of a core, three wake-ups in four find the GIL free",
        ),
        Threshold(
            "runq_share",
            0.15,
            "share",
            "time in which the loop could have run but had no core",
            "measured on two cores: 0.01 when calm, up to 0.11 beside two emulated servers at 5 000 chunks/s each, 0.22"
            " beside two processes that compute",
        ),
        Threshold(
            "gc_share",
            0.05,
            "share",
            "time in the garbage collector",
            "what the probes themselves may cost at most: a collector that costs more is worth a look",
        ),
        Threshold(
            "calm_elu",
            0.5,
            "share",
            "loop utilisation below which the client is not what limits",
            "half of the loop is free, and a fuller loop costs less a chunk",
        ),
        Threshold(
            "calm_ms",
            10.0,
            "ms",
            "p90 of lag and delay below which the client adds nothing that matters",
            "one chunk's gap at 100 tok/s",
        ),
        Threshold(
            "backlog_ms",
            100.0,
            "ms",
            "median time that chunks have waited before they were read",
            "what a reader notices; a full loop on loopback costs 5-35 ms",
        ),
        Threshold(
            "pressed_ratio",
            2.0,
            "",
            "server gap, against its own best, that counts as slowed down by the client",
            "a server whose rate halves while chunks wait at the client",
        ),
        Threshold(
            "lump_chunks",
            4.0,
            "chunks",
            "chunks that one read brings",
            "a server writes each by itself; one that decodes several at a step (speculative) writes 2 or 3",
        ),
        Threshold(
            "lump_ms",
            100.0,
            "ms",
            "mean time between such reads",
            "what a reader notices; a fast stream clumps by itself, every few ms",
        ),
        Threshold(
            "pause_ms",
            500.0,
            "ms",
            "longest gap between two chunks by the server's stamps",
            "fifty tokens at 100 tok/s; a stream that stands for half a second is seen to stand",
        ),
        Threshold(
            "pause_ratio",
            10.0,
            "",
            "that gap, against the server's median gap",
            "a slow but even server has none; tokens of a log-normal server with sigma 0.5 stay under 7",
        ),
        Threshold(
            "imbalance_share",
            0.67,
            "share",
            "decode rate of the slowest agent, against the fastest one's",
            "two thirds: an agent that takes half as long again as another one",
        ),
        Threshold(
            "queue_ms",
            50.0,
            "ms",
            "median wait of a request for a slot of its server",
            "an idle Ollama has 3 to 10 ms beside loading, prompt and decoding",
        ),
        Threshold(
            "queue_share",
            0.2,
            "share",
            "that wait, of the request's wall time",
            "four agents on one slot wait for three quarters of their time",
        ),
        Threshold(
            "load_ms",
            20.0,
            "ms",
            "longest load of the last requests that is worth telling",
            "a model in memory answers with a load of 1 to 4 ms; a request counts as cold from 20 ms and a tenth of its"
            " wall time on",
        ),
        Threshold(
            "contention_ratio", 3.0, "", "TTFT against the solo TTFT, above which a request met contention", _PUBLISHED
        ),
        Threshold("contention_share", 0.05, "share", "requests that met contention", _PUBLISHED),
        Threshold(
            "connect_ms",
            100.0,
            "ms",
            "time to connect to this very machine",
            "on loopback it takes 0.1-1 ms; waiting for the other address family 250 ms and more",
        ),
        Threshold("ttft_ms", 2_000.0, "ms", "median TTFT", _PUBLISHED),
        Threshold("tok_s", 80.0, "tok/s", "decode rate of an agent", _PUBLISHED),
        Threshold("vram_free_bytes", float(GIB), "bytes", "memory of a card that must be free", _PUBLISHED),
        Threshold(
            "probe_share",
            0.1,
            "share",
            "CPU of the probes' thread, of one core",
            "it shares the GIL with the loop: from a tenth on it is felt there",
        ),
        Threshold("screen_share", 0.5, "share", "CPU of the screen's process, of one core", "half a core of a laptop"),
    )
}

Limits = dict[str, float]
"""Value of each threshold, by name."""


def defaults() -> Limits:
    """Every threshold at its default."""
    return {threshold.name: threshold.default for threshold in THRESHOLDS.values()}


def limits_from(words: Iterable[str]) -> Limits:
    """Give all thresholds, with those replaced that ``name=value`` words set.

    Raises:
        InputError: no such threshold (lists the names), or no number from 0 on.
    """
    limits = defaults()
    for word in words:
        name, _, text = word.partition("=")
        if name not in THRESHOLDS:
            raise InputError(f"there is no threshold {name!r}; thresholds: {', '.join(THRESHOLDS)}")
        try:
            value = float(text)
        except ValueError:
            value = math.nan
        if not 0 <= value < math.inf:
            unit = THRESHOLDS[name].unit
            raise InputError(f"--threshold {word}: a number from 0 on{f', in {unit}' if unit else ''}")
        limits[name] = value
    return limits
