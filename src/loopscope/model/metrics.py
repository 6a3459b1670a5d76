"""Every figure, declared once: its name, unit, what it needs, how it is taken from an aggregate, how it is tested.

Screen, ledger, reports, ``--json``, gates, exports and experiments read this table and compute nothing of their own. A
new figure is one entry here, or one :func:`register` in a module of its own.
"""

from dataclasses import dataclass
from enum import StrEnum

from loopscope.core.clock import NS_PER_MS, NS_PER_S
from loopscope.model.aggregate import Hist, Row


class Need(StrEnum):
    """What must be known before a figure can be had."""

    CHUNKS = "chunks"
    STAMP = "a server stamp"
    STAMPS = "server stamps that move"
    REQUESTS = "finished requests"
    PACE = "arrivals that carry a rate, or a server that says how long it generated"
    LOOP = "a loop meter"
    HEARTBEAT = "a heartbeat on the loop"
    CPU = "the CPU of the loop's thread"
    KERNEL = "the kernel's view of the run queue"
    SOCKETS = "the sockets' backlog"
    POWER = "a power meter"


@dataclass(frozen=True, slots=True)
class Ratio:
    """``factor`` * sum(part) / sum(whole)."""

    part: Row
    whole: Row
    factor: float = 1.0
    """From sum(part) / sum(whole) to the unit."""
    bound: bool = False
    """A bound of the ceiling: over three seconds at least, and never below the best that was carried over one."""


@dataclass(frozen=True, slots=True)
class Quantile:
    """The value at a rank of a histogram, in ms; bucketed, right to 0.55 %."""

    hist: Hist
    share: float


@dataclass(frozen=True, slots=True)
class Most:
    """The largest value that a histogram was fed, in ms; exact."""

    hist: Hist


Take = Ratio | Quantile | Most

RATIO, DIFFERENCE = "ratio", "difference"
SHARE = "share of time"


@dataclass(frozen=True, slots=True)
class Metric:
    """One figure. ``better``: 1 more is better, -1 less is better, 0 neither."""

    name: str
    title: str
    unit: str
    better: int
    meaning: str
    """One sentence, as it stands in docs/definitions.md and on a page of HTML."""
    take: Take
    needs: Need = Need.CHUNKS
    scale: str = RATIO
    """A change is a ``ratio`` (of times and rates) or a ``difference`` (of shares, of what may be zero)."""
    band: float = 0.1
    """A change that surely stays within this does not matter: a share of the figure, or a difference in its unit."""
    judged: bool = False
    """Told with each pull of a lever."""
    paired: bool = False
    """Told by A-B-B-A, besides those that are judged."""
    detail: bool = False
    """Left out of short tables; ``--json``, gates, exports and definitions have it."""

    @property
    def hist(self) -> Hist | None:
        """The histogram that it comes from, if it does."""
        return None if isinstance(self.take, Ratio) else self.take.hist


METRICS: dict[str, Metric] = {}
"""By name, in the order in which tables show them."""
LEAST_VALUES = 10
"""Values below which a quantile is an anecdote."""


def register(*metrics: Metric) -> None:
    """Put figures into the table.

    Raises:
        ValueError: a name is taken.
    """
    for metric in metrics:
        if metric.name in METRICS:
            raise ValueError(f"there is a metric {metric.name!r} already")
        METRICS[metric.name] = metric


def _quantiles(
    name: str,
    title: str,
    hist: Hist,
    meaning: str,
    needs: Need,
    *,
    shown: tuple[str, ...],
    judged: tuple[str, ...] = (),
    neutral: tuple[str, ...] = (),
    mean: Ratio | None = None,
) -> tuple[Metric, ...]:
    """Declare the quantiles and the maximum of one histogram; ``shown`` are those of short tables."""
    shares = (("p50", 0.5), ("p90", 0.9), ("p95", 0.95), ("p99", 0.99))
    words = {"p50": "median", "p90": "90 % are within it", "p95": "95 % are within it", "p99": "99 % are within it"}
    found = [
        Metric(
            f"{name}.{which}",
            f"{title} {which}",
            "ms",
            0 if which in neutral else -1,
            f"{meaning}; {words[which]}",
            Quantile(hist, share),
            needs,
            judged=which in judged,
            detail=which not in shown,
        )
        for which, share in shares
    ]
    if mean is not None:
        words_mean = f"{meaning}; mean"
        found.append(Metric(f"{name}.mean", f"{title} mean", "ms", -1, words_mean, mean, needs, detail=True))
    found.append(
        Metric(
            f"{name}.max",
            f"{title} max",
            "ms",
            0 if neutral else -1,
            f"{meaning}; the largest, exact",
            Most(hist),
            needs,
            detail=True,
        )
    )
    return tuple(found)


register(
    Metric(
        "tok_s.total",
        "throughput",
        "tok/s",
        1,
        "tokens that the servers handed out a second: chunks received, times the tokens a chunk of each agent",
        Ratio(Row.TOKENS, Row.SECONDS),
        band=0.05,
        judged=True,
    ),
    Metric(
        "tok_s.agent",
        "throughput of an agent",
        "tok/s",
        1,
        "throughput / agents that had any of it: pauses, queues and first tokens are in it",
        Ratio(Row.TOKENS, Row.AGENT_SECONDS),
        band=0.05,
        detail=True,
    ),
    Metric(
        "tok_s.decode",
        "decode rate",
        "tok/s",
        1,
        "tokens a second of one agent while it streams, mean over the agents: chunks after the first read / time since"
        " it, times tokens a chunk; where chunks come in clumps, the server's eval_count / eval_duration",
        Ratio(Row.DECODED, Row.DECODE_NS, NS_PER_S),
        Need.PACE,
        band=0.05,
        judged=True,
    ),
    Metric(
        "chunks_s",
        "chunks",
        "chunks/s",
        1,
        "chunks received a second, all agents together",
        Ratio(Row.CHUNKS, Row.SECONDS),
        band=0.05,
        judged=True,
    ),
    Metric(
        "requests_s",
        "requests",
        "requests/s",
        1,
        "requests that have ended a second, all agents together",
        Ratio(Row.REQUESTS, Row.SECONDS),
        band=0.05,
        detail=True,
    ),
    Metric(
        "errors.share",
        "failed requests",
        "share of requests",
        -1,
        "failed requests / requests that have ended; what a takeover cut is not among them",
        Ratio(Row.ERRORS, Row.REQUESTS),
        Need.REQUESTS,
        DIFFERENCE,
        0.01,
        detail=True,
    ),
    Metric(
        "at_least",
        "ceiling, at least",
        "chunks/s",
        1,
        "rate / ELU of the same loop, and no less than the best that it carried over one second: a lower bound of what"
        " it could carry with this shape of load",
        Ratio(Row.LOOP_CHUNKS, Row.BUSY_S, bound=True),
        Need.LOOP,
        judged=True,
    ),
)
register(
    *_quantiles(
        "delay",
        "delivery delay",
        Hist.DELAY,
        "received - the server's own stamp: how late a chunk is by the time the program has it",
        Need.STAMP,
        shown=("p50", "p99"),
        judged=("p50", "p99"),
        mean=Ratio(Row.DELAY_NS, Row.DELAYS, 1 / NS_PER_MS),
    )
)
register(
    *_quantiles(
        "ttft",
        "TTFT",
        Hist.TTFT,
        "from the start of a request, before connecting, to its first chunk with content",
        Need.REQUESTS,
        shown=("p50",),
        mean=Ratio(Row.TTFT_NS, Row.TTFTS, 1 / NS_PER_MS),
    )
)
register(
    *_quantiles(
        "itl",
        "ITL",
        Hist.ITL,
        "(last chunk - first chunk) / (tokens - 1), one number a request",
        Need.REQUESTS,
        shown=("p50",),
        mean=Ratio(Row.ITL_NS, Row.ITLS, 1 / NS_PER_MS),
    )
)
register(
    *_quantiles(
        "gap",
        "client gap",
        Hist.GAP,
        "between neighbouring received stamps of a request",
        Need.CHUNKS,
        shown=("p50", "p99"),
        judged=("p50", "p99"),
        neutral=("p50",),
        mean=Ratio(Row.GAP_NS, Row.GAPS, 1 / NS_PER_MS),
    )
)
register(
    *_quantiles(
        "server_gap",
        "server gap",
        Hist.SERVER_GAP,
        "between neighbouring stamps of the server: the pace that it set",
        Need.STAMPS,
        shown=("p50",),
        neutral=("p50",),
    )
)
register(
    *_quantiles(
        "handled",
        "received to handled",
        Hist.HANDLED,
        "from receipt to decoded and consumed: what decoding in batches costs",
        Need.CHUNKS,
        shown=("p99",),
        judged=("p99",),
    )
)
register(
    Metric(
        "elu",
        "ELU",
        SHARE,
        0,
        "event loop utilisation of the fullest loop: 1 - time spent waiting in the selector / time",
        Ratio(Row.ACTIVE, Row.ELU_DT),
        Need.LOOP,
        DIFFERENCE,
        0.02,
        paired=True,
    ),
    Metric(
        "elu.all",
        "ELU, all loops",
        SHARE,
        0,
        "event loop utilisation of all loops that work side by side, their mean; with one loop it is ELU",
        Ratio(Row.ALL_ACTIVE, Row.ALL_ELU_DT),
        Need.LOOP,
        DIFFERENCE,
        0.02,
        detail=True,
    ),
    Metric(
        "cpu",
        "loop CPU",
        SHARE,
        -1,
        "CPU time of the fullest loop's thread / time",
        Ratio(Row.CPU_FULL, Row.CPU_DT),
        Need.CPU,
        DIFFERENCE,
        0.02,
    ),
    Metric(
        "cpu_us",
        "loop CPU a chunk",
        "us",
        -1,
        "CPU time of the loops' threads / chunks that came through them",
        Ratio(Row.CPU, Row.CPU_CHUNKS, 1e-3),
        Need.CPU,
        judged=True,
    ),
)
register(
    *_quantiles(
        "lag",
        "loop lag",
        Hist.LAG,
        "how late a heartbeat of the loop beats, above the idle floor",
        Need.HEARTBEAT,
        shown=("p99",),
        judged=("p99",),
        mean=Ratio(Row.LAG_NS, Row.LAGS, 1 / NS_PER_MS),
    )
)
register(
    Metric(
        "runq",
        "waiting for a core",
        SHARE,
        -1,
        "share of time in which the loop's thread could have run but had no core",
        Ratio(Row.RUNQ, Row.RUNQ_DT),
        Need.KERNEL,
        DIFFERENCE,
        0.02,
    ),
    Metric(
        "gc",
        "garbage collector",
        SHARE,
        -1,
        "share of time in Python's garbage collector, on the loop",
        Ratio(Row.GC, Row.DT),
        Need.LOOP,
        DIFFERENCE,
        0.01,
    ),
    Metric(
        "chunks_read",
        "chunks a read",
        "chunks",
        0,
        "chunks that one read brings: more than one, and chunks clump before the program reads them",
        Ratio(Row.CHUNKS, Row.READS),
        paired=True,
    ),
    Metric(
        "backlog",
        "backlog",
        "bytes",
        -1,
        "bytes that wait unread in all sockets, mean over time",
        Ratio(Row.BACKLOG, Row.BACKLOG_DT),
        Need.SOCKETS,
        DIFFERENCE,
        64.0,
        judged=True,
    ),
    Metric(
        "queue.mean",
        "wait in the server",
        "ms",
        -1,
        "the server's total_duration without load, prompt and eval: the wait for a slot; mean a request",
        Ratio(Row.QUEUE_NS, Row.QUEUES, 1 / NS_PER_MS),
        Need.REQUESTS,
        DIFFERENCE,
        10.0,
        detail=True,
    ),
    Metric(
        "watts",
        "power",
        "W",
        -1,
        "mean power, of whatever the label of its chart says",
        Ratio(Row.WATTS, Row.WATT_BINS),
        Need.POWER,
        band=0.02,
        paired=True,
    ),
    Metric(
        "joules_token",
        "energy a token",
        "J",
        -1,
        "power times time / tokens (chunks times tokens a chunk)",
        Ratio(Row.JOULES, Row.JOULE_TOKENS),
        Need.POWER,
        band=0.05,
        judged=True,
    ),
    Metric(
        "probe",
        "loopscope's probes",
        "share of a core",
        -1,
        "CPU of the probes' thread in the measured process: what measuring costs there",
        Ratio(Row.OBSERVER, Row.DT),
        Need.LOOP,
        DIFFERENCE,
        0.01,
    ),
)
ALIASES = {"tok_s": "tok_s.decode"}
"""Names of earlier releases, for gates and traces."""


def named(name: str) -> Metric | None:
    """Give the metric of a name, also by that of an earlier release."""
    return METRICS.get(ALIASES.get(name, name))
